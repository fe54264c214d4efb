package inspect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// Change is a day or a month of a report that was published, restated or removed.
type Change struct {
	ID          partition.ID  `json:"-"`
	Change      ChangeKind    `json:"change"`
	Report      string        `json:"report"`
	Kind        string        `json:"kind"`                   // day or month
	Partition   string        `json:"partition"`              // 2026-11-20 or 2026-11
	Revision    int           `json:"revision,omitempty"`     // the rest is empty if it was removed
	PublishedAt string        `json:"published_at,omitempty"` // when the revision was published; empty if version 0.1.0 did it
	Reason      string        `json:"reason,omitempty"`
	Rows        int64         `json:"rows"`
	Parts       []ChangedPart `json:"parts"`
}

// ChangedPart is a file of the revision.
type ChangedPart struct {
	Key    string `json:"-"`   // in the sink
	URL    string `json:"url"` // as loaders know it: gs:// in Google's buckets
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// ChangeKind says how a partition has changed.
type ChangeKind string

// The kinds of changes.
const (
	Published ChangeKind = "published" // its first revision
	Restated  ChangeKind = "restated"  // a later one
	Removed   ChangeKind = "removed"   // its manifest is gone: somebody deleted it, as daybook removes no partition
)

// BytesOf is the size of all files, in bytes.
func (c *Change) BytesOf() (n int64) {
	for _, part := range c.Parts {
		n += part.Bytes
	}
	return n
}

// A commit is looked for a while before the cursor, by the store's clock. overlap is
// longer than a listing takes and than the clocks of a store's machines differ. A
// part may be older than the commit of its manifest by the grace period of GC.
const (
	overlap     = time.Hour
	partOverlap = overlap + publish.DefaultGrace
)

// Changes lists the days and months of all reports that were published, restated or
// removed since a cursor, by kind, report and period, and the next cursor. Of a
// partition that was restated several times it lists the last revision.
//
// It compares times of the store alone, and looks further back than the cursor (see
// overlap). So no clock has to be right, nothing is left out, and a change may be
// listed again: a consumer skips a revision that it has. A commit during the listings
// is listed now or since the next cursor. What was removed is known from a cursor,
// but not from a date.
//
// It lists the manifests. Of the years with manifests that were written since the
// cursor it lists the parts, too, and reads the manifests that have changed. Parts tell
// a new revision from a manifest that was written again with the same one, as happens
// to many when a dump arrives.
func (in *Inspector) Changes(ctx context.Context, since Cursor) ([]Change, Cursor, error) {
	manifests, err := in.newest(ctx, []string{publish.ManifestRoot + partition.ReportRoot, publish.ManifestRoot + partition.MonthRoot}, publish.ManifestDir)
	if err != nil {
		return nil, since, err
	}
	if len(manifests) == 0 && !since.Empty() {
		return nil, since, fmt.Errorf("%s: there are no manifests, and the cursor is of a sink that has some: correct sink.store.url, or mount the disk; "+
			"if all reports were removed on purpose, empty their tables and begin with a date as cursor", in.Settings.Sink.URL(publish.ManifestRoot))
	}
	ids := slices.SortedFunc(maps.Keys(manifests), partition.Compare)
	next := Cursor{at: in.moment(manifests), had: had(ids)}
	parts, err := in.newest(ctx, since.yearsOf(manifests), func(key string) (string, bool) { return key[:strings.LastIndexByte(key, '/')+1], true })
	if err != nil {
		return nil, since, err
	}
	ids = slices.DeleteFunc(ids, func(id partition.ID) bool { return !since.changed(id, manifests[id], parts[id]) })
	changes := make([]Change, len(ids))
	err = parallel.Each(ctx, len(ids), in.Settings.Budget.Requests(), func(ctx context.Context, i int) error {
		base, err := publish.Read(ctx, in.Settings.Sink, ids[i].Dir())
		if err == nil && base.Manifest != nil {
			changes[i] = ChangeOf(in.Settings, ids[i], base.Manifest)
		}
		return err
	})
	if err != nil {
		return nil, since, err
	}
	changes = slices.DeleteFunc(changes, func(c Change) bool { return c.Revision == 0 }) // removed since the listing
	return append(changes, since.removed(next.had)...), next, nil
}

// newest lists the objects under prefixes and finds the time of the newest one of each
// day and month. dir is the directory of the partition that a key belongs to.
func (in *Inspector) newest(ctx context.Context, prefixes []string, dir func(key string) (string, bool)) (map[partition.ID]time.Time, error) {
	var mu sync.Mutex
	newest := map[partition.ID]time.Time{}
	add := func(object store.Object) {
		d, ok := dir(object.Key)
		if !ok {
			return
		}
		id, ok := partition.OfDir(d)
		mu.Lock()
		defer mu.Unlock()
		if known := newest[id]; ok && !known.After(object.Modified) {
			newest[id] = object.Modified
		}
	}
	err := parallel.Each(ctx, len(prefixes), in.Settings.Budget.Requests(), func(ctx context.Context, i int) error {
		for object, err := range in.Settings.Sink.List(ctx, prefixes[i]) {
			if errors.Is(err, store.ErrNoBucket) {
				return nil // the directory does not exist yet
			}
			if err != nil {
				return err
			}
			add(object)
		}
		return nil
	})
	return newest, err
}

// yearsOf are what the keys of parts begin with in the years of the partitions whose
// manifests were written since the cursor. Since a time before everything all are
// listed, and no part decides.
func (c *Cursor) yearsOf(manifests map[partition.ID]time.Time) []string {
	if c.at.IsZero() {
		return nil
	}
	prefixes := map[string]bool{}
	for id, written := range manifests {
		if c.recent(written, overlap) {
			prefixes[partition.Prefix(id.Report, id.Kind)+id.Name()[:len("2026-")]] = true
		}
	}
	return slices.Sorted(maps.Keys(prefixes))
}

// moment is the time of the newest manifest. A time ahead of our clock is wrong, or our
// clock is: ours is then the earlier one, and so on the safe side.
func (in *Inspector) moment(manifests map[partition.ID]time.Time) (newest time.Time) {
	for _, modified := range manifests {
		if modified.After(newest) {
			newest = modified
		}
	}
	if now := in.Settings.Now(); newest.After(now) {
		return now
	}
	return newest
}

// changed reports whether a partition may have changed since the cursor. manifest and
// part are the times of its manifest and of its newest part; zero: unknown.
func (c *Cursor) changed(id partition.ID, manifest, part time.Time) bool {
	if c.had != nil && !c.had[set{id.Report, id.Kind}].has(number(id)) {
		return true
	}
	return c.recent(manifest, overlap) && c.recent(part, partOverlap)
}

// recent reports whether an object may have been written since the cursor.
func (c *Cursor) recent(written time.Time, overlap time.Duration) bool {
	return written.IsZero() || !written.Before(c.at.Add(-overlap))
}

// removed lists the partitions that the cursor had and that are not there now.
func (c *Cursor) removed(now map[set]spans) []Change {
	var ids []partition.ID
	for in, all := range c.had {
		for _, x := range all {
			for n := x.first; n <= x.last; n++ {
				if !now[in].has(n) {
					ids = append(ids, in.numbered(n))
				}
			}
		}
	}
	slices.SortFunc(ids, partition.Compare)
	changes := make([]Change, len(ids))
	for i, id := range ids {
		changes[i] = Change{ID: id, Change: Removed, Report: id.Report, Kind: string(id.Kind), Partition: id.Name(), Parts: []ChangedPart{}}
	}
	return changes
}

// ChangeOf describes a published revision.
func ChangeOf(s *settings.Pipeline, id partition.ID, m *publish.Manifest) Change {
	c := Change{
		ID: id, Change: Published, Report: id.Report, Kind: string(id.Kind), Partition: id.Name(), Revision: m.Revision,
		PublishedAt: m.PublishedAt, Reason: m.Reason, Rows: m.Rows, Parts: make([]ChangedPart, len(m.Parts)),
	}
	if m.Revision > 1 {
		c.Change = Restated
	}
	for i, part := range m.Parts {
		c.Parts[i] = ChangedPart{part.Key, s.LoaderURL(part.Key), part.Rows, part.Bytes, part.SHA256}
	}
	return c
}
