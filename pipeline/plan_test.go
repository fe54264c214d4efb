package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// TestPlan does what the files in testdata/plan say, and compares the plans
// with the ones they expect. A file has a script, a command a line, and the
// other files that it names:
//
//	dump KEY FILE          store a dump; FILE has lines such as
//	                       "2026-11-20T08:00 1 created", "… 1 active", "… 1 closed_by_customer"
//	remove KEY             remove a dump
//	run [TARGET]           run what is due; TARGET is a day, a month, or nothing for everything
//	set NAME VALUE         lookback; timezone, unit, label of the report; report NAME for a further one
//	manifest DIR NAME N    change a number in a manifest, as if another daybook had written it
//	delete KEY             remove something from the sink
//	plan FILE [TARGET]     compare with a file that lists what is not fresh
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
			c.runner = &Runner{Source: c.source, Template: template, Lookback: 16, MaxRejected: 1, Sink: c.sink, Reports: []Report{{
				Definition: report.Definition{Name: "sessions", Zone: time.UTC},
				Text:       map[string]string{"timezone": "UTC", "unit": "everybody"},
			}}}
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
	runner       *Runner
	changed      bool
}

// define gives the reports hashes that tell their settings apart.
func (c *planCase) define() {
	for i := range c.runner.Reports {
		c.runner.Reports[i].Hash = fmt.Sprint(c.runner.Reports[i].Text)
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
		put(c.t, c.source, arg[0], events(c.t, c.section(arg[1])))
	case "remove":
		if err := c.source.Delete(c.t.Context(), arg[0]); err != nil {
			fatal("%v", err)
		}
	case "delete":
		if err := c.sink.Delete(c.t.Context(), arg[0]); err != nil {
			fatal("%v", err)
		}
	case "run":
		if _, err := c.runner.Run(c.t.Context(), c.target(arg), OnlyDue); err != nil {
			fatal("%v", err)
		}
	case "set":
		c.set(arg[0], strings.Join(arg[1:], " "))
	case "manifest":
		n, err := strconv.Atoi(arg[2])
		if err != nil {
			fatal("%v", err)
		}
		c.edit(arg[0]+"_manifest.json", arg[1], n)
	case "plan":
		plan, err := c.runner.Plan(c.t.Context(), c.target(arg[1:]))
		if err != nil {
			fatal("%v", err)
		}
		got, want := planText(plan), c.section(arg[0])
		if diff := cmp.Diff(want, got); diff != "" {
			if os.Getenv("UPDATE_PLANS") == "" {
				c.t.Errorf("%s:%d: the plan is different (-want +got):\n%s", c.file, line, diff)
			}
			for i := range c.archive.Files {
				if c.archive.Files[i].Name == arg[0] {
					c.archive.Files[i].Data, c.changed = []byte(got), os.Getenv("UPDATE_PLANS") != ""
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

func (c *planCase) target(arg []string) Target {
	c.t.Helper()
	if len(arg) == 0 {
		return Everything()
	}
	if m, err := day.ParseMonth(arg[0]); err == nil {
		return WholeMonth(m)
	}
	d := parseDay(c.t, arg[0])
	return Days(d, d)
}

func (c *planCase) set(name, value string) {
	c.t.Helper()
	first := &c.runner.Reports[0]
	switch name {
	case "lookback":
		n, err := strconv.Atoi(value)
		if err != nil {
			c.t.Fatal(err)
		}
		c.runner.Lookback = n
	case "timezone":
		zone, err := time.LoadLocation(value)
		if err != nil {
			c.t.Fatal(err)
		}
		first.Zone, first.Text["timezone"] = zone, value
	case "unit":
		first.Unit, first.Text["unit"] = report.Unit{Groups: []string{value}}, value
	case "report":
		c.runner.Reports = append(c.runner.Reports, Report{Definition: report.Definition{Name: value, Zone: time.UTC}, Text: map[string]string{"name": value}})
	default:
		c.t.Fatalf("there is no setting %s", name)
	}
	c.define()
}

// edit changes a number in a manifest.
func (c *planCase) edit(key, name string, n int) {
	c.t.Helper()
	body, _, err := c.sink.Open(c.t.Context(), key, 0, store.ToEnd, "")
	if err != nil {
		c.t.Fatal(err)
	}
	var m map[string]any
	b, err := io.ReadAll(body)
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
	put(c.t, c.sink, key, string(b))
}

// events writes the lines of a dump out as JSON.
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

// planText lists what of a plan is not fresh.
func planText(p *Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		if s.Status == Fresh && s.Failed == "" {
			continue
		}
		name := s.Report
		if s.Kind == Digest {
			name = string(Digest)
		}
		fmt.Fprintf(&b, "%s %s %s: %s\n", name, s.Partition, s.Status, strings.Join(s.Reasons, "; "))
		if s.Failed != "" {
			fmt.Fprintf(&b, "  failed: %s\n", s.Failed)
		}
	}
	for _, name := range p.Unknown {
		fmt.Fprintf(&b, "not read: %s\n", name)
	}
	for _, l := range p.TooLate {
		fmt.Fprintf(&b, "%s: %d lines of %s, %s: lookback_days %d\n", l.DumpDay, l.Lines, l.Date, l.Reason, l.Lookback)
	}
	return b.String()
}
