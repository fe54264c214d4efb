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

// functions are available in templates. t translates a text of the page's language;
// say translates texts that other packages wrote in English.
func functions(p words.Printer) template.FuncMap {
	return template.FuncMap{
		"t":          p.T,
		"say":        func(text any) string { return p.Say(fmt.Sprint(text)) },
		"lang":       p.Code,
		"asset":      asset,
		"style":      calendar.StyleOf,
		"configured": func(s *states.Snapshot, report string) bool { _, err := findReport(s, report); return err == nil },
		"styles":     func() []calendar.Style { return calendar.Styles },
		"n":          func(n any) string { return p.Thousands(integer(n)) },
		"bytes":      p.Bytes,
		"plural":     func(n any, one, many string) string { return p.Count(integer(n), one, many) },
		"when":       func(t, now time.Time) template.HTML { return when(t, now, p) },
		"due":        func(t, now time.Time) template.HTML { return due(t, now, p) },
		"date":       func(t time.Time) string { return t.Format("2006-01-02 15:04") },
		"lasted":     func(from, to time.Time) string { return lasted(from, to, p) },
		"rejected":   func(a event.Accounting) int64 { return a.RejectedLines() },
		"report":     reportPath,
		"partition":  partitionPath,
		"join":       strings.Join,
		"short":      func(n int, s string) string { return s[:min(n, len(s))] },
		"percent":    p.Percent,
		"stamp":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"capital":    words.Capital,
		"spark":      charts.Spark,
		"base":       path.Base,
		"dayOf":      dayOf,
		"dict":       dict,
		"waited":     func(ms int64) string { return p.Number(charts.Waited(ms)) },
		"hours":      func(ms int64) string { return p.Figure(charts.Hours(ms)) },
		"figure":     p.Figure,
		"value":      func(english string) string { return report.ValueIn(english, p.Language) },
		"clock":      func(ms int64) string { return clock(ms / 1000) },
		"spaced":     func(codes string) string { return strings.ReplaceAll(codes, ",", ", ") },
		"weekday":    func(d day.Day) string { return words.Capital(p.Weekday(d.UTC().Weekday())) },
		"lastOf":     func(days []calendar.RecentDay) calendar.RecentDay { return days[len(days)-1] },
	}
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

// when is a relative time, such as "3 h ago", with the moment as its title. The
// script keeps it current.
func when(t, now time.Time, p words.Printer) template.HTML {
	if t.IsZero() {
		return template.HTML(p.T("never"))
	}
	utc := t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		utc.Format(time.RFC3339), p.Date(t, "Mon 2 Jan 2006 15:04:05 MST"), ago(t, now, p)))
}

// due is when something is due, or was due.
func due(t, now time.Time, p words.Printer) template.HTML {
	if t.After(now) {
		return when(t, now, p)
	}
	return template.HTML(p.T("was due %s", when(t, now, p)))
}

// ago is the distance of a moment from now, in its largest unit.
func ago(t, now time.Time, p words.Printer) string {
	d := now.Sub(t)
	text := p.Roughly(d.Abs())
	switch {
	case text == "":
		return p.T("just now")
	case d < 0:
		return p.T("in %s", text)
	}
	return p.T("%s ago", text)
}

// lasted is the time from begin to end.
func lasted(from, to time.Time, p words.Printer) string {
	d := to.Sub(from)
	switch {
	case to.IsZero() || d < 0:
		return ""
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return p.Number(fmt.Sprintf("%.1f s", d.Seconds()))
	}
	return clock(int64(d / time.Second))
}

// clock writes seconds as 0:12:31.
func clock(seconds int64) string { return string(report.AppendDuration(nil, seconds*1000)) }
