package plan_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sources/store"
	"daybook/testdata/golden"
	"daybook/transform/day"
	"daybook/transform/report"
)

// TestPlan does what the files in testdata/plan say, and compares the plans with the
// expected ones. A file has a script, with a command on each line, and the files that
// the script names:
//
//	dump KEY FILE          store a dump; FILE has lines such as
//	                       "2026-11-20T08:00 1 created", "… 1 active", "… 1 closed_by_customer"
//	remove KEY             remove a dump
//	run [TARGET]           build what is due; TARGET is a day, a month, or nothing for everything
//	set NAME VALUE         lookback; timezone, unit, label of the report; report NAME for a further one;
//	                       clock, such as 2026-11-20T08:00
//	manifest DIR NAME N    change a number in a manifest, as if another daybook had written it
//	delete KEY             remove something from the sink
//	plan FILE [TARGET]     compare with a file that lists the steps that are not fresh
func TestPlan(t *testing.T) {
	files, err := filepath.Glob("testdata/plan/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := &planCase{t: t, archive: archive, file: file, source: store.NewMemory(nil), sink: store.NewMemory(nil)}
			c.settings = pipelinetest.OneReport(t, c.source, c.sink)
			c.settings.Reports = []settings.Report{{
				Definition: report.Definition{Name: "sessions", Zone: time.UTC},
				Text:       map[string]string{"timezone": "UTC", "unit": "everybody"},
			}}
			c.define()
			for n, line := range strings.Split(string(archive.Comment), "\n") {
				if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
					c.do(n+1, fields)
				}
			}
			if c.changed {
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type planCase struct {
	t            *testing.T
	file         string
	archive      *txtar.Archive
	source, sink *store.Memory
	settings     *settings.Pipeline
	changed      bool
}

// define gives each report a hash that depends on its settings.
func (c *planCase) define() {
	for i := range c.settings.Reports {
		c.settings.Reports[i].Hash = fmt.Sprint(c.settings.Reports[i].Text)
	}
}

func (c *planCase) do(line int, fields []string) {
	c.t.Helper()
	fatal := func(format string, args ...any) {
		c.t.Helper()
		c.t.Fatalf("%s:%d: %s", c.file, line, fmt.Sprintf(format, args...))
	}
	switch arg := fields[1:]; fields[0] {
	case "dump":
		pipelinetest.Put(c.t, c.source, arg[0], events(c.t, c.section(arg[1])))
	case "remove":
		if err := c.source.Delete(c.t.Context(), arg[0]); err != nil {
			fatal("%v", err)
		}
	case "delete":
		if err := c.sink.Delete(c.t.Context(), arg[0]); err != nil {
			fatal("%v", err)
		}
	case "run":
		pipelinetest.RunOnly(c.t, c.settings, c.target(arg), build.OnlyDue)
	case "set":
		c.set(arg[0], strings.Join(arg[1:], " "))
	case "manifest":
		n, err := strconv.Atoi(arg[2])
		if err != nil {
			fatal("%v", err)
		}
		c.edit("_manifests/"+strings.TrimSuffix(arg[0], "/")+".json", arg[1], n)
	case "plan":
		got, want := pipelinetest.PlanText(pipelinetest.Plan(c.t, c.settings, c.target(arg[1:]))), c.section(arg[0])
		if diff := cmp.Diff(want, got); diff != "" {
			if !golden.Update() {
				c.t.Errorf("%s:%d: the plan is different (-want +got):\n%s", c.file, line, diff)
			}
			for i := range c.archive.Files {
				if c.archive.Files[i].Name == arg[0] {
					c.archive.Files[i].Data, c.changed = []byte(got), golden.Update()
				}
			}
		}
	default:
		fatal("unknown command %s", fields[0])
	}
}

func (c *planCase) section(name string) string {
	c.t.Helper()
	for _, f := range c.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	c.t.Fatalf("%s has no file %s", c.file, name)
	return ""
}

func (c *planCase) target(arg []string) partition.Target {
	c.t.Helper()
	if len(arg) == 0 {
		return partition.Everything()
	}
	if m, err := day.ParseMonth(arg[0]); err == nil {
		return partition.WholeMonth(m)
	}
	d := pipelinetest.ParseDay(c.t, arg[0])
	return partition.Days(d, d)
}

func (c *planCase) set(name, value string) {
	c.t.Helper()
	first := &c.settings.Reports[0]
	switch name {
	case "lookback":
		n, err := strconv.Atoi(value)
		if err != nil {
			c.t.Fatal(err)
		}
		c.settings.Lookback = n
	case "timezone":
		zone, err := time.LoadLocation(value)
		if err != nil {
			c.t.Fatal(err)
		}
		first.Zone, first.Text["timezone"] = zone, value
	case "clock":
		now, err := time.Parse("2006-01-02T15:04", value)
		if err != nil {
			c.t.Fatal(err)
		}
		c.settings.Clock = func() time.Time { return now }
	case "unit":
		first.Unit, first.Text["unit"] = report.Unit{Groups: []string{value}}, value
	case "report":
		c.settings.Reports = append(c.settings.Reports, settings.Report{Definition: report.Definition{Name: value, Zone: time.UTC}, Text: map[string]string{"name": value}})
	default:
		c.t.Fatalf("there is no setting %s", name)
	}
	c.define()
}

// edit changes a number in a manifest.
func (c *planCase) edit(key, name string, n int) {
	c.t.Helper()
	var m map[string]any
	b, err := pipelinetest.ReadObject(c.t.Context(), c.sink, key)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	in := m
	if group, member, nested := strings.Cut(name, "."); nested {
		in, name = m[group].(map[string]any), member
	}
	if _, ok := in[name]; !ok {
		c.t.Fatalf("%s has no %s", key, name)
	}
	in[name] = n
	delete(m, "checksum") // which would no longer match
	if b, err = json.Marshal(m); err != nil {
		c.t.Fatal(err)
	}
	pipelinetest.Put(c.t, c.sink, key, string(b))
}

// events writes the lines of a dump as JSON.
func events(t *testing.T, lines string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			t.Fatalf("%q is no time, session and event", line)
		}
		e := map[string]any{"event_id": strings.Join(fields, "-"), "ts": fields[0] + ":00Z", "type": "status_changed", "status": fields[2]}
		if fields[2] == "created" {
			e["type"], e["session_type"] = "session_created", "applet"
		}
		id, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		e["session_id"] = id
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", text)
	}
	return b.String()
}
