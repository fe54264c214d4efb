// Package config is daybook's configuration: one YAML file, read strictly.
//
// # One definition
//
// The types below define every setting. A field's tags give its name in the
// file, its default and its bounds; its doc comment gives its meaning. A test
// generates the JSON schema (daybook.schema.json) from them. The schema serves
// editors, and [Load] checks every file by it.
//
// # Reading
//
// [Load] is pure: its caller passes the environment and the files with secrets.
// [LoadFile] takes them from the process. An [*Error] holds every problem of a
// file, each with its line and column, its path in the file, what is allowed,
// and an excerpt. Unknown settings, settings given twice, empty values and
// numbers in quotes are problems: a value is never reinterpreted.
//
// ${VAR} and ${VAR:-default} in a value stand for an environment variable, $$
// for a dollar sign. They are expanded after parsing, so a variable cannot
// change the structure of the file. Anchors, aliases and merge keys work, for
// stores that share their credentials.
//
// # Secrets
//
// A [Secret] shows itself as "<redacted>" in every format; only Reveal returns
// its text. A webhook's URL shows its host. Each secret has a twin that ends in
// _file and names a file with the secret. Excerpts hide the values of secrets
// and of settings with similar names.
package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Config is a whole configuration, including its defaults.
type Config struct {
	// Where the dumps are.
	Source Source `yaml:"source"`
	// Kinds of dumps in source.store, each with its own key, in place of source.kind, source.key, source.names, source.form, source.map, source.timezone and source.columns. An object belongs to the first one that takes its key.
	Sources []Dumps `yaml:"sources,omitempty" jsonschema:"minItems=1,maxItems=100"`
	// Where the reports go.
	Sink Sink `yaml:"sink"`
	// The reports to build. The default is one report named sessions, in UTC and English, of the whole organisation.
	Reports []Report `yaml:"reports" jsonschema:"minItems=1"`
	// Settings of daybook serve. No other command reads them.
	Serve Serve `yaml:"serve"`
	// Where events of OpenLineage go, which tell catalogs of data what each run reads and writes. The default is that none are sent.
	Lineage *Lineage `yaml:"lineage,omitempty"`
	// Settings of daybook-iceberg, the program that keeps Iceberg tables of the reports.
	Iceberg Iceberg `yaml:"iceberg"`
	// How many dumps and partitions are worked on at the same time. 0 means one for each CPU.
	Workers int `yaml:"workers" jsonschema:"minimum=0,maximum=1024,default=0"`
	// How much memory the work may take, such as 256MiB or 2GiB. The rest goes to temporary files.
	MemoryBudget Size `yaml:"memory_budget" jsonschema:"default=1GiB"`
	// How long the build of one digest or partition may take, such as 6h. A step that takes longer fails, and the others go on.
	StepTimeout Duration `yaml:"step_timeout" jsonschema:"default=6h"`
}

// Source locates the dumps and selects the ones to read.
type Source struct {
	// The store that holds the dumps. Its url defaults to ./dumps.
	Store Store `yaml:"store"`
	// What the dumps hold: events of sessions, or rows of the report itself, as the product's reporting interface exports them (EXPORTS.md).
	Kind string `yaml:"kind,omitempty" jsonschema:"enum=events,enum=report,default=events"`
	// The beginning of the keys of a day's dumps. {yyyy}, {mm} and {dd} stand for the dump day and occur once each, with or without a leading zero ({m} and {d}: without). {hh} stands for an hour, and * for any text without a slash; the rest is literal, as in raw/v1/dt={yyyy}-{mm}-{dd}/.
	Key string `yaml:"key,omitempty" jsonschema:"minLength=1,default={yyyy}/{mm}/{dd}/"`
	// Which objects with such keys are dumps, by the last part of the key: a glob such as *.{json,log}{,.gz}, or auto. auto takes .ndjson, .jsonl and .json, and takes .log and names without an extension if their content is JSON, each with .gz, .gzip, .zst or .zstd after it. Case does not matter.
	Names string `yaml:"names,omitempty" jsonschema:"minLength=1,default=auto"`
	// How events follow each other in a dump: one a line, as JSON documents back to back, or as the elements of a JSON array. auto decides by the beginning of each dump.
	Form string `yaml:"form,omitempty" jsonschema:"enum=auto,enum=lines,enum=documents,enum=array,default=auto"`
	// How the events of other programs become session events. The default is that they are session events.
	Map *Map `yaml:"map,omitempty"`
	// IANA time zone of the times in exports of the report. The default is the time zone of the reports, if they have the same one.
	Timezone string `yaml:"timezone,omitempty"`
	// Further headings of exports of the report, each as heading=column, such as Order number=custom_field_1. The columns are those of SCHEMA.md; ignore leaves a column out. The headings of the report in all languages, and the labels of the reports, are known.
	Columns []string `yaml:"columns,omitempty" jsonschema:"minItems=1,minLength=1"`
	// The largest window that a zstd dump may require, such as 256MiB for one written with --long=28. It is held in memory for each dump that is read.
	MaxWindow Size `yaml:"max_window" jsonschema:"default=128MiB"`
	// How many days an event may lie before or after its dump day, and how many dump days around a report's day are read.
	LookbackDays int `yaml:"lookback_days" jsonschema:"minimum=1,maximum=366,default=16"`
	// The share of a dump day's lines that may be rejected, such as 1% or 0.5%. A day with more is refused.
	MaxRejected Percent `yaml:"max_rejected" jsonschema:"default=1%"`
	// The most memory that the events of one session may take, such as 32MiB, reckoned as 64 bytes an event and the bytes of its texts. A larger session has no rows; it is named and counted.
	MaxSessionSize Size `yaml:"max_session_size" jsonschema:"default=32MiB"`
}

// Dumps selects the dumps of one kind.
type Dumps struct {
	// What the dumps hold, as in source.kind.
	Kind string `yaml:"kind" jsonschema:"enum=events,enum=report,default=events"`
	// The beginning of the keys of a day's dumps, as in source.key.
	Key string `yaml:"key" jsonschema:"required,minLength=1"`
	// Which objects with such keys are dumps, as in source.names.
	Names string `yaml:"names" jsonschema:"minLength=1,default=auto"`
	// How events follow each other in a dump, as in source.form.
	Form string `yaml:"form" jsonschema:"enum=auto,enum=lines,enum=documents,enum=array,default=auto"`
	// How the events of other programs become session events, as in source.map.
	Map *Map `yaml:"map,omitempty"`
	// IANA time zone of the times in exports of the report, as in source.timezone.
	Timezone string `yaml:"timezone,omitempty"`
	// Further headings of exports of the report, as in source.columns.
	Columns []string `yaml:"columns,omitempty" jsonschema:"minItems=1,minLength=1"`
}

// Kinds are the kinds of dumps: sources, or the one of source. Exports of the report
// have the time zone of the reports unless they have one of their own, and the labels
// of the reports are among their columns.
func (c *Config) Kinds() []Dumps {
	s := &c.Source
	kinds := []Dumps{{s.Kind, s.Key, s.Names, s.Form, s.Map, s.Timezone, s.Columns}}
	if c.Sources != nil {
		kinds = slices.Clone(c.Sources)
	}
	for i := range kinds {
		d := &kinds[i]
		if d.Kind != KindReport {
			continue
		}
		if d.Timezone == "" && len(c.Reports) > 0 {
			d.Timezone = c.Reports[0].Timezone
		}
		var labels []string
		for _, r := range c.Reports {
			for i, label := range append([]string{r.Labels.Name}, r.Labels.CustomFields...) {
				column := "name"
				if i > 0 {
					column = fmt.Sprintf("custom_field_%d", i)
				}
				if label != "" {
					labels = append(labels, label+"="+column)
				}
			}
		}
		d.Columns = append(labels, d.Columns...)
		if d.Names == AutoNames {
			d.Names = exportNames
		}
	}
	return kinds
}

// The kinds of dumps: with events of sessions, and with rows of the report.
const (
	KindEvents = "events"
	KindReport = "report"
)

// exportNames are the names of exports of the report, if source.names is auto.
const exportNames = "*.{csv,txt}{,.gz,.gzip,.zst,.zstd}"

// CutColumn splits an item of source.columns into its heading and its column.
func CutColumn(item string) (heading, column string, ok bool) {
	i := strings.LastIndexByte(item, '=')
	if i < 1 {
		return "", "", false
	}
	return item[:i], item[i+1:], true
}

// Map says how a document of another program becomes a session event (EVENTS.md).
type Map struct {
	// Where in each document the event is, such as detail or message.payload. The default is the document itself.
	Envelope string `yaml:"envelope,omitempty"`
	// IANA time zone of times without an offset. The default is that they are rejected.
	Timezone string `yaml:"timezone,omitempty"`
	// Where the members of the session event come from. Of several items with the same to, the first one counts whose conditions hold and whose member is present.
	Members []MapMember `yaml:"members,omitempty" jsonschema:"minItems=1,maxItems=200"`
	// What becomes of the event's other members, if members is given: ignore them, or keep those that have a name of EVENTS.md.
	Others string `yaml:"others" jsonschema:"enum=ignore,enum=keep,default=ignore"`
}

// MapMember says where one member of a session event comes from.
type MapMember struct {
	// The member of EVENTS.md, such as session_id or technician.name. custom_fields.1 to custom_fields.5 are the custom fields. An event whose type is "ignore" is left out; it counts as a blank line.
	To string `yaml:"to" jsonschema:"required,minLength=1"`
	// Where its value is in the event, such as agent.id. A slash before it, as in /time, means in the document, outside of the envelope. The default is the name in to.
	From string `yaml:"from,omitempty"`
	// A constant, in place of from.
	Value string `yaml:"value,omitempty"`
	// Values and what they become, each as value=code, such as CallEnded=closed_by_customer. Other values stay as they are.
	Codes []string `yaml:"codes,omitempty" jsonschema:"minItems=1,minLength=1"`
	// The notation of a time: rfc3339 (with a T or a blank, and with or without an offset), or the time since 1970 in seconds, milliseconds or microseconds.
	Time string `yaml:"time,omitempty" jsonschema:"enum=rfc3339,enum=epoch_s,enum=epoch_ms,enum=epoch_us"`
	// Conditions that must all hold, each as path=value, path!=value, path (it is present) or !path (it is absent), such as kind=call.
	When []string `yaml:"when,omitempty" jsonschema:"minItems=1,minLength=1"`
}

// Sink locates the reports.
type Sink struct {
	// The store that gets the reports. Its url defaults to ./out.
	Store Store `yaml:"store"`
	// How long superseded revisions are kept for daybook diff, such as 7d or 36h. Later daybook gc removes them.
	KeepRevisions Retention `yaml:"keep_revisions" jsonschema:"default=7d"`
	// How long the records of users' actions are kept for daybook audit, such as 90d. Later daybook gc removes them.
	KeepAudit Retention `yaml:"keep_audit" jsonschema:"default=400d"`
	// How long the files of a superseded revision stay where they are. 0s suits readers that list a directory: they see one revision. Table formats and loader manifests need an hour or more, such as 24h: their readers open the files that they have noted before. Later daybook serve and daybook gc remove the files.
	RemoveAfter Span `yaml:"remove_after" jsonschema:"default=0s"`
	// Lists of a partition's files for loaders of warehouses, written to loads/ with each commit: redshift (the manifest of Redshift's COPY), urls (one URL a line, for BigQuery), hive (symlink.txt, for SymlinkTextInputFormat).
	LoaderManifests []string `yaml:"loader_manifests,omitempty" jsonschema:"minItems=1,enum=redshift,enum=urls,enum=hive"`
	// The encodings of the Parquet files. compatible has plain values and dictionaries, which every warehouse reads. compact has delta encodings for times, durations and ids, too. A change applies to what is published from then on.
	Parquet string `yaml:"parquet" jsonschema:"enum=compatible,enum=compact,default=compatible"`
}

// Store is an object store or a directory.
type Store struct {
	// s3://bucket/prefix, file:///directory, or the path of a directory, relative to the configuration file.
	URL string `yaml:"url" jsonschema:"minLength=1"`
	// Host and port of an S3 server other than Amazon's, such as minio.example.org:9000. With http:// before it, tls is false.
	Endpoint string `yaml:"endpoint,omitempty"`
	// The bucket's region, if the server needs it.
	Region string `yaml:"region,omitempty"`
	// PEM file with the authorities that sign the server's certificate. The default is the system's list.
	CAFile string `yaml:"ca_file,omitempty"`
	// Whether to use HTTPS. Switch it off only for a server on your own network.
	TLS bool `yaml:"tls" jsonschema:"default=true"`
	// Where requests name the bucket: in the path, or in the host's name (virtual_host).
	Addressing string `yaml:"addressing" jsonschema:"enum=auto,enum=path,enum=virtual_host,default=auto"`
	// Access key. The default is the credentials of the environment or the machine.
	AccessKeyID Secret `yaml:"access_key_id,omitempty"`
	// File with the access key.
	AccessKeyIDFile string `yaml:"access_key_id_file,omitempty"`
	// Secret of the access key.
	SecretAccessKey Secret `yaml:"secret_access_key,omitempty"`
	// File with the secret of the access key.
	SecretAccessKeyFile string `yaml:"secret_access_key_file,omitempty"`
	// Token of temporary credentials.
	SessionToken Secret `yaml:"session_token,omitempty"`
	// File with the session token.
	SessionTokenFile string `yaml:"session_token_file,omitempty"`
	// A request that moves no byte for this long fails and is tried again.
	StallTimeout Duration `yaml:"stall_timeout" jsonschema:"default=60s"`
	// How many times a request without progress is tried.
	MaxAttempts int `yaml:"max_attempts" jsonschema:"minimum=1,maximum=100,default=8"`
}

// Report defines one report (REPORT.md, "Membership").
type Report struct {
	// The report's folder, and its name in warehouses: lower-case letters, digits and underscores.
	Name string `yaml:"name" jsonschema:"minLength=1,maxLength=64,pattern=^[a-z][a-z0-9_]*$,default=sessions"`
	// IANA time zone in which the report's days begin and end, such as Europe/Amsterdam.
	Timezone string `yaml:"timezone" jsonschema:"minLength=1,default=UTC"`
	// Language of the CSV files, the workbooks and the console's pages. Parquet holds the English values.
	Language string `yaml:"language" jsonschema:"enum=en,enum=nl,default=en"`
	// The part of the organisation in the report. The default is the whole organisation.
	Unit Unit `yaml:"unit,omitempty"`
	// Headings of the columns whose meaning the organisation decides.
	Labels Labels `yaml:"labels,omitempty"`
	// Names of the tools in the column of used tools, each as code=name, such as RC=Remote control. The console shows them below its tables.
	Tools []string `yaml:"tools,omitempty" jsonschema:"minItems=1,minLength=1"`
	// Only sessions that start in these hours of the day.
	DailyHours *DailyHours `yaml:"daily_hours,omitempty"`
	// Whether to write the rows as CSV, too.
	SessionsCSV bool `yaml:"sessions_csv" jsonschema:"default=false"`
	// Whether to write the summaries, and with sessions_csv the rows, as XLSX workbooks, too.
	XLSX bool `yaml:"xlsx" jsonschema:"default=false"`
	// Format of the CSV files.
	CSV CSV `yaml:"csv"`
	// What the console measures the report against. The rows do not depend on it.
	Targets Targets `yaml:"targets,omitempty"`
	// When daybook serve publishes the report. The rows do not depend on it.
	Schedule Schedule `yaml:"schedule"`
	// Messages that daybook serve sends after a day, week or month of the report is published.
	Deliver []Delivery `yaml:"deliver,omitempty" jsonschema:"minItems=1,maxItems=20"`
}

// Delivery is a message to people with the figures of a published period.
type Delivery struct {
	// The period that a message is about. A week, Monday to Sunday, is complete when its seven days are over and published.
	Every string `yaml:"every" jsonschema:"required,enum=day,enum=week,enum=month"`
	// How it is sent: as an e-mail, to Slack and compatible services by an incoming webhook, or to Microsoft Teams by the webhook of a workflow.
	Format string `yaml:"format" jsonschema:"enum=email,enum=slack,enum=teams,default=email"`
	// The e-mail addresses that get it. All of them see each other.
	To []string `yaml:"to,omitempty" jsonschema:"minItems=1,maxItems=100,minLength=3"`
	// The subject of an e-mail. {report}, {period} and {sessions} stand for the report's name, the period and its number of sessions. The default is in the report's language.
	Subject string `yaml:"subject,omitempty" jsonschema:"minLength=1,maxLength=200"`
	// The summaries that an e-mail carries: a CSV file each, one workbook, or none.
	Attach string `yaml:"attach" jsonschema:"enum=csv,enum=xlsx,enum=none,default=none"`
	// The most that the attachments may take. Larger ones stay out, and the e-mail says so.
	MaxAttachment Size `yaml:"max_attachment" jsonschema:"default=10MiB"`
	// The webhook of Slack or Teams, an https or http URL. It holds a token, so only its host is shown.
	URL Secret `yaml:"url,omitempty"`
	// File with the URL.
	URLFile string `yaml:"url_file,omitempty"`
	// What a day is compared with: the day before, or the same weekday of the week before. Weeks and months are compared with the one before.
	Against string `yaml:"against" jsonschema:"enum=before,enum=weekday,default=before"`
	// Whether a restated period is delivered again.
	Again bool `yaml:"again" jsonschema:"default=false"`
}

// Targets are what the console measures a report against.
type Targets struct {
	// How long a session may wait for its first pick-up, such as 60s. The console shows the share of sessions that were picked up in this time.
	PickUp Duration `yaml:"pick_up,omitempty"`
}

// Schedule says when a report's days and months are published, on the clock of
// its time zone.
type Schedule struct {
	// When a day is published, counted from its end.
	Daily DailyDrop `yaml:"daily"`
	// When a month is published, counted from its end.
	Monthly MonthlyDrop `yaml:"monthly"`
	// Which partitions that fell due while no daybook serve ran are published: all, only the latest day and the latest month, or none. daybook backfill builds the rest.
	CatchUp string `yaml:"catch_up" jsonschema:"enum=all,enum=latest,enum=none,default=all"`
	// Days and months that fell due longer ago than this are not caught up, such as 35d or 36h.
	MaxAge Retention `yaml:"max_age" jsonschema:"default=35d"`
}

// DailyDrop is when a day is published.
type DailyDrop struct {
	// The time on the next day at which the day drops, as HH:MM on the clock.
	At TimeOfDay `yaml:"at" jsonschema:"default=02:00"`
	// How long after the drop the first publication waits for late dumps, such as 30m.
	Grace Span `yaml:"grace" jsonschema:"default=0s"`
	// How long after the drop an unpublished day is late, such as 4h.
	Deadline Span `yaml:"deadline" jsonschema:"default=4h"`
}

// MonthlyDrop is when a month is published.
type MonthlyDrop struct {
	// The time on the first day of the next month at which the month drops, as HH:MM on the clock.
	At TimeOfDay `yaml:"at" jsonschema:"default=04:00"`
	// How long after the drop the first publication waits for late dumps, such as 30m.
	Grace Span `yaml:"grace" jsonschema:"default=0s"`
	// How long after the drop an unpublished month is late, such as 12h.
	Deadline Span `yaml:"deadline" jsonschema:"default=12h"`
}

// Serve is the settings of daybook serve.
type Serve struct {
	// Host and port of the console and the metrics. A port alone, such as :8080, means every address of the machine.
	Listen string `yaml:"listen" jsonschema:"minLength=1,default=127.0.0.1:8080"`
	// The host names under which browsers reach the console, such as that of a proxy. Requests under other names are refused. The default is this machine's own names if it listens on this machine only, and every name otherwise.
	Hosts []string `yaml:"hosts,omitempty" jsonschema:"minLength=1"`
	// Further host names for /metrics, /healthz and /readyz, such as the service name that a scraper uses. IP addresses are always accepted; "*" accepts every name.
	MetricsHosts []string `yaml:"metrics_hosts,omitempty" jsonschema:"minLength=1"`
	// The path under which a proxy shows the console, such as /daybook. All links begin with it. The proxy may pass the path on as it is, or remove its beginning.
	BasePath string `yaml:"base_path,omitempty" jsonschema:"minLength=2,maxLength=200"`
	// Who may look at the console and who may act in it, by the users and groups that a proxy names. The default is that everyone who reaches the console may look, and that a login with the token of --allow-actions permits actions.
	Access *Access `yaml:"access,omitempty"`
	// How often to look at the dumps and at the published partitions.
	Interval Duration `yaml:"interval" jsonschema:"default=1m"`
	// How long a replica may be silent before another one takes its work over, which happens within twice this time.
	Lease Duration `yaml:"lease" jsonschema:"default=1m"`
	// How long a stop waits for running work.
	StopTimeout Duration `yaml:"stop_timeout" jsonschema:"default=5m"`
	// How many times a failing step is tried. It is then set aside until its inputs change or somebody retries it.
	Attempts int `yaml:"attempts" jsonschema:"minimum=1,maximum=100,default=5"`
	// The pause before the second attempt. Each further pause is twice as long.
	RetryPause Duration `yaml:"retry_pause" jsonschema:"default=1m"`
	// The longest pause between two attempts.
	MaxRetryPause Duration `yaml:"max_retry_pause" jsonschema:"default=6h"`
	// How much memory the console may take to keep the columns of published days, from which it answers questions, such as 512MiB. A million legs take about 100 MiB. It comes on top of memory_budget.
	ExploreMemory Size `yaml:"explore_memory" jsonschema:"default=512MiB"`
	// URLs that receive alerts.
	Webhooks []Webhook `yaml:"webhooks,omitempty"`
	// The address of the console for people, such as https://daybook.example.org. Messages of reports link to it.
	PublicURL string `yaml:"public_url,omitempty" jsonschema:"minLength=1"`
	// The mail server for the deliveries of reports.
	SMTP *SMTP `yaml:"smtp,omitempty"`
}

// SMTP is a mail server that takes messages for delivery.
type SMTP struct {
	// Host and port of the server, such as smtp.example.org:587.
	Server string `yaml:"server" jsonschema:"required,minLength=1"`
	// When the connection is encrypted: after STARTTLS (port 587), or from its beginning (port 465). Messages are never sent unencrypted.
	TLS string `yaml:"tls" jsonschema:"enum=starttls,enum=tls,default=starttls"`
	// PEM file with the authorities that sign the server's certificate. The default is the system's list.
	CAFile string `yaml:"ca_file,omitempty"`
	// The sender, such as Daybook <reports@example.org>.
	From string `yaml:"from" jsonschema:"required,minLength=3"`
	// The name for the login. The default is no login.
	User string `yaml:"user,omitempty"`
	// The password for the login.
	Password Secret `yaml:"password,omitempty"`
	// File with the password.
	PasswordFile string `yaml:"password_file,omitempty"`
}

// Access gives users of the console their roles. A proxy logs them in and names
// them in headers of each request.
type Access struct {
	// The addresses of the proxies, such as 10.2.0.15 or 10.2.0.0/16. In requests from other addresses the headers are ignored.
	TrustedProxies []string `yaml:"trusted_proxies" jsonschema:"required,minItems=1,minLength=1"`
	// The header with the name of the user: X-Forwarded-User or X-Forwarded-Email of oauth2-proxy, X-Pomerium-Claim-Email of Pomerium, X-Goog-Authenticated-User-Email of Google's load balancers, X-Amzn-Oidc-Identity of Amazon's.
	UserHeader string `yaml:"user_header" jsonschema:"minLength=1,maxLength=100,default=X-Forwarded-User"`
	// The header with the groups of the user, separated by commas: X-Forwarded-Groups of oauth2-proxy, X-Pomerium-Claim-Groups of Pomerium. The load balancers of clouds send none.
	GroupsHeader string `yaml:"groups_header" jsonschema:"minLength=1,maxLength=100,default=X-Forwarded-Groups"`
	// Who may look.
	Viewers Members `yaml:"viewers,omitempty"`
	// Who may look and act.
	Operators Members `yaml:"operators,omitempty"`
}

// Members have a role.
type Members struct {
	// Their names, exactly as the header has them. "*" stands for every user.
	Users []string `yaml:"users,omitempty" jsonschema:"minItems=1,minLength=1"`
	// Groups, exactly as the header has them.
	Groups []string `yaml:"groups,omitempty" jsonschema:"minItems=1,minLength=1"`
}

// Proxies are the networks of the trusted proxies. An address is a network of one. The
// error says which text is neither.
func (a *Access) Proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range a.TrustedProxies {
		p, err := proxy(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func proxy(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network; write 10.2.0.15 or 10.2.0.0/16, say", text)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits after its network; write %s, or the address alone", text, p.Masked())
	}
	return p, nil
}

// Webhook is a URL that receives alerts.
type Webhook struct {
	// An http or https URL. It may hold a token, so only its host is shown.
	URL Secret `yaml:"url,omitempty"`
	// File with the URL.
	URLFile string `yaml:"url_file,omitempty"`
	// Key that signs each delivery. Deliveries are unsigned by default.
	Secret Secret `yaml:"secret,omitempty"`
	// File with the key of the signature.
	SecretFile string `yaml:"secret_file,omitempty"`
	// The content of a request: an event as JSON, or a text for Slack and compatible services.
	Format string `yaml:"format" jsonschema:"enum=json,enum=slack,default=json"`
	// The events to send. The default is all but published. That one is for programs that load the reports: it lists what a run has published.
	Events []string `yaml:"events,omitempty" jsonschema:"minItems=1,enum=late,enum=failed,enum=restated,enum=recovered,enum=published"`
}

// Lineage is a catalog of data that takes events of OpenLineage over HTTP, such as
// Marquez or DataHub.
type Lineage struct {
	// The URL that events are posted to, such as https://marquez.example.org/api/v1/lineage.
	URL string `yaml:"url" jsonschema:"required,minLength=1"`
	// Key that is sent with each event, as a bearer token.
	APIKey Secret `yaml:"api_key,omitempty"`
	// File with the key.
	APIKeyFile string `yaml:"api_key_file,omitempty"`
	// The namespace of daybook's jobs in the catalog. Datasets have the namespace of their store.
	Namespace string `yaml:"namespace" jsonschema:"minLength=1,maxLength=200,default=daybook"`
}

// Iceberg says where the Iceberg tables of the reports are.
type Iceberg struct {
	// The catalog: the URL of a REST catalog, such as https://catalog.example.org; postgresql://user@host/database; glue; or the path of an SQLite file, relative to the configuration file. The default is iceberg/catalog.db in the sink, if that is a directory.
	Catalog string `yaml:"catalog,omitempty"`
	// The namespace of the tables in the catalog. Each table has the name of its report.
	Namespace string `yaml:"namespace" jsonschema:"minLength=1,maxLength=64,pattern=^[a-z][a-z0-9_]*$,default=daybook"`
	// Where new tables keep their metadata: s3://bucket/prefix, file:///directory, or a path. A REST catalog may take the name of a warehouse instead. The default is a REST catalog's own place, and iceberg/ in the sink for the other catalogs.
	Warehouse string `yaml:"warehouse,omitempty"`
	// Token for a REST catalog.
	Token Secret `yaml:"token,omitempty"`
	// File with the token.
	TokenFile string `yaml:"token_file,omitempty"`
	// Client id and secret for a REST catalog that gives out tokens (OAuth2), as id:secret.
	Credential Secret `yaml:"credential,omitempty"`
	// File with the client id and secret.
	CredentialFile string `yaml:"credential_file,omitempty"`
	// Further properties for the catalog, each as name=value, such as scope=PRINCIPAL_ROLE:ALL.
	Properties []string `yaml:"properties,omitempty" jsonschema:"minLength=1"`
	// How long snapshots are kept for queries of an earlier state, such as 7d or 36h. They can be read as long as the sink keeps superseded files.
	KeepSnapshots Retention `yaml:"keep_snapshots" jsonschema:"default=7d"`
}

// CatalogKind is the kind of an Iceberg catalog.
type CatalogKind string

// The kinds of catalogs.
const (
	REST     CatalogKind = "rest"
	Postgres CatalogKind = "postgresql"
	Glue     CatalogKind = "glue"
	SQLite   CatalogKind = "sqlite"
)

// Kind is the kind of the catalog that is set.
func (i *Iceberg) Kind() CatalogKind {
	scheme, _, isURL := strings.Cut(i.Catalog, "://")
	switch {
	case i.Catalog == string(Glue):
		return Glue
	case isURL && (scheme == "http" || scheme == "https"):
		return REST
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		return Postgres
	}
	return SQLite
}

// Unit is a part of the organisation. A row belongs to it if any selector
// matches.
type Unit struct {
	// Technician ids.
	Technicians []int64 `yaml:"technicians,omitempty" jsonschema:"minimum=1"`
	// Technician groups, each with the groups below it: A includes A/B.
	Groups []string `yaml:"groups,omitempty" jsonschema:"minLength=1"`
	// Channel ids.
	Channels []int64 `yaml:"channels,omitempty" jsonschema:"minimum=1"`
}

// Labels are column headings in CSV files. An empty label stands for the
// heading in REPORT.md.
type Labels struct {
	// Heading of the session's name.
	Name string `yaml:"name,omitempty"`
	// Headings of the custom fields, in order.
	CustomFields []string `yaml:"custom_fields,omitempty" jsonschema:"maxItems=5"`
}

// DailyHours include from and exclude to. They cross midnight if from is after
// to.
type DailyHours struct {
	// The first moment that counts, as HH:MM on the clock.
	From TimeOfDay `yaml:"from" jsonschema:"required"`
	// The end of the hours, as HH:MM on the clock, or 24:00.
	To TimeOfDay `yaml:"to" jsonschema:"required"`
}

// CSV is the format of CSV files.
type CSV struct {
	// The separator of cells: a comma, a semicolon, a vertical bar, or a tab ("\t"). With language nl the default is a semicolon.
	Delimiter Delimiter `yaml:"delimiter" jsonschema:"default=\\,"`
	// Whether files begin with a byte order mark, by which some spreadsheets recognise UTF-8. With language nl the default is true.
	BOM bool `yaml:"bom" jsonschema:"default=false"`
	// Notation of durations: clock (H:MM:SS), seconds, or hours (decimal, with 4 places).
	Durations string `yaml:"durations" jsonschema:"enum=clock,enum=seconds,enum=hours,default=clock"`
	// Notation of times in the report's time zone: with its offset, as in 2026-11-20T09:15:02+01:00, or local, as in 2026-11-20 09:15:02.
	Times string `yaml:"times" jsonschema:"enum=offset,enum=local,default=offset"`
}
