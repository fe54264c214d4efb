package console

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/service"
	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Limits of a partition's page. The command line shows everything.
const (
	mostRevisions = 20
	mostDays      = 40 // of inputs
	mostDumps     = 200
	mostSamples   = 20
	mostRows      = 25
	mostTableRows = 60
	mostRaw       = 400 // characters of a rejected line
	diffRows      = 50_000
	mostChanges   = 50
)

// partitionBody is one day or month of a report.
type partitionBody struct {
	Report    string            `json:"report"`
	Partition service.Partition `json:"partition"`
	Zone      *time.Location    `json:"-"`
	Before    string            `json:"before,omitempty"` // the neighbouring partitions
	After     string            `json:"after,omitempty"`
	URL       string            `json:"url,omitempty"`
	Actions   []Action          `json:"actions"`

	Manifest  *publish.Manifest `json:"manifest,omitempty"`
	Revisions []revision        `json:"revisions,omitempty"`
	Diff      *diff             `json:"diff,omitempty"`
	Origins   []inspect.Origin  `json:"origins,omitempty"` // of a day
	Omitted   int               `json:"omitted_origins,omitempty"`
	Reasons   []reasonCount     `json:"rejected,omitempty"`
	Samples   []sample          `json:"samples,omitempty"`
	Rows      []rowLine         `json:"rows,omitempty"`
	Figures   *figures.File     `json:"figures,omitempty"`
	NoFigures string            `json:"no_figures,omitempty"` // why there are none
	Tables    []table           `json:"-"`                    // the figures, as people read them
	Loads     []load            `json:"load_statements,omitempty"`
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
	From    int             `json:"from"`
	To      int             `json:"to"`
	Added   int64           `json:"added"`
	Removed int64           `json:"removed"`
	Changed int64           `json:"changed"`
	Same    int64           `json:"same"`
	Changes []report.Change `json:"changes"`
	More    int             `json:"more"`
	TooMany bool            `json:"too_many_rows"`
}

type reasonCount struct {
	Reason string `json:"reason"`
	Lines  int64  `json:"lines"`
}

// sample is a rejected line.
type sample struct {
	Object string `json:"object"`
	Line   int64  `json:"line"`
	Offset int64  `json:"offset"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Raw    string `json:"raw"`
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

// located is the partition of a request.
type located struct {
	report        *service.Report
	partition     *service.Partition
	listed        bool   // the state has it
	before, after string // the neighbours that the state has; empty: none
}

// locate finds the partition of a request. The state lists the days and months
// that have dumps or are due. Other dates have a page, too: links lead to them,
// and the command line can have published them.
func (c *Console) locate(r *http.Request) (*located, error) {
	rep, err := findReport(c.Service.State(), r.PathValue("report"))
	if err != nil {
		return nil, err
	}
	name := r.PathValue("partition")
	id, err := partition.Parse(rep.Name, name)
	if err != nil {
		return nil, notFound("%s.", capital(err.Error()))
	}
	p := &service.Partition{ID: id, State: unlisted, Reasons: []string{"daybook knows no dumps of it, and nothing is due"}}
	all, next := rep.Days, rep.NextDay
	if id.Kind == partition.Month {
		all, next = rep.Months, rep.NextMonth
	}
	if name == next.Partition {
		p.State, p.Drop, p.Deadline, p.Reasons = service.Waiting, next.At, next.Deadline, []string{next.Why}
	}
	i, listed := slices.BinarySearchFunc(all, id, func(p service.Partition, id partition.ID) int { return partition.Compare(p.ID, id) })
	at := &located{report: rep, partition: p, listed: listed}
	if i > 0 {
		at.before = all[i-1].Name()
	}
	if listed {
		at.partition = &all[i]
		i++
	}
	if i < len(all) {
		at.after = all[i].Name()
	}
	return at, nil
}

func (c *Console) partition(r *http.Request) (*page, error) {
	at, err := c.locate(r)
	if err != nil {
		return nil, err
	}
	rep, p := at.report, at.partition
	body := &partitionBody{Report: rep.Name, Partition: *p, Zone: zone(rep), Before: at.before, After: at.after, Actions: []Action{}}
	made := &page{Template: "partition", Title: rep.Name + " " + p.Name(), Section: "reports", Body: body, Live: p.State == service.Building}
	if at.listed {
		body.Actions = partitionActions(rep.Name, p)
		if p.Revision == 0 {
			return made, nil
		}
	}
	err = c.fill(r.Context(), body, r.URL.Query().Get("diff"))
	if !at.listed && errors.Is(err, inspect.ErrUnpublished) {
		return made, nil
	}
	if !at.listed && body.Manifest != nil {
		describe(&body.Partition, body.Manifest)
	}
	return made, err
}

// describe fills in what a manifest says of a partition that the state does not
// list.
func describe(p *service.Partition, m *publish.Manifest) {
	p.State, p.Revision, p.Rows, p.Reasons = service.Published, m.Revision, m.Rows, nil
	switch {
	case m.Rows == 0:
		p.State = service.Empty
	case m.Revision > 1:
		p.State = service.Restated
	}
	for _, part := range m.Parts {
		p.Bytes += part.Bytes
	}
}

// fill reads a published partition.
func (c *Console) fill(ctx context.Context, body *partitionBody, compare string) error {
	in := c.inspector()
	shown, err := in.Show(ctx, body.Partition.ID)
	if err != nil {
		return err
	}
	body.Manifest, body.URL = shown.Manifest, shown.URL
	for _, step := range []func(context.Context, *inspect.Inspector, *inspect.Shown) error{
		body.revisions, body.origins, body.rejects, body.rows, body.summaries,
	} {
		// A new revision may remove files meanwhile. The page shows the rest.
		if err := step(ctx, in, shown); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	body.Loads = loads(in.Settings.Sink.URL(""), body.Report, shown.Manifest)
	if compare != "" {
		return body.compare(ctx, in, compare)
	}
	return nil
}

func (b *partitionBody) revisions(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
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
func (b *partitionBody) compare(ctx context.Context, in *inspect.Inspector, revisions string) error {
	first, second, _ := strings.Cut(revisions, "..")
	from, err := strconv.ParseUint(first, 10, 31)
	to, err2 := strconv.ParseUint(second, 10, 31)
	if err != nil || err2 != nil || from == 0 || to == 0 {
		return &pageError{http.StatusBadRequest, "Write the two revisions as 1..2.", nil}
	}
	b.Diff = &diff{From: int(from), To: int(to)}
	if b.Manifest.Rows > diffRows {
		b.Diff.TooMany = true
		return nil
	}
	d, err := in.Diff(ctx, b.Partition.ID, int(from), int(to))
	if errors.Is(err, store.ErrNotFound) {
		return notFound("Revision %d or %d is not kept: it has expired, or never existed.", from, to)
	}
	if err != nil {
		return err
	}
	b.Diff.Added, b.Diff.Removed, b.Diff.Changed, b.Diff.Same = d.Added, d.Removed, d.Changed, d.Same
	b.Diff.Changes = d.Changes[:min(len(d.Changes), mostChanges)]
	b.Diff.More = len(d.Changes) - len(b.Diff.Changes)
	return nil
}

// origins fills in the dumps of a day. A month's inputs are its days.
func (b *partitionBody) origins(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
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

// rejects fills in the rejected lines by reason, and samples of the day's own
// dumps.
func (b *partitionBody) rejects(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
	rejected := shown.Manifest.Accounting.Rejected
	for _, reason := range slices.Sorted(maps.Keys(rejected)) {
		b.Reasons = append(b.Reasons, reasonCount{reason, rejected[reason]})
	}
	if shown.ID.Kind != partition.Day || len(rejected) == 0 {
		return nil // a month has those of its days
	}
	kept, err := in.RejectsOf(ctx, shown.ID.Day())
	if err != nil || kept == nil {
		return err
	}
	// A few of each reason, so that common reasons do not displace rare ones.
	const each = 5
	seen := map[event.Reason]int{}
	for line, err := range in.RejectedLines(ctx, kept) {
		if err != nil {
			return err
		}
		if seen[line.Reason]++; seen[line.Reason] > each {
			continue
		}
		b.Samples = append(b.Samples, sample{line.Object, line.Number, line.Offset, line.Reason.String(), line.Detail, printable(line.Raw)})
		if len(b.Samples) == mostSamples {
			return nil
		}
	}
	return nil
}

// printable is the beginning of a line as text.
func printable(raw []byte) string {
	text := strings.ToValidUTF8(string(raw[:min(len(raw), utf8.UTFMax*mostRaw)]), "�")
	if runes := []rune(text); len(runes) > mostRaw {
		return string(runes[:mostRaw]) + "…"
	}
	return text
}

// rows fills in the first rows, which link to sessions.
func (b *partitionBody) rows(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
	for batch, err := range in.Rows(ctx, shown.Manifest) {
		if err != nil {
			return err
		}
		for i := range batch[:min(len(batch), mostRows)] {
			b.Rows = append(b.Rows, newRowLine(&batch[i], b.Zone))
		}
		return nil
	}
	return nil
}

func newRowLine(r *report.Row, zone *time.Location) rowLine {
	l := rowLine{
		Session: r.SessionID, Leg: r.Leg, Technician: r.TechnicianName, Group: r.TechnicianGroup, Status: r.Status,
		Waiting: r.WaitingTime, Total: r.TotalTime, Work: r.WorkTime,
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
func (b *partitionBody) summaries(ctx context.Context, in *inspect.Inspector, shown *inspect.Shown) error {
	summaries := shown.Manifest.Summaries
	if summaries == nil || !slices.ContainsFunc(summaries.Files, func(f publish.SummaryFile) bool { return f.Name == figures.Name }) {
		b.NoFigures = "Their figures are missing; the next rewrite of the summaries adds them."
		return nil
	}
	f, err := readFigures(ctx, in.Settings.Sink, shown.ID)
	if errors.Is(err, figures.ErrInvalid) {
		b.NoFigures = capital(fmt.Sprintf("%s cannot be shown: %s.", figures.Name, err))
		return nil
	}
	if err != nil {
		return err
	}
	b.Figures = f
	for _, t := range f.Tables(definition(in.Settings, b.Report, b.Zone).Language) {
		shown := table{Name: strings.ReplaceAll(strings.TrimSuffix(t.File, ".csv"), "_", " "), File: t.File, Header: t.Header, Rows: t.Rows}
		if shown.More = len(t.Rows) > mostTableRows; shown.More {
			shown.Rows = t.Rows[:mostTableRows]
		}
		b.Tables = append(b.Tables, shown)
	}
	return nil
}
