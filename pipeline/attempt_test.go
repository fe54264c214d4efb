package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// notices are what a runner's OnStep was told, by step.
type notices struct {
	mu    sync.Mutex
	steps map[string][]string
}

func (t *notices) onStep(s *Step, done *Done) {
	word := "begun"
	if done != nil {
		word = string(done.State)
		if done.Err() != nil {
			word = "failed"
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps[s.name().String()] = append(t.steps[s.name().String()], word)
}

// What is not allowed stays as it is, and whatever can be made without it is
// made; once it is allowed, all is as if it had been from the start.
func TestAllow(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	for d := 1; d <= 30; d++ {
		put(t, source, fmt.Sprintf("2026/11/%02d/a.ndjson", d), sessionLines(d))
	}
	r := newRunner(t, source, sink)
	r.Reports, r.Lookback, r.MaxRejected = r.Reports[:1], 2, 1
	r.Allow = func(s *Step) bool {
		switch s.Kind {
		case Digest:
			return s.Partition != "2026-11-20"
		case Day:
			return s.Partition != "2026-11-10"
		}
		return true
	}
	var steps notices
	steps.steps = map[string][]string{}
	r.OnStep = steps.onStep
	target := WholeMonth(day.MonthOf(2026, 11))
	if n := len(run(t, r, target).Steps); n != 29+24 { // the 19th to the 23rd need the digest of the 20th
		t.Errorf("%d steps were done", n)
	}
	left := map[string]bool{"digest 2026-11-20": true, "month 2026-11 of sessions": true, "day 2026-11-10 of sessions": true}
	for d := 19; d <= 23; d++ {
		left[fmt.Sprintf("day 2026-11-%d of sessions", d)] = true
	}
	for d := 1; d <= 30; d++ {
		for _, name := range []string{fmt.Sprintf("digest 2026-11-%02d", d), fmt.Sprintf("day 2026-11-%02d of sessions", d)} {
			if got := steps.steps[name]; left[name] && got != nil || !left[name] && !slices.Equal(got, []string{"begun", "published"}) {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
	if got := steps.steps["month 2026-11 of sessions"]; got != nil {
		t.Errorf("the month: %v", got)
	}
	plan, err := r.Plan(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range plan.Steps {
		if (s.due() || s.Status == Waiting) != left[s.name().String()] {
			t.Errorf("%s is %s: %v", s.name(), s.Status, s.Reasons)
		}
	}

	r.Allow = nil
	run(t, r, target)
	want := store.NewMemory(nil)
	whole := newRunner(t, source, want)
	whole.Reports, whole.Lookback, whole.MaxRejected = r.Reports, r.Lookback, r.MaxRejected
	run(t, whole, target)
	sameContents(t, "in two runs", seen(t, want), seen(t, sink))
}

// A stale day that is not allowed does not hold its month.
func TestMonthOfDaysAsTheyAre(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/30/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	r.Allow = func(s *Step) bool { return s.Kind != Month }
	target := WholeMonth(day.MonthOf(2026, 11))
	run(t, r, target)
	r.Reports[0].Hash = "another"
	r.Allow = func(s *Step) bool { return s.Kind == Month }
	result := run(t, r, target)
	if len(result.Steps) != 2 || result.Steps[0].Kind != Month || result.Steps[1].Kind != Month {
		t.Errorf("done: %+v", result.Steps)
	}
}

// A step says what is published of it.
func TestStepsSayWhatIsPublished(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1, 2))
	r := newRunner(t, source, sink)
	r.Reports = r.Reports[:1]
	steps := func() map[Kind]Step {
		plan, err := r.Plan(t.Context(), theDay(t))
		if err != nil {
			t.Fatal(err)
		}
		byKind := map[Kind]Step{}
		for _, s := range plan.Steps {
			byKind[s.Kind] = s
		}
		return byKind
	}
	for kind, s := range steps() {
		if s.Revision != 0 || s.Rows != 0 || s.Bytes != 0 || s.Sessions != 0 || !s.Published.IsZero() {
			t.Errorf("%s, with nothing published: %+v", kind, s)
		}
	}
	run(t, r, theDay(t))
	objects := map[string]store.Object{}
	for object, err := range sink.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		objects[object.Key] = object
	}
	for kind, dir := range map[Kind]string{Digest: digestDir(parseDay(t, day20)), Day: dayDir("sessions", parseDay(t, day20))} {
		base, err := publish.Read(t.Context(), sink, dir)
		if err != nil {
			t.Fatal(err)
		}
		s := steps()[kind]
		if s.Revision != 1 || s.Rows != 2 || s.Sessions != 2 || s.Bytes != partsBytes(base.Manifest) || !s.Published.Equal(objects[dir+publish.ManifestName].Modified) {
			t.Errorf("%s: %+v", kind, s)
		}
	}
}

// panicking panics when a key is opened that holds some text.
type panicking struct {
	store.Store
	text string
}

func (p panicking) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	if strings.Contains(key, p.text) {
		panic("no store opens " + key)
	}
	return p.Store.Open(ctx, key, offset, length, ifMatch)
}

// A panic fails the step that it happens in, and no other.
func TestPanic(t *testing.T) {
	source := store.NewMemory(nil)
	for d := 20; d <= 22; d++ {
		put(t, source, fmt.Sprintf("2026/11/%d/a.ndjson", d), sessionLines(d))
	}
	for _, memory := range []int64{0, 2 * laneMemory} { // in one lane, and in two
		sink := store.NewMemory(nil)
		r := newRunner(t, source, panicking{sink, digestDir(parseDay(t, "2026-11-21"))})
		r.Workers, r.Memory = 2, memory
		var steps notices
		steps.steps = map[string][]string{}
		r.OnStep = steps.onStep
		result, err := r.Run(t.Context(), Days(parseDay(t, "2026-11-20"), parseDay(t, "2026-11-22")), OnlyDue)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range result.Steps {
			switch {
			case d.Kind == Digest && d.Partition == "2026-11-21":
				want := "digest 2026-11-21: no store opens state/digests/dt=2026-11-21/_manifest.json; this is a bug of daybook, please report it:\n\tdaybook/pipeline.panicking.Open ("
				if !strings.HasPrefix(d.Error, want) {
					t.Errorf("got %q\nwant %q…", d.Error, want)
				}
			case d.Kind == Digest && d.Err() != nil:
				t.Errorf("%s: %s", d.Partition, d.Error)
			case d.Kind == Day && !errors.As(d.Err(), new(*Blocked)):
				t.Errorf("%s of %s: %+v", d.Partition, d.Report, d)
			}
		}
		for name, words := range steps.steps {
			if len(words) != 2 || words[0] != "begun" {
				t.Errorf("%s: %v", name, words)
			}
		}
	}
}

// Who is told of the beginning of a step is told of its end, also where it was
// interrupted.
func TestInterruptedStepIsOver(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	ctx, cancel := context.WithCancel(t.Context())
	var ends []error
	r.OnStep = func(_ *Step, done *Done) {
		if cancel(); done != nil {
			ends = append(ends, done.Err())
		}
	}
	result, err := r.Run(ctx, theDay(t), OnlyDue)
	if !errors.Is(err, context.Canceled) || len(result.Steps) > 0 {
		t.Errorf("%+v (%v)", result.Steps, err)
	}
	if len(ends) != 1 || !errors.Is(ends[0], context.Canceled) {
		t.Errorf("ends: %v", ends)
	}
}

// requests counts what a store is asked for.
type requests struct {
	store.Store
	mu           sync.Mutex
	lists, opens []string
}

func (r *requests) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = append(r.lists, prefix)
	return r.Store.List(ctx, prefix)
}

func (r *requests) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	r.mu.Lock()
	r.opens = append(r.opens, key)
	r.mu.Unlock()
	return r.Store.Open(ctx, key, offset, length, ifMatch)
}

// A manifest or a note of a failure is read once, and again when it has changed;
// what is planned is the same as without what is known.
func TestKnown(t *testing.T) {
	source, sink := store.NewMemory(nil), &requests{Store: store.NewMemory(nil)}
	for d := 20; d <= 30; d++ {
		put(t, source, fmt.Sprintf("2026/11/%d/a.ndjson", d), sessionLines(d))
	}
	r := newRunner(t, source, sink)
	r.Known = NewKnown()
	look := func(what string, target Target, most ...string) {
		t.Helper()
		sink.opens = nil
		plan, err := r.Plan(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		opens := slices.Sorted(slices.Values(sink.opens))
		fresh := *r
		fresh.Known = nil
		want, err := fresh.Plan(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := planText(plan), planText(want); got != want || len(plan.Steps) == 0 {
			t.Errorf("%s:\n%s\nwithout what is known:\n%s", what, got, want)
		}
		for i := range plan.Steps {
			got, want := plan.Steps[i], want.Steps[i]
			if got.Revision != want.Revision || got.Rows != want.Rows || got.Sessions != want.Sessions || !got.Published.Equal(want.Published) || got.etag != want.etag {
				t.Errorf("%s, %s:\n%+v\n%+v", what, got.name(), got, want)
			}
		}
		if !slices.Equal(opens, most) {
			t.Errorf("%s: it opened %q, want %q", what, opens, most)
		}
	}
	look("nothing published", Everything())
	run(t, r, Everything())
	if _, err := r.Plan(t.Context(), Everything()); err != nil {
		t.Fatal(err)
	}
	look("everything known", Everything())
	look("a day known", theDay(t))

	notes := []string{"state/failed/day/sessions/2026-11-20.json", "state/failed/digest/-/2026-11-20.json"}
	for _, key := range notes {
		put(t, sink, key, `{"error":"the disk is full"}`)
	}
	look("failures", Everything(), notes...)
	look("failures known", Everything())
	put(t, sink, notes[0], `{"error":"the disk is gone"}`)
	look("another failure", Everything(), notes[0])
	for _, key := range notes {
		if err := sink.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	look("no failure any more", Everything())

	put(t, source, "2026/11/21/b.ndjson", sessionLines(121))
	other := newRunner(t, source, sink) // another process
	run(t, other, Everything())
	restated := []string{"state/digests/dt=2026-11-21/_manifest.json"}
	for _, name := range []string{"emea", "sessions"} { // every day has this one in its window
		for d := 20; d <= 30; d++ {
			restated = append(restated, fmt.Sprintf("reports/%s/dt=2026-11-%d/_manifest.json", name, d))
		}
	}
	slices.Sort(restated)
	look("restated by another", Everything(), restated...)
	look("and known again", Everything())

	// The text of an earlier definition is not kept while that is the report's.
	r.Reports[0].Hash, r.Reports[0].Text = "another", map[string]string{"timezone": "UTC"}
	sink.opens = nil
	plan, err := r.Plan(t.Context(), theDay(t))
	if err != nil {
		t.Fatal(err)
	}
	stale := slices.IndexFunc(plan.Steps, func(s Step) bool { return s.Report == "sessions" && s.Kind == Day })
	if s := plan.Steps[stale]; len(sink.opens) != 11 || s.Status != Stale {
		t.Errorf("%+v; it opened %q", s, sink.opens)
	}
	look("a new definition", theDay(t))
}

// A look asks for few lists, and reads no manifest that is not there.
func TestRequestsOfALook(t *testing.T) {
	source, sink := &requests{Store: store.NewMemory(nil)}, &requests{Store: store.NewMemory(nil)}
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r := newRunner(t, source, sink)
	r.Reports = r.Reports[:1]
	if _, err := r.Plan(t.Context(), theDay(t)); err != nil {
		t.Fatal(err)
	}
	slices.Sort(sink.lists)
	if want := []string{
		"reports/sessions/dt=2026-11-20/", "reports/sessions_monthly/month=2026-11/",
		"state/digests/dt=2026-11-", "state/digests/dt=2026-12-", "state/failed/",
		"summaries/sessions/day/2026-11-20/", "summaries/sessions/month/2026-11/",
	}; !slices.Equal(sink.lists, want) || len(sink.opens) > 0 {
		t.Errorf("lists %q, opens %q", sink.lists, sink.opens)
	}
}

func TestSpanPrefixes(t *testing.T) {
	for _, c := range []struct {
		from, to     string
		days, months string
	}{
		{"2026-11-20", "2026-11-20", "2026-11-20/", "2026-11/"},
		{"2026-11-20", "2026-11-21", "2026-11-", "2026-11/"},
		{"2026-11-04", "2026-12-06", "2026-11- 2026-12-", "2026-"},
		{"2024-12-31", "2026-01-01", "2024-12- 2025- 2026-01-", "2024- 2025- 2026-"},
		{"2025-01-01", "2026-12-31", "2025- 2026-", "2025- 2026-"},
	} {
		s := span{parseDay(t, c.from), parseDay(t, c.to)}
		if days, months := strings.Join(s.dayPrefixes(), " "), strings.Join(s.monthPrefixes(), " "); days != c.days || months != c.months {
			t.Errorf("%s to %s: days %q, months %q", c.from, c.to, days, months)
		}
	}
	if s := always(); !slices.Equal(s.dayPrefixes(), []string{""}) || !slices.Equal(s.monthPrefixes(), []string{""}) {
		t.Errorf("always: %q, %q", s.dayPrefixes(), s.monthPrefixes())
	}
}

// A panic in a goroutine is the error of what was done in it.
func TestGuarded(t *testing.T) {
	failing := errors.New("failed")
	for _, c := range []struct {
		name string
		f    func() error
		want string
	}{
		{"nothing", func() error { return nil }, ""},
		{"an error", func() error { return failing }, "failed"},
		{"a panic", func() error { panic("fell over") }, "fell over; this is a bug of daybook"},
	} {
		err := each(t.Context(), 4, 2, func(context.Context, int) error { return c.f() })
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
