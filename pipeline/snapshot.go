package pipeline

import (
	"context"
	"fmt"

	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// Snapshot is the dumps of a run as they were when it began. They are read in
// these versions or not at all.
type Snapshot struct {
	dumps   []dump.Dump // by key
	unknown []string
}

// Inputs lists the dumps that the report days from to to need: those of the
// look-back before them, for sessions that began earlier, to as long after
// them, for those that go on. A run of yesterday finds nothing after the day
// after it; a run of an older day must not take its rows back to how they
// looked then.
func (r *Runner) Inputs(ctx context.Context, from, to day.Day) (*Snapshot, error) {
	first, last := from-day.Day(r.Lookback), to+day.Day(r.Lookback)
	s := new(Snapshot)
	for d := first; d <= last; d++ {
		listing, err := dump.ListDay(ctx, r.Source, r.Template, d)
		if err != nil {
			return nil, err
		}
		s.dumps = append(s.dumps, listing.Dumps...)
		s.unknown = append(s.unknown, listing.Unknown...)
	}
	if len(s.dumps) == 0 {
		return nil, fmt.Errorf("there are no dumps of %s to %s under %s; their keys should begin like %s: check source.store.url and source.key",
			first, last, r.Source.URL(""), r.Template.Prefix(from))
	}
	return s, nil
}

// Extraction reads the snapshot.
func (s *Snapshot) Extraction(r *Runner) *Extraction {
	x := &Extraction{Workers: r.Workers, MaxRejected: r.MaxRejected, Progress: r.Progress}
	for _, d := range s.dumps {
		x.Inputs = append(x.Inputs, Input{Name: r.Source.URL(d.Key), Size: d.Size,
			Open: func(ctx context.Context) (*dump.Reader, error) { return dump.Open(ctx, r.Source, d) }})
	}
	if r.Progress != nil {
		r.Progress.Inputs.Store(int64(len(s.dumps)))
		r.Progress.Bytes.Store(s.bytes())
	}
	return x
}

func (s *Snapshot) bytes() (n int64) {
	for _, d := range s.dumps {
		n += d.Size
	}
	return n
}

// names are the keys of the dumps.
func (s *Snapshot) names() []string {
	names := make([]string, len(s.dumps))
	for i, d := range s.dumps {
		names[i] = d.Key
	}
	return names
}

func (s *Snapshot) manifest() []publish.Input {
	inputs := make([]publish.Input, len(s.dumps))
	for i, d := range s.dumps {
		inputs[i] = publish.Input{Key: d.Key, ETag: d.ETag, Size: d.Size}
	}
	return inputs
}

func (s *Snapshot) result(t Target, o Outcome, c report.Counts) *Result {
	anomalies := map[string]int64{}
	for code, n := range o.Anomalies {
		if n > 0 {
			anomalies[session.Anomaly(code).String()] = n
		}
	}
	unknown := s.unknown
	if unknown == nil {
		unknown = []string{}
	}
	if o.Accounting.Rejected == nil {
		o.Accounting.Rejected = map[string]int64{}
	}
	return &Result{
		Target: t.period.name, Inputs: len(s.dumps), InputBytes: s.bytes(), Unknown: unknown,
		Accounting: o.Accounting, Sessions: o.Sessions, Anomalies: anomalies,
		Truncated: c.Truncated, IPDropped: c.IPDropped,
	}
}
