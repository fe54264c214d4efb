package settings_test

import (
	"testing"
	"time"

	"daybook/pipeline/settings"
	"daybook/transform/day"
	"daybook/transform/report"
)

// A date is over when it is over in every time zone.
func TestYesterday(t *testing.T) {
	for _, c := range []struct {
		now   string
		zones []string
		want  string
	}{
		{"2026-11-28T00:00:00Z", []string{"UTC"}, "2026-11-27"},
		{"2026-11-28T23:59:59Z", []string{"UTC"}, "2026-11-27"},
		{"2026-11-28T04:59:59Z", []string{"UTC", "America/New_York"}, "2026-11-26"},
		{"2026-11-28T05:00:00Z", []string{"UTC", "America/New_York"}, "2026-11-27"},
		{"2026-11-28T12:00:00Z", []string{"Pacific/Kiritimati"}, "2026-11-27"}, // its dumps are those of the dates in UTC
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		p := &settings.Pipeline{Clock: func() time.Time { return now }}
		for _, name := range c.zones {
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			p.Reports = append(p.Reports, settings.Report{Definition: report.Definition{Zone: zone}})
		}
		if got := p.Yesterday().String(); got != c.want {
			t.Errorf("at %s in %q: %s, want %s", c.now, c.zones, got, c.want)
		}
	}
}

// A date ends where its clock is last, in summer and winter.
func TestEndOf(t *testing.T) {
	for _, c := range []struct {
		date  string
		zones []string
		want  string
	}{
		{"2026-11-28", []string{"UTC"}, "2026-11-29T00:00:00Z"},
		{"2026-11-28", []string{"Pacific/Kiritimati"}, "2026-11-29T00:00:00+14:00"},
		{"2026-11-28", []string{"Europe/Amsterdam", "America/New_York", "UTC"}, "2026-11-29T00:00:00-05:00"},
		{"2026-07-28", []string{"Europe/Amsterdam"}, "2026-07-29T00:00:00+02:00"},
	} {
		p := &settings.Pipeline{}
		for _, name := range c.zones {
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			p.Reports = append(p.Reports, settings.Report{Definition: report.Definition{Zone: zone}})
		}
		d, err := day.Parse(c.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.EndOf(d).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %q ends at %s, want %s", c.date, c.zones, got, c.want)
		}
	}
}
