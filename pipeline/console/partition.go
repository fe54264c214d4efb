package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"daybook/pipeline/console/calendar"
	"daybook/pipeline/console/partitions"
	"daybook/pipeline/console/problem"
	"daybook/pipeline/explore"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
)

// partitionBody is one day or month of a report.
type partitionBody struct {
	Report    string           `json:"report"`
	Partition states.Partition `json:"partition"`
	Zone      *time.Location   `json:"-"`
	Before    string           `json:"before,omitempty"` // the neighbouring partitions
	After     string           `json:"after,omitempty"`
	Delivery  string           `json:"delivery,omitempty"` // whether it was in time
	Tools     []tool           `json:"tools,omitempty"`    // with a name
	Actions   []Action         `json:"actions"`

	Headline   []partitions.Tile `json:"headline,omitempty"`
	Compared   string            `json:"compared_with,omitempty"` // the partition that the headline is compared with
	NoHeadline string            `json:"no_headline,omitempty"`   // why there is none

	partitions.Contents
}

// located is the partition of a request.
type located struct {
	report        *states.Report
	partition     *states.Partition
	listed        bool   // the state has it
	before, after string // the neighbours that the state has; empty: none
}

// locate finds the partition of a request. The state lists the days and months
// that have dumps or are due. Other dates have a page, too: links lead to them,
// and the command line can have published them.
func (c *Console) locate(r *http.Request) (*located, error) {
	rep, err := findReport(c.Service.Snapshot(), r.PathValue("report"))
	if err != nil {
		return nil, err
	}
	name := r.PathValue("partition")
	id, err := partition.Parse(rep.Name, name)
	if err != nil {
		return nil, problem.NotFound("%s.", words.Capital(err.Error()))
	}
	p := &states.Partition{ID: id, State: calendar.Unlisted, Reasons: []string{"daybook knows no dumps of it, and nothing is due"}}
	all, next := rep.Days, rep.NextDay
	if id.Kind == partition.Month {
		all, next = rep.Months, rep.NextMonth
	}
	if name == next.Partition {
		p.State, p.Drop, p.Deadline, p.Reasons = states.Waiting, next.At, next.Deadline, []string{next.Why}
	}
	i, listed := slices.BinarySearchFunc(all, id, func(p states.Partition, id partition.ID) int { return partition.Compare(p.ID, id) })
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
	made := &page{Template: "partition", Title: rep.Name + " " + p.Name(), Section: "reports", Body: body, Live: p.State == states.Building}
	body.Tools = toolsOf(c.Service.Settings(), rep.Name)
	body.Delivery = delivery(p, words.In(definition(c.Service.Settings(), rep.Name, zone(rep)).Language))
	if at.listed {
		body.Actions = partitionActions(rep.Name, p)
		if p.Revision == 0 {
			return made, nil
		}
	}
	err = body.Read(r.Context(), c.inspector(), p.ID, definition(c.Service.Settings(), rep.Name, zone(rep)), r.URL.Query().Get("diff"))
	if !at.listed && errors.Is(err, inspect.ErrUnpublished) {
		return made, nil
	}
	if err != nil {
		return nil, err
	}
	if !at.listed {
		describe(&body.Partition, body.Manifest)
	}
	return made, body.headline(r.Context(), c, rep)
}

// headline compares a day with the same weekday a week earlier, and a month with the
// month before it.
func (b *partitionBody) headline(ctx context.Context, c *Console, rep *states.Report) error {
	id := b.Partition.ID
	earlier := partition.MonthID(id.Report, id.Month()-1)
	if id.Kind == partition.Day {
		const week = 7
		earlier = partition.DayID(id.Report, id.Day()-week)
	}
	w := words.In(definition(c.Service.Settings(), rep.Name, b.Zone).Language)
	now, err := c.stats(ctx, rep, id.Period)
	var before *explore.Stats
	if err == nil && now != nil {
		before, err = c.stats(ctx, rep, earlier.Period)
	}
	var large *explore.TooLargeError
	switch {
	case errors.As(err, &large):
		b.NoHeadline = asProblem(w, err).Error()
		return nil
	case err != nil || now == nil:
		return err
	case before != nil:
		b.Compared = earlier.Name()
	}
	b.Headline = partitions.Headline(now, before, w)
	return nil
}

// stats are the measures of a period; nil unless all of its days are published.
func (c *Console) stats(ctx context.Context, rep *states.Report, of partition.Period) (*explore.Stats, error) {
	p := explore.Period{From: of.From, To: of.To}
	a, err := c.explorer().Ask(ctx, &explore.Question{Zone: zone(rep), Days: (&asked{report: rep}).days(), Period: p})
	if err != nil || a.Days < p.Len() {
		return nil, err
	}
	return &a.Total, nil
}

// delivery says whether a partition was published in time; empty if that is not known.
func delivery(p *states.Partition, w words.Printer) string {
	switch {
	case p.Revision > 1:
		return w.T("restated: this is revision %d", p.Revision)
	case p.Revision == 0 || p.Published.IsZero() || p.Deadline.IsZero():
		return ""
	case p.Published.After(p.Deadline):
		return w.T("late: %s after the deadline", w.Lasting(p.Published.Sub(p.Deadline).Milliseconds()))
	}
	return w.T("in time: %s before the deadline", w.Lasting(p.Deadline.Sub(p.Published).Milliseconds()))
}

// describe fills in what a manifest says of a partition that the state does not
// list.
func describe(p *states.Partition, m *publish.Manifest) {
	p.State, p.Revision, p.Rows, p.Reasons = states.Published, m.Revision, m.Rows, nil
	switch {
	case m.Rows == 0:
		p.State = states.Empty
	case m.Revision > 1:
		p.State = states.Restated
	}
	for _, part := range m.Parts {
		p.Bytes += part.Bytes
	}
}
