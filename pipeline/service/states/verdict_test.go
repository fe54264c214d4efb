package states

import (
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/transform/day"
)

var levels = map[Word]Level{
	VerdictBlocked: Bad, VerdictSetAside: Bad, VerdictNotPublished: Bad, VerdictLate: Bad, VerdictMissed: Bad, VerdictFailed: Bad,
	VerdictCatchingUp: Busy, VerdictWaiting: Busy, VerdictFresh: Good,
}

// Every state, late or not, with and without a published partition and a broken dump
// day: the word is the worst that is true.
func TestVerdictOfEveryState(t *testing.T) {
	first := day.Date(2026, 11, 1)
	// The verdict on a report with one published day and then this one, by whether it
	// is late.
	words := map[State][2]Word{
		Missing:   {VerdictMissed, VerdictLate},
		Waiting:   {VerdictFresh, VerdictLate},
		Queued:    {VerdictCatchingUp, VerdictLate},
		Building:  {VerdictCatchingUp, VerdictLate},
		Stale:     {VerdictCatchingUp, VerdictLate},
		Failed:    {VerdictFailed, VerdictLate},
		SetAside:  {VerdictSetAside, VerdictSetAside},
		Published: {VerdictFresh},
		Restated:  {VerdictFresh},
		Empty:     {VerdictFresh},
	}
	if len(words) != len(All) || len(levels) != len(Words) {
		t.Fatal("not every state and every word is tried")
	}
	for state, want := range words {
		for late, word := range want {
			if word == "" { // a published day is never late
				continue
			}
			for _, begun := range []bool{true, false} {
				for _, broken := range []bool{true, false} {
					rep := &Report{Name: "sessions", Days: []Partition{{ID: partition.DayID("sessions", first+1), State: state, Late: late == 1}}}
					expected := word
					switch {
					case begun:
						rep.Days = slices.Insert(rep.Days, 0, Partition{ID: partition.DayID("sessions", first), State: Published, Revision: 1})
					case word == VerdictMissed:
						expected = VerdictNotPublished
					case word == VerdictFresh:
						expected = VerdictWaiting
					}
					if state == Published || state == Restated || state == Empty {
						rep.Days[len(rep.Days)-1].Revision = 1
						expected = VerdictFresh
					}
					if broken {
						rep.Broken = []BrokenDay{{Day: "2026-11-01", Reason: "corrupt", SetAside: true}}
						expected = VerdictBlocked
					}
					v := VerdictOf(rep)
					if v.Word != expected || v.Level != levels[expected] {
						t.Errorf("%s, late %t, begun %t, broken %t: %s, %s; want %s", state, late == 1, begun, broken, v.Word, v.Level, expected)
					}
					if v.Text == "" || strings.Contains(v.Text, "..") || (v.Level == Good) != (v.Word == VerdictFresh) {
						t.Errorf("%s: %+v", state, v)
					}
					if _, counted := predicates[expected]; counted && (v.Count != 1 || len(v.Causes) != 1) {
						t.Errorf("%s: the causes are %+v", state, v.Causes)
					}
				}
			}
		}
	}
}

// Of two partitions in different states, the worse one decides, in either order and
// for each kind.
func TestVerdictIsTheWorst(t *testing.T) {
	byWord := map[Word]Partition{
		VerdictSetAside: {State: SetAside}, VerdictLate: {State: Waiting, Late: true}, VerdictMissed: {State: Missing},
		VerdictFailed: {State: Failed}, VerdictCatchingUp: {State: Stale}, VerdictFresh: {State: Restated},
	}
	published := Partition{ID: partition.DayID("sessions", day.Date(2026, 10, 1)), State: Published, Revision: 1}
	for worse, p := range byWord {
		for better, q := range byWord {
			if slices.Index(Words, worse) > slices.Index(Words, better) {
				continue
			}
			p.ID, q.ID = partition.DayID("sessions", day.Date(2026, 10, 2)), partition.DayID("sessions", day.Date(2026, 10, 3))
			month := q
			month.ID = partition.MonthID("sessions", day.MonthOf(2026, 10))
			oldMonth := Partition{ID: partition.MonthID("sessions", day.MonthOf(2026, 9)), State: Published, Revision: 1}
			for _, rep := range []*Report{
				{Days: []Partition{published, p, q}}, {Days: []Partition{published, q, p}},
				{Days: []Partition{published, p}, Months: []Partition{oldMonth, month}},
			} {
				if v := VerdictOf(rep); v.Word != worse {
					t.Errorf("%s and %s: %s", worse, better, v.Word)
				}
			}
		}
	}
}

// What each verdict says, and the one thing to do.
func TestVerdictTexts(t *testing.T) {
	november := func(dom int, change func(*Partition)) Partition {
		p := Partition{ID: partition.DayID("sessions", day.Date(2026, 11, dom)), State: Waiting}
		change(&p)
		return p
	}
	published := func(p *Partition) { p.State, p.Revision = Published, 1 }
	missing := func(p *Partition) { p.State, p.Reasons = Missing, []string{"missed: more than max_age"} }
	var all184 []Partition
	for d := range 184 {
		p := november(1, missing)
		p.ID = partition.DayID("sessions", day.Date(2026, 5, 1)+day.Day(d))
		all184 = append(all184, p)
	}
	for name, c := range map[string]struct {
		rep  Report
		want string
	}{
		"nothing there":    {Report{}, "waiting: There are no dumps yet that it could be made of."},
		"before the first": {Report{Days: []Partition{november(1, func(*Partition) {})}, NextDay: Drop{Partition: "2026-11-01", Why: "waits for its drop at 02:00 on 2 November (UTC)"}}, "waiting: Nothing is published yet; 2026-11-01 waits for its drop at 02:00 on 2 November (UTC)."},
		"nothing was ever published": {Report{Days: all184},
			"not published: Nothing was ever published; 184 days (2026-05-01 to 2026-10-31) are left to a backfill. To do: daybook backfill --from 2026-05-01 --to 2026-10-31 --report sessions"},
		"history": {Report{Days: append(slices.Clone(all184), november(1, published))},
			"fresh: All that is due is published. 184 days (2026-05-01 to 2026-10-31) before the first publication: not published. To do: daybook backfill --from 2026-05-01 --to 2026-10-31 --report sessions, if they are wanted"},
		"a gap": {Report{Days: []Partition{november(1, published), november(2, missing), november(3, published)}},
			"missed: 2026-11-02 was missed and is left to a backfill: missed: more than max_age. To do: daybook backfill --from 2026-11-02 --to 2026-11-02 --report sessions"},
		"late without dumps": {Report{Days: []Partition{november(1, published), november(2, func(p *Partition) {
			p.Late, p.Reasons = true, []string{"there are no dumps for this day or a later one"}
		})}}, "late: 2026-11-02 is late: there are no dumps for this day or a later one. To do: deliver the dumps of 2026-11-02 or of a later day"},
		"late, and about to be built": {Report{Days: []Partition{november(1, published), november(2, func(p *Partition) {
			p.State, p.Late, p.Reasons = Queued, true, []string{"due since 02:00"}
		})}}, "late: 2026-11-02 is late: due since 02:00."},
		"late, with dumps and without": {Report{Days: []Partition{november(1, published),
			november(2, func(p *Partition) { p.State, p.Late, p.Reasons = Queued, true, []string{"due since 02:00"} }),
			november(3, func(p *Partition) { p.Late = true }),
		}}, "late: 2 days (2026-11-02 to 2026-11-03) are late; the first one: due since 02:00. To do: daybook run, unless daybook serve is running; then deliver the dumps of 2026-11-03 or of a later day"},
		"set aside, and one late": {Report{Days: []Partition{november(1, published), november(2, func(p *Partition) { p.State, p.Failure = SetAside, "disk full" }), november(3, func(p *Partition) { p.Late = true })}},
			"set aside: 2026-11-02 failed too often and is set aside: disk full. 2026-11-03 is late. To do: mend the cause, then Retry in the console, or daybook backfill --from 2026-11-02 --to 2026-11-02 --report sessions"},
		"failed": {Report{Days: []Partition{november(1, published), november(2, func(p *Partition) { p.State, p.Failure = Failed, "connection reset" })}},
			"failed: 2026-11-02 failed and will be retried: connection reset."},
		"catching up": {Report{Days: []Partition{november(1, func(p *Partition) { p.State, p.Revision = Stale, 1 }), november(2, func(p *Partition) { p.State = Queued })}},
			"catching up: 2 days (2026-11-01 to 2026-11-02) are about to be built."},
		"a newer daybook": {Report{Broken: []BrokenDay{{Day: "2026-11-02", Reason: "its digest was made by a newer daybook", Newer: true}}},
			"blocked: Blocked by 1 broken dump day: 2026-11-02 (its digest was made by a newer daybook). To do: upgrade daybook: a newer one has made the digests of these days"},
		"broken, and retried": {Report{Broken: []BrokenDay{{Day: "2026-11-02", Reason: "connection reset", Again: time.Unix(1, 0)}}},
			"blocked: Blocked by 1 broken dump day: 2026-11-02 (connection reset). To do: replace the broken dumps; they are retried anyway"},
	} {
		c.rep.Name = "sessions"
		if got := VerdictOf(&c.rep).String(); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, c.want)
		}
	}
	if v := VerdictOf(&Report{Name: "sessions", Days: all184}); v.Count != 184 || len(v.Causes) != maxCauses {
		t.Errorf("%d causes, %d listed", v.Count, len(v.Causes))
	}
}
