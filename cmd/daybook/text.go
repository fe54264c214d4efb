package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"daybook/pipeline/words"
)

// writeTable aligns the tab-separated cells of lines in columns. On a terminal the
// last cell of a line that is too long goes on below itself.
func writeTable(out io.Writer, lines func(w io.Writer)) error {
	var cells, b bytes.Buffer
	lines(&cells)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for line := range strings.Lines(cells.String()) {
		if i := strings.LastIndexByte(strings.TrimRight(line, "\t\n"), '\t'); i >= 0 {
			line = line[:i+1] + lastCell + line[i+1:]
		}
		io.WriteString(w, line) // into a buffer
	}
	w.Flush()
	width := math.MaxInt
	if isTerminal(out) {
		width = columns(out)
	}
	return writeTrimmed(out, fitLines(b.String(), width))
}

// lastCell marks where the last cell of a line begins.
const lastCell = "\x00"

// fitLines takes the marks out of lines. It breaks the last cell of lines that are
// longer than the width between its words. Where the cell has little room, or a word that
// is too long for it, such as an address, the cell goes below its line as a whole.
func fitLines(text string, width int) string {
	const leastRoom, indent = 20, "    "
	var b strings.Builder
	for line := range strings.Lines(text) {
		before, last, marked := strings.Cut(strings.TrimRight(line, " \n"), lastCell)
		begin := utf8.RuneCountInString(before)
		room := width - begin
		switch cell := wrap(last, room); {
		case !marked || utf8.RuneCountInString(last) <= room:
			b.WriteString(before + last)
		case room >= leastRoom && longest(cell) <= room:
			b.WriteString(before + strings.Join(cell, "\n"+strings.Repeat(" ", begin)))
		default:
			below := wrap(last, width-len(indent))
			b.WriteString(strings.TrimRight(before, " ") + "\n" + indent + strings.Join(below, "\n"+indent))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// longest is the width of the longest line.
func longest(lines []string) int {
	n := 0
	for _, line := range lines {
		n = max(n, utf8.RuneCountInString(line))
	}
	return n
}

// wrap breaks a text between words into lines of a width. A longer word has a line of
// its own.
func wrap(text string, width int) []string {
	lines := []string{""}
	used := 0
	for i, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch last := len(lines) - 1; {
		case i == 0:
			lines[0], used = word, length
		case used+1+length <= width:
			lines[last] += " " + word
			used += 1 + length
		default:
			lines = append(lines, word)
			used = length
		}
	}
	return lines
}

// writeTrimmed writes lines without trailing spaces, with which columns pad
// their last cells.
func writeTrimmed(out io.Writer, text string) error {
	for line := range strings.Lines(text) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// countsText lists counts by name: bad_json 2, too_late 1.
func countsText(counts map[string]int64) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		texts = append(texts, fmt.Sprintf("%s %s", name, words.Thousands(counts[name])))
	}
	return strings.Join(texts, ", ")
}
