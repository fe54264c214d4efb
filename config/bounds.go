package config

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// Bounds of a configuration file. The parser's time and memory grow with the
// square of the depth and of the number of members, and aliases repeat their
// values, so a small file could take any amount of both.
const (
	maxSize   = 256 << 10 // bytes; a larger file is another file, named by mistake
	maxTokens = 20_000    // about 10,000 items of lists
	maxDepth  = 32        // the deepest setting has a depth of 5
	maxValues = 50_000    // with the values that aliases repeat
)

// checkTokens reports a file with too many tokens, or too deeply nested ones,
// before the parser sees it. It returns whether the parser may.
func (d *decoder) checkTokens(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		d.report(tokens[maxTokens].Position, "", fmt.Sprintf("the file has more than %d names, values and signs; is it another file?", maxTokens))
		return false
	}
	flow := 0                    // open brackets and braces
	var openers []token.Position // signs in a row, each of which holds what follows it
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType, token.TagType, token.AnchorType:
			last := len(openers) - 1
			if last >= 0 && t.Position.Line > openers[last].Line && t.Position.Column <= openers[last].Column {
				openers = openers[:0] // the next item of the same list
			}
			openers = append(openers, *t.Position)
		case token.CommentType:
		default:
			openers = openers[:0]
		}
		if flow+len(openers) > maxDepth {
			d.report(t.Position, "", fmt.Sprintf("the file is nested deeper than %d levels; is it another file?", maxDepth))
			return false
		}
	}
	return true
}

// countValue reports the first value beyond maxValues. It returns whether the
// value at path may be read.
func (d *decoder) countValue(path string) bool {
	d.values++
	if d.values == maxValues+1 {
		d.report(d.place(path), "", fmt.Sprintf("the file has more than %d values, with those that aliases repeat", maxValues))
	}
	return d.values <= maxValues
}
