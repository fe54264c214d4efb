package simtest

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
)

// An oracle knows the world, and sees every change of the sink as it happens. A reader
// could have seen every fault that it reports.
type oracle struct {
	world   *world
	sink    *bucket
	reports []settings.Report

	arrived   map[string]*arrivedDump // by key
	lineOf    map[string]int          // of the world, by its event's encoding
	firstOf   []int                   // the first line with the same event id, by line
	old       map[string]string       // directories of the partitions that version 0.1.0 has published, by manifest key
	published map[string]*publish.Manifest
	named     map[string]naming                   // parts that manifests name, by key
	revisions map[string]map[int]string           // the content of each, by directory
	digests   map[string]lineSet                  // what they hold, by fingerprint
	days      map[string]map[string]*publishedDay // by directory and fingerprint
	expected  map[expectation][]byte              // rows that were computed before
	engine    session.Engine
}

type arrivedDump struct {
	*worldDump
	input publish.Input
}

// naming is the manifest that names a part, and the hash that it gives.
type naming struct{ manifest, sha256 string }

// publishedDay is one content of a day, and the first and last revision with it.
type publishedDay struct {
	rows        []report.Row
	first, last int
}

type expectation struct {
	report int
	day    day.Day
	lines  lineSet
}

func newOracle(w *world, sink *bucket, reports []settings.Report) *oracle {
	o := &oracle{
		world: w, sink: sink, reports: reports,
		arrived: map[string]*arrivedDump{}, lineOf: map[string]int{}, published: map[string]*publish.Manifest{}, named: map[string]naming{},
		revisions: map[string]map[int]string{}, digests: map[string]lineSet{}, days: map[string]map[string]*publishedDay{}, expected: map[expectation][]byte{},
	}
	firsts := map[string]int{}
	for i := range w.lines {
		e := &w.lines[i].event
		o.lineOf[string(appendEvent(nil, e))] = i
		if _, ok := firsts[e.ID]; !ok {
			firsts[e.ID] = i
		}
		o.firstOf = append(o.firstOf, firsts[e.ID])
	}
	return o
}

// check checks everything that has changed.
func (o *oracle) check() error {
	changed := o.sink.changed
	o.sink.changed = nil
	for _, key := range changed {
		if err := o.checkKey(key); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func (o *oracle) checkKey(key string) error {
	if dir, ok := publish.ManifestDir(key); ok {
		return o.checkManifest(dir)
	}
	if dir, ok := o.old[key]; ok && o.published[dir] != nil {
		return o.checkManifest(dir)
	}
	if strings.HasPrefix(key, pipelinetest.SummaryRoot) {
		return o.checkSummary(key)
	}
	if by, ok := o.named[key]; ok {
		if err := o.checkPart(key, by.sha256); err != nil {
			return fmt.Errorf("%w, and %s names it", err, by.manifest)
		}
	}
	return nil
}

// setOld notes which partitions have the layout of version 0.1.0. Their content is the
// same as before.
func (o *oracle) setOld(dirs map[string]string) error {
	o.old, o.sink.changed = dirs, nil
	for _, dir := range dirs {
		if o.published[dir] == nil {
			continue // of an empty day
		}
		base, err := publish.Read(context.Background(), o.sink.Memory, dir)
		if err != nil {
			return err
		}
		o.setNames(base.Key, o.published[dir], base.Manifest)
		o.published[dir] = base.Manifest
	}
	return nil
}

// hasMoved reports whether version 0.1.0 has published a partition, and its manifest
// has moved since.
func (o *oracle) hasMoved(dir string) bool {
	base, err := publish.Read(context.Background(), o.sink.Memory, dir)
	return err == nil && o.old[publish.OldManifestKey(dir)] != "" && base.Key == publish.ManifestKey(dir)
}

func (o *oracle) checkPart(key, sha256 string) error {
	b, err := o.read(key)
	if err != nil {
		return err
	}
	if pipelinetest.SHA256(b) != sha256 {
		return errors.New("it has another content than its manifest says")
	}
	return nil
}

func (o *oracle) read(key string) ([]byte, error) {
	return pipelinetest.ReadObject(context.Background(), o.sink.Memory, key)
}

func (o *oracle) checkSummary(key string) error {
	b, err := o.read(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	switch {
	case err != nil:
	case path.Base(key) == figures.Name:
		_, err = figures.Decode(bytes.NewReader(b))
	default:
		_, err = csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff")))).ReadAll()
	}
	return err
}

// checkManifest checks a partition, or a kept revision, whose manifest has changed.
func (o *oracle) checkManifest(dir string) error {
	key := publish.ManifestKey(dir)
	base, err := publish.Read(context.Background(), o.sink.Memory, dir)
	if err != nil {
		return err
	}
	before, m := o.published[dir], base.Manifest
	o.setNames(key, before, m)
	if kept, ok := strings.CutPrefix(dir, publish.HistoryRoot); ok {
		o.published[dir] = m
		return o.checkKept(kept, m)
	}
	if m == nil {
		return errors.New("it is gone")
	}
	o.published[dir] = m
	if err := o.checkRevision(dir, before, m); err != nil {
		return err
	}
	if err := m.Accounting.Check(); err != nil {
		return err
	}
	switch {
	case m.Digest != nil:
		err = o.checkDigest(before, m)
	case strings.HasPrefix(dir, partition.MonthRoot):
		err = o.checkMonth(before, m)
	default:
		err = o.checkDay(dir, before, m)
	}
	if err != nil {
		return fmt.Errorf("revision %d: %w", m.Revision, err)
	}
	return nil
}

// setNames notes which parts a manifest names now.
func (o *oracle) setNames(key string, before, m *publish.Manifest) {
	if before != nil {
		for _, p := range before.Parts {
			delete(o.named, p.Key)
		}
	}
	if m != nil {
		for _, p := range m.Parts {
			o.named[p.Key] = naming{key, p.SHA256}
		}
	}
}

// checkRevision: a revision follows the one before it. Its parts are there, and belong
// to it alone.
func (o *oracle) checkRevision(dir string, before, m *publish.Manifest) error {
	content := ""
	for _, p := range m.Parts {
		if err := o.checkPart(p.Key, p.SHA256); err != nil {
			return err
		}
		if !strings.Contains(path.Base(p.Key), fmt.Sprintf("-r%d-", m.Revision)) {
			return fmt.Errorf("%s is not of revision %d", p.Key, m.Revision)
		}
		content += p.SHA256
	}
	if before != nil && m.Revision != before.Revision && m.Revision != before.Revision+1 {
		return fmt.Errorf("revision %d follows revision %d", m.Revision, before.Revision)
	}
	if o.revisions[dir] == nil {
		o.revisions[dir] = map[int]string{}
	}
	if was, ok := o.revisions[dir][m.Revision]; ok && was != content {
		return fmt.Errorf("revision %d had another content before", m.Revision)
	}
	o.revisions[dir][m.Revision] = content
	return nil
}

// checkKept: a kept revision is complete, and was published.
func (o *oracle) checkKept(dir string, m *publish.Manifest) error {
	if m == nil {
		return nil // it has expired
	}
	content := ""
	for _, p := range m.Parts {
		if err := o.checkPart(p.Key, p.SHA256); err != nil {
			return err
		}
		content += p.SHA256
	}
	parent := strings.TrimSuffix(dir, fmt.Sprintf("r%d/", m.Revision))
	if was, ok := o.revisions[parent][m.Revision]; ok && was != content || parent == dir {
		return fmt.Errorf("it was never published as revision %d", m.Revision)
	}
	return nil
}

// checkDigest: it has every event of its dumps once, and nothing else. It has all dumps
// that it had before.
func (o *oracle) checkDigest(before, m *publish.Manifest) error {
	var lines lineSet
	accepted, rejected := int64(0), int64(0)
	for _, in := range m.Inputs {
		dump := o.arrived[in.Key]
		if dump == nil || dump.input != in {
			return fmt.Errorf("it is made from %+v, which never was", in)
		}
		rejected += int64(len(dump.noise))
		for _, i := range dump.lines {
			if dump.accepts(&o.world.lines[i]) {
				lines.add(i)
				accepted++
			} else {
				rejected++
			}
		}
	}
	if before != nil {
		for _, in := range before.Inputs {
			if !slices.Contains(m.Inputs, in) {
				return fmt.Errorf("it was made from %s before, and is not any more", in.Key)
			}
		}
	}
	lines = o.unique(lines)
	var held lineSet
	events := int64(0)
	for _, p := range m.Parts[:2] {
		b, err := o.read(p.Key)
		if err != nil {
			return err
		}
		groups, err := plainFormat{}.Events(bytes.NewReader(b), p.Bytes, 0, false)
		if err != nil {
			return err
		}
		for _, group := range groups.(plainGroups) {
			for i := range group {
				line, ok := o.lineOf[string(appendEvent(nil, &group[i]))]
				if !ok {
					return fmt.Errorf("event %s is in no dump", group[i].ID)
				}
				held.add(line)
				events++
			}
		}
	}
	if held != lines || events != m.Digest.Events {
		return fmt.Errorf("it holds %d events, lines %b of the world, and its dumps have %b", events, held, lines)
	}
	if a := m.Accounting; a.Accepted != events || a.Duplicates != accepted-events || a.RejectedLines() != rejected {
		return fmt.Errorf("%+v, and there are %d events, %d duplicates, %d rejected lines", a, events, accepted-events, rejected)
	}
	o.digests[m.Fingerprint()] = held
	return nil
}

// unique keeps the line that counts of all lines of the same event.
func (o *oracle) unique(lines lineSet) (left lineSet) {
	best := map[int]int{}
	for i := range o.world.lines {
		if !lines.has(i) {
			continue
		}
		first := o.firstOf[i]
		if b, ok := best[first]; !ok || session.Compare(o.world.lines[i].event, o.world.lines[b].event) < 0 {
			best[first] = i
		}
	}
	for _, i := range best {
		left.add(i)
	}
	return left
}

// events are the first lines of the events that lines are of.
func (o *oracle) events(lines lineSet) (events lineSet) {
	for i, first := range o.firstOf {
		if lines.has(i) {
			events.add(first)
		}
	}
	return events
}

// checkDay: its rows are those of its digests, and these have all events of the digests
// that it was made from before.
func (o *oracle) checkDay(dir string, before, m *publish.Manifest) error {
	var lines lineSet
	for _, in := range m.Inputs {
		held, ok := o.digests[in.ETag]
		if !ok {
			return fmt.Errorf("it is made from %+v, which never was", in)
		}
		lines |= held
	}
	if err := o.checkSeen(before, m); err != nil {
		return err
	}
	rows, err := o.rows(m)
	if err != nil {
		return err
	}
	e, err := o.expectationOf(m, lines)
	if err != nil {
		return err
	}
	if want := o.expect(e); !bytes.Equal(encodeRows(rows), want) {
		return fmt.Errorf("it has %d rows, and they are not those of its digests", len(rows))
	}
	if err := unambiguous(rows); err != nil {
		return err
	}
	contents := o.days[dir]
	if contents == nil {
		contents = map[string]*publishedDay{}
		o.days[dir] = contents
	}
	if c := contents[m.Fingerprint()]; c != nil {
		c.last = m.Revision
	} else {
		contents[m.Fingerprint()] = &publishedDay{rows, m.Revision, m.Revision}
	}
	return nil
}

// checkSeen: of no dump day it has seen an older digest than before.
func (o *oracle) checkSeen(before, m *publish.Manifest) error {
	if m.Seen == nil {
		return errors.New("it does not say which digests it has seen")
	}
	held := map[string]lineSet{"": 0}
	for fingerprint, lines := range o.digests {
		held[fingerprint[:16]] = o.events(lines)
	}
	now := seenByDay(m.Seen)
	for d, print := range now {
		if _, ok := held[print]; !ok && d != emptyDay.String() {
			return fmt.Errorf("it has seen %s of %s, which never was", print, d)
		}
	}
	if before == nil || before.Seen == nil {
		return nil
	}
	for d, was := range seenByDay(before.Seen) {
		if is, ok := now[d]; ok && !held[is].contains(held[was]) {
			return fmt.Errorf("it had seen more events of %s before", d)
		}
	}
	return nil
}

// seenByDay are the prints of digests by dump day.
func seenByDay(s *publish.Seen) map[string]string {
	prints := map[string]string{}
	from, err := day.Parse(s.From)
	if err != nil {
		return nil
	}
	for i, print := range s.Fingerprints {
		prints[(from + day.Day(i)).String()] = print
	}
	return prints
}

func unambiguous(rows []report.Row) error {
	type rowKey struct{ session, leg int64 }
	seen := map[rowKey]bool{}
	for i := range rows {
		k := rowKey{rows[i].SessionID, rows[i].Leg}
		if seen[k] {
			return errors.New("leg " + strconv.FormatInt(k.leg, 10) + " of session " + strconv.FormatInt(k.session, 10) + " occurs twice")
		}
		seen[k] = true
	}
	return nil
}

// rows are those of a published partition.
func (o *oracle) rows(m *publish.Manifest) ([]report.Row, error) {
	var rows []report.Row
	for _, p := range m.Parts {
		b, err := o.read(p.Key)
		if err != nil {
			return nil, err
		}
		some, err := plainRows(bytes.NewReader(b), p.Bytes)
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	if int64(len(rows)) != m.Rows {
		return nil, fmt.Errorf("it has %d rows, and its manifest says %d", len(rows), m.Rows)
	}
	return rows, nil
}

// expectationOf is what a day has to have, made from lines.
func (o *oracle) expectationOf(m *publish.Manifest, lines lineSet) (expectation, error) {
	r := slices.IndexFunc(o.reports, func(r settings.Report) bool { return r.Name == m.Report })
	d, err := day.Parse(m.Partition)
	return expectation{r, d, lines}, err
}

// expect computes the rows of a day from the world, in the plainest way.
func (o *oracle) expect(e expectation) []byte {
	if rows, ok := o.expected[e]; ok {
		return rows
	}
	rep := &o.reports[e.report]
	bySession := map[int64][]int{}
	lines := o.unique(e.lines)
	for i := range o.world.lines {
		if lines.has(i) {
			id := o.world.lines[i].event.SessionID
			bySession[id] = append(bySession[id], i)
		}
	}
	var rows []report.Row
	var counts report.Counts
	for _, lines := range bySession {
		for _, events := range bySilence(o.eventsOf(lines)) {
			folded, _ := o.engine.Fold(context.Background(), events, nil)
			for i := range folded.Legs {
				if l := &folded.Legs[i]; rep.Date(l) == e.day && rep.Includes(folded, l) {
					rows = append(rows, report.Row{})
					rep.Row(&rows[len(rows)-1], folded, l, &counts)
				}
			}
		}
	}
	slices.SortFunc(rows, func(a, b report.Row) int { return report.Compare(&a, &b) })
	o.expected[e] = encodeRows(rows)
	return o.expected[e]
}

// bySilence divides the events of a session where it is silent for more than the
// look-back.
func bySilence(events []event.Event) (stretches [][]event.Event) {
	for i, e := range events {
		if i == 0 || time.Duration(e.TS-events[i-1].TS)*time.Microsecond > lookback*24*time.Hour {
			stretches = append(stretches, nil)
		}
		last := len(stretches) - 1
		stretches[last] = append(stretches[last], e)
	}
	return stretches
}

// eventsOf are the events of lines, in the contract's order.
func (o *oracle) eventsOf(lines []int) []event.Event {
	events := make([]event.Event, len(lines))
	for i, line := range lines {
		events[i] = o.world.lines[line].event
	}
	slices.SortFunc(events, session.Compare)
	return events
}

// checkMonth: its rows are those of its days, and none of them is older than before.
func (o *oracle) checkMonth(before, m *publish.Manifest) error {
	had := map[string]string{}
	if before != nil {
		for _, in := range before.Inputs {
			had[in.Key] = in.ETag
		}
	}
	var want []report.Row
	for _, in := range m.Inputs {
		now, was := o.days[in.Key][in.ETag], o.days[in.Key][had[in.Key]]
		if now == nil && in.ETag != emptyFingerprint() {
			return fmt.Errorf("it is made from %+v, which never was", in)
		}
		if now != nil && was != nil && now.last < was.first {
			return fmt.Errorf("of %s it had revision %d before, and now %d", in.Key, was.first, now.last)
		}
		if now != nil {
			want = append(want, now.rows...)
		}
	}
	slices.SortFunc(want, func(a, b report.Row) int { return report.Compare(&a, &b) })
	rows, err := o.rows(m)
	if err != nil {
		return err
	}
	if !bytes.Equal(encodeRows(rows), encodeRows(want)) {
		return fmt.Errorf("it has %d rows, and they are not the %d of its days", len(rows), len(want))
	}
	return nil
}

// emptyFingerprint is the fingerprint of a day without rows.
func emptyFingerprint() string {
	m := publish.Manifest{Parts: []publish.Part{{SHA256: pipelinetest.SHA256(nil)}}}
	return m.Fingerprint()
}

// leftovers fails if the sink has an object that no manifest names.
func (o *oracle) leftovers() error {
	for object, err := range o.sink.List(context.Background(), "") {
		if err != nil {
			return err
		}
		dir, _ := path.Split(object.Key)
		_, isManifest := publish.ManifestDir(object.Key)
		switch {
		case o.old[object.Key] != "" && !o.hasMoved(o.old[object.Key]):
		case isManifest, strings.HasPrefix(dir, pipelinetest.SummaryRoot), strings.HasPrefix(dir, partition.FailureRoot), dir == partition.PackRoot, dir == partition.DigestID(emptyDay).Dir():
		case strings.HasPrefix(dir, publish.HistoryRoot):
			if err := o.mayBeKept(dir); err != nil {
				return fmt.Errorf("%s: %w", object.Key, err)
			}
		default:
			if _, named := o.named[object.Key]; !named && !o.ofEmptyDay(dir, object.Size) {
				return fmt.Errorf("%s is left over", object.Key)
			}
		}
	}
	return nil
}

// mayBeKept: old copies are of the live revision. A writer that was stopped before its
// commit has made them.
func (o *oracle) mayBeKept(kept string) error {
	dir, revision := path.Split(strings.TrimSuffix(strings.TrimPrefix(kept, publish.HistoryRoot), "/"))
	if live := o.published[dir]; live != nil && revision != fmt.Sprintf("r%d", live.Revision) {
		return fmt.Errorf("it is left over of %s, and revision %d is live", revision, live.Revision)
	}
	return nil
}

// ofEmptyDay reports whether a file may be a part of the image: of a day that has not
// changed since.
func (o *oracle) ofEmptyDay(dir string, size int64) bool { return o.published[dir] == nil && size == 0 }

// view is what readers see of the reports: the hashes of the parts by partition, and
// the summaries. old are the directories of partitions by the manifest's key in the
// layout of version 0.1.0.
func view(st store.Store, old map[string]string) (map[string]string, error) {
	ctx := context.Background()
	seen := map[string]string{}
	for object, err := range st.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		dir, isManifest := publish.ManifestDir(object.Key)
		if of, isOld := old[object.Key]; isOld {
			dir, isManifest = of, true
		}
		switch {
		case strings.HasPrefix(object.Key, pipelinetest.SummaryRoot):
			seen[object.Key] = object.ETag // the hash of its content
		case isManifest && (strings.HasPrefix(dir, partition.ReportRoot) || strings.HasPrefix(dir, partition.MonthRoot)):
			base, err := publish.Read(ctx, st, dir)
			if err != nil {
				return nil, err
			}
			seen[dir] = ""
			for _, p := range base.Manifest.Parts {
				seen[dir] += p.SHA256 + " "
			}
		}
	}
	return seen, nil
}
