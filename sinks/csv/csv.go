// Package csv writes the CSV files of a report: its summaries, and its rows
// under the report's headings (REPORT.md, "Summaries").
//
// The files follow RFC 4180, in UTF-8, with a header and lines that end in LF.
// [Format] has options for spreadsheets. Text that a spreadsheet would interpret
// as a formula gets an apostrophe: names and custom fields are typed by
// customers, and a formula can send the rest of the sheet to another host.
// Numbers, times and durations get none.
package csv

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"daybook/transform/report"
	"daybook/transform/summary"
)

// Format has the options of CSV files.
type Format struct {
	Delimiter    rune // between fields; 0 means a comma
	BOM          bool // start the file with a UTF-8 byte order mark
	Durations    Durations
	DecimalComma bool  // write decimal hours and shares with a comma, as in the Netherlands
	Times        Times // of sessions.csv; summaries have no times
}

// Durations is how durations are written. All are rounded down to seconds. The
// zero value means Clock.
type Durations string

// The forms of durations.
const (
	Clock   Durations = "clock"   // H:MM:SS
	Seconds Durations = "seconds" // whole seconds
	Hours   Durations = "hours"   // decimal hours with 4 places
)

// Times is how times are written, in the report's zone. The zero value means
// Offset.
type Times string

// The forms of times.
const (
	Offset Times = "offset" // 2026-11-20T09:15:02+01:00
	Local  Times = "local"  // 2026-11-20 09:15:02
)

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

// WriteTable writes a summary. It fails if the delimiter is invalid or w fails.
func WriteTable(w io.Writer, f Format, t *summary.Table) error {
	out, err := newWriter(w, f)
	if err != nil {
		return fmt.Errorf("write %s.csv: %w", t.Name, err)
	}
	for _, heading := range t.Header {
		out.text([]byte(heading))
	}
	out.end()
	for _, row := range t.Rows {
		for i, cell := range row {
			switch t.Kinds[i] {
			case report.String:
				out.text([]byte(cell))
			case report.Duration:
				out.plain(f.duration(cell))
			case report.Decimal:
				if f.DecimalComma {
					cell = strings.Replace(cell, ".", ",", 1)
				}
				out.plain([]byte(cell))
			default:
				out.plain([]byte(cell))
			}
		}
		out.end()
	}
	if err := out.flush(); err != nil {
		return fmt.Errorf("write %s.csv: %w", t.Name, err)
	}
	return nil
}

// duration is a duration of a summary, H:MM:SS or nothing, in the form of f.
func (f Format) duration(cell string) []byte {
	ms, ok := report.ParseDuration(cell)
	if !ok {
		return []byte(cell)
	}
	return f.appendDuration(nil, ms)
}

// appendDuration appends a duration of ms milliseconds.
func (f Format) appendDuration(b []byte, ms int64) []byte {
	seconds := ms / 1000
	switch f.Durations {
	case Seconds:
		return fmt.Append(b, seconds)
	case Hours:
		// Rounded to the nearest ten-thousandth: 0.36 s.
		n := (seconds*10_000 + 1800) / 3600
		point := '.'
		if f.DecimalComma {
			point = ','
		}
		return fmt.Appendf(b, "%d%c%04d", n/10_000, point, n%10_000)
	}
	return report.AppendDuration(b, ms)
}

// Sessions writes sessions.csv: the rows of a report in its language and time
// zone.
type Sessions struct {
	definition *report.Definition
	format     Format
	out        *writer
	cell       []byte // memory for a cell
}

// NewSessions starts the file with its header.
func NewSessions(w io.Writer, f Format, d *report.Definition) (*Sessions, error) {
	out, err := newWriter(w, f)
	if err != nil {
		return nil, wrapSessions(err)
	}
	for _, h := range d.Headings() {
		out.text([]byte(h.Text))
	}
	return &Sessions{definition: d, format: f, out: out}, wrapSessions(out.end())
}

// Add writes a row. It keeps no reference to r.
func (s *Sessions) Add(r *report.Row) error {
	for i := range report.Columns {
		c := &report.Columns[i]
		s.cell = s.append(s.cell[:0], c, r)
		if c.Kind == report.String {
			s.out.text(s.cell)
		} else {
			s.out.plain(s.cell)
		}
	}
	return wrapSessions(s.out.end())
}

// append appends the cell of column c.
func (s *Sessions) append(b []byte, c *report.Column, r *report.Row) []byte {
	switch {
	case c.Kind == report.Duration:
		if ms := c.Number(r); ms != report.Unknown {
			b = s.format.appendDuration(b, ms)
		}
	case c.Kind == report.Timestamp && s.format.Times == Local:
		if ms := c.Number(r); ms != report.Unknown {
			b = time.UnixMilli(ms).In(s.definition.Zone).AppendFormat(b, "2006-01-02 15:04:05")
		}
	default:
		b = s.definition.AppendCell(b, c, r)
	}
	return b
}

// Flush writes the buffer. The file is complete when it returns nil.
func (s *Sessions) Flush() error { return wrapSessions(s.out.flush()) }

func wrapSessions(err error) error {
	if err != nil {
		return fmt.Errorf("write sessions.csv: %w", err)
	}
	return nil
}
