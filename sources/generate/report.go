package generate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	engine "daybook/transform/session"
)

// productColumns are the columns that the product's own report has: the first ones, up
// to the numbers of messages.
const productColumns = 42

// WriteReports is Write for exports of the report in place of events: an object a day
// with the rows of that day, in UTC, of the sessions that Write writes with equal
// options. Each row is made from all events of its session. The notation changes from
// year to year, as that of the product did: the interface's text and CSV, in English
// and Dutch, with the columns in different orders.
//
// A row without any time has no date, and is left out.
func WriteReports(ctx context.Context, o Options, put Put) (Stats, error) {
	return write(ctx, o, put, writeReport)
}

func writeReport(ctx context.Context, w *organisation, o Options, d day.Day, put Put) (Stats, error) {
	stats := Stats{Objects: 1}
	rows, err := rowsOn(ctx, w, o, d)
	if err != nil {
		return stats, fmt.Errorf("generate the report of %s: %w", d, err)
	}
	n := notationOf(d)
	text := n.headings(nil)
	stats.Blank = int64(bytes.Count(text, []byte("\n")))
	for i := range rows {
		text = n.row(text, &rows[i])
	}
	stats.Events = int64(len(rows))
	stats.Lines, stats.Bytes = stats.Blank+stats.Events, int64(len(text))
	packer, err := newCompressor(o.Codec)
	if err != nil {
		return stats, fmt.Errorf("generate: %w", err)
	}
	key := o.Template.Prefix(d) + "report" + n.extension + o.Codec.Extension()
	err = put(ctx, key, func(to io.Writer) error {
		return compressed(to, packer, func(to io.Writer) error {
			_, err := to.Write(text)
			return err
		})
	})
	if err != nil {
		return stats, fmt.Errorf("generate %s: %w", key, err)
	}
	return stats, nil
}

// rowsOn are the rows of the report of a day.
func rowsOn(ctx context.Context, w *organisation, o Options, d day.Day) (rows []report.Row, err error) {
	definition := report.Definition{Zone: time.UTC}
	decoder, folder, t := event.NewDecoder(), new(engine.Engine), newLineWriter(w)
	for _, plan := range w.plansOn(d, o.From) {
		t.reset()
		t.writeSession(plan)
		var events []event.Event
		for _, l := range t.lines {
			var e event.Event
			if decoder.Decode(t.text[l.start:l.end], &e).Reason == 0 {
				events = append(events, e)
			}
		}
		events, _, err := engine.Order(ctx, events)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			continue
		}
		folded, err := folder.Fold(ctx, events, nil)
		if err != nil {
			return nil, err
		}
		for i := range folded.Legs {
			var row report.Row
			definition.Row(&row, folded, &folded.Legs[i], new(report.Counts))
			hasTime := row.StartTime != report.Unknown || row.EndTime != report.Unknown || row.FirstChatMessageSent != report.Unknown || row.LastActionTime != report.Unknown
			if row.ReportDate == d && hasTime {
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// notation is how the exports of a year are written.
type notation struct {
	report.Definition
	delimiter string
	quoted    bool
	first     int // the first column, which the others follow round
	extension string
}

func notationOf(d day.Day) *notation {
	year := d.UTC().Year()
	n := &notation{Definition: report.Definition{Zone: time.UTC}, delimiter: "|", first: year % productColumns, extension: ".txt"}
	if year%2 == 1 {
		n.Language = report.Dutch
	}
	if year%4 > 1 {
		n.delimiter, n.quoted, n.extension = ",", true, ".csv"
	}
	return n
}

// headings appends the lines before the rows.
func (n *notation) headings(b []byte) []byte {
	if !n.quoted {
		b = append(b, "OK\n\n"...)
	}
	headings := n.Headings()
	return n.line(b, func(b []byte, column int) []byte { return append(b, headings[column].Text...) })
}

// row appends the line of a row.
func (n *notation) row(b []byte, r *report.Row) []byte {
	return n.line(b, func(b []byte, column int) []byte {
		c := &report.Columns[column]
		if c.Kind != report.Timestamp {
			return n.AppendCell(b, c, r)
		}
		if ms := c.Number(r); ms != report.Unknown {
			b = time.UnixMilli(ms).UTC().AppendFormat(b, "1/2/2006 3:04:05 PM")
		}
		return b
	})
}

// oneLine is the text of a cell without what would end it.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ", "|", "/")

// line appends a line of a cell for each column.
func (n *notation) line(b []byte, cell func(b []byte, column int) []byte) []byte {
	for i := range productColumns {
		text := string(cell(nil, (n.first+i)%productColumns))
		switch {
		case !n.quoted:
			text = oneLine.Replace(text)
		case strings.ContainsAny(text, ",\"\r\n"):
			text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
		}
		b = append(append(b, text...), n.delimiter...)
	}
	if n.quoted { // no delimiter closes its lines
		b = b[:len(b)-len(n.delimiter)]
	}
	return append(b, '\n')
}
