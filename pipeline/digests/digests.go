// Package digests makes and reads digests. A digest holds the events of one dump
// day, decoded and grouped by session; the days of all reports are made from
// digests. It is a pure function of the day's dumps and the look-back.
package digests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"daybook/pipeline/extract"
	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
)

// Request asks for the digest of a dump day.
type Request struct {
	Day    day.Day
	Dumps  []dump.Dump
	Base   publish.Base // the digest that the new one replaces
	Reason string       // in words
	Again  bool         // put the files even if the same ones are published
}

// Result is what making a digest came to.
type Result struct {
	Manifest   publish.Manifest // that is published now
	State      publish.State
	Accounting event.Accounting
	Oversized  event.Oversized // sessions without events in the digest
	Quarantine string          // URL of the rejected lines; empty if there are none
	Forms      map[string]int  // dumps by their form, if it is not lines
}

// Maker makes digests.
type Maker struct {
	Settings *settings.Pipeline
	Budget   parallel.Budget // of one digest
	Progress *extract.Progress
}

// Make makes a digest and publishes it. If too many lines are rejected, only the
// rejected lines are stored; the error is a *extract.TooManyRejects, and the
// result says where they are.
func (m *Maker) Make(ctx context.Context, q *Request) (*Result, error) {
	if len(q.Dumps) == 0 { // an empty digest would replace one with events
		return nil, fmt.Errorf("the dumps of %s are gone: its digest cannot be made any more", q.Day)
	}
	rejects := extract.NewRejectFile(keysOf(q.Dumps))
	defer rejects.Close()
	reach := extract.NewReach(q.Day, m.Settings.Lookback)
	var tables [3]*spillfile.File // complete, open, sessions
	for i := range tables {
		f, err := spillfile.New()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		tables[i] = f
	}
	x := &extract.Extraction{
		Inputs: extract.Inputs(m.Settings.Source, q.Dumps), Workers: m.Budget.Workers, MemoryBudget: m.Budget.Memory / 2,
		MaxSession: m.Settings.MaxSessionSize, MaxRejected: m.Settings.MaxRejected, Rejects: rejects, Filter: reach.Filter, Progress: m.Progress,
	}
	seen := newDumpsSeen(q.Dumps)
	x.Opened, x.Unread = seen.opened, seen.unread
	summary, accounting, moved, err := m.writeTables(ctx, x, tables)
	result := &Result{Accounting: accounting, Oversized: summary.Oversized, Forms: seen.forms}
	if errors.As(err, new(*extract.TooManyRejects)) {
		var qerr error
		result.Quarantine, qerr = m.putRefused(ctx, q.Day, rejects)
		return result, errors.Join(err, qerr)
	}
	if err == nil {
		err = seen.check(q.Day)
	}
	if err != nil {
		return result, err
	}
	p := newPartition(q, reach, m.Settings.MaxSessionSize, &summary, accounting, m.Settings.Now())
	seen.describe(p.Manifest.Digest)
	p.Manifest.Digest.GrownFrom = grownFrom(q.Base.Manifest, q.Dumps, m.Settings.Lookback, moved || summary.Oversized.Sessions > 0)
	for i, table := range []struct {
		name string
		rows int64
	}{{format.CompleteTable, summary.Complete.Events}, {format.OpenTable, summary.Open.Events}, {format.SessionsTable, p.Manifest.Rows}} {
		p.Files = append(p.Files, tables[i].Part(table.name, ".parquet", table.rows))
	}
	if accounting.RejectedLines() > 0 {
		file, err := rejects.File(partition.QuarantineDir(q.Day))
		if err != nil {
			return result, err
		}
		p.Files = append(p.Files, file)
	}
	if result.Manifest, result.State, err = publish.Publish(ctx, m.Settings.Sink, p, q.Base); err != nil {
		return result, err
	}
	if accounting.RejectedLines() > 0 {
		parts := result.Manifest.Parts
		result.Quarantine = m.Settings.Sink.URL(parts[len(parts)-1].Key)
	}
	return result, nil
}

// writeTables extracts the sessions of the dumps into the tables of a digest. moved
// says whether copies of one event have different times.
func (m *Maker) writeTables(ctx context.Context, x *extract.Extraction, tables [3]*spillfile.File) (summary digest.Summary, a event.Accounting, moved bool, err error) {
	var writer format.DigestWriter
	workers := make([]struct {
		engine session.Engine
		batch  format.DigestBatch
	}, x.NumWorkers())
	parts := &extract.Parts{}
	parts.Begin = func(events int64) (err error) {
		if writer, err = m.Settings.Files().Digest(tables[0], tables[1], tables[2], events); err != nil {
			return err
		}
		for i := range workers {
			workers[i].batch = writer.Batch()
		}
		return nil
	}
	parts.Each = func(ctx context.Context, worker int, events []event.Event) error {
		w := &workers[worker]
		s, err := w.engine.Fold(ctx, events, nil)
		if err != nil {
			return err
		}
		return w.batch.Add(ctx, events, looksComplete(s))
	}
	parts.Oversized = func(worker int, x event.Extent) { workers[worker].batch.AddOversized(x) }
	parts.Done = func(ctx context.Context, worker int) error { return writer.Append(ctx, workers[worker].batch) }
	a, moved, err = x.Sorted(ctx, parts)
	if err == nil {
		summary, err = writer.Close(ctx)
	}
	return summary, a, moved, err
}

// newPartition is the digest as it is published, without its files.
func newPartition(q *Request, reach *extract.Reach, maxSession int64, summary *digest.Summary, a event.Accounting, now time.Time) publish.Partition {
	sessions := summary.Sessions()
	info := &publish.DigestInfo{
		Version: digest.Version, Events: summary.Complete.Events + summary.Open.Events, Sessions: sessions,
		MaxDaysLate: reach.MaxLate(), MaxDaysEarly: reach.MaxEarly(), Late: reach.LateLines(),
	}
	if o := &summary.Oversized; o.Sessions > 0 {
		info.OversizedSessions, info.OversizedIDs, info.MaxSessionSize = o.Sessions, o.IDs, maxSession
	}
	if sessions > 0 {
		info.MinTime, info.MaxTime = publish.TimeText(summary.MinTS/1000), publish.TimeText(summary.MaxTS/1000)
	}
	return publish.Partition{Dir: partition.DigestID(q.Day).Dir(), Again: q.Again, Now: now, Manifest: publish.Manifest{
		Partition: q.Day.String(), Reason: q.Reason, Rows: sessions,
		Inputs: DumpInputs(q.Dumps), Accounting: a, Digest: info,
	}}
}

// RefusedFile is the stem of the file with the rejected lines of a day that has too
// many of them for a digest.
const RefusedFile = format.RejectsFile + "-refused"

// putRefused stores the rejected lines of a day that has too many of them: people
// need them to find the fault. It returns their URL.
func (m *Maker) putRefused(ctx context.Context, d day.Day, rejects *extract.RejectFile) (url string, err error) {
	f, err := rejects.File(partition.QuarantineDir(d))
	if err != nil {
		return "", err
	}
	key := f.Dir + RefusedFile + "-" + f.Part.SHA256[:16] + f.Ext
	if _, err := m.Settings.Sink.Put(ctx, key, f.Body, f.Part.Bytes, store.Condition{}); err != nil {
		return "", err
	}
	return m.Settings.Sink.URL(key), nil
}

func keysOf(dumps []dump.Dump) []string {
	keys := make([]string, len(dumps))
	for i, d := range dumps {
		keys[i] = d.Key
	}
	return keys
}

// DumpInputs are dumps as a digest's manifest names them.
func DumpInputs(dumps []dump.Dump) []publish.Input {
	inputs := make([]publish.Input, len(dumps))
	for i, d := range dumps {
		inputs[i] = publish.Input{Key: d.Key, ETag: d.ETag, Size: d.Size}
	}
	return inputs
}

// looksComplete reports whether a session looks finished: it was created, and all
// its legs are over. Sessions that look finished are stored apart, as later days
// rarely need them. One that goes on all the same is still found.
func looksComplete(s *session.Session) bool {
	return s.Anomalies[session.MissingCreated] == 0 &&
		!slices.ContainsFunc(s.Legs, func(l session.Leg) bool { return !l.Final })
}

// grownFrom lists the earlier contents of which a digest of these dumps is a
// superset: the content before it, if that was made from the same dumps or fewer,
// and those that it had grown from. Where an event has moved in time, or a session is
// oversized, the digest is no superset: lessens says so.
func grownFrom(before *publish.Manifest, dumps []dump.Dump, lookback int, lessens bool) []string {
	if before == nil || before.Digest == nil || lessens || before.Digest.OversizedSessions > 0 || before.Digest.MaxDaysLate > lookback || before.Digest.MaxDaysEarly > lookback {
		return nil
	}
	if before.Digest.Reading != ReadingOf(dumps) {
		return nil
	}
	changes := publish.CompareInputs(before.Inputs, DumpInputs(dumps))
	if len(changes.Changed)+len(changes.Gone) > 0 || before.Digest.Version != digest.Version {
		return nil
	}
	if len(changes.Added) == 0 {
		return before.Digest.GrownFrom
	}
	grown := append(slices.Clone(before.Digest.GrownFrom), before.Fingerprint())
	return grown[max(0, len(grown)-maxGrownFrom):]
}

// maxGrownFrom is how many earlier contents a digest remembers: more than a dump
// day is digested while its dumps come in.
const maxGrownFrom = 64
