package config

import (
	"fmt"
	"regexp"
	"strings"
)

// dayParts are the placeholders of a key template.
const dayParts = "{yyyy}, {mm} and {dd}"

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// CheckKey says what is wrong with a key template: what the keys of a day's
// dumps begin with. Each of {yyyy}, {mm} and {dd} occurs once and stands for
// the dump day; everything else is literal.
func CheckKey(template string) error {
	literal := template
	for _, part := range []string{"{yyyy}", "{mm}", "{dd}"} {
		if n := strings.Count(template, part); n != 1 {
			return fmt.Errorf("%q has %s %d times; it needs each of %s once, as in {yyyy}/{mm}/{dd}/", template, part, n, dayParts)
		}
		literal = strings.ReplaceAll(literal, part, "0")
	}
	if unknown := placeholder.FindString(literal); unknown != "" {
		return fmt.Errorf("%q has the unknown placeholder %s; use %s", template, unknown, dayParts)
	}
	if strings.ContainsAny(literal, "{}") {
		return fmt.Errorf("%q has a brace outside %s; remove it", template, dayParts)
	}
	return checkSegments(template, strings.TrimSuffix(literal, "/"))
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
