// Package export decodes the product's own exports of the report: the text and the
// CSV files of its reporting interface. A row becomes an event of the type
// event.ExportedRow. The rules are in transform/report/EXPORTS.md (EXPORTS.md in
// comments).
//
// A [Format] is what the account decides: its headings and its time zone. A [Layout] is
// how one export is written, as its line of headings tells. A [Decoder] decodes the
// lines of an export with that layout.
package export

import (
	"fmt"
	"strings"
	"time"

	"daybook/transform/report"
)

// Heading gives a column of the report a further heading.
type Heading struct {
	Text   string
	Column string // its name in Parquet; or Ignore
}

// Ignore stands for the column of a heading whose cells are left out.
const Ignore = "ignore"

// Format is how an account exports its report. It never changes, and any number of
// goroutines may share it.
type Format struct {
	zone    *time.Location
	columns map[string]int // indexes of report.Columns by heading, as folded; ignored: left out
}

const ignored = -1

// NewFormat makes the format of an account whose times are in a zone. Its exports have
// the headings of the report in any language, and the further ones, such as labels.
// Of several columns of one heading, the last one counts.
func NewFormat(zone *time.Location, further []Heading) (*Format, error) {
	f := &Format{zone: zone, columns: map[string]int{}}
	for i := range report.Columns {
		for _, heading := range report.Columns[i].Heading {
			f.columns[folded(heading)] = i
		}
	}
	for _, h := range further {
		column := ignored
		if h.Column != Ignore {
			if err := CheckColumn(h.Column); err != nil {
				return nil, fmt.Errorf("the heading %q: %w", h.Text, err)
			}
			column = columnOf(h.Column)
		}
		f.columns[folded(h.Text)] = column
	}
	return f, nil
}

// CheckColumn says what is wrong with the name of a column that a heading has.
func CheckColumn(name string) error {
	if name != Ignore && columnOf(name) < 0 {
		return fmt.Errorf("the report has no column %q; give a name of SCHEMA.md, such as custom_field_1, or %s", name, Ignore)
	}
	return nil
}

// columnOf returns the index of a column in report.Columns, and -1 for an unknown name.
func columnOf(name string) int {
	for i := range report.Columns {
		if report.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// folded is a heading as headings are compared: without case and outer white space.
func folded(heading string) string { return strings.ToLower(strings.TrimSpace(heading)) }

// Layout is how one export is written. It never changes.
type Layout struct {
	format    *Format
	headings  string // the line of headings; empty: the export has no rows
	delimiter byte
	columns   []int // of each cell: an index of report.Columns, or ignored
	closed    bool  // a delimiter closes the line of headings
}

// IsQuoted reports whether cells may be quoted as in RFC 4180. Then a cell, and so a
// row, can go on after a line end. The interface's text has no quotes.
func (l *Layout) IsQuoted() bool { return l.delimiter != '|' }

// Delimiter is the sign between two cells.
func (l *Layout) Delimiter() byte { return l.delimiter }

// delimiters are the signs that can stand between two cells, the first one of equally
// good ones first.
const delimiters = "|,;\t"

// firstLine is the first line of the interface's text.
const firstLine = "OK"

// Layout reads the layout of an export from its beginning, without a byte order mark.
// whole says that it is the whole export. more is true if the line of headings may lie
// after it.
func (f *Format) Layout(start []byte, whole bool) (l *Layout, more bool, err error) {
	text := string(start)
	for text != "" {
		line, rest, ended := strings.Cut(text, "\n")
		if !ended && !whole {
			return nil, true, nil
		}
		line, text = strings.TrimRight(line, "\r"), rest
		if trimmed := strings.TrimSpace(line); trimmed != "" && trimmed != firstLine {
			l, err := f.layoutOf(line)
			return l, false, err
		}
	}
	return &Layout{format: f, delimiter: '|'}, !whole, nil
}

// layoutOf reads a line of headings.
func (f *Format) layoutOf(line string) (*Layout, error) {
	l := &Layout{format: f, headings: line}
	most := 0
	for _, delimiter := range []byte(delimiters) {
		if known := f.known(headingsOf(line, delimiter)); known > most {
			most, l.delimiter = known, delimiter
		}
	}
	if most == 0 {
		return nil, fmt.Errorf("it begins with %.60q, which has no heading of the report, such as Session ID or Sessie-ID", line)
	}
	seen := map[int]string{}
	headings := headingsOf(line, l.delimiter)
	l.closed = len((&splitter{l.delimiter, l.IsQuoted()}).split(nil, line)) > len(headings)
	for _, heading := range headings {
		column, ok := f.columns[folded(heading)]
		if folded(heading) == "" {
			column, ok = ignored, true // as spreadsheets write columns without cells
		}
		if !ok {
			return nil, fmt.Errorf("the heading %q is no heading of the report, and no label; name its column in source.columns, such as %q, or leave it out by %q",
				heading, heading+"=custom_field_1", heading+"="+Ignore)
		}
		if other, taken := seen[column]; taken && folded(other) == folded(heading) && column != ignored {
			return nil, fmt.Errorf("the heading %q stands twice; export the column once", heading)
		} else if taken && column != ignored {
			return nil, fmt.Errorf("the headings %q and %q are of one column, %s; leave one out in source.columns, such as %q",
				other, heading, report.Columns[column].Name, heading+"="+Ignore)
		}
		seen[column] = heading
		l.columns = append(l.columns, column)
	}
	for _, name := range []string{"session_id", "status", "start_time"} {
		column := columnOf(name)
		if _, ok := seen[column]; !ok {
			return nil, fmt.Errorf("it has no heading %q, which every row needs; add the column to the export, or name its heading in source.columns, such as %q",
				report.Columns[column].Heading[report.English], "My heading="+name)
		}
	}
	return l, nil
}

// known counts the headings that are known.
func (f *Format) known(headings []string) (n int) {
	for _, heading := range headings {
		if _, ok := f.columns[folded(heading)]; ok {
			n++
		}
	}
	return n
}

// headingsOf splits a line of headings. A delimiter may close it.
func headingsOf(line string, delimiter byte) []string {
	cells := (&splitter{delimiter: delimiter, quoted: delimiter != '|'}).split(nil, line)
	if n := len(cells) - 1; n > 0 && strings.TrimSpace(cells[n]) == "" {
		cells = cells[:n]
	}
	return cells
}

// splitter splits a line into cells.
type splitter struct {
	delimiter byte
	quoted    bool // cells may be in quotes
}

// split appends the cells of a line. They share its memory, unless a quote in them is
// written twice.
func (s *splitter) split(cells []string, line string) []string {
	for {
		if s.quoted && line != "" && line[0] == '"' {
			if cell, rest, more, ok := s.quotedCell(line); ok {
				cells = append(cells, cell)
				if !more {
					return cells
				}
				line = rest
				continue
			}
		}
		i := strings.IndexByte(line, s.delimiter)
		if i < 0 {
			return append(cells, line)
		}
		cells, line = append(cells, line[:i]), line[i+1:]
	}
}

// quotedCell cuts a cell in quotes off a line. more says that a further cell follows.
// ok is false if the quotes do not end where the cell does: then they are its text.
func (s *splitter) quotedCell(line string) (cell, rest string, more, ok bool) {
	end := QuotedEnd(line, s.delimiter)
	if end < 0 {
		return "", "", false, false
	}
	cell = line[1 : end-1]
	if strings.Contains(cell, `""`) {
		cell = strings.ReplaceAll(cell, `""`, `"`)
	}
	if end == len(line) {
		return cell, "", false, true
	}
	return cell, line[end+1:], true, true
}

// QuotedEnd is the index after the closing quote of the cell that begins with a quote at
// text[0]; negative if it does not end there: a quote ends a cell only before a
// delimiter, a line end or the end of the text.
func QuotedEnd[T string | []byte](text T, delimiter byte) int {
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		if i+1 == len(text) {
			return i + 1
		}
		switch text[i+1] {
		case '"':
			i++
		case delimiter, '\n', '\r':
			return i + 1
		default:
			return -1
		}
	}
	return -1
}
