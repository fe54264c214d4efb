package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"daybook/pipeline/words"
)

// writeTable aligns the tab-separated cells of lines in columns.
func writeTable(out io.Writer, lines func(w io.Writer)) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	lines(w)
	w.Flush() // into a buffer
	return writeTrimmed(out, b.String())
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
