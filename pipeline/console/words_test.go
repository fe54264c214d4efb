package console

import (
	"html/template"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/words"
)

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", -4 * time.Second: "just now", 59 * time.Second: "59 s ago", 61 * time.Second: "1 min ago",
		47 * time.Hour: "47 h ago", 49 * time.Hour: "2 days ago", -3 * time.Hour: "in 3 h", 61 * 24 * time.Hour: "2 months ago", 3 * 366 * 24 * time.Hour: "3 years ago",
	} {
		if got := ago(now.Add(-d), now, words.Printer{}); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := when(time.Time{}, now, words.Printer{}); got != "never" {
		t.Errorf("no time: %q", got)
	}
}

func TestNumbersInWords(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{words.Printer{}.Percent(0, 0), "0 %"}, {words.Printer{}.Percent(1, 3), "33.3 %"}, {words.Printer{}.Percent(66, 161_757), "0.041 %"}, {words.Printer{}.Percent(0, 9), "0 %"},
		{downloadName("r", "2026-11", "a\"b\n/c.csv"), "r-2026-11-a_b__c.csv"},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
}

// TestTemplatesHaveIntsOfBothSizes: functions of templates take either.
func TestTemplatesHaveIntsOfBothSizes(t *testing.T) {
	page := template.Must(template.New("").Funcs(functions(words.Printer{})).Parse(
		`{{n .Int}}, {{n .Int64}}; {{plural .Int "row" "rows"}}, {{plural .Int64 "row" "rows"}}; {{bytes .Int64}}`))
	var got strings.Builder
	if err := page.Execute(&got, map[string]any{"Int": 1, "Int64": int64(1200)}); err != nil {
		t.Fatal(err)
	}
	if want := "1, 1,200; 1 row, 1,200 rows; 1.2 kB"; got.String() != want {
		t.Errorf("%s, want %s", &got, want)
	}
}
