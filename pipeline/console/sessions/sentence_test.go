package sessions

import (
	"os"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/words"
	"daybook/transform/report"
	"daybook/transform/session"
)

// sentences of the worked examples of REPORT.md. The durations are counted by hand from
// the events of each.
var sentences = []struct{ file, english, dutch string }{
	{"1-closed-by-customer",
		"Jan Jansen waited 1 min 30 s until Ada Kok picked up and worked 7 min; the customer closed the session after 20 min.",
		"Jan Jansen wachtte 1 min 30 s tot Ada Kok aannam en 7 min werkte; de klant sloot de sessie na 20 min."},
	{"2-closed-by-technician",
		"Jan Jansen waited 10 s until Ada Kok picked up and worked 1 min; the technician closed the session after 5 min.",
		"Jan Jansen wachtte 10 s tot Ada Kok aannam en 1 min werkte; de technicus sloot de sessie na 5 min."},
	{"3-transfer",
		"Jan Jansen waited 30 s until Ada Kok picked up and worked 5 min; Ben Smit took over and worked 8 min; in all, the work took 13 min; the session timed out, and the technician closed it after 19 min.",
		"Jan Jansen wachtte 30 s tot Ada Kok aannam en 5 min werkte; Ben Smit nam het over en werkte 8 min; in totaal duurde het werk 13 min; er trad een time-out op en de technicus sloot de sessie na 19 min."},
	{"4-collaboration",
		"Jan Jansen waited 30 s until Ada Kok picked up and worked 7 min; Ben Smit helped and worked 3 min; in all, the work took 10 min; the technician closed the session after 8 min.",
		"Jan Jansen wachtte 30 s tot Ada Kok aannam en 7 min werkte; Ben Smit hielp en werkte 3 min; in totaal duurde het werk 10 min; de technicus sloot de sessie na 8 min."},
	{"5-never-picked-up",
		"Jan Jansen waited 8 min, and no technician picked up; the waiting customer closed the session.",
		"Jan Jansen wachtte 8 min en geen technicus nam aan; de wachtende klant sloot de sessie."},
	{"6-open-over-midnight",
		"Ben Smit took the session of Jan Jansen at once and worked 10 min; the session is still open: Offline.",
		"Ben Smit nam de sessie van Jan Jansen meteen aan en werkte 10 min; de sessie is nog open: Offline."},
	{"7-before-may-2009",
		"Jan Jansen waited 20 s until Ada Kok picked up and worked 9 min; the technician closed the session after 9 min.",
		"Jan Jansen wachtte 20 s tot Ada Kok aannam en 9 min werkte; de technicus sloot de sessie na 9 min."},
	{"8-transfer-to-channel",
		"I. Example waited 25 s until Ada picked up and worked 3 min 30 s; Bo took over after another 1 min 40 s and worked 4 min; Cy helped and worked 3 min; in all, the work took 10 min 30 s; the technician closed the session after 9 min 30 s.",
		"I. Example wachtte 25 s tot Ada aannam en 3 min 30 s werkte; Bo nam het na nog eens 1 min 40 s over en werkte 4 min; Cy hielp en werkte 3 min; in totaal duurde het werk 10 min 30 s; de technicus sloot de sessie na 9 min 30 s."},
}

func TestSentenceOfExamples(t *testing.T) {
	for _, tt := range sentences {
		t.Run(tt.file, func(t *testing.T) {
			lines, err := os.ReadFile("../../../testdata/examples/" + tt.file + ".ndjson")
			if err != nil {
				t.Fatal(err)
			}
			def := &report.Definition{Name: "r", Zone: time.UTC}
			rows := rowsOf(explained(t, string(lines)).Session, def)
			for language, want := range map[report.Language]string{report.English: tt.english, report.Dutch: tt.dutch} {
				if got := Sentence(rows, words.In(language)); got != want {
					t.Errorf("\n%s, want\n%s", got, want)
				}
			}
		})
	}
}

// lead is a row of a lead who picked up 60 s after the epoch and left a minute later.
func lead(change func(*report.Row)) report.Row {
	r := report.Row{Name: "Jo", TechnicianName: "Ada", TechnicianID: 1, Role: "lead", Status: "Closed by technician", StartTime: 60_000, EndTime: 120_000, WaitingTime: 20_000, WorkTime: 30_000, IsFinal: true}
	change(&r)
	return r
}

func TestSentenceOfRareSessions(t *testing.T) {
	anonymous := lead(func(r *report.Row) { r.Name, r.TechnicianName, r.WaitingTime = "", "", 0 })
	waits := lead(func(r *report.Row) {
		r.StartTime, r.EndTime, r.Status, r.IsFinal = session.Unknown, session.Unknown, "Waiting", false
	})
	sent := lead(func(r *report.Row) { // to a channel, after a wait without a pick-up
		r.StartTime, r.EndTime, r.Status = session.Unknown, 30_000, "Transferred"
	})
	for want, rows := range map[string][]report.Row{
		"Technician 1 took the session of a customer at once and worked 30 s; the technician closed the session after 1 min.": {anonymous},
		"Jo waited 20 s, and no technician picked up; the session is still open: Waiting.":                                    {waits},
		"Jo waited 50 s until Ada picked up and worked 30 s; the technician closed the session after 1 min.":                  {sent, lead(func(*report.Row) {})},
		"No technician picked up the session of Jo; the session timed out.": {lead(func(r *report.Row) {
			r.StartTime, r.WaitingTime, r.Status = session.Unknown, 0, "Timed out"
		})},
	} {
		if got := Sentence(rows, words.Printer{}); got != want {
			t.Errorf("\n%s, want\n%s", got, want)
		}
	}
}

// The sentence of a session with very many technicians stays short.
func TestSentenceIsShort(t *testing.T) {
	var rows []report.Row
	for range 1000 {
		rows = append(rows, lead(func(*report.Row) {}))
	}
	got := Sentence(rows, words.Printer{})
	if strings.Count(got, "took over") != mostSaid-1 || !strings.Contains(got, "; further technicians took part; ") {
		t.Error(got)
	}
}
