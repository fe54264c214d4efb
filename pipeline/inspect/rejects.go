package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"daybook/pipeline/digests"
	"daybook/pipeline/failures"
	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sinks/quarantine"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Rejects are the rejected lines of a dump day, as they are kept.
type Rejects struct {
	Day      day.Day          `json:"-"`
	Name     string           `json:"dump_day"`
	Refused  bool             `json:"refused"`  // there are too many: the reports lack the day's dumps as they are now
	Rejected map[string]int64 `json:"rejected"` // lines, by reason
	URL      string           `json:"url"`

	key string
}

// quarantineDays is what the keys of all rejected lines begin with; the day follows.
const quarantineDays = partition.QuarantineRoot + "dt="

// Rejects lists the rejected lines of the selected dump days, by day. If the last
// attempt at a day's digest was refused because of them, they are those of that
// attempt; otherwise they are those of the digest.
func (in *Inspector) Rejects(ctx context.Context, selected func(day.Day) bool) ([]Rejects, error) {
	return in.count(ctx, quarantineDays, selected)
}

// RejectsOf are the rejected lines of one dump day; nil if there are none.
func (in *Inspector) RejectsOf(ctx context.Context, d day.Day) (*Rejects, error) {
	all, err := in.count(ctx, partition.QuarantineDir(d), func(x day.Day) bool { return x == d })
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// FindRejects is RejectsOf without reading the lines: Rejected is nil for a refused
// day, which has no manifest that counts them.
func (in *Inspector) FindRejects(ctx context.Context, d day.Day) (*Rejects, error) {
	all, err := in.rejectsUnder(ctx, partition.QuarantineDir(d), func(x day.Day) bool { return x == d })
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// count lists the rejected lines whose keys begin with prefix, and counts those of
// refused days.
func (in *Inspector) count(ctx context.Context, prefix string, selected func(day.Day) bool) ([]Rejects, error) {
	found, err := in.rejectsUnder(ctx, prefix, selected)
	if err != nil {
		return nil, err
	}
	var all []Rejects
	for i := range found {
		rejects := &found[i]
		if rejects.Refused {
			rejects, err = in.countRefused(ctx, rejects)
		}
		if err != nil {
			return nil, err
		}
		if rejects != nil {
			all = append(all, *rejects)
		}
	}
	return all, nil
}

// IsRefused reports whether a key in the quarantine holds the lines because of which
// a dump day was refused. The others belong to digests.
func IsRefused(key string) bool {
	return strings.HasPrefix(path.Base(key), digests.RefusedFile+"-")
}

// rejectsUnder lists the rejected lines whose keys begin with prefix.
func (in *Inspector) rejectsUnder(ctx context.Context, prefix string, selected func(day.Day) bool) ([]Rejects, error) {
	newest := map[day.Day]store.Object{} // the newest refused lines of a day; empty if it has only others
	for object, err := range in.Settings.Sink.List(ctx, prefix) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil, nil // the directory does not exist yet
		}
		if err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(object.Key, quarantineDays), "/")
		d, err := day.Parse(name)
		if err != nil || !selected(d) {
			continue
		}
		before, known := newest[d]
		switch {
		case !IsRefused(object.Key):
			newest[d] = before
		case !known || object.Modified.After(before.Modified):
			newest[d] = object
		}
	}
	var all []Rejects
	for _, d := range slices.Sorted(maps.Keys(newest)) {
		rejects, err := in.refused(ctx, d, newest[d])
		if rejects == nil && err == nil {
			rejects, err = in.rejectedByDigest(ctx, d)
		}
		if err != nil {
			return nil, err
		}
		if rejects != nil {
			all = append(all, *rejects)
		}
	}
	return all, nil
}

// newRejects adds to rejects their dump day and their address.
func (in *Inspector) newRejects(d day.Day, r Rejects) *Rejects {
	r.Day, r.Name, r.URL = d, d.String(), in.Settings.Sink.URL(r.key)
	return &r
}

// rejectedByDigest are the rejected lines that belong to a digest; nil if it has
// none.
func (in *Inspector) rejectedByDigest(ctx context.Context, d day.Day) (*Rejects, error) {
	base, err := publish.Read(ctx, in.Settings.Sink, partition.DigestID(d).Dir())
	if err != nil || base.Manifest == nil {
		return nil, err
	}
	for _, part := range base.Manifest.Parts {
		if strings.HasPrefix(part.Key, partition.QuarantineRoot) {
			return in.newRejects(d, Rejects{Rejected: base.Manifest.Accounting.Rejected, key: part.Key}), nil
		}
	}
	return nil, nil
}

// refused are the lines because of which the last attempt at a day was refused; nil
// if it was not. They are in object.
func (in *Inspector) refused(ctx context.Context, d day.Day, object store.Object) (*Rejects, error) {
	if object.Key == "" {
		return nil, nil
	}
	_, err := failures.Read(ctx, in.Settings.Sink, partition.DigestID(d))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // a later attempt has succeeded
	}
	if err != nil {
		return nil, err
	}
	return in.newRejects(d, Rejects{Refused: true, key: object.Key}), nil
}

// countRefused reads the lines of a refused day, and counts them by reason. If they
// were removed after they were listed, it returns those of the digest.
func (in *Inspector) countRefused(ctx context.Context, rejects *Rejects) (*Rejects, error) {
	rejects.Rejected = map[string]int64{}
	for line, err := range in.RejectedLines(ctx, rejects) {
		if errors.Is(err, store.ErrNotFound) {
			return in.rejectedByDigest(ctx, rejects.Day)
		}
		if err != nil {
			return nil, err
		}
		rejects.Rejected[line.Reason.String()]++
	}
	return rejects, nil
}

// RejectedLines reads the lines of rejects, in the order of the dumps.
func (in *Inspector) RejectedLines(ctx context.Context, rejects *Rejects) iter.Seq2[*quarantine.Line, error] {
	return func(yield func(*quarantine.Line, error) bool) {
		body, _, err := in.Settings.Sink.Open(ctx, rejects.key, 0, store.ToEnd, "")
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
				yield(nil, fmt.Errorf("read %s: %w", in.Settings.Sink.URL(rejects.key), err))
				return
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}
