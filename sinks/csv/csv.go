// Package csv writes the CSV files of a report: its summaries, and its rows
// under the report's headings (REPORT.md, "Summaries").
//
// They are RFC 4180 with a header and lines that end in LF, in UTF-8. What
// spreadsheets need on top is in [Format]. Text that a spreadsheet would take
// for a formula is written with a leading apostrophe: names and custom fields
// are what customers typed, and a formula can send the rest of the sheet
// elsewhere. Numbers, times and durations are left as they are.
package csv

import (
	"encoding/csv"
	"fmt"
	"io"
	"unicode/utf8"

	"daybook/transform/report"
	"daybook/transform/summary"
)

// Format says how files are written.
type Format struct {
	Delimiter rune // between cells; 0 is a comma
	BOM       bool // begin with a UTF-8 byte order mark
}

// Validate says what is wrong with a delimiter.
func (f Format) Validate() error {
	switch d := f.Delimiter; {
	case d == 0:
		return nil
	case d == '"' || d == '\r' || d == '\n' || d == '\ufeff' || d == utf8.RuneError || !utf8.ValidRune(d):
		return fmt.Errorf("%q cannot delimit CSV; use a comma, a semicolon or a tab", d)
	}
	return nil
}

// bom is the byte order mark in UTF-8.
const bom = "\ufeff"

// newWriter begins a file.
func (f Format) newWriter(w io.Writer) (*csv.Writer, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	if f.BOM {
		if _, err := io.WriteString(w, bom); err != nil {
			return nil, err
		}
	}
	c := csv.NewWriter(w)
	if f.Delimiter != 0 {
		c.Comma = f.Delimiter
	}
	return c, nil
}

// WriteTable writes a summary. Its error is the one of w, or of a delimiter
// that is none.
func WriteTable(w io.Writer, f Format, t *summary.Table) error {
	c, err := f.newWriter(w)
	if err != nil {
		return fmt.Errorf("write %s: %w", t.File, err)
	}
	record := make([]string, len(t.Header))
	for i, heading := range t.Header {
		record[i] = harmless(heading)
	}
	c.Write(record) // errors stay: Flush tells them
	for _, row := range t.Rows {
		copy(record, row)
		for i, text := range t.Text {
			if text {
				record[i] = harmless(record[i])
			}
		}
		c.Write(record)
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write %s: %w", t.File, err)
	}
	return nil
}

// Sessions writes sessions.csv: the rows of a report themselves, in its
// language and time zone.
type Sessions struct {
	definition *report.Definition
	csv        *csv.Writer
	line       []byte // of the row, its cells one after the other
	ends       []int  // of each cell in line
	record     []string
}

// NewSessions begins the file with its header.
func NewSessions(w io.Writer, f Format, d *report.Definition) (*Sessions, error) {
	c, err := f.newWriter(w)
	if err != nil {
		return nil, fmt.Errorf("write sessions.csv: %w", err)
	}
	s := &Sessions{definition: d, csv: c}
	for _, h := range d.Headings() {
		s.record = append(s.record, harmless(h.Text))
	}
	if err := s.write(); err != nil {
		return nil, err
	}
	return s, nil
}

// Add writes a row, after those before it. It keeps nothing of it.
func (s *Sessions) Add(r *report.Row) error {
	s.line, s.ends = s.line[:0], s.ends[:0]
	for i := range report.Columns {
		c := &report.Columns[i]
		start := len(s.line)
		s.line = s.definition.AppendCell(s.line, c, r)
		if c.Kind == report.String && formula(s.line[start:]) {
			s.line = append(s.line, 0)
			copy(s.line[start+1:], s.line[start:])
			s.line[start] = '\''
		}
		s.ends = append(s.ends, len(s.line))
	}
	all, start := string(s.line), 0 // one string for the row, and its cells parts of it
	for i, end := range s.ends {
		s.record[i] = all[start:end]
		start = end
	}
	return s.write()
}

// Flush writes what is buffered. The file is complete when it returns nil.
func (s *Sessions) Flush() error {
	s.csv.Flush()
	return wrapSessions(s.csv.Error())
}

func (s *Sessions) write() error { return wrapSessions(s.csv.Write(s.record)) }

func wrapSessions(err error) error {
	if err != nil {
		return fmt.Errorf("write sessions.csv: %w", err)
	}
	return nil
}

// harmless returns s as text that no spreadsheet takes for a formula.
func harmless(s string) string {
	if formula(s) {
		return "'" + s
	}
	return s
}

// formula says whether a spreadsheet would take a cell for a formula
// (REPORT.md, "Summaries").
func formula[T string | []byte](s T) bool {
	if len(s) == 0 {
		return false
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r':
		return true
	}
	return false
}
