package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"daybook/pipeline/wide"
	"daybook/pipeline/wide/wire"
)

// program runs a command of a configuration that has to succeed.
func program(t *testing.T, config string, in io.Reader, args ...string) []byte {
	t.Helper()
	var out, notes bytes.Buffer
	if code := run(t.Context(), append(args, "--config", config, "--quiet"), in, &out, &notes, os.LookupEnv); code != exitDone {
		t.Fatalf("daybook %s: exit code %d\n%s", strings.Join(args, " "), code, &notes)
	}
	return out.Bytes()
}

// workerRows are the rows that a worker makes of a task and of rows.
func workerRows(t *testing.T, config, name string, task any, rows []wire.Row) (made []wire.Row) {
	t.Helper()
	var in bytes.Buffer
	w := wire.NewWriter(&in)
	payload, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range append([]wire.Row{{Kind: wire.Task, Payload: payload}}, rows...) {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := wire.NewReader(bytes.NewReader(program(t, config, &in, "worker", name)))
	for {
		row, err := r.Next()
		if err == io.EOF {
			return made
		}
		if err != nil {
			t.Fatal(err)
		}
		row.Payload = bytes.Clone(row.Payload)
		made = append(made, row)
	}
}

// result reads the payload of a row of results.
func result[T any](t *testing.T, row wire.Row) (r T) {
	t.Helper()
	if row.Kind != wire.Result {
		t.Fatalf("a row of kind %d is no result", row.Kind)
	}
	if err := json.Unmarshal(row.Payload, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// pipe sends a stage through a command.
func pipe(t *testing.T, config string, stage any, args ...string) []byte {
	t.Helper()
	b, err := json.Marshal(stage)
	if err != nil {
		t.Fatal(err)
	}
	return program(t, config, bytes.NewReader(b), args...)
}

// The commands of a wide day publish the files of a backfill.
func TestWideCommands(t *testing.T) {
	dir := t.TempDir()
	days := []string{"--from", "2026-11-18", "--to", "2026-11-19"}
	configs := map[string]string{}
	for _, name := range []string{"one", "many"} {
		configs[name] = filepath.Join(dir, name+".yml")
		text := "source: {store: {url: " + dir + "/dumps}}\nsink: {store: {url: " + dir + "/" + name + "}}\nreports: [{name: sessions, timezone: Europe/Amsterdam}, {name: utc}]\n"
		if err := os.WriteFile(configs[name], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := configs["many"]
	program(t, config, nil, "generate", "--out", dir+"/dumps", "--from", "2026-11-18", "--days", "2", "--sessions-per-day", "12")
	program(t, configs["one"], nil, append([]string{"backfill"}, days...)...)

	runWide(t, config, append(days, "--range-events", "100"))
	for _, root := range []string{"reports", "summaries"} {
		sameFiles(t, filepath.Join(dir, "one", root), filepath.Join(dir, "many", root))
	}
}

// runWide does what a job does, by the commands of a wide day. It shuffles the rows
// between them like Spark.
func runWide(t *testing.T, config string, which []string) {
	t.Helper()
	var digests wide.DigestStage
	tried := next(t, config, which, "{}", "digests", &digests)
	byPID := map[int32][]wire.Row{}
	for _, task := range digests.Decode {
		for _, row := range workerRows(t, config, "decode", task, nil) {
			byPID[row.PID] = append(byPID[row.PID], row)
		}
	}
	for i, task := range digests.Digest {
		if task.PID != int32(i) {
			t.Errorf("task %d has pid %d", i, task.PID)
		}
		for _, row := range workerRows(t, config, "digest", task, byPID[task.PID]) {
			digests.Results = append(digests.Results, result[wide.RangeResult](t, row))
		}
	}
	outcomes := pipe(t, config, &digests, "worker", "commit-digests")
	if n := bytes.Count(outcomes, []byte(`"state":"published"`)); n != len(digests.Jobs) || len(digests.Digest) <= n {
		t.Fatalf("%d digests of %d ranges were published:\n%s", n, len(digests.Digest), outcomes)
	}

	var stage wide.DayStage
	tried = next(t, config, which, tried, "days", &stage)
	var rows []wire.Row
	for _, task := range stage.Stitch {
		for _, row := range workerRows(t, config, "stitch", task, nil) {
			if row.Kind == wire.Rows {
				rows = append(rows, row)
				continue
			}
			stage.Stitched = append(stage.Stitched, result[wide.StitchResult](t, row))
		}
	}
	unmarshal(t, pipe(t, config, &stage, "worker", "cut-days"), &stage)
	for _, task := range stage.Parts {
		var some []wire.Row
		for _, row := range rows {
			for _, route := range stage.Routes {
				if route.From == row.PID && route.Bucket == row.Seq && route.To == task.PID {
					some = append(some, row)
				}
			}
		}
		for _, row := range workerRows(t, config, "parts", task, some) {
			stage.Results = append(stage.Results, result[wide.PartResult](t, row))
		}
	}
	outcomes = append(outcomes, pipe(t, config, &stage, "worker", "commit-days")...)
	program(t, config, bytes.NewReader(outcomes), append([]string{"worker", "finish"}, which[:4]...)...)
	next(t, config, which, tried, "", nil)
}

// Documents with a map, other forms of dumps and an object that is no dump come to the
// same on many machines: the files, and what the manifests of digests say about them.
func TestWideCommandsWithForeignInputs(t *testing.T) {
	dir := t.TempDir()
	example, err := os.ReadFile("../../config/examples/map-eventbridge.yml")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := os.ReadFile("../../testdata/inputs/maps/map-eventbridge.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"support-1": documents,
		"support-2": bytes.ReplaceAll(documents, []byte(`"id":"e-`), []byte(`"id":"f-`)),
		"README":    []byte("Read me."),
	} {
		write(t, filepath.Join(dir, "dumps/2026/11/20/09", name), text)
	}
	configs := map[string]string{}
	for _, name := range []string{"one", "many"} {
		text := strings.NewReplacer("s3://acme-events/support", dir+"/dumps", "s3://acme-reports", dir+"/"+name).Replace(string(example))
		configs[name] = filepath.Join(dir, name+".yml")
		write(t, configs[name], []byte(text))
	}
	days := []string{"--from", "2026-11-20", "--to", "2026-11-20"}
	program(t, configs["one"], nil, append([]string{"backfill"}, days...)...)
	runWide(t, configs["many"], append(days, "--range-events", "3"))
	for _, root := range []string{"reports", "summaries"} {
		sameFiles(t, filepath.Join(dir, "one", root), filepath.Join(dir, "many", root))
	}
	seen := map[string]string{}
	for name := range configs {
		b, err := os.ReadFile(filepath.Join(dir, name, "_manifests/state/digests/dt=2026-11-20.json"))
		if err != nil {
			t.Fatal(err)
		}
		var m struct{ Inputs, Accounting, Digest json.RawMessage }
		unmarshal(t, b, &m)
		seen[name] = string(m.Inputs) + string(m.Accounting)
		if !strings.Contains(seen[name], "README") {
			t.Errorf("%s does not tell of the object that is no dump: %s", name, seen[name])
		}
	}
	if seen["one"] != seen["many"] {
		t.Errorf("one machine saw\n%s\nand many machines\n%s", seen["one"], seen["many"])
	}
}

// next plans a stage, which has to be of one work, and returns what was tried with it.
func next(t *testing.T, config string, which []string, tried, work string, to any) string {
	t.Helper()
	var stage struct {
		Work        string
		Wide, Tried json.RawMessage
	}
	args := append([]string{"worker", "next", "--wide", "always"}, which...)
	unmarshal(t, program(t, config, strings.NewReader(tried), args...), &stage)
	if stage.Work != work {
		t.Fatalf("the next stage is %q, want %q", stage.Work, work)
	}
	if to != nil {
		unmarshal(t, stage.Wide, to)
	}
	return string(stage.Tried)
}

func unmarshal(t *testing.T, b []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
}

// sameFiles fails unless two directories have the same files.
func sameFiles(t *testing.T, want, got string) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(want, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		n++
		path, err := filepath.Rel(want, name)
		if err != nil {
			return err
		}
		a, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if b, err := os.ReadFile(filepath.Join(got, path)); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", path, err)
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Errorf("%d files in %s: %v", n, want, err)
	}
}

// A worker refuses what is no stream, or is cut off.
func TestWideCommandsRefuse(t *testing.T) {
	config := filepath.Join(t.TempDir(), "daybook.yml")
	if err := os.WriteFile(config, []byte("source: {store: {url: "+t.TempDir()+"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	w := wire.NewWriter(&whole)
	if err := w.Write(wire.Row{Kind: wire.Task, Payload: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"decode", "digest", "stitch", "parts"} {
		for _, in := range []string{"", "{}", whole.String()[:whole.Len()-8], whole.String() + "x"} {
			var notes bytes.Buffer
			code := run(t.Context(), []string{"worker", name, "--config", config}, strings.NewReader(in), io.Discard, &notes, os.LookupEnv)
			if code != exitFailed || !strings.Contains(notes.String(), "the stream of rows is damaged") {
				t.Errorf("worker %s with %d bytes: exit code %d, %s", name, len(in), code, &notes)
			}
		}
	}
	for _, args := range [][]string{{"next", "--wide", "sometimes"}, {"next"}, {"cut-days"}, {"commit-digests"}, {"commit-days"}} {
		var notes bytes.Buffer
		if code := run(t.Context(), append([]string{"worker", "--config", config}, args...), strings.NewReader("x"), io.Discard, &notes, os.LookupEnv); code != exitUsage {
			t.Errorf("worker %v: exit code %d, %s", args, code, &notes)
		}
	}
}
