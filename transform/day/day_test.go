package day

import (
	"strings"
	"testing"
	"time"
)

func TestOfFollowsTheZone(t *testing.T) {
	zone := func(name string) *time.Location {
		l, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	cases := []struct{ moment, zone, want string }{
		{"2026-11-20T23:30:00Z", "UTC", "2026-11-20"},
		{"2026-11-20T23:30:00Z", "Europe/Amsterdam", "2026-11-21"},
		{"2026-11-20T04:59:59.999Z", "America/New_York", "2026-11-19"},
		{"2026-11-20T05:00:00Z", "America/New_York", "2026-11-20"},
		{"2011-12-30T09:59:59Z", "Pacific/Apia", "2011-12-29"}, // 30 December 2011 did not happen there
		{"2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31"},
		{"1969-12-31T23:59:59.999Z", "UTC", "1969-12-31"},
		{"2200-12-31T23:59:59.999Z", "Asia/Kolkata", "2201-01-01"},
	}
	for _, c := range cases {
		at, err := time.Parse(time.RFC3339Nano, c.moment)
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(at.UnixMilli(), zone(c.zone)).String(); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.moment, c.zone, got, c.want)
		}
	}
}

// Every day and every month is read back as it was written.
func TestRoundTrip(t *testing.T) {
	last := Day(0)
	for d := Date(1990, 1, 1); d <= Date(2201, 1, 1); d++ {
		back, err := Parse(d.String())
		if err != nil || back != d {
			t.Fatalf("%d: %s, read back as %d (%v)", d, d, back, err)
		}
		m := d.Month()
		if d < m.First() || d > m.Last() {
			t.Fatalf("%s is not in %s (%s to %s)", d, m, m.First(), m.Last())
		}
		if mb, err := ParseMonth(m.String()); err != nil || mb != m {
			t.Fatalf("%s, read back as %s (%v)", m, mb, err)
		}
		if last != 0 && d != last+1 {
			t.Fatalf("%s after %s", d, last)
		}
		last = d
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "2026-11", "2026-02-30", "20261120", "2026-11-20T00:00:00Z", "yesterday"} {
		if d, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %s", s, d)
		}
		if s == "2026-11" {
			continue
		}
		if m, err := ParseMonth(s); err == nil {
			t.Errorf("ParseMonth(%q) = %s", s, m)
		}
	}
}

// A date that no event can have is refused with the range. Its bounds are dates.
func TestEventDates(t *testing.T) {
	for date, ok := range map[string]bool{
		"0000-01-01": false, "0001-01-01": false, "1989-12-31": false, "1990-01-01": true,
		"2026-11-20": true, "2200-12-31": true, "2201-01-01": false, "9999-12-31": false,
	} {
		d, err := ParseEventDate(date)
		if ok != (err == nil) || ok && d.String() != date || !ok && !strings.Contains(err.Error(), "from 1990-01-01 to 2200-12-31") {
			t.Errorf("%s: %s, %v", date, d, err)
		}
		month := date[:len("2026-11")]
		m, err := ParseEventMonth(month)
		if ok != (err == nil) || ok && m.String() != month || !ok && !strings.Contains(err.Error(), "from 1990-01 to 2200-12") {
			t.Errorf("%s: %s, %v", month, m, err)
		}
	}
}
