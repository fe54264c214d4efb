package words

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// pattern recognises the texts of a format.
type pattern struct {
	begins string // the text before the first verb
	match  *regexp.Regexp
	dutch  string
}

// verb matches the verbs of the catalogue's formats.
var verb = regexp.MustCompile(`%(?:\[(\d)\])?[sdvq]`)

// patterns are those of all formats, those with the most text first: "%s is late"
// comes before "%s %s".
var patterns = sync.OnceValue(func() []pattern {
	var all []pattern
	for english, translated := range dutch() {
		first := verb.FindStringIndex(english)
		if first == nil || letters(english) < fewestLetters && !strings.Contains(english, "%d") {
			continue
		}
		expression := ""
		rest := english
		for at := verb.FindStringIndex(rest); at != nil; at = verb.FindStringIndex(rest) {
			value := `(.*?)`
			if strings.HasSuffix(rest[:at[1]], "d") {
				value = `(-?[0-9.,]+)`
			}
			expression += regexp.QuoteMeta(plain(rest[:at[0]])) + value
			rest = rest[at[1]:]
		}
		expression += regexp.QuoteMeta(plain(rest))
		all = append(all, pattern{plain(english[:first[0]]), regexp.MustCompile(`(?s)^` + expression + `$`), translated})
	}
	literal := func(p pattern) int { return len(strings.ReplaceAll(p.match.String(), `(.*?)`, "")) }
	slices.SortFunc(all, func(a, b pattern) int {
		if d := literal(b) - literal(a); d != 0 {
			return d
		}
		return strings.Compare(a.match.String(), b.match.String())
	})
	return all
})

// fewestLetters keeps formats such as "in %s" from matching any text.
const fewestLetters = 6

// letters counts the letters of a format outside of its verbs.
func letters(format string) int {
	n := 0
	for _, r := range verb.ReplaceAllString(format, "") {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// plain is the text of a format without verbs.
func plain(format string) string { return strings.ReplaceAll(format, "%%", "%") }

const (
	deepest     = 4       // formats within the values of formats
	longestSaid = 4 << 10 // bytes of a text that is translated
)

// translate translates a text as a whole, or else its sentences, their clauses, and what
// stands at either side of a colon; depth is how many formats the text lies in.
func translate(text string, depth int) string {
	if said, ok := say(text, depth); ok {
		return said
	}
	for _, between := range []string{". ", "; ", ": "} {
		parts := strings.Split(text, between)
		if len(parts) == 1 {
			continue
		}
		for i, part := range parts {
			if said, ok := say(part+".", depth); ok && between == ". " && i < len(parts)-1 {
				parts[i] = strings.TrimSuffix(said, ".")
			} else {
				parts[i] = translate(part, depth)
			}
		}
		return strings.Join(parts, between)
	}
	if bare, ok := strings.CutSuffix(text, "."); ok {
		if said, ok := say(bare, depth); ok {
			return said + "."
		}
	}
	return text
}

// moment matches the times in reasons of the schedule.
var moment = regexp.MustCompile(`^(\d\d:\d\d) on (\d{1,2}) (January|February|March|April|May|June|July|August|September|October|November|December)( \d{4})?$`)

// say translates a text by the catalogue; depth is how many formats it lies in.
func say(english string, depth int) (string, bool) {
	if text, ok := dutch()[english]; ok && !strings.Contains(english, "%") {
		return text, true
	}
	if at := moment.FindStringSubmatch(english); at != nil {
		month, _ := time.Parse("January", at[3])
		return at[1] + " op " + at[2] + " " + months[month.Month()-1] + at[4], true
	}
	if depth > deepest || len(english) > longestSaid {
		return "", false
	}
	all := patterns()
	for i := range all {
		p := &all[i]
		if !strings.HasPrefix(english, p.begins) {
			continue
		}
		values := p.match.FindStringSubmatch(english)
		if values == nil {
			continue
		}
		for j := range values {
			if j > 0 {
				values[j] = translate(values[j], depth+1)
			}
		}
		return fill(p.dutch, values[1:]), true
	}
	return "", false
}

// fill puts values into a format.
func fill(format string, values []string) string {
	next := 0
	text := verb.ReplaceAllStringFunc(format, func(v string) string {
		if index := verb.FindStringSubmatch(v)[1]; index != "" {
			next, _ = strconv.Atoi(index)
			next--
		}
		if next >= len(values) {
			return v
		}
		next++
		return values[next-1]
	})
	return plain(text)
}
