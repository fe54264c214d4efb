package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
)

// digestResult is what making a digest came to.
type digestResult struct {
	manifest   publish.Manifest // that stands now
	state      publish.State
	accounting event.Accounting
	quarantine string // URL of the rejected lines, if there are any
}

// makeDigest makes the digest of a dump day and publishes it: a pure function
// of the day's dumps and the look-back. A *TooManyRejects comes with the
// rejected lines, which are all that was stored then.
func (r *Runner) makeDigest(ctx context.Context, d day.Day, dumps []dump.Dump, base publish.Base, reason string, again bool) (*digestResult, error) {
	if len(dumps) == 0 { // no digest is better than one that knows of nothing
		return nil, fmt.Errorf("the dumps of %s are gone: its digest cannot be made any more", d)
	}
	rejects := newRejectSpool(keysOf(dumps))
	defer rejects.Close()
	reach := &reach{day: d, lookback: r.Lookback, out: map[beyond]int64{}}
	x := &Extraction{
		Workers: r.perLane(), MaxRejected: r.MaxRejected, MemoryBudget: r.lane() / 2,
		Rejects: rejects, Filter: reach.filter, Progress: r.Progress, Inputs: r.inputs(dumps),
	}
	var tables [3]*spool
	for i := range tables {
		s, err := newSpool()
		if err != nil {
			return nil, err
		}
		defer s.Close()
		tables[i] = s
	}

	var writer digestWriter
	workers := make([]struct {
		engine session.Engine
		batch  digestBatch
	}, x.NumWorkers())
	begin := func(events int64) (err error) {
		if writer, err = r.files().digest(tables[0], tables[1], tables[2], events); err != nil {
			return err
		}
		for i := range workers {
			workers[i].batch = writer.Batch()
		}
		return nil
	}
	add := func(worker int, events []event.Event) error {
		w := &workers[worker]
		s, err := w.engine.Fold(ctx, events, nil)
		if err != nil {
			return err
		}
		return w.batch.Add(events, looksComplete(s))
	}
	accounting, moved, err := x.Sorted(ctx, begin, add, func(worker int) error { return writer.Append(workers[worker].batch) })
	result := &digestResult{accounting: accounting}
	if errors.As(err, new(*TooManyRejects)) {
		// People want to see them now, not only once they have been put right.
		file, ferr := rejects.file(quarantineDir(d))
		if ferr == nil {
			result.quarantine, ferr = r.putRejects(ctx, file)
		}
		return result, errors.Join(err, ferr)
	}
	if err != nil {
		return result, err
	}
	summary, err := writer.Close()
	if err != nil {
		return result, err
	}

	sessions := int64(summary.Complete.Sessions + summary.Open.Sessions)
	p := publish.Partition{Dir: digestDir(d), Again: again, Manifest: publish.Manifest{
		Partition: d.String(), Reason: reason, Rows: sessions,
		Inputs: dumpInputs(dumps), Accounting: accounting,
		Digest: &publish.DigestInfo{
			Version: digest.Version, Events: summary.Complete.Events + summary.Open.Events, Sessions: sessions,
			MaxDaysLate: int(reach.late.Load()), MaxDaysEarly: int(reach.early.Load()), Late: reach.lines(),
			GrownFrom: grownFrom(base.Manifest, dumps, r.Lookback, moved),
		},
	}}
	if sessions > 0 {
		p.Manifest.Digest.MinTime, p.Manifest.Digest.MaxTime = timeText(summary.MinTS/1000), timeText(summary.MaxTS/1000)
	}
	for i, table := range []struct {
		name string
		rows int64
	}{{completeTable, summary.Complete.Events}, {openTable, summary.Open.Events}, {sessionsTable, sessions}} {
		p.Files = append(p.Files, tables[i].asFile(table.name, ".parquet", table.rows))
	}
	if accounting.RejectedLines() > 0 {
		file, err := rejects.file(quarantineDir(d))
		if err != nil {
			return result, err
		}
		p.Files = append(p.Files, file)
	}
	m, state, err := publish.Publish(ctx, r.Sink, p, base)
	if err != nil {
		return result, err
	}
	result.manifest, result.state = m, state
	if accounting.RejectedLines() > 0 {
		result.quarantine = r.Sink.URL(m.Parts[len(m.Parts)-1].Key)
	}
	return result, nil
}

func keysOf(dumps []dump.Dump) []string {
	keys := make([]string, len(dumps))
	for i, d := range dumps {
		keys[i] = d.Key
	}
	return keys
}

func (r *Runner) inputs(dumps []dump.Dump) []Input {
	inputs := make([]Input, len(dumps))
	for i, d := range dumps {
		inputs[i] = Input{Name: r.Source.URL(d.Key), Size: d.Size,
			Open: func(ctx context.Context) (*dump.Reader, error) { return dump.Open(ctx, r.Source, d) }}
	}
	return inputs
}

// looksComplete says whether nothing more is to be expected of a session: it
// was created, and all its legs are over. If something comes all the same, its
// events are merged like those of any other session; it only takes longer to
// find them.
func looksComplete(s *session.Session) bool {
	return s.Anomalies[session.MissingCreated] == 0 &&
		!slices.ContainsFunc(s.Legs, func(l session.Leg) bool { return !l.Final })
}

// grownFrom lists the contents that a digest of these dumps holds all of, and
// perhaps more: that of the one before it, if that was made from the same dumps
// or fewer, and of those which that one had grown from. Where events have moved,
// it may not hold all that those did.
func grownFrom(before *publish.Manifest, dumps []dump.Dump, lookback int, moved bool) []string {
	if before == nil || before.Digest == nil || moved || before.Digest.MaxDaysLate > lookback || before.Digest.MaxDaysEarly > lookback {
		return nil
	}
	added, changed, gone := compareInputs(before.Inputs, dumpInputs(dumps))
	if len(changed)+len(gone) > 0 || before.Digest.Version != digest.Version {
		return nil
	}
	if len(added) == 0 {
		return before.Digest.GrownFrom
	}
	grown := append(slices.Clone(before.Digest.GrownFrom), before.Fingerprint())
	return grown[max(0, len(grown)-maxGrownFrom):]
}

// maxGrownFrom is how many earlier contents a digest remembers: more than a
// dump day is digested while its dumps come in.
const maxGrownFrom = 64

// reach decides which events of a dump day lie too far from it for any report
// of their own day to read this dump, and counts them. It is for any number of
// goroutines.
type reach struct {
	day      day.Day
	lookback int

	late, early atomic.Int64 // the most days that an event within reach is off

	mu  sync.Mutex
	out map[beyond]int64 // lines out of reach
}

type beyond struct {
	date   day.Day
	reason event.Reason
}

// filter rejects events that are out of reach.
func (r *reach) filter(e *event.Event) event.Reject {
	const micros = 24 * 60 * 60 * 1e6
	date := day.Day(e.TS / micros)
	if e.TS%micros < 0 {
		date--
	}
	if date == r.day {
		return event.Reject{}
	}
	off, most, reason, side := int(r.day-date), &r.late, event.TooLate, "before"
	if off < 0 {
		off, most, reason, side = -off, &r.early, event.TooEarly, "after"
	}
	if off <= r.lookback {
		for was := most.Load(); int64(off) > was && !most.CompareAndSwap(was, int64(off)); was = most.Load() {
		}
		return event.Reject{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out[beyond{date, reason}]++
	return event.Reject{Reason: reason, Detail: fmt.Sprintf(
		"it happened on %s, %d days %s its dump's day, and source.lookback_days is %d", date, off, side, r.lookback)}
}

// lines are the lines out of reach, by date.
func (r *reach) lines() []publish.LateLines {
	var lines []publish.LateLines
	for b, n := range r.out {
		off := int(r.day - b.date)
		lines = append(lines, publish.LateLines{Date: b.date.String(), Reason: b.reason.String(), Lines: n, DaysOff: max(off, -off)})
	}
	slices.SortFunc(lines, func(a, b publish.LateLines) int { return strings.Compare(a.Date, b.Date) })
	return lines
}
