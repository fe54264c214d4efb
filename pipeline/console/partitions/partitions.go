// Package partitions reads what the page of a published partition shows: its
// manifest and revisions, its inputs and rejected lines, its first rows and figures,
// and how warehouses load it.
package partitions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/console/problem"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/words"
	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Limits of a partition's page. The command line shows everything.
const (
	mostRevisions = 20
	mostDays      = 40 // of inputs
	mostDumps     = 200
	mostRows      = 25
	mostTableRows = 60
	diffRows      = 50_000
	mostChanges   = 50
)

// Contents is a published partition. It is empty for one that is not published.
type Contents struct {
	URL        string            `json:"url,omitempty"`
	Manifest   *publish.Manifest `json:"manifest,omitempty"`
	Revisions  []revision        `json:"revisions,omitempty"`
	Diff       *diff             `json:"diff,omitempty"`
	Origins    []inspect.Origin  `json:"origins,omitempty"` // of a day
	Omitted    int               `json:"omitted_origins,omitempty"`
	Reasons    []reasonCount     `json:"rejected,omitempty"`
	RejectsDay string            `json:"rejects_of,omitempty"` // the dump day whose rejected lines have a page
	Rows       []rowLine         `json:"rows,omitempty"`
	Figures    *figures.File     `json:"figures,omitempty"`
	NoFigures  string            `json:"no_figures,omitempty"` // why there are none
	Tables     []table           `json:"-"`                    // the figures, as people read them
	Loads      []load            `json:"load_statements,omitempty"`

	def *report.Definition
}

// revision is a kept revision.
type revision struct {
	Number int    `json:"revision"`
	Reason string `json:"reason"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	Live   bool   `json:"live"`
	Before int    `json:"previous,omitempty"` // to compare it with; 0: none
}

// diff is how two revisions differ.
type diff struct {
	From       int             `json:"from"`
	To         int             `json:"to"`
	Added      int64           `json:"added"`
	Removed    int64           `json:"removed"`
	Changed    int64           `json:"changed"`
	Renumbered int64           `json:"renumbered"` // only their leg number changed
	Same       int64           `json:"same"`
	Changes    []report.Change `json:"changes"`
	More       int             `json:"more"`
	TooMany    bool            `json:"too_many_rows"`
}

// rowLine is the main columns of a row.
type rowLine struct {
	Session    int64     `json:"session_id"`
	Leg        int64     `json:"leg"`
	Start      time.Time `json:"start,omitzero"`
	Technician string    `json:"technician"`
	Group      string    `json:"group"`
	Status     string    `json:"status"`
	Waiting    int64     `json:"waiting_ms"`
	Total      int64     `json:"total_ms"`
	Work       int64     `json:"work_ms"`
	Tools      string    `json:"tools,omitempty"` // codes
	Date       string    `json:"report_date"`
}

// table is the first rows of a summary.
type table struct {
	Name   string
	File   string
	Header []string
	Rows   [][]string
	More   bool
}

// Read reads a published partition, and compares two of its revisions (such as 1..2)
// unless compare is empty. The definition is that of the report.
func (b *Contents) Read(ctx context.Context, in *inspect.Inspector, id partition.ID, def *report.Definition, compare string) error {
	shown, err := in.Show(ctx, id)
	if err != nil {
		return err
	}
	b.Manifest, b.URL, b.def = shown.Manifest, shown.URL, def
	for _, step := range []func(context.Context, *inspect.Inspector, *inspect.Shown) error{
		b.revisions, b.origins, b.rejects, b.rows, b.summaries,
	} {
		// A new revision may remove files meanwhile. The page shows the rest.
		if err := step(ctx, in, shown); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	b.Loads = loads(in.Settings.SinkAt, id, shown.Manifest)
	if compare != "" {
		return b.compare(ctx, in, id, compare)
	}
	return nil
}

func (b *Contents) revisions(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
	history, err := in.History(ctx, shown, mostRevisions)
	for i := range history {
		m := &history[i]
		rev := revision{Number: m.Revision, Reason: m.Reason, Rows: m.Rows, Live: i == 0}
		for _, part := range m.Parts {
			rev.Bytes += part.Bytes
		}
		if i+1 < len(history) {
			rev.Before = history[i+1].Revision
		}
		b.Revisions = append(b.Revisions, rev)
	}
	return err
}

// compare fills in the differences of two revisions, such as 1..2.
func (b *Contents) compare(ctx context.Context, in *inspect.Inspector, id partition.ID, revisions string) error {
	first, second, _ := strings.Cut(revisions, "..")
	from, err := strconv.ParseUint(first, 10, 31)
	to, err2 := strconv.ParseUint(second, 10, 31)
	if err != nil || err2 != nil || from == 0 || to == 0 {
		return problem.BadRequest("Write the two revisions as 1..2.")
	}
	b.Diff = &diff{From: int(from), To: int(to)}
	if b.Manifest.Rows > diffRows {
		b.Diff.TooMany = true
		return nil
	}
	d, err := in.Diff(ctx, id, int(from), int(to))
	if errors.Is(err, store.ErrNotFound) {
		return problem.NotFound("Revision %d or %d is not kept: it has expired, or never existed.", from, to)
	}
	if err != nil {
		return err
	}
	b.Diff.Added, b.Diff.Removed, b.Diff.Changed, b.Diff.Renumbered, b.Diff.Same = d.Added, d.Removed, d.Changed, d.Renumbered, d.Same
	b.Diff.Changes = d.Changes[:min(len(d.Changes), mostChanges)]
	b.Diff.More = len(d.Changes) - len(b.Diff.Changes)
	return nil
}

// origins fills in the dumps of a day. A month's inputs are its days.
func (b *Contents) origins(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
	if shown.ID.Kind != partition.Day {
		return nil
	}
	m := *shown.Manifest
	if b.Omitted = len(m.Inputs) - mostDays; b.Omitted > 0 {
		m.Inputs = m.Inputs[b.Omitted:]
	} else {
		b.Omitted = 0
	}
	var err error
	b.Origins, err = in.Origins(ctx, &m)
	for i := range b.Origins {
		o := &b.Origins[i]
		o.Dumps = o.Dumps[:min(len(o.Dumps), mostDumps)]
	}
	return err
}

// rejects fills in the rejected lines by reason. Those of a day's own dumps have a
// page.
func (b *Contents) rejects(_ context.Context, _ *inspect.Inspector, shown *inspect.Shown) error {
	rejected := shown.Manifest.Accounting.Rejected
	b.Reasons = reasonCounts(rejected)
	if shown.ID.Kind == partition.Day && len(rejected) > 0 {
		b.RejectsDay = shown.ID.Name()
	}
	return nil
}

// FailedChecks is the number of checks that did not pass.
func (b *Contents) FailedChecks() int {
	failed := 0
	for i := range b.Manifest.Checks {
		if !b.Manifest.Checks[i].Passed {
			failed++
		}
	}
	return failed
}

// rows fills in the first rows, which link to sessions.
func (b *Contents) rows(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
	for batch, err := range in.Rows(ctx, shown.Manifest) {
		if err != nil {
			return err
		}
		for i := range batch[:min(len(batch), mostRows)] {
			b.Rows = append(b.Rows, newRowLine(&batch[i], b.def.Zone))
		}
		return nil
	}
	return nil
}

func newRowLine(r *report.Row, zone *time.Location) rowLine {
	l := rowLine{
		Session: r.SessionID, Leg: r.Leg, Technician: r.TechnicianName, Group: r.TechnicianGroup, Status: r.Status,
		Waiting: r.WaitingTime, Total: r.TotalTime, Work: r.WorkTime, Tools: r.ToolsUsed,
		Date: r.ReportDate.String(),
	}
	at := r.StartTime
	if at == session.Unknown {
		at = r.BeginTime
	}
	l.Start = time.UnixMilli(at).In(zone)
	return l
}

// summaries fills in the figures, and makes tables of them in the report's
// language.
func (b *Contents) summaries(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
	summaries := shown.Manifest.Summaries
	if summaries == nil || !slices.ContainsFunc(summaries.Files, func(f publish.SummaryFile) bool { return f.Name == figures.Name }) {
		b.NoFigures = "Their figures are missing; the next rewrite of the summaries adds them."
		return nil
	}
	f, err := inspect.ReadFigures(ctx, in.Settings.Sink, shown.ID)
	if errors.Is(err, figures.ErrInvalid) {
		b.NoFigures = words.Capital(fmt.Sprintf("%s cannot be shown: %s.", figures.Name, err))
		return nil
	}
	if err != nil {
		return err
	}
	b.Figures = f
	for _, t := range f.Tables(b.def.Language) {
		shown := table{Name: strings.ReplaceAll(t.Name, "_", " "), File: t.Name + ".csv", Header: t.Header, Rows: t.Rows}
		if shown.More = len(t.Rows) > mostTableRows; shown.More {
			shown.Rows = t.Rows[:mostTableRows]
		}
		b.Tables = append(b.Tables, shown)
	}
	return nil
}
