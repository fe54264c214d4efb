package schedule

import (
	"fmt"
	"time"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// Decision says whether a period is published now.
type Decision struct {
	Due    bool   // publish it now
	Missed bool   // no replica was running when it fell due; if it is not due either, only a user publishes it
	Late   bool   // its deadline has passed, whether a replica was running or not
	Why    string // the reason, for users
}

// Moment is what decisions depend on besides the period.
type Moment struct {
	Now    time.Time
	Since  time.Time // the service has been alive without a break since (see [Since])
	Newest day.Day   // the newest dump day

	NeverServed bool // no replica has ever run: Since is now, and all that fell due before counts as missed
}

// Decide decides about a period. A published period is never due: its inputs decide
// when it is restated.
func (s *Schedule) Decide(m Moment, p partition.Period, published bool) Decision {
	if published {
		return Decision{Why: "published; restated as soon as its inputs change"}
	}
	times := s.Times(p)
	c := s.classify(m, p, times)
	return Decision{
		Due:    c.due(),
		Missed: c >= caughtUp,
		Late:   !m.Now.Before(times.Deadline),
		Why:    s.reason(c, m, p, times),
	}
}

// class is the case that an unpublished period falls under.
type class int

const (
	awaitsDrop class = iota
	awaitsGrace
	awaitsDumps // of its last hour, and its deadline has not passed
	due
	caughtUp     // missed, but due because of catch_up
	withItsMonth // missed, but due because its month is due
	notCaughtUp  // missed, and catch_up is none
	notLatest    // missed, catch_up is latest, and a later one was missed, too
	tooOld       // missed more than max_age before since
)

func (c class) due() bool { return c >= due && c <= withItsMonth }

// classify classifies an unpublished period.
func (s *Schedule) classify(m Moment, p partition.Period, times Times) class {
	switch {
	case m.Now.Before(times.Drop):
		return awaitsDrop
	case m.Now.Before(times.First):
		return awaitsGrace
	}
	c := due
	if times.First.Before(m.Since) {
		c = s.missed(m, p, times)
	}
	if c.due() && m.Now.Before(times.Deadline) && m.Newest < s.lastDumpDay(p) {
		return awaitsDumps
	}
	return c
}

// missed classifies a period that fell due while no replica was running.
func (s *Schedule) missed(m Moment, p partition.Period, times Times) class {
	c := s.catchUp(m.Since, p, times)
	if !c.due() && !p.IsMonth() {
		if month := partition.OfMonth(p.From.Month()); s.classify(m, month, s.Times(month)).due() {
			return withItsMonth
		}
	}
	return c
}

// catchUp classifies a missed period, without regard to its month.
func (s *Schedule) catchUp(since time.Time, p partition.Period, times Times) class {
	switch {
	case s.config.CatchUp == "none":
		return notCaughtUp
	case since.Sub(times.First) > time.Duration(s.config.MaxAge):
		return tooOld
	case s.config.CatchUp == "latest" && s.Times(p.Next()).First.Before(since):
		return notLatest
	}
	return caughtUp
}

// reason explains a class. If the next step is the user's, it names the command.
func (s *Schedule) reason(c class, m Moment, p partition.Period, times Times) string {
	on := func(t time.Time) string { return s.moment(t, m.Now) }
	switch c {
	case awaitsDrop:
		return fmt.Sprintf("waits for its drop at %s (%s)", on(times.Drop), s.zone)
	case awaitsGrace:
		return fmt.Sprintf("waits until %s (%s): a grace of %s after its drop", on(times.First), s.zone, text(s.drop(p).Grace))
	case awaitsDumps:
		return fmt.Sprintf("waits for the dumps of %s, which hold its last hour, or for its deadline at %s (%s)", s.lastDumpDay(p), on(times.Deadline), s.zone)
	}
	if c == due || m.NeverServed {
		since := "due since " + on(times.First)
		if !m.Now.Before(times.Deadline) {
			since += ", and late since " + on(times.Deadline)
		}
		return fmt.Sprintf("%s (%s); not published yet", since, s.zone) + s.publishers(c)
	}
	missed := fmt.Sprintf("missed: no replica was running when it fell due at %s (%s)", on(times.First), s.zone)
	switch c {
	case caughtUp:
		return fmt.Sprintf("%s; published late, as catch_up is %s", missed, s.config.CatchUp)
	case withItsMonth:
		return fmt.Sprintf("%s; published late, as %s is due and needs it", missed, p.From.Month())
	case notCaughtUp:
		return missed + "; catch_up is none, so " + s.onlyBackfill(m, p)
	case notLatest:
		return missed + "; catch_up is latest and a later one was missed, too, so " + s.onlyBackfill(m, p)
	default:
		return fmt.Sprintf("%s, more than max_age (%s) before a replica started at %s; %s", missed, text(s.config.MaxAge), on(m.Since), s.onlyBackfill(m, p))
	}
}

// publishers names the commands that publish a period which fell due before the first
// replica ran; empty for a period that fell due later.
func (s *Schedule) publishers(c class) string {
	const onlyRun = "; daybook run publishes it, and daybook serve does not: "
	switch c {
	case caughtUp, withItsMonth:
		return "; daybook run or daybook serve publishes it"
	case notCaughtUp:
		return onlyRun + "catch_up is none"
	case notLatest:
		return onlyRun + "catch_up is latest, and a later one is due, too"
	case tooOld:
		return fmt.Sprintf(onlyRun+"it is due for more than max_age (%s)", text(s.config.MaxAge))
	}
	return ""
}

// onlyBackfill names the command that publishes a missed period. A day whose month is
// still to fall due is published with it at the latest.
func (s *Schedule) onlyBackfill(m Moment, p partition.Period) string {
	const only = "only daybook backfill publishes it"
	month := partition.OfMonth(p.From.Month())
	if p.IsMonth() || s.classify(m, month, s.Times(month)) >= due {
		return only
	}
	return "only daybook backfill publishes it before its month is due"
}

// moment formats an instant in the report's time zone. It adds the year if now is in
// another year.
func (s *Schedule) moment(t, now time.Time) string {
	layout := "15:04 on 2 January"
	if t = t.In(s.zone); t.Year() != now.In(s.zone).Year() {
		layout += " 2006"
	}
	return t.Format(layout)
}

func text[T config.Span | config.Retention](length T) string {
	text, _ := any(length).(interface{ MarshalText() ([]byte, error) }).MarshalText() // never fails
	return string(text)
}

// Since returns the start of the time in which the service has been alive without a
// break. It is called at each sign of life, at the instant now: since is the
// previous result and last the previous sign of life, both zero if there was none. A
// gap longer than maxGap is a break.
//
// A clock that was set back is not a break, unless now is before since: the result
// is never in the future.
func Since(since, last, now time.Time, maxGap time.Duration) time.Time {
	if last.IsZero() || now.Sub(last) > maxGap || now.Before(since) {
		return now
	}
	return since
}
