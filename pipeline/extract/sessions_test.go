package extract_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/extract"
	"daybook/pipeline/extract/extracttest"
	"daybook/sources/dump"
	"daybook/transform/event"
	"daybook/transform/session"
	"daybook/transform/shuffle"
)

// sessionsOf are all sessions of an extraction, as text, by their number.
func sessionsOf(ctx context.Context, x *extract.Extraction) (map[int64]string, extract.Outcome, error) {
	all := map[int64]string{}
	var mu sync.Mutex
	outcome, err := x.Sessions(ctx, func(_ int, s *session.Session) error {
		text, err := json.Marshal(s) // follows the pointers
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if _, twice := all[s.ID]; twice {
			return fmt.Errorf("session %d comes twice", s.ID)
		}
		all[s.ID] = strings.ReplaceAll(string(text), "null", "[]") // buffers are reused
		return nil
	})
	return all, outcome, err
}

// The sessions do not depend on the memory budget or the number of workers, and no
// temporary file is left.
func TestBudgetChangesNothing(t *testing.T) {
	x, _ := extracttest.Dumps(t, 500)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	x.Workers = 1
	want, wantOutcome, err := sessionsOf(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) < 1000 || int64(len(want)) != wantOutcome.Sessions {
		t.Fatalf("%d sessions, and %d were counted", len(want), wantOutcome.Sessions)
	}
	x.MemoryBudget, x.Workers = 1, 2
	got, outcome, err := sessionsOf(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got) + cmp.Diff(wantOutcome, outcome); diff != "" {
		t.Errorf("with a budget (-want +got):\n%.2000s", diff)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("temporary files are left: %v, %v", entries, err)
	}
}

// A worker that cannot spill ends the run, with advice.
func TestNoRoomToSpill(t *testing.T) {
	x, _ := extracttest.Dumps(t, 500)
	t.Setenv("TMPDIR", "/dev/null/missing")
	x.MemoryBudget = 1
	_, _, err := sessionsOf(t.Context(), x)
	if err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("%v, want an error that names TMPDIR", err)
	}
}

// sorted collects what Sorted passes on, and checks the order of its calls.
type sorted struct {
	parts    [][]string // of each worker: the events since its last part
	last     []int64    // of each worker: the last session; hashes ascend
	all      []string
	begun    []int64 // by hash range
	ranges   []int64 // by hash range: the events that came
	finished sync.Mutex
}

func collectSorted(ctx context.Context, x *extract.Extraction) (*sorted, event.Accounting, bool, error) {
	c := &sorted{parts: make([][]string, x.NumWorkers()), last: make([]int64, x.NumWorkers()), ranges: make([]int64, 1<<x.RangeBits)}
	rangeOf := func(id int64) int { return shuffle.RangeNumber(shuffle.Hash(id), x.RangeBits) }
	accounting, moved, err := x.Sorted(ctx, &extract.Parts{
		Begin: func(events []int64) error { c.begun = events; return nil },
		Each: func(_ context.Context, worker int, events []event.Event) error {
			id := events[0].SessionID
			if len(c.parts[worker]) > 0 && shuffle.Hash(id) <= shuffle.Hash(c.last[worker]) {
				return fmt.Errorf("session %d comes after session %d", id, c.last[worker])
			}
			if len(c.parts[worker]) > 0 && rangeOf(id) != rangeOf(c.last[worker]) {
				return fmt.Errorf("sessions %d and %d come in one part", c.last[worker], id)
			}
			c.last[worker] = id
			for _, e := range events {
				if e.SessionID != id {
					return fmt.Errorf("session %d comes with session %d", e.SessionID, id)
				}
				c.parts[worker] = append(c.parts[worker], fmt.Sprintf("%d %d %s", e.SessionID, e.TS, e.ID))
			}
			return nil
		},
		Oversized: func(worker int, x event.Extent) {
			c.parts[worker] = append(c.parts[worker], fmt.Sprintf("%d %d oversized", x.Session, x.First))
		},
		Done: func(_ context.Context, worker int) error {
			if !c.finished.TryLock() {
				return errors.New("two parts are done at once")
			}
			defer c.finished.Unlock()
			c.all = append(c.all, c.parts[worker]...)
			c.ranges[rangeOf(c.last[worker])] += int64(len(c.parts[worker]))
			c.parts[worker] = c.parts[worker][:0]
			return nil
		},
	})
	return c, accounting, moved, err
}

// Sorted passes the same events on in the same order, with any budget and any number
// of workers: sessions by hash, events by time.
func TestSorted(t *testing.T) {
	x, _ := extracttest.Dumps(t, 300)
	x.Workers = 1
	want, wantAccounting, _, err := collectSorted(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(len(want.all)); n == 0 || n != wantAccounting.Accepted || want.begun[0] != n+wantAccounting.Duplicates {
		t.Errorf("%d events came, %d were announced, and the accounting is %+v", n, want.begun, wantAccounting)
	}
	hashes := make([]uint64, len(want.all))
	for i, line := range want.all {
		var id int64
		if _, err := fmt.Sscan(line, &id); err != nil {
			t.Fatal(err)
		}
		hashes[i] = shuffle.Hash(id)
	}
	if !slices.IsSorted(hashes) {
		t.Error("the parts do not come in the order of their hashes")
	}
	x.Workers, x.MemoryBudget = 4, 1
	got, accounting, _, err := collectSorted(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.all, want.all) {
		t.Error("other events, or in another order, with four workers and no memory")
	}
	if diff := cmp.Diff(wantAccounting, accounting); diff != "" {
		t.Errorf("another accounting (-want +got):\n%s", diff)
	}
}

// Each part lies in one hash range, and each range has as many events as were
// announced, repeated ones included.
func TestSortedRanges(t *testing.T) {
	x, _ := extracttest.Dumps(t, 300)
	whole, _, _, err := collectSorted(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	for _, x.RangeBits = range []int{1, 3, 6, 9} {
		for _, x.MemoryBudget = range []int64{0, 1} {
			got, accounting, _, err := collectSorted(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.all, whole.all) {
				t.Errorf("ranges of %d bits: other events, or in another order", x.RangeBits)
			}
			repeated, used := int64(0), 0
			for i, n := range got.begun {
				if repeated += n - got.ranges[i]; n < got.ranges[i] {
					t.Errorf("range %d of %d bits: %d events came, %d were announced", i, x.RangeBits, got.ranges[i], n)
				}
				if n > 0 {
					used++
				}
			}
			if repeated != accounting.Duplicates || used < 2 {
				t.Errorf("ranges of %d bits: %d events are repeated in %d ranges, want %d", x.RangeBits, repeated, used, accounting.Duplicates)
			}
		}
	}
}

// linesInput is an input with this text.
func linesInput(text string) extract.Input {
	return extract.Input{Name: "lines", Open: func(context.Context) (*dump.Reader, error) {
		return dump.OpenFile(context.Background(), dump.Stdin, strings.NewReader(text))
	}}
}

func chat(id, second string) string {
	return `{"event_id":"` + id + `","ts":"2026-11-20T08:00:` + second + `Z","session_id":1,"type":"chat_message","sender":"customer"}` + "\n"
}

// Copies of an event are dropped. Only copies with different times say that events
// have moved.
func TestSortedMoved(t *testing.T) {
	for _, c := range []struct {
		name       string
		lines      string
		duplicates int64
		moved      bool
	}{
		{"no copies", chat("a", "00") + chat("b", "01"), 0, false},
		{"copies of one time", chat("a", "00") + chat("b", "01") + chat("a", "00"), 1, false},
		{"copies of two times", chat("a", "00") + chat("b", "01") + chat("a", "02"), 1, true},
		{"copies of two times, one of them twice", chat("a", "02") + chat("a", "00") + chat("a", "00"), 2, true},
	} {
		x := &extract.Extraction{Inputs: []extract.Input{linesInput(c.lines)}}
		got, accounting, moved, err := collectSorted(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if accounting.Duplicates != c.duplicates || moved != c.moved || int64(len(got.all)) != accounting.Accepted {
			t.Errorf("%s: %d events, %+v, moved: %t", c.name, len(got.all), accounting, moved)
		}
	}
}

// Each of the functions that Sorted calls can end it.
func TestSortedFails(t *testing.T) {
	x, _ := extracttest.Dumps(t, 50)
	full := errors.New("full")
	fail := func(fails bool) error {
		if fails {
			return full
		}
		return nil
	}
	for _, workers := range []int{1, 4} {
		x.Workers = workers
		for call, name := range []string{"begin", "each", "done"} {
			_, _, err := x.Sorted(t.Context(), &extract.Parts{
				Begin: func([]int64) error { return fail(call == 0) },
				Each:  func(context.Context, int, []event.Event) error { return fail(call == 1) },
				Done:  func(context.Context, int) error { return fail(call == 2) },
			})
			if !errors.Is(err, full) {
				t.Errorf("%d workers: %v after %s failed", workers, err, name)
			}
		}
	}
}

// With too many rejected lines no session is passed on.
func TestTooManyRejects(t *testing.T) {
	text := chat("a", "00") + chat("b", "01") + "nonsense\n"
	for _, c := range []struct {
		allowed float64
		want    string
	}{
		{0.34, ""},
		{0.33, "1 of 3 lines of lines were rejected as bad_json, the first in line 3: not one JSON object: unexpected nonsense at byte 1; of all lines of the day, 1 of 3 (33.33 %) were rejected, and source.max_rejected allows 33.00 %; nothing was published; write the dump again, or, to publish the day without these lines, set source.max_rejected: 33.4%"},
	} {
		x := &extract.Extraction{Inputs: []extract.Input{linesInput(text)}, MaxRejected: c.allowed}
		begun := false
		accounting, _, err := x.Sorted(t.Context(), &extract.Parts{
			Begin: func([]int64) error { begun = true; return nil },
			Each:  func(context.Context, int, []event.Event) error { return nil },
			Done:  func(context.Context, int) error { return nil },
		})
		if c.want == "" {
			if err != nil || !begun {
				t.Errorf("%v allowed: %v", c.allowed, err)
			}
			continue
		}
		if !errors.As(err, new(*extract.TooManyRejects)) || err.Error() != c.want || begun {
			t.Errorf("%v allowed: %v, want %s", c.allowed, err, c.want)
		}
		if accounting.Lines != 3 || accounting.RejectedLines() != 1 {
			t.Errorf("the accounting is %+v", accounting)
		}
		sessions, outcome, err := sessionsOf(t.Context(), x)
		if !errors.As(err, new(*extract.TooManyRejects)) || len(sessions) > 0 || outcome.Accounting.Lines != 3 {
			t.Errorf("%d sessions, %+v, %v", len(sessions), outcome, err)
		}
	}
}

// The message leads with the input that has the most rejected lines, and its most
// frequent reason, however many workers read them. It names a setting only if that
// publishes something.
func TestTooManyRejectsNamesTheCause(t *testing.T) {
	missing := func(n int) string {
		return strings.Repeat(`{"event_id":"x","session_id":1,"type":"presence"}`+"\n", n)
	}
	bad, worse := "nonsense\n"+missing(9), strings.Repeat("nonsense\n", 2)+chat("b", "01")+missing(400)
	const hint = "write the dump again, or, to publish the day without these lines, set source.max_rejected: "
	for _, c := range []struct {
		good, want string
	}{
		// 10 of bad and 402 of worse are rejected. The events are one of good and one
		// of worse: 412 of 414 lines are 99.52 %.
		{chat("a", "00"), "402 of 403 lines of worse.ndjson were rejected, 400 of them as missing_field, the first in line 4: ts: missing; " +
			"of all lines of the day, 412 of 414 (99.52 %) were rejected, and source.max_rejected allows 0.00 %; nothing was published; " + hint + "99.6%"},
		{"", "402 of 403 lines of worse.ndjson were rejected, 400 of them as missing_field, the first in line 4: ts: missing; " +
			"of all lines of the day, 412 of 413 (99.76 %) were rejected, and source.max_rejected allows 0.00 %; nothing was published; " + hint + "99.8%"},
	} {
		for _, workers := range []int{1, 4} {
			if got := rejectsError(t, workers, map[string]string{"a-good.ndjson": c.good, "bad.ndjson": bad, "worse.ndjson": worse, "z-bad.ndjson": ""}).Error(); got != c.want {
				t.Errorf("%d workers: %s\nwant %s", workers, got, c.want)
			}
		}
	}
	nothing := rejectsError(t, 2, map[string]string{"bad.ndjson": bad})
	if text := nothing.Error(); !strings.HasPrefix(text, "10 of 10 lines of bad.ndjson were rejected, 9 of them as missing_field, the first in line 2: ts: missing; ") || strings.Contains(text, hint) {
		t.Errorf("of a day without events it says %s", text)
	}
	if c := nothing.Cause; c.Reason != event.MissingField || c.Count != 9 || c.Rejected != 10 {
		t.Errorf("%+v", c)
	}
}

// rejectsError is the error of a day of which no line may be rejected.
func rejectsError(t *testing.T, workers int, texts map[string]string) *extract.TooManyRejects {
	t.Helper()
	x := &extract.Extraction{Workers: workers}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		in := linesInput(texts[name])
		in.Name = name
		x.Inputs = append(x.Inputs, in)
	}
	_, _, err := sessionsOf(t.Context(), x)
	var rejects *extract.TooManyRejects
	if !errors.As(err, &rejects) {
		t.Fatalf("the error is %v", err)
	}
	return rejects
}
