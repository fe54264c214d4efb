package dump

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"daybook/config"
	"daybook/transform/day"
)

// Template is what the keys of a day's dumps begin with:
//
//	{yyyy}       the year, four digits
//	{mm}, {dd}   month and day: two digits, or one where a sign that is no digit follows
//	{m}, {d}     month and day without a leading zero
//	{hh}         an hour, 00 to 23
//	*            any text without a slash, one character or more
//
// Everything else is literal. The key may go on after it.
type Template string

// ParseTemplate checks a template such as "raw/{yyyy}/{mm}/{dd}/" or
// "dt={yyyy}-{mm}-{dd}/hour=*/" by the rules of [config.CheckKey].
func ParseTemplate(s string) (Template, error) {
	if err := config.CheckKey(s); err != nil {
		return "", fmt.Errorf("key template %w", err)
	}
	return Template(s), nil
}

// placeholders maps each placeholder to the place of its value in a moment.
var placeholders = map[string]struct{ at, digits int }{
	"{yyyy}": {0, 4}, "{mm}": {1, 2}, "{dd}": {2, 2}, "{hh}": {3, 2}, "{m}": {1, 1}, "{d}": {2, 1},
}

// moment is year, month, day and hour as a key has them.
type moment [4]int

// part splits the first part off a template: a placeholder, a star, or a literal.
func part(t string) (first, rest string) {
	switch {
	case t[0] == '*':
		return t[:1], t[1:]
	case t[0] == '{':
		end := strings.IndexByte(t, '}') + 1
		return t[:end], t[end:]
	}
	if end := strings.IndexAny(t, "{*"); end >= 0 {
		return t[:end], t[end:]
	}
	return t, ""
}

// takesBoth reports whether a padded placeholder also takes a number of one
// digit: the sign after it shows where the number ends.
func takesBoth(after string) bool {
	return after != "" && after[0] != '{' && after[0] != '*' && !isDigit(after[0])
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// Prefix is a prefix for keys of d's dumps. It has the hour 00, and the text
// "daybook" for any text.
func (t Template) Prefix(d day.Day) string { return t.fill(d, "daybook") }

// Example is what keys of d's dumps may begin with, for people.
func (t Template) Example(d day.Day) string { return t.fill(d, "*") }

// fill is the prefix with a text for each star.
func (t Template) fill(d day.Day, star string) string {
	var b strings.Builder
	for rest := string(t); rest != ""; {
		var first string
		first, rest = part(rest)
		switch p, isPlaceholder := placeholders[first]; {
		case isPlaceholder:
			fmt.Fprintf(&b, "%0*d", p.digits, momentOf(d)[p.at])
		case first == "*":
			b.WriteString(star)
		default:
			b.WriteString(first)
		}
	}
	return b.String()
}

func momentOf(d day.Day) moment {
	year, month, dom := d.UTC().Date()
	return moment{year, int(month), dom, 0}
}

// prefixes are the prefixes to list for the dumps of d: up to the first part that
// d does not decide, in each way that the numbers may be written.
func (t Template) prefixes(d day.Day) []string {
	at := momentOf(d)
	prefixes := []string{""}
	for rest := string(t); rest != ""; {
		var first string
		first, rest = part(rest)
		forms := []string{first}
		if first == "*" || first == "{hh}" {
			break
		}
		if p, isPlaceholder := placeholders[first]; isPlaceholder {
			n := at[p.at]
			forms = []string{fmt.Sprintf("%0*d", p.digits, n)}
			if p.digits == 2 && n < 10 && takesBoth(rest) {
				forms = append(forms, fmt.Sprint(n))
			}
		}
		var longer []string
		for _, prefix := range prefixes {
			for _, form := range forms {
				longer = append(longer, prefix+form)
			}
		}
		prefixes = longer
	}
	return prefixes
}

// Root is the prefix that the dumps of all days share.
func (t Template) Root() string {
	if end := strings.IndexAny(string(t), "{*"); end >= 0 {
		return string(t[:end])
	}
	return string(t)
}

// Day is the dump day of a key; ok is false for keys of no day.
func (t Template) Day(key string) (d day.Day, ok bool) {
	at, fits := t.match(key)
	if !fits {
		return 0, false
	}
	return at.day()
}

// match reads the date in a key. fits is false if the key has another shape than
// the template. The date may be an impossible one.
func (t Template) match(key string) (at moment, fits bool) {
	fits = match(string(t), key, &at)
	return at, fits
}

func match(t, key string, at *moment) bool {
	for t != "" {
		first, rest := part(t)
		if first == "*" {
			return matchStar(rest, key, at)
		}
		p, isPlaceholder := placeholders[first]
		if !isPlaceholder {
			if !strings.HasPrefix(key, first) {
				return false
			}
			key, t = key[len(first):], rest
			continue
		}
		n := number(key, p.digits, takesBoth(rest))
		if n == 0 {
			return false
		}
		value := 0
		for _, c := range []byte(key[:n]) {
			value = value*10 + int(c-'0')
		}
		at[p.at], key, t = value, key[n:], rest
	}
	return true
}

// matchStar tries all texts that a star can stand for, the shortest first. A
// template has one star in a segment, so that at most one of them fits.
func matchStar(rest, key string, at *moment) bool {
	for n := 1; n <= len(key) && key[n-1] != '/'; n++ {
		if match(rest, key[n:], at) {
			return true
		}
	}
	return false
}

// number is the length of the number that key begins with; 0 if it is not of so
// many digits. A number of one digit has no leading zero, and may have two digits.
// With both, a number of two digits may have one.
func number(key string, digits int, both bool) int {
	n := 0
	for n < len(key) && n < max(digits, 2) && isDigit(key[n]) {
		n++
	}
	switch {
	case digits == 1 && n > 0 && key[0] != '0', n == digits && digits > 1, n == 1 && digits == 2 && both:
		return n
	}
	return 0
}

// day is the date, and whether there is such a date and hour.
func (m moment) day() (day.Day, bool) {
	d := day.Date(m[0], time.Month(m[1]), m[2])
	return d, momentOf(d) == moment{m[0], m[1], m[2]} && m[3] < 24
}

// String is the date as it is in the key, for messages.
func (m moment) String() string {
	if m[3] >= 24 {
		return fmt.Sprintf("hour %d", m[3])
	}
	return fmt.Sprintf("%04d-%02d-%02d", m[0], m[1], m[2])
}

// upToMonth is the part of a template before the day, if that tells year and
// month.
func (t Template) upToMonth() (month Template, ok bool) {
	before, _, _ := strings.Cut(strings.ReplaceAll(string(t), "{d}", "{dd}"), "{dd}")
	return Template(before), strings.Contains(before, "{yyyy}") && (strings.Contains(before, "{mm}") || strings.Contains(before, "{m}"))
}

// prefixesOf are the prefixes to list for the days from from to to. No key has
// two of them. If the template gives the month before the day, and more than one
// day of a month is asked for, one prefix stands for the whole month.
func (t Template) prefixesOf(from, to day.Day) []string {
	month, byMonth := t.upToMonth()
	var all []string
	for d := from; d <= to; {
		last := min(d.Month().Last(), to)
		if byMonth && d < last {
			all = append(all, month.prefixes(d)...)
			d = last + 1
			continue
		}
		all = append(all, t.prefixes(d)...)
		d++
	}
	return distinct(all)
}

// distinct leaves out each prefix that begins with another one.
func distinct(prefixes []string) []string {
	slices.Sort(prefixes)
	var kept []string
	for _, prefix := range prefixes {
		if n := len(kept); n == 0 || !strings.HasPrefix(prefix, kept[n-1]) {
			kept = append(kept, prefix)
		}
	}
	return kept
}
