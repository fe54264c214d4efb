package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/transform/day"
)

// selection holds the flags that select days, months and reports.
type selection struct {
	date, month, from, to string
	reports               []string
}

// dayFlags adds the flags for days: one day, a month, or a range.
func (s *selection) dayFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	dayFlag(cmd, &s.date, "date", "", "one day: 2026-11-20, today, yesterday, or -7d")
	flags.StringVar(&s.month, "month", "", "one month and each of its days, such as 2026-11")
	s.rangeFlags(cmd)
}

func (s *selection) rangeFlags(cmd *cobra.Command) {
	dayFlag(cmd, &s.from, "from", "", "the first day; goes with --to")
	dayFlag(cmd, &s.to, "to", "", "the last day")
}

func (s *selection) reportFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.reports, "report", nil, "only this report (may be repeated; default: all)")
}

// target is the selected days or month. Without a flag it is everything.
func (s *selection) target(cmd *cobra.Command) (partition.Target, error) {
	if s.month != "" && s.date == "" && s.from == "" && s.to == "" {
		m, err := day.ParseEventMonth(s.month)
		if err != nil {
			return partition.Target{}, usageError(cmd, "--month: %s", err)
		}
		return partition.WholeMonth(m), nil
	}
	from, to, given, err := s.days(cmd)
	if err != nil || !given {
		return partition.Everything(), err
	}
	return partition.Days(from, to), nil
}

// finished leaves out the days of a month that are not over, and refuses other days
// that are not: their dumps are still to come, so they would be published without rows.
func (s *selection) finished(cmd *cobra.Command, target partition.Target, p *settings.Pipeline) (partition.Target, error) {
	if target.All {
		return target, nil
	}
	if target.WholeMonth {
		until, ok := target.Until(p.Yesterday())
		if !ok {
			return target, usageError(cmd, "--month: no day of %s is over; the last day that is over is %s: %s --date %[2]s", target, p.Yesterday(), cmd.CommandPath())
		}
		return until, nil
	}
	end := p.EndOf(target.Range.To)
	if !p.Now().Before(end) {
		return target, nil
	}
	last := target.Range.To - 1
	for p.Now().Before(p.EndOf(last)) {
		last--
	}
	flag, instead := "--to", fmt.Sprintf("--from %s --to %s", min(target.Range.From, last), last)
	if s.date != "" {
		flag, instead = "--date", fmt.Sprintf("--date %s", last)
	}
	return target, usageError(cmd, "%s: %s is not over; it ends at %s (%s), and the last day that is over is %s: %s %s",
		flag, target.Range.To, end.Format("15:04 on 2006-01-02"), end.Location(), last, cmd.CommandPath(), instead)
}

// days are the selected days. given says whether a flag selects any.
func (s *selection) days(cmd *cobra.Command) (from, to day.Day, given bool, err error) {
	kinds := 0
	for _, is := range []bool{s.date != "", s.month != "", s.from != "" || s.to != ""} {
		if is {
			kinds++
		}
	}
	parse := func(flag, value string) (d day.Day) {
		if err == nil {
			if d, err = day.ParseEventDate(value); err != nil {
				err = usageError(cmd, "%s: %s", flag, err)
			}
		}
		return d
	}
	switch {
	case kinds == 0:
		return 0, 0, false, nil
	case kinds > 1:
		return 0, 0, false, usageError(cmd, "give %s", choices(cmd))
	case s.date != "":
		from = parse("--date", s.date)
		return from, from, true, err
	case s.month != "":
		m, err := day.ParseEventMonth(s.month)
		if err != nil {
			return 0, 0, false, usageError(cmd, "--month: %s", err)
		}
		return m.First(), m.Last(), true, nil
	case s.from == "" || s.to == "":
		return 0, 0, false, usageError(cmd, "give both --from and --to: the first day and the last one")
	}
	from, to = parse("--from", s.from), parse("--to", s.to)
	if err == nil && to < from {
		err = usageError(cmd, "--to %s is before --from %s", to, from)
	}
	return from, to, true, err
}

// choices names the flags of a command that select days.
func choices(cmd *cobra.Command) string {
	if cmd.Flags().Lookup("from") == nil {
		return "--date or --month"
	}
	return "--date, or --month, or --from with --to"
}

// selectReports removes the other reports from the pipeline.
func (s *selection) selectReports(r *settings.Pipeline) error {
	if len(s.reports) == 0 {
		return nil
	}
	var selected []settings.Report
	for _, name := range s.reports {
		rep, err := findReport(r, name)
		if err != nil {
			return err
		}
		selected = append(selected, *rep)
	}
	r.Reports = selected
	return nil
}

func findReport(r *settings.Pipeline, name string) (*settings.Report, error) {
	i := slices.IndexFunc(r.Reports, func(rep settings.Report) bool { return rep.Name == name })
	if i < 0 {
		var known []string
		for _, rep := range r.Reports {
			known = append(known, rep.Name)
		}
		return nil, noReport(name, known)
	}
	return &r.Reports[i], nil
}

func noReport(name string, known []string) error {
	return codedError{fmt.Errorf("unknown report %q; the configuration has %s", name, strings.Join(known, ", ")), exitUsage}
}
