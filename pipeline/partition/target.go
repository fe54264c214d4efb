package partition

import (
	"fmt"

	"daybook/transform/day"
)

// Target is the days that a plan or a run is about, and their months.
type Target struct {
	Range      Period // not set for everything
	All        bool   // every day that has dumps or digests
	WholeMonth bool   // Range is one month, which is built even before it is over
}

// Everything is all days that have dumps or digests, and their months.
func Everything() Target { return Target{All: true} }

// Days is each of the days from one to another, and the months that they
// complete.
func Days(from, to day.Day) Target { return Target{Range: Period{from, to}} }

// WholeMonth is a month and each of its days, also those without dumps.
func WholeMonth(m day.Month) Target { return Target{Range: OfMonth(m), WholeMonth: true} }

// Until leaves out the days of a whole month after last. ok is false if no day is
// left. Other targets name their days, and stay.
func (t Target) Until(last day.Day) (_ Target, ok bool) {
	switch {
	case !t.WholeMonth || t.Range.To <= last:
		return t, true
	case t.Range.From > last:
		return t, false
	}
	return Days(t.Range.From, last), true
}

// String is the target in words.
func (t Target) String() string {
	switch {
	case t.All:
		return "everything"
	case t.WholeMonth || t.Range.From == t.Range.To:
		return t.Range.String()
	}
	return fmt.Sprintf("%s to %s", t.Range.From, t.Range.To)
}
