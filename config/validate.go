package config

import (
	_ "embed"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// validator checks what the schema cannot say: paths, names, templates, and
// relations between settings. On the way it resolves relative paths and reads
// secrets from their files.
type validator struct {
	*decoder
	undecoded map[string]bool // paths with a problem that the decoder reported
	folder    string          // of the configuration file
	readFile  func(string) ([]byte, error)
}

// problem reports a problem of the value at path, unless the decoder reported
// one already.
func (v *validator) problem(path, format string, args ...any) {
	if !v.decoded(path) {
		return
	}
	v.report(v.place(path), path, fmt.Sprintf(format, args...))
}

func (v *validator) config(c *Config) {
	v.store("source.store", &c.Source.Store)
	v.dumps(c)
	v.store("sink.store", &c.Sink.Store)
	unique(v, "sink.loader_manifests", c.Sink.LoaderManifests)
	if c.MemoryBudget < minMemory {
		v.problem("memory_budget", "%s is too small; the least is %s", sizeText(c.MemoryBudget), sizeText(minMemory))
	}
	v.sessionSize("source.max_session_size", c)
	v.serve("serve", &c.Serve)
	if c.Lineage != nil {
		v.lineage("lineage", c.Lineage)
	}
	v.iceberg("iceberg", &c.Iceberg)
	names := map[string]int{}
	for i := range c.Reports {
		path := fmt.Sprintf("reports[%d]", i)
		r := &c.Reports[i]
		v.reportSettings(path, r)
		v.deliveries(path+".deliver", r.Deliver, c.Serve.SMTP)
		if !v.decoded(path + ".name") {
			continue
		}
		if first, taken := names[r.Name]; taken {
			v.problem(path+".name", "%q is the name of reports[%d], too; give each report its own name", r.Name, first)
		} else {
			names[r.Name] = i
		}
	}
}

// dumps checks which objects are dumps, and how they are read.
func (v *validator) dumps(c *Config) {
	check := func(path string, d *Dumps) {
		if err := CheckKey(d.Key); err != nil {
			v.problem(path+".key", "%s", err)
		}
		if _, err := Patterns(d.Names); err != nil && d.Names != AutoNames {
			v.problem(path+".names", "%s", err)
		}
		if d.Map != nil && d.Map.Timezone != "" {
			v.timezone(path+".map.timezone", d.Map.Timezone)
		}
		v.exports(path, c, d)
	}
	if c.MemoryBudget >= minMemory && v.given("source.max_window") && c.Source.MaxWindow > c.MemoryBudget/2 {
		v.problem("source.max_window", "%s is more than half of memory_budget, %s; give a smaller one, or a larger budget", sizeText(c.Source.MaxWindow), sizeText(c.MemoryBudget))
	}
	if c.Source.MaxWindow < minWindow {
		v.problem("source.max_window", "%s is too small; the least is %s", sizeText(c.Source.MaxWindow), sizeText(minWindow))
	}
	if c.Sources == nil {
		s := &c.Source
		check("source", &Dumps{s.Kind, s.Key, s.Names, s.Form, s.Map, s.Timezone, s.Columns})
		return
	}
	for _, name := range []string{"kind", "key", "names", "form", "map", "timezone", "columns"} {
		if path := "source." + name; v.given(path) {
			v.problem(path, "is given beside sources; move it into an item of sources")
		}
	}
	c.Source.Kind, c.Source.Key, c.Source.Names, c.Source.Form, c.Source.Map, c.Source.Timezone, c.Source.Columns = "", "", "", "", nil, "", nil
	for i := range c.Sources {
		path := fmt.Sprintf("sources[%d]", i)
		if v.given(path + ".key") {
			check(path, &c.Sources[i])
		}
	}
}

// exports checks how exports of the report are read.
func (v *validator) exports(path string, c *Config, d *Dumps) {
	if d.Kind != KindReport {
		for name, given := range map[string]bool{"timezone": d.Timezone != "", "columns": d.Columns != nil} {
			if given {
				v.problem(path+"."+name, "is for exports of the report; set kind: %s beside it, or leave it out", KindReport)
			}
		}
		return
	}
	if d.Map != nil {
		v.problem(path+".map", "is for events, and the dumps are exports of the report (kind: %s); name their headings in columns", KindReport)
	}
	if d.Form != "auto" {
		v.problem(path+".form", "is for events, and the dumps are exports of the report (kind: %s); leave it out", KindReport)
	}
	taken := map[string]int{}
	for i, item := range d.Columns {
		at := fmt.Sprintf("%s.columns[%d]", path, i)
		heading, _, ok := CutColumn(item)
		if !ok {
			v.problem(at, "%q has no =; write heading=column, such as Order number=custom_field_1", item)
			continue
		}
		heading = strings.ToLower(strings.TrimSpace(heading))
		if first, again := taken[heading]; again {
			v.problem(at, "the heading %q is that of item %d, too; remove one", heading, first)
		} else {
			taken[heading] = i
		}
	}
	if d.Timezone != "" {
		v.timezone(path+".timezone", d.Timezone)
		return
	}
	for i := range c.Reports {
		if c.Reports[i].Timezone != c.Reports[0].Timezone {
			v.problem(path+".kind", "the times of exports are in the account's time zone, and the reports have several; set timezone beside it, such as %s", c.Reports[0].Timezone)
			return
		}
	}
}

// minWindow is the window that every zstd decoder has to support.
const minWindow = Size(8 << 20)

// minMemory holds the buffers of one dump, one digest and one partition.
const minMemory = Size(64 << 20)

// minSessionSize is the length of the longest line: every single event fits.
const minSessionSize = Size(1 << 20)

// sessionSize checks that sessions of the allowed size can be folded within the
// memory budget.
func (v *validator) sessionSize(path string, c *Config) {
	switch most := c.MemoryBudget / 2; {
	case c.Source.MaxSessionSize < minSessionSize:
		v.problem(path, "%s is too small; the least is %s", sizeText(c.Source.MaxSessionSize), sizeText(minSessionSize))
	case c.Source.MaxSessionSize > most && v.decoded("memory_budget") && c.MemoryBudget >= minMemory:
		if !v.given(path) {
			path = "memory_budget"
		}
		v.problem(path, "source.max_session_size, %s, is more than half of memory_budget, %s; give a smaller one, or a larger budget",
			sizeText(c.Source.MaxSessionSize), sizeText(c.MemoryBudget))
	}
}

func sizeText(s Size) string {
	text, _ := s.MarshalText() // never fails
	return string(text)
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func (v *validator) store(path string, s *Store) {
	scheme, rest, isURL := strings.Cut(s.URL, "://")
	url := path + ".url"
	switch {
	case isURL && scheme != "file" && strings.Contains(rest, "@"):
		v.problem(url, "contains an @, as URLs with credentials do; give credentials as access_key_id and secret_access_key")
	case !isURL:
		s.URL = v.inFolder(s.URL)
		if strings.HasPrefix(s.URL, "s3:") || strings.HasPrefix(s.URL, "file:") {
			v.problem(url, "%q has too few slashes; write s3://bucket/prefix or file:///directory", s.URL)
		}
	case scheme == "s3":
		bucket, prefix, _ := strings.Cut(rest, "/")
		if !bucketName.MatchString(bucket) {
			v.problem(url, "%q needs a bucket of 3 to 63 lower-case letters, digits, dots and hyphens, as in s3://bucket/prefix", s.URL)
		}
		if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" {
			if err := checkSegments(s.URL, prefix); err != nil {
				v.problem(url, "%s", err)
			}
		}
	case scheme == "file":
		if !strings.HasPrefix(rest, "/") {
			v.problem(url, "%q needs an absolute path; write file:///directory, or a path without file://", s.URL)
		}
	default:
		v.problem(url, "%q is no store; write s3://bucket/prefix, file:///directory, or a path", s.URL)
	}
	v.secret(path+".access_key_id", &s.AccessKeyID, &s.AccessKeyIDFile)
	v.secret(path+".secret_access_key", &s.SecretAccessKey, &s.SecretAccessKeyFile)
	v.secret(path+".session_token", &s.SessionToken, &s.SessionTokenFile)
	v.remote(path, s, isURL && scheme != "file")
	s.CAFile = v.inFolder(s.CAFile)
}

// endpoint matches a host name, an IPv4 address or an IPv6 address in brackets,
// with or without a port.
var endpoint = regexp.MustCompile(`^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// remote checks the settings of object storage.
func (v *validator) remote(path string, s *Store, isRemote bool) {
	if !isRemote {
		for _, setting := range []struct{ name, value string }{
			{"endpoint", s.Endpoint}, {"region", s.Region}, {"ca_file", s.CAFile},
			{"access_key_id", s.AccessKeyID.String()}, {"secret_access_key", s.SecretAccessKey.String()},
			{"session_token", s.SessionToken.String()},
		} {
			if setting.value == "" {
				continue
			}
			at := path + "." + setting.name
			if !v.given(at) {
				at += "_file"
			}
			v.problem(at, "applies to object storage only; give an s3:// url, or remove it")
		}
		return
	}
	v.endpoint(path, s)
	for _, twin := range []string{"access_key_id", "secret_access_key"} {
		if secret := path + "." + twin; v.undecoded[secret] || v.undecoded[secret+"_file"] {
			return // a credential with a problem may exist or not
		}
	}
	// A credential in an unreadable file counts as given.
	hasID, hasKey := !s.AccessKeyID.IsZero() || s.AccessKeyIDFile != "", !s.SecretAccessKey.IsZero() || s.SecretAccessKeyFile != ""
	if hasID != hasKey {
		v.problem(path, "access_key_id and secret_access_key belong together; give both or neither")
	} else if !hasID && !s.SessionToken.IsZero() {
		v.problem(path+".session_token", "needs access_key_id and secret_access_key, too")
	}
}

// endpoint checks an endpoint with or without a scheme. The result has none: a
// scheme decides tls instead.
func (v *validator) endpoint(path string, s *Store) {
	host := s.Endpoint
	if scheme, rest, hasScheme := strings.Cut(s.Endpoint, "://"); hasScheme {
		isHTTP := scheme == "http"
		switch {
		case !isHTTP && scheme != "https":
			v.problem(path+".endpoint", "begins with %s://; write https:// or http://, or host and port only", scheme)
			return
		case isHTTP && s.TLS && v.given(path+".tls"):
			v.problem(path+".endpoint", "begins with http://, and tls is true; remove one of them")
			return
		case !isHTTP && !s.TLS && v.decoded(path+".tls"):
			v.problem(path+".endpoint", "begins with https://, and tls is false; remove one of them")
			return
		}
		host = strings.TrimSuffix(rest, "/")
		s.TLS = !isHTTP
	}
	if strings.Contains(host, "@") {
		v.problem(path+".endpoint", "contains an @, as URLs with credentials do; give credentials as access_key_id and secret_access_key")
	} else if s.Endpoint != "" && !endpoint.MatchString(host) {
		v.problem(path+".endpoint", "%q is not a host with or without a port, such as minio.example.org:9000", s.Endpoint)
	}
	s.Endpoint = host
}

func (v *validator) serve(path string, s *Serve) {
	v.listen(path+".listen", s.Listen)
	if s.MaxRetryPause < s.RetryPause && v.decoded(path+".retry_pause") {
		longest := path + ".max_retry_pause"
		if !v.given(longest) {
			longest = path + ".retry_pause"
		}
		v.problem(longest, "the longest pause, %s, is shorter than the first pause, %s",
			durationText(time.Duration(s.MaxRetryPause)), durationText(time.Duration(s.RetryPause)))
	}
	v.basePath(path+".base_path", s.BasePath)
	if s.Access != nil {
		v.access(path+".access", s.Access)
	}
	for i := range s.Webhooks {
		v.webhook(fmt.Sprintf("%s.webhooks[%d]", path, i), &s.Webhooks[i])
	}
	if _, ok := hostOf(s.PublicURL); s.PublicURL != "" && (!ok || strings.ContainsAny(s.PublicURL, "?#")) {
		v.problem(path+".public_url", "%q is not the address of a console; write one such as https://daybook.example.org", s.PublicURL)
	}
	s.PublicURL = strings.TrimSuffix(s.PublicURL, "/")
	if s.SMTP != nil {
		v.smtp(path+".smtp", s.SMTP)
	}
}

// basePath matches paths whose characters mean themselves in links, cookies and pages.
var basePath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// ServedPaths are the first segments of the paths that daybook serve answers. A base
// path that began with one could not be told from them.
var ServedPaths = []string{"actions", "configuration", "debug", "healthz", "login", "logout", "metrics", "readyz", "reports", "runs", "schedule", "static"}

func (v *validator) basePath(path, base string) {
	if base == "" {
		return
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(base, "/"), "/")
	switch {
	case !basePath.MatchString(base):
		v.problem(path, "%q is not a path; write a slash before each part and none at the end, such as /daybook or /tools/daybook", base)
	case slices.Contains(ServedPaths, first):
		v.problem(path, "%q begins like a page of the console, /%s; choose another path, such as /daybook", base, first)
	}
}

// headerName matches the name of a header: words of letters and digits, with hyphens.
var headerName = regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$`)

func (v *validator) access(path string, a *Access) {
	for i, text := range a.TrustedProxies {
		at := fmt.Sprintf("%s.trusted_proxies[%d]", path, i)
		switch p, err := proxy(text); {
		case err != nil:
			v.problem(at, "%s", err)
		case p.Bits() == 0:
			v.problem(at, "%q is every address, so that everyone could name a user; give the addresses of the proxies", text)
		}
	}
	unique(v, path+".trusted_proxies", a.TrustedProxies)
	for _, h := range []struct{ name, value string }{{"user_header", a.UserHeader}, {"groups_header", a.GroupsHeader}} {
		if !headerName.MatchString(h.value) {
			v.problem(path+"."+h.name, "%q is not the name of a header; write letters, digits and hyphens, such as X-Forwarded-User", h.value)
		}
	}
	if strings.EqualFold(a.UserHeader, a.GroupsHeader) {
		v.problem(path, "user_header and groups_header are both %s; give each its own header", a.UserHeader)
	}
	members := 0
	for _, m := range []struct {
		name    string
		members *Members
	}{{"viewers", &a.Viewers}, {"operators", &a.Operators}} {
		unique(v, path+"."+m.name+".users", m.members.Users)
		unique(v, path+"."+m.name+".groups", m.members.Groups)
		members += len(m.members.Users) + len(m.members.Groups)
	}
	if members == 0 {
		v.problem(path, "has neither viewers nor operators, so that the console is closed; name users or groups")
	}
}

func (v *validator) listen(path, address string) {
	if err := CheckListen(address); err != nil {
		v.problem(path, "%s", err)
	}
}

// CheckListen says what is wrong with an address to listen on.
func CheckListen(address string) error {
	host, port, err := net.SplitHostPort(address)
	_, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || strings.ContainsFunc(host, unicode.IsSpace) {
		return fmt.Errorf("%q is not a host and a port; write 127.0.0.1:8080, say, or :8080 for every address", address)
	}
	return nil
}

func (v *validator) webhook(path string, w *Webhook) {
	v.secret(path+".secret", &w.Secret, &w.SecretFile)
	unique(v, path+".events", w.Events)
	v.hookURL(path, &w.URL, &w.URLFile)
}

// hookURL checks the URL of a webhook, of which only the host is shown.
func (v *validator) hookURL(path string, url *Secret, file *string) {
	at := path + ".url"
	v.secret(at, url, file)
	if *file != "" && !v.given(at) {
		at += "_file"
	}
	switch host, ok := hostOf(url.Reveal()); {
	case v.failed[path+".url"] || v.failed[path+".url_file"]:
		// reported already
	case url.IsZero():
		v.problem(path, "needs a url or a url_file")
	case !ok:
		v.problem(at, "is not an http or https URL with a host, such as https://hooks.example.org/daybook (the value is hidden: it may hold a token)")
	default:
		*url = url.showing(host + "/" + redacted)
	}
}

// hostOf gives the part of a webhook's URL that may be shown: scheme and host.
func hostOf(text string) (host string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !endpoint.MatchString(u.Host) {
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}

func (v *validator) lineage(path string, l *Lineage) {
	v.secret(path+".api_key", &l.APIKey, &l.APIKeyFile)
	at := path + ".url"
	switch _, ok := hostOf(l.URL); {
	case strings.Contains(l.URL, "@"):
		v.problem(at, "contains an @, as URLs with credentials do; give the credentials as api_key")
	case !ok:
		v.problem(at, "is not an http or https URL with a host, such as https://marquez.example.org/api/v1/lineage")
	}
}

func (v *validator) iceberg(path string, i *Iceberg) {
	at := path + ".catalog"
	kind := i.Kind()
	_, rest, isURL := strings.Cut(i.Catalog, "://")
	user, _, _ := strings.Cut(rest, "@")
	switch {
	case kind == REST && strings.Contains(rest, "@"):
		v.problem(at, "contains an @, as URLs with credentials do; give the credentials as token or credential")
	case kind == Postgres && strings.Contains(user, ":") && strings.Contains(rest, "@"):
		v.problem(at, "contains a password; set it in the environment, as PGPASSWORD, or in a password file, as PGPASSFILE")
	case kind == SQLite && isURL:
		v.problem(at, "%q is no catalog; write https://host, postgresql://user@host/database, glue, or the path of a file", i.Catalog)
	case kind == SQLite:
		i.Catalog = v.inFolder(i.Catalog)
	}
	if scheme, _, isURL := strings.Cut(i.Warehouse, "://"); isURL && scheme != "s3" && scheme != "file" {
		v.problem(path+".warehouse", "%q is no warehouse; write s3://bucket/prefix, file:///directory, or a path", i.Warehouse)
	} else if !isURL && kind != REST {
		i.Warehouse = v.inFolder(i.Warehouse)
	}
	v.secret(path+".token", &i.Token, &i.TokenFile)
	v.secret(path+".credential", &i.Credential, &i.CredentialFile)
	for _, s := range []struct {
		name   string
		secret Secret
	}{{"token", i.Token}, {"credential", i.Credential}} {
		if at := path + "." + s.name; kind != REST && !s.secret.IsZero() {
			if !v.given(at) {
				at += "_file"
			}
			v.problem(at, "applies to REST catalogs only; give the catalog as https://host, or remove it")
		}
	}
	for n, property := range i.Properties {
		if name, _, ok := strings.Cut(property, "="); !ok || name == "" {
			v.problem(fmt.Sprintf("%s.properties[%d]", path, n), "%q is no property; write name=value", property)
		}
	}
}

// decoded says whether the value at path can be trusted. It cannot if it has a
// problem, or if it has its default because a mapping around it has a problem.
func (v *validator) decoded(path string) bool {
	for !v.undecoded[path] {
		if v.given(path) || path == "" {
			return true
		}
		path = parent(path)
	}
	return false
}

// given says whether the file has a value at path.
func (v *validator) given(path string) bool {
	_, ok := v.places[path]
	return ok
}

// secret reads a secret from its file, if it has one.
func (v *validator) secret(path string, s *Secret, file *string) {
	filePath := path + "_file"
	if *file == "" {
		return
	}
	*file = v.inFolder(*file)
	if !s.IsZero() {
		v.problem(filePath, "is given beside %s; remove one", path)
		return
	}
	content, err := v.readFile(*file)
	if err != nil {
		v.problem(filePath, "cannot be read: %s", err)
		return
	}
	// Editors end a file with a line break, which is not part of the secret.
	*s = NewSecret(strings.TrimRight(string(content), "\r\n"))
	if s.IsZero() {
		v.problem(filePath, "the file %s is empty", *file)
	}
}

// inFolder turns a path relative to the configuration file's folder into a path
// relative to the working directory.
func (v *validator) inFolder(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(v.folder, path)
}

var reportName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// monthlySuffix ends the name of the table with a report's months.
const monthlySuffix = "_monthly"

// digests is the name that commands use for digests.
const digests = "digest"

func (v *validator) reportSettings(path string, r *Report) {
	switch {
	case r.Name == digests:
		v.problem(path+".name", "%q is the commands' name for digests; choose another name", r.Name)
	case !reportName.MatchString(r.Name):
		v.problem(path+".name", "%q is not a report's name; write a lower-case letter, then lower-case letters, digits and underscores", r.Name)
	case strings.HasSuffix(r.Name, monthlySuffix):
		v.problem(path+".name", "%q ends in %s, like the table of a report's months; choose another name", r.Name, monthlySuffix)
	}
	v.timezone(path+".timezone", r.Timezone)
	v.csvDefaults(path+".csv", r)
	unique(v, path+".unit.technicians", r.Unit.Technicians)
	unique(v, path+".unit.groups", r.Unit.Groups)
	unique(v, path+".unit.channels", r.Unit.Channels)
	for i, group := range r.Unit.Groups {
		if strings.HasPrefix(group, "/") || strings.HasSuffix(group, "/") {
			v.problem(fmt.Sprintf("%s.unit.groups[%d]", path, i), "%q begins or ends with a slash; remove it (the group A includes A/B)", group)
		}
	}
	v.labels(path+".labels", &r.Labels)
	v.tools(path+".tools", r.Tools)
	if h := r.DailyHours; h != nil {
		v.dailyHours(path+".daily_hours", h)
	}
	v.drop(path+".schedule.daily", &r.Schedule.Daily)
	monthly := DailyDrop(r.Schedule.Monthly)
	v.drop(path+".schedule.monthly", &monthly)
}

// tools checks the names of tools, each written as code=name.
func (v *validator) tools(path string, tools []string) {
	seen := map[string]bool{}
	for i, text := range tools {
		code, name, _ := strings.Cut(text, "=")
		switch {
		case code == "" || name == "":
			v.problem(fmt.Sprintf("%s[%d]", path, i), "%q is not written as code=name, such as RC=Remote control", text)
		case seen[code]:
			v.problem(fmt.Sprintf("%s[%d]", path, i), "the code %q has a name already; remove one of them", code)
		}
		seen[code] = true
	}
}

// csvDefaults gives a Dutch report the CSV format of Dutch spreadsheets, where
// the file does not set it.
func (v *validator) csvDefaults(path string, r *Report) {
	if r.Language != "nl" {
		return
	}
	if !v.given(path + ".delimiter") {
		r.CSV.Delimiter = ';'
	}
	if !v.given(path + ".bom") {
		r.CSV.BOM = true
	}
}

func (v *validator) drop(path string, d *DailyDrop) {
	if d.At == endOfDay {
		v.problem(path+".at", "24:00 is not allowed here; write a time from 00:00 to 23:59")
	}
	if d.Deadline < d.Grace && v.decoded(path+".grace") {
		deadline := path + ".deadline"
		if !v.given(deadline) {
			deadline = path + ".grace" // the deadline has its default
		}
		v.problem(deadline, "the deadline, %s after the drop, comes before the end of the grace, %s after the drop; give a later deadline, or less grace",
			spanText(d.Deadline), spanText(d.Grace))
	}
}

func spanText(s Span) string {
	text, _ := s.MarshalText() // never fails
	return string(text)
}

//go:embed zones.txt
var zoneNames string

func (v *validator) timezone(path, name string) {
	_, err := time.LoadLocation(name)
	switch {
	case name == "Local":
		v.problem(path, "%q depends on the machine; write an IANA time zone such as Europe/Amsterdam", name)
	case err != nil:
		v.problem(path, "%q is not an IANA time zone%s", name, zoneHint(name))
	}
}

// zoneHint suggests a time zone for a wrong name.
func zoneHint(name string) string {
	zones := strings.Fields(zoneNames)
	if hint := suggestion(name, zones, `"`); hint != "" {
		return hint
	}
	for _, zone := range zones { // a city without its continent
		if _, city, _ := strings.Cut(zone, "/"); city != "" && strings.EqualFold(city, strings.ReplaceAll(name, " ", "_")) {
			return fmt.Sprintf("; did you mean %q?", zone)
		}
	}
	return ", such as Europe/Amsterdam or UTC"
}

// unique refuses repeated items of a list.
func unique[T comparable](v *validator, path string, items []T) {
	first := map[T]int{}
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if v.undecoded[at] {
			continue
		}
		if j, taken := first[item]; taken {
			v.problem(at, "%#v repeats item %d; remove one", item, j)
		} else {
			first[item] = i
		}
	}
}

func (v *validator) labels(path string, l *Labels) {
	taken := map[string]string{}
	check := func(path, label string) {
		folded := strings.ToLower(strings.TrimSpace(label))
		if folded == "" {
			return
		}
		if first, ok := taken[folded]; ok {
			v.problem(path, "%q is the label of %s, too; give each column its own heading", label, first)
		} else {
			taken[folded] = path
		}
	}
	check(path+".name", l.Name)
	for i, label := range l.CustomFields {
		check(path+".custom_fields["+strconv.Itoa(i)+"]", label)
	}
}

func (v *validator) dailyHours(path string, h *DailyHours) {
	switch {
	case !v.given(path+".from") || !v.given(path+".to") || v.undecoded[path+".from"] || v.undecoded[path+".to"]:
		// reported by the decoder
	case h.From == endOfDay:
		v.problem(path+".from", "24:00 is the end of a day; write 00:00 for its start")
	case h.From == h.To:
		v.problem(path, "from and to are both %s; for the whole day remove daily_hours, or write 00:00 and 24:00", timeText(h.From))
	}
}

func timeText(t TimeOfDay) string {
	text, _ := t.MarshalText() // never fails
	return string(text)
}
