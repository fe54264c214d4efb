package lineage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"daybook/pipeline/build"
	"daybook/pipeline/lineage"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/settings"
	"daybook/sources/store"
	"daybook/transform/day"
)

// specification compiles the published schemas, which name each other by their addresses.
func specification(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	names, err := filepath.Glob("../../testdata/openlineage/*.json")
	if err != nil || len(names) != 12 {
		t.Fatalf("schemas: %q (%v)", names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var id struct {
			ID string `json:"$id"`
		}
		schema, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err == nil {
			err = json.Unmarshal(text, &id)
		}
		if err == nil {
			err = c.AddResource(id.ID, schema)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return c
}

// validate checks an event by the schema that it names, and each facet by the one that it
// names: under the key of the facet, which that schema defines.
func validate(t *testing.T, c *jsonschema.Compiler, text []byte) {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	check := func(address string, value any) {
		schema, err := c.Compile(address)
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", address, err, text)
		}
	}
	check(e["schemaURL"].(string), e)
	facets := func(of any) {
		all, _ := of.(map[string]any)
		for name, value := range all {
			address, fragment, _ := strings.Cut(value.(map[string]any)["_schemaURL"].(string), "#")
			check(address, map[string]any{name: value})
			check(address+"#"+fragment, value)
			whole, err := c.Compile(address)
			if err != nil || whole.Properties[name] == nil {
				t.Errorf("%s defines no facet %s (%v)", address, name, err)
			}
		}
	}
	facets(e["run"].(map[string]any)["facets"])
	facets(e["job"].(map[string]any)["facets"])
	for _, side := range []string{"inputs", "outputs"} {
		for _, d := range e[side].([]any) {
			for _, kind := range []string{"facets", "inputFacets", "outputFacets"} {
				facets(d.(map[string]any)[kind])
			}
		}
	}
}

// told is an event as a receiver sees it.
type told struct {
	EventType string
	EventTime time.Time
	Run       struct {
		RunID  string
		Facets map[string]json.RawMessage
	}
	Job             struct{ Namespace, Name string }
	Inputs, Outputs []struct {
		Namespace, Name                   string
		Facets, InputFacets, OutputFacets map[string]json.RawMessage
	}
}

func (e *told) String() string {
	line := e.EventType + " " + e.Job.Name
	for _, d := range e.Inputs {
		line += " " + d.Namespace + " " + d.Name
	}
	for _, d := range e.Outputs {
		line += " > " + d.Namespace + " " + d.Name
	}
	return line
}

// listener validates the events that it gets.
type listener struct {
	t    *testing.T
	spec *jsonschema.Compiler

	mu     sync.Mutex
	events []told
}

func (l *listener) add(e *lineage.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	validate(l.t, l.spec, e.JSON())
	var seen told
	if err := json.Unmarshal(e.JSON(), &seen); err != nil {
		l.t.Fatal(err)
	}
	l.events = append(l.events, seen)
}

// take returns the events since the last call.
func (l *listener) take() []told {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// counts are the events without their order and ids.
func counts(events []told) map[string]int {
	n := map[string]int{}
	for i := range events {
		n[events[i].String()]++
	}
	return n
}

func producer() *lineage.Producer {
	return &lineage.Producer{
		Namespace: "etl", Version: "1.2.3-rc+4",
		Source: func(key string) string { return "s3://dumps/raw/" + key },
		Sink:   func(key string) string { return "file:///srv/out/" + key },
	}
}

// run runs a target and tells about it, as a process does that is not stopped.
func run(t *testing.T, l *listener, s *settings.Pipeline, target partition.Target, only build.Only) {
	t.Helper()
	record := runs.Begin("host", runs.CommandLine, time.Now())
	r := producer().Begin(&record, l.add)
	result, err := (&build.Builder{Settings: s, Hooks: build.Hooks{OnStep: r.Step}}).Run(t.Context(), target, only)
	if err != nil {
		t.Fatal(err)
	}
	record.End(time.Now(), result, err, "")
	r.End(&record)
}

func newListener(t *testing.T) *listener { return &listener{t: t, spec: specification(t)} }

// month puts dumps of November, with one session a day, and returns settings for them.
func month(t *testing.T) *settings.Pipeline {
	t.Helper()
	source := store.NewMemory(nil)
	for d := 1; d <= 30; d++ {
		pipelinetest.Put(t, source, fmt.Sprintf("2026/11/%02d/a.ndjson", d), pipelinetest.SessionLines(d))
	}
	s := pipelinetest.OneReport(t, source, store.NewMemory(nil))
	s.Lookback = 2
	return s
}

var november = partition.WholeMonth(day.MonthOf(2026, 11))

const (
	dumps   = " s3://dumps raw"
	digests = "file /srv/out/state/digests"
	days    = "file /srv/out/reports/sessions"
)

// Each step that a run does has a START and a COMPLETE with the datasets that it reads and
// writes, and the run has them around all of these. A run without steps tells nothing.
func TestRunIsTold(t *testing.T) {
	l, s := newListener(t), month(t)
	run(t, l, s, november, build.OnlyDue)
	events := l.take()
	want := map[string]int{
		"START run": 1, "COMPLETE run": 1,
		"START digest" + dumps + " > " + digests: 30, "COMPLETE digest" + dumps + " > " + digests: 30,
		"START sessions.day " + digests + " > " + days: 30, "COMPLETE sessions.day " + digests + " > " + days: 30,
		"START sessions.month " + days + " > file /srv/out/reports_monthly/sessions":    1,
		"COMPLETE sessions.month " + days + " > file /srv/out/reports_monthly/sessions": 1,
	}
	if got := counts(events); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if first, last := &events[0], &events[len(events)-1]; first.Job.Name != "run" || last.Job.Name != "run" {
		t.Errorf("first %s, last %s", first, last)
	}
	begun := map[string]bool{}
	for i := range events {
		e := &events[i]
		if id := e.Run.RunID; (e.EventType == "START") == begun[id] {
			t.Errorf("%s under %s follows another one of it", e, id)
		}
		begun[e.Run.RunID] = true
		if e.Job.Namespace != "etl" {
			t.Errorf("the namespace is %s", e.Job.Namespace)
		}
		if e.Job.Name != "run" && !strings.Contains(string(e.Run.Facets["parent"]), events[0].Run.RunID) {
			t.Errorf("the parent of %s is %s", e, e.Run.Facets["parent"])
		}
	}
	if len(begun) != 62 {
		t.Errorf("there are %d runs, want 62", len(begun))
	}
	run(t, l, s, november, build.OnlyDue)
	if events := l.take(); len(events) > 0 {
		t.Errorf("a run without steps told %v", counts(events))
	}
}

// The facets say what a step has read and written, when its period is, and how the checks
// went. A session of the test has one row; a dump of it has 3 lines.
func TestFacets(t *testing.T) {
	l, s := newListener(t), month(t)
	run(t, l, s, november, build.OnlyDue)
	events := l.take()
	find := func(job string, period string) *told {
		for i := range events {
			if e := &events[i]; e.EventType == "COMPLETE" && e.Job.Name == job && strings.Contains(string(e.Run.Facets["nominalTime"]), period) {
				return e
			}
		}
		t.Fatalf("there is no %s of %s", job, period)
		return nil
	}
	has := func(what string, text json.RawMessage, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s has no %s: %s", what, part, text)
			}
		}
	}
	e := find("digest", `"nominalStartTime":"2026-11-20T00:00:00Z","nominalEndTime":"2026-11-21T00:00:00Z"`)
	lines := pipelinetest.SessionLines(20)
	has("a digest", e.Inputs[0].InputFacets["inputStatistics"], fmt.Sprintf(`"rowCount":%d,"size":%d,"fileCount":1`, strings.Count(lines, "\n"), len(lines)))
	has("a digest", e.Outputs[0].OutputFacets["outputStatistics"], `"rowCount":1,`)
	// The report's days begin at 23:00 UTC: Amsterdam is an hour ahead in November.
	e = find("sessions.day", `"nominalStartTime":"2026-11-19T23:00:00Z","nominalEndTime":"2026-11-20T23:00:00Z"`)
	m := pipelinetest.Manifest(t, s.Sink, partition.DayID("sessions", pipelinetest.Day))
	has("a day", e.Outputs[0].OutputFacets["outputStatistics"], fmt.Sprintf(`"rowCount":%d,"size":%d,"fileCount":1`, m.Rows, m.Parts[0].Bytes))
	has("a day", e.Outputs[0].Facets["schema"], `"name":"start_time","type":"TIMESTAMP WITH TIME ZONE"`, `"name":"report_date","type":"DATE"`)
	has("a day", e.Outputs[0].Facets["dataQualityAssertions"], `"assertion":"unique session and leg","success":true,"severity":"error"`)
	has("a day", e.Run.Facets["test"], `"name":"unique session and leg","status":"pass","severity":"error"`)
	has("a day", e.Inputs[0].InputFacets["inputStatistics"], fmt.Sprintf(`"fileCount":%d`, len(m.Inputs)))
	e = find("sessions.month", `"nominalStartTime":"2026-10-31T23:00:00Z","nominalEndTime":"2026-11-30T23:00:00Z"`)
	has("a month", e.Inputs[0].InputFacets["inputStatistics"], `"fileCount":30`)
}

// A step that fails has a FAIL with the error, and so has each step that needs it. The next
// attempt has another id, as the failed run is over.
func TestFailureIsTold(t *testing.T) {
	l, s := newListener(t), month(t)
	const key = "2026/11/20/a.ndjson.gz"
	pipelinetest.Put(t, s.Source, key, "\x1f\x8bno gzip")
	errors := map[string]string{
		"digest": "corrupt dump", "sessions.day": "waits for the digest of 2026-11-20", "run": "failed, and 1 could not be tried",
	}
	ids := map[string]bool{}
	for n := range 3 {
		s.Clock = func() time.Time { return pipelinetest.Later().Add(time.Duration(n) * time.Minute) }
		run(t, l, s, pipelinetest.TheDay, build.OnlyDue)
		failed := 0
		for _, e := range l.take() {
			if e.EventType != "FAIL" {
				continue
			}
			failed++
			if text := e.Run.Facets["errorMessage"]; !strings.Contains(string(text), errors[e.Job.Name]) {
				t.Errorf("the error of %s is %s", &e, text)
			}
			if e.Job.Name == "digest" {
				ids[e.Run.RunID] = true
			}
		}
		if failed != 3 { // the digest, the day, the run
			t.Errorf("%d events tell of failures, want 3", failed)
		}
	}
	if len(ids) != 3 {
		t.Errorf("three attempts have the ids %v", ids)
	}
}

// A step that a crash has cut short goes on under the same id in the next run. After it is
// done, the same partition has another one.
func TestRunIDs(t *testing.T) {
	l, s := newListener(t), month(t)
	idOf := func() string {
		t.Helper()
		for _, e := range l.take() {
			if e.Job.Name == "digest" {
				return e.Run.RunID
			}
		}
		t.Fatal("no digest was begun")
		return ""
	}
	crash := func() { // before anything is written
		record := runs.Begin("host", runs.CommandLine, time.Now())
		r := producer().Begin(&record, l.add)
		hooks := build.Hooks{
			Allow: func(s *plan.Step) bool { return s.ID == partition.DigestID(pipelinetest.Day) },
			OnStep: func(s *plan.Step, done *build.Done) {
				if done == nil { // nothing later is heard
					r.Step(s, nil)
				}
			},
		}
		broken := *s
		broken.Sink = noWrites{s.Sink}
		if _, err := (&build.Builder{Settings: &broken, Hooks: hooks}).Run(t.Context(), pipelinetest.TheDay, build.OnlyDue); err != nil {
			t.Fatal(err)
		}
	}
	crash()
	first := idOf()
	crash()
	if again := idOf(); again != first {
		t.Errorf("after a crash the id is %s, want %s", again, first)
	}
	only := func() string {
		record := runs.Begin("host", runs.CommandLine, time.Now())
		r := producer().Begin(&record, l.add)
		hooks := build.Hooks{OnStep: r.Step, Allow: func(s *plan.Step) bool { return s.ID == partition.DigestID(pipelinetest.Day) }}
		if _, err := (&build.Builder{Settings: s, Hooks: hooks}).Run(t.Context(), pipelinetest.TheDay, build.OnlyAll); err != nil {
			t.Fatal(err)
		}
		return idOf()
	}
	if done := only(); done != first {
		t.Errorf("the run that does the step has the id %s, want %s", done, first)
	}
	second, third := only(), only()
	if ids := []string{first, second, third}; len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 3 {
		t.Errorf("the ids of a step that is built again on request are %s", ids)
	}
}

// noWrites is a sink that takes nothing.
type noWrites struct{ store.Store }

func (noWrites) Put(context.Context, string, io.ReaderAt, int64, store.Condition) (store.Object, error) {
	return store.Object{}, errors.New("out of order")
}
