package console

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/service"
	"daybook/pipeline/settings"
	"daybook/sources/store"
	"daybook/transform/day"
)

func put(t *testing.T, s store.Store, key, text string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// summaryText is a summary with one key column: of each row the key, sessions,
// total time, work time, and the median and 90 % waiting time.
func summaryText(rows ...[6]string) string {
	text := "Key" + strings.Repeat(",M", columns) + "\n"
	for _, r := range rows {
		cells := make([]string, columns)
		for i := range cells {
			cells[i] = "0"
		}
		cells[columnSessions], cells[columnTotal], cells[columnWork], cells[columnWaiting], cells[columnWaiting90] = r[1], r[2], r[3], r[4], r[5]
		text += r[0] + "," + strings.Join(cells, ",") + "\n"
	}
	return text
}

// total is a summary without a key column, of one row.
func total(sessions string) string {
	text := ""
	for line := range strings.Lines(summaryText([6]string{"x", sessions, "0:10:00", "0:05:00", "0:00:20", "0:01:00"})) {
		text += line[strings.IndexByte(line, ',')+1:]
	}
	return text
}

// twoMonths has October as a month, and the first two days of November.
func twoMonths(t *testing.T) (*settings.Pipeline, *service.State) {
	t.Helper()
	st := store.NewMemory(nil)
	put(t, st, "summaries/r/month/2026-10/by_day.csv", summaryText(
		[6]string{"2026-10-30", "30", "5:00:00", "2:30:00", "0:00:10", "0:01:00"},
		[6]string{"2026-10-31", "10", "1:00:00", "0:30:00", "", ""}))
	put(t, st, "summaries/r/month/2026-10/by_group.csv", summaryText([6]string{"A", "25", "4:00:00", "2:00:00", "0:00:10", "0:01:00"}, [6]string{"", "15", "2:00:00", "1:00:00", "", ""}))
	put(t, st, "summaries/r/month/2026-10/by_hour.csv", summaryText([6]string{"9", "40", "0:00:00", "0:00:00", "", ""}))
	for d, sessions := range map[string]string{"2026-11-01": "7", "2026-11-02": "9"} {
		dir := "summaries/r/day/" + d + "/"
		put(t, st, dir+"total.csv", total(sessions))
		put(t, st, dir+"by_group.csv", summaryText([6]string{"A", sessions, "0:10:00", "0:05:00", "0:00:20", "0:01:00"}))
		put(t, st, dir+"by_hour.csv", summaryText([6]string{"9", sessions, "0:00:00", "0:00:00", "", ""}))
	}
	published := func(names ...string) (all []service.Partition) {
		for _, name := range names {
			id, err := partition.Parse("r", name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, service.Partition{ID: id, State: service.Published, Revision: 1})
		}
		return all
	}
	return &settings.Pipeline{Sink: st}, &service.State{Reports: []service.Report{{
		Name: "r", Days: published("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"), Months: published("2026-10"),
	}}}
}

// followed is an index that has read them.
func followed(t *testing.T, r *settings.Pipeline, s *service.State) *index {
	t.Helper()
	x := newIndex()
	if err := x.follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestIndexReadsMonthsAndTheDaysOfOthers(t *testing.T) {
	r, s := twoMonths(t)
	x := followed(t, r, s)
	if known, wanted := x.filling(); known != 3 || wanted != 3 {
		t.Errorf("it knows %d of %d partitions; there is a month, and two days of another one", known, wanted)
	}
	h := x.history("r")
	for d, want := range map[day.Day]figures{
		day.Date(2026, 10, 30): {Days: 1, Sessions: 30, Total: 5 * 3600, Work: 9000, Waiting: 10, Waiting90: 60},
		day.Date(2026, 10, 31): {Days: 1, Sessions: 10, Total: 3600, Work: 1800, Waiting: -1, Waiting90: -1},
		day.Date(2026, 11, 2):  {Days: 1, Sessions: 9, Total: 600, Work: 300, Waiting: 20, Waiting90: 60},
		day.Date(2026, 11, 3):  nothing,
		day.Date(2020, 1, 1):   nothing,
	} {
		if got := h.day(d); got != want {
			t.Errorf("%s: %+v, want %+v", d, got, want)
		}
	}
	rows := h.rows(day.Date(2026, 10, 1), day.Date(2026, 11, 2))
	if len(rows) != 2 || rows[1].days != 2 || rows[1].hours[9].sum.Sessions != 16 {
		t.Errorf("November: %+v", rows[1])
	}
	groups := groupsOf(rows)
	if len(groups) != 2 || groups[0].Name != "A" || groups[0].Sessions != 41 || groups[0].Share != "73.2 %" || groups[1].Name != "no group" {
		t.Errorf("groups: %+v", groups)
	}
	// 41 sessions of A: 25 in two days of October, and 16 in two of November.
	if s := groups[0].Series; len(s) != 2 || s[0] != 12.5 || s[1] != 8 {
		t.Errorf("A over time: %v", s)
	}
	// 10 s in October, and 20 s on both days of November: of two months the lower.
	if g := groups[0]; g.Waiting != "10 s" || g.Most != "1:00 min" {
		t.Errorf("A waits %s, and 90 %% of it %s at most", g.Waiting, g.Most)
	}
	if g := groups[1]; g.Waiting != "–" {
		t.Errorf("nobody waited for no group, and it says %s", g.Waiting)
	}
	// At 9, 40 + 7 + 9 sessions in four days.
	byHour := chartsByHour(rows)
	if p := byHour[0].Points; p[9].Values[0] != 14 || p[8].Values[0] != 0 || !p[8].Known || p[9].Label != "9:00" {
		t.Errorf("sessions by hour: %+v", p)
	}
	if p := byHour[1].Points[9]; p.Known {
		t.Errorf("nobody waited at 9, and it says %+v", p)
	}
}

func TestIndexKeepsTheSumOfGroupsBeyondTheMost(t *testing.T) {
	r, s := twoMonths(t)
	var rows [][6]string
	for i := range maxGroups + 2 {
		rows = append(rows, [6]string{strconv.Itoa(i), "3", "0:10:00", "0:05:00", "0:00:20", "0:01:00"})
	}
	put(t, r.Sink, "summaries/r/month/2026-10/by_group.csv", summaryText(rows...))
	october := followed(t, r, s).history("r").months[day.MonthOf(2026, 10)]
	if others := october.groups[otherGroups]; len(october.groups) != maxGroups+1 || others.Sessions != 6 || others.Total != 1200 {
		t.Errorf("%d groups, and the others are %+v", len(october.groups), others)
	}
}

func TestIndexFollowsRevisions(t *testing.T) {
	r, s := twoMonths(t)
	x := followed(t, r, s)
	put(t, r.Sink, "summaries/r/day/2026-11-02/total.csv", total("90"))
	if err := x.follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if got := x.history("r").day(day.Date(2026, 11, 2)).Sessions; got != 9 {
		t.Errorf("the same revision was read again: %d sessions", got)
	}
	s.Reports[0].Days[3].Revision = 2
	if err := x.follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if got := x.history("r").day(day.Date(2026, 11, 2)).Sessions; got != 90 {
		t.Errorf("revision 2 has %d sessions, want 90", got)
	}
	s.Reports = nil
	if err := x.follow(t.Context(), r, s); err != nil {
		t.Fatal(err)
	}
	if len(x.entries) != 0 || len(x.history("r").days) != 0 {
		t.Error("it keeps a report that is not configured any more")
	}
}

func TestIndexGoesOnWithoutWhatItCannotRead(t *testing.T) {
	const dir = "summaries/r/day/2026-11-01/"
	long := summaryText([6]string{"A", "7", "0:10:00", "0:05:00", "0:00:20", "0:01:00"})
	long += strings.Repeat(long[strings.IndexByte(long, '\n')+1:], maxSummary/len(long)*2)
	for name, tc := range map[string]struct {
		key, text string
		says      string // of what is left out
		knowsDay  bool
	}{
		"missing summaries are nothing to tell": {"", "", "", false},
		"too few columns":                       {dir + "total.csv", "A,B\n1,2\n", "2026-11-01: total.csv is left out: it cannot be read: record on line 1: wrong number of fields", false},
		"no number":                             {dir + "total.csv", strings.Replace(total("7"), "\n7,", "\nx,", 1), `2026-11-01: total.csv is left out: it cannot be read: strconv.ParseInt: parsing "x": invalid syntax`, false},
		"no duration":                           {dir + "total.csv", strings.Replace(total("7"), "0:10:00", "10 min", 1), `2026-11-01: total.csv is left out: it cannot be read: "10 min" is no duration`, false},
		"no hour":                               {dir + "by_hour.csv", summaryText([6]string{"24", "1", "0:00:00", "0:00:00", "", ""}), `2026-11-01: by_hour.csv is left out: it cannot be read: "24" is no hour`, true},
		"too long":                              {dir + "by_group.csv", long, "2026-11-01: by_group.csv is left out: it cannot be read: it is longer than 4.2 MB", true},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := twoMonths(t)
			if tc.key != "" {
				put(t, r.Sink, tc.key, tc.text)
			} else if err := r.Sink.Delete(t.Context(), dir+"total.csv"); err != nil {
				t.Fatal(err)
			}
			spy := &watched{Store: r.Sink}
			r.Sink = spy
			x := followed(t, r, s)
			h := x.history("r")
			if known := h.day(day.Date(2026, 11, 1)).Days != 0; known != tc.knowsDay || h.day(day.Date(2026, 11, 2)).Sessions != 9 {
				t.Errorf("the day is known: %v; or the day after is not", known)
			}
			november := h.months[day.MonthOf(2026, 11)]
			if got := november.groups["A"].Sessions; got != 16 && got != 9 {
				t.Errorf("the group has %d sessions", got)
			}
			first, last := day.Date(2026, 11, 1), day.Date(2026, 11, 20)
			if got := strings.Join(x.unread("r", first, last), "; "); got != tc.says {
				t.Errorf("left out: %s", got)
			}
			if got := x.unread("r", last, last); got != nil {
				t.Errorf("left out of other days: %s", got)
			}
			if tc.says == "" {
				return
			}
			spy.seen()
			if err := x.follow(t.Context(), r, s); err != nil {
				t.Fatal(err)
			}
			if keys := spy.seen(); len(keys) > 0 {
				t.Errorf("it was read again: %q", keys)
			}
			s.Reports[0].Days[2].Revision = 2
			put(t, spy, dir+"total.csv", total("7"))
			put(t, spy, dir+"by_group.csv", summaryText([6]string{"A", "7", "0:10:00", "0:05:00", "0:00:20", "0:01:00"}))
			put(t, spy, dir+"by_hour.csv", summaryText([6]string{"9", "7", "0:00:00", "0:00:00", "", ""}))
			if err := x.follow(t.Context(), r, s); err != nil || x.unread("r", first, last) != nil || x.history("r").day(first).Sessions != 7 {
				t.Errorf("its next revision is not read: %v, %q", err, x.unread("r", first, last))
			}
		})
	}
}

func TestWarmEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	c := New(Options{Service: w})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Warm(ctx); close(done) }()
	cancel()
	<-done
	r, s := twoMonths(t)
	if err := newIndex().follow(ctx, r, s); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after the end: %v", err)
	}
}

func TestBins(t *testing.T) {
	r, s := twoMonths(t)
	h := followed(t, r, s).history("r")
	// 2026-11-01 is a Sunday: a week ends with it, and another begins.
	weeks := h.bins(day.Date(2026, 10, 30), day.Date(2026, 11, 2), byWeek)
	if len(weeks) != 2 || weeks[0].To != day.Date(2026, 11, 1) || weeks[0].Sessions != 47 || weeks[0].Days != 3 || weeks[1].Sessions != 9 {
		t.Errorf("weeks: %+v", weeks)
	}
	// Of 10 s, nothing and 20 s, the middle one is the lower of two.
	if weeks[0].Waiting != 10 {
		t.Errorf("the week's waiting time: %d", weeks[0].Waiting)
	}
	months := h.bins(day.Date(2026, 10, 30), day.Date(2026, 11, 2), byMonth)
	if len(months) != 2 || months[0].Sessions != 40 || months[1].Sessions != 16 {
		t.Errorf("months: %+v", months)
	}
	if days := h.bins(day.Date(2026, 10, 29), day.Date(2026, 10, 30), byDay); len(days) != 2 || days[0].Days != 0 || days[1].Sessions != 30 {
		t.Errorf("days: %+v", days)
	}
}

func TestStepKeepsChartsReadable(t *testing.T) {
	to := day.Date(2026, 11, 20)
	for days, want := range map[day.Day]step{1: byDay, 62: byDay, 63: byWeek, 400: byWeek, 401: byMonth, 3650: byMonth} {
		if got := stepFor(to-days+1, to); got != want {
			t.Errorf("%d days: by %s, want by %s", days, got, want)
		}
	}
}

func TestNiceMost(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.3: 0.3, 1: 1, 1.01: 1.5, 87: 100, 101: 150, 399: 400, 701: 800, 950: 1000} {
		if got := niceMost(v); got < want*0.999 || got > want*1.001 {
			t.Errorf("above %v: %v, want %v", v, got, want)
		}
	}
}

func TestParseClock(t *testing.T) {
	for text, want := range map[string]int64{"": -1, "0:00:00": 0, "0:12:31": 751, "100:00:01": 360001} {
		if got, err := parseClock(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"1", "1:2", "-1:00:00", "x:00:00", "1:00:00:00"} {
		if _, err := parseClock(text); err == nil {
			t.Errorf("%q is taken for a duration", text)
		}
	}
}
