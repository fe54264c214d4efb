package split

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
	"daybook/transform/day"
	"daybook/transform/event"
)

// options are those of a small split into to.
func options(to store.Store) *Options {
	return &Options{To: to, Source: &dump.Source{Template: pipelinetest.Template}, Budget: parallel.NewBudget(1, 64<<20)}
}

// inputsOf are all objects of an archive, by key.
func inputsOf(t *testing.T, from store.Store) (inputs []Input) {
	t.Helper()
	for object, err := range from.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, Input{from, dump.Dump{Key: object.Key, ETag: object.ETag, Size: object.Size}})
	}
	return inputs
}

func split(t *testing.T, from, to store.Store) *Result {
	t.Helper()
	r, err := Run(t.Context(), inputsOf(t, from), options(to))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// linesIn are the lines of the dumps of a store, by day, in the order of keys; those of
// control files are under the day 0.
func linesIn(t *testing.T, st store.Store) map[day.Day][]string {
	t.Helper()
	source, all := options(nil).Source, map[day.Day][]string{}
	for object, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		d, _ := source.Template.Day(object.Key)
		r, err := dump.Open(t.Context(), st, dump.Dump{Key: object.Key, ETag: object.ETag, Size: object.Size})
		if err != nil {
			t.Fatal(err)
		}
		for {
			line, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			all[d] = append(all[d], string(line.Bytes))
		}
		r.Close()
	}
	return all
}

func at(date string, n int) string {
	return fmt.Sprintf(`{"event_id":"%s-%d","ts":"%[1]sT08:00:00Z", "session_id":%[2]d,"type":"presence"}`, date, n)
}

// Each line goes to the day of its event byte for byte and in its order, also if
// another member is wrong. Those without a readable time go aside.
func TestSplit(t *testing.T) {
	from, to := store.NewMemory(nil), store.NewMemory(nil)
	late := `{"ts":"2008-12-31T23:30:00-01:00","type":"no such type"}`
	pipelinetest.Put(t, from, "export/all.json", at("2007-01-02", 1)+"\r\n"+at("2026-11-20", 2)+"\n\n"+late+"\n"+"nonsense\n"+at("2007-01-02", 3)+"\n"+`{"ts":5}`)
	pipelinetest.Put(t, from, "export/list.json", "["+at("2007-01-02", 4)+",\n {\"ts\":\n\"2009-01-01T00:00:00Z\"}]")
	r := split(t, from, to)
	want := map[day.Day][]string{
		day.Date(2007, time.January, 2):   {at("2007-01-02", 1), at("2007-01-02", 3), at("2007-01-02", 4)},
		day.Date(2009, time.January, 1):   {late, `{"ts": "2009-01-01T00:00:00Z"}`},
		day.Date(2026, time.November, 20): {at("2026-11-20", 2)},
		0:                                 {"nonsense", `{"ts":5}`},
	}
	got := linesIn(t, to)
	for _, lines := range got { // the objects of a day come in the order of their hashes
		if len(lines) == 3 && strings.Contains(lines[0], "-4") {
			slices.Reverse(lines)
			lines[0], lines[1] = lines[1], lines[0]
		}
		if len(lines) == 2 && strings.HasPrefix(lines[0], `{"ts": `) {
			slices.Reverse(lines)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Lines != 9 || r.Filed != 6 || r.Undated != 2 || r.Blank != 1 || r.Days != 3 || r.From != "2007-01-02" || r.Until != "2026-11-20" || r.Written != 6 || len(r.Aside) != 1 {
		t.Errorf("%+v", r)
	}
	again := pipelinetest.Contents(t, to, true)
	if r := split(t, from, to); r.Written != 0 || r.Existed != 6 {
		t.Errorf("once more: %+v", r)
	}
	pipelinetest.SameContents(t, "once more", again, pipelinetest.Contents(t, to, true))
}

// archiveOf is 2,000 lines of 400 days, in no order, in one object.
func archiveOf(t *testing.T) store.Store {
	t.Helper()
	from := store.NewMemory(nil)
	var b strings.Builder
	for i := range 2000 {
		d := day.Date(2006, time.March, 1) + day.Day(i*211%400)
		fmt.Fprintln(&b, at(d.String(), i))
	}
	pipelinetest.Put(t, from, "x.ndjson", b.String())
	return from
}

// A sorter with next to no memory gives what one with much memory gives: the objects
// do not depend on the budget.
func TestSorterSpills(t *testing.T) {
	sorted := func(limit int64) map[string][]string {
		s, err := newSorter(limit)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		all := map[string][]string{}
		for i := range 600 {
			line := fmt.Sprintf("%d %s", i, strings.Repeat("x", i%977*i%70_001))
			if err := s.add(day.Day(i*7%31), []byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		err = s.drain(func(d day.Day, lines *dayLines) error {
			for {
				line, err := lines.next()
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				all[d.String()] = append(all[d.String()], string(line))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	small, large := sorted(100_000), sorted(1<<30)
	if !maps.EqualFunc(small, large, slices.Equal) || len(large) != 31 {
		t.Error("the order depends on the memory")
	}
	for d, lines := range large {
		previous := -1
		for _, line := range lines {
			var n int
			fmt.Sscan(line, &n)
			if n <= previous {
				t.Fatalf("%s: line %d after %d", d, n, previous)
			}
			previous = n
		}
	}
}

// Parts and stretches are cut at the same lines each time, and no line is lost.
func TestParts(t *testing.T) {
	from := archiveOf(t)
	var before map[string]string
	for range 2 {
		to := store.NewMemory(nil)
		o := options(to)
		o.part, o.stretch = 200, 50_000
		r, err := Run(t.Context(), inputsOf(t, from), o)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, of := range linesIn(t, to) {
			lines += len(of)
		}
		if lines != 2000 || r.Filed != 2000 || r.Days != 400 || r.Written <= 800 {
			t.Errorf("%d lines, %+v", lines, r)
		}
		contents := pipelinetest.Contents(t, to, true)
		if before != nil {
			pipelinetest.SameContents(t, "once more", before, contents)
		}
		before = contents
	}
}

// A fault at any call of either store stops the split, and the same command then gives
// what an undisturbed one gives, with the call applied or not.
func TestFaults(t *testing.T) {
	from := store.NewMemory(nil)
	pipelinetest.Put(t, from, "a.ndjson", at("2007-01-02", 1)+"\n"+at("2007-01-03", 2)+"\nno time\n")
	pipelinetest.Put(t, from, "b.ndjson", at("2007-01-02", 3)+"\n")
	whole := store.NewMemory(nil)
	split(t, from, whole)
	want := pipelinetest.Contents(t, whole, true)
	for _, fault := range []faultstest.Fault{faultstest.Drop, faultstest.LoseAnswer, faultstest.Repeat, faultstest.Linger, faultstest.Cut} {
		for n := 1; ; n++ {
			if n > 100 {
				t.Fatal("the split makes ever more calls")
			}
			fire := func(c faultstest.Call) faultstest.Outcome {
				if c.N == n {
					return faultstest.Outcome{Fault: fault}
				}
				return faultstest.Outcome{}
			}
			inner := store.NewMemory(nil)
			to, broken := faultstest.New(inner, fire), faultstest.New(from, fire)
			inputs := inputsOf(t, from)
			for i := range inputs {
				inputs[i].Store = broken
			}
			_, _ = Run(t.Context(), inputs, options(to)) // it may fail
			if r := split(t, from, inner); len(r.Failures) > 0 {
				t.Fatal(r.Failures)
			}
			to.Deliver(t.Context())
			pipelinetest.SameContents(t, fmt.Sprintf("fault %d at call %d", fault, n), want, pipelinetest.Contents(t, inner, true))
			if n > to.Calls() && n > broken.Calls() {
				break
			}
		}
	}
}

// Several machines at once: each writes what the others write.
func TestTogether(t *testing.T) {
	from, to, alone := archiveOf(t), store.NewMemory(nil), store.NewMemory(nil)
	split(t, from, alone)
	err := parallel.Each(t.Context(), 3, 3, func(ctx context.Context, _ int) error {
		_, err := Run(ctx, inputsOf(t, from), options(to))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pipelinetest.SameContents(t, "together", pipelinetest.Contents(t, alone, true), pipelinetest.Contents(t, to, true))
}

// A broken object is told, and nothing of it is written; the others are.
func TestBrokenInput(t *testing.T) {
	from, to := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, from, "a.ndjson.gz", "\x1f\x8b\x08cut")
	pipelinetest.Put(t, from, "b.ndjson", at("2007-01-02", 3)+"\n")
	r := split(t, from, to)
	if len(r.Failures) != 1 || !strings.Contains(r.Failures[0], "mem://a.ndjson.gz") || r.Filed != 1 || r.Written != 1 {
		t.Errorf("%+v", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, inputsOf(t, from), options(to)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// With a map the date is that of the mapped event, and the bytes are those of the document.
func TestMapped(t *testing.T) {
	m, err := event.NewMap(&event.Rules{Envelope: "detail", Members: []event.Rule{
		{To: "event_id", From: "/id"}, {To: "ts", From: "at", Time: "epoch_ms"}, {To: "session_id", From: "s"}, {To: "type", From: "kind", Codes: []string{"ping=ignore"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	from, to := store.NewMemory(nil), store.NewMemory(nil)
	// 1167696000000 is 2007-01-02T00:00:00Z.
	doc := `{"id":"a", "detail":{"at":1167696000000,"s":1,"kind":"ping"}}`
	pipelinetest.Put(t, from, "a.ndjson", doc+"\n"+`{"id":"b","detail":{"s":1}}`+"\n")
	o := options(to)
	o.Source.Map = m
	r, err := Run(t.Context(), inputsOf(t, from), o)
	if err != nil || r.Filed != 1 || r.Undated != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := linesIn(t, to)[day.Date(2007, time.January, 2)]; !slices.Equal(got, []string{doc}) {
		t.Errorf("%q", got)
	}
}

// An archive of before 2009, which one dump of today held, is split and backfilled: the
// reports are those of its sessions.
func TestBackfillOfHistory(t *testing.T) {
	from, to := store.NewMemory(nil), store.NewMemory(nil)
	old := strings.NewReplacer("2026-11-20", "2008-02-29").Replace(pipelinetest.SessionLines(1, 2))
	older := strings.NewReplacer("2026-11-20", "2008-02-28").Replace(pipelinetest.SessionLines(3))
	pipelinetest.Put(t, from, "all of it.json", old+older)
	r := split(t, from, to)
	s := pipelinetest.OneReport(t, to, store.NewMemory(nil))
	target := partition.Days(pipelinetest.ParseDay(t, r.From), pipelinetest.ParseDay(t, r.Until))
	pipelinetest.Run(t, s, target)
	for date, sessions := range map[string][]int64{"2008-02-28": {3}, "2008-02-29": {1, 2}} {
		rows := pipelinetest.Rows(t, s.Sink, pipelinetest.Manifest(t, s.Sink, partition.DayID("sessions", pipelinetest.ParseDay(t, date))))
		var ids []int64
		for i := range rows {
			ids = append(ids, rows[i].SessionID)
		}
		slices.Sort(ids)
		if !slices.Equal(ids, sessions) {
			t.Errorf("%s has the sessions %v, want %v", date, ids, sessions)
		}
	}
}
