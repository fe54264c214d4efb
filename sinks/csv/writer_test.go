package csv

import (
	stdcsv "encoding/csv"
	"strings"
	"testing"
	"unicode"
)

// FuzzText: no part of a field is a formula, for any delimiter that a
// spreadsheet may choose, and a reader gets the text with only apostrophes added.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "=1", " \ufeff+1", "a;-1", "a\t@", "|＝", "\n=1", ",;\t|", `";=1"`, "a\xffb", "'=", "\x00=1", ";\x00="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var b strings.Builder
		w, err := newWriter(&b, Format{})
		if err != nil {
			t.Fatal(err)
		}
		w.text([]byte("first"))
		w.text([]byte(s))
		w.end()
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		line := b.String()
		for i, r := range line {
			if !strings.ContainsRune(delimiters, r) {
				continue
			}
			rest := strings.TrimPrefix(line[i+1:], `"`)
			if rest != "" && strings.ContainsAny(string([]rune(rest)[:1]), signs) {
				t.Errorf("%q has a formula after a delimiter: %q", s, line)
			}
		}
		if strings.Contains(line, "\x00") {
			t.Errorf("%q is written with U+0000: %q", s, line)
		}
		records, err := stdcsv.NewReader(strings.NewReader(line)).ReadAll()
		if err != nil || len(records) != 1 || len(records[0]) != 2 {
			t.Fatalf("%q is written as %q, which is read as %q (error: %v)", s, line, records, err)
		}
		cell := records[0][1]
		if start := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }); start != "" && strings.ContainsAny(string([]rune(start)[:1]), signs) ||
			cell != "" && strings.Contains("\t\r\n", cell[:1]) {
			t.Errorf("%q is a formula: %q", s, cell)
		}
		want := strings.ReplaceAll(strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd"), "\r\n", "\n")
		if without := strings.ReplaceAll(strings.ToValidUTF8(cell, "\ufffd"), "'", ""); without != strings.ReplaceAll(want, "'", "") {
			t.Errorf("%q is read as %q", s, cell)
		}
	})
}
