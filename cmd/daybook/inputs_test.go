package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// daybook runs the program in the working directory.
func daybook(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &b, &b, func(string) (string, bool) { return "", false })
	return b.String(), code
}

// The dumps of other programs are read, or called what they are.
func TestInputs(t *testing.T) {
	inputs, err := filepath.Abs("../../testdata/inputs")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		rows int    // of all days; 0: the run fails
		says string // occurs in what run and plan say
	}{
		"firehose-concatenated":        {1, "1 dump was read as documents"},
		"firehose-concat-gz-noext":     {1, "1 dump, 307 B; 5 lines = 5 events"},
		"json-array":                   {1, "1 dump was read as array"},
		"json-array-pretty":            {1, "1 dump was read as array"},
		"gzip-trailing-newline":        {2, ""},
		"gzip-newline-between-members": {2, ""},
		"gz-named-plain":               {2, ""},
		"log-gz":                       {2, ""},
		"hive-unpadded":                {2, "sessions  2026-11-09"},
		"mixed-prefixes": {1, `2 objects look like dumps and are read for no day, such as eu/2026/11/20/a.json (its key has another shape than source.key; source.key: "eu/{yyyy}/{mm}/{dd}/" would take it); ` +
			`stream-b/2026/11/20/13/b.json (its key has another shape than source.key; source.key: "stream-b/{yyyy}/{mm}/{dd}/" would take it)`},
		"utf16le-bom":  {0, "a.ndjson: unsupported dump: it is UTF-16 text; have the producer write UTF-8"},
		"double-gzip":  {0, "a.ndjson.gz: unsupported dump: it is gzip within its compression; have the producer compress it once"},
		"zstd-long-28": {0, "a.ndjson.zst: unsupported dump: its zstd needs a window of 256 MiB, and source.max_window is 128 MiB; raise it, or have the producer write without --long"},
		"zstd-ext":     {0, "rejected as bad_json, the first in line 1: not one JSON object: unexpected x at byte 1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(inputs, name))); err != nil {
				t.Fatal(err)
			}
			t.Chdir(dir)
			ran, code := daybook(t, "run")
			if failed := code != 0; failed != (c.rows == 0) {
				t.Errorf("run: exit code %d\n%s", code, ran)
			}
			planned, code := daybook(t, "plan")
			if code != 0 {
				t.Errorf("plan: exit code %d\n%s", code, planned)
			}
			if got := publishedRows(t); got != c.rows {
				t.Errorf("%d rows, want %d\n%s", got, c.rows, ran)
			}
			if !strings.Contains(ran+planned, c.says) {
				t.Errorf("it says\n%s%s\nwant %s", ran, planned, c.says)
			}
		})
	}
}

// publishedRows counts the rows of all days in the manifests under out.
func publishedRows(t *testing.T) (rows int) {
	t.Helper()
	manifests, err := filepath.Glob("out/_manifests/reports/sessions/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range manifests {
		var m struct {
			Rows      int    `json:"rows"`
			Partition string `json:"partition"`
		}
		if text, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		} else if err := json.Unmarshal(text, &m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(m.Partition) == len("2026-11-20") {
			rows += m.Rows
		}
	}
	return rows
}

// packed is a text in a codec: "", "gz" or "zst".
func packed(t *testing.T, text, codec string) []byte {
	t.Helper()
	var b bytes.Buffer
	switch codec {
	case "gz":
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	case "zst":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(text))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	default:
		b.WriteString(text)
	}
	return b.Bytes()
}

// sessionOn are the events of a session on a day of November 2026.
func sessionOn(day int) []string {
	at := fmt.Sprintf("2026-11-%02dT09:", day)
	return []string{
		fmt.Sprintf(`{"event_id":"%d-1","ts":"%s00:00Z","session_id":%[1]d,"type":"session_created","session_type":"applet"}`, day, at),
		fmt.Sprintf(`{"event_id":"%d-2","ts":"%s01:00Z","session_id":%[1]d,"type":"status_changed","status":"active","technician":{"id":11,"name":"Ada Kok"}}`, day, at),
		fmt.Sprintf(`{"event_id":"%d-3","ts":"%s09:00Z","session_id":%[1]d,"type":"status_changed","status":"closed_by_customer"}`, day, at),
		fmt.Sprintf(`{"event_id":"%d-4","ts":"%s10:00Z","session_id":%[1]d,"type":"queue_removed","by":"technician","technician_id":11}`, day, at),
	}
}

func inLines(events []string) string    { return strings.Join(events, "\n") + "\n" }
func backToBack(events []string) string { return strings.Join(events, "") }
func inArray(events []string) string    { return "[\n  " + strings.Join(events, ",\n  ") + "\n]\n" }

// A configuration that daybook config init writes for the layout of a producer
// publishes what the producer wrote, as it is.
func TestConfigInit(t *testing.T) {
	for name, c := range map[string]struct {
		key   string // with the day of November
		codec string
		form  func([]string) string
		want  string // in the configuration
		more  string // another key of the same producer
	}{
		"Firehose":            {"2026/11/%02d/13/support-1-2026-11-%[1]02d-13-00-00-6f0c1d2e", "", backToBack, `key: "{yyyy}/{mm}/{dd}/"`, ""},
		"Firehose, gzip":      {"events/2026/11/%02d/13/support-1-2026-11-%[1]02d-13-00-00-6f0c1d2e.gz", "gz", backToBack, `key: "events/{yyyy}/{mm}/{dd}/"`, ""},
		"Fluent Bit":          {"fluent-bit-logs/app.support/2026/11/%02d/13/05/07-objectxK3pQ9aB", "", inLines, `key: "fluent-bit-logs/app.support/{yyyy}/{mm}/{dd}/"`, ""},
		"Fluent Bit, packed":  {"logs/2026-11-%02d/13-events.log.gz", "gz", inLines, `key: "logs/{yyyy}-{mm}-{dd}/"`, ""},
		"Vector":              {"date=2026-11-%02d/1795161600-4f0c2b1a.log.zst", "zst", inLines, `key: "date={yyyy}-{mm}-{dd}/"`, ""},
		"Kafka Connect":       {"topics/support/year=2026/month=11/day=%02d/hour=13/support+0+0000000042.json.gz", "gz", inLines, `key: "topics/support/year={yyyy}/month={mm}/day={dd}/"`, ""},
		"Hive, not padded":    {"year=2026/month=11/day=%d/part-0.json", "", inLines, `key: "year={yyyy}/month={mm}/day={dd}/"`, ""},
		"a file a day":        {"exports/events-2026-11-%02d.json", "", inArray, `key: "exports/events-{yyyy}-{mm}-{dd}"`, ""},
		"eight digits":        {"raw/202611%02d/dump.jsonl.gz", "gz", inLines, `key: "raw/{yyyy}{mm}{dd}/"`, ""},
		"two regions":         {"eu/2026/11/%02d/a.ndjson", "", inLines, `- key: "us/{yyyy}/{mm}/{dd}/"`, "us/2026/11/%02d/a.ndjson"},
		"another extension":   {"2026/11/%02d/events.txt", "", inLines, `names: "*.txt"`, ""},
		"exports, as text":    {"exports/2026-11-%02d.txt", "", asExport("|"), "kind: report", ""},
		"exports, as CSV":     {"reports/2026/11/%02d/report.csv", "", asExport(","), "kind: report", ""},
		"as EVENTS.md has it": {"2026/11/%02d/events.ndjson", "", inLines, `key: "{yyyy}/{mm}/{dd}/"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			days, rows := []int{9, 10, 20}, 0
			for _, day := range days {
				for i, key := range []string{c.key, c.more} {
					if key == "" {
						continue
					}
					events := sessionOn(day + i*100)
					for j := range events { // sessions of other keys have the same times
						events[j] = strings.Replace(events[j], fmt.Sprintf("2026-11-%02d", day+i*100), fmt.Sprintf("2026-11-%02d", day), 1)
					}
					write(t, "dumps/"+fmt.Sprintf(key, day), packed(t, c.form(events), c.codec))
					rows++
				}
			}
			write(t, "dumps/README.md", []byte("# Dumps\n"))
			if out, code := daybook(t, "config", "init"); code != 0 {
				t.Fatalf("config init: exit code %d\n%s", code, out)
			}
			text, err := os.ReadFile("daybook.yml")
			if err != nil || !strings.Contains(string(text), c.want) {
				t.Fatalf("%v; it wrote\n%s\nwant %s", err, text, c.want)
			}
			if out, code := daybook(t, "config", "check", "--online"); code != 0 || !strings.Contains(out, "such as") {
				t.Errorf("config check --online: exit code %d\n%s", code, out)
			}
			if out, code := daybook(t, "run"); code != 0 {
				t.Errorf("run: exit code %d\n%s", code, out)
			}
			if got := publishedRows(t); got != rows {
				t.Errorf("%d rows, want %d; the configuration is\n%s", got, rows, text)
			}
		})
	}
}

// An export of headings alone is an empty day, as a dump of blank lines is: the run says so.
func TestDumpsWithoutContent(t *testing.T) {
	for name, c := range map[string]struct{ kind, dump string }{
		"headings": {"report", "OK\nSession ID|Start Time|End Time|Status|Technician ID\n"},
		"blank":    {"events", "\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "dumps/2026/11/20/a.txt", []byte(c.dump))
			write(t, "daybook.yml", []byte("source:\n  store: {url: dumps}\n  names: '*.txt'\n  kind: "+c.kind+"\nsink:\n  store: {url: out}\n"))
			out, code := daybook(t, "run", "--date", "2026-11-20")
			if code != 0 || publishedRows(t) != 0 || !strings.Contains(out, "1 published day is empty: no dump of 2026-11-20 has a line") {
				t.Errorf("exit code %d\n%s", code, out)
			}
		})
	}
}

// asExport makes an export with one row, of the day of the events.
func asExport(delimiter string) func(events []string) string {
	return func(events []string) string {
		_, after, _ := strings.Cut(events[0], "2026-11-")
		day := after[:2]
		rows := fmt.Sprintf("Session ID|Start Time|End Time|Status|Technician ID\n%s|11/%[1]s/2026 9:01:00 AM|11/%[1]s/2026 9:11:00 AM|Closed by technician|7\n", day)
		return strings.ReplaceAll(rows, "|", delimiter)
	}
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Where it finds no dumps, it shows the keys that there are, and it never writes over
// a file.
func TestConfigInitRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	if out, code := daybook(t, "config", "init"); code == 0 || !strings.Contains(out, "dumps") {
		t.Errorf("no directory: exit code %d\n%s", code, out)
	}
	write(t, "dumps/events/a.json", []byte(`{}`))
	if out, code := daybook(t, "config", "init"); code == 0 || !strings.Contains(out, `its keys are such as ["events/a.json"]`) {
		t.Errorf("no date: exit code %d\n%s", code, out)
	}
	write(t, "dumps/2026/11/20/a.json", []byte(inLines(sessionOn(20))))
	write(t, "daybook.yml", []byte("workers: 1\n"))
	if out, code := daybook(t, "config", "init"); code != exitUsage || !strings.Contains(out, "daybook.yml exists already") {
		t.Errorf("a file: exit code %d\n%s", code, out)
	}
	write(t, "foreign/2026/11/20/a.json", []byte(`{"detail":{}}`))
	if out, code := daybook(t, "config", "init", "--from", "foreign", "--file", "foreign.yml"); code != 0 || !strings.Contains(out, "no session events; complete map in the file first") {
		t.Errorf("foreign events: exit code %d\n%s", code, out)
	}
	if out, code := daybook(t, "config", "init", "--file", "-"); code != 0 || !strings.Contains(out, `key: "{yyyy}/{mm}/{dd}/"`) {
		t.Errorf("standard output: exit code %d\n%s", code, out)
	}
}

// Dumps of another shape are named with the template that would take them, also where
// no dumps are found at all.
func TestNoDumpsShowsKeys(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "dumps/eu/2026/11/20/a.json", []byte(inLines(sessionOn(20))))
	for _, args := range [][]string{{"plan"}, {"run"}, {"run", "--date", "2026-11-20"}, {"config", "check", "--online"}} {
		out, code := daybook(t, args...)
		if want := `eu/2026/11/20/a.json (its key has another shape than source.key; source.key: "eu/{yyyy}/{mm}/{dd}/" would take it)`; code == 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d\n%s\nwant %s", args, code, out, want)
		}
	}
}

// The examples of maps make a session of what their producers write: ten minutes on
// 20 November, with Ada Kok.
func TestMapExamples(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob(filepath.Join(root, "config/examples/map-*.yml"))
	if err != nil || len(examples) != 2 {
		t.Fatalf("%v, %v", examples, err)
	}
	for name, key := range map[string]string{
		"map-eventbridge": "2026/11/20/09/support-1-2026-11-20-09-00-00-6f0c", "map-cloudevents": "topics/support-nl/year=2026/month=11/day=20/hour=09/support+0+1.json",
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			text, err := os.ReadFile(filepath.Join(root, "testdata/inputs/maps", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, "dumps/"+key, text)
			useExample(t, root, name)
			if out, code := daybook(t, "config", "try", "dumps/"+key); code != 0 {
				t.Errorf("config try: exit code %d\n%s", code, out)
			}
			out, code := daybook(t, "run")
			if code != 0 || publishedRows(t) != 1 || !strings.Contains(out, "6 lines = 5 events + 0 duplicates + 0 rejected + 1 blank") {
				t.Errorf("run: exit code %d\n%s", code, out)
			}
			out, _ = daybook(t, "explain", "--session", "41", "--date", "2026-11-20")
			for _, want := range []string{"Ada Kok", "09:00:00", "09:10:00"} {
				if !strings.Contains(out, want) {
					t.Errorf("explain says\n%s\nwant %s", out, want)
				}
			}
		})
	}
}

// useExample writes an example as the configuration, with directories for its stores.
func useExample(t *testing.T, root, name string) {
	t.Helper()
	example, err := os.ReadFile(filepath.Join(root, "config/examples", name+".yml"))
	if err != nil {
		t.Fatal(err)
	}
	var local []string
	for line := range strings.SplitSeq(string(example), "\n") {
		if strings.Contains(line, "acme-reports") {
			line = "    url: out"
		} else if strings.Contains(line, "url: s3:") {
			line = "    url: dumps"
		}
		local = append(local, line)
	}
	write(t, "daybook.yml", []byte(strings.Join(local, "\n")))
}

// The example of exports makes a row of the interface's text: a quarter past nine in
// Amsterdam, before there were events.
func TestExportExample(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "testdata/inputs/exports/report.txt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	write(t, "dumps/exports/2008/03/07/report.txt", text)
	useExample(t, root, "exports")
	out, code := daybook(t, "run")
	if code != 0 || publishedRows(t) != 1 || !strings.Contains(out, "3 lines = 1 event + 0 duplicates + 0 rejected + 2 blank") {
		t.Errorf("run: exit code %d\n%s", code, out)
	}
	out, _ = daybook(t, "explain", "--session", "41", "--date", "2008-03-07")
	for _, want := range []string{"Ada Kok", "09:02:15", "09:14:40", "0:11:50"} {
		if !strings.Contains(out, want) {
			t.Errorf("explain says\n%s\nwant %s", out, want)
		}
	}
}

// A changed map makes the days stale; without one, digests say nothing of it.
func TestChangedMap(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "dumps/2026/11/20/a.json", []byte(inLines(sessionOn(20))))
	if out, code := daybook(t, "run"); code != 0 {
		t.Fatalf("run: exit code %d\n%s", code, out)
	}
	for config, stale := range map[string]bool{
		"source: {form: auto, names: auto}": false, "source: {form: lines}": false, "source: {max_window: 256MiB}": false,
		"source: {map: {envelope: detail}}": true, "source: {form: documents}": true,
	} {
		write(t, "daybook.yml", []byte(config))
		out, _ := daybook(t, "plan")
		if got := strings.Contains(out, "source.map or source.form has changed"); got != stale {
			t.Errorf("%s: stale %t\n%s", config, got, out)
		}
	}
	manifests, err := filepath.Glob("out/_manifests/state/digests/*")
	if err != nil || len(manifests) == 0 {
		t.Fatalf("%v, %v", manifests, err)
	}
	for _, name := range manifests {
		if text, err := os.ReadFile(name); err != nil || bytes.Contains(text, []byte(`"reading"`)) || bytes.Contains(text, []byte(`"forms"`)) {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// However the events of a day are cut into objects, in every form and codec, in any
// order and with duplicates, the same bytes are published.
func TestSplitsPublishTheSame(t *testing.T) {
	var events []string
	for _, day := range []int{9, 10, 20} {
		for _, e := range sessionOn(day) {
			events = append(events, strings.ReplaceAll(strings.Replace(e, fmt.Sprintf("2026-11-%02d", day), "2026-11-20", 1), `"session_id":`, `"session_id": `))
		}
	}
	reversed := slices.Clone(events)
	slices.Reverse(reversed)
	var want string
	for i, objects := range []map[string][]byte{
		{"a.ndjson": packed(t, inLines(events), "")},
		{"a.json": packed(t, inArray(reversed), "")},
		{"a": packed(t, backToBack(reversed), "gz"), "b.log.zst": packed(t, inLines(events[3:7]), "zst")},
		{"a.json": packed(t, "\x1e"+strings.Join(events[:5], "\n\x1e"), "zst"), "B.JSON.GZ": packed(t, inArray(events[5:]), ""), "c.gz": packed(t, backToBack(events[:6]), "gz")},
		{"a.json": []byte("{\n" + strings.Join(events, "\n{\n")[1:])},
	} {
		t.Chdir(t.TempDir())
		for name, content := range objects {
			if i == 4 { // each document over two lines
				content = bytes.ReplaceAll(content, []byte("\n{\n{"), []byte("\n{\n"))
			}
			write(t, "dumps/2026/11/20/"+name, content)
		}
		if out, code := daybook(t, "run"); code != 0 {
			t.Fatalf("%d: run: exit code %d\n%s", i, code, out)
		}
		files, err := filepath.Glob("out/reports/sessions/dt=2026-11-20/*.parquet")
		if err != nil || len(files) != 1 {
			t.Fatalf("%d: %v, %v", i, files, err)
		}
		if want == "" {
			want = filepath.Base(files[0]) // it holds a hash of the content
		}
		if got := filepath.Base(files[0]); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}

// An object without an extension whose content is not JSON is no dump. The digest's
// manifest names it; a day with nothing else fails.
func TestNoDumpByContent(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "dumps/2026/11/20/README", []byte("Events of the support desk.\n"))
	why := `2026/11/20/README: no dump: it begins with "Events of the suppor", which is not JSON`
	if out, code := daybook(t, "run"); code == 0 || !strings.Contains(out, "no object of 2026-11-20 is a dump, such as "+why) {
		t.Errorf("no dumps: exit code %d\n%s", code, out)
	}
	write(t, "dumps/2026/11/20/a.json", []byte(inLines(sessionOn(20))))
	if out, code := daybook(t, "run"); code != 0 || publishedRows(t) != 1 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	manifests, err := filepath.Glob("out/_manifests/state/digests/*")
	if err != nil || len(manifests) != 1 {
		t.Fatalf("%v, %v", manifests, err)
	}
	var m struct {
		Digest struct {
			Unread struct {
				Objects  int
				Examples []string
			}
		}
	}
	text, err := os.ReadFile(manifests[0])
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if unread := m.Digest.Unread; err != nil || unread.Objects != 1 || len(unread.Examples) != 1 || unread.Examples[0] != why {
		t.Errorf("%v\n%s", err, text)
	}
	if out, _ := daybook(t, "plan"); !strings.Contains(out, "2 fresh") {
		t.Errorf("the day is made again:\n%s", out)
	}
}
