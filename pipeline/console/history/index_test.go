package history

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"

	"daybook/pipeline/console/history/historytest"
	"daybook/pipeline/service/states"
	"daybook/sinks/figures"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/summary"
)

// followed is an index that has read them.
func followed(t *testing.T, r store.Store, s *states.Snapshot) *Index {
	t.Helper()
	x := NewIndex()
	if err := x.Follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	return x
}

const (
	minute = 60_000 // milliseconds
	hour   = 60 * minute
)

func TestIndexReadsMonthsAndTheDaysOfOthers(t *testing.T) {
	r, s := historytest.TwoMonths(t)
	x := followed(t, r, s)
	if known, wanted := x.Filling(); known != 3 || wanted != 3 {
		t.Errorf("it knows %d of %d partitions; there is a month, and two days of another one", known, wanted)
	}
	h := x.History("r")
	for d, want := range map[day.Day]Measures{
		day.Date(2026, 10, 30): {Days: 1, Sessions: 30, Total: 5 * hour, Work: 150 * minute, Waiting: 10_000, Waiting90: minute},
		day.Date(2026, 10, 31): {Days: 1, Sessions: 10, Total: hour, Work: 30 * minute, Waiting: -1, Waiting90: -1},
		day.Date(2026, 11, 2):  {Days: 1, Sessions: 9, Total: 10 * minute, Work: 5 * minute, Waiting: 20_000, Waiting90: minute},
		day.Date(2026, 11, 3):  Nothing,
		day.Date(2020, 1, 1):   Nothing,
	} {
		if got := h.Day(d); got != want {
			t.Errorf("%s: %+v, want %+v", d, got, want)
		}
	}
	if m := h.Month(day.MonthOf(2026, 11)); m.Days != 2 || m.Hours[9].Sessions != 16 {
		t.Errorf("November: %+v", m)
	}
}

func TestIndexKeepsTheSumOfGroupsBeyondTheMost(t *testing.T) {
	r, s := historytest.TwoMonths(t)
	f := historytest.October()
	f.Groups = nil
	for i := range maxGroups + 2 {
		f.Groups = append(f.Groups, summary.Group{Name: strconv.Itoa(i), Measures: historytest.Sums(3, 600, 300, 20, 60)})
	}
	historytest.PutFigures(t, r, f)
	groups := followed(t, r, s).History("r").months[day.MonthOf(2026, 10)].Groups
	if others := groups[otherGroups]; len(groups) != maxGroups+1 || others.Sessions != 6 || others.Total != 20*minute {
		t.Errorf("%d groups, and the others are %+v", len(groups), others)
	}
}

func TestIndexFollowsRevisions(t *testing.T) {
	r, s := historytest.TwoMonths(t)
	x := followed(t, r, s)
	historytest.PutFigures(t, r, historytest.Day("2026-11-02", 90))
	if err := x.Follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if got := x.History("r").Day(day.Date(2026, 11, 2)).Sessions; got != 9 {
		t.Errorf("the same revision was read again: %d sessions", got)
	}
	s.Reports[0].Days[3].Revision = 2
	if err := x.Follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if got := x.History("r").Day(day.Date(2026, 11, 2)).Sessions; got != 90 {
		t.Errorf("revision 2 has %d sessions, want 90", got)
	}
	s.Reports = nil
	if err := x.Follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if len(x.entries) != 0 || len(x.History("r").days) != 0 {
		t.Error("it keeps a report that is not configured any more")
	}
}

func TestIndexGoesOnWithoutWhatItCannotRead(t *testing.T) {
	var good strings.Builder
	if err := figures.Encode(&good, historytest.Day("2026-11-01", 7)); err != nil {
		t.Fatal(err)
	}
	const says = "2026-11-01: _figures.json is left out: it is no valid file of figures: "
	for name, tc := range map[string]struct{ text, says string }{
		"missing":           {"", "2026-11-01: its figures are missing; the next rewrite of its summaries adds them"},
		"no JSON":           {"Sessions,Legs\n", says + "invalid character 'S' looking for beginning of value"},
		"another format":    {`{"version":7}`, says + "its version is 7, and this daybook reads version 1"},
		"a negative number": {strings.Replace(good.String(), `"sessions":7`, `"sessions":-7`, 1), says + "a number is negative"},
		"another report's":  {strings.Replace(good.String(), `"report":"r"`, `"report":"q"`, 1), says + "it is of q 2026-11-01"},
		"another day's":     {strings.Replace(good.String(), "2026-11-01", "2026-11-02", 1), says + "it is of r 2026-11-02"},
		"without an end":    {good.String() + strings.Repeat(" ", figures.MaxBytes), says + "it is longer than 24 MiB"},
		"cut short":         {good.String()[:good.Len()/2], says + "unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := historytest.TwoMonths(t)
			if tc.text != "" {
				historytest.Put(t, r, historytest.Key(t, "2026-11-01"), tc.text)
			} else if err := r.Delete(t.Context(), historytest.Key(t, "2026-11-01")); err != nil {
				t.Fatal(err)
			}
			s.Reports[0].Days[2].State = states.Stale // until it is written again
			spy := &watched{Store: r}
			x := followed(t, spy, s)
			h := x.History("r")
			if h.Day(day.Date(2026, 11, 1)).Days != 0 || h.Day(day.Date(2026, 11, 2)).Sessions != 9 || h.months[day.MonthOf(2026, 11)].Groups["A"].Sessions != 9 {
				t.Error("the day is known, or the day after is not")
			}
			first, last := day.Date(2026, 11, 1), day.Date(2026, 11, 20)
			if got := strings.Join(x.Unread("r", first, last), "; "); got != tc.says {
				t.Errorf("left out: %s", got)
			}
			if got := x.Unread("r", last, last); got != nil {
				t.Errorf("left out of other days: %s", got)
			}
			if known, wanted := x.Filling(); known != wanted {
				t.Errorf("%d of %d are known: the page would say that it reads on", known, wanted)
			}
			spy.opened = nil
			if err := x.Follow(t.Context(), spy, s); err != nil {
				t.Fatal(err)
			}
			if len(spy.opened) > 0 {
				t.Errorf("it was read again: %q", spy.opened)
			}
			if tc.text != "" {
				s.Reports[0].Days[2].Revision = 2
			}
			s.Reports[0].Days[2].State = states.Published
			historytest.Put(t, spy, historytest.Key(t, "2026-11-01"), good.String())
			if err := x.Follow(t.Context(), spy, s); err != nil || x.Unread("r", first, last) != nil || x.History("r").Day(first).Sessions != 7 {
				t.Errorf("what is written now is not read: %v, %q", err, x.Unread("r", first, last))
			}
		})
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	r, s := historytest.TwoMonths(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewIndex().Follow(ctx, r, s); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after the end: %v", err)
	}
}

// watched is a store that remembers which keys were opened.
type watched struct {
	store.Store
	mu     sync.Mutex
	opened []string
}

func (w *watched) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = append(w.opened, key)
	return w.Store.Open(ctx, key, offset, length, ifMatch)
}
