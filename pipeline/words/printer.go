package words

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"daybook/transform/report"
)

// Printer writes texts, numbers and dates in a language. Its zero value writes English.
//
// The key of a text is the text in English. nl.json has the Dutch text of each
// key; formats have the same verbs in the same order, or numbered ones.
type Printer struct{ Language report.Language }

// In is the printer of a language.
func In(l report.Language) Printer { return Printer{l} }

//go:embed nl.json
var dutchTexts []byte

// dutch is the Dutch text of each key.
var dutch = sync.OnceValue(func() map[string]string {
	texts := map[string]string{}
	if err := json.Unmarshal(dutchTexts, &texts); err != nil {
		panic("nl.json: " + err.Error()) // it is embedded, and tests read it
	}
	return texts
})

// Code is the language's code in HTML: en or nl.
func (p Printer) Code() string {
	if p.Language == report.Dutch {
		return "nl"
	}
	return "en"
}

// T translates a text. With arguments, the text is a format of fmt.Sprintf.
// A text that the catalogue lacks stays English.
func (p Printer) T(english string, args ...any) string {
	text := english
	if p.Language == report.Dutch {
		if translated, ok := dutch()[english]; ok {
			text = translated
		}
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Say translates a text that another package wrote in English, such as the verdict on
// a report or the reason in a manifest. The catalogue recognises it as a whole, or
// each of its sentences and clauses, also by one of the formats. Other texts stay English.
func (p Printer) Say(english string) string {
	if p.Language == report.English || english == "" {
		return english
	}
	return translate(english, 0)
}

// CodeText writes a code of the events, such as closed_by_customer: as it is in English,
// and in Dutch as words.
func (p Printer) CodeText(code string) string {
	if p.Language == report.English {
		return code
	}
	return p.T(strings.ReplaceAll(code, "_", " "))
}

// Count writes a number with its noun: 1 row, 1,200 rows.
func (p Printer) Count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + p.T(one)
	}
	return p.Thousands(n) + " " + p.T(many)
}

// Thousands writes a number with grouped digits: 1,234,567, and in Dutch 1.234.567.
func (p Printer) Thousands(n int64) string { return p.Number(Thousands(n)) }

// Bytes writes a size: 59.2 kB, and in Dutch 59,2 kB.
func (p Printer) Bytes(n int64) string { return p.Number(Bytes(n)) }

// Figure gives a number with a unit, such as 1,234.5 h, the signs and the unit of the
// language.
func (p Printer) Figure(english string) string {
	number, unit, _ := strings.Cut(english, " ")
	if unit == "" {
		return p.Number(number)
	}
	return p.Number(number) + " " + p.T(unit)
}

// swapped writes the point of an English number as a comma, and its commas as points.
var swapped = strings.NewReplacer(".", ",", ",", ".")

// Number gives an English number, such as 1,234.5, the signs of the language.
func (p Printer) Number(english string) string {
	if p.Language == report.Dutch {
		return swapped.Replace(english)
	}
	return english
}

// Percent writes a share with one decimal.
func (p Printer) Percent(part, whole int64) string {
	share := 0.0
	if whole != 0 {
		share = 100 * float64(part) / float64(whole)
	}
	switch {
	case share == 0:
		return "0 %"
	case share < 0.1: // a few of millions are more than none
		return p.Number(fmt.Sprintf("%.2g %%", share))
	}
	return p.Number(fmt.Sprintf("%.1f %%", share))
}

// Roughly is a duration in its largest unit; empty below five seconds.
func (p Printer) Roughly(d time.Duration) string {
	n, unit, ok := strings.Cut(Roughly(d), " ")
	if !ok {
		return ""
	}
	switch unit {
	case "h":
		unit = p.T("h")
	case "days":
		unit = p.T("days")
	case "months":
		unit = p.T("months")
	case "years":
		unit = p.T("years")
	}
	return n + " " + unit
}

// Lasting writes a duration of milliseconds in its two largest units, rounded down:
// 42 s, 8 min 12 s, 3 h 5 min.
func (p Printer) Lasting(ms int64) string {
	switch s := ms / 1000; {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600 && s%60 == 0:
		return fmt.Sprintf("%d min", s/60)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s%3600 < 60:
		return fmt.Sprintf("%s %s", p.Thousands(s/3600), p.T("h"))
	default:
		return fmt.Sprintf("%s %s %d min", p.Thousands(s/3600), p.T("h"), s%3600/60)
	}
}

// The names of weekdays and months.
var (
	weekdays = [...]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"}
	months   = [...]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"}
	short    = [...]string{"jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"}
)

// Date formats a time by a layout of the package time. In Dutch, its names of weekdays
// and months are Dutch.
func (p Printer) Date(t time.Time, layout string) string {
	text := t.Format(layout)
	if p.Language != report.Dutch {
		return text
	}
	day, month := t.Weekday().String(), t.Month().String()
	for _, name := range []struct{ in, english, dutch string }{
		{"Monday", day, weekdays[t.Weekday()]}, {"January", month, months[t.Month()-1]},
		{"Mon", day[:3], weekdays[t.Weekday()][:2]}, {"Jan", month[:3], short[t.Month()-1]},
	} {
		if strings.Contains(layout, name.in) {
			text = strings.Replace(text, name.english, name.dutch, 1)
			layout = strings.Replace(layout, name.in, "", 1)
		}
	}
	return text
}

// Weekday is the name of a weekday.
func (p Printer) Weekday(d time.Weekday) string {
	if p.Language == report.Dutch {
		return weekdays[d]
	}
	return d.String()
}

// Catalogue is the Dutch text of each English one.
func Catalogue() map[string]string { return maps.Clone(dutch()) }
