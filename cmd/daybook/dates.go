package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"daybook/pipeline/settings"
	"daybook/transform/day"
)

// takesDay marks the flags that take a day.
const takesDay = "day"

// dayFlag adds a flag that takes a day: a date, today, yesterday, or -7d.
func dayFlag(cmd *cobra.Command, to *string, name, preset, usage string) {
	cmd.Flags().StringVar(to, name, preset, usage)
	_ = cmd.Flags().SetAnnotation(name, takesDay, nil) // fails only for unknown flags
}

// isDayFlag reports whether a flag takes a day.
func isDayFlag(f *pflag.Flag) bool {
	_, ok := f.Annotations[takesDay]
	return ok
}

// resolveDays replaces relative days in the flags of a command by dates.
func (a *app) resolveDays(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err != nil || !isDayFlag(f) {
			return
		}
		var date string
		if date, err = a.resolveDay(f.Value.String()); err == nil {
			err = f.Value.(*once).Value.Set(date)
		}
	})
	return err
}

// resolveDay returns the date of a relative day, and any other text as it is.
func (a *app) resolveDay(text string) (string, error) {
	ago, relative := daysAgo(text)
	if !relative {
		return text, nil
	}
	today, err := a.today()
	return (today - ago).String(), err
}

// daysAgo parses today, yesterday and -7d: the number of days before today.
func daysAgo(text string) (ago day.Day, relative bool) {
	switch text {
	case "today":
		return 0, true
	case "yesterday":
		return 1, true
	}
	number, days := strings.CutSuffix(text, "d")
	n, err := strconv.ParseUint(strings.TrimPrefix(number, "-"), 10, 16)
	return day.Day(n), days && strings.HasPrefix(number, "-") && err == nil
}

// today is the day after the last one that is over in the time zones of all reports, so
// that a run of yesterday is never too early.
func (a *app) today() (day.Day, error) {
	c, err := a.loadConfig()
	if err != nil {
		return 0, err
	}
	p := settings.Pipeline{Clock: clock}
	for i := range c.Reports {
		rep, err := newReport(&c.Reports[i])
		if err != nil {
			return 0, codedError{err, exitUsage}
		}
		p.Reports = append(p.Reports, rep)
	}
	return p.Yesterday() + 1, nil
}

// arguments takes a report and a day or month from the arguments of a command, which
// stand for the flags.
func (s *selection) arguments(a *app, cmd *cobra.Command, args []string) error {
	if len(args) == 1 && isPeriod(args[0]) {
		args = []string{"", args[0]}
	}
	if len(args) > 0 && args[0] != "" {
		if len(s.reports) > 0 {
			return usageError(cmd, "the report is given twice: %s and --report %s", args[0], s.reports[0])
		}
		s.reports = []string{args[0]}
	}
	return s.period(a, cmd, args[min(len(args), 1):])
}

// period takes a day or month from the argument of a command.
func (s *selection) period(a *app, cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if s.date+s.month+s.from+s.to != "" {
		return usageError(cmd, "give either %s or %s", args[0], choices(cmd))
	}
	period, err := a.resolveDay(args[0])
	if _, notMonth := day.ParseMonth(period); notMonth == nil {
		s.month = period
	} else {
		s.date = period
	}
	return err
}

// isPeriod says whether an argument is a day or a month.
func isPeriod(arg string) bool {
	_, relative := daysAgo(arg)
	_, notDay := day.Parse(arg)
	_, notMonth := day.ParseMonth(arg)
	return relative || notDay == nil || notMonth == nil
}

// onePartition are the report and the day or month of a command about one partition.
func (s *selection) onePartition(cmd *cobra.Command) (report, period string, err error) {
	switch {
	case len(s.reports) == 0 && s.date+s.month == "":
		return "", "", usageError(cmd, "REPORT and PARTITION are missing")
	case len(s.reports) == 0:
		return "", "", usageError(cmd, "REPORT is missing")
	case len(s.reports) > 1:
		return "", "", usageError(cmd, "give one report")
	case s.date == "" && s.month == "":
		return "", "", usageError(cmd, "PARTITION is missing; give a day, such as 2026-11-20, or a month, such as 2026-11")
	case s.date != "" && s.month != "":
		return "", "", usageError(cmd, "give either --date or --month")
	}
	return s.reports[0], s.date + s.month, nil
}

// partitionFlags adds the flags of a command about one partition.
func (s *selection) partitionFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.reports, "report", nil, "the report, in place of REPORT")
	dayFlag(cmd, &s.date, "date", "", "the day, in place of PARTITION: 2026-11-20, yesterday, -7d")
	cmd.Flags().StringVar(&s.month, "month", "", "the month, in place of PARTITION: 2026-11")
}
