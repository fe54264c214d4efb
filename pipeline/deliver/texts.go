package deliver

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/words"
	"daybook/transform/report"
)

// The texts of messages, in English and Dutch: all of them are here.
var (
	textSubject     = report.Text{"%s, %s: %s", "%s, %s: %s"} // report, period, sessions
	textSessions    = report.Text{"Sessions", "Sessies"}
	textPickedUp    = report.Text{"Legs picked up", "Deelsessies aangenomen"}
	textNotPickedUp = report.Text{"Legs not picked up", "Deelsessies niet aangenomen"}
	textWaiting     = report.Text{"Median waiting time of a leg", "Mediane wachttijd van een deelsessie"}
	textWaiting90   = report.Text{"90% waiting time of a leg", "90%-wachttijd van een deelsessie"}
	textWork        = report.Text{"Work time", "Werktijd"}
	textGroup       = report.Text{"Group", "Groep"}
	textGroups      = report.Text{"By group", "Per groep"}
	textNoGroup     = report.Text{"without a group", "zonder groep"}
	textMoreGroups  = report.Text{"%s more groups are in the summaries.", "Nog %s groepen staan in de samenvattingen."}
	textAgainst     = report.Text{"Compared with %s", "Vergeleken met %s"}
	textNoAgainst   = report.Text{"%s is not published, so nothing is compared.", "%s is niet gepubliceerd, dus er is niets vergeleken."}
	textWas         = report.Text{"was %s", "was %s"}
	textSame        = report.Text{"unchanged", "gelijk"}
	textOpen        = report.Text{"Open the report", "Open het rapport"}
	textRestated    = report.Text{"This replaces an earlier message: the period was restated.", "Dit vervangt een eerder bericht: de periode is herzien."}
	textTooLarge    = report.Text{"The summaries take %s, more than the limit of %s, and are not attached.", "De samenvattingen zijn %s, meer dan de grens van %s, en zijn niet bijgevoegd."}
	textFooter      = report.Text{"Times are in %s. A leg is the part of one technician in a session: a session that was handed over has several.", "Tijden zijn in %s. Een deelsessie is het deel van één technicus in een sessie: een overgedragen sessie heeft er meer."}
	textWeek        = report.Text{"week %d of %d (%s to %s)", "week %d van %d (%s tot en met %s)"}
)

// months are the names of the months, and weekdays those of the days from Sunday on.
var (
	months = [12]report.Text{
		{"January", "januari"}, {"February", "februari"}, {"March", "maart"}, {"April", "april"}, {"May", "mei"}, {"June", "juni"},
		{"July", "juli"}, {"August", "augustus"}, {"September", "september"}, {"October", "oktober"}, {"November", "november"}, {"December", "december"},
	}
	weekdays = [7]report.Text{
		{"Sunday", "zondag"}, {"Monday", "maandag"}, {"Tuesday", "dinsdag"}, {"Wednesday", "woensdag"},
		{"Thursday", "donderdag"}, {"Friday", "vrijdag"}, {"Saturday", "zaterdag"},
	}
)

// words of a message are written in a language.
type writer struct{ language report.Language }

func (w writer) text(t report.Text, args ...any) string {
	if len(args) == 0 {
		return t[w.language]
	}
	return fmt.Sprintf(t[w.language], args...)
}

// period names a period: Friday 20 November 2026, week 47 of 2026 (…), November 2026.
func (w writer) period(p Period) string {
	switch p.Every {
	case Week:
		year, week := p.From.UTC().ISOWeek()
		return w.text(textWeek, week, year, w.date(p.From.UTC()), w.date(p.To.UTC()))
	case Month:
		first := p.From.UTC()
		return w.text(months[first.Month()-1]) + " " + strconv.Itoa(first.Year())
	}
	return w.text(weekdays[p.From.UTC().Weekday()]) + " " + w.date(p.From.UTC()) + " " + strconv.Itoa(p.From.UTC().Year())
}

func (w writer) date(t time.Time) string {
	return strconv.Itoa(t.Day()) + " " + w.text(months[t.Month()-1])
}

// count writes a number with grouped digits.
func (w writer) count(n int64) string {
	text := words.Thousands(n)
	if w.language == report.Dutch {
		text = strings.ReplaceAll(text, ",", ".")
	}
	return text
}

// duration writes milliseconds as H:MM:SS; unknown ones as a dash.
func (w writer) duration(ms int64) string {
	if ms < 0 {
		return "–"
	}
	return string(report.AppendDuration(nil, ms))
}
