package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
)

// Target is what a plan or run is about.
type Target struct {
	period period
	all    bool // everything there are dumps or digests of
	month  bool // the whole month, complete or not
}

// Everything is all days that there are dumps or digests of, and their months.
func Everything() Target { return Target{all: true, period: period{name: "everything"}} }

// Days is each of the days from to to, and the months that they complete.
func Days(from, to day.Day) Target {
	if from == to {
		return Target{period: dayPeriod(from)}
	}
	return Target{period: period{fmt.Sprintf("%s to %s", from, to), from, to}}
}

// WholeMonth is a month and each of its days, also those without dumps.
func WholeMonth(m day.Month) Target { return Target{period: monthPeriod(m), month: true} }

// observation is what a run knows of source and sink: what was there when it
// looked, kept up to date with what it built.
//
// The order in which things are looked at is what makes it safe to commit:
// first what is published, then what it would be made from. Whoever commits in
// between makes our commit fail; whoever committed before has seen no newer
// inputs than we do. So newer content is never replaced by older.
type observation struct {
	r        *Runner
	target   Target
	from, to day.Day // the days that it is about; of everything, those of the dumps (see days)
	newest   day.Day // the newest dump day that is known of

	mu         sync.Mutex
	published  map[partitionID]*published
	digests    map[day.Day]*digestRef
	generation int // counts changes of what digests hold
	dumps      map[day.Day]dump.Listing
	failed     map[string]string      // why what failed last did, by its note's key
	damages    map[partitionID]string // what is wrong with files that are there

	summaries map[partitionID]string // of those that have any: why they have to be written again; empty: they have not
	shared    *shared

	touchMu   sync.Mutex
	touchesOf map[string][]touch // by digest's fingerprint
	touchesAt int                // the generation that they are of
}

// standing is what a step says of the manifest that it was compared with.
type standing struct {
	etag                  string
	revision              int
	rows, bytes, sessions int64
	modified              time.Time
}

func newStanding(base publish.Base) standing {
	m := base.Manifest
	s := standing{etag: base.ETag, revision: m.Revision, rows: m.Rows, bytes: partsBytes(m), modified: base.Modified}
	switch {
	case m.Digest != nil:
		s.sessions = m.Digest.Sessions
	case m.Fold != nil:
		s.sessions = m.Fold.Sessions
	}
	return s
}

// partitionID is a day or a month of a report, or a digest, by the first day of
// it.
type partitionID struct {
	report string // empty for a digest
	kind   Kind
	first  day.Day
}

func digestID(d day.Day) partitionID { return partitionID{kind: Digest, first: d} }

func (s *Step) id() partitionID { return partitionID{s.Report, s.Kind, s.period.from} }

// published is what has to be remembered of a partition's manifest, of which
// there may be tens of thousands.
type published struct {
	standing
	fingerprint string
	engine      int
	schema      int
	definition  string
	text        map[string]string // only if the definition is not the report's
	shared      []*publish.Input  // its inputs
	summaries   *publish.Summaries
	files       []filePrint // that lie beside the manifest
}

// inputs are those of the manifest.
func (p *published) inputs() []publish.Input {
	inputs := make([]publish.Input, len(p.shared))
	for i, in := range p.shared {
		inputs[i] = *in
	}
	return inputs
}

// digestRef is what has to be remembered of a digest.
type digestRef struct {
	standing
	day         day.Day
	dir         string
	fingerprint string
	grownFrom   []string
	min, max    int64 // milliseconds, of its first and last event; min > max without any
	complete    publish.Part
	open        publish.Part
	sessions    publish.Part
	tables      int64 // bytes of the three
	accounting  event.Accounting
	version     int
	late        []publish.LateLines
	daysLate    int // the most days that one of its events is before its day
	daysEarly   int // and after it
	inputs      []publish.Input
	files       []filePrint // that lie beside the manifest
	reasons     []string    // why this run has made it; nil: it has not
}

// observe looks at everything that the target needs.
func (r *Runner) observe(ctx context.Context, t Target) (*observation, error) {
	o := &observation{
		r: r, target: t, from: t.period.from, to: t.period.to, newest: noDay,
		published: map[partitionID]*published{}, digests: map[day.Day]*digestRef{}, dumps: map[day.Day]dump.Listing{}, failed: map[string]string{}, damages: map[partitionID]string{},
		touchesOf: map[string][]touch{}, shared: newShared(), summaries: map[partitionID]string{},
	}
	look := o.lookAtRange
	if t.all {
		look = o.lookAtAll
	}
	if err := look(ctx); err != nil {
		return nil, err
	}
	for d, listing := range o.dumps {
		if len(listing.Dumps) > 0 {
			o.newest = max(o.newest, d)
		}
	}
	for d := range o.digests {
		o.newest = max(o.newest, d)
	}
	if o.newest == noDay {
		window := "any day"
		example := day.Date(2026, time.November, 20)
		if !t.all {
			first, last := r.Window(o.from, o.to)
			window, example = fmt.Sprintf("%s to %s", first, last), o.from
		}
		if unknown := o.unknown(); len(unknown) > 0 {
			return nil, fmt.Errorf("there are no dumps of %s under %s, only what is not read: %s; %s",
				window, r.Source.URL(""), someNames(unknown), WhyUnread(unknown[0]))
		}
		return nil, fmt.Errorf("there are no dumps of %s under %s; their keys should begin like %s: check source.store.url and source.key",
			window, r.Source.URL(""), r.Template.Prefix(example))
	}
	return o, nil
}

// noDay is before every day there is.
const noDay = day.Day(-1 << 31)

func (o *observation) lookAtRange(ctx context.Context) error {
	target := span{o.from, o.to}
	window := spanOf(o.r.Window(o.from, o.to))
	if err := o.readSink(ctx, target, window); err != nil {
		return err
	}
	var err error
	o.dumps, err = dump.ListDays(ctx, o.r.Source, o.r.Template, window.from, window.to, o.r.requests())
	return err
}

func (o *observation) lookAtAll(ctx context.Context) error {
	err := o.readSink(ctx, always(), always())
	if err != nil {
		return err
	}
	if o.dumps, err = dump.ListAll(ctx, o.r.Source, o.r.Template); err != nil {
		return err
	}
	o.leaveFuture()
	known := slices.Collect(maps.Keys(o.digests))
	for d, listing := range o.dumps {
		if len(listing.Dumps) > 0 {
			known = append(known, d)
		}
	}
	if len(known) > 0 {
		o.from, o.to = slices.Min(known), slices.Max(known)
	}
	return nil
}

// leaveFuture leaves out dumps of days that are far ahead, and lists them as
// unknown. One wrong digit in a year, and a run would publish decades of empty
// days, and count every month as over.
func (o *observation) leaveFuture() {
	latest := day.Of(o.r.now().UnixMilli(), time.UTC) + maxDaysAhead
	for d, listing := range o.dumps {
		if d <= latest {
			continue
		}
		for _, ahead := range listing.Dumps {
			listing.Unknown = append(listing.Unknown, ahead.Key)
		}
		listing.Dumps = nil
		o.dumps[d] = listing
	}
}

// WhyUnread says to people why what a plan or run lists as unknown is not read.
func WhyUnread(name string) string {
	if dump.IsName(name) {
		return "its day is more than a year ahead"
	}
	return dump.Names
}

// maxDaysAhead is how far ahead of the clock dump days may be. Clocks are wrong,
// and people try things out, but not by more than that.
const maxDaysAhead = 366

// readSink reads what there is of the target's partitions, and then of the
// digests of their window: months before days, as they are made from days.
func (o *observation) readSink(ctx context.Context, target, window span) error {
	if err := o.readMonths(ctx, target); err != nil {
		return err
	}
	if err := o.readDays(ctx, target, func(*Report, day.Day) bool { return true }); err != nil {
		return err
	}
	if err := o.readDigests(ctx, window, everyDay); err != nil {
		return err
	}
	if err := o.readFailures(ctx); err != nil {
		return err
	}
	return o.listSummaries(ctx, target)
}

func everyDay(day.Day) bool { return true }

// readNow reads the manifest of a report's day or month as it is now.
func (o *observation) readNow(ctx context.Context, rep *Report, kind Kind, p period) error {
	base, err := publish.Read(ctx, o.r.Sink, dirOf(rep.Name, kind, p))
	if err == nil && base.Manifest != nil {
		o.set(rep, kind, p, base)
	}
	return err
}

// set notes what is published of a report's day or month.
func (o *observation) set(rep *Report, kind Kind, p period, base publish.Base) *published {
	dir := dirOf(rep.Name, kind, p)
	have := o.newPublished(rep, base, filesIn(dir, base.Manifest.Parts))
	o.r.Known.keepReport(dir+publish.ManifestName, have)
	o.remember(partitionID{rep.Name, kind, p.from}, have)
	return have
}

func (o *observation) remember(id partitionID, have *published) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if was := o.published[id]; was == nil || was.etag != have.etag {
		delete(o.damages, id)
	}
	o.published[id] = have
}

// day and month are what is published of them, as far as it is known; nil if
// there is nothing.
func (o *observation) day(rep *Report, d day.Day) *published {
	return o.have(partitionID{rep.Name, Day, d})
}

func (o *observation) month(rep *Report, m day.Month) *published {
	return o.have(partitionID{rep.Name, Month, m.First()})
}

func (o *observation) have(id partitionID) *published {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.published[id]
}

func (o *observation) newPublished(rep *Report, base publish.Base, files []filePrint) *published {
	m := base.Manifest
	p := &published{
		standing: newStanding(base), fingerprint: m.Fingerprint(),
		engine: m.EngineVersion, schema: m.SchemaVersion, definition: o.shared.text(m.Definition),
		shared: o.shared.inputsOf(m), summaries: o.shared.summariesOf(m), files: files,
	}
	if p.definition != rep.Hash {
		if p.text = m.DefinitionText; p.text == nil {
			p.text = map[string]string{} // it is known that there is none
		}
	}
	return p
}

// setDigest notes a digest as it is now, and why it was made.
func (o *observation) setDigest(d day.Day, base publish.Base, reasons []string) error {
	ref, err := newDigestRef(d, base)
	if err != nil {
		return fmt.Errorf("%s: %w", o.r.Sink.URL(digestDir(d)), err)
	}
	ref.reasons = reasons
	o.noteDigest(ref)
	return nil
}

func (o *observation) noteDigest(ref *digestRef) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if known := o.digests[ref.day]; known == nil || known.fingerprint != ref.fingerprint {
		o.generation++
	}
	o.digests[ref.day] = ref
	delete(o.damages, digestID(ref.day))
}

// days are a report's days that the target is about. Everything begins with the
// date of the first event, which may come late, or by the report's clock lie
// before the first dumps.
func (o *observation) days(rep *Report) span {
	s := span{o.from, o.to}
	if !o.target.all {
		return s
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ref := range o.digests {
		if ref.min <= ref.max {
			s.from = min(s.from, day.Of(ref.min, rep.Zone))
		}
	}
	return s
}

// window is the digests that a day is made from, by day.
func (o *observation) window(d day.Day) window { return o.digestsOf(o.r.Window(d, d)) }

// digestsOf are the digests of the days from to to.
func (o *observation) digestsOf(from, to day.Day) window {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := make(window, 0, to-from+1)
	for x := from; x <= to; x++ {
		if ref := o.digests[x]; ref != nil {
			w = append(w, ref)
		}
	}
	return w
}

func newDigestRef(d day.Day, base publish.Base) (*digestRef, error) {
	m := base.Manifest
	if m.Digest == nil {
		return nil, errors.New("its manifest is not a digest's")
	}
	ref := &digestRef{
		standing: newStanding(base), day: d, dir: digestDir(d), fingerprint: m.Fingerprint(), grownFrom: m.Digest.GrownFrom,
		min: math.MaxInt64, max: math.MinInt64, accounting: m.Accounting, version: m.Digest.Version, late: m.Digest.Late,
		daysLate: m.Digest.MaxDaysLate, daysEarly: m.Digest.MaxDaysEarly, inputs: m.Inputs, files: filesIn(digestDir(d), m.Parts),
	}
	if m.Digest.Events > 0 {
		first, err := time.Parse(timeLayout, m.Digest.MinTime)
		if err != nil {
			return nil, err
		}
		last, err := time.Parse(timeLayout, m.Digest.MaxTime)
		if err != nil {
			return nil, err
		}
		ref.min, ref.max = first.UnixMilli(), last.UnixMilli()
	}
	for _, part := range m.Parts {
		switch name := part.Key[strings.LastIndexByte(part.Key, '/')+1:]; {
		case strings.HasPrefix(name, completeTable+"-"):
			ref.complete = part
		case strings.HasPrefix(name, openTable+"-"):
			ref.open = part
		case strings.HasPrefix(name, sessionsTable+"-"):
			ref.sessions = part
		default:
			continue // the rejected lines
		}
		ref.tables += part.Bytes
	}
	if ref.complete.Key == "" || ref.open.Key == "" || ref.sessions.Key == "" {
		return nil, errors.New("its manifest does not name its three tables")
	}
	return ref, nil
}

// listSummaries lists the summaries of a span's days and months, and holds them
// against the manifests, which have been read. Ten years have some hundred
// thousand of them: only what is wrong with them is kept.
func (o *observation) listSummaries(ctx context.Context, s span) error {
	type listing struct {
		rep          *Report
		kind         Kind
		root, prefix string
	}
	var lists []listing
	for i := range o.r.Reports {
		rep := &o.r.Reports[i]
		for _, days := range s.dayPrefixes() {
			lists = append(lists, listing{rep, Day, summaryRootOf(rep.Name, Day), days})
		}
		for _, months := range s.monthPrefixes() {
			lists = append(lists, listing{rep, Month, summaryRootOf(rep.Name, Month), months})
		}
	}
	return each(ctx, len(lists), o.r.requests(), func(ctx context.Context, i int) error {
		l := &lists[i]
		name, there := "", []publish.SummaryFile(nil) // of the partition that is being listed
		for object, err := range o.r.Sink.List(ctx, l.root+l.prefix) {
			if errors.Is(err, store.ErrNoBucket) {
				return nil // nothing was ever written to a directory
			}
			if err != nil {
				return err
			}
			partition, file, _ := strings.Cut(object.Key[len(l.root):], "/")
			if strings.Contains(file, "/") {
				continue
			}
			if partition != name {
				o.judgeSummaries(l.rep, l.kind, name, there)
				name, there = partition, there[:0]
			}
			there = append(there, publish.SummaryFile{Name: file, Bytes: object.Size, ETag: object.ETag})
		}
		o.judgeSummaries(l.rep, l.kind, name, there)
		return nil
	})
}

// judgeSummaries notes what is wrong with the summaries that are there of the
// partition of a name, if it is one.
func (o *observation) judgeSummaries(rep *Report, kind Kind, name string, there []publish.SummaryFile) {
	p, ok := parsePeriod(kind, name)
	if !ok {
		return
	}
	id := partitionID{rep.Name, kind, p.from}
	if have := o.have(id); have != nil {
		reason := summaryReason(have.summaries, rep.Hash, there)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.summaries[id] = reason
	}
}

// summaryReason says in words why the summaries of a partition, of which there
// is have, have to be written again; empty: they have not.
func (o *observation) summaryReason(rep *Report, kind Kind, p period, have *published) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if reason, listed := o.summaries[partitionID{rep.Name, kind, p.from}]; listed {
		return reason
	}
	return summaryReason(have.summaries, rep.Hash, nil)
}

// late lists the lines that no report has, for the look-back does not reach
// them.
func (o *observation) late() []Late {
	late := []Late{}
	for _, d := range slices.Sorted(maps.Keys(o.digests)) {
		for _, l := range o.digests[d].late {
			late = append(late, Late{DumpDay: d.String(), Date: l.Date, Lines: l.Lines, Reason: l.Reason, Lookback: l.DaysOff})
		}
	}
	return late
}

// unknown lists the names under the days' prefixes that are no dumps.
func (o *observation) unknown() []string {
	unknown := []string{}
	for _, d := range slices.Sorted(maps.Keys(o.dumps)) {
		unknown = append(unknown, o.dumps[d].Unknown...)
	}
	return unknown
}
