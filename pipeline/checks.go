package pipeline

import (
	"fmt"

	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/report"
)

// period is what a partition covers: a day, or a month.
type period struct {
	name     string // 2026-11-20, or 2026-11
	from, to day.Day
}

func dayPeriod(d day.Day) period     { return period{d.String(), d, d} }
func monthPeriod(m day.Month) period { return period{m.String(), m.First(), m.Last()} }
func (p period) days() int           { return int(p.to-p.from) + 1 }

// A check holds rows that are about to be published against something that
// report.md promises. The rows are sorted as in a partition.
type check struct {
	name string
	find func(p period, rows []report.Row) error // the first row that breaks it
}

// checks all block: a number that is wrong is worse than one that is missing.
var checks = []check{
	{"unique session and leg", func(_ period, rows []report.Row) error {
		type key struct{ session, leg int64 }
		seen := make(map[key]struct{}, len(rows))
		for i := range rows {
			k := key{rows[i].SessionID, rows[i].Leg}
			if _, twice := seen[k]; twice {
				return fmt.Errorf("session %d leg %d occurs twice", k.session, k.leg)
			}
			seen[k] = struct{}{}
		}
		return nil
	}},
	{"work <= active <= total", func(_ period, rows []report.Row) error {
		for i := range rows {
			if r := &rows[i]; r.WorkTime < 0 || r.WorkTime > r.ActiveTime || r.ActiveTime > r.TotalTime {
				return fmt.Errorf("session %d leg %d: work %d, active %d, total %d ms", r.SessionID, r.Leg, r.WorkTime, r.ActiveTime, r.TotalTime)
			}
		}
		return nil
	}},
	{"report date in the partition", func(p period, rows []report.Row) error {
		for i := range rows {
			if r := &rows[i]; r.ReportDate < p.from || r.ReportDate > p.to {
				return fmt.Errorf("session %d leg %d is of %s", r.SessionID, r.Leg, r.ReportDate)
			}
		}
		return nil
	}},
	{"sorted by start or begin, session and leg", func(_ period, rows []report.Row) error {
		for i := 1; i < len(rows); i++ {
			if report.Compare(&rows[i-1], &rows[i]) >= 0 {
				return fmt.Errorf("session %d leg %d comes after session %d leg %d", rows[i].SessionID, rows[i].Leg, rows[i-1].SessionID, rows[i-1].Leg)
			}
		}
		return nil
	}},
}

// runChecks holds rows against every check; it fails at the first that does
// not hold, and otherwise returns what was checked.
func runChecks(p period, rows []report.Row) ([]publish.Check, error) {
	done := make([]publish.Check, 0, len(checks))
	for _, c := range checks {
		if err := c.find(p, rows); err != nil {
			return nil, fmt.Errorf("check %q of %s failed: %w; nothing of it was published; this is a bug of daybook, please report it", c.name, p.name, err)
		}
		done = append(done, publish.Check{Name: c.name, Passed: true})
	}
	return done, nil
}
