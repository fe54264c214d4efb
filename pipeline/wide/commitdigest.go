package wide

import (
	"context"
	"errors"
	"fmt"

	"daybook/pipeline/digests"
	"daybook/pipeline/extract"
	"daybook/pipeline/format"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/transform/event"
)

// ErrChanged: a dump has changed since the job was planned. A new plan has the dump that
// is there now.
var ErrChanged = errors.New("a dump has changed since it was listed; run again")

// CommitDigest publishes the digest of a job from the results of its hash ranges. It
// fails like digests.Maker.Make, with publish.ErrRaced if the digest was published
// meanwhile, and with [ErrChanged]. If it fails, nothing was published.
func CommitDigest(ctx context.Context, s *settings.Pipeline, j *DigestJob, results []RangeResult) (*digests.Result, error) {
	c, refused, err := j.content(ctx, s, results)
	if err != nil {
		result := &digests.Result{Accounting: c.Accounting}
		if refused != nil {
			var putErr error
			result.Quarantine, putErr = digests.PutRefused(ctx, s.Sink, j.Day, refused)
			err = errors.Join(err, putErr)
		}
		return result, err
	}
	q := &digests.Request{Day: j.Day, Dumps: j.Dumps, Reason: j.Reason}
	if q.Base, err = publish.Read(ctx, s.Sink, partition.DigestID(j.Day).Dir()); err != nil {
		return nil, err
	}
	if q.Base.ETag != j.ETag {
		return nil, publish.ErrRaced
	}
	maker := &digests.Maker{Settings: s, Budget: s.Budget}
	return maker.Publish(ctx, q, c)
}

// content adds the results up. If too many lines are rejected, it returns them, and the
// error is a *extract.TooManyRejects.
func (j *DigestJob) content(ctx context.Context, s *settings.Pipeline, results []RangeResult) (c *digests.Content, refused *publish.File, err error) {
	for i := range j.Dumps {
		j.Dumps[i].Of = s.Dumps.Of(j.Dumps[i].Key)
	}
	c = &digests.Content{RangeBits: j.Bits, Seen: digests.NewDumpsSeen(j.Dumps)}
	ranges, err := j.byRange(results)
	if err != nil {
		return c, nil, err
	}
	for _, r := range ranges {
		if r.Error != "" {
			return c, nil, errors.New(r.Error)
		}
	}
	lines, worst, err := j.tally(s, ranges[0].Tallies, c)
	if err != nil {
		return c, nil, err
	}
	events, duplicates := int64(0), int64(0)
	for _, r := range ranges {
		c.Summary.Add(&r.Summary)
		c.Moved = c.Moved || r.Moved
		events += r.Events
		duplicates += r.Duplicates
		for _, part := range r.Parts {
			c.Files = append(c.Files, publish.Stored(part))
		}
	}
	c.Accounting = lines.Accounting(duplicates)
	if err := sameEvents(lines.Events, events); err != nil {
		return c, nil, err
	}
	if err := c.Accounting.Check(); err != nil {
		return c, nil, err
	}
	rejected := c.Accounting.RejectedLines()
	if (rejected > 0) != (ranges[0].Rejects != nil) {
		return c, nil, fmt.Errorf("digest %s: %d lines were rejected, and their file is not as expected; this is a bug of daybook, please report it", j.Day, rejected)
	}
	if rejected == 0 {
		return c, nil, nil
	}
	if float64(rejected) > s.MaxRejected*float64(lines.Lines) {
		c.Accounting = lines.Accounting(0)
		f := publish.Stored(*ranges[0].Rejects)
		f.Body = format.Object(ctx, s.Sink, f.Part, false)
		return c, &f, &extract.TooManyRejects{Rejected: rejected, Lines: lines.Lines, Events: lines.Events, Allowed: s.MaxRejected, Cause: *worst}
	}
	c.Files = append(c.Files, publish.Stored(*ranges[0].Rejects))
	return c, nil, nil
}

// sameEvents fails unless all events that were decoded came to their hash ranges.
func sameEvents(decoded, came int64) error {
	if decoded != came {
		return fmt.Errorf("%d events were decoded, and %d came to their hash ranges; run again", decoded, came)
	}
	return nil
}

// byRange are the results in the order of their hash ranges.
func (j *DigestJob) byRange(results []RangeResult) ([]*RangeResult, error) {
	ranges := make([]*RangeResult, 1<<j.Bits)
	for i := range results {
		r := &results[i]
		if r.Day != j.Day || r.Range.Bits != j.Bits || r.Range.Number < 0 || r.Range.Number >= len(ranges) || ranges[r.Range.Number] != nil {
			return nil, fmt.Errorf("digest %s: the results have hash range %d of %d bits of %s, which is one too many", j.Day, r.Range.Number, r.Range.Bits, r.Day)
		}
		ranges[r.Range.Number] = r
	}
	for n, r := range ranges {
		if r == nil {
			return nil, fmt.Errorf("digest %s: the results lack hash range %d of %d", j.Day, n, len(ranges))
		}
	}
	return ranges, nil
}

// tally adds up what became of the dumps. worst is the dump with the most rejected
// lines.
func (j *DigestJob) tally(s *settings.Pipeline, tallies []Tally, c *digests.Content) (lines event.Tally, worst *extract.RejectCause, err error) {
	if len(tallies) != len(j.Dumps) {
		return lines, nil, fmt.Errorf("digest %s: the results have tallies of %d dumps, of %d", j.Day, len(tallies), len(j.Dumps))
	}
	for i := range tallies {
		t, d := &tallies[i], &j.Dumps[i]
		switch {
		case t.Key != d.Key || t.ETag != d.ETag:
			return lines, nil, fmt.Errorf("digest %s: the results are of %s, and the job of %s", j.Day, s.Source.URL(t.Key), s.Source.URL(d.Key))
		case t.Changed:
			return lines, nil, fmt.Errorf("%w: %s", ErrChanged, t.Error)
		case t.Error != "":
			return lines, nil, errors.New(t.Error)
		}
		lines.Add(&t.Lines)
		c.Reached.Merge(&t.Reached)
		if t.Foreign != "" {
			c.Seen.Unread(i, errors.New(t.Foreign))
		} else {
			c.Seen.Opened(i, t.Form)
		}
		if t.Lines.Lines-t.Lines.Blank-t.Lines.Events > 0 && t.Worst == nil {
			return lines, nil, fmt.Errorf("digest %s: the results do not say why lines of %s were rejected", j.Day, s.Source.URL(t.Key))
		}
		if t.Worst != nil && (worst == nil || t.Worst.Rejected > worst.Rejected) {
			worst = t.Worst
		}
	}
	return lines, worst, c.Seen.Check(j.Day)
}
