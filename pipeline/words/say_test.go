package words_test

import (
	"testing"
	"time"

	"daybook/pipeline/words"
	"daybook/transform/report"
)

var dutch = words.In(report.Dutch)

func TestSay(t *testing.T) {
	for english, want := range map[string]string{
		"All that is due is published.": "Alles wat gepubliceerd moet zijn, is gepubliceerd.",
		"2026-11-20 is late":            "2026-11-20 is te laat",
		"3 days (2026-11-01 to 2026-11-14) failed too often and are set aside": "3 dagen (2026-11-01 tot en met 2026-11-14) mislukten te vaak en zijn opzijgezet",
		"2 by the customer, 6 by the technician, 3 by the system":              "2 van de klant, 6 van de technicus, 3 van het systeem",
		"Leg 4":                      "Deelsessie 4",
		"in the dumps: no such text": "in the dumps: no such text", // a short format does not take any text
		"":                           "",
	} {
		if got := dutch.Say(english); got != want {
			t.Errorf("%q: %q, want %q", english, got, want)
		}
		if got := (words.Printer{}).Say(english); got != english {
			t.Errorf("in English, %q is %q", english, got)
		}
	}
}

func TestDutchForms(t *testing.T) {
	at := time.Date(2026, time.March, 2, 9, 5, 0, 0, time.UTC) // a Monday
	for _, tt := range []struct{ got, want string }{
		{dutch.Thousands(1_234_567), "1.234.567"}, {dutch.Bytes(59_200), "59,2 kB"}, {dutch.Percent(1, 3), "33,3 %"}, {dutch.Percent(66, 161_757), "0,041 %"},
		{dutch.Count(1, "row", "rows"), "1 rij"}, {dutch.Count(1200, "row", "rows"), "1.200 rijen"},
		{dutch.Date(at, "Mon 2 Jan 2006 15:04"), "ma 2 mrt 2026 09:05"}, {dutch.Date(at, "Monday 2 January 2006"), "maandag 2 maart 2026"},
		{dutch.Roughly(49 * time.Hour), "2 dagen"}, {dutch.Roughly(3 * time.Hour), "3 u"}, {dutch.Lasting(3_900_000), "1 u 5 min"},
		{words.Printer{}.Lasting(3_900_000), "1 h 5 min"}, {words.Printer{}.Lasting(492_000), "8 min 12 s"}, {words.Printer{}.Lasting(60_000), "1 min"}, {words.Printer{}.Lasting(999), "0 s"},
		{dutch.Figure("1,234.5 h"), "1.234,5 u"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
