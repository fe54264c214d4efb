// Package catalog knows what exists: the dumps in the source, and in the sink the
// manifests of digests, days and months, their summaries, and the notes of
// failures. A plan compares it with what should exist.
//
// A [Reader] reads a [Catalog] and keeps it up to date. It writes nothing. The
// order in which it reads makes commits safe: it reads what is published before
// what that is made from. A writer that commits in between makes our commit fail,
// and one that committed before has seen the same inputs or older ones. So a
// commit never replaces newer content by older.
package catalog

import (
	"maps"
	"slices"
	"sync"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/day"
)

// Catalog is what was there when it was read, with what has been built since. Any
// number of goroutines may use it.
type Catalog struct {
	Target partition.Target
	Range  partition.Period // the days that it is about; of everything, those with dumps or digests (see Days)
	Newest day.Day          // the newest dump day
	Scope  partition.Period // the dump days whose digests and dumps it knows

	dumps    map[day.Day]dump.Listing // fixed once it is read
	failures map[string]FailureNote   // by the key; likewise
	unread   dump.Unread              // if the target is everything

	mu         sync.Mutex
	published  map[partition.ID]*Published
	digests    map[day.Day]*DigestState
	generation int                     // counts changes of the digests' content
	damages    map[partition.ID]string // what is wrong with files that are there
	summaries  map[partition.ID]string // of partitions with summaries: why they have to be written again; empty if they have not
	intact     map[partition.ID]string // the ETag of the manifest that notes the summaries which were listed, and no others
	stray      map[partition.ID]bool   // there are summaries, and no manifest
	listed     partition.Period        // whose summaries were listed

	texts    *interner
	loadKeys func(partition.ID) []string // of a partition's loader manifests
}

func newCatalog(t partition.Target, loadKeys func(partition.ID) []string) *Catalog {
	return &Catalog{
		Target: t, Range: t.Range, Newest: noDay,
		dumps: map[day.Day]dump.Listing{}, failures: map[string]FailureNote{},
		published: map[partition.ID]*Published{}, digests: map[day.Day]*DigestState{},
		damages: map[partition.ID]string{}, summaries: map[partition.ID]string{}, intact: map[partition.ID]string{}, stray: map[partition.ID]bool{},
		texts: newInterner(), loadKeys: loadKeys,
	}
}

// noDay is before every day there is.
const noDay = day.Day(-1 << 31)

// Published is the state of a report's day or month; nil if it is not published.
func (c *Catalog) Published(id partition.ID) *Published {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.published[id]
}

// Day is the state of a report's day; nil if it is not published.
func (c *Catalog) Day(rep *settings.Report, d day.Day) *Published {
	return c.Published(partition.DayID(rep.Name, d))
}

// Month is the state of a report's month; nil if it is not published.
func (c *Catalog) Month(rep *settings.Report, m day.Month) *Published {
	return c.Published(partition.MonthID(rep.Name, m))
}

// Digest is the state of a dump day's digest; nil if it is missing or cannot be
// read.
func (c *Catalog) Digest(d day.Day) *DigestState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.digests[d]
}

// Digests are the digests of a period, by day.
func (c *Catalog) Digests(of partition.Period) Window {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := make(Window, 0, of.NumDays())
	for d := of.From; d <= of.To; d++ {
		if state := c.digests[d]; state != nil {
			w = append(w, state)
		}
	}
	return w
}

// DumpDays lists the days that have dumps, or a digest, damaged or not.
func (c *Catalog) DumpDays() []day.Day {
	c.mu.Lock()
	defer c.mu.Unlock()
	days := slices.Collect(maps.Keys(c.digests))
	for d, listing := range c.dumps {
		if len(listing.Dumps) > 0 {
			days = append(days, d)
		}
	}
	for id := range c.damages {
		if id.Kind == partition.Digest {
			days = append(days, id.Day())
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// Dumps are the dumps of a day, by key.
func (c *Catalog) Dumps(d day.Day) []dump.Dump { return c.dumps[d].Dumps }

// Failure is the error of the last attempt at a partition; empty if it succeeded.
func (c *Catalog) Failure(id partition.ID) string { return c.FailureNote(id).Text }

// FailureNote is the note that the last build of a partition failed; zero if it succeeded.
func (c *Catalog) FailureNote(id partition.ID) FailureNote { return c.failures[id.FailureKey()] }

// FailureNote is the error in a note of a failure, in the version that was listed.
type FailureNote struct{ ETag, Text string }

// Damage says what is wrong with the files of a partition; empty if nothing is.
func (c *Catalog) Damage(id partition.ID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.damages[id]
}

func (c *Catalog) setDamage(id partition.ID, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.damages[id] = what
}

// Unreadable reports whether there is a digest of the day whose manifest cannot be
// read.
func (c *Catalog) Unreadable(d day.Day) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.digests[d] == nil && c.damages[partition.DigestID(d)] != ""
}

// SummaryDifference says in words why the summaries of a published partition have
// to be written again; empty if they have not.
func (c *Catalog) SummaryDifference(id partition.ID, have *Published, rep *settings.Report) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if difference, listed := c.summaries[id]; listed {
		return difference
	}
	return have.summaries.Difference(rep.Hash, c.loadKeys(id), nil)
}

func (c *Catalog) setPublished(id partition.ID, have *Published) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was := c.published[id]; was == nil || was.ETag != have.ETag {
		delete(c.damages, id)
	}
	c.published[id] = have
}

func (c *Catalog) setDigest(state *DigestState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.digests[state.Day]; known == nil || known.Fingerprint != state.Fingerprint {
		c.generation++
	}
	c.digests[state.Day] = state
	delete(c.damages, partition.DigestID(state.Day))
}

// Generation changes whenever the content of a digest does.
func (c *Catalog) Generation() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// Days are the days of a report that the target is about. Everything begins with
// the date of the first event: it may have come late, and by the report's clock
// it may lie before the first dump day.
func (c *Catalog) Days(rep *settings.Report) partition.Period {
	p := c.Range
	if !c.Target.All {
		return p
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, state := range c.digests {
		if state.HasEvents() {
			p.From = min(p.From, day.Of(state.First, rep.Zone))
		}
	}
	return p
}

// Complete reports whether a month is over: there are dumps of its last day or of
// a later one, or the target asks for the whole month.
func (c *Catalog) Complete(m day.Month) bool {
	return c.Target.WholeMonth || c.Newest >= m.Last()
}

// Late are lines of a dump day that lie further back (or ahead) than the look-back
// reaches: they are in no report.
type Late struct {
	DumpDay  string `json:"dump_day"`
	Date     string `json:"date"` // UTC; the reports of this day would change
	Lines    int64  `json:"lines"`
	Reason   string `json:"reason"`        // too_late or too_early
	Lookback int    `json:"lookback_days"` // that would reach them
}

// Late lists the lines that the look-back does not reach, by dump day.
func (c *Catalog) Late() []Late {
	c.mu.Lock()
	defer c.mu.Unlock()
	late := []Late{}
	for _, d := range slices.Sorted(maps.Keys(c.digests)) {
		for _, l := range c.digests[d].Late {
			late = append(late, Late{DumpDay: d.String(), Date: l.Date, Lines: l.Lines, Reason: l.Reason, Lookback: l.DaysOff})
		}
	}
	return late
}

// Unknown lists the keys under the days' prefixes that are not read: they are no
// dumps, or their day is far ahead.
func (c *Catalog) Unknown() []string {
	unknown := []string{}
	for _, d := range slices.Sorted(maps.Keys(c.dumps)) {
		unknown = append(unknown, c.dumps[d].Unknown...)
	}
	return unknown
}

// Unread counts the objects that look like dumps and are read for no day, as of the
// last listing of the whole store. A target of some days has none.
func (c *Catalog) Unread() dump.Unread { return c.unread }

// WhyUnread says in words why a key that Unknown lists is not read.
func WhyUnread(listed string) string {
	why := dump.WhyUnknown(listed)
	if why == dump.TakenNames && dump.IsName(listed) {
		return "its day is more than a year ahead"
	}
	return why
}

// maxDaysAhead is how far ahead of the clock a dump day may be. A clock may be
// wrong, and tests use later days, but by less than this.
const maxDaysAhead = 366

// dropFuture moves dumps of days that are far ahead to the unknown keys. With one
// wrong digit in a year, a run would publish decades of empty days, and take every
// month for complete.
func (c *Catalog) dropFuture(now time.Time) {
	latest := day.Of(now.UnixMilli(), time.UTC) + maxDaysAhead
	for d, listing := range c.dumps {
		if d <= latest {
			continue
		}
		for _, ahead := range listing.Dumps {
			listing.Unknown = append(listing.Unknown, ahead.Key)
		}
		listing.Dumps = nil
		c.dumps[d] = listing
	}
}

// checkSummaries notes the difference between the summaries of a partition that
// are there and those in its manifest.
func (c *Catalog) checkSummaries(id partition.ID, rep *settings.Report, there []publish.SummaryFile) {
	have := c.Published(id)
	if have == nil {
		c.noteStray(id)
		return
	}
	difference := have.summaries.Difference(rep.Hash, c.loadKeys(id), there)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.summaries[id] = difference
	if difference == "" && len(there) == len(have.summaries.All()) {
		c.intact[id] = have.ETag
	}
}

// noteStray notes that there are summaries of a partition, unless it is published.
func (c *Catalog) noteStray(id partition.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.published[id] == nil {
		c.stray[id] = true
	}
}

// trustSummaries takes the summaries that a new manifest notes for those that are there.
func (c *Catalog) trustSummaries(id partition.ID, rep *settings.Report, have *Published) {
	difference := have.summaries.Difference(rep.Hash, c.loadKeys(id), have.summaries.All())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.summaries[id] = difference
}

// SummariesIntact reports whether the summaries that a manifest with an ETag notes were
// listed, and no others. Without a manifest, the ETag is empty.
func (c *Catalog) SummariesIntact(id partition.ID, etag string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if etag == "" {
		return c.listed.Includes(id.Period) && !c.stray[id]
	}
	return c.intact[id] == etag
}
