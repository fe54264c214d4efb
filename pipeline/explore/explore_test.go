package explore_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"daybook/pipeline/explore"
	"daybook/pipeline/explore/exploretest"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

var first = day.Date(2026, time.November, 16) // a Monday

// leg is a lead leg of a technician. A start of 0 means that it did not start.
func leg(session, number int64, at time.Time, waited time.Duration, technician int64, status string) report.Row {
	r := report.Blank()
	for _, n := range []*int64{
		&r.ConnectingTime, &r.TotalTime, &r.ActiveTime, &r.WorkTime, &r.HoldTime, &r.TransferTime, &r.RebootingTime, &r.ReconnectingTime,
		&r.OtherTime, &r.CustomerMessages, &r.TechnicianMessages, &r.SystemMessages,
	} {
		*n = 0
	}
	r.SessionID, r.Leg, r.Role, r.Status, r.IsFinal = session, number, "lead", status, true
	r.BeginTime, r.WaitingTime = at.UnixMilli(), waited.Milliseconds()
	r.EndTime = at.Add(waited).UnixMilli()
	if technician != 0 {
		r.TechnicianID, r.TechnicianName, r.TechnicianGroup = technician, "T", "Support"
		r.StartTime = r.EndTime
		r.WorkTime, r.TotalTime = 60_000, 90_000
		r.EndTime += 90_000
	}
	r.ReportDate = day.Of(max(r.StartTime, r.BeginTime), time.UTC)
	return r
}

func publish(t *testing.T, sink store.Store, rows ...report.Row) []explore.Day {
	t.Helper()
	by := map[day.Day][]report.Row{}
	last := first
	for _, r := range rows {
		by[r.ReportDate] = append(by[r.ReportDate], r)
		last = max(last, r.ReportDate)
	}
	days, err := exploretest.PublishAll(t.Context(), sink, by, first, last)
	if err != nil {
		t.Fatal(err)
	}
	return days
}

func explorer(sink store.Store) *explore.Explorer {
	return &explore.Explorer{Cache: explore.NewCache(0), Sink: sink, Workers: 2}
}

// A session that waits over midnight and is handed over while it waits counts once: it was
// picked up after the sum of both waits, by the technician of its second leg.
func TestSessionOverMidnight(t *testing.T) {
	sink := store.NewMemory(time.Now)
	night := first.UTC().Add(23*time.Hour + 59*time.Minute)
	days := publish(t, sink,
		leg(5, 0, night, 40*time.Second, 0, "Transferred"),
		leg(5, 1, night.Add(40*time.Second), 50*time.Second, 8, "Transferred"), // starts at 00:00:30
		leg(5, 2, night.Add(4*time.Minute), 9*time.Minute, 9, "Closed by customer"),
		leg(6, 0, night, 20*time.Second, 0, "Closed by waiting customer"),
	)
	a, err := explorer(sink).Ask(t.Context(), &explore.Question{
		Zone: time.UTC, Days: days, Period: explore.Period{From: first, To: first + 1}, By: explore.ByTechnician, Target: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := a.Total
	if s.Sessions != 2 || s.Legs != 4 || s.PickedUp != 1 || s.NotPickedUp != 1 || s.Within != 0 || s.Transferred != 2 {
		t.Errorf("it counts %+v", s)
	}
	if s.Waiting.N != 1 || s.Waiting.Median != 90_000 || s.Abandoned.N != 1 || s.Abandoned.P90 != 20_000 {
		t.Errorf("waiting is %+v, and of those who left %+v", s.Waiting, s.Abandoned)
	}
	if s.LegWaiting.N != 2 || s.LegWaiting.Longest != 540_000 || s.LegWaiting.Mean() != 295_000 {
		t.Errorf("waiting of legs is %+v", s.LegWaiting)
	}
	var keys []int64
	for _, l := range a.Lines {
		keys = append(keys, l.Key.ID)
	}
	if !slices.Equal(keys, []int64{8, 9, 0}) || a.Lines[0].Stats.Waiting.Sum != 90_000 || a.Lines[1].Stats.Waiting.N != 0 || a.Lines[2].Stats.Abandoned.N != 1 {
		t.Errorf("by technician it is %+v", a.Lines)
	}
	if a.Load.Peak != 1 || a.Load.Waiting != 1 { // at 00:00: session 6 left at 23:59:20
		t.Errorf("the load is %d sessions at once and %d waiting", a.Load.Peak, a.Load.Waiting)
	}
}

// A session counts on the day of its first pick-up, for any period: what was picked
// up the day before is not abandoned today, and what is picked up tomorrow is not either.
func TestSessionsAcrossTheEdgesOfAPeriod(t *testing.T) {
	sink := store.NewMemory(time.Now)
	noon := first.UTC().Add(12 * time.Hour)
	night := first.UTC().Add(23*time.Hour + 59*time.Minute)
	days := publish(t, sink,
		leg(5, 0, noon, 40*time.Second, 8, "Transferred"), // picked up on the first day
		leg(5, 1, noon.Add(24*time.Hour), 50*time.Second, 0, "Closed by waiting customer"),
		leg(6, 0, night, 20*time.Second, 0, "Transferred"), // and this one on the second
		leg(6, 1, night.Add(20*time.Second), 55*time.Second, 9, "Closed by customer"),
		leg(7, 0, noon, 30*time.Second, 0, "Closed by waiting customer"),
	)
	x := explorer(sink)
	x.Reach = 1
	for _, tc := range []struct {
		from, to                    day.Day
		sessions, picked, abandoned int64
		waited, waitedInVain        int64 // seconds, of all sessions
	}{
		{first, first, 3, 1, 1, 40, 30},
		{first + 1, first + 1, 2, 1, 0, 75, 0},
		{first, first + 1, 3, 2, 1, 115, 30},
	} {
		p := explore.Period{From: tc.from, To: tc.to}
		a, err := x.Ask(t.Context(), &explore.Question{Zone: time.UTC, Days: days, Period: p, By: explore.ByDate})
		if err != nil {
			t.Fatal(err)
		}
		s := a.Total
		if s.Sessions != tc.sessions || s.PickedUp != tc.picked || s.NotPickedUp != tc.abandoned || s.Waiting.Sum != 1000*tc.waited || s.Abandoned.Sum != 1000*tc.waitedInVain || a.Days != p.Len() {
			t.Errorf("%v: %+v of %d days, want %+v", p, s, a.Days, tc)
		}
		list, err := x.List(t.Context(), &explore.ListQuestion{Zone: time.UTC, Days: days, Period: p, Sort: explore.OrderWaiting, Most: 9})
		if err != nil {
			t.Fatal(err)
		}
		if list.Count != int(tc.sessions) || list.Days != p.Len() {
			t.Errorf("%v: the list has %d sessions of %d days, want %d", p, list.Count, list.Days, tc.sessions)
		}
		for _, session := range list.Sessions {
			if session.PickedUp != (session.ID != 7) {
				t.Errorf("%v: session %d counts as picked up: %t", p, session.ID, session.PickedUp)
			}
		}
	}
}

// A leg of the day before that lasts into the period is there at once with its sessions.
func TestLoadOverTheEdgeOfAPeriod(t *testing.T) {
	sink := store.NewMemory(time.Now)
	noon := first.UTC().Add(12 * time.Hour)
	overnight := leg(8, 0, noon, 0, 8, "Closed by technician")
	overnight.EndTime = noon.Add(12*time.Hour + 20*time.Minute).UnixMilli()
	days := publish(t, sink, overnight, leg(9, 0, noon.Add(24*time.Hour), 0, 8, "Closed by technician"))
	x := explorer(sink)
	for reach, want := range map[int]int64{0: 0, 1: 2} { // marks at 00:00 and 00:15
		x.Reach = reach
		a, err := x.Ask(t.Context(), &explore.Question{Zone: time.UTC, Days: days, Period: explore.Period{From: first + 1, To: first + 1}})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Load.Quarters[0].Sum + a.Load.Quarters[1].Sum + a.Load.Quarters[2].Sum; got != want || a.Total.Sessions != 1 {
			t.Errorf("with a reach of %d days, %d sessions are there after midnight, want %d", reach, got, want)
		}
	}
}

// A session that was picked up the day before, and that a collaborator joins in the period,
// counts neither as picked up in the period nor as not picked up.
func TestSessionPickedUpBefore(t *testing.T) {
	sink := store.NewMemory(time.Now)
	helper := leg(7, 1, (first + 1).UTC().Add(time.Hour), 0, 9, "Closed by technician")
	helper.Role = "collaborator"
	days := publish(t, sink, leg(7, 0, first.UTC().Add(23*time.Hour), time.Minute, 8, "Closed by technician"), helper)
	of := explore.Period{From: first + 1, To: first + 1}
	a, err := explorer(sink).Ask(t.Context(), &explore.Question{Zone: time.UTC, Days: days[1:], Period: of, By: explore.ByTechnician, Target: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if s := a.Total; s.Sessions != 1 || s.PickedUp != 0 || s.NotPickedUp != 0 || s.Abandoned.N != 0 || s.Waiting.N != 0 || s.Work.N != 1 {
		t.Errorf("it counts %+v", s)
	}
	list, err := explorer(sink).List(t.Context(), &explore.ListQuestion{Zone: time.UTC, Days: days[1:], Period: of, Sort: explore.OrderWaiting, Most: 10})
	if err != nil || len(list.Sessions) != 1 || !list.Sessions[0].PickedUp {
		t.Errorf("the list is %+v: %v", list, err)
	}
}

// The list of the sessions that waited longest, its pages, and a search.
func TestList(t *testing.T) {
	sink := store.NewMemory(time.Now)
	at := first.UTC().Add(9 * time.Hour)
	rows := []report.Row{
		leg(11, 0, at, 5*time.Second, 8, "Closed by customer"),
		leg(12, 0, at.Add(time.Minute), 70*time.Second, 8, "Closed by customer"),
		leg(13, 0, at.Add(2*time.Minute), 30*time.Second, 9, "Closed by customer"),
	}
	rows[0].WrapUpTime, rows[2].WrapUpTime = 4_000, 9_000
	rows[1].Name, rows[2].TrackingID = "Zoë Smith", "T-77"
	days := publish(t, sink, rows...)
	x := explorer(sink)
	for _, tc := range []struct {
		name  string
		q     explore.ListQuestion
		want  []int64
		count int
	}{
		{"longest waits", explore.ListQuestion{Sort: explore.OrderWaiting, Most: 2}, []int64{12, 13}, 3},
		{"second page", explore.ListQuestion{Sort: explore.OrderWaiting, From: 2, Most: 2}, []int64{11}, 3},
		{"beyond the last page", explore.ListQuestion{Sort: explore.OrderWaiting, From: 9, Most: 2}, nil, 3},
		{"first starts", explore.ListQuestion{Sort: explore.OrderStart, Up: true, Most: 9}, []int64{11, 12, 13}, 3},
		{"wrap-ups, unknown last", explore.ListQuestion{Sort: explore.OrderWrapUp, Most: 9}, []int64{13, 11, 12}, 3},
		{"short wrap-ups, unknown last", explore.ListQuestion{Sort: explore.OrderWrapUp, Up: true, Most: 9}, []int64{11, 13, 12}, 3},
		{"customer", explore.ListQuestion{Search: "zoë s", Most: 9}, []int64{12}, 1},
		{"tracking id", explore.ListQuestion{Search: "t-77", Most: 9}, []int64{13}, 1},
		{"session id", explore.ListQuestion{Search: "11", Most: 9}, []int64{11}, 1},
		{"technician's id", explore.ListQuestion{Search: "8", Sort: explore.OrderStart, Up: true, Most: 9}, []int64{11, 12}, 2},
		{"nothing", explore.ListQuestion{Search: "Jane", Most: 9}, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.q.Zone, tc.q.Days, tc.q.Period = time.UTC, days, explore.Period{From: first, To: first}
			list, err := x.List(t.Context(), &tc.q)
			if err != nil {
				t.Fatal(err)
			}
			var ids []int64
			for _, s := range list.Sessions {
				ids = append(ids, s.ID)
			}
			if !slices.Equal(ids, tc.want) || list.Count != tc.count {
				t.Errorf("it has %v of %d, want %v of %d", ids, list.Count, tc.want, tc.count)
			}
		})
	}
	list, err := x.List(t.Context(), &explore.ListQuestion{Zone: time.UTC, Days: days, Period: explore.Period{From: first, To: first}, Sort: explore.OrderWaiting, Most: 1})
	if err != nil {
		t.Fatal(err)
	}
	if s := list.Sessions[0]; s.Customer != "Zoë Smith" || s.Waiting != 70_000 || s.Work != 60_000 || s.Duration != 160_000 || !s.PickedUp || s.Date != first {
		t.Errorf("the first one is %+v", s)
	}
}

// A session is found without its date, whether its day is in memory or not.
func TestFind(t *testing.T) {
	sink := store.NewMemory(time.Now)
	days := publish(t, sink,
		leg(100, 0, first.UTC(), time.Second, 8, "Transferred"),
		leg(100, 1, first.UTC().Add(24*time.Hour), time.Second, 8, "Closed by customer"),
		leg(300, 0, first.UTC().Add(48*time.Hour), time.Second, 8, "Closed by customer"),
	)
	x := explorer(sink)
	for _, when := range []string{"from the store", "from memory"} {
		for id, want := range map[int64]day.Day{100: first + 1, 300: first + 2} {
			if found, err := x.Find(t.Context(), time.UTC, days, id); err != nil || found != want {
				t.Errorf("%s: session %d is found on %s: %v", when, id, found, err)
			}
		}
		if _, err := x.Find(t.Context(), time.UTC, days, 200); !errors.Is(err, explore.ErrNoSession) {
			t.Errorf("%s: an unknown session: %v", when, err)
		}
		if _, err := x.Ask(t.Context(), &explore.Question{Zone: time.UTC, Days: days, Period: explore.Period{From: first, To: first + 2}}); err != nil {
			t.Fatal(err)
		}
	}
}

// A restated day is read again; the memory has a bound, and a period beyond it is refused
// before anything is read.
func TestMemory(t *testing.T) {
	sink := store.NewMemory(time.Now)
	rows := exploretest.Rows(3, first, 20, 50, time.UTC)
	days, err := exploretest.PublishAll(t.Context(), sink, rows, first, first+19)
	if err != nil {
		t.Fatal(err)
	}
	const most = 200_000
	x := &explore.Explorer{Cache: explore.NewCache(most), Sink: sink}
	x.Reach = 20 // the memory does not hold all that could tell
	ask := func(from, to int) (*explore.Answer, error) {
		return x.Ask(t.Context(), &explore.Question{
			Zone: time.UTC, Days: days, Period: explore.Period{From: first + day.Day(from), To: first + day.Day(to)},
		})
	}
	for i := range 20 {
		if _, err := ask(i, i); err != nil {
			t.Fatal(err)
		}
		if held := x.Cache.Bytes(); held > most {
			t.Errorf("it holds %d bytes", held)
		}
	}
	var large *explore.TooLargeError
	if _, err := ask(0, 19); !errors.As(err, &large) || large.Rows <= large.Most {
		t.Errorf("twenty days give %v", err)
	}
	if days[3], err = exploretest.Publish(t.Context(), sink, first+3, rows[first+3][:7]); err != nil {
		t.Fatal(err)
	}
	if a, err := ask(3, 3); err != nil || a.Total.Legs != 7 || days[3].Revision != 2 {
		t.Errorf("the restated day has %d legs in revision %d: %v", a.Total.Legs, days[3].Revision, err)
	}
}

func TestPeriods(t *testing.T) {
	date := func(s string) day.Day {
		d, err := day.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tc := range []struct {
		unit                           explore.Unit
		at, from, to, before, lastYear string
	}{
		{explore.ADay, "2026-03-01", "2026-03-01", "2026-03-01", "2026-02-28", "2025-03-02"},
		{explore.AWeek, "2026-11-22", "2026-11-16", "2026-11-22", "2026-11-09", "2025-11-17"},
		{explore.AMonth, "2024-03-31", "2024-03-01", "2024-03-31", "2024-02-01", "2023-03-01"},
		{explore.AQuarter, "2026-02-11", "2026-01-01", "2026-03-31", "2025-10-01", "2025-01-01"},
		{explore.AYear, "2026-02-11", "2026-01-01", "2026-12-31", "2025-01-01", "2025-01-01"},
	} {
		p := explore.Around(tc.unit, date(tc.at))
		if p != (explore.Period{From: date(tc.from), To: date(tc.to)}) {
			t.Errorf("the %s around %s is %v", tc.unit, tc.at, p)
		}
		if b := p.Shift(tc.unit, -1); b.From != date(tc.before) || b.Shift(tc.unit, 1) != p {
			t.Errorf("the %s before %s begins on %s", tc.unit, tc.from, b.From)
		}
		if b := p.LastYear(tc.unit); b.From != date(tc.lastYear) {
			t.Errorf("a year before %s begins on %s, want %s", tc.from, b.From, tc.lastYear)
		}
	}
	if p := (explore.Period{From: date("2026-11-20"), To: date("2026-11-24")}).Shift(explore.Range, -1); p.To != date("2026-11-19") || p.Len() != 5 {
		t.Errorf("the range before is %v", p)
	}
	for days, want := range map[int]int{7: 7, 62: 62, 90: 13, 365: 12} {
		bins := explore.Period{From: date("2026-01-01"), To: date("2026-01-01") + day.Day(days-1)}.Bins()
		if len(bins) != want || bins[len(bins)-1].To != date("2026-01-01")+day.Day(days-1) {
			t.Errorf("%d days have %d bins, want %d", days, len(bins), want)
		}
	}
}
