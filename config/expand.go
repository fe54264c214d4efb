package config

import (
	"fmt"
	"regexp"
	"strings"
)

// variable matches what stands for something else in a value: a dollar sign
// written twice, or a variable, perhaps with a default.
var variable = regexp.MustCompile(`\$\$|\$\{([^}]*)\}?`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${VAR} by what env says and ${VAR:-default} by that or, if
// it is not set or empty, the default, and $$ by a dollar sign. A dollar sign
// before anything else is one. What a variable holds is not expanded again.
func expand(text string, env func(string) (string, bool)) (expanded string, problems []string) {
	expanded = variable.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return "$"
		}
		inner, closed := strings.CutSuffix(match[len("${"):], "}")
		name, fallback, hasFallback := strings.Cut(inner, ":-")
		switch {
		case !closed:
			problems = append(problems, "${ without a closing }; write $${ if a dollar sign and a brace are meant")
			return ""
		case !variableName.MatchString(name):
			problems = append(problems, "${…} is not a variable; allowed are ${VAR} and ${VAR:-default} (write $$ for a dollar sign)")
			return ""
		case strings.Contains(fallback, "${"):
			problems = append(problems, fmt.Sprintf("the default of ${%s} has a variable in it; a default is taken literally", name))
			return ""
		}
		value, isSet := env(name)
		switch {
		case hasFallback && value == "":
			return fallback
		case !isSet:
			problems = append(problems, fmt.Sprintf("the environment variable %s is not set; set it, or give a default: ${%s:-default}", name, name))
		}
		return value
	})
	return expanded, problems
}
