package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"daybook/sources/dump"
	"daybook/transform/event"
	"daybook/transform/export"
	"daybook/transform/report"
	"daybook/transform/session"
)

type tryOptions struct {
	lines, source int
}

func newConfigTryCommand(a *app) *cobra.Command {
	var opts tryOptions
	cmd := &cobra.Command{
		Use:   "try FILE",
		Short: "Show the events that the first lines of a file become",
		Long: `Read the first lines or documents of a file as the configuration says: its form,
and the map of foreign events. Show the session event that each becomes, or why it
becomes none. Of an export of the report, it shows the rows, in UTC.
- reads standard input.

Exit codes:
  0    each of them is an event, blank, or left out by the map
  1    some are rejected, or the file cannot be read
  2    wrong arguments or configuration`,
		Example: `  daybook config try events.json.gz
  aws s3 cp s3://acme/2026/11/20/part-1.gz - | daybook config try -`,
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return runConfigTry(cmd.Context(), a, &opts, args[0]) },
	}
	cmd.Flags().IntVarP(&opts.lines, "lines", "n", 10, "how many lines or documents")
	cmd.Flags().IntVar(&opts.source, "source", 1, "which item of sources reads the file, from 1")
	return cmd
}

// triedLine is what became of a line or document.
type triedLine struct {
	Number int64           `json:"number"`
	Offset int64           `json:"offset"`          // in the decompressed text
	Event  json.RawMessage `json:"event,omitempty"` // of EVENTS.md
	Reason string          `json:"reason,omitempty"`
	Detail string          `json:"detail,omitempty"`
	Kept   []int           `json:"kept_custom_fields,omitempty"` // null in the event, and not cleared
}

func runConfigTry(ctx context.Context, a *app, opts *tryOptions, file string) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	sources, err := newSources(c)
	if err != nil {
		return codedError{err, exitUsage}
	}
	if opts.source < 1 || opts.source > len(sources) {
		return codedError{fmt.Errorf("--source %d: the configuration has %d", opts.source, len(sources)), exitUsage}
	}
	source := sources[opts.source-1]
	reader, err := source.OpenFile(ctx, file, a.stdin)
	if err != nil {
		return err
	}
	defer reader.Close()
	lines, err := tryLines(reader, source.Map, opts.lines)
	if writeErr := a.writeTried(file, reader, lines); writeErr != nil {
		return writeErr
	}
	if err != nil {
		return err
	}
	rejected := 0
	for _, l := range lines {
		if l.Reason != "" && l.Reason != blankLine && l.Reason != leftOut {
			rejected++
		}
	}
	if rejected > 0 {
		return fmt.Errorf("%d of %d are no events", rejected, len(lines))
	}
	return nil
}

// The outcomes of lines that are neither events nor rejected.
const (
	blankLine = "blank"
	leftOut   = "left out by the map"
)

// tryLines decodes the first lines of a dump.
func tryLines(reader *dump.Reader, m *event.Map, most int) (tried []triedLine, err error) {
	var mapper *event.Mapper
	if m != nil {
		mapper = m.NewMapper()
	}
	decoder := event.NewDecoder()
	var rows *export.Decoder
	if layout := reader.Layout(); layout != nil {
		rows = layout.NewDecoder(0, false)
	}
	for len(tried) < most {
		line, err := reader.Next()
		if err == io.EOF {
			return tried, nil
		}
		if err != nil {
			return tried, err
		}
		if rows != nil {
			tried = append(tried, tryRow(rows, line))
			continue
		}
		tried = append(tried, tryLine(decoder, mapper, line))
	}
	return tried, nil
}

func tryLine(decoder *event.Decoder, mapper *event.Mapper, line dump.Line) triedLine {
	t := triedLine{Number: line.Number, Offset: line.Offset}
	text, reject := line.Bytes, event.Reject{}
	if event.Blank(text) {
		t.Reason = blankLine
		return t
	}
	if mapper != nil {
		var ok bool
		if text, ok, reject = mapper.Apply(text); !ok && reject.Reason == 0 {
			t.Reason = leftOut
			return t
		}
		if bytes.Contains(text, []byte(`"custom_fields":[`)) {
			t.Kept = mapper.Kept()
		}
	}
	var e event.Event
	if reject.Reason == 0 {
		reject = decoder.Decode(text, &e)
	}
	if reject.Reason != 0 {
		t.Reason, t.Detail = reject.Reason.String(), reject.Detail
		if json.Valid(text) && mapper != nil {
			t.Event = append(t.Event, text...) // what the map made of it
		}
		return t
	}
	t.Event = append(t.Event, text...)
	return t
}

// tryRow decodes a line of an export into the row of a report in UTC.
func tryRow(decoder *export.Decoder, line dump.Line) triedLine {
	t := triedLine{Number: line.Number, Offset: line.Offset}
	var e event.Event
	ok, reject := decoder.Decode(line.Bytes, &e)
	switch {
	case reject.Reason != 0:
		t.Reason, t.Detail = reject.Reason.String(), reject.Detail
		return t
	case !ok:
		t.Reason = blankLine
		return t
	}
	folded, err := new(session.Engine).Fold(context.Background(), []event.Event{e}, nil)
	if err != nil {
		t.Reason, t.Detail = event.BadValue.String(), err.Error()
		return t
	}
	var row report.Row
	(&report.Definition{Zone: time.UTC}).Row(&row, folded, &folded.Legs[0], new(report.Counts))
	t.Event = report.AppendJSON(nil, &row)
	return t
}

func (a *app) writeTried(file string, reader *dump.Reader, lines []triedLine) error {
	if a.json {
		return json.NewEncoder(a.stdout).Encode(struct {
			File  string      `json:"file"`
			Codec string      `json:"codec"`
			Form  string      `json:"form"`
			Lines []triedLine `json:"lines"`
		}{file, reader.Codec().String(), reader.Form().String(), lines})
	}
	fmt.Fprintf(a.stdout, "%s: %s, %s\n", file, reader.Codec(), reader.Form())
	for _, l := range lines {
		fmt.Fprintf(a.stdout, "%s %d, byte %d: ", reader.Form().Unit(), l.Number, l.Offset)
		switch {
		case l.Reason == "":
			fmt.Fprintf(a.stdout, "%s\n", l.Event)
			for _, number := range l.Kept {
				fmt.Fprintf(a.stdout, "  custom_fields.%d stays as it is: the document does not give it\n", number)
			}
		case l.Detail == "":
			fmt.Fprintln(a.stdout, l.Reason)
		default:
			fmt.Fprintf(a.stdout, "%s: %s\n", l.Reason, l.Detail)
			if l.Event != nil {
				fmt.Fprintf(a.stdout, "  the map makes %s\n", l.Event)
			}
		}
	}
	return nil
}
