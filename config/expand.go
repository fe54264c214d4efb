package config

import (
	"fmt"
	"regexp"
	"strings"
)

// variable matches the parts of a value that are replaced: $$, ${VAR} and
// ${VAR:-default}.
var variable = regexp.MustCompile(`\$\$|\$\{([^}]*)\}?`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${VAR} by the value in env, ${VAR:-default} by the default if
// that value is empty or not set, and $$ by a dollar sign. Any other dollar sign
// stays. Expanded text is not expanded again.
func expand(text string, env func(string) (string, bool)) (expanded string, problems []string) {
	expanded = variable.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return "$"
		}
		inner, closed := strings.CutSuffix(match[len("${"):], "}")
		name, fallback, hasFallback := strings.Cut(inner, ":-")
		switch {
		case !closed:
			problems = append(problems, "${ has no closing }; write $${ for a dollar sign and a brace")
			return ""
		case !variableName.MatchString(name):
			problems = append(problems, "${…} is not a variable; write ${VAR} or ${VAR:-default}, or $$ for a dollar sign")
			return ""
		case strings.Contains(fallback, "${"):
			problems = append(problems, fmt.Sprintf("the default of ${%s} contains a variable; a default is literal", name))
			return ""
		}
		value, isSet := env(name)
		switch {
		case hasFallback && value == "":
			return fallback
		case !isSet:
			problems = append(problems, fmt.Sprintf("the environment variable %s is not set; set it, or write a default: ${%s:-default}", name, name))
		}
		return value
	})
	return expanded, problems
}
