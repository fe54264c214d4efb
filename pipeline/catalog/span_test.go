package catalog

import (
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// A period is listed by few prefixes, which few other days and months share.
func TestPrefixes(t *testing.T) {
	parse := func(name string) day.Day {
		d, err := day.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		from, to     string
		days, months string
	}{
		{"2026-11-20", "2026-11-20", "2026-11-20/", "2026-11/"},
		{"2026-11-20", "2026-11-21", "2026-11-", "2026-11/"},
		{"2026-11-04", "2026-12-06", "2026-11- 2026-12-", "2026-"},
		{"2024-12-31", "2026-01-01", "2024-12- 2025- 2026-01-", "2024- 2025- 2026-"},
		{"2025-01-01", "2026-12-31", "2025- 2026-", "2025- 2026-"},
	} {
		p := partition.Period{From: parse(c.from), To: parse(c.to)}
		if days, months := strings.Join(dayPrefixes(p), " "), strings.Join(monthPrefixes(p), " "); days != c.days || months != c.months {
			t.Errorf("%s to %s: days %q, months %q", c.from, c.to, days, months)
		}
	}
	if p := always(); !slices.Equal(dayPrefixes(p), []string{""}) || !slices.Equal(monthPrefixes(p), []string{""}) {
		t.Errorf("always: %q, %q", dayPrefixes(p), monthPrefixes(p))
	}
}
