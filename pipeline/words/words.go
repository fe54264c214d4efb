// Package words writes numbers, counts and sizes for people, and shortens texts. It gives
// the console, the commands and the plan's reasons one notation; go-humanize does
// the arithmetic.
package words

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// Thousands writes a number with grouped digits: 1,234,567.
func Thousands[N int | int64](n N) string { return humanize.Comma(int64(n)) }

// Count writes a number with its noun: 1 row, 1,200 rows.
func Count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(n) + " " + many
}

// Bytes writes a size of 0 or more bytes in powers of 1000: 59.2 kB. It always
// gives one decimal, so that sizes in a column can be compared.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := humanize.ComputeSI(float64(n))
	return fmt.Sprintf("%.1f %sB", value, prefix)
}

// Roughly is a duration in its largest unit; empty below five seconds.
func Roughly(d time.Duration) string {
	const dayLong = 24 * time.Hour
	switch {
	case d < 5*time.Second:
		return ""
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*dayLong:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 60*dayLong:
		return fmt.Sprintf("%d days", d/dayLong)
	case d < 730*dayLong:
		return fmt.Sprintf("%d months", d/(30*dayLong))
	}
	return fmt.Sprintf("%d years", d/(365*dayLong))
}

// Capital writes the first letter of a sentence as a capital.
func Capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Shortened cuts a text to a number of bytes, between two characters, and ends it with
// an ellipsis. A text that fits stays as it is.
func Shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// Shell quotes a word for a shell, if it needs quotes.
func Shell(word string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if word != "" && strings.TrimFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
