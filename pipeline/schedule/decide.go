package schedule

import (
	"fmt"
	"time"

	"daybook/config"
	"daybook/pipeline/partition"
)

// Decision is what is to be done about a period.
type Decision struct {
	Due    bool   // it is to be published now
	Missed bool   // nobody ran when it fell due; if it is not due either, it is left to people
	Late   bool   // it is due, and its deadline has passed
	Why    string // in words
}

// Decide says what is to be done about a period at the instant now. The service
// has been alive without a break since the instant since; published says
// whether the period is. What is published is never due.
func (s *Schedule) Decide(now, since time.Time, p partition.Period, published bool) Decision {
	if published {
		return Decision{Why: "published; it is published again as soon as its inputs change"}
	}
	times := s.Times(p)
	v := s.judge(now, since, p, times)
	return Decision{
		Due:    v.due(),
		Missed: v >= caughtUp,
		Late:   v.due() && !now.Before(times.Deadline),
		Why:    s.words(v, now, since, p, times),
	}
}

// verdict is a decision about a period that is not published.
type verdict int

const (
	awaitsDrop verdict = iota
	awaitsGrace
	due
	caughtUp     // missed, and due by catch_up
	withItsMonth // missed, and due since its month is
	leftAlone    // missed, and catch_up is none
	notLatest    // missed, as was a later one, and catch_up is latest
	tooOld       // missed longer before since than max_age
)

func (v verdict) due() bool { return v >= due && v <= withItsMonth }

func (s *Schedule) judge(now, since time.Time, p partition.Period, times Times) verdict {
	switch {
	case now.Before(times.Drop):
		return awaitsDrop
	case now.Before(times.First):
		return awaitsGrace
	case !times.First.Before(since):
		return due
	}
	v := s.catchUp(since, p, times)
	if !v.due() && !p.IsMonth() {
		if month := partition.OfMonth(p.From.Month()); s.judge(now, since, month, s.Times(month)).due() {
			return withItsMonth
		}
	}
	return v
}

// catchUp judges a period that was missed.
func (s *Schedule) catchUp(since time.Time, p partition.Period, times Times) verdict {
	switch {
	case s.config.CatchUp == "none":
		return leftAlone
	case since.Sub(times.First) > time.Duration(s.config.MaxAge):
		return tooOld
	case s.config.CatchUp == "latest" && s.Times(p.Next()).First.Before(since):
		return notLatest
	}
	return caughtUp
}

// words say why a verdict is what it is.
func (s *Schedule) words(v verdict, now, since time.Time, p partition.Period, times Times) string {
	on := func(t time.Time) string { return s.moment(t, now) }
	switch v {
	case awaitsDrop:
		return fmt.Sprintf("waits for its drop at %s (%s)", on(times.Drop), s.zone)
	case awaitsGrace:
		return fmt.Sprintf("waits until %s (%s): a grace of %s after its drop", on(times.First), s.zone, text(s.drop(p).Grace))
	case due:
		if !now.Before(times.Deadline) {
			return fmt.Sprintf("due since %s, and late since %s (%s); not published yet", on(times.First), on(times.Deadline), s.zone)
		}
		return fmt.Sprintf("due since %s (%s); not published yet", on(times.First), s.zone)
	}
	missed := fmt.Sprintf("missed: nobody was running when it fell due at %s (%s)", on(times.First), s.zone)
	switch v {
	case caughtUp:
		return fmt.Sprintf("%s; it is caught up, since catch_up is %s", missed, s.config.CatchUp)
	case withItsMonth:
		return fmt.Sprintf("%s; it is caught up, since %s is due, which is made of it", missed, p.From.Month())
	case leftAlone:
		return missed + ", and catch_up is none; daybook backfill publishes it"
	case notLatest:
		return missed + ", so was a later one, and catch_up is latest; daybook backfill publishes it"
	default:
		return fmt.Sprintf("%s, and somebody was again only at %s, after more than max_age (%s); daybook backfill publishes it", missed, on(since), text(s.config.MaxAge))
	}
}

// moment names an instant by the report's clock, with the year if it is not
// that of now.
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

// Since is the start of the time in which the service has been alive without a
// break, after a sign of life at the instant now: since and last are those
// before it, and zero if there was none. A silence longer than most is a break.
//
// A clock that was put back is none, unless it now shows a time before since:
// nobody has been alive since a time to come.
func Since(since, last, now time.Time, most time.Duration) time.Time {
	if last.IsZero() || now.Sub(last) > most || now.Before(since) {
		return now
	}
	return since
}
