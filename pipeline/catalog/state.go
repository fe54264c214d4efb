package catalog

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/format"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// ManifestInfo is what a plan shows of a manifest.
type ManifestInfo struct {
	ETag     string
	Revision int
	Rows     int64 // digests: sessions
	Bytes    int64 // of the parts
	Sessions int64 // that it was made from; 0 for months
	Modified time.Time
}

func newManifestInfo(base publish.Base) ManifestInfo {
	m := base.Manifest
	info := ManifestInfo{ETag: base.ETag, Revision: m.Revision, Rows: m.Rows, Bytes: m.PartsSize(), Modified: base.Modified}
	switch {
	case m.Digest != nil:
		info.Sessions = m.Digest.Sessions
	case m.Fold != nil:
		info.Sessions = m.Fold.Sessions
	}
	return info
}

// Published is what the catalog remembers of the manifest of a report's day or
// month. There may be tens of thousands.
type Published struct {
	ManifestInfo
	Fingerprint string
	Engine      int               // version of the engine
	Schema      int               // version of the columns
	Definition  string            // hash of the report's definition
	Text        map[string]string // the definition's settings; only if it is not the report's
	Inputs      []*publish.Input  // shared with other partitions
	Seen        *Seen             // nil for a month

	summaries *publish.Summaries
	files     []filePrint // in its directory
}

// CopyInputs copies the inputs as a manifest has them.
func (p *Published) CopyInputs() []publish.Input {
	inputs := make([]publish.Input, len(p.Inputs))
	for i, in := range p.Inputs {
		inputs[i] = *in
	}
	return inputs
}

func (c *Catalog) newPublished(id partition.ID, rep *settings.Report, base publish.Base) *Published {
	m := base.Manifest
	p := &Published{
		ManifestInfo: newManifestInfo(base), Fingerprint: m.Fingerprint(),
		Engine: m.EngineVersion, Schema: m.SchemaVersion, Definition: c.texts.text(m.Definition),
		Inputs: c.texts.inputs(m), Seen: newSeen(m.Seen), summaries: c.texts.summaries(m), files: filesIn(id.Dir(), m.Parts),
	}
	if p.Definition != rep.Hash {
		if p.Text = m.DefinitionText; p.Text == nil {
			p.Text = map[string]string{} // known to be absent
		}
	}
	return p
}

// Print is a shortened fingerprint of a digest; 0: there is no digest.
type Print uint64

// printDigits is the number of hex digits of a print.
const printDigits = 16

// PrintOf shortens a fingerprint.
func PrintOf(fingerprint string) Print {
	n, err := strconv.ParseUint(fingerprint[:min(printDigits, len(fingerprint))], 16, 64)
	if err != nil {
		return 0
	}
	return Print(max(n, 1))
}

// Seen is the digests that a day of a report was made with: one print for each dump
// day from From on.
type Seen struct {
	Lookback int
	From     day.Day
	Prints   []Print
}

func newSeen(s *publish.Seen) *Seen {
	if s == nil {
		return nil
	}
	from, err := day.Parse(s.From)
	if err != nil {
		return nil // the day is made again
	}
	seen := &Seen{s.Lookback, from, make([]Print, len(s.Fingerprints))}
	for i, f := range s.Fingerprints {
		if f != "" {
			seen.Prints[i] = PrintOf(f)
		}
	}
	return seen
}

// Period is the dump days that were looked at.
func (s *Seen) Period() partition.Period {
	return partition.Period{From: s.From, To: s.From + day.Day(len(s.Prints)) - 1}
}

// At is the print of a dump day's digest.
func (s *Seen) At(d day.Day) Print {
	if i := int(d - s.From); i >= 0 && i < len(s.Prints) {
		return s.Prints[i]
	}
	return 0
}

// SeenNow is what a manifest says of the digests of these days, as they are now.
func (c *Catalog) SeenNow(lookback int, days partition.Period) *publish.Seen {
	s := &publish.Seen{Lookback: lookback, From: days.From.String(), Fingerprints: make([]string, 0, days.NumDays())}
	for d := days.From; d <= days.To; d++ {
		print := ""
		if state := c.Digest(d); state != nil {
			print = state.Fingerprint[:min(printDigits, len(state.Fingerprint))]
		}
		s.Fingerprints = append(s.Fingerprints, print)
	}
	return s
}

// DigestState is what the catalog remembers of a digest's manifest.
type DigestState struct {
	ManifestInfo
	Day         day.Day
	Fingerprint string
	Print       Print    // of the fingerprint
	GrownFrom   []string // fingerprints of earlier contents of which this is a superset
	First, Last int64    // milliseconds, of its first and last event; First > Last without events

	Tables     []*Tables // by hash range
	TablesSize int64     // of all tables, in bytes

	Accounting event.Accounting // of the day's dumps
	Version    int              // of the digest's format
	Late       []publish.LateLines
	Oversized  int64           // sessions that have no events in it
	MaxSession int64           // the limit in bytes that made them oversized
	DaysLate   int             // the most days by which an event lies before the dump day
	DaysEarly  int             // and after it
	Inputs     []publish.Input // the dumps
	Reading    string          // how they were read; empty: by default

	Reasons []string // why this run has made it; nil if it was there before

	files []filePrint
}

// Dir is the key prefix of the digest's files.
func (s *DigestState) Dir() string { return partition.DigestID(s.Day).Dir() }

// HasEvents reports whether the digest has any event.
func (s *DigestState) HasEvents() bool { return s.First <= s.Last }

func newDigestState(d day.Day, base publish.Base) (*DigestState, error) {
	m := base.Manifest
	if m.Digest == nil {
		return nil, errors.New("its manifest is not a digest's")
	}
	s := &DigestState{
		ManifestInfo: newManifestInfo(base), Day: d, Fingerprint: m.Fingerprint(), Print: PrintOf(m.Fingerprint()), GrownFrom: m.Digest.GrownFrom,
		First: math.MaxInt64, Last: math.MinInt64, Accounting: m.Accounting, Version: m.Digest.Version, Late: m.Digest.Late,
		Oversized: m.Digest.OversizedSessions, MaxSession: m.Digest.MaxSessionSize,
		DaysLate: m.Digest.MaxDaysLate, DaysEarly: m.Digest.MaxDaysEarly, Inputs: m.Inputs, Reading: m.Digest.Reading,
		files: filesIn(partition.DigestID(d).Dir(), m.Parts),
	}
	if m.Digest.MinTime != "" {
		first, err := time.Parse(publish.TimeLayout, m.Digest.MinTime)
		if err != nil {
			return nil, err
		}
		last, err := time.Parse(publish.TimeLayout, m.Digest.MaxTime)
		if err != nil {
			return nil, err
		}
		s.First, s.Last = first.UnixMilli(), last.UnixMilli()
	}
	return s, s.addTables(m)
}

// Tables are the three tables of a digest, or those of one of its hash ranges.
type Tables struct {
	Of                    *DigestState
	Range                 shuffle.Range
	Complete, Open, Index publish.Part
}

// addTables finds the tables among the parts of the manifest.
func (s *DigestState) addTables(m *publish.Manifest) error {
	parts := make(map[string]publish.Part, len(m.Parts))
	for _, part := range m.Parts {
		name := part.Key[strings.LastIndexByte(part.Key, '/')+1:]
		if end := strings.LastIndex(name, "-r"); end > 0 { // of the revision
			parts[name[:end]] = part
		}
	}
	if bits := m.Digest.RangeBits; bits < 0 || bits > shuffle.MaxRangeBits {
		return fmt.Errorf("its hash ranges have %d bits, and the most is %d", bits, shuffle.MaxRangeBits)
	}
	for _, r := range shuffle.Ranges(m.Digest.RangeBits) {
		t := &Tables{Of: s, Range: r}
		for _, table := range []struct {
			name string
			part *publish.Part
		}{{format.CompleteTable, &t.Complete}, {format.OpenTable, &t.Open}, {format.SessionsTable, &t.Index}} {
			part, found := parts[format.TableName(table.name, r)]
			if !found {
				return errors.New("its manifest does not name all its tables")
			}
			*table.part = part
			s.TablesSize += part.Bytes
		}
		s.Tables = append(s.Tables, t)
	}
	return nil
}

// Window is the digests that a day of a report is made from, by day.
type Window []*DigestState

// Inputs are the digests as a partition's manifest names them: by their content.
func (w Window) Inputs() []publish.Input {
	inputs := make([]publish.Input, len(w))
	for i, s := range w {
		inputs[i] = publish.Input{Key: s.Dir(), ETag: s.Fingerprint, Size: s.TablesSize}
	}
	return inputs
}

// RangeBits is the most bits that the hash ranges of a digest have.
func (w Window) RangeBits() (bits int) {
	for _, s := range w {
		bits = max(bits, s.Tables[0].Range.Bits)
	}
	return bits
}

// Accounting is that of the dumps of all its days.
func (w Window) Accounting() event.Accounting {
	total := event.Accounting{Rejected: map[string]int64{}}
	for _, s := range w {
		total.Add(&s.Accounting)
	}
	return total
}

// Has reports whether the digest of a day is in the window.
func (w Window) Has(d day.Day) bool {
	for _, s := range w {
		if s.Day == d {
			return true
		}
	}
	return false
}

// filePrint is a hash of a file's key and size: tens of thousands are kept.
type filePrint uint64

func printOf(key string, size int64) filePrint {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", size, key)
	return filePrint(h.Sum64())
}

// filesIn are the files of a manifest that lie in the partition's directory.
func filesIn(dir string, parts []publish.Part) []filePrint {
	var files []filePrint
	for _, part := range parts {
		if in := part.Key[:strings.LastIndexByte(part.Key, '/')+1]; in == dir || in == publish.OldDir(dir) {
			files = append(files, printOf(part.Key, part.Bytes))
		}
	}
	return files
}
