package pipeline

import (
	"fmt"
	"slices"

	"daybook/sinks/publish"
	"daybook/transform/event"
	"daybook/transform/report"
)

// checks hold rows that are about to be published, in order, against what
// REPORT.md promises, and against what is usual.
type checks struct {
	p    *partition
	rows int64
	keys *keySet // of all rows
	last report.Row

	times, dates, order, nulls string // the first row that breaks it; empty: none
}

func newChecks(p *partition) *checks { return &checks{p: p, keys: newKeySet()} }

func (c *checks) Close() { c.keys.Close() }

func (c *checks) add(rows []report.Row) error {
	for i := range rows {
		r := &rows[i]
		if err := c.keys.add(rowKey{r.SessionID, r.Leg}); err != nil {
			return err
		}
		if r.WorkTime < 0 || r.WorkTime > r.ActiveTime || r.ActiveTime > r.TotalTime {
			first(&c.times, "session %d leg %d: work %d, active %d, total %d ms", r.SessionID, r.Leg, r.WorkTime, r.ActiveTime, r.TotalTime)
		}
		if r.ReportDate < c.p.period.from || r.ReportDate > c.p.period.to {
			first(&c.dates, "session %d leg %d is of %s", r.SessionID, r.Leg, r.ReportDate)
		}
		previous := &c.last
		if i > 0 {
			previous = &rows[i-1]
		}
		if c.rows > 0 && report.Compare(previous, r) >= 0 {
			first(&c.order, "session %d leg %d comes after session %d leg %d", r.SessionID, r.Leg, previous.SessionID, previous.Leg)
		}
		if column := r.MissingRequired(); column != "" {
			first(&c.nulls, "session %d leg %d has no %s", r.SessionID, r.Leg, column)
		}
		c.rows++
	}
	if len(rows) > 0 {
		c.last = rows[len(rows)-1]
	}
	return nil
}

func first(finding *string, format string, args ...any) {
	if *finding == "" {
		*finding = fmt.Sprintf(format, args...)
	}
}

// finish gives what was checked. If a check that blocks has found something, it
// fails.
func (c *checks) finish() ([]publish.Check, error) {
	unique := publish.Block
	if c.p.kind == Month {
		// A session that goes on for longer than the look-back is told anew by
		// each day that does not see its beginning.
		unique = publish.Warn
	}
	repeated := ""
	switch key, found, err := c.keys.repeated(); {
	case err != nil:
		return nil, err
	case found:
		repeated = fmt.Sprintf("session %d leg %d occurs twice", key.session, key.leg)
	}
	done := []publish.Check{
		result("lines = accepted + duplicates + rejected + blank", publish.Block, conservation(&c.p.about.Accounting)),
		result("unique session and leg", unique, repeated),
		result("no null in a required column", publish.Block, c.nulls),
		result("work <= active <= total", publish.Block, c.times),
		result("report date in the partition", publish.Block, c.dates),
		result("sorted by start or begin, session and leg", publish.Block, c.order),
		result("rows compared with the trailing median", publish.Warn, unusual(c.rows, c.p.volume)),
	}
	for _, check := range done {
		if !check.Passed && check.Severity == publish.Block {
			return nil, fmt.Errorf("report %s, %s: check %q failed: %s; nothing of it was published; this is a bug of daybook, please report it",
				c.p.name(), c.p.period.name, check.Name, check.Detail)
		}
	}
	return done, nil
}

func result(name string, severity publish.Severity, finding string) publish.Check {
	return publish.Check{Name: name, Severity: severity, Passed: finding == "", Detail: finding}
}

func conservation(a *event.Accounting) string {
	if err := a.Check(); err != nil {
		return err.Error()
	}
	return ""
}

const (
	// volumeWeeks is how many weeks back a day is compared with the same
	// weekdays: long enough for a holiday not to matter.
	volumeWeeks = 8
	// volumeLeast is how many of them there must be for a median to mean
	// anything.
	volumeLeast = 3
	// volumeFactor is by how much a number of rows may differ from the median.
	volumeFactor = 2
)

// unusual says what is odd about a number of rows beside those of earlier
// partitions.
func unusual(rows int64, earlier []int64) string {
	if len(earlier) < volumeLeast {
		return ""
	}
	sorted := slices.Sorted(slices.Values(earlier))
	median := sorted[(len(sorted)-1)/2]
	if rows*volumeFactor < median || rows > median*volumeFactor {
		return fmt.Sprintf("%d rows, and the median of the %d before is %d", rows, len(earlier), median)
	}
	return ""
}
