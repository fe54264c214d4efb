package pipeline

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"daybook/sinks/publish"
	"daybook/sinks/quarantine"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
)

// Rejects are the rejected lines of a dump day, as they are kept.
type Rejects struct {
	Day      day.Day          `json:"-"`
	Name     string           `json:"dump_day"`
	Refused  bool             `json:"refused"`  // there are too many of them: the day is not in the reports as its dumps are now
	Rejected map[string]int64 `json:"rejected"` // lines, by reason
	URL      string           `json:"url"`

	key string
}

// Rejects lists the rejected lines that are kept of the days that want wants,
// by day: those of its digest, or, if it was refused for them at the last
// attempt, those of that attempt.
func (r *Runner) Rejects(ctx context.Context, want func(day.Day) bool) ([]Rejects, error) {
	return r.rejectsUnder(ctx, quarantineRoot+"dt=", want)
}

// RejectsOf are the rejected lines that are kept of one day; nil if there are
// none.
func (r *Runner) RejectsOf(ctx context.Context, d day.Day) (*Rejects, error) {
	all, err := r.rejectsUnder(ctx, quarantineDir(d), func(x day.Day) bool { return x == d })
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// rejectsUnder lists those whose keys begin with prefix.
func (r *Runner) rejectsUnder(ctx context.Context, prefix string, want func(day.Day) bool) ([]Rejects, error) {
	newest := map[day.Day]store.Object{} // of the refused ones
	for object, err := range r.Sink.List(ctx, prefix) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil, nil // nothing was ever written to a directory
		}
		if err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(object.Key, quarantineRoot+"dt="), "/")
		d, err := day.Parse(name)
		if err != nil || !want(d) {
			continue
		}
		before, known := newest[d]
		switch {
		case !isRefused(object.Key):
			newest[d] = before // there is something of that day
		case !known || object.Modified.After(before.Modified):
			newest[d] = object
		}
	}
	var all []Rejects
	for _, d := range slices.Sorted(maps.Keys(newest)) {
		rejects, err := r.refused(ctx, d, newest[d])
		if rejects == nil && err == nil {
			rejects, err = r.digested(ctx, d)
		}
		if err != nil {
			return nil, err
		}
		if rejects != nil {
			rejects.Day, rejects.Name, rejects.URL = d, d.String(), r.Sink.URL(rejects.key)
			all = append(all, *rejects)
		}
	}
	return all, nil
}

// digested are the rejected lines of a digest; nil if it has none.
func (r *Runner) digested(ctx context.Context, d day.Day) (*Rejects, error) {
	base, err := publish.Read(ctx, r.Sink, digestDir(d))
	if err != nil || base.Manifest == nil {
		return nil, err
	}
	for _, part := range base.Manifest.Parts {
		if strings.HasPrefix(part.Key, quarantineRoot) {
			return &Rejects{Rejected: base.Manifest.Accounting.Rejected, key: part.Key}, nil
		}
	}
	return nil, nil
}

// refused are the lines for which a day was refused at the last attempt; nil if
// it was not.
func (r *Runner) refused(ctx context.Context, d day.Day, object store.Object) (*Rejects, error) {
	if object.Key == "" {
		return nil, nil
	}
	step := Step{Kind: Digest, Partition: d.String()}
	_, err := readFailure(ctx, r.Sink, failedKey(&step))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rejects := &Rejects{Refused: true, Rejected: map[string]int64{}, key: object.Key}
	for line, err := range r.RejectedLines(ctx, rejects) {
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil // collected meanwhile
		}
		if err != nil {
			return nil, err
		}
		rejects.Rejected[line.Reason.String()]++
	}
	return rejects, nil
}

// RejectedLines reads the lines of rejects, in the order of the dumps.
func (r *Runner) RejectedLines(ctx context.Context, rejects *Rejects) iter.Seq2[*quarantine.Line, error] {
	return func(yield func(*quarantine.Line, error) bool) {
		body, _, err := r.Sink.Open(ctx, rejects.key, 0, store.ToEnd, "")
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		reader := quarantine.NewReader(body)
		for {
			line, err := reader.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("read %s: %w", r.Sink.URL(rejects.key), err))
				return
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

// Replay is lines that have become a dump of their own.
type Replay struct {
	Lines    int64         `json:"lines"`         // that are in the dump
	URL      string        `json:"url,omitempty"` // of the dump; empty: nothing was written
	Existed  bool          `json:"existed"`       // the same lines had been replayed before
	Rejected []StillReject `json:"rejected"`      // lines that are no events yet
}

// StillReject is a line that is still no event.
type StillReject struct {
	Line   int64  `json:"line"` // of what was to be replayed, from 1
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Replay writes lines into the source, as a dump of day d: those that are
// events. If others are among them, it only tells which, and writes nothing,
// unless partial. Blank lines are left out.
//
// The dump's name is that of its content: replaying the same lines again
// changes nothing.
func (r *Runner) Replay(ctx context.Context, d day.Day, lines iter.Seq2[dump.Line, error], partial bool) (*Replay, error) {
	accepted, err := newSpool()
	if err != nil {
		return nil, err
	}
	defer accepted.Close()
	result := &Replay{Rejected: []StillReject{}}
	decoder := event.NewDecoder()
	reach := &reach{day: d, lookback: r.Lookback, out: map[beyond]int64{}}
	var e event.Event
	for line, err := range lines {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if event.Blank(line.Bytes) {
			continue
		}
		reject := decoder.Decode(line.Bytes, &e)
		if reject.Reason == 0 {
			reject = reach.filter(&e)
		}
		if reject.Reason != 0 {
			result.Rejected = append(result.Rejected, StillReject{line.Number, reject.Reason.String(), reject.Detail})
			continue
		}
		if _, err := accepted.Write(append(slices.Clone(line.Bytes), '\n')); err != nil {
			return nil, err
		}
		result.Lines++
	}
	if result.Lines == 0 || len(result.Rejected) > 0 && !partial {
		result.Lines = 0
		return result, nil
	}
	return result, r.putReplay(ctx, d, accepted, result)
}

// putReplay writes the dump, unless it is there.
func (r *Runner) putReplay(ctx context.Context, d day.Day, content *spool, result *Replay) error {
	key := fmt.Sprintf("%sreplay-%s.ndjson", r.Template.Prefix(d), hex.EncodeToString(content.hash.Sum(nil))[:16])
	result.URL = r.Source.URL(key)
	// Writing it once more would make it look like another dump.
	body, object, err := r.Source.Open(ctx, key, 0, store.ToEnd, "")
	if err == nil {
		body.Close()
		result.Existed = object.Size == content.size
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) || result.Existed {
		return err
	}
	_, err = r.Source.Put(ctx, key, content, content.size, store.Condition{})
	return err
}

// RejectedLinesOf reads the rejected lines of a day as if they were a dump, for
// [Runner.Replay]: a newer decoder, or a longer look-back, may accept them.
func (r *Runner) RejectedLinesOf(ctx context.Context, d day.Day) iter.Seq2[dump.Line, error] {
	return func(yield func(dump.Line, error) bool) {
		all, err := r.Rejects(ctx, func(x day.Day) bool { return x == d })
		if err != nil {
			yield(dump.Line{}, err)
			return
		}
		number := int64(0)
		for i := range all {
			for line, err := range r.RejectedLines(ctx, &all[i]) {
				if err != nil {
					yield(dump.Line{}, err)
					return
				}
				number++
				if !yield(dump.Line{Number: number, Bytes: line.Raw}, nil) {
					return
				}
			}
		}
	}
}
