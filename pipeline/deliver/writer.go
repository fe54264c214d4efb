package deliver

import (
	"daybook/pipeline/words"
	"daybook/transform/report"
)

// writer writes the texts of a message in a language.
type writer struct{ words.Printer }

// period names a period: Friday 20 November 2026, week 47 of 2026 (…), November 2026.
func (w writer) period(p Period) string {
	from, to := p.From.UTC(), p.To.UTC()
	switch p.Every {
	case Week:
		year, week := from.ISOWeek()
		return w.T("week %d of %d (%s to %s)", week, year, w.Date(from, "2 January"), w.Date(to, "2 January"))
	case Month:
		return w.Date(from, "January 2006")
	}
	return w.Date(from, "Monday 2 January 2006")
}

// duration writes milliseconds as H:MM:SS; unknown ones as a dash.
func (w writer) duration(ms int64) string {
	if ms < 0 {
		return "–"
	}
	return string(report.AppendDuration(nil, ms))
}
