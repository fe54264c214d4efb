package console

import (
	"fmt"
	"html/template"
	"path"
	"reflect"
	"strings"
	"time"

	"daybook/pipeline/console/calendar"
	"daybook/pipeline/console/charts"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
)

// functions are available in templates.
var functions = template.FuncMap{
	"asset":      asset,
	"style":      calendar.StyleOf,
	"configured": func(s *states.Snapshot, report string) bool { _, err := findReport(s, report); return err == nil },
	"styles":     func() []calendar.Style { return calendar.Styles },
	"n":          func(n any) string { return words.Thousands(integer(n)) },
	"bytes":      words.Bytes,
	"plural":     func(n any, one, many string) string { return words.Count(integer(n), one, many) },
	"when":       when,
	"due":        due,
	"date":       func(t time.Time) string { return t.Format("2006-01-02 15:04") },
	"lasted":     lasted,
	"rejected":   func(a event.Accounting) int64 { return a.RejectedLines() },
	"report":     reportPath,
	"partition":  partitionPath,
	"join":       strings.Join,
	"short":      func(n int, s string) string { return s[:min(n, len(s))] },
	"percent":    percent,
	"stamp":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"capital":    words.Capital,
	"spark":      charts.Spark,
	"base":       path.Base,
	"dayOf":      dayOf,
	"dict":       dict,
	"waited":     charts.Waited,
	"hours":      charts.Hours,
	"clock":      func(ms int64) string { return clock(ms / 1000) },
	"lastOf":     func(days []calendar.RecentDay) calendar.RecentDay { return days[len(days)-1] },
}

// integer takes the int and int64 values of templates.
func integer(n any) int64 { return reflect.ValueOf(n).Int() }

// dict makes the argument of a partial template from names and values in turn.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// dayOf is the day of a directory among a month's inputs; empty if it has none.
func dayOf(key string) string {
	name := strings.TrimPrefix(path.Base(key), "dt=")
	if _, err := day.Parse(name); err != nil {
		return ""
	}
	return name
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "0 %"
	}
	share := 100 * float64(part) / float64(whole)
	switch {
	case part == 0:
		return "0 %"
	case share < 0.1: // a few of millions are more than none
		return fmt.Sprintf("%.2g %%", share)
	}
	return fmt.Sprintf("%.1f %%", share)
}

// when is a relative time, such as "3 h ago", with the moment as its title. The
// script keeps it current.
func when(t, now time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	utc := t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		utc.Format(time.RFC3339), t.Format("Mon 2 Jan 2006 15:04:05 MST"), ago(t, now)))
}

// due is when something is due, or was due.
func due(t, now time.Time) template.HTML {
	if t.After(now) {
		return when(t, now)
	}
	return "was due " + when(t, now)
}

// ago is the distance of a moment from now, in its largest unit.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	text := words.Roughly(d.Abs())
	switch {
	case text == "":
		return "just now"
	case d < 0:
		return "in " + text
	}
	return text + " ago"
}

// lasted is the time from begin to end.
func lasted(from, to time.Time) string {
	d := to.Sub(from)
	switch {
	case to.IsZero() || d < 0:
		return ""
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return clock(int64(d / time.Second))
}

// clock writes seconds as 0:12:31.
func clock(seconds int64) string { return string(report.AppendDuration(nil, seconds*1000)) }
