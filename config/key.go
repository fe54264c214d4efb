package config

import (
	"fmt"
	"regexp"
	"strings"
)

// dayParts are the placeholders that a key template needs.
const dayParts = "{yyyy}, {mm} and {dd}"

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// CheckKey says what is wrong with a key template: what the keys of a day's
// dumps begin with. {yyyy}, {mm} or {m}, and {dd} or {d} occur once and stand
// for the dump day. {hh} stands for an hour, and * for any text without a slash;
// everything else is literal.
func CheckKey(template string) error {
	literal := template
	for _, part := range [][]string{{"{yyyy}"}, {"{mm}", "{m}"}, {"{dd}", "{d}"}} {
		n := 0
		for _, name := range part {
			n += strings.Count(template, name)
			literal = strings.ReplaceAll(literal, name, "0")
		}
		if n != 1 {
			return fmt.Errorf("%q has %s %d times; it needs each of %s once, as in {yyyy}/{mm}/{dd}/", template, strings.Join(part, " or "), n, dayParts)
		}
	}
	if strings.Count(template, "{hh}") > 1 {
		return fmt.Errorf("%q has {hh} twice; remove one", template)
	}
	literal = strings.ReplaceAll(strings.ReplaceAll(literal, "{hh}", "0"), "*", "0")
	if unknown := placeholder.FindString(literal); unknown != "" {
		return fmt.Errorf("%q has the unknown placeholder %s; use %s, {m} and {d} for numbers that are not padded, {hh} for an hour, and * for any text without a slash", template, unknown, dayParts)
	}
	if strings.ContainsAny(literal, "{}") {
		return fmt.Errorf("%q has a brace outside %s; remove it", template, dayParts)
	}
	for segment := range strings.SplitSeq(template, "/") {
		if strings.Count(segment, "*") > 1 {
			return fmt.Errorf("%q has more than one * between two slashes; write one, for all of the text", template)
		}
	}
	for _, part := range []string{"{m}", "{d}"} {
		if _, after, found := strings.Cut(template, part); found && !endsNumber(after) {
			return fmt.Errorf("%q needs a sign that is no digit after %s: its number has one digit or two", template, part)
		}
	}
	return checkSegments(template, strings.TrimSuffix(literal, "/"))
}

// endsNumber reports whether what follows a number in a template shows where the
// number ends.
func endsNumber(after string) bool {
	return after != "" && after[0] != '{' && after[0] != '*' && (after[0] < '0' || after[0] > '9')
}

// checkSegments refuses keys that a directory cannot hold, or that lead out of
// it. The error shows the key as shown.
func checkSegments(shown, key string) error {
	for segment := range strings.SplitSeq(key, "/") {
		switch segment {
		case "":
			return fmt.Errorf("%q has an empty segment; a key has no slash at its start and no two in a row", shown)
		case ".", "..":
			return fmt.Errorf("%q has the relative segment %q; remove it", shown, segment)
		}
	}
	return nil
}
