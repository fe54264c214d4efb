package config_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as in main

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"daybook/config"
	"daybook/testdata/golden"
)

// testdata holds good configurations beside their effective form, and bad
// ones beside the exact message.
const testdata = "../testdata/config"

// testEnv is the environment of the files in testdata.
func testEnv(name string) (string, bool) {
	value, ok := map[string]string{
		"BUCKET":     "acme-dumps",
		"DAYS":       "21",
		"EMPTY":      "",
		"HTTPS":      "false",
		"LANGUAGE":   "nl",
		"MANY":       "many",
		"TRICKY":     "a: {b: ${BUCKET}}", // neither structure nor a variable once more
		"HOOK":       "https://hooks.example.org/hunter2/$hunter2",
		"SECRET_KEY": "hunter2",
		"SIGNED_URL": "s3://user:hunter2@bucket/",
	}[name]
	return value, ok
}

// load loads a file of testdata as if testdata were the working directory.
func load(name string, data []byte) (*config.Config, error) {
	return config.Load(filepath.Base(name), data, testEnv, func(name string) ([]byte, error) {
		return fs.ReadFile(os.DirFS(testdata), filepath.ToSlash(name))
	})
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(testdata, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s in %s (%v)", pattern, testdata, err)
	}
	return names
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGood(t *testing.T) {
	for _, name := range glob(t, "*.good.yml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			c, err := load(name, readFile(t, name))
			if err != nil {
				t.Fatal(err)
			}
			effective := c.Redacted()
			golden.Check(t, strings.TrimSuffix(name, ".yml")+".effective", string(effective))

			// The effective form is a configuration, and its own effective form.
			again, err := load(name, effective)
			if err != nil {
				t.Fatalf("the effective form: %v", err)
			}
			if twice := again.Redacted(); !bytes.Equal(twice, effective) {
				t.Errorf("the effective form of the effective form:\n%s", cmp.Diff(string(effective), string(twice)))
			}
		})
	}
}

func TestBad(t *testing.T) {
	for _, name := range glob(t, "*.bad.yml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := readFile(t, name)
			_, err := load(name, data)
			var problems *config.Error
			if !errors.As(err, &problems) {
				t.Fatalf("got %v", err)
			}
			golden.Check(t, strings.TrimSuffix(name, ".yml")+".txt", err.Error()+"\n")
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the message shows a secret")
			}

			// The same file from an editor of another system.
			crlf := bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
			_, other := load(name, append([]byte("\ufeff"), crlf...))
			if other == nil || other.Error() != err.Error() {
				t.Errorf("with CRLF and a byte order mark:\n%s", cmp.Diff(err.Error(), fmt.Sprint(other)))
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	c, err := load("daybook.yml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Source.Store.URL, want.Sink.Store.URL = "dumps", "out"
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("an empty file is not the default (-want +got):\n%s", diff)
	}
	if got := c.Source.MaxRejected; got != 0.01 {
		t.Errorf("max_rejected %v", got)
	}
	if got := time.Duration(c.Sink.Store.StallTimeout); got != time.Minute {
		t.Errorf("stall_timeout %v", got)
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	var asked []string
	read := func(name string) ([]byte, error) {
		asked = append(asked, name)
		return []byte("text\n"), nil
	}
	c, err := config.Load("/etc/daybook/daybook.yml", []byte(`
source: {store: {url: s3://dumps, ca_file: ca.pem, access_key_id_file: id, secret_access_key_file: /run/secrets/key}}
sink: {store: {url: ../out}}
`), testEnv, read)
	if err != nil {
		t.Fatal(err)
	}
	source := &c.Source.Store
	got := []string{source.CAFile, source.AccessKeyIDFile, source.SecretAccessKeyFile, c.Sink.Store.URL}
	want := []string{"/etc/daybook/ca.pem", "/etc/daybook/id", "/run/secrets/key", "/etc/out"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want[1:3], asked); diff != "" {
		t.Errorf("files read (-want +got):\n%s", diff)
	}
	if source.SecretAccessKey.Reveal() != "text" {
		t.Error("the line break at the end of a file became part of the secret")
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	const secret = "hunter2"
	c := config.Default()
	c.Sink.Store.SecretAccessKey = config.NewSecret(secret)
	s := c.Sink.Store.SecretAccessKey
	type holder struct {
		hidden config.Secret
		config *config.Config
		copied config.Config
	}
	shown := map[string]string{"String": s.String(), "GoString": s.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		shown[verb] = fmt.Sprintf(verb, s)
		shown["config "+verb] = fmt.Sprintf(verb, *c)
		shown["unexported field "+verb] = fmt.Sprintf(verb, holder{s, c, *c})
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("text", "secret", s, "config", *c)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("json", "secret", s, "config", c)
	shown["slog"] = logged.String()
	for name, marshal := range map[string]func() ([]byte, error){
		"json": func() ([]byte, error) { return json.Marshal(c) },
		"yaml": func() ([]byte, error) { return yaml.Marshal(c) },
		"text": s.MarshalText,
		"show": func() ([]byte, error) { return c.Redacted(), nil },
	} {
		text, err := marshal()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "redacted") {
			t.Errorf("%s does not say that there is a secret: %s", name, text)
		}
		shown[name] = string(text)
	}
	for how, text := range shown {
		if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), hex.EncodeToString([]byte(secret))) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}
	if s.Reveal() != secret {
		t.Error("Reveal does not give the secret")
	}
	if empty := (config.Secret{}); empty.String() != "" || fmt.Sprintf("%q", empty) != "" {
		t.Error("an empty secret does not look empty")
	}
}

// TestWebhooksDoNotShow: of a webhook that was loaded, only the host is shown.
func TestWebhooksDoNotShow(t *testing.T) {
	c, err := load("daybook.yml", []byte(`
serve:
  webhooks:
    - {url: "https://user:hunter2@hooks.example.org:8443/hunter2?token=hunter2#hunter2", secret: hunter2}
`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	hook := &c.Serve.Webhooks[0]
	for _, shown := range []string{string(c.Redacted()), string(text), fmt.Sprintf("%v %+v %#v %q", *c, *hook, hook, hook.URL), hook.URL.String()} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("the secret is in %s", shown)
		}
	}
	if got, want := hook.URL.String(), "https://hooks.example.org:8443/<redacted>"; got != want {
		t.Errorf("the URL is shown as %s, want %s", got, want)
	}
	if got, want := hook.URL.Reveal(), "https://user:hunter2@hooks.example.org:8443/hunter2?token=hunter2#hunter2"; got != want {
		t.Errorf("the URL is %s, want %s", got, want)
	}
	if hook.URLFile != "" || hook.Secret.Reveal() != "hunter2" {
		t.Error("showing the configuration has changed it")
	}
}

// The hash of a report changes with each setting that changes its files, and with no
// other. It has more than 60 lines because it lists all settings.
func TestReportHash(t *testing.T) {
	r := config.DefaultReport()
	r.Name, r.Timezone, r.Language = "helpdesk", "Europe/Amsterdam", "nl"
	r.Unit = config.Unit{Technicians: []int64{12, 7}, Groups: []string{"B", "A/C"}, Channels: []int64{3}}
	r.Labels = config.Labels{Name: "Klant", CustomFields: []string{"Ticket", ""}}
	r.DailyHours = &config.DailyHours{From: config.TimeOfDay(22 * time.Hour), To: config.TimeOfDay(6*time.Hour + 30*time.Minute)}
	r.SessionsCSV, r.CSV.Delimiter, r.CSV.BOM = true, ';', true

	// Published manifests hold hashes: this JSON must not change.
	canonical := `{"name":"helpdesk","timezone":"Europe/Amsterdam","language":"nl",` +
		`"technicians":[7,12],"groups":["A/C","B"],"channels":[3],` +
		`"name_label":"Klant","field_labels":["Ticket"],"daily_hours":{"from":"22:00","to":"06:30"},` +
		`"sessions_csv":true,"delimiter":";","bom":true}`
	sum := sha256.Sum256([]byte(canonical))
	if got, want := r.Hash(), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the hash is %s, not that of %s", got, canonical)
	}

	text := map[string]string{
		"timezone": "Europe/Amsterdam", "language": "nl",
		"unit":        `technicians 7, 12; groups "A/C", "B"; channels 3`,
		"labels":      `name "Klant", custom_field_1 "Ticket"`,
		"daily hours": "22:00 to 06:30", "sessions_csv": "true", "csv": "delimiter ';', byte order mark",
	}
	if diff := cmp.Diff(text, r.Text()); diff != "" {
		t.Errorf("in words (-want +got):\n%s", diff)
	}

	// When a report is published, and against what it is measured, decides no rows: another
	// schedule rebuilds nothing.
	scheduled := r
	scheduled.Schedule = config.Schedule{
		Daily:   config.DailyDrop{At: config.TimeOfDay(time.Hour), Grace: config.Span(time.Minute), Deadline: config.Span(time.Hour)},
		Monthly: config.MonthlyDrop{At: config.TimeOfDay(time.Hour), Grace: config.Span(time.Minute), Deadline: config.Span(time.Hour)},
		CatchUp: "none", MaxAge: config.Retention(time.Hour),
	}
	scheduled.Targets.PickUp = config.Duration(time.Minute)
	if scheduled.Hash() != r.Hash() {
		t.Error("the schedule or the target is in the hash")
	}
	if diff := cmp.Diff(text, scheduled.Text()); diff != "" {
		t.Errorf("the schedule is in the words for the hash (-want +got):\n%s", diff)
	}

	seen := map[string]string{r.Hash(): "nothing"}
	for what, change := range map[string]func(r *config.Report){
		"name":          func(r *config.Report) { r.Name = "other" },
		"timezone":      func(r *config.Report) { r.Timezone = "UTC" },
		"language":      func(r *config.Report) { r.Language = "en" },
		"technicians":   func(r *config.Report) { r.Unit.Technicians = nil },
		"groups":        func(r *config.Report) { r.Unit.Groups = []string{"B"} },
		"channels":      func(r *config.Report) { r.Unit.Channels = []int64{4} },
		"label":         func(r *config.Report) { r.Labels.Name = "" },
		"custom fields": func(r *config.Report) { r.Labels.CustomFields = []string{"", "Ticket"} },
		"daily hours":   func(r *config.Report) { r.DailyHours = nil },
		"sessions_csv":  func(r *config.Report) { r.SessionsCSV = false },
		"delimiter":     func(r *config.Report) { r.CSV.Delimiter = ',' },
		"bom":           func(r *config.Report) { r.CSV.BOM = false },
		"durations":     func(r *config.Report) { r.CSV.Durations = "hours" },
		"times":         func(r *config.Report) { r.CSV.Times = "local" },
		"xlsx":          func(r *config.Report) { r.XLSX = true },
	} {
		changed := r
		change(&changed)
		if other, taken := seen[changed.Hash()]; taken {
			t.Errorf("changing %s gives the same hash as changing %s", what, other)
		}
		seen[changed.Hash()] = what

		different, now := 0, changed.Text()
		for setting := range now {
			if now[setting] != text[setting] {
				different++
			}
		}
		if what != "name" && different != 1 {
			t.Errorf("changing %s changes %d of the settings in words, not one", what, different)
		}
	}
}

// TestZones: what is suggested instead of a wrong time zone exists.
func TestZones(t *testing.T) {
	for name := range strings.FieldsSeq(string(readFile(t, "zones.txt"))) {
		if _, err := time.LoadLocation(name); err != nil {
			t.Error(err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, name := range glob(f, "*.yml") {
		f.Add(readFile(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := load("daybook.yml", data)
		if err != nil {
			var problems *config.Error
			if !errors.As(err, &problems) || len(problems.Problems) == 0 {
				t.Fatalf("%T without problems: %v", err, err)
			}
			for _, p := range problems.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("a problem without a place or a message: %+v", p)
				}
			}
			return
		}
		effective := c.Redacted()
		if _, err := load("daybook.yml", effective); err != nil {
			t.Errorf("the effective form is not a configuration: %v\n%s", err, effective)
		}
	})
}
