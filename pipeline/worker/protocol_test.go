package worker_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/extract"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/worker"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
)

func TestReadRequest(t *testing.T) {
	q, err := worker.ReadRequest(strings.NewReader(`{"steps":["digest//2026-11-20","day/sessions/2026-11-20","month/sessions/2026-11"]}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := day.Date(2026, 11, 20)
	want := []partition.ID{partition.DigestID(d), partition.DayID("sessions", d), partition.MonthID("sessions", d.Month())}
	if !slices.Equal(q.Steps, want) {
		t.Errorf("the steps are %v", q.Steps)
	}
	for text, why := range map[string]string{
		"":                                 "has no end",
		`{"steps":["digest//2026-11-20"]}`: "has no end", // cut off before the end of the line
		"\n":                               "no JSON as expected",
		"{}\n":                             "names no step",
		`{"steps":[null]}` + "\n":          "a step null",
		`{"steps":["digest/a/2026-11-20"]}` + "\n":                      "is no partition",
		`{"steps":["day/sessions/2026-11-31"]}` + "\n":                  "is no partition",
		`{"steps":["digest//2026-11-20","digest//2026-11-20"]}` + "\n":  "digest 2026-11-20 twice",
		`{"steps":["digest//2026-11-20"]} {}` + "\n":                    "no JSON as expected",
		`{"steps":["day/` + strings.Repeat("a", 1<<20) + `/2026-11-20"`: "has more than 1048576 bytes",
	} {
		if _, err := worker.ReadRequest(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("the error of %.60q is %v, not %q", text, err, why)
		}
	}
}

// Any bytes are refused with an error, or are steps that a request can name again.
func FuzzReadRequest(f *testing.F) {
	f.Add([]byte(`{"steps":["digest//2026-11-20","day/sessions/2026-11-20"]}` + "\n"))
	f.Add([]byte(`{"steps":["month/sessions/2026-11"]}` + "\n" + `{}`))
	f.Add([]byte(`{"steps":[null]}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := worker.ReadRequest(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		q2, err := worker.ReadRequest(bytes.NewReader(append(again, '\n')))
		if err != nil || !slices.Equal(q.Steps, q2.Steps) {
			t.Errorf("%q names %v, and written again %v: %v", text, q.Steps, q2, err)
		}
	})
}

// What workers write is what the end of a run reads: also the kinds of the errors, on
// which the exit code and the texts depend.
func TestOutcomes(t *testing.T) {
	d := day.Date(2026, 11, 20)
	rejects := &extract.TooManyRejects{Rejected: 2, Lines: 4, Events: 2, Allowed: 0.01}
	failed := func(id partition.ID, err error, waits bool) build.Done {
		return build.Done{ID: id, Err: err, Error: err.Error(), Waits: waits}
	}
	steps := []build.Done{
		{ID: partition.DigestID(d), State: publish.Published, Revision: 1, Rows: 3, Bytes: 5, URL: "file:///x",
			Read: &build.Read{Dumps: 2, Bytes: 7, Accounting: event.Accounting{Lines: 9, Accepted: 8, Blank: 1, Rejected: map[string]int64{}}}},
		failed(partition.DigestID(d+1), rejects, false),
		failed(partition.DayID("sessions", d), &build.Blocked{By: "the digest of 2026-11-21", Why: "it is broken"}, true),
		failed(partition.DayID("sessions", d+1), errors.New("read a dump: gone"), false),
	}
	var b bytes.Buffer
	if err := worker.WriteOutcomes(&b, steps); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(b.String(), "\n"); lines != len(steps) {
		t.Errorf("%d outcomes have %d lines", len(steps), lines)
	}
	read, err := worker.ReadOutcomes(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range steps {
		got := read[i]
		if got.ID != want.ID || got.State != want.State || got.Error != want.Error || got.Waits != want.Waits || got.Rows != want.Rows || got.URL != want.URL {
			t.Errorf("%+v became %+v", want, got)
		}
		if (got.Err == nil) != (want.Err == nil) || got.Err != nil && got.Err.Error() != want.Error {
			t.Errorf("the error %v became %v", want.Err, got.Err)
		}
	}
	if r := read[0].Read; r == nil || r.Dumps != 2 || r.Bytes != 7 || r.Accounting.Accepted != 8 {
		t.Errorf("it read %+v", r)
	}
	if !errors.As(read[1].Err, new(*extract.TooManyRejects)) || errors.As(read[3].Err, new(*extract.TooManyRejects)) {
		t.Error("the kinds of failed digests are mixed up")
	}
	if blocked := (*build.Blocked)(nil); !errors.As(read[2].Err, &blocked) || blocked.By != "the digest of 2026-11-21" {
		t.Errorf("the day is blocked by %v", blocked)
	}

	// A step that was tried again has its last outcome.
	again := failed(partition.DigestID(d), errors.New("gone"), false)
	if err := worker.WriteOutcomes(&b, []build.Done{again}); err != nil {
		t.Fatal(err)
	}
	if read, err = worker.ReadOutcomes(&b); err != nil || len(read) != len(steps) || read[0].Error != "gone" {
		t.Errorf("read again: %v, %v", read, err)
	}
}

func TestReadOutcomesRefuses(t *testing.T) {
	good := `{"done":{"kind":"digest","partition":"2026-11-20","state":"published","reason":"","rows":1,"bytes":1}}`
	for text, why := range map[string]string{
		good + "\n" + good[:40]: "line 2 is no outcome",
		"{}":                    "line 1",
		`{"done":{"kind":"digest","partition":"2026-11-20","state":"","rows":1,"bytes":1}}`:                                     "neither a state nor a failure",
		`{"done":{"kind":"digest","partition":"2026-11-20","state":"published","error":"x"},"failure":{"kind":"failed"}}`:       "neither a state nor a failure, or both",
		`{"done":{"kind":"digest","partition":"2026-11","state":"published"}}`:                                                  "line 1 is no outcome",
		`{"done":{"kind":"digest","partition":"2026-11-20","state":"published","error":"` + strings.Repeat("x", 17<<20) + `"}}`: "too long",
	} {
		if _, err := worker.ReadOutcomes(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("the error of %.80q is %v, not %q", text, err, why)
		}
	}
}

// Any bytes are refused with an error, or are outcomes with a state or an error.
func FuzzReadOutcomes(f *testing.F) {
	f.Add([]byte(`{"done":{"kind":"digest","partition":"2026-11-20","state":"published","rows":1,"bytes":1},"read":{"dumps":1}}`))
	f.Add([]byte(`{"done":{"kind":"day","report":"a","partition":"2026-11-20","error":"x"},"failure":{"kind":"blocked","by":"y"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		done, err := worker.ReadOutcomes(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, d := range done {
			if (d.Err == nil) == (d.State == "") {
				t.Errorf("%q: %+v", text, d)
			}
		}
	})
}

// What was tried is an object, and comes back with the next stage.
func TestReadTried(t *testing.T) {
	id := partition.DigestID(day.Date(2026, 11, 20))
	for text, want := range map[string]int{"{}": 0, " {} \n": 0, `{"digest//2026-11-20":["a","b"]}`: 2, `{"digest//2026-11-20":null}`: 0} {
		if tried, err := worker.ReadTried(strings.NewReader(text)); err != nil || tried == nil || len(tried[id]) != want {
			t.Errorf("%q: %v, %v", text, tried, err)
		}
	}
	for text, why := range map[string]string{
		"":                           "it is empty, or cut off",
		"{":                          "it is empty, or cut off",
		`{"digest//2026-11-20":["a"`: "it is empty, or cut off",
		"null":                       "what was tried is null: write {} at first",
		"[]":                         "no JSON as expected",
		`{"digest//2026-11-31":[]}`:  "is no partition",
		"{}{}":                       "more follows",
		"{} x":                       "no JSON as expected",
		`{"digest//2026-11-20":"a"}`: "no JSON as expected",
	} {
		if _, err := worker.ReadTried(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("the error of %q is %v, not %q", text, err, why)
		}
	}
}

// endless is an object that has no end.
type endless struct{ begun bool }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	if !e.begun {
		b[0], e.begun = '{', true
	}
	return len(b), nil
}

// An input without an end is refused once it is too long.
func TestReadTriedIsBounded(t *testing.T) {
	if _, err := worker.ReadTried(new(endless)); err == nil || !strings.Contains(err.Error(), "bytes or more") {
		t.Errorf("the error is %v", err)
	}
}

// Any bytes are refused with an error, or are what a next stage can be planned with.
func FuzzReadTried(f *testing.F) {
	for _, text := range []string{`{}`, `null`, `{"digest//2026-11-20":["a","b"],"day/sessions/2026-11-20":[]}`, `{"month/sessions/2026-11":null}`, `{} {}`, `{"":[]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tried, err := worker.ReadTried(bytes.NewReader(text))
		if err != nil {
			return
		}
		s := pipelinetest.Settings(t, store.NewMemory(nil), store.NewMemory(nil))
		pipelinetest.Put(t, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
		stage, err := worker.Next(t.Context(), &build.Builder{Settings: s}, pipelinetest.TheDay, build.None, tried)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(stage.Tried)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := worker.ReadTried(bytes.NewReader(again)); err != nil {
			t.Errorf("%q becomes %s: %v", text, again, err)
		}
	})
}
