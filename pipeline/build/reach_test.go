package build_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/extract"
	"daybook/pipeline/inspect"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
)

// history is what a producer delivers: the lines of each dump day.
type history map[day.Day][]string

func (h history) add(dumpDay day.Day, id string, session int64, ts time.Time, rest string) {
	h[dumpDay] = append(h[dumpDay], fmt.Sprintf(`{"event_id":%q,"ts":%q,"session_id":%d,%s}`, id, ts.UTC().Format(time.RFC3339Nano), session, rest))
}

func (h history) put(t testing.TB, st store.Store, d day.Day) {
	if lines := h[d]; lines != nil {
		pipelinetest.Put(t, st, pipelinetest.Template.Prefix(d)+"a.ndjson", strings.Join(lines, "\n")+"\n")
	}
}

func (h history) days() partition.Period {
	var days []day.Day
	for d := range h {
		days = append(days, d)
	}
	return partition.Period{From: slices.Min(days), To: slices.Max(days)}
}

// reachSettings are of two reports, in the zones at both ends.
func reachSettings(t testing.TB, lookback int, source store.Store) *settings.Pipeline {
	s := &settings.Pipeline{
		Source: source, Dumps: pipelinetest.Sources, Lookback: lookback, MaxRejected: 1,
		Sink: store.NewMemory(nil), Budget: parallel.NewBudget(2, 0), Clock: pipelinetest.Later,
	}
	for _, zone := range []string{"Pacific/Kiritimati", "Pacific/Niue"} {
		s.Reports = append(s.Reports, settings.Report{Hash: zone, Definition: report.Definition{
			Name: strings.ToLower(zone[len("Pacific/"):]), Zone: pipelinetest.Zone(t, zone),
		}})
	}
	return s
}

// published are the rows of all days of a report, by session and leg, without those
// outside the days.
func published(t testing.TB, s *settings.Pipeline, rep string, days partition.Period) (rows []report.Row) {
	for d := days.From - 3; d <= days.To+3; d++ {
		base, err := publish.Read(t.Context(), s.Sink, partition.DayID(rep, d).Dir())
		if err != nil {
			t.Fatal(err)
		}
		if base.Manifest != nil {
			rows = append(rows, pipelinetest.Rows(t, s.Sink, base.Manifest)...)
		}
	}
	sortRows(rows)
	return rows
}

func sortRows(rows []report.Row) {
	slices.SortFunc(rows, func(a, b report.Row) int {
		if a.SessionID != b.SessionID {
			return int(a.SessionID - b.SessionID)
		}
		return report.Compare(&a, &b)
	})
}

// folded are the rows of all dumps together.
func folded(t testing.TB, s *settings.Pipeline, rep *settings.Report) (rows []report.Row) {
	listings, err := dump.ListAll(t.Context(), s.Source, s.Dumps, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &extract.Extraction{Workers: 2, MaxRejected: 1, Silence: partition.Silence(s.Lookback)}
	for _, l := range listings.Days {
		x.Inputs = append(x.Inputs, extract.Inputs(s.Source, l.Dumps)...)
	}
	_, _, err = inspect.Fold(t.Context(), x, &rep.Definition, func(batches iter.Seq2[[]report.Row, error]) error {
		for batch, err := range batches {
			if err != nil {
				return err
			}
			rows = append(rows, batch...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sortRows(rows)
	return rows
}

// Three orders of building: all at once, night by night as the dumps come, and the
// newest day first, each by itself.
var orders = map[string]func(t testing.TB, s *settings.Pipeline, h history){
	"at once": func(t testing.TB, s *settings.Pipeline, h history) {
		for d := range h {
			h.put(t, s.Source, d)
		}
		pipelinetest.Run(t, s, partition.Everything())
	},
	"night by night": func(t testing.TB, s *settings.Pipeline, h history) {
		days := h.days()
		for d := days.From; d <= days.To; d++ {
			h.put(t, s.Source, d)
			if h[d] != nil {
				pipelinetest.Run(t, s, partition.Everything())
			}
		}
	},
	"newest first": func(t testing.TB, s *settings.Pipeline, h history) {
		for d := range h {
			h.put(t, s.Source, d)
		}
		days := h.days()
		for d := days.To + 1; d >= days.From-partitionMargin; d-- {
			pipelinetest.Run(t, s, partition.Days(d, d))
		}
	},
}

// partitionMargin is how many days before the first dump day events can be.
const partitionMargin = 4

// checkOrders builds a history in each order. The partitions together are what a fold of
// all dumps gives, and what people expect of each report.
func checkOrders(t *testing.T, lookback int, h history, check func(order string, rows []report.Row)) {
	for order, build := range orders {
		s := reachSettings(t, lookback, store.NewMemory(nil))
		build(t, s, h)
		for i := range s.Reports {
			rep := &s.Reports[i]
			got, want := published(t, s, rep.Name, h.days()), folded(t, s, rep)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s, %s: the partitions are not what a fold gives (-fold +partitions):\n%s", order, rep.Name, diff)
			}
			check(order, got)
		}
	}
}

func at(d day.Day, clock time.Duration) time.Time { return d.UTC().Add(clock) }

const (
	created  = `"type":"session_created","session_type":"applet","technician":{"id":3,"name":"Ada"}`
	active   = `"type":"status_changed","status":"active","technician":{"id":3}`
	onHold   = `"type":"status_changed","status":"on_hold"`
	closedBy = `"type":"status_changed","status":"closed_by_technician"`
)

// A silence of 14 days and then a delivery that is 4 days late: together more than the
// look-back of 16.
func TestSilenceAndLateness(t *testing.T) {
	november := day.Date(2026, time.November, 1)
	h := history{}
	h.add(november, "a", 1, at(november, 11*time.Hour), created)
	h.add(november, "b", 1, at(november, 11*time.Hour+time.Minute), active)
	h.add(november, "c", 1, at(november, 12*time.Hour), onHold)
	h.add(november+18, "d", 1, at(november+14, 11*time.Hour+59*time.Minute), active)
	h.add(november+18, "e", 1, at(november+14, 12*time.Hour+30*time.Minute), closedBy)
	h.add(november+33, "f", 2, at(november+33, time.Hour), created) // so that all dates before have come
	checkOrders(t, 16, h, func(order string, rows []report.Row) {
		r := rows[0]
		if r.SessionID != 1 || r.Status != "Closed by technician" || r.HoldTime != (335*60+59)*60*1000 || !r.IsFinal {
			t.Errorf("%s: session %d is %s, %d ms on hold, final %v", order, r.SessionID, r.Status, r.HoldTime, r.IsFinal)
		}
	})
}

// Events on days 1, 6 and 19, all on time, and one that lives for 60 days: a session is
// followed as far as its events lead.
func TestSessionOfManyDays(t *testing.T) {
	checkOrders(t, 16, manyDays(), checkManyDays(t))
}

// The same in directories, night by night.
func TestSessionOfManyDaysInDirectories(t *testing.T) {
	open := stores["directory"]
	s := reachSettings(t, 16, open(t))
	s.Sink = open(t)
	h := manyDays()
	orders["night by night"](t, s, h)
	for i := range s.Reports {
		checkManyDays(t)("directory", published(t, s, s.Reports[i].Name, h.days()))
	}
}

func manyDays() history {
	first := day.Date(2026, time.September, 1)
	h := history{}
	h.add(first, "a", 1, at(first, time.Hour), created)
	h.add(first+5, "b", 1, at(first+5, time.Hour), active)
	h.add(first+18, "c", 1, at(first+18, time.Hour), closedBy)
	h.add(first, "a", 2, at(first, 2*time.Hour), created)
	for d := day.Day(15); d <= 60; d += 15 {
		h.add(first+d, fmt.Sprint(d), 2, at(first+d, time.Hour), active)
	}
	h.add(first+61, "z", 2, at(first+61, 0), closedBy)
	h.add(first+80, "a", 3, at(first+80, time.Hour), created)
	return h
}

func checkManyDays(t *testing.T) func(order string, rows []report.Row) {
	return func(order string, rows []report.Row) {
		if len(rows) != 3 {
			t.Fatalf("%s: %d rows", order, len(rows))
		}
		for _, r := range rows[:2] {
			if r.Status != "Closed by technician" || r.Anomalies != "" {
				t.Errorf("%s: session %d is %s, %q", order, r.SessionID, r.Status, r.Anomalies)
			}
		}
		if r := rows[1]; r.ActiveTime != (46*24-1)*60*60*1000 {
			t.Errorf("%s: the session of 60 days is active for %d ms", order, r.ActiveTime)
		}
	}
}

// A silence longer than the look-back makes two sessions, and that is counted with the
// look-back that joins them. A late event in the silence joins them, and restates both
// dates.
func TestLateEventJoinsStretches(t *testing.T) {
	first := day.Date(2026, time.November, 1)
	h := history{}
	h.add(first, "a", 1, at(first, time.Hour), created)
	h.add(first+3, "c", 1, at(first+3, time.Hour), active)
	h.add(first+3, "d", 1, at(first+3, 2*time.Hour), closedBy)
	s := reachSettings(t, 2, store.NewMemory(nil))
	orders["at once"](t, s, h)
	rows := published(t, s, "niue", h.days())
	if len(rows) != 2 || rows[0].IsFinal || !rows[1].IsFinal || rows[1].Anomalies != "missing_created" {
		t.Fatalf("apart: %+v", rows)
	}
	m := pipelinetest.Manifest(t, s.Sink, partition.DayID("niue", first+2))
	if m.Fold.Apart != 1 || m.Fold.ApartLookback != 3 {
		t.Errorf("%d sessions are apart, and a look-back of %d days joins them; want 1 and 3", m.Fold.Apart, m.Fold.ApartLookback)
	}
	late := history{}
	late.add(first+3, "b", 1, at(first+1, 5*time.Hour), onHold)
	pipelinetest.Put(t, s.Source, pipelinetest.Template.Prefix(first+3)+"b.ndjson", strings.Join(late[first+3], "\n"))
	pipelinetest.Run(t, s, partition.Everything())
	rows = published(t, s, "niue", h.days())
	if len(rows) != 1 || rows[0].Status != "Closed by technician" || rows[0].Anomalies != "" {
		t.Errorf("joined: %+v", rows)
	}
}

// Stretches that come in one dump are apart, too, on the dates of both.
func TestStretchesOfOneDump(t *testing.T) {
	first := day.Date(2026, time.November, 1)
	h := history{}
	h.add(first+2, "a", 1, at(first, 13*time.Hour), created)
	h.add(first+2, "b", 1, at(first+3, 13*time.Hour), active)
	h.add(first+3, "c", 2, at(first+3, 14*time.Hour), created) // so that all dates have come
	s := reachSettings(t, 2, store.NewMemory(nil))
	orders["at once"](t, s, h)
	for _, d := range []day.Day{first, first + 3} {
		m := pipelinetest.Manifest(t, s.Sink, partition.DayID("niue", d))
		if m.Fold.Apart != 1 || m.Fold.ApartLookback != 3 {
			t.Errorf("%s: %d sessions are apart, and a look-back of %d days joins them; want 1 and 3", d, m.Fold.Apart, m.Fold.ApartLookback)
		}
	}
}

// A partition has the accounting of its own dump day, and says what its rows are made of.
func TestAccountingOfADay(t *testing.T) {
	first := day.Date(2026, time.November, 10)
	h := history{}
	h.add(first, "a", 1, at(first, 13*time.Hour), created)
	h.add(first, "a", 1, at(first, 13*time.Hour), created) // a duplicate within the day
	h.add(first+1, "a", 1, at(first, 13*time.Hour), created)
	h.add(first+1, "b", 1, at(first+1, 13*time.Hour), onHold)
	h[first] = append(h[first], "no event", "")
	h.add(first+2, "c", 2, at(first+2, 13*time.Hour), created)
	s := reachSettings(t, 2, store.NewMemory(nil))
	orders["at once"](t, s, h)
	m := pipelinetest.Manifest(t, s.Sink, partition.DayID("niue", first))
	want := event.Accounting{Lines: 4, Accepted: 1, Duplicates: 1, Blank: 1, Rejected: map[string]int64{"bad_json": 1}}
	if diff := cmp.Diff(want, m.Accounting); diff != "" {
		t.Errorf("the accounting (-want +got):\n%s", diff)
	}
	if f := m.Fold; f.Sessions != 1 || f.Events != 2 || f.Duplicates != 1 {
		t.Errorf("it is made from %+v, want 1 session, 2 events, 1 duplicate", f)
	}
}

// Random sessions, with silences and lateness up to the look-back, and some beyond: the
// partitions are the same in every order, and what a fold gives. Few sessions leave most
// days untouched by each delivery; many sessions share their days.
func TestReachOfRandomSessions(t *testing.T) {
	const lookback = 3
	for seed := range 3 * *seeds {
		rng := rand.New(rand.NewPCG(seed, 1))
		first := day.Date(2026, time.October, 20)
		h := history{}
		for session := range []int64{2, 12, 40}[seed%3] {
			ts := at(first, time.Duration(rng.Int64N(int64(20*24*time.Hour))))
			statuses := []string{active, onHold, closedBy}
			for n := range 2 + rng.IntN(8) {
				rest := created
				if n > 0 {
					rest = statuses[rng.IntN(len(statuses))]
					ts = ts.Add(time.Duration(rng.Int64N(int64(lookback*24*time.Hour) + 1)))
					if rng.IntN(12) == 0 {
						ts = ts.Add(lookback * 24 * time.Hour) // beyond
					}
				}
				for range 1 + rng.IntN(2) { // some events come twice
					late := day.Day(rng.IntN(2*lookback+1) - lookback)
					h.add(day.Of(ts.UnixMilli(), time.UTC)+late, fmt.Sprint(n), session+1, ts, rest)
				}
			}
		}
		checkOrders(t, lookback, h, func(string, []report.Row) {})
	}
}

// The size of a session is that of its events on all days together, to the byte, however
// small it is on each: 64 bytes an event and its id.
func TestSessionSizeOfManyDays(t *testing.T) {
	const events = 20
	h := history{}
	first := pipelinetest.Day
	for session, id := range map[int64]string{1: "%02d", 2: "%03d"} { // the second has a byte more in each event
		for i := range events {
			rest := `"type":"status_changed","status":"active","technician":{"id":1}`
			h.add(first+day.Day(i), fmt.Sprintf(id, i), session, (first + day.Day(i)).UTC().Add(12*time.Hour), rest)
		}
	}
	source := store.NewMemory(nil)
	for d := range h {
		h.put(t, source, d)
	}
	for _, limit := range []int64{events*(64+2) - 1, events * (64 + 2), events*(64+3) - 1, events * (64 + 3)} {
		s := reachSettings(t, 2, source)
		s.Reports, s.MaxSessionSize = s.Reports[:1], limit
		pipelinetest.Run(t, s, partition.Everything())
		var told []int64
		for _, r := range published(t, s, s.Reports[0].Name, h.days()) {
			if !slices.Contains(told, r.SessionID) {
				told = append(told, r.SessionID)
			}
		}
		var want []int64
		for session, size := range map[int64]int64{1: events * (64 + 2), 2: events * (64 + 3)} {
			if size <= limit {
				want = append(want, session)
			}
		}
		slices.Sort(want)
		if !slices.Equal(told, want) {
			t.Errorf("with a limit of %d bytes, sessions %d have rows, want %d", limit, told, want)
		}
	}
}
