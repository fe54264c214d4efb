package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Error holds all problems of a configuration file.
type Error struct {
	Name     string    // the file
	Problems []Problem // at least one, by position

	source []string // the file's lines, without the values of secrets
}

// Problem is one problem and its place.
type Problem struct {
	Line, Column int    // from 1; the column counts characters
	Path         string // such as reports[0].timezone; empty: the whole file
	Message      string

	shown int // number of the line's characters that an excerpt may show; 0: all
}

// maxShown is the number of problems in an error's text.
const maxShown = 50

// Error gives each problem on its own line, above an excerpt of the file.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i == maxShown {
			fmt.Fprintf(&b, "\n… and %d more problems", len(e.Problems)-i)
			break
		}
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s:%d:%d: ", e.Name, p.Line, p.Column)
		if p.Path != "" {
			fmt.Fprintf(&b, "%s: ", p.Path)
		}
		b.WriteString(p.Message)
		if p.Line <= len(e.source) {
			b.WriteString(excerpt(e.source[p.Line-1], p))
		}
	}
	return b.String()
}

// newError sorts the problems, removes repeated ones, and prepares the excerpts.
func newError(name string, data []byte, problems []Problem) *Error {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	// An alias repeats the problems of its anchor.
	problems = slices.CompactFunc(problems, func(a, b Problem) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
	return &Error{Name: name, Problems: problems, source: hideSecrets(sourceLines(data))}
}

func sourceLines(data []byte) []string {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	return strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
}

// excerptWidth is the number of characters that an excerpt shows at most.
const excerptWidth = 120

func excerpt(line string, p Problem) string {
	if strings.TrimSpace(line) == "" {
		return ""
	}
	width, ellipsis := excerptWidth, ""
	if p.shown > 0 {
		width = min(width, p.shown)
	}
	var runes []rune
	for _, r := range line { // reads no more of a long line than it shows
		if len(runes) == width {
			ellipsis = "…"
			break
		}
		runes = append(runes, r)
	}
	gutter := fmt.Sprintf("%5d | ", p.Line)
	text := "\n" + gutter + string(runes) + ellipsis
	// Tabs stay tabs, so that the caret stands below its character. That of a character
	// which is cut off or hidden stands below the end.
	indent := []rune(strings.Repeat(" ", max(0, min(p.Column-1, len(runes)))))
	for i := range indent {
		if runes[i] == '\t' {
			indent[i] = '\t'
		}
	}
	return text + "\n" + strings.Repeat(" ", len(gutter)-2) + "| " + string(indent) + "^"
}

var (
	memberName = regexp.MustCompile(`([A-Za-z][A-Za-z0-9_-]*)["']?[ \t]*(?::|$)`)
	memberLine = regexp.MustCompile(`^[ \t]*(?:- +)?["']?[A-Za-z_]+["']?[ \t]*:(?:[ \t]|$)`)
	userinfo   = regexp.MustCompile(`[^\s"']+@`)
	urlPath    = regexp.MustCompile(`(https?://[^\s"'/?#]*[/?#])[^\s"']+`) // may be a webhook's, under any name
)

// hideSecrets replaces the text that an excerpt must not show. It works on text,
// because some excerpts are of files that do not parse, and hides too much
// rather than too little: the rest of a line after the name of a secret, even a
// misspelt one, and the following lines up to the next member at the same depth
// or less.
func hideSecrets(lines []string) []string {
	hidden := make([]string, len(lines))
	secretIndent := -1 // indent of the member whose value is hidden; -1: none
	hooksIndent := -1  // indent of the webhooks or deliveries, whose URLs are secrets; -1: none
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " \t-"))
		if secretIndent >= 0 && (indent > secretIndent || !memberLine.MatchString(line)) {
			if strings.TrimSpace(line) != "" {
				line = line[:len(line)-len(strings.TrimLeft(line, " \t"))] + redacted
			}
			hidden[i] = line
			continue
		}
		secretIndent = -1
		if indent <= hooksIndent && memberLine.MatchString(line) {
			hooksIndent = -1
		}
		for _, at := range memberName.FindAllStringSubmatchIndex(line, -1) {
			name, end := line[at[2]:at[3]], at[3]
			if looksLikeHooks(name) {
				hooksIndent = indent
			}
			if looksSecret(name) || hooksIndent >= 0 && looksLikeURL(name) {
				secretIndent = indent
				line = hideRest(line, end)
				break
			}
		}
		line = urlPath.ReplaceAllString(line, "${1}"+redacted)
		hidden[i] = userinfo.ReplaceAllString(line, redacted+"@")
	}
	return hidden
}

// hideRest hides the rest of a line after a member's name that ends at end.
func hideRest(line string, end int) string {
	rest := line[end:]
	separator := len(rest) - len(strings.TrimLeft(rest, "\"': \t"))
	if separator == len(rest) {
		return line
	}
	return line[:end] + strings.TrimRight(rest[:separator], "\"'") + redacted
}

// looksSecret says whether a name is that of a secret or resembles one.
func looksSecret(name string) bool {
	folded := strings.ToLower(name)
	if folded == "key" || strings.HasSuffix(folded, "_file") {
		return false
	}
	for _, part := range []string{"secret", "token", "passw", "credential", "key", "acces"} {
		if strings.Contains(folded, part) {
			return true
		}
	}
	return false
}

// looksLikeHooks says whether the URLs below a name are secrets: those of webhooks and
// of deliveries.
func looksLikeHooks(name string) bool {
	folded := strings.ToLower(name)
	return strings.Contains(folded, "hook") || strings.Contains(folded, "deliver")
}

func looksLikeURL(name string) bool {
	folded := strings.ToLower(name)
	return strings.Contains(folded, "url") && !strings.HasSuffix(folded, "_file")
}

// suggestion is a "did you mean" for an unknown name, or empty if no candidate
// is similar.
func suggestion(name string, candidates []string, quote string) string {
	folded := strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	best, fewest := "", maxTypos(folded)+1
	for _, c := range candidates {
		if d := distance(folded, strings.ToLower(c)); d < fewest {
			best, fewest = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + quote + best + quote + "?"
}

// maxTypos is the distance up to which two names are similar.
func maxTypos(name string) int { return min(1+len(name)/4, 4) }

// distance is the number of edits that turn a into b: a character inserted,
// deleted, replaced, or swapped with its neighbour.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if max(len(x), len(y)) > 2*excerptWidth {
		return len(x) + len(y) // no name is that long, and the time is quadratic
	}
	before, previous, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		previous[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(previous[j]+cost, previous[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, previous, row = previous, row, before
	}
	return previous[len(y)]
}
