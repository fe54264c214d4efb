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
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
	"daybook/transform/shuffle"
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
	Published  publish.Base // now
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
	Keep     Keeper // may be nil
}

// Keeper is told the sessions of a digest that look complete, while it is made. If the
// digest fails, what it was told is worthless.
type Keeper interface {
	// Keep is told a session and its events, which are valid only during the call. Calls
	// for one worker (0 ≤ worker < Budget.Workers) do not overlap.
	Keep(worker int, events []event.Event, s *session.Session) error
	// Done is called after several sessions of a worker, for one worker at a time: the
	// sessions come in the order of their hashes then.
	Done(worker int) error
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
	bits := RangeBits(q.Dumps, m.Settings.RangeEvents)
	writer := &rangesWriter{format: m.Settings.Files(), of: shuffle.Ranges(bits), keep: m.Keep}
	defer writer.close()
	x := &extract.Extraction{
		Inputs: extract.Inputs(m.Settings.Source, q.Dumps), Workers: m.Budget.Workers, MemoryBudget: m.Budget.Memory / 2,
		MaxSession: m.Settings.MaxSessionSize, MaxRejected: m.Settings.MaxRejected, Rejects: rejects, Filter: reach.Filter, Progress: m.Progress,
		RangeBits: bits,
	}
	c := &Content{RangeBits: bits, Seen: NewDumpsSeen(q.Dumps)}
	x.Opened, x.Unread = c.Seen.Opened, c.Seen.Unread
	var err error
	c.Accounting, c.Moved, err = x.Sorted(ctx, writer.receive(x.NumWorkers()))
	if err == nil {
		c.Summary, err = writer.finish(ctx)
	}
	result := &Result{Accounting: c.Accounting, Oversized: c.Summary.Oversized, Forms: c.Seen.forms}
	if errors.As(err, new(*extract.TooManyRejects)) {
		f, ferr := rejects.File(partition.QuarantineDir(q.Day))
		if ferr == nil {
			result.Quarantine, ferr = PutRefused(ctx, m.Settings.Sink, q.Day, &f)
		}
		return result, errors.Join(err, ferr)
	}
	if err == nil {
		err = c.Seen.Check(q.Day)
	}
	if err != nil {
		return result, err
	}
	c.Reached, c.Files = reach.Reached(), writer.files()
	if c.Accounting.RejectedLines() > 0 {
		file, err := rejects.File(partition.QuarantineDir(q.Day))
		if err != nil {
			return result, err
		}
		c.Files = append(c.Files, file)
	}
	return m.Publish(ctx, q, c)
}

// Content is the content of a digest that is about to be published.
type Content struct {
	RangeBits  int
	Summary    digest.Summary
	Accounting event.Accounting
	Reached    extract.Reached
	Moved      bool           // copies of one event have different times
	Files      []publish.File // the tables by hash range, and then the rejected lines, if there are any
	Seen       *DumpsSeen     // what the dumps turned out to be
}

// Publish publishes a digest.
func (m *Maker) Publish(ctx context.Context, q *Request, c *Content) (*Result, error) {
	result := &Result{Accounting: c.Accounting, Oversized: c.Summary.Oversized, Forms: c.Seen.forms}
	p := newPartition(q, c, m.Settings.MaxSessionSize, m.Settings.Now())
	c.Seen.describe(p.Manifest.Digest)
	p.Manifest.Digest.GrownFrom = grownFrom(q.Base.Manifest, q.Dumps, m.Settings.Lookback, c.Moved || c.Summary.Oversized.Sessions > 0)
	p.Files = c.Files
	var err error
	if result.Published, result.State, err = publish.Publish(ctx, m.Settings.Sink, p, q.Base); err != nil {
		return result, err
	}
	if c.Accounting.RejectedLines() > 0 {
		parts := result.Published.Manifest.Parts
		result.Quarantine = m.Settings.Sink.URL(parts[len(parts)-1].Key)
	}
	return result, nil
}

// newPartition is the digest as it is published, without its files.
func newPartition(q *Request, c *Content, maxSession int64, now time.Time) publish.Partition {
	summary := &c.Summary
	sessions := summary.Sessions()
	info := &publish.DigestInfo{
		Version: digest.VersionOf(c.RangeBits), RangeBits: c.RangeBits, Events: summary.Complete.Events + summary.Open.Events, Sessions: sessions,
		MaxDaysLate: c.Reached.MaxLate, MaxDaysEarly: c.Reached.MaxEarly, Late: c.Reached.Late,
	}
	if o := &summary.Oversized; o.Sessions > 0 {
		info.OversizedSessions, info.OversizedIDs, info.MaxSessionSize = o.Sessions, o.IDs, maxSession
	}
	if sessions > 0 {
		info.MinTime, info.MaxTime = publish.TimeText(summary.MinTS/1000), publish.TimeText(summary.MaxTS/1000)
	}
	return publish.Partition{Dir: partition.DigestID(q.Day).Dir(), Again: q.Again, Now: now, Manifest: publish.Manifest{
		Partition: q.Day.String(), Reason: q.Reason, Rows: sessions,
		Inputs: DumpInputs(q.Dumps), Accounting: c.Accounting, Digest: info,
	}}
}

// RefusedFile is the stem of the file with the rejected lines of a day that has too
// many of them for a digest.
const RefusedFile = format.RejectsFile + "-refused"

// PutRefused stores the rejected lines of a day that has too many of them: people
// need them to find the fault. It returns their URL.
func PutRefused(ctx context.Context, sink store.Store, d day.Day, f *publish.File) (url string, err error) {
	key := partition.QuarantineDir(d) + RefusedFile + "-" + f.Part.SHA256[:16] + f.Ext
	if _, err := sink.Put(ctx, key, f.Body, f.Part.Bytes, store.Condition{}); err != nil {
		return "", err
	}
	return sink.URL(key), nil
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
	if len(changes.Changed)+len(changes.Gone) > 0 || before.Digest.Version < digest.Version {
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
