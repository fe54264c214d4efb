package build_test

import (
	"encoding/csv"
	"path"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
)

// stores are the kinds of store: a run publishes the same bytes on all of them. The
// tests with the tag s3 add real servers.
var stores = map[string]func(*testing.T) store.Store{
	"memory": func(*testing.T) store.Store { return store.NewMemory(nil) },
	"directory": func(t *testing.T) store.Store {
		d, err := store.NewDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return d
	},
}

// The same input gives the same published bytes: again, with one worker and with
// four, in much memory and in little, on each kind of store, and from dumps that
// are compressed in another way.
func TestRunIsDeterministic(t *testing.T) {
	source := store.NewMemory(nil)
	pipelinetest.Generate(t, source, dump.Gzip)
	sink := store.NewMemory(nil)
	first := pipelinetest.Settings(t, source, sink)
	first.Budget = parallel.NewBudget(1, 0)
	result := pipelinetest.Run(t, first, pipelinetest.TheDay)
	want := pipelinetest.Contents(t, sink, false)
	if rows := pipelinetest.Partitions(result)[1].Rows; len(want) == 0 || rows < 100 || result.Accounting.RejectedLines() == 0 {
		t.Fatalf("too little was published to compare: %+v", result)
	}

	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			source, sink := open(t), open(t)
			pipelinetest.Generate(t, source, dump.Gzip)
			r := pipelinetest.Settings(t, source, sink)
			r.Budget = parallel.NewBudget(4, 1<<20)
			for _, p := range pipelinetest.Run(t, r, pipelinetest.TheDay).Steps {
				if p.State != publish.Published || p.Revision != 1 {
					t.Errorf("%s is %s, revision %d; want it published", p.ID, p.State, p.Revision)
				}
			}
			pipelinetest.SameContents(t, "once", want, pipelinetest.Contents(t, sink, false))
			before := pipelinetest.Contents(t, sink, true)
			if again := pipelinetest.Run(t, r, pipelinetest.TheDay); len(again.Steps) > 0 || again.Dumps > 0 {
				t.Errorf("running again did %+v", again.Steps)
			}
			pipelinetest.SameContents(t, "twice", before, pipelinetest.Contents(t, sink, true))

			for _, p := range pipelinetest.RunOnly(t, r, pipelinetest.TheDay, build.OnlyAll).Steps {
				if p.State != publish.Unchanged || p.Revision != 1 {
					t.Errorf("all again: %s is %s, revision %d (%s)", p.ID, p.State, p.Revision, p.Error)
				}
			}
			pipelinetest.SameContents(t, "all again", want, pipelinetest.Contents(t, sink, false))
		})
	}

	t.Run("zstd", func(t *testing.T) {
		source, sink := store.NewMemory(nil), store.NewMemory(nil)
		pipelinetest.Generate(t, source, dump.Zstd)
		pipelinetest.Run(t, pipelinetest.Settings(t, source, sink), pipelinetest.TheDay)
		pipelinetest.SameContents(t, "zstd", pipelinetest.View(t, first.Sink), pipelinetest.View(t, sink))
	})
}

// Lines moved to other objects, shuffled and repeated give the same reports.
func TestRunDoesNotDependOnTheSplit(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Generate(t, source, dump.Plain)
	pipelinetest.Run(t, pipelinetest.Settings(t, source, sink), pipelinetest.TheDay)
	want := pipelinetest.View(t, sink)

	// Every day's lines end up in two objects, sorted, and every tenth twice.
	split := store.NewMemory(nil)
	byDay := map[string][]string{}
	for key, text := range pipelinetest.Contents(t, source, false) {
		dir := path.Dir(key)
		byDay[dir] = append(byDay[dir], strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")...)
	}
	for dir, lines := range byDay {
		slices.Sort(lines)
		for i := 0; i < len(lines); i += 10 {
			lines = append(lines, lines[i])
		}
		half := len(lines) / 2
		pipelinetest.Put(t, split, dir+"/late.ndjson", strings.Join(lines[half:], "\n"))
		pipelinetest.Put(t, split, dir+"/early.jsonl", strings.Join(lines[:half], "\r\n"))
	}
	sink = store.NewMemory(nil)
	r := pipelinetest.Settings(t, split, sink)
	r.MaxRejected = 1
	pipelinetest.Run(t, r, pipelinetest.TheDay)
	pipelinetest.SameContents(t, "split", want, pipelinetest.View(t, sink))
}

// A month has the rows of its days, and its summaries are of all of them.
func TestRunMonth(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Generate(t, source, dump.Plain)
	r := pipelinetest.Settings(t, source, sink)
	month := pipelinetest.Day.Month()
	result := pipelinetest.Run(t, r, partition.WholeMonth(month))
	rows := map[string]int64{}
	for _, p := range result.Steps {
		switch p.ID.Kind {
		case partition.Day:
			rows[p.ID.Report] += p.Rows
		case partition.Month:
			rows[p.ID.Report] -= p.Rows
		}
	}
	if n := len(pipelinetest.Partitions(result)); n != 2*(30+1) {
		t.Fatalf("%d partitions, want 30 days and a month of two reports", n)
	}
	if rows["sessions"] != 0 || rows["emea"] != 0 {
		t.Errorf("the days have so many rows more than the months: %v", rows)
	}
	all := pipelinetest.Contents(t, sink, false)
	byDay := all["summaries/sessions/month/2026-11/by_day.csv"]
	if n := strings.Count(byDay, "\n"); n != 31 {
		t.Errorf("by_day.csv has %d lines, want a header and 30 days:\n%s", n, byDay)
	}
	records, err := csv.NewReader(strings.NewReader(all["summaries/sessions/month/2026-11/sessions.csv"])).ReadAll()
	if err != nil || len(records) < 500 || int64(len(records)) != result.Steps[len(result.Steps)-1].Rows+1 {
		t.Errorf("the month's sessions.csv has %d records for %d rows (%v)", len(records), result.Steps[len(result.Steps)-1].Rows, err)
	}
}

// Later dumps restate a day: they make a new revision, under new names. The old
// revision is kept elsewhere.
func TestRestatement(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	r := pipelinetest.Settings(t, source, sink)
	pipelinetest.Run(t, r, pipelinetest.TheDay)
	before := pipelinetest.View(t, sink)

	pipelinetest.Put(t, source, "2026/11/21/late.ndjson", pipelinetest.SessionLines(1)) // nothing new
	for _, p := range pipelinetest.Partitions(pipelinetest.Run(t, r, pipelinetest.TheDay)) {
		if p.State != publish.Refreshed || p.Revision != 1 || p.Reason != "session 1 was reopened by 2026-11-21" {
			t.Errorf("after repeated events: %+v", p)
		}
	}
	pipelinetest.SameContents(t, "after repeated events", before, pipelinetest.View(t, sink))
	pipelinetest.Put(t, source, "2026/11/21/later.ndjson", pipelinetest.SessionLines(2))
	for _, p := range pipelinetest.Partitions(pipelinetest.Run(t, r, pipelinetest.TheDay)) {
		if p.State != publish.Restated || p.Revision != 2 || p.Rows != 2 || p.Reason != "session 1 may have new events in the dumps of 2026-11-21, and 1 more" {
			t.Errorf("after a new session: %+v", p)
		}
	}
	id := partition.DayID("sessions", pipelinetest.Day)
	m, dir := pipelinetest.Manifest(t, sink, id), id.Dir()
	if m.Previous != 1 || len(m.Inputs) != 2 || m.Accounting.Lines != 3 || m.Fold.Duplicates != 3 || m.Fold.Events != 6 {
		t.Errorf("manifest: %+v", m)
	}
	parts := 0
	for key := range pipelinetest.Contents(t, sink, false) {
		if strings.HasPrefix(key, dir) {
			parts++
			if key != m.Parts[0].Key {
				t.Errorf("%s lies beside the published part", key)
			}
		}
	}
	if parts != 1 {
		t.Errorf("%d parts", parts)
	}
	old, err := publish.ReadRevision(t.Context(), sink, dir, 1)
	if err != nil || pipelinetest.Contents(t, sink, false)[old.Parts[0].Key] != before[dir+"part-0"] {
		t.Errorf("revision 1 is not kept as it was (%v)", err)
	}
}

// A summary that the definition no longer asks for is removed.
func TestLeftovers(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	r := pipelinetest.Settings(t, source, sink)
	pipelinetest.Run(t, r, pipelinetest.TheDay)
	const leftover = "summaries/sessions/day/2026-11-20/sessions.csv"
	if _, ok := pipelinetest.Contents(t, sink, false)[leftover]; !ok {
		t.Errorf("%s is not there", leftover)
	}
	r.Reports[0].SessionsCSV, r.Reports[0].Hash = false, "without"
	pipelinetest.Run(t, r, pipelinetest.TheDay)
	if _, ok := pipelinetest.Contents(t, sink, false)[leftover]; ok {
		t.Errorf("%s is still there", leftover)
	}
}

// Names that are no dumps are reported; control files are not.
func TestUnknownNames(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	pipelinetest.Put(t, source, "2026/11/20/_SUCCESS", "")
	pipelinetest.Put(t, source, "2026/11/20/notes.txt", "hello")
	result := pipelinetest.Run(t, pipelinetest.Settings(t, source, sink), pipelinetest.TheDay)
	if !slices.Equal(result.Unknown, []string{"2026/11/20/notes.txt"}) {
		t.Errorf("unknown: %v", result.Unknown)
	}
}
