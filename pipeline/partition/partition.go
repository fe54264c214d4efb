// Package partition identifies what daybook builds: the digest of a dump day,
// the day of a report, and the month of a report.
//
// An [ID] is the one identity of each of them. Manifests, plans, the service's
// state, the console and the command line all use it, and it alone decides
// where the files of a partition lie (paths.go).
package partition

import (
	"cmp"
	"fmt"
	"strings"

	"daybook/transform/day"
)

// Kind is what a partition holds.
type Kind string

// The kinds, in the order in which they are built: days are made from digests,
// months from days.
const (
	Digest Kind = "digest" // a dump day, for all reports
	Day    Kind = "day"    // a day of a report
	Month  Kind = "month"  // a month of a report
)

// order is the position of the kind in a build.
func (k Kind) order() int {
	switch k {
	case Digest:
		return 0
	case Day:
		return 1
	}
	return 2
}

// Period is the days that a partition covers, the last one included: one day,
// or one whole month.
type Period struct{ From, To day.Day }

// OfDay is the period of one day.
func OfDay(d day.Day) Period { return Period{d, d} }

// OfMonth is the period of one month.
func OfMonth(m day.Month) Period { return Period{m.First(), m.Last()} }

// ParsePeriod reads 2026-11-20, or for a month 2026-11.
func ParsePeriod(kind Kind, name string) (Period, error) {
	if kind == Month {
		m, err := day.ParseMonth(name)
		return OfMonth(m), err
	}
	d, err := day.Parse(name)
	return OfDay(d), err
}

// String writes a day as 2026-11-20 and a month as 2026-11.
func (p Period) String() string {
	if p.IsMonth() {
		return p.From.Month().String()
	}
	return p.From.String()
}

// IsMonth reports whether the period is a month.
func (p Period) IsMonth() bool { return p.From != p.To }

// Next is the period after this one, of the same kind.
func (p Period) Next() Period {
	if p.IsMonth() {
		return OfMonth(p.From.Month() + 1)
	}
	return OfDay(p.From + 1)
}

// Previous is the period before this one, of the same kind.
func (p Period) Previous() Period {
	if p.IsMonth() {
		return OfMonth(p.From.Month() - 1)
	}
	return OfDay(p.From - 1)
}

// NumDays is how many days the period has.
func (p Period) NumDays() int { return int(p.To-p.From) + 1 }

// Days lists the days of the period.
func (p Period) Days() []day.Day { return DaysBetween(p.From, p.To) }

// Contains reports whether a day lies in the period.
func (p Period) Contains(d day.Day) bool { return p.From <= d && d <= p.To }

// Includes reports whether all days of another period lie in this one.
func (p Period) Includes(o Period) bool { return p.From <= o.From && o.To <= p.To }

// Union is the shortest period that includes both.
func (p Period) Union(o Period) Period { return Period{min(p.From, o.From), max(p.To, o.To)} }

// DaysBetween lists the days from one to another, the last one included.
func DaysBetween(from, to day.Day) []day.Day {
	days := make([]day.Day, 0, to-from+1)
	for d := from; d <= to; d++ {
		days = append(days, d)
	}
	return days
}

// ID identifies a partition. It can be compared, and be the key of a map.
type ID struct {
	Report string // empty for a digest
	Kind   Kind
	Period Period
}

// InReport is the day or the month of a report that a period is.
func InReport(report string, p Period) ID {
	if p.IsMonth() {
		return ID{report, Month, p}
	}
	return ID{report, Day, p}
}

// DigestID is the digest of a dump day.
func DigestID(d day.Day) ID { return ID{Kind: Digest, Period: OfDay(d)} }

// DayID is a day of a report.
func DayID(report string, d day.Day) ID { return ID{report, Day, OfDay(d)} }

// MonthID is a month of a report.
func MonthID(report string, m day.Month) ID { return ID{report, Month, OfMonth(m)} }

// Parse reads the period of a report (2026-11-20 or 2026-11), or, where report
// is empty, the day of a digest.
func Parse(report, name string) (ID, error) {
	if _, err := day.Parse(name); err == nil {
		d, err := day.ParseEventDate(name)
		if report == "" {
			return DigestID(d), err
		}
		return DayID(report, d), err
	}
	if _, err := day.ParseMonth(name); err == nil && report != "" {
		m, err := day.ParseEventMonth(name)
		return MonthID(report, m), err
	}
	return ID{}, fmt.Errorf("%q is no partition: write a day as 2026-11-20, or a month of a report as 2026-11", name)
}

// Day is the day of a digest or of a report's day, and the first day of a month.
func (id ID) Day() day.Day { return id.Period.From }

// Month is the month that the partition is, or lies in.
func (id ID) Month() day.Month { return id.Period.From.Month() }

// Name is the period as people write it: 2026-11-20 or 2026-11.
func (id ID) Name() string { return id.Period.String() }

// String names the partition in messages: "day 2026-11-20 of sessions".
func (id ID) String() string {
	if id.Report == "" {
		return fmt.Sprintf("%s %s", id.Kind, id.Period)
	}
	return fmt.Sprintf("%s %s of %s", id.Kind, id.Period, id.Report)
}

// MarshalText writes day/sessions/2026-11-20, and digest//2026-11-20. It is the
// form in which an ID is a key in JSON.
func (id ID) MarshalText() ([]byte, error) {
	return []byte(string(id.Kind) + "/" + id.Report + "/" + id.Period.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(text []byte) error {
	parts := strings.SplitN(string(text), "/", 3)
	if len(parts) == 3 {
		kind := Kind(parts[0])
		known := kind == Digest || kind == Day || kind == Month
		p, err := ParsePeriod(kind, parts[2])
		if known && err == nil && (kind == Digest) == (parts[1] == "") {
			*id = ID{parts[1], kind, p}
			return nil
		}
	}
	return fmt.Errorf("%q is no partition: it should be like day/sessions/2026-11-20", text)
}

// Compare orders partitions as a build makes them: by kind, report and period.
func Compare(a, b ID) int {
	return cmp.Or(
		cmp.Compare(a.Kind.order(), b.Kind.order()),
		cmp.Compare(a.Report, b.Report),
		cmp.Compare(a.Period.From, b.Period.From),
	)
}
