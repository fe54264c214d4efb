package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

var errLost = errors.New("the connection was cut")

// losing loses the answers to puts: of some before they are applied, and of one
// after.
type losing struct {
	store.Store
	before, after, puts int
}

func (l *losing) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	l.puts++
	if l.before > 0 {
		l.before--
		return store.Object{}, errLost
	}
	object, err := l.Store.Put(ctx, key, body, size, cond)
	if l.after > 0 && err == nil {
		l.after--
		return store.Object{}, errLost
	}
	return object, err
}

// A summary whose put has no answer is looked for, and put again a few times;
// one of other content is never replaced.
func TestPutSummaryWithoutAnAnswer(t *testing.T) {
	const text = "Sessions\r\n1\r\n"
	for _, c := range []struct {
		name          string
		there         string // before
		before, after int
		puts          int
		want          error
	}{
		{"answered", "", 0, 0, 1, nil},
		{"applied", "", 0, 1, 1, nil},
		{"not applied", "", 1, 0, 2, nil},
		{"not applied, and then applied", "", 1, 1, 2, nil},
		{"not applied for long", "", 3, 0, 3, errLost},
		{"the same is there", text, 0, 0, 1, nil},
		{"something else is there", "else", 0, 0, 1, publish.ErrRaced},
		{"not applied, and something else is there", "else", 1, 0, 2, publish.ErrRaced},
	} {
		memory := store.NewMemory(nil)
		if c.there != "" {
			put(t, memory, "k", c.there)
		}
		sink := &losing{Store: memory, before: c.before, after: c.after}
		r := newRunner(t, memory, sink)
		object, err := r.putSummary(t.Context(), "k", &summaryFile{"k", strings.NewReader(text), int64(len(text))}, store.Condition{IfAbsent: true})
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || sink.puts != c.puts {
			t.Errorf("%s: %d puts, error %v; want %d, %v", c.name, sink.puts, err, c.puts, c.want)
		}
		if c.want != nil {
			continue
		}
		body, there, err := memory.Open(t.Context(), "k", 0, store.ToEnd, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, []byte(text)) || object.ETag != there.ETag {
			t.Errorf("%s: %q is there as %s, and %s was told (error: %v)", c.name, got, there.ETag, object.ETag, err)
		}
	}
}

// withoutFigures makes a partition one that a daybook without figures has
// published.
func withoutFigures(t *testing.T, sink store.Store, dir, summaries string) {
	t.Helper()
	base, err := publish.Read(t.Context(), sink, dir)
	if err != nil || base.Manifest == nil {
		t.Fatalf("%s: %v", dir, err)
	}
	next := *base.Manifest
	next.Summaries = &publish.Summaries{Definition: next.Summaries.Definition, Files: slices.DeleteFunc(slices.Clone(next.Summaries.Files),
		func(f publish.SummaryFile) bool { return f.Name == figures.Name })}
	if len(next.Summaries.Files) != len(base.Manifest.Summaries.Files)-1 {
		t.Fatalf("%s has no figures", dir)
	}
	if _, err := publish.Amend(t.Context(), sink, dir, base, next); err != nil {
		t.Fatal(err)
	}
	if err := sink.Delete(t.Context(), summaries+figures.Name); err != nil {
		t.Fatal(err)
	}
}

// What was published without figures gets them once. Nothing else of it changes.
func TestFiguresAreAdded(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	put(t, source, "2026/11/20/a.ndjson", sessionLines(1))
	r, november := newRunner(t, source, sink), WholeMonth(day.MonthOf(2026, time.November))
	r.Reports = r.Reports[:1]
	run(t, r, november)
	before := contents(t, sink, false)
	dirs := map[string]string{
		"reports/sessions/dt=2026-11-20/":         "summaries/sessions/day/2026-11-20/",
		"reports/sessions_monthly/month=2026-11/": "summaries/sessions/month/2026-11/",
	}
	for dir, summaries := range dirs {
		withoutFigures(t, sink, dir, summaries)
	}
	result := run(t, r, november)
	if len(result.Steps) != len(dirs) {
		t.Errorf("steps %+v; want the day and the month", result.Steps)
	}
	for _, s := range result.Steps {
		if s.State != publish.Refreshed || s.Revision != 1 || s.Reason != "its summary _figures.json is missing" {
			t.Errorf("%s: %s, revision %d, for %q", s.Partition, s.State, s.Revision, s.Reason)
		}
	}
	after := contents(t, sink, false)
	if !maps.Equal(before, after) {
		t.Errorf("the sink is another one:\n%s", cmp.Diff(before, after))
	}
	if again := run(t, r, november); len(again.Steps) > 0 {
		t.Errorf("run again, there still was something to do: %+v", again.Steps)
	}
}
