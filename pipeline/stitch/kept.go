package stitch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"

	"daybook/pipeline/digests"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
	"daybook/transform/shuffle"
	"daybook/transform/spill"
)

// KeptRows are the rows of finished sessions, made while the digests of their dump days
// are made. The days of the same run take them, so that these sessions are not read from
// the digests and folded again. A session whose events lie in several digests, and every
// session of an earlier run, is folded from the digests: the rows are the same.
//
// Rows are kept in compact form: a part of the memory budget stays in memory, the rest
// goes to a temporary file of limited size. Where that is full, no more are kept.
type KeptRows struct {
	reports []settings.Report
	silence int64 // milliseconds

	mu      sync.Mutex
	memory  int64 // bytes that may still stay in memory
	disk    int64 // bytes, before compression, that may still go to the temporary file
	scratch *spill.Scratch
	days    map[day.Day]*keptDay
}

const (
	// keptShare is the part of the memory budget that kept rows may take.
	keptShare = 16
	// keptOnDisk is how many bytes of rows go to the temporary file at most.
	keptOnDisk = 2 << 30
	// keptBlock is the approximate size of a block of rows, in bytes.
	keptBlock = 64 << 10
	// keptRecord is how many bytes the rows of a session take at most. Nearly all take a
	// few hundred.
	keptRecord = 256 << 10
	// keptAbsent is how many sessions of a digest may be left out at most.
	keptAbsent = 10_000
)

// NewKeptRows keeps the rows of a run. The caller closes it.
func NewKeptRows(s *settings.Pipeline) *KeptRows {
	return &KeptRows{
		reports: s.Reports, silence: partition.Silence(s.Lookback),
		memory: s.Budget.Memory / keptShare, disk: keptOnDisk,
		scratch: spillfile.NewSpill(), days: map[day.Day]*keptDay{},
	}
}

// Close drops the rows.
func (k *KeptRows) Close() { _ = k.scratch.Close() } // they are not needed any more

// keptDay is the rows of a dump day's sessions, in the order of their hashes.
type keptDay struct {
	digest string // fingerprint of the digest that was made of the same events
	blocks []keptRows
	absent map[uint64]bool // hashes of sessions that look complete, and are not kept
}

// keptRows is a block of records, in memory or in the temporary file.
type keptRows struct {
	first  uint64 // hash of its first session
	raw    []byte // nil: it is in the temporary file
	stored spill.Block
}

// Keeper keeps the rows of one digest while it is made. It implements digests.Keeper.
type Keeper struct {
	kept    *KeptRows
	workers []keepingWorker
	day     keptDay
	last    []byte // records of the block to write next
	first   uint64 // hash of the first of these
	full    bool   // there is no room for the day
}

// keepingWorker has the records of the part that a worker is at.
type keepingWorker struct {
	records []byte // each after its length
	absent  []uint64
	record  []byte
	rows    []byte
	dates   []day.Day
	row     report.Row
}

// Keeper begins the rows of a digest that so many workers make.
func (k *KeptRows) Keeper(workers int) *Keeper {
	return &Keeper{kept: k, workers: make([]keepingWorker, workers), day: keptDay{absent: map[uint64]bool{}}}
}

// Keep implements [digests.Keeper]. A session that may be told as several, or whose rows
// are large, is left out.
func (k *Keeper) Keep(worker int, events []event.Event, s *session.Session) error {
	w := &k.workers[worker]
	fits := events[len(events)-1].Millis()-events[0].Millis() <= k.kept.silence
	if fits {
		w.record = appendKept(w.record[:0], s, len(events))
	}
	for i := range k.kept.reports {
		if fits = fits && w.addReport(i, &k.kept.reports[i], s); !fits {
			w.absent = append(w.absent, shuffle.Hash(s.ID))
			return nil
		}
	}
	w.records = append(binary.AppendUvarint(w.records, uint64(len(w.record))), w.record...)
	return nil
}

// addReport adds the rows of a report to the record of a session. fits is false if the
// record becomes too large.
func (w *keepingWorker) addReport(i int, rep *settings.Report, s *session.Session) (fits bool) {
	w.dates = w.dates[:0] // as few as the look-back allows
	for j := range s.Legs {
		if date := rep.Date(&s.Legs[j]); !slices.Contains(w.dates, date) {
			w.dates = append(w.dates, date)
		}
	}
	for _, date := range w.dates {
		g := keptGroup{report: i, date: date}
		w.rows = w.rows[:0]
		var err error
		g.rows, err = rowsOn(date, rep, s, &w.row, &g.counts, func(r *report.Row) error {
			if w.rows = appendKeptRow(w.rows, r); len(w.record)+len(w.rows) > keptRecord {
				return errLarge
			}
			return nil
		})
		if err != nil {
			return false
		}
		w.record = append(g.append(w.record), w.rows...)
	}
	return true
}

var errLarge = errors.New("the rows of a session are large")

// Done implements [digests.Keeper].
func (k *Keeper) Done(worker int) error {
	w := &k.workers[worker]
	for _, hash := range w.absent {
		k.day.absent[hash] = true
		k.full = k.full || len(k.day.absent) > keptAbsent
	}
	w.absent = w.absent[:0]
	records := keptReader{rest: w.records}
	for len(records.rest) > 0 && !k.full {
		record := records.bytes()
		if records.damaged {
			return errKept
		}
		if len(k.last) == 0 {
			k.first = shuffle.Hash(int64(binary.LittleEndian.Uint64(record)))
		}
		k.last = append(binary.AppendUvarint(k.last, uint64(len(record))), record...)
		if len(k.last) >= keptBlock {
			if err := k.endBlock(); err != nil {
				return err
			}
		}
	}
	if w.records = w.records[:0]; cap(w.records) > 16*keptBlock {
		w.records = nil
	}
	return nil
}

// endBlock stores the last block and begins the next.
func (k *Keeper) endBlock() error {
	all, n := k.kept, int64(len(k.last))
	all.mu.Lock()
	defer all.mu.Unlock()
	block := keptRows{first: k.first}
	switch {
	case n <= all.memory:
		all.memory -= n
		block.raw, k.last = k.last, make([]byte, 0, keptBlock+keptBlock/8)
	case n <= all.disk:
		all.disk -= n
		var err error
		if block.stored, err = all.scratch.Write(k.last); err != nil {
			return fmt.Errorf("keep rows: %w", err)
		}
	default:
		k.full = true
	}
	k.day.blocks, k.last = append(k.day.blocks, block), k.last[:0]
	return nil
}

// Commit has the days of this run take the rows: the digest that was made of the same
// events is published with this fingerprint.
func (k *Keeper) Commit(d day.Day, digest string) error {
	if len(k.last) > 0 {
		if err := k.endBlock(); err != nil {
			return err
		}
	}
	if k.full {
		return nil
	}
	kept := k.day // a copy: the rest of the keeper has texts of the last events, whose memory is large
	kept.digest = digest
	k.kept.mu.Lock()
	defer k.kept.mu.Unlock()
	k.kept.days[d] = &kept
	return nil
}

// keptSource is the kept rows of the candidates that have all their events in one digest.
type keptSource struct {
	*keptDay
	hashes []uint64 // ascending
	events []int64  // of each, as the index counts them
}

// kept are the sources of kept rows, and which sessions they have.
func (s *Stitch) kept(f *digests.Followed, sizes *sizes) (sources []keptSource, has []bool) {
	has = make([]bool, len(f.Hashes))
	if s.Kept == nil {
		return nil, has
	}
	for _, d := range f.Digests {
		day := s.Kept.days[d.Of.Day]
		if day == nil || day.digest != d.Of.Fingerprint {
			continue
		}
		source := keptSource{keptDay: day}
		for i := range d.Matches {
			m := &d.Matches[i]
			one := &sizes.of[m.Session]
			if !m.Complete || one.digests > 1 || one.oversized || f.Apart[m.Session] > 0 || day.absent[f.Hashes[m.Session]] {
				continue
			}
			has[m.Session] = true
			source.hashes = append(source.hashes, f.Hashes[m.Session])
			source.events = append(source.events, m.Events)
		}
		if len(source.hashes) > 0 {
			sources = append(sources, source)
		}
	}
	return sources, has
}

// take adds the kept rows of the worker's candidates.
func (w *worker) take(ctx context.Context, sources []keptSource) error {
	if len(w.candidates) == 0 || len(sources) == 0 {
		return nil
	}
	reports := make([]*workerRows, len(w.Kept.reports)) // nil: not made now
	for i := range reports {
		for j, rep := range w.Reports {
			if rep.Name == w.Kept.reports[i].Name {
				reports[i] = &w.out[j]
			}
		}
	}
	for _, s := range sources {
		from, _ := slices.BinarySearch(s.hashes, w.candidates[0])
		to, found := slices.BinarySearch(s.hashes, w.candidates[len(w.candidates)-1])
		if found {
			to++
		}
		if err := w.takeFrom(ctx, s.keptDay, s.hashes[from:to], s.events[from:to], reports); err != nil {
			return err
		}
	}
	return nil
}

// takeFrom adds the kept rows of sessions of a dump day.
func (w *worker) takeFrom(ctx context.Context, d *keptDay, hashes []uint64, events []int64, reports []*workerRows) error {
	var reader spill.Reader
	var unpacked []byte
	for len(hashes) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := sort.Search(len(d.blocks), func(i int) bool { return d.blocks[i].first > hashes[0] })
		if next == 0 {
			return errKept
		}
		block := &d.blocks[next-1]
		records := keptReader{rest: block.raw}
		if block.raw == nil {
			var err error
			if unpacked, err = reader.Append(unpacked[:0], w.Kept.scratch, block.stored); err != nil {
				return fmt.Errorf("read kept rows: %w", err)
			}
			records.rest = unpacked
		}
		for len(hashes) > 0 && (next == len(d.blocks) || hashes[0] < d.blocks[next].first) {
			record := keptReader{rest: records.bytes()}
			id := record.session()
			if records.damaged || record.damaged || shuffle.Hash(id) > hashes[0] {
				return errKept
			}
			if shuffle.Hash(id) < hashes[0] {
				continue
			}
			if err := w.takeRecord(&record, id, events[0], reports); err != nil {
				return err
			}
			hashes, events = hashes[1:], events[1:]
		}
	}
	return nil
}

// takeRecord adds the rows of a session that has so many events.
func (w *worker) takeRecord(r *keptReader, id, events int64, reports []*workerRows) error {
	n, anomalies := r.head()
	if n != events {
		return errKept
	}
	for len(r.rest) > 0 && !r.damaged {
		g := r.group()
		if g.report < 0 || g.report >= len(reports) {
			return errKept
		}
		out := reports[g.report]
		if out == nil || g.date != w.Date {
			for range g.rows {
				r.row()
			}
			continue
		}
		for range g.rows {
			dated, leg, compact := r.row()
			if r.damaged {
				return errKept
			}
			if err := out.rows.AddCompact(dated, id, leg, compact); err != nil {
				return err
			}
		}
		out.Counts.Add(&g.counts)
		if g.rows > 0 {
			out.Sessions++
			out.Events += events
			out.Anomalies.Add(&anomalies)
		}
	}
	if r.damaged {
		return errKept
	}
	return nil
}

var errKept = errors.New("the rows kept of a digest are not those of its sessions; this is a bug of daybook, please report it")

// The record of a session:
//
//	session    8 bytes, little endian
//	events     uvarint
//	anomalies  uvarint each
//	groups     of the rows of a report and date, up to the end: see keptGroup.append
//
// A row is its time and its leg as varints, then the length of its compact form as an
// uvarint, and that.

func appendKept(b []byte, s *session.Session, events int) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(s.ID))
	b = binary.AppendUvarint(b, uint64(events))
	for _, n := range s.Anomalies {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

func appendKeptRow(b []byte, r *report.Row) []byte {
	b = binary.AppendVarint(b, r.Dated())
	b = binary.AppendVarint(b, r.Leg)
	const usual = 2 // bytes of the length
	start := len(b) + usual
	b = r.AppendCompact(append(b, make([]byte, usual)...))
	size := len(b) - start
	length := binary.AppendUvarint(nil, uint64(size))
	if len(length) != usual {
		b = slices.Replace(b, start-usual, start, length...)
	} else {
		copy(b[start-usual:], length)
	}
	return b
}

// keptGroup heads the rows of a session for a report and a date.
type keptGroup struct {
	report int
	date   day.Day
	counts Counts // Legs, InUnit and Report
	rows   int
}

func (g *keptGroup) append(b []byte) []byte {
	b = binary.AppendVarint(b, int64(g.date))
	for _, n := range [...]int64{int64(g.report), g.counts.Legs, g.counts.InUnit, g.counts.Report.Truncated, g.counts.Report.IPDropped, int64(g.rows)} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// keptReader reads records.
type keptReader struct {
	rest    []byte
	damaged bool
}

func (r *keptReader) uvarint() int64 {
	n, size := binary.Uvarint(r.rest)
	return r.number(int64(n), size)
}

func (r *keptReader) varint() int64 {
	n, size := binary.Varint(r.rest)
	return r.number(n, size)
}

func (r *keptReader) number(n int64, size int) int64 {
	if size <= 0 {
		r.damaged, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// bytes reads a length and so many bytes.
func (r *keptReader) bytes() []byte {
	n := r.uvarint()
	if n < 0 || n > int64(len(r.rest)) {
		r.damaged, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *keptReader) session() int64 {
	if len(r.rest) < 8 {
		r.damaged = true
		return 0
	}
	id := int64(binary.LittleEndian.Uint64(r.rest))
	r.rest = r.rest[8:]
	return id
}

// head reads the number of events and the anomalies.
func (r *keptReader) head() (events int64, a session.Anomalies) {
	events = r.uvarint()
	for i := range a {
		a[i] = r.uvarint()
	}
	return events, a
}

func (r *keptReader) group() (g keptGroup) {
	g.date = day.Day(r.varint())
	g.report = int(r.uvarint())
	g.counts.Legs, g.counts.InUnit = r.uvarint(), r.uvarint()
	g.counts.Report = report.Counts{Truncated: r.uvarint(), IPDropped: r.uvarint()}
	g.rows = int(r.uvarint())
	return g
}

func (r *keptReader) row() (dated, leg int64, compact []byte) {
	return r.varint(), r.varint(), r.bytes()
}
