package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"daybook/config"
	"daybook/pipeline/service"
	"daybook/sources/store/storetest"
)

func noEnv(string) (string, bool) { return "", false }

// serving is `daybook serve` in this process.
type serving struct {
	url  string
	dir  string
	log  *storetest.Output
	stop func() int // and the exit code
}

// serveConfig is a configuration whose looks are close together.
const serveConfig = `
source:
  store: {url: dumps}
sink:
  store: {url: out}
serve:
  listen: 127.0.0.1:0
  interval: 1s
  lease: 2s
  webhooks:
    - {url: "http://127.0.0.1:9/HIDDENTOKEN", secret: HIDDENSECRET}
`

// serve begins to serve a directory with dumps of three days that are over.
func serve(t *testing.T, args ...string) *serving {
	t.Helper()
	return serveConfigured(t, serveConfig, args...)
}

// serveConfigured is serve with a configuration.
func serveConfigured(t *testing.T, text string, args ...string) *serving {
	t.Helper()
	s := &serving{dir: t.TempDir(), log: &storetest.Output{}}
	if err := os.WriteFile(s.configFile(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	from := time.Now().UTC().AddDate(0, 0, -4).Format(time.DateOnly)
	if code := run(t.Context(), []string{"generate", "-q", "--out", filepath.Join(s.dir, "dumps"), "--from", from, "--days", "3", "--sessions-per-day", "20"},
		nil, io.Discard, s.log, noEnv); code != exitDone {
		t.Fatalf("generate: %s", s.log)
	}
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "--config", s.configFile()}, args...), nil, io.Discard, s.log, noEnv)
	}()
	s.stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { s.stop() })
	listening := regexp.MustCompile(`"?url"?[=:]"?(http://[^/"]*/)`)
	s.until(t, "it listens", func() bool {
		if m := listening.FindStringSubmatch(s.log.String()); m != nil {
			s.url = m[1]
		}
		return s.url != ""
	})
	return s
}

func (s *serving) configFile() string { return filepath.Join(s.dir, "daybook.yml") }

// until waits for something to become true.
func (s *serving) until(t *testing.T, what string, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !true(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s; the log:\n%s", what, s.log)
		}
	}
}

func (s *serving) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	r, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func (s *serving) metric(t *testing.T, sample string) string {
	t.Helper()
	_, text := s.get(t, "metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, sample+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func TestServe(t *testing.T) {
	s := serve(t, "--log-format", "json", "--replica", "one")
	s.until(t, "all days are published", func() bool {
		return s.metric(t, `daybook_partitions{kind="day",report="sessions",state="published"}`) == "3"
	})
	s.until(t, "it is ready", func() bool {
		status, body := s.get(t, "readyz")
		var health service.Health
		if err := json.Unmarshal([]byte(body), &health); err != nil {
			t.Fatal(err)
		}
		if health.Ready != (status == http.StatusOK) {
			t.Errorf("%d: %s", status, body)
		}
		return health.Ready
	})
	for path, want := range map[string]int{"": 200, "healthz": 200, "metrics": 200, "configuration": 200, "debug/pprof/": 404, "none": 404} {
		if status, body := s.get(t, path); status != want {
			t.Errorf("/%s: %d, want %d: %.300s", path, status, want, body)
		}
	}
	elsewhere, err := http.NewRequest(http.MethodGet, s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Host = "elsewhere.example.com" // made to point here
	if r, err := http.DefaultClient.Do(elsewhere); err != nil {
		t.Error(err)
	} else if r.Body.Close(); r.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("by another name the console answers %s", r.Status)
	}
	if got := s.metric(t, "daybook_lease_held"); got != "1" {
		t.Errorf("daybook_lease_held is %q", got)
	}
	if code := s.stop(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	runs := 0
	for line := range strings.Lines(s.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("the log has a line that is no JSON: %s", line)
		}
		if entry["replica"] != "one" {
			t.Errorf("a line does not say which replica wrote it: %s", line)
		}
		if strings.HasPrefix(entry["msg"].(string), "step") && entry["run"] == nil {
			t.Errorf("a line of a run does not say which: %s", line)
		}
		if entry["msg"] == "run ended" {
			runs++
		}
	}
	if runs == 0 {
		t.Errorf("no run ended; the log:\n%s", s.log)
	}
}

// No secret is anywhere in what people can see.
func TestServeShowsNoSecret(t *testing.T) {
	s := serve(t)
	s.until(t, "it is ready", func() bool { status, _ := s.get(t, "readyz"); return status == http.StatusOK })
	seen := ""
	for _, path := range []string{"", "configuration", "metrics", "readyz", "runs", "schedule", "reports/sessions", "?format=json", "configuration?format=json"} {
		_, body := s.get(t, path)
		seen += body
	}
	s.stop()
	for _, text := range []string{seen, s.log.String()} {
		if at := strings.Index(text, "HIDDEN"); at >= 0 {
			t.Errorf("a secret is seen: %.80s", text[at:])
		}
	}
	if !strings.Contains(seen, "127.0.0.1:9") {
		t.Error("the configuration does not show a webhook's host")
	}
}

func TestServeReloads(t *testing.T) {
	s := serve(t, "--debug")
	if status, _ := s.get(t, "debug/pprof/"); status != 200 {
		t.Errorf("/debug/pprof/: %d", status)
	}
	reload := func(text string) {
		t.Helper()
		if err := os.WriteFile(s.configFile(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	successful := func(want string) func() bool {
		return func() bool { return s.metric(t, "daybook_config_last_reload_successful") == want }
	}
	for _, refused := range []struct{ text, why string }{
		{serveConfig + "reports: [{nam: x}]\n", "unknown"},
		{strings.Replace(serveConfig, "lease: 2s", "lease: 3s", 1), "serve.lease is another: this needs a restart"},
		{strings.Replace(serveConfig, "{url: out}", "{url: elsewhere}", 1), "sink.store.url is another: this needs a restart"},
		{strings.Replace(serveConfig, "127.0.0.1:0", "127.0.0.1:1", 1), "serve.listen has changed: this needs a restart"},
	} {
		reload(refused.text)
		s.until(t, "refused: "+refused.why, func() bool { return successful("0")() && strings.Contains(s.log.String(), "refused") })
		reload(serveConfig)
		s.until(t, "taken again", successful("1"))
	}
	for _, why := range []string{"serve.lease is another", "sink.store.url is another", "serve.listen has changed", "reports[0].nam"} {
		if !strings.Contains(s.log.String(), why) {
			t.Errorf("the log does not say %q:\n%s", why, s.log)
		}
	}
	reload(serveConfig + "reports: [{name: other}]\n")
	s.until(t, "the other report is published", func() bool {
		return s.metric(t, `daybook_partitions{kind="day",report="other",state="published"}`) == "3"
	})
	if code := s.stop(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

func TestServeArguments(t *testing.T) {
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("too short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--log-format", "xml"}, `--log-format "xml" is not text or json`},
		{[]string{"--allow-actions"}, "--allow-actions needs a token of 16 characters"},
		{[]string{"--allow-actions", "--token-file", short}, "--allow-actions needs a token of 16 characters"},
		{[]string{"--token-file", short}, "--token-file needs --allow-actions"},
		{[]string{"--allow-actions", "--token-file", filepath.Join(dir, "none")}, "--token-file: open"},
	} {
		stderr := &storetest.Output{}
		if code := run(t.Context(), append([]string{"serve"}, c.args...), nil, io.Discard, stderr, noEnv); code != exitUsage || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%q: exit code %d: %s", c.args, code, stderr)
		}
	}
}

// described is every metric there is, with its labels.
func described(t *testing.T) map[string][]string {
	t.Helper()
	a := &app{env: func(string) (string, bool) { return "1GiB", true }}
	registry := a.newRegistry()
	c := config.Default()
	c.Source.Store.URL, c.Sink.Store.URL = t.TempDir(), t.TempDir()
	sc, err := a.serviceConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.New(service.Options{Config: *sc, Log: slog.New(slog.DiscardHandler), Registerer: registry}); err != nil {
		t.Fatal(err)
	}
	descs := make(chan *prometheus.Desc)
	go func() { registry.Describe(descs); close(descs) }()
	form := regexp.MustCompile(`fqName: "([^"]*)", help: "([^"]*)", .*variableLabels: \{([^}]*)\}`)
	all := map[string][]string{}
	for d := range descs {
		m := form.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("%s is described otherwise", d)
		}
		if strings.HasPrefix(m[1], "daybook_") && (m[2] == "" || !strings.HasSuffix(m[2], ".")) {
			t.Errorf("%s has the help %q", m[1], m[2])
		}
		all[m[1]] = strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' })
	}
	return all
}

var (
	metricName = regexp.MustCompile(`\b(daybook_[a-z_]+)(\{[^}]*\})?`)
	matcher    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"`)
	grouping   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	inText     = regexp.MustCompile(`\$labels\.([a-z_]+)`)
)

// checkQuery holds a PromQL expression, and the labels that texts about it
// name, against the metrics that exist.
func checkQuery(t *testing.T, where, expr, text string, known map[string][]string) {
	t.Helper()
	available := []string{"instance", "job"} // the scraper's
	found := metricName.FindAllStringSubmatch(expr, -1)
	if len(found) == 0 {
		t.Errorf("%s: %s names no metric of daybook", where, expr)
	}
	for _, m := range found {
		name := m[1]
		labels, exists := known[name]
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && !exists {
				if labels, exists = known[base]; exists && suffix == "_bucket" {
					labels = append(slices.Clone(labels), "le")
				}
			}
		}
		if !exists {
			t.Errorf("%s: there is no metric %s", where, name)
		}
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(labels, l[1]) {
				t.Errorf("%s: %s has no label %s", where, name, l[1])
			}
		}
		available = append(available, labels...)
	}
	groupings := grouping.FindAllStringSubmatch(expr, -1)
	for _, g := range slices.Backward(groupings) { // the inner ones come last
		by := strings.Split(strings.ReplaceAll(g[1], " ", ""), ",")
		for _, label := range by {
			if !slices.Contains(available, label) {
				t.Errorf("%s: grouped by %s, which nothing there has", where, label)
			}
		}
		available = by
	}
	for _, l := range inText.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(available, l[1]) {
			t.Errorf("%s: the text has the label %s, which the result has not", where, l[1])
		}
	}
}

// tooFew matches a sum over all replicas that is compared with a least value.
var tooFew = regexp.MustCompile(`(?:sum|count|max)\(([a-z_]+)[^)]*\) <`)

func TestExampleAlertsAreOfMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../config/examples/prometheus-alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	known, rules := described(t), 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			rules++
			if r.Alert == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%+v is not complete", r)
			}
			checkQuery(t, r.Alert, r.Expr, r.Annotations["summary"]+r.Annotations["description"], known)
			// A sum of no series is no value, and fires no alert.
			for _, m := range tooFew.FindAllStringSubmatch(r.Expr, -1) {
				if !strings.Contains(r.Expr, "or absent("+m[1]+")") {
					t.Errorf("%s does not fire when nothing is scraped: %s", r.Alert, r.Expr)
				}
			}
		}
	}
	if rules < 8 {
		t.Errorf("there are %d rules only", rules)
	}
}

func TestExampleDashboardIsOfMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../config/examples/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	known, named := described(t), map[string]bool{}
	legend := regexp.MustCompile(`\{\{([a-z_]+)\}\}`)
	for _, p := range dashboard.Panels {
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s does not fit", p.Title)
		}
		for _, q := range p.Targets {
			labels := legend.ReplaceAllString(q.LegendFormat, "$$labels.$1")
			checkQuery(t, fmt.Sprintf("panel %d (%s)", p.ID, p.Title), q.Expr, labels, known)
			for _, m := range metricName.FindAllStringSubmatch(q.Expr, -1) {
				named[m[1]] = true
			}
		}
	}
	if len(named) < 15 {
		t.Errorf("it shows %d metrics only", len(named))
	}
}

// A query that is wrong must not pass.
func TestWrongQueriesAreNoticed(t *testing.T) {
	known := map[string][]string{"daybook_a": {"report"}, "daybook_b_seconds": {"kind"}}
	for _, c := range []struct {
		expr, text string
		wrong      bool
	}{
		{`max by (report) (daybook_a{report="x"})`, "$labels.report", false},
		{`histogram_quantile(0.5, sum by (le, kind) (rate(daybook_b_seconds_bucket[5m])))`, "", false},
		{`daybook_c`, "", true},
		{`daybook_a{kind="day"}`, "", true},
		{`sum by (kind) (daybook_a)`, "", true},
		{`sum by (report) (daybook_a)`, "$labels.instance", true},
		{`up`, "", true},
	} {
		failed := false
		probe := &testing.T{}
		checkQuery(probe, "a query", c.expr, c.text, known)
		failed = probe.Failed()
		if failed != c.wrong {
			t.Errorf("%s: wrong: %v", c.expr, failed)
		}
	}
}

// TestSecondSignalStopsAtOnce: the second signal ends serve with code 130, and
// the process around it lives on.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	ignored := make(chan os.Signal, 1) // what comes after serve must not end the tests
	signal.Notify(ignored, syscall.SIGTERM)
	defer signal.Stop(ignored)
	s := serve(t)
	s.until(t, "it stops", func() bool {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(s.log.String(), "daybook: stopped at once")
	})
	if code := s.stop(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	// Outside a test the process is gone by now. Here the work goes on.
	s.until(t, "the abandoned work ends", func() bool { return strings.Contains(s.log.String(), "msg=stopped ") })
}
