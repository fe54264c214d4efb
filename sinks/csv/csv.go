// Package csv writes the CSV files of a report: its summaries, and its rows
// under the report's headings (REPORT.md, "Summaries").
//
// The files follow RFC 4180, in UTF-8, with a header and lines that end in LF.
// [Format] has options for spreadsheets. Text that a spreadsheet would
// interpret as a formula gets a leading apostrophe: names and custom fields are
// typed by customers, and a formula can send the rest of the sheet to another
// host. Numbers, times and durations are never changed.
package csv

import (
	"encoding/csv"
	"fmt"
	"io"
	"unicode/utf8"

	"daybook/transform/report"
	"daybook/transform/summary"
)

// Format has the options of CSV files.
type Format struct {
	Delimiter rune // between fields; 0 means a comma
	BOM       bool // start the file with a UTF-8 byte order mark
}

// Validate checks the delimiter.
func (f Format) Validate() error {
	switch d := f.Delimiter; {
	case d == 0:
		return nil
	case d == '"' || d == '\r' || d == '\n' || d == '\ufeff' || d == utf8.RuneError || !utf8.ValidRune(d):
		return fmt.Errorf("%q cannot be the delimiter of a CSV file; use a comma, a semicolon or a tab", d)
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

// WriteTable writes a summary. It fails if the delimiter is invalid or w fails.
func WriteTable(w io.Writer, f Format, t *summary.Table) error {
	c, err := f.newWriter(w)
	if err != nil {
		return fmt.Errorf("write %s: %w", t.File, err)
	}
	record := make([]string, len(t.Header))
	for i, heading := range t.Header {
		record[i] = harmless(heading)
	}
	c.Write(record) // errors are sticky: c.Error returns them
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

// Sessions writes sessions.csv: the rows of a report in its language and time
// zone.
type Sessions struct {
	definition *report.Definition
	csv        *csv.Writer
	line       []byte // the fields of a row, joined
	ends       []int  // end of each field in line
	record     []string
}

// NewSessions starts the file with its header.
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

// Add writes a row. It keeps no reference to r.
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
	all, start := string(s.line), 0 // one string for all fields of the row
	for i, end := range s.ends {
		s.record[i] = all[start:end]
		start = end
	}
	return s.write()
}

// Flush writes the buffer. The file is complete when it returns nil.
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

// harmless returns s in a form that spreadsheets treat as text.
func harmless(s string) string {
	if formula(s) {
		return "'" + s
	}
	return s
}

// formula reports whether a spreadsheet would interpret s as a formula
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
