package output

import (
	"fmt"
	"slices"

	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
)

// checks compare the rows of a partition, in order, with what REPORT.md promises and
// with what is usual.
type checks struct {
	p          *Partition
	rows       int64
	duplicates *duplicateCheck
	last       report.Row

	times, dates, order, nulls string // the first violation; empty: none
}

func newChecks(p *Partition) *checks { return &checks{p: p, duplicates: newDuplicateCheck()} }

// Close removes the temporary files.
func (c *checks) Close() { c.duplicates.Close() }

func (c *checks) add(rows []report.Row) error {
	for i := range rows {
		r := &rows[i]
		if err := c.duplicates.add(rowKey{r.SessionID, r.Leg}); err != nil {
			return err
		}
		if r.WorkTime < 0 || r.WorkTime > r.ActiveTime || r.ActiveTime > r.TotalTime {
			note(&c.times, "session %d leg %d: work %d, active %d, total %d ms", r.SessionID, r.Leg, r.WorkTime, r.ActiveTime, r.TotalTime)
		}
		if !c.p.ID.Period.Contains(r.ReportDate) {
			note(&c.dates, "session %d leg %d is of %s", r.SessionID, r.Leg, r.ReportDate)
		}
		previous := &c.last
		if i > 0 {
			previous = &rows[i-1]
		}
		if c.rows > 0 && report.Compare(previous, r) >= 0 {
			note(&c.order, "session %d leg %d comes after session %d leg %d", r.SessionID, r.Leg, previous.SessionID, previous.Leg)
		}
		if column := r.MissingRequired(); column != "" {
			note(&c.nulls, "session %d leg %d has no %s", r.SessionID, r.Leg, column)
		}
		c.rows++
	}
	if len(rows) > 0 {
		c.last = rows[len(rows)-1]
	}
	return nil
}

// note keeps the first violation.
func note(violation *string, format string, args ...any) {
	if *violation == "" {
		*violation = fmt.Sprintf(format, args...)
	}
}

// finish returns the results. It fails if a check that blocks did not pass.
func (c *checks) finish() ([]publish.Check, error) {
	unique := publish.Block
	if c.p.ID.Kind == partition.Month {
		// A session that lasts longer than the look-back has rows in every day from
		// whose dumps its beginning cannot be seen.
		unique = publish.Warn
	}
	repeated := ""
	switch key, found, err := c.duplicates.repeated(); {
	case err != nil:
		return nil, err
	case found:
		repeated = fmt.Sprintf("session %d leg %d occurs twice", key.session, key.leg)
	}
	results := []publish.Check{
		result("lines = accepted + duplicates + rejected + blank", publish.Block, conservation(&c.p.About.Accounting)),
		result("unique session and leg", unique, repeated),
		result("no null in a required column", publish.Block, c.nulls),
		result("work <= active <= total", publish.Block, c.times),
		result("report date in the partition", publish.Block, c.dates),
		result("sorted by start or begin, session and leg", publish.Block, c.order),
		result("rows compared with the trailing median", publish.Warn, unusual(c.rows, c.p.Volume)),
	}
	for _, r := range results {
		if !r.Passed && r.Severity == publish.Block {
			return nil, fmt.Errorf("report %s, %s: check %q failed: %s; nothing of it was published; this is a bug of daybook, please report it",
				c.p.ID.Report, c.p.ID.Name(), r.Name, r.Detail)
		}
	}
	return results, nil
}

func result(name string, severity publish.Severity, violation string) publish.Check {
	return publish.Check{Name: name, Severity: severity, Passed: violation == "", Detail: violation}
}

// conservation says which lines are not accounted for.
func conservation(a *event.Accounting) string {
	if err := a.Check(); err != nil {
		return err.Error()
	}
	return ""
}

const (
	// volumeWeeks is how many weeks back a day is compared with the same weekdays:
	// with so many, one holiday does not change the median much.
	volumeWeeks = 8
	// volumeLeast is how many earlier partitions a median is taken of at least.
	volumeLeast = 3
	// volumeFactor is by how much a number of rows may differ from the median.
	volumeFactor = 2
)

// ComparedDays are the days whose rows are the Volume of a day: the same weekdays
// before it.
func ComparedDays(d day.Day) []day.Day {
	var days []day.Day
	for week := 1; week <= volumeWeeks; week++ {
		days = append(days, d-day.Day(7*week))
	}
	return days
}

// unusual says how a number of rows differs from those of earlier partitions. It is
// empty if the difference is usual, or there are too few of them.
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
