package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// AutoNames is the default of source.names. Package dump says which names it
// takes.
const AutoNames = "auto"

// maxPatterns bounds what the braces of a glob stand for.
const maxPatterns = 1000

// Patterns are the patterns of [path.Match] that a glob stands for: {a,b} is a
// choice, and case does not matter. It has no braces within braces.
func Patterns(glob string) ([]string, error) {
	if strings.Contains(glob, "/") {
		return nil, fmt.Errorf("%q has a slash; it is about the last part of a key, and source.key is about the rest", glob)
	}
	patterns := []string{""}
	rest := strings.ToLower(glob)
	for rest != "" {
		choices := []string{rest}
		open := strings.IndexByte(rest, '{')
		switch {
		case open == 0:
			inside, after, closed := strings.Cut(rest[1:], "}")
			if !closed || strings.Contains(inside, "{") {
				return nil, fmt.Errorf("%q has a brace without its partner, or braces within braces; write a choice as {gz,zst}", glob)
			}
			choices, rest = strings.Split(inside, ","), after
		case open > 0:
			choices, rest = []string{rest[:open]}, rest[open:]
		default:
			rest = ""
		}
		if len(patterns)*len(choices) > maxPatterns {
			return nil, fmt.Errorf("%q stands for more than %d patterns; write fewer choices", glob, maxPatterns)
		}
		var longer []string
		for _, pattern := range patterns {
			for _, choice := range choices {
				longer = append(longer, pattern+choice)
			}
		}
		patterns = longer
	}
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, "x"); err != nil || pattern == "" {
			return nil, fmt.Errorf("%q is no glob; write one such as *.log or *.{json,log}{,.gz}", glob)
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns), nil
}
