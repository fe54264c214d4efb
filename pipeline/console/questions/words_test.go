package questions

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/explore"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/report"
)

var inDutch = words.In(report.Dutch)

// The catalogue has the texts of all tables of this package.
func TestTablesAreInTheCatalogue(t *testing.T) {
	texts := slices.Clone(listHeadings)
	for _, g := range explore.Groupings {
		texts = append(texts, groupings[g], byTexts[g])
	}
	for _, name := range unknowns {
		texts = append(texts, name)
	}
	for _, o := range explore.Orders {
		texts = append(texts, orders[o])
	}
	for _, c := range units {
		texts = append(texts, c.Text)
	}
	for _, c := range comparisons {
		texts = append(texts, c)
	}
	for _, tab := range Tabs {
		texts = append(texts, tab.Name)
	}
	for _, f := range families {
		texts = append(texts, f.name, f.help)
	}
	for _, s := range statistics {
		texts = append(texts, s.name)
		if s.about != "" {
			texts = append(texts, s.about)
		}
	}
	for _, m := range Measures(words.Printer{}, time.Minute) {
		if !slices.ContainsFunc(families, func(f family) bool { return strings.HasPrefix(m.Name, f.name+", ") }) {
			texts = append(texts, m.Help)
			if m.ID != "within" { // its name has the target in it
				texts = append(texts, m.Name)
			}
		}
	}
	catalogue, letter := words.Catalogue(), regexp.MustCompile(`\pL`)
	for _, text := range texts {
		if _, ok := catalogue[text]; !ok && (text == "" || letter.MatchString(text)) {
			t.Errorf("the Dutch catalogue lacks %q", text)
		}
	}
}

// What is wrong with an address is said in the language of its page.
func TestWrongAddressesInDutch(t *testing.T) {
	for _, tc := range []struct {
		kind  Kind
		query map[string][]string
		want  string
	}{
		{ExplorePage, map[string][]string{"colour": {"red"}}, `Deze pagina kent geen parameter "colour".`},
		{ExplorePage, map[string][]string{"group": {"A", "B"}}, "De parameter group is 2 keer gegeven."},
		{ExplorePage, map[string][]string{"by": {"mood"}}, `De parameter by is "mood". Mogelijk zijn technician, group`},
		{ExplorePage, map[string][]string{"at": {"tomorrow"}}, `De parameter at is "tomorrow". Geef een datum zoals 2026-11-20.`},
		{ExplorePage, map[string][]string{"from": {"2026-11-05"}, "to": {"2026-11-03"}}, "De periode eindigt op 2026-11-03, voordat ze begint op 2026-11-05."},
		{ExplorePage, map[string][]string{"from": {"1990-01-01"}, "to": {"2026-11-03"}}, "Ze kan er 3660 hebben."},
		{ExplorePage, map[string][]string{"channel": {"-3"}}, `De parameter channel is "-3". Geef een id, of - voor geen.`},
		{SessionsPage, map[string][]string{"page": {"0"}}, `De parameter page is "0". Geef een getal vanaf 1.`},
		{SessionsPage, map[string][]string{"q": {strings.Repeat("x", 201)}}, "De zoektekst is langer dan 200 bytes."},
	} {
		if _, err := Parse(inDutch, tc.kind, "/reports/sessions", tc.query, friday, time.Minute); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v, want %q", tc.query, err, tc.want)
		}
	}
}

func TestNumbersInDutchWords(t *testing.T) {
	lasting, part, number := &Measure{printer: inDutch, kind: ofDuration, better: -1}, &Measure{printer: inDutch, kind: ofShare, better: 1}, &Measure{printer: inDutch}
	for _, tc := range []struct {
		m           *Measure
		now, before float64
		want        Change
	}{
		{lasting, 60_000, 40_000, Change{"▲", "50 % langer", "50 %", "40 s", false, true}},
		{part, 0.8, 0.75, Change{"▲", "5,0 procentpunt meer", "5,0 procentpunt", "75,0 %", true, false}},
		{number, 500, 1000, Change{"▼", "50 % minder", "50 %", "1.000", false, false}},
	} {
		if got := change(tc.m, tc.now, tc.before); *got != tc.want {
			t.Errorf("from %g to %g is %+v, want %+v", tc.before, tc.now, *got, tc.want)
		}
	}
	if got := duration(inDutch, 3_660_000); got != "1:01 u" {
		t.Errorf("an hour and a minute is %s", got)
	}
	for text, p := range map[string]explore.Period{
		"vr 20 nov 2026": {From: friday, To: friday}, "november 2026": explore.Around(explore.AMonth, friday), "kwartaal 4 van 2026": explore.Around(explore.AQuarter, friday),
		"16 nov tot en met 22 nov 2026": explore.Around(explore.AWeek, friday), "29 dec 2025 tot en met 4 jan 2026": explore.Around(explore.AWeek, day.Date(2026, time.January, 1)),
	} {
		if got := periodText(inDutch, p); got != text {
			t.Errorf("%v is %q, want %q", p, got, text)
		}
	}
}
