// Package xlsx writes the workbooks of a report: its summaries, a sheet each, and
// its rows under the report's headings.
//
// Numbers are numbers, durations are fractions of a day that are shown as
// [h]:mm:ss, times are on the clock of the report's zone, and the headings stay in
// view. A workbook has the values of the CSV files, in the same order. The same
// values give the same bytes.
package xlsx

import (
	"archive/zip"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/summary"
)

// maxRows is how many rows a sheet holds, the headings included: the limit of
// spreadsheets.
const maxRows = 1 << 20

// maxExact is the first integer that a spreadsheet rounds: it shows 15 digits. Ids
// from here on are text.
const maxExact = 1_000_000_000_000_000

// File is where a workbook is assembled before its parts are put in order, and
// what it is read back from.
type File interface {
	io.Writer
	io.ReaderAt
	Size() int64
}

// WriteTables writes a workbook with a sheet for each summary. scratch is empty,
// and the caller closes it.
func WriteTables(w io.Writer, scratch File, tables []summary.Table) error {
	b, err := newBook()
	if err != nil {
		return wrap("summaries", err)
	}
	defer b.file.Close() // removes its temporary files
	for i := range tables {
		if err := b.table(&tables[i]); err != nil {
			return wrap(tables[i].Name, err)
		}
	}
	return wrap("summaries", b.save(w, scratch))
}

func (b *book) table(t *summary.Table) error {
	if err := b.sheet(t.Name, t.Header); err != nil {
		return err
	}
	cells := make([]any, len(t.Header))
	for _, row := range t.Rows {
		for i, text := range row {
			var err error
			if cells[i], err = b.parsed(t.Kinds[i], text); err != nil {
				return err
			}
		}
		if err := b.row(cells); err != nil {
			return err
		}
	}
	return b.out.Flush()
}

// parsed is the cell of a summary's value. Its text is what the CSV file holds.
func (b *book) parsed(kind report.Kind, text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	switch kind {
	case report.Integer:
		n, err := strconv.ParseInt(text, 10, 64)
		return integer(n), err
	case report.Decimal:
		return strconv.ParseFloat(text, 64)
	case report.Share:
		share, err := strconv.ParseFloat(text, 64)
		return excelize.Cell{StyleID: b.shares, Value: share}, err
	case report.Duration:
		ms, ok := report.ParseDuration(text)
		if !ok {
			return nil, fmt.Errorf("%q is no duration", text)
		}
		return b.duration(ms), nil
	case report.Date:
		date, err := day.Parse(text)
		return b.date(date), err
	}
	return text, nil
}

// Sessions writes sessions.xlsx: the rows of a report in its language and time
// zone.
type Sessions struct {
	definition *report.Definition
	book       *book
	cells      []any
	text       []byte // memory for a cell
	sheets     int
}

// NewSessions starts the workbook with its headings. The caller calls Close.
func NewSessions(d *report.Definition) (*Sessions, error) {
	b, err := newBook()
	if err != nil {
		return nil, wrap("sessions", err)
	}
	s := &Sessions{definition: d, book: b, cells: make([]any, len(report.Columns))}
	return s, wrap("sessions", s.sheet())
}

// sheet starts a sheet: sessions, sessions 2, …
func (s *Sessions) sheet() error {
	s.sheets++
	name := "sessions"
	if s.sheets > 1 {
		name += " " + strconv.Itoa(s.sheets)
	}
	headings := s.definition.Headings()
	texts := make([]string, len(headings))
	for i, h := range headings {
		texts[i] = h.Text
	}
	return s.book.sheet(name, texts)
}

// Add writes a row. It keeps no reference to r.
func (s *Sessions) Add(r *report.Row) error {
	if s.book.rows == maxRows {
		if err := s.book.out.Flush(); err != nil {
			return wrap("sessions", err)
		}
		if err := s.sheet(); err != nil {
			return wrap("sessions", err)
		}
	}
	for i := range report.Columns {
		s.cells[i] = s.cell(&report.Columns[i], r)
	}
	return wrap("sessions", s.book.row(s.cells))
}

func (s *Sessions) cell(c *report.Column, r *report.Row) any {
	switch c.Kind {
	case report.Timestamp, report.Duration, report.Integer:
		n := c.Number(r)
		switch {
		case n == report.Unknown:
			return nil
		case c.Kind == report.Timestamp:
			return s.book.time(n, s.definition.Zone)
		case c.Kind == report.Duration:
			return s.book.duration(n)
		}
		return integer(n)
	case report.Boolean:
		return c.Flag(r)
	case report.Date:
		return s.book.date(c.Day(r))
	}
	s.text = s.definition.AppendCell(s.text[:0], c, r)
	if len(s.text) == 0 {
		return nil
	}
	return string(s.text)
}

// Save writes the workbook. scratch is empty, and the caller closes it.
func (s *Sessions) Save(w io.Writer, scratch File) error {
	if err := s.book.out.Flush(); err != nil {
		return wrap("sessions", err)
	}
	return wrap("sessions", s.book.save(w, scratch))
}

// Close removes the temporary files.
func (s *Sessions) Close() error { return s.book.file.Close() }

// book is a workbook in the making.
type book struct {
	file   *excelize.File
	out    *excelize.StreamWriter // of the last sheet
	rows   int                    // of the last sheet
	sheets int

	heading, durations, times, dates, shares int // styles
}

func newBook() (*book, error) {
	b := &book{file: excelize.NewFile()}
	for _, style := range []struct {
		id *int
		of excelize.Style
	}{
		{&b.heading, excelize.Style{Font: &excelize.Font{Bold: true}}},
		{&b.durations, format("[h]:mm:ss")},
		{&b.times, format("yyyy-mm-dd hh:mm:ss")},
		{&b.dates, format("yyyy-mm-dd")},
		{&b.shares, format("0.0%")},
	} {
		var err error
		if *style.id, err = b.file.NewStyle(&style.of); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func format(number string) excelize.Style { return excelize.Style{CustomNumFmt: &number} }

// sheet starts a sheet with its headings, which stay in view.
func (b *book) sheet(name string, headings []string) error {
	if b.sheets++; b.sheets == 1 {
		if err := b.file.SetSheetName(b.file.GetSheetName(0), name); err != nil {
			return err
		}
	} else if _, err := b.file.NewSheet(name); err != nil {
		return err
	}
	var err error
	if b.out, err = b.file.NewStreamWriter(name); err != nil {
		return err
	}
	if err := b.out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	const width = 20 // characters: a time, and most headings
	if err := b.out.SetColWidth(1, len(headings), width); err != nil {
		return err
	}
	cells := make([]any, len(headings))
	for i, h := range headings {
		cells[i] = excelize.Cell{StyleID: b.heading, Value: h}
	}
	b.rows = 0
	return b.row(cells)
}

func (b *book) row(cells []any) error {
	b.rows++
	return b.out.SetRow("A"+strconv.Itoa(b.rows), cells)
}

const msPerDay = 24 * 60 * 60 * 1000

// duration is a cell in days, rounded down to seconds as in CSV files.
func (b *book) duration(ms int64) any {
	return excelize.Cell{StyleID: b.durations, Value: float64(ms/1000*1000) / msPerDay}
}

// unixEpoch is 1970-01-01 as spreadsheets count days: from 1899-12-30.
const unixEpoch = 25569

// time is a cell with a time on the clock of a zone, in whole seconds.
func (b *book) time(ms int64, zone *time.Location) any {
	at := time.UnixMilli(ms).In(zone)
	_, offset := at.Zone()
	return excelize.Cell{StyleID: b.times, Value: unixEpoch + float64((at.Unix()+int64(offset))*1000)/msPerDay}
}

func (b *book) date(d day.Day) any {
	return excelize.Cell{StyleID: b.dates, Value: unixEpoch + int64(d)}
}

// integer is a number, or text if a spreadsheet would round it.
func integer(n int64) any {
	if n >= maxExact || n <= -maxExact {
		return strconv.FormatInt(n, 10)
	}
	return n
}

// save writes the workbook with its parts in the order of their names. The library
// writes them in another order each time.
func (b *book) save(w io.Writer, scratch File) error {
	if err := b.file.Write(scratch); err != nil {
		return err
	}
	unordered, err := zip.NewReader(scratch, scratch.Size())
	if err != nil {
		return err
	}
	slices.SortFunc(unordered.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	ordered := zip.NewWriter(w)
	for _, part := range unordered.File {
		if err := ordered.Copy(part); err != nil {
			return err
		}
	}
	return ordered.Close()
}

func wrap(workbook string, err error) error {
	if err != nil {
		return fmt.Errorf("write %s.xlsx: %w", workbook, err)
	}
	return nil
}
