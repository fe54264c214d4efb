package questions

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/console/problem"
	"daybook/pipeline/explore"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

var friday = day.Date(2026, time.November, 20)

func parse(t *testing.T, k Kind, query string) (*Address, error) {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(words.Printer{}, k, "/reports/sessions", values, friday, time.Minute)
}

// An address says which days are asked about and which days they are compared with. A
// period that is not over is compared with as many days.
func TestPeriodsOfAddresses(t *testing.T) {
	for _, tc := range []struct {
		kind                 Kind
		query                string
		from, to, with, till string
	}{
		{ExplorePage, "", "2026-11-09", "2026-11-15", "2026-11-02", "2026-11-08"},
		{ExplorePage, "period=week&at=2026-11-18", "2026-11-16", "2026-11-20", "2026-11-09", "2026-11-13"},
		{ExplorePage, "period=day", "2026-11-20", "2026-11-20", "2026-11-13", "2026-11-13"},
		{ExplorePage, "period=day&compare=previous", "2026-11-20", "2026-11-20", "2026-11-19", "2026-11-19"},
		{ExplorePage, "period=day&compare=last_year", "2026-11-20", "2026-11-20", "2025-11-21", "2025-11-21"},
		{ExplorePage, "compare=weekday", "2026-11-09", "2026-11-15", "2026-11-02", "2026-11-08"}, // left of a day
		{ExplorePage, "period=month", "2026-11-01", "2026-11-20", "2026-10-01", "2026-10-20"},
		{ExplorePage, "period=month&compare=whole", "2026-11-01", "2026-11-20", "2026-10-01", "2026-10-31"},
		{ExplorePage, "period=month&at=2026-10-05&compare=whole", "2026-10-01", "2026-10-31", "2026-09-01", "2026-09-30"}, // it is over
		{ExplorePage, "period=month&at=2026-03-05", "2026-03-01", "2026-03-31", "2026-02-01", "2026-02-28"},
		{ExplorePage, "period=quarter&at=2026-05-05&compare=last_year", "2026-04-01", "2026-06-30", "2025-04-01", "2025-06-30"},
		{ExplorePage, "period=year&at=2025-05-05", "2025-01-01", "2025-12-31", "2024-01-01", "2024-12-31"},
		{ExplorePage, "from=2026-11-03&to=2026-11-05", "2026-11-03", "2026-11-05", "2026-10-31", "2026-11-02"},
		{ExplorePage, "from=2026-11-03&to=2026-11-05&compare=last_year", "2026-11-03", "2026-11-05", "2025-11-04", "2025-11-06"},
		{ExplorePage, "compare=none", "2026-11-09", "2026-11-15", "", ""},
		{SessionsPage, "", "2026-11-20", "2026-11-20", "", ""},
		{SessionsPage, "period=week", "2026-11-16", "2026-11-20", "", ""},
	} {
		a, err := parse(t, tc.kind, tc.query)
		if err != nil {
			t.Errorf("%s: %v", tc.query, err)
			continue
		}
		if a.Period.From.String() != tc.from || a.Period.To.String() != tc.to {
			t.Errorf("%s %q is %s to %s, want %s to %s", tc.kind, tc.query, a.Period.From, a.Period.To, tc.from, tc.to)
		}
		if (a.Against == nil) != (tc.with == "") || a.Against != nil && (a.Against.From.String() != tc.with || a.Against.To.String() != tc.till) {
			t.Errorf("%q is compared with %v, want %s to %s", tc.query, a.Against, tc.with, tc.till)
		}
	}
}

func TestWrongAddresses(t *testing.T) {
	for query, says := range map[string]string{
		"colour=red":                    `no parameter "colour"`,
		"period=decade":                 `The parameter period is "decade". It can be day, week, month, quarter, year, range.`,
		"at=tomorrow":                   `The parameter at is "tomorrow". Give a date such as 2026-11-20.`,
		"from=2026-11-05&to=2026-11-03": "ends on 2026-11-03, before it begins on 2026-11-05",
		"from=1990-01-01&to=2026-11-03": "It can have 3660.",
		"technician=Ada":                "Give an id, or - for none.",
		"channel=-3":                    "Give an id",
		"picked_up=maybe":               "It can be yes, no.",
		"by=mood":                       "It can be technician, group",
		"measure=waiting_p99":           "waiting_p95",
		"sort=colour":                   "name",
		"order=sideways":                "It can be up, down.",
		"show=all":                      "overview",
		"group=A&group=B":               "The parameter group is given 2 times.",
		"compare=tomorrow":              "last_year",
		"page=2":                        `no parameter "page"`,
	} {
		_, err := parse(t, ExplorePage, query)
		var wrong *problem.Error
		if !errors.As(err, &wrong) || wrong.Status != http.StatusBadRequest || !strings.Contains(wrong.Text, says) {
			t.Errorf("%s: %v, want %q", query, err, says)
		}
	}
	for query, says := range map[string]string{
		"page=0": "Give a number from 1.", "page=x": "Give a number", "sort=colour": "waiting", "by=group": `no parameter "by"`, "q=" + strings.Repeat("x", 201): "longer than 200 bytes",
	} {
		if _, err := parse(t, SessionsPage, query); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", query, err, says)
		}
	}
}

// Links keep the period and the filters, and leave the page of a list.
func TestLinks(t *testing.T) {
	a, err := parse(t, ExplorePage, "period=month&at=2026-10-01&group=EMEA%2FTier+1&picked_up=no&by=hour&sort=legs&technician=")
	if err != nil {
		t.Fatal(err)
	}
	if a.Filter.Technician != nil || a.Filter.Group == nil || *a.Filter.Group != "EMEA/Tier 1" || a.Filter.PickedUp == nil || *a.Filter.PickedUp {
		t.Errorf("the filter is %+v", a.Filter)
	}
	l, err := parse(t, SessionsPage, "q=Ada&page=3&sort=work")
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		a.Link("by", "date", "sort", ""): "/reports/sessions/explore?at=2026-10-01&by=date&group=EMEA%2FTier+1&period=month&picked_up=no",
		a.Sessions():                     "/reports/sessions/sessions?at=2026-10-01&group=EMEA%2FTier+1&period=month&picked_up=no",
		a.Shifted(-1):                    "/reports/sessions/explore?at=2026-09-01&by=hour&group=EMEA%2FTier+1&period=month&picked_up=no&sort=legs",
		a.Unfiltered():                   "/reports/sessions/explore?at=2026-10-01&by=hour&period=month&sort=legs",
		a.OfUnit("range"):                "/reports/sessions/explore?by=hour&from=2026-10-01&group=EMEA%2FTier+1&period=range&picked_up=no&sort=legs&to=2026-10-31",
		a.File("csv"):                    "/reports/sessions/explore.csv?at=2026-10-01&by=hour&group=EMEA%2FTier+1&period=month&picked_up=no&sort=legs",
		l.Link("sort", "waiting"):        "/reports/sessions/sessions?q=Ada&sort=waiting",
		l.Explore():                      "/reports/sessions/explore?at=2026-11-20&period=day",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestNumbersInWords(t *testing.T) {
	lasting, part, number := &Measure{kind: ofDuration, better: -1}, &Measure{kind: ofShare, better: 1}, &Measure{kind: ofCount}
	for _, tc := range []struct {
		m           *Measure
		now, before float64
		want        Change
	}{
		{lasting, 60_000, 40_000, Change{"▲", "50 % longer", "50 %", "40 s", false, true}},
		{lasting, 30_000, 40_000, Change{"▼", "25 % shorter", "25 %", "40 s", true, false}},
		{lasting, 40_000, 40_000, Change{Arrow: "=", Text: "no change", Short: "0 %", Was: "40 s"}},
		{part, 0.8, 0.75, Change{"▲", "5.0 points more", "5.0 points", "75.0 %", true, false}},
		{number, 1500, 1000, Change{"▲", "50 % more", "50 %", "1,000", false, false}},
		{number, 3, 0, Change{"▲", "up from 0", "from 0", "0", false, false}},
		{lasting, 3_000, 0, Change{"▲", "up from 0 s", "from 0 s", "0 s", false, true}},
		{lasting, 0, 3_000, Change{"▼", "100 % shorter", "100 %", "3 s", true, false}},
		{lasting, 33_928, 36_070, Change{"▼", "8 % shorter", "8 %", "36 s", true, false}}, // 33 of 36, as shown
		{lasting, 33_100, 33_900, Change{Arrow: "=", Text: "no change", Short: "0 %", Was: "33 s"}},
		{lasting, 10_001_000, 10_000_000, Change{Arrow: "=", Text: "no change", Short: "0 %", Was: "2:46 h"}}, // 0.01 %
		{lasting, 850_900, 1_000, Change{"▲", "850 times as much", "×850", "1 s", false, true}},
		{number, 9_990, 1_000, Change{"▲", "899 % more", "899 %", "1,000", false, false}},
		{number, 10_000, 1_000, Change{"▲", "10 times as much", "×10", "1,000", false, false}},
		{part, 0.8, 0.8004, Change{Arrow: "=", Text: "no change", Short: "0.0 points", Was: "80.0 %"}},
	} {
		if got := change(tc.m, tc.now, tc.before); *got != tc.want {
			t.Errorf("from %g to %g is %+v, want %+v", tc.before, tc.now, *got, tc.want)
		}
	}
	for ms, want := range map[float64]string{0: "0 s", 59_999: "59 s", 61_000: "1:01 min", 3_660_000: "1:01 h", 400 * 3_600_000: "400:00 h", 1_234*3_600_000 + 59*60_000: "1,234:59 h"} {
		if got := duration(words.Printer{}, ms); got != want {
			t.Errorf("%g ms is %s, want %s", ms, got, want)
		}
	}
	for text, p := range map[string]explore.Period{
		"Fri 20 Nov 2026": {From: friday, To: friday}, "November 2026": explore.Around(explore.AMonth, friday), "quarter 4 of 2026": explore.Around(explore.AQuarter, friday),
		"2026": explore.Around(explore.AYear, friday), "16 Nov to 22 Nov 2026": explore.Around(explore.AWeek, friday), "29 Dec 2025 to 4 Jan 2026": explore.Around(explore.AWeek, day.Date(2026, time.January, 1)),
	} {
		if got := periodText(words.Printer{}, p); got != text {
			t.Errorf("%v is %q, want %q", p, got, text)
		}
	}
}

// Each measure has its own id and a line that explains it; tiles and tabs name measures.
func TestMeasures(t *testing.T) {
	all := Measures(words.Printer{}, time.Minute)
	seen := map[string]bool{}
	for _, m := range all {
		if seen[m.ID] || m.Name == "" || m.Help == "" {
			t.Errorf("measure %q is there twice, or has no name or help", m.ID)
		}
		seen[m.ID] = true
	}
	named := tiles
	for _, tab := range Tabs {
		named = append(named, tab.Columns...)
		if !slices.Contains(tab.Columns, tab.Sort) {
			t.Errorf("the columns %s are sorted by %s, which is not among them", tab.ID, tab.Sort)
		}
	}
	for _, id := range named {
		if !seen[id] {
			t.Errorf("there is no measure %q", id)
		}
	}
}
