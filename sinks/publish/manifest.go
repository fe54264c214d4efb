package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"daybook/transform/event"
)

// Manifest describes the content of a partition and the inputs it was made
// from. Every day and month of a report has one, and every digest.
type Manifest struct {
	Report    string `json:"report,omitempty"` // empty for a digest
	Partition string `json:"partition"`        // 2026-11-20, or 2026-11
	Revision  int    `json:"revision"`         // counts the contents, from 1
	Reason    string `json:"reason"`           // why this revision was built, in words
	Attempt   string `json:"attempt"`          // unique id of the attempt that committed it
	Previous  int    `json:"previous_revision,omitempty"`

	// When this revision was published, by the clock of the process that did it.
	// Version 0.1.0 wrote no time.
	PublishedAt string `json:"published_at,omitempty"`

	Rows       int64            `json:"rows"`
	Parts      []Part           `json:"parts"`
	Inputs     []Input          `json:"inputs"` // by key
	Accounting event.Accounting `json:"accounting"`
	Checks     []Check          `json:"checks"`

	SchemaVersion  int               `json:"schema_version"`
	EngineVersion  int               `json:"engine_version"`
	Definition     string            `json:"definition"`                // hash of the report's definition
	DefinitionText map[string]string `json:"definition_text,omitempty"` // its settings: a later plan names those that changed

	Summaries *Summaries  `json:"summaries,omitempty"` // reports only, once they are written
	Seen      *Seen       `json:"seen,omitempty"`      // days of reports only
	Fold      *FoldInfo   `json:"fold,omitempty"`      // reports only
	Digest    *DigestInfo `json:"digest,omitempty"`    // digests only
}

// Part is one file of a partition. Publish sets its key.
type Part struct {
	Key     string `json:"key"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`             // 64 hex digits
	MinTime string `json:"min_time,omitempty"` // of the starts or begins; empty without rows
	MaxTime string `json:"max_time,omitempty"`
}

// Seen is all digests that could matter to a day of a report, as they were when its
// rows were made: those of the dump days that its sessions reach. The digests with
// events of these sessions are its inputs. A digest of these days that has changed
// since may change the day.
type Seen struct {
	Lookback     int      `json:"lookback_days"` // that the rows were made with
	From         string   `json:"from"`          // the first dump day
	Fingerprints []string `json:"fingerprints"`  // of each day from there on, shortened; empty: no digest
}

// Input is an input of a partition in the version that was read: a dump with
// its ETag, or another partition, with its directory as the key and its
// [Manifest.Fingerprint] as the ETag.
type Input struct {
	Key  string `json:"key"`
	ETag string `json:"etag"`
	Size int64  `json:"size"` // bytes
}

// Check is the result of a check of the rows before publishing.
type Check struct {
	Name     string   `json:"name"`
	Severity Severity `json:"severity,omitempty"`
	Passed   bool     `json:"passed"`
	Detail   string   `json:"detail,omitempty"`
}

// Severity is the effect of a failed check.
type Severity string

// The severities.
const (
	Warn  Severity = "warn"  // the partition is published with a warning
	Block Severity = "block" // the partition is not published
)

// Summaries are the files that follow from a partition's content: CSV for people, the
// figures, and loader manifests.
type Summaries struct {
	Definition string        `json:"definition"` // hash of the report's definition
	Files      []SummaryFile `json:"files"`
	Loads      []SummaryFile `json:"loads,omitempty"` // loader manifests; their names are keys
}

// SummaryFile is one of these files as it was stored.
type SummaryFile struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	ETag  string `json:"etag"`
}

// FoldInfo counts the sessions and events behind the rows of a report's
// partition.
type FoldInfo struct {
	Sessions   int64            `json:"sessions"`
	Events     int64            `json:"events"`     // each counted once
	Duplicates int64            `json:"duplicates"` // between days
	Anomalies  map[string]int64 `json:"anomalies"`  // by name, without zeros
	Truncated  int64            `json:"truncated"`  // texts that were shortened
	IPDropped  int64            `json:"ip_dropped"`

	// Sessions with a silence longer than the look-back are told as several. Apart
	// counts those with rows here, and ApartLookback is the look-back that joins all.
	Apart         int64 `json:"apart_sessions,omitempty"`
	ApartLookback int   `json:"apart_lookback_days,omitempty"`

	// Oversized counts sessions with an event here that have no rows, as their events
	// take more than source.max_session_size, and names the first ones.
	Oversized    int64   `json:"oversized_sessions,omitempty"`
	OversizedIDs []int64 `json:"oversized_session_ids,omitempty"`
}

// DigestInfo has the figures of a digest that a plan needs.
type DigestInfo struct {
	Version   int    `json:"version"`              // of the digest's format
	RangeBits int    `json:"range_bits,omitempty"` // of its hash ranges: it has three tables for each of them
	Events    int64  `json:"events"`
	Sessions  int64  `json:"sessions"`
	MinTime   string `json:"min_time,omitempty"` // of the events; empty without events
	MaxTime   string `json:"max_time,omitempty"`

	// The largest distance of an event's day before and after the dump day.
	MaxDaysLate  int `json:"max_days_late"`
	MaxDaysEarly int `json:"max_days_early"`

	// The sessions that are too large to be folded, some of them by id, and the limit
	// in bytes that says so. They have no events in the digest.
	OversizedSessions int64   `json:"oversized_sessions,omitempty"`
	OversizedIDs      []int64 `json:"oversized_ids,omitempty"`
	MaxSessionSize    int64   `json:"max_session_size,omitempty"`

	// How its dumps were read, if not by default: the hash of source.form and source.map,
	// the dumps by their form other than lines, and the objects that were no dumps.
	Reading string         `json:"reading,omitempty"`
	Forms   map[string]int `json:"forms,omitempty"`
	Unread  *Unread        `json:"unread,omitempty"`

	Late      []LateLines `json:"late,omitempty"`       // lines outside of the look-back
	GrownFrom []string    `json:"grown_from,omitempty"` // fingerprints of earlier contents that this one contains
}

// Unread counts objects of a dump day whose content is no dump.
type Unread struct {
	Objects  int64    `json:"objects"`
	Examples []string `json:"examples"` // the first ones, and why they are not read
}

// LateLines counts lines of a dump day that were rejected because their date is
// too far from it.
type LateLines struct {
	Date    string `json:"date"`   // UTC, of the events
	Reason  string `json:"reason"` // code of the rejection
	Lines   int64  `json:"lines"`
	DaysOff int    `json:"days_off"` // distance to the dump day, in days
}

// Fingerprint identifies the content: manifests with equal fingerprints name
// the same bytes. A partition made from this one records it as its input's
// ETag, and so stays fresh while only the manifest changes.
func (m *Manifest) Fingerprint() string {
	h := sha256.New()
	for _, part := range m.Parts {
		fmt.Fprintf(h, "%d %s\n", part.Rows, part.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sameContent reports whether both manifests name the same files.
func (m *Manifest) sameContent(o *Manifest) bool {
	return slices.EqualFunc(m.Parts, o.Parts, func(a, b Part) bool {
		return a.SHA256 == b.SHA256 && unrevised(a.Key) == unrevised(b.Key)
	})
}

// same reports whether both manifests are equal except for the attempt, and for
// what follows from the content: revision, its time, reason and keys.
func (m *Manifest) same(o *Manifest) bool {
	return m.sameContent(o) && bytes.Equal(m.essence(), o.essence())
}

// essence is the encoded manifest without the fields that Publish sets.
func (m *Manifest) essence() []byte {
	e := *m
	e.Revision, e.Previous, e.PublishedAt, e.Reason, e.Attempt, e.Summaries = 0, 0, "", "", "", nil
	e.Parts = slices.Clone(m.Parts)
	for i := range e.Parts {
		e.Parts[i].Key = ""
	}
	return e.encode()
}

// encode writes a manifest as indented JSON that ends in its checksum. Empty
// lists and maps are written
// as such, not as null.
func (m *Manifest) encode() []byte {
	e := *m
	e.Parts, e.Inputs, e.Checks = orEmpty(e.Parts), orEmpty(e.Inputs), orEmpty(e.Checks)
	if e.Accounting.Rejected == nil {
		e.Accounting.Rejected = map[string]int64{}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // for people, not browsers
	if err := encoder.Encode(&e); err != nil {
		panic(err) // JSON can hold every field of a manifest
	}
	return seal(b.Bytes())
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// decode reads a manifest, and refuses one that was damaged. It ignores unknown members: a newer version may
// write more.
func decode(b []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := json.Unmarshal(b, m); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return nil, fmt.Errorf("%s: unexpected %s", wrong.Field, wrong.Value)
		}
		return nil, err
	}
	if m.Revision < 1 {
		return nil, fmt.Errorf("revision: it is %d, and must be at least 1", m.Revision)
	}
	for i, part := range m.Parts {
		if part.Key == "" || part.Bytes < 0 || !isSHA256(part.SHA256) {
			return nil, fmt.Errorf("parts: number %d needs a key, a size and a SHA-256 of 64 hex digits", i)
		}
	}
	if err := checkSeal(b); err != nil {
		return nil, err
	}
	return m, m.checkTimes()
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == s
}
