package csv

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// delimiters are the characters by which spreadsheets separate fields. They
// choose one by the file or by the country, whichever delimiter it has.
const delimiters = ",;\t|"

// signs are the characters with which formulas begin, with their full-width
// forms.
const signs = "=+-@＝＋－＠"

// writer writes the records of a CSV file. Errors of the underlying writer are
// sticky: end and flush return them.
type writer struct {
	out       *bufio.Writer
	delimiter []byte
	fields    int    // of the current record
	safe      []byte // memory for a field with apostrophes
}

// bom is the byte order mark in UTF-8.
const bom = "\ufeff"

// newWriter starts a file.
func newWriter(w io.Writer, f Format) (*writer, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	delimiter := f.Delimiter
	if delimiter == 0 {
		delimiter = ','
	}
	out := bufio.NewWriter(w)
	if f.BOM {
		out.WriteString(bom)
	}
	return &writer{out: out, delimiter: utf8.AppendRune(nil, delimiter)}, nil
}

// text writes a field of text that someone may have typed. U+0000, which
// spreadsheets and databases refuse, becomes U+FFFD.
func (w *writer) text(field []byte) {
	if isAny(field, &risky) {
		w.safe = appendHarmless(w.safe[:0], field)
		field = w.safe
	}
	w.plain(field)
}

// plain writes a field as it is.
func (w *writer) plain(field []byte) {
	if w.fields > 0 {
		w.out.Write(w.delimiter)
	}
	w.fields++
	if !w.quoted(field) {
		w.out.Write(field)
		return
	}
	w.out.WriteByte('"')
	for {
		before, after, found := bytes.Cut(field, []byte{'"'})
		w.out.Write(before)
		if !found {
			break
		}
		w.out.WriteString(`""`)
		field = after
	}
	w.out.WriteByte('"')
}

// quoted reports whether a field is written in quotes: also for delimiters that
// are not this file's, for leading white space, which some readers cut off, and
// for what ends a file in PostgreSQL.
func (w *writer) quoted(field []byte) bool {
	if len(field) == 0 {
		return false
	}
	first, _ := utf8.DecodeRune(field)
	return isAny(field, &quotedFor) || unicode.IsSpace(first) || string(field) == `\.` || bytes.Contains(field, w.delimiter)
}

// end ends a record.
func (w *writer) end() error {
	w.fields = 0
	return w.out.WriteByte('\n')
}

func (w *writer) flush() error { return w.out.Flush() }

// quotedFor are the characters because of which a field is quoted, and risky
// those because of which a text is changed, with the first bytes of those that
// have several.
var (
	quotedFor = setOf(delimiters + "\"\r\n")
	risky     = setOf(signs + "\t\r\n\x00")
)

func setOf(characters string) (set [256]bool) {
	for _, r := range characters {
		set[string(r)[0]] = true
	}
	return set
}

func isAny(field []byte, set *[256]bool) bool {
	for _, b := range field {
		if set[b] {
			return true
		}
	}
	return false
}

// appendHarmless appends a text in a form that spreadsheets treat as text
// (REPORT.md, "Summaries"): an apostrophe stands before a text that begins like a
// formula, and before each sign after a delimiter, where a spreadsheet with
// another delimiter would see the beginning of a field.
func appendHarmless(b, text []byte) []byte {
	if formula(text) {
		b = append(b, '\'')
	}
	delimited := false
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if delimited && strings.ContainsRune(signs, r) {
			b = append(b, '\'')
		}
		if r == 0 {
			b = utf8.AppendRune(b, utf8.RuneError)
		} else {
			b = append(b, text[:size]...)
		}
		delimited = strings.ContainsRune(delimiters, r)
		text = text[size:]
	}
	return b
}

// formula reports whether a spreadsheet may interpret a text as a formula: it
// begins with a tab, CR or LF, or with a sign, which white space and U+FEFF may
// precede.
func formula(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if strings.ContainsRune("\t\r\n", rune(text[0])) {
		return true
	}
	text = bytes.TrimLeftFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
	first, _ := utf8.DecodeRune(text)
	return strings.ContainsRune(signs, first)
}
