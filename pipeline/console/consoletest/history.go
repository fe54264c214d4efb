package consoletest

import (
	"bytes"
	"context"
	"math"
	"strconv"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/states"
	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/summary"
)

// report is the state of a report: invented years, then published weeks.
func (w *World) report(ctx context.Context, i int, o Options) (states.Report, error) {
	name, zone := w.settings.Reports[i].Name, w.settings.Reports[i].Zone
	rep := states.Report{Name: name, Timezone: zone.String(), Settings: w.settings.Reports[i].Text}
	first := last - day.Day(o.Days) + 1
	if o.Years > 0 {
		first = day.Date(2026-o.Years, time.February, 9)
	}
	scale := []float64{1, 0.36, 0.17}[i] * float64(o.SessionsPerDay) / 700
	for d := first; d <= last; d++ {
		p, err := w.day(ctx, name, d, d > last-day.Day(o.Days), scale)
		if err != nil {
			return rep, err
		}
		at := dropOf(d, zone)
		p.Drop, p.Deadline = at, at.Add(4*time.Hour)
		rep.Days = append(rep.Days, p)
	}
	for m := first.Month(); m < last.Month(); m++ {
		p := states.Partition{ID: partition.MonthID(name, m), State: states.Published, Revision: 1, Published: dropOf(m.Last(), zone).Add(2 * time.Hour)}
		for d := max(m.First(), first); d <= m.Last(); d++ {
			p.Rows, p.Sessions, p.Bytes = p.Rows+rep.Days[d-first].Rows, p.Sessions+rep.Days[d-first].Sessions, p.Bytes+rep.Days[d-first].Bytes
		}
		if m.First() > last-day.Day(o.Days) {
			real, err := w.real(ctx, p.ID)
			if err != nil {
				return rep, err
			}
			real.Published = p.Published
			rep.Months = append(rep.Months, real)
			continue
		}
		if luck(uint64(m), 7)%23 == 0 {
			p.State, p.Revision = states.Restated, 2
		}
		if m == first.Month() {
			p.State, p.Revision, p.Rows = states.Missing, 0, 0
		}
		rep.Months = append(rep.Months, p)
		if p.Revision > 0 {
			if err := w.figures(ctx, name, m, max(m.First(), first), scale); err != nil {
				return rep, err
			}
		}
	}
	drop := dropOf(last.Month().Last(), zone).Add(2 * time.Hour)
	rep.Months = append(rep.Months, states.Partition{ID: partition.MonthID(name, last.Month()), State: states.Waiting, Drop: drop, Deadline: drop.Add(12 * time.Hour),
		Reasons: []string{"12 of its 30 days are not published"}})
	rep.NextMonth = states.Drop{Partition: last.Month().String(), At: drop, First: drop, Deadline: drop.Add(12 * time.Hour), Why: "waits for its drop at 04:00 on 1 December (" + zone.String() + ")"}
	next := dropOf(last+1, zone)
	rep.NextDay = states.Drop{Partition: (last + 1).String(), At: next, First: next.Add(30 * time.Minute), Deadline: next.Add(4 * time.Hour), Why: "waits for its drop at 02:00 on 22 November (" + zone.String() + ")"}
	return rep, nil
}

// dropOf is 02:00 after the end of a day.
func dropOf(d day.Day, zone *time.Location) time.Time {
	y, m, dom := d.UTC().Date()
	return time.Date(y, m, dom+1, 2, 0, 0, 0, zone)
}

// day is the state of a day. Most are published.
func (w *World) day(ctx context.Context, report string, d day.Day, real bool, scale float64) (states.Partition, error) {
	p := states.Partition{ID: partition.DayID(report, d), State: states.Published, Revision: 1}
	p.Published = dropOf(d, time.UTC).Add(31 * time.Minute)
	if real {
		published := p.Published
		p, err := w.real(ctx, p.ID)
		p.Published = published
		return p, err
	}
	p.Sessions = sessions(d, scale)
	p.Rows, p.Bytes = p.Sessions*115/100, p.Sessions*310
	switch l := luck(uint64(d), 1); {
	case p.Sessions == 0:
		p.State = states.Empty
	case l%61 == 0:
		p.State, p.Revision = states.Restated, 2+int(l%3)
	case d.Month() == day.MonthOf(2021, time.March) && int(d-d.Month().First()) > 21:
		p = states.Partition{ID: p.ID, State: states.Missing, Reasons: []string{"missed: no replica was running when it fell due at 02:30 on 24 March 2021 (Europe/Amsterdam); catch_up is latest and a later one was missed, too, so only daybook backfill publishes it"}}
	}
	return p, nil
}

// real is the state of a published partition.
func (w *World) real(ctx context.Context, id partition.ID) (states.Partition, error) {
	shown, err := (&inspect.Inspector{Settings: w.settings}).Show(ctx, id)
	if err != nil {
		return states.Partition{}, err
	}
	m := shown.Manifest
	p := states.Partition{ID: id, State: states.Published, Revision: m.Revision, Rows: m.Rows}
	if m.Fold != nil {
		p.Sessions = m.Fold.Sessions
	}
	for _, part := range m.Parts {
		p.Bytes += part.Bytes
	}
	switch {
	case m.Rows == 0:
		p.State = states.Empty
	case m.Revision > 1:
		p.State = states.Restated
	}
	return p, nil
}

// sessions is the number of sessions of a day: more every year, fewer at weekends
// and in summer, none at Christmas.
func sessions(d day.Day, scale float64) int64 {
	t := d.UTC()
	if t.Month() == time.December && t.Day() == 25 {
		return 0
	}
	n := 210 + 46*float64(t.Year()-2016) + float64(luck(uint64(d), 2)%60)
	n *= 1 + 0.16*math.Cos(2*math.Pi*float64(t.YearDay()-15)/365)
	switch t.Weekday() {
	case time.Saturday:
		n *= 0.38
	case time.Sunday:
		n *= 0.24
	case time.Monday:
		n *= 1.14
	}
	return int64(n * scale)
}

// luck is a deterministic pseudo-random number.
func luck(n, salt uint64) uint64 {
	x := (n + 1) * 0x9e3779b97f4a7c15 * (2*salt + 1)
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	return x ^ x>>32
}

var groupShares = []struct {
	name  string
	share float64
}{
	{"EMEA/Tier 1", 0.36}, {"APAC/Tier 1", 0.25}, {"Americas/Tier 1", 0.22}, {"", 0.24}, {"Außendienst", 0.19},
	{"APAC/Tier 2", 0.14}, {"EMEA/Tier 2/Networks", 0.14}, {"EMEA", 0.13}, // sessions with several legs have several
}

// figures puts the figures of a month.
func (w *World) figures(ctx context.Context, report string, m day.Month, from day.Day, scale float64) error {
	f := &figures.File{Report: report, Partition: m.String()}
	total := int64(0)
	for d := m.First(); d <= m.Last(); d++ {
		n := int64(0)
		if d >= from {
			n = sessions(d, scale)
		}
		total += n
		f.Days = append(f.Days, summary.Day{Date: d, Measures: measures(n, uint64(d))})
	}
	f.Total = measures(total, uint64(m))
	for i, g := range groupShares {
		drift := 1 + 0.2*math.Sin(1.7*float64(i)+float64(m)/9) + float64(luck(uint64(m), uint64(20+i))%12)/100
		f.Groups = append(f.Groups, summary.Group{Name: g.name, Measures: measures(int64(float64(total)*g.share*drift), uint64(m)+uint64(i))})
	}
	for h := range 24 {
		shape := math.Exp(-math.Pow(float64(h)-10.4, 2)/9)*0.72 + math.Exp(-math.Pow(float64(h)-14.8, 2)/7)*0.6 + 0.02
		f.Hours = append(f.Hours, summary.Hour{Hour: h, Measures: measures(int64(float64(total)*shape/7.1), uint64(m)*24+uint64(h))})
	}
	var b bytes.Buffer
	if err := figures.Encode(&b, f); err != nil {
		return err
	}
	key := partition.MonthID(report, m).SummaryDir() + figures.Name
	_, err := w.Sink.Put(ctx, key, bytes.NewReader(b.Bytes()), int64(b.Len()), store.Condition{})
	return err
}

// measures are the measures of n sessions.
func measures(n int64, salt uint64) summary.Measures {
	m := summary.Measures{Sessions: n, Legs: n * 115 / 100, PickedUp: n * 96 / 100}
	m.Total = n * (6400 + int64(luck(salt, 4)%2400)) * 1000
	m.Work = n * (470 + int64(luck(salt, 5)%90)) * 1000
	if n == 0 {
		return m
	}
	wait := 19 + int64(luck(salt, 3)%14) + n/60
	m.Waiting.Legs, m.Waiting.Sum.Sum = n, n*wait*1000
	m.Waiting.Median, m.Waiting.P90 = wait*1000, (wait*3+int64(luck(salt, 6)%30))*1000
	return m
}

// happenings puts the last days into all states, and adds runs and alerts.
func (w *World) happenings() {
	s := w.state
	reports := s.Reports
	change := func(report int, back int, f func(*states.Partition)) {
		days := reports[report].Days
		if i := len(days) - 1 - back; i >= 0 {
			f(&days[i])
		}
	}
	change(1, 0, func(p *states.Partition) { *p = pending(p, states.Building, "missing") })
	change(1, 1, func(p *states.Partition) {
		p.State, p.Reasons = states.Stale, []string{"1 new dump on 2026-11-21: part-09-late.ndjson.gz", "session 81 was reopened by 2026-11-21"}
	})
	change(1, 2, func(p *states.Partition) { *p = pending(p, states.Queued, "missing") })
	change(2, 0, func(p *states.Partition) {
		*p = pending(p, states.Waiting, "waits until 07:30 on 21 November (America/New_York): a grace of 30m after its drop")
	})
	change(2, 1, func(p *states.Partition) {
		*p = pending(p, states.Failed, "missing")
		p.Late, p.Attempts, p.Again = true, 3, w.Now.Add(11*time.Minute)
		p.Failure = "digest of 2026-11-19: dumps/2026/11/19/part-03.ndjson.gz: unexpected EOF: the gzip stream is cut off after 1,048,576 bytes; have it delivered again"
	})
	change(2, 6, func(p *states.Partition) {
		*p = pending(p, states.SetAside, "missing")
		p.Attempts = 5
		p.Failure = "212 of 9,181 lines (2.31 %) were rejected, and max_rejected allows 1.00 %; nothing was published"
	})
	begun := w.Now.Add(-94 * time.Second)
	s.Running = []states.Running{
		{Run: "20261121T071026Z-k3v9", ID: partition.DigestID(last), Reason: "2 new dumps on 2026-11-20: part-10.ndjson.gz, part-11.ndjson.gz", Begun: begun},
		{Run: "20261121T071026Z-k3v9", ID: partition.DayID("emea_tier_1", last), Reason: "missing", Begun: begun.Add(40 * time.Second)},
	}
	s.Progress = states.Progress{Run: "20261121T071026Z-k3v9", Steps: 14, StepsDone: 9, Bytes: 812_331_004, BytesRead: 540_118_272, Lines: 1_918_402}
	s.Alerts = []states.Alert{
		{ID: "set_aside americas 2026-11-14", Kind: "set_aside", Report: "americas", Partition: "2026-11-14", What: partition.Day, Text: "americas 2026-11-14 failed 5 times and is set aside until its inputs change or it is retried: 212 of 9,181 lines were rejected, and max_rejected allows 1.00 %", Since: w.Now.Add(-5 * 24 * time.Hour)},
		{ID: "late americas 2026-11-19", Kind: "late", Report: "americas", Partition: "2026-11-19", What: partition.Day, Text: "americas 2026-11-19 is late: its deadline was 2026-11-20 06:00", Since: w.Now.Add(-20 * time.Hour)},
	}
	s.Deliveries = []states.Delivery{
		{Name: "americas/week/teams", Period: "2026-W46", Revision: "1.1.1.1.1.1.1", Posted: w.Now.Add(-26 * time.Hour), Outcome: "given up", Ended: w.Now.Add(-2 * time.Hour), Error: "hooks.example.com answers 410 Gone"},
		{Name: "sessions/day/email", Period: "2026-11-20", Revision: "1", Posted: w.Now.Add(-5 * time.Hour), Outcome: "sent", Ended: w.Now.Add(-5 * time.Hour)},
		{Name: "sessions/month/slack"},
	}
	s.Unknown = []string{"dumps/2026/11/20/README.txt"}
	s.TooLate = []catalog.Late{{DumpDay: "2026-11-18", Date: "2026-10-28", Lines: 14, Reason: "too_late", Lookback: 21}}
	s.Digests = []states.Partition{
		{ID: partition.DigestID(last - 2), State: states.Published, Revision: 1},
		{ID: partition.DigestID(last - 1), State: states.Failed, Failure: "part-03.ndjson.gz: unexpected EOF", Attempts: 3, Again: w.Now.Add(11 * time.Minute)},
		{ID: partition.DigestID(last), State: states.Building, Reasons: []string{"2 new dumps on 2026-11-20: part-10.ndjson.gz, part-11.ndjson.gz"}},
	}
	w.pastRuns()
}

// pending is an unpublished partition.
func pending(p *states.Partition, state states.State, reason string) states.Partition {
	return states.Partition{ID: p.ID, State: state, Reasons: []string{reason}, Drop: p.Drop, Deadline: p.Deadline}
}

// pastRuns are two weeks of nights, a failure and a backfill.
func (w *World) pastRuns() {
	for i := range 24 {
		begun := time.Date(2026, time.November, 21-i, 1, 30, 12, 0, time.UTC)
		d := last - day.Day(i)
		run := runs.Record{
			ID: begun.Format("20060102T150405Z") + "-n" + strconv.Itoa(i), Replica: "daybook-7d9f-x2x4q", Trigger: "schedule", Begun: begun,
			Ended: begun.Add(time.Duration(60+luck(uint64(i), 9)%260) * time.Second), Outcome: "done",
			Accounting: event.Accounting{Lines: 9_204, Accepted: 9_011, Duplicates: 121, Blank: 9, Rejected: map[string]int64{"bad_json": 41, "bad_value": 22}},
			Steps: []build.Done{
				{ID: partition.DigestID(d), State: publish.Published, Reason: "missing", Revision: 1, Rows: 402, Bytes: 911_223},
				{ID: partition.DayID("sessions", d), State: publish.Published, Reason: "missing", Revision: 1, Rows: 431, Bytes: 61_402},
				{ID: partition.DayID("emea_tier_1", d), State: publish.Published, Reason: "missing", Revision: 1, Rows: 170, Bytes: 30_221},
			},
		}
		switch i {
		case 1:
			run.Outcome, run.Error = "failed", "1 step failed"
			run.Steps[0] = build.Done{ID: partition.DigestID(d), Reason: "missing", Error: "dumps/2026/11/19/part-03.ndjson.gz: unexpected EOF: the gzip stream is cut off"}
		case 3:
			run.Trigger, run.Ended = "backfill sessions 2026-08-01 to 2026-10-31 by ada", begun.Add(19*time.Minute)
		case 9:
			run.Outcome, run.Error = "interrupted", "the service was stopped"
		}
		w.runs = append(w.runs, run)
	}
}
