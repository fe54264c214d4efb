package catalog

import (
	"time"

	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// always is every day that a name can have.
func always() partition.Period {
	return partition.Period{From: day.Date(0, time.January, 1), To: day.Date(9999, time.December, 31)}
}

// dayPrefixes are what the names of a period's days begin with, for listing: few
// prefixes, that few other days share. There is one for each whole year, and one
// for each other month.
func dayPrefixes(p partition.Period) []string {
	switch {
	case p == always():
		return []string{""}
	case p.From == p.To:
		return []string{p.From.String() + "/"}
	}
	var prefixes []string
	for m := p.From.Month(); m <= p.To.Month(); {
		first := m.First().UTC()
		if first.Month() == time.January && p.Contains(m.First()) && p.Contains((m + 11).Last()) {
			prefixes = append(prefixes, yearPrefix(first.Year()))
			m += 12
			continue
		}
		prefixes = append(prefixes, m.String()+"-")
		m++
	}
	return prefixes
}

// monthPrefixes are what the names of the months of a period begin with. A year
// has so few months that all of it is listed.
func monthPrefixes(p partition.Period) []string {
	from, to := p.From.Month(), p.To.Month()
	switch {
	case p == always():
		return []string{""}
	case from == to:
		return []string{from.String() + "/"}
	}
	var prefixes []string
	for year := p.From.UTC().Year(); year <= p.To.UTC().Year(); year++ {
		prefixes = append(prefixes, yearPrefix(year))
	}
	return prefixes
}

// yearPrefix is what the days and months of a year begin with: 2026-.
func yearPrefix(year int) string {
	return day.Date(year, time.January, 1).String()[:len("2026-")]
}
