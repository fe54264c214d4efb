package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/failures"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Reader reads catalogs.
type Reader struct {
	Settings *settings.Pipeline
	Cache    *Cache // nil: everything is read

	packs packReader
}

// Read reads what a target needs. If there are no dumps and no digests, the error
// says which keys were expected.
func (r *Reader) Read(ctx context.Context, t partition.Target) (*Catalog, error) {
	c := newCatalog(t, r.Settings.LoadKeys)
	r.packs.unneeded = r.Cache.wasUsed()
	read := r.readRange
	if t.All {
		read = r.readAll
	}
	if err := read(ctx, c); err != nil {
		return nil, err
	}
	r.Cache.setUsed()
	if c.Newest = newestDumpDay(c); c.Newest == noDay {
		return nil, r.errNoDumps(ctx, c)
	}
	return c, nil
}

func newestDumpDay(c *Catalog) day.Day {
	newest := noDay
	for d, listing := range c.dumps {
		if len(listing.Dumps) > 0 {
			newest = max(newest, d)
		}
	}
	for d := range c.digests {
		newest = max(newest, d)
	}
	return newest
}

// errNoDumps says which keys were expected, and which ones the store has.
func (r *Reader) errNoDumps(ctx context.Context, c *Catalog) error {
	window := "any day"
	example := day.Date(2026, time.November, 20)
	if !c.Target.All {
		w := c.Scope
		window, example = fmt.Sprintf("%s to %s", w.From, w.To), c.Range.From
	}
	if unknown := c.Unknown(); len(unknown) > 0 {
		return fmt.Errorf("there are no dumps of %s under %s, only what is not read: %s; %s",
			window, r.Settings.Source.URL(""), words.Names(unknown), WhyUnread(unknown[0]))
	}
	expected := make([]string, len(r.Settings.Dumps))
	for i, source := range r.Settings.Dumps {
		expected[i] = source.Template.Example(example)
	}
	text := fmt.Sprintf("there are no dumps of %s under %s; their keys should begin like %s: check source.store.url and source.key",
		window, r.Settings.Source.URL(""), strings.Join(expected, " or "))
	unread := c.Unread()
	if unread.Objects == 0 {
		var err error
		if unread, err = dump.Sample(ctx, r.Settings.Source, r.Settings.Dumps, r.isOutput()); err != nil {
			return err
		}
	}
	if unread.Objects > 0 {
		text += "; " + unread.String()
	}
	return errors.New(text)
}

// isOutput reports whether a key of the source lies in the sink.
func (r *Reader) isOutput() func(key string) bool {
	return dump.Under(r.Settings.Source.URL(""), r.Settings.Sink.URL(""))
}

func (r *Reader) readRange(ctx context.Context, c *Catalog) error {
	if err := r.readPublished(ctx, c, c.Range); err != nil {
		return err
	}
	return r.Extend(ctx, c, r.scopeOf(c))
}

// scopeOf is the dump days that can matter to the target: the window of its days, and
// those that their rows were made with.
func (r *Reader) scopeOf(c *Catalog) partition.Period {
	scope := r.Settings.Window(c.Range)
	for i := range r.Settings.Reports {
		for _, d := range c.Range.Days() {
			if have := c.Day(&r.Settings.Reports[i], d); have != nil && have.Seen != nil {
				scope = scope.Union(have.Seen.Period())
			}
		}
	}
	return scope
}

// Extend reads the digests and lists the dumps of further dump days, and all days
// between them and those that the catalog knows.
func (r *Reader) Extend(ctx context.Context, c *Catalog, days partition.Period) error {
	if c.Target.All || c.Scope.Includes(days) {
		return nil
	}
	further := []partition.Period{days}
	if c.Scope != (partition.Period{}) {
		whole := c.Scope.Union(days)
		further = []partition.Period{{From: whole.From, To: c.Scope.From - 1}, {From: c.Scope.To + 1, To: whole.To}}
		days = whole
	}
	for _, p := range further {
		if p.To < p.From {
			continue
		}
		if err := r.ReadDigests(ctx, c, p, EveryDay); err != nil {
			return err
		}
		dumps, err := dump.ListDays(ctx, r.Settings.Source, r.Settings.Dumps, p.From, p.To, r.requests())
		if err != nil {
			return err
		}
		maps.Copy(c.dumps, dumps)
	}
	c.Scope = days
	return nil
}

func (r *Reader) readAll(ctx context.Context, c *Catalog) error {
	if err := r.readPublished(ctx, c, always()); err != nil {
		return err
	}
	err := r.ReadDigests(ctx, c, always(), EveryDay)
	if err != nil {
		return err
	}
	c.Scope = always()
	now := r.Settings.Now()
	all, err := dump.ListAll(ctx, r.Settings.Source, r.Settings.Dumps, r.Cache.wholeDue(now), r.isOutput())
	if err != nil {
		return err
	}
	c.dumps, c.unread = all.Days, r.Cache.keepUnread(all.Unread, now)
	c.dropFuture(now)
	var known []day.Day
	for d := range c.digests {
		known = append(known, d)
	}
	for d, listing := range c.dumps {
		if len(listing.Dumps) > 0 {
			known = append(known, d)
		}
	}
	if len(known) > 0 {
		c.Range = partition.Period{From: slices.Min(known), To: slices.Max(known)}
	}
	return nil
}

func (r *Reader) requests() int { return r.Settings.Budget.Requests() }

// readPublished reads the target's partitions, their summaries and the notes of
// failures. Digests are read after them. Months come before days, as they are made
// from days.
func (r *Reader) readPublished(ctx context.Context, c *Catalog, target partition.Period) error {
	if err := r.readMonths(ctx, c, target); err != nil {
		return err
	}
	if err := r.ReadDays(ctx, c, target, func(*settings.Report, day.Day) bool { return true }); err != nil {
		return err
	}
	if err := r.readFailures(ctx, c); err != nil {
		return err
	}
	return r.listSummaries(ctx, c, target)
}

// ReadWindow reads nothing but the digests of a period into a new catalog.
func (r *Reader) ReadWindow(ctx context.Context, of partition.Period) (*Catalog, error) {
	c := newCatalog(partition.Target{}, r.Settings.LoadKeys)
	c.Scope = of
	return c, r.ReadDigests(ctx, c, of, EveryDay)
}

// ReadDumpDays reads nothing but the digests of a period, their notes of failures and
// the dumps of these days into a new catalog.
func (r *Reader) ReadDumpDays(ctx context.Context, of partition.Period) (*Catalog, error) {
	c := newCatalog(partition.Days(of.From, of.To), r.Settings.LoadKeys)
	if err := r.readFailures(ctx, c); err != nil {
		return nil, err
	}
	return c, r.Extend(ctx, c, of)
}

// EveryDay selects all days.
func EveryDay(day.Day) bool { return true }

func (r *Reader) readMonths(ctx context.Context, c *Catalog, p partition.Period) error {
	whole := partition.Period{From: p.From.Month().First(), To: p.To.Month().Last()}
	return r.readPartitions(ctx, c, partition.Month, monthPrefixes(p), func(_ *settings.Report, first day.Day) bool { return whole.Contains(first) })
}

// ReadDays reads the manifests of the selected days of a period, of every report.
func (r *Reader) ReadDays(ctx context.Context, c *Catalog, p partition.Period, selected func(rep *settings.Report, d day.Day) bool) error {
	return r.readPartitions(ctx, c, partition.Day, dayPrefixes(p), func(rep *settings.Report, d day.Day) bool { return p.Contains(d) && selected(rep, d) })
}

// readPartitions reads the manifests of those days or months whose names begin
// with one of prefixes and whose first day is selected.
func (r *Reader) readPartitions(ctx context.Context, c *Catalog, kind partition.Kind, prefixes []string, selected func(rep *settings.Report, first day.Day) bool) error {
	reports := r.Settings.Reports
	roots := make([]string, len(reports))
	for i := range reports {
		roots[i] = partition.Prefix(reports[i].Name, kind)
	}
	return r.readListed(ctx, roots, prefixes, func(ctx context.Context, report int, l listed) error {
		rep := &reports[report]
		p, err := partition.ParsePeriod(kind, l.name)
		if err != nil || !selected(rep, p.From) {
			return nil
		}
		id := partition.ID{Report: rep.Name, Kind: kind, Period: p}
		have := r.Cache.getPublished(l.object, rep)
		if have != nil {
			c.setPublished(id, have)
			return r.checkFiles(ctx, c, id, l, have.ETag, have.files)
		}
		base, err := r.readManifest(ctx, id, l.object)
		if errors.Is(err, publish.ErrNoManifest) {
			c.setDamage(id, err.Error())
			return nil
		}
		if err != nil || base.Manifest == nil {
			return err
		}
		have = r.setPublished(c, id, rep, base)
		return r.checkFiles(ctx, c, id, l, have.ETag, have.files)
	})
}

// ReadDigests reads the manifests of the selected digests of a period.
func (r *Reader) ReadDigests(ctx context.Context, c *Catalog, p partition.Period, selected func(day.Day) bool) error {
	roots := []string{partition.Prefix("", partition.Digest)}
	return r.readListed(ctx, roots, dayPrefixes(p), func(ctx context.Context, _ int, l listed) error {
		d, err := day.Parse(l.name)
		if err != nil || !p.Contains(d) || !selected(d) {
			return nil
		}
		id := partition.DigestID(d)
		state := r.Cache.getDigest(l.object)
		if state == nil {
			base, err := r.readManifest(ctx, id, l.object)
			if err == nil && base.Manifest == nil {
				return nil // it was removed after it was listed
			}
			if err == nil {
				if state, err = newDigestState(d, base); err != nil {
					err = fmt.Errorf("%s %w: %w", r.Settings.Sink.URL(l.object.Key), publish.ErrNoManifest, err)
				}
			}
			if errors.Is(err, publish.ErrNoManifest) {
				c.setDamage(id, err.Error())
				return nil
			}
			if err != nil {
				return err
			}
			r.Cache.putDigest(l.object.Key, state)
		}
		c.setDigest(state)
		return r.checkFiles(ctx, c, id, l, state.ETag, state.files)
	})
}

// Refresh reads the manifest of a report's day or month again.
func (r *Reader) Refresh(ctx context.Context, c *Catalog, id partition.ID, rep *settings.Report) error {
	base, err := publish.Read(ctx, r.Settings.Sink, id.Dir())
	if err == nil && base.Manifest != nil {
		r.SetPublished(c, id, rep, base)
	}
	return err
}

// SetPublished notes what is published of a report's day or month.
func (r *Reader) SetPublished(c *Catalog, id partition.ID, rep *settings.Report, base publish.Base) {
	r.Cache.note(&base)
	c.trustSummaries(id, rep, r.setPublished(c, id, rep, base))
}

func (r *Reader) setPublished(c *Catalog, id partition.ID, rep *settings.Report, base publish.Base) *Published {
	have := c.newPublished(id, rep, base)
	r.Cache.putPublished(base.Key, have)
	c.setPublished(id, have)
	return have
}

// SetDigest notes a digest as it is now. reasons say why this run has made it.
func (r *Reader) SetDigest(c *Catalog, d day.Day, base publish.Base, reasons []string) error {
	state, err := newDigestState(d, base)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Settings.Sink.URL(partition.DigestID(d).Dir()), err)
	}
	r.Cache.note(&base)
	made := *state
	r.Cache.putDigest(base.Key, state)
	made.Reasons = reasons
	c.setDigest(&made)
	return nil
}

// ReadDaysOfMonths reads the days outside the target that its months are made from. It
// is called just before the months are planned: other processes may build these days
// during the run.
func (r *Reader) ReadDaysOfMonths(ctx context.Context, c *Catalog) error {
	if c.Target.All {
		return nil // everything has been read
	}
	missing := func(rep *settings.Report, d day.Day) bool { return !c.Range.Contains(d) && c.Day(rep, d) == nil }
	for m := c.Range.From.Month(); m <= c.Range.To.Month(); m++ {
		of := partition.OfMonth(m)
		published := func(rep settings.Report) bool { return c.Month(&rep, m) != nil }
		planned := c.Complete(m) || slices.ContainsFunc(r.Settings.Reports, published)
		if !planned || c.Range.Contains(of.From) && c.Range.Contains(of.To) {
			continue
		}
		if err := r.ReadDays(ctx, c, of, missing); err != nil {
			return err
		}
	}
	return nil
}

// readFailures reads the notes of failures; there may be thousands.
func (r *Reader) readFailures(ctx context.Context, c *Catalog) error {
	sink := r.Settings.Sink
	var notes []store.Object
	for object, err := range sink.List(ctx, partition.FailureRoot) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil // the directory does not exist yet
		}
		if err != nil {
			return err
		}
		if note, known := r.Cache.getFailure(object); known {
			c.failures[object.Key] = note
		} else {
			notes = append(notes, object)
		}
	}
	return parallel.Each(ctx, len(notes), r.requests(), func(ctx context.Context, i int) error {
		note, err := failures.ReadKey(ctx, sink, notes[i].Key)
		if errors.Is(err, store.ErrNotFound) {
			return nil // another process has just succeeded
		}
		if err != nil {
			return err
		}
		failed := FailureNote{notes[i].ETag, note.Error}
		r.Cache.putFailure(notes[i].Key, failed)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.failures[notes[i].Key] = failed
		return nil
	})
}

// DigestState reads the state of a digest from its manifest.
func (r *Reader) DigestState(d day.Day, base publish.Base) (*DigestState, error) {
	return newDigestState(d, base)
}
