package words

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// say translates a text by the catalogue; depth is how many formats it lies in.
func say(english string, depth int) (string, bool) {
	if text, ok := dutch()[english]; ok && !strings.Contains(english, "%") {
		return text, true
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
			if text, ok := say(values[j], depth+1); j > 0 && ok {
				values[j] = text
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
