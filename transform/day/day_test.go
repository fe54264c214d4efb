package day

import (
	"encoding/json"
	"testing"
	"time"
)

func TestParseAndString(t *testing.T) {
	for text, want := range map[string]Day{
		"1970-01-01": 0,
		"1970-01-02": 1,
		"1969-12-31": -1,
		"2000-03-01": 11017, // thirty years, their seven leap days, and 31+29 days of 2000
		"2024-02-29": 19782,
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v; want %d", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("Day(%d) is written %s, want %s", got, got, text)
		}
	}
	for _, text := range []string{"", "2023-02-29", "2024-1-01", "24-01-01", "2024-01-01T00:00:00Z", " 2024-01-01", "20240101"} {
		if d, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %s, want an error", text, d)
		}
	}
}

func TestOf(t *testing.T) {
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		instant string
		loc     *time.Location
		want    string
	}{
		{"2024-03-30T23:59:59.999Z", time.UTC, "2024-03-30"},
		{"2024-03-31T00:00:00Z", time.UTC, "2024-03-31"},
		{"2024-03-30T22:59:59.999Z", amsterdam, "2024-03-30"}, // winter time, +01:00
		{"2024-03-30T23:00:00Z", amsterdam, "2024-03-31"},
		{"2024-03-31T21:59:59.999Z", amsterdam, "2024-03-31"}, // summer time, +02:00
		{"2024-03-31T22:00:00Z", amsterdam, "2024-04-01"},
		{"1969-12-31T23:59:59.999Z", time.UTC, "1969-12-31"},
		{"1969-12-31T00:00:00Z", time.UTC, "1969-12-31"},
	} {
		instant, err := time.Parse(time.RFC3339Nano, c.instant)
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(instant.UnixMilli(), c.loc); got.String() != c.want {
			t.Errorf("Of(%s, %s) = %s, want %s", c.instant, c.loc, got, c.want)
		}
	}
}

func TestArithmetic(t *testing.T) {
	d := Date(2023, time.December, 31)
	if got := d.AddDays(60).String(); got != "2024-02-29" {
		t.Errorf("60 days after %s: %s, want 2024-02-29", d, got)
	}
	if got := d.AddDays(-365).String(); got != "2022-12-31" {
		t.Errorf("365 days before %s: %s, want 2022-12-31", d, got)
	}
	if got := d.Weekday(); got != time.Sunday {
		t.Errorf("%s is a %s, want a Sunday", d, got)
	}
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(map[string]Day{"day": Date(2026, time.November, 20)})
	if err != nil || string(text) != `{"day":"2026-11-20"}` {
		t.Fatalf("marshalled %s, %v", text, err)
	}
	var back map[string]Day
	if err := json.Unmarshal(text, &back); err != nil || back["day"].String() != "2026-11-20" {
		t.Fatalf("read back %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"day":"2026-11-31"}`), &back); err == nil {
		t.Fatal("30 days hath November, and no error")
	}
}
