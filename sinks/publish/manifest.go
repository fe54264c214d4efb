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

// ManifestName is the last key segment of a partition's manifest. Names that
// start with an underscore are skipped by warehouses.
const ManifestName = "_manifest.json"

// Manifest says what a partition is made of, and of what it was made. It is
// the commit: a partition is what its manifest says. Days and months of
// reports have one, and so have digests.
type Manifest struct {
	Report    string `json:"report,omitempty"` // none: a digest
	Partition string `json:"partition"`        // 2026-11-20, or 2026-11
	Revision  int    `json:"revision"`         // counts the contents it has had, from 1
	Reason    string `json:"reason"`           // of this revision, in words
	Attempt   string `json:"attempt"`          // unique to the attempt that committed it
	Previous  int    `json:"previous_revision,omitempty"`

	Rows       int64            `json:"rows"`
	Parts      []Part           `json:"parts"`
	Inputs     []Input          `json:"inputs"` // by key
	Accounting event.Accounting `json:"accounting"`
	Checks     []Check          `json:"checks"`

	SchemaVersion  int               `json:"schema_version"`
	EngineVersion  int               `json:"engine_version"`
	Definition     string            `json:"definition"`                // hash of the report's definition
	DefinitionText map[string]string `json:"definition_text,omitempty"` // its settings, so that a later plan can name those that changed

	Summaries *Summaries  `json:"summaries,omitempty"` // of reports, once they are written
	Fold      *FoldInfo   `json:"fold,omitempty"`      // only of reports
	Digest    *DigestInfo `json:"digest,omitempty"`    // only of digests
}

// Part is one file of a partition. Publishing gives it its key.
type Part struct {
	Key     string `json:"key"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`             // 64 hex digits
	MinTime string `json:"min_time,omitempty"` // of the starts or begins; none without rows
	MaxTime string `json:"max_time,omitempty"`
}

// Input is something that a partition was made of, as it was when it was
// read: a dump, with its ETag; or a partition, with its directory as the key
// and its [Manifest.Fingerprint] as the ETag.
type Input struct {
	Key  string `json:"key"`
	ETag string `json:"etag"`
	Size int64  `json:"size"` // bytes
}

// Check is something that was held against the rows before they were
// published.
type Check struct {
	Name     string   `json:"name"`
	Severity Severity `json:"severity,omitempty"`
	Passed   bool     `json:"passed"`
	Detail   string   `json:"detail,omitempty"`
}

// Severity says what happens when a check does not pass.
type Severity string

// The severities.
const (
	Warn  Severity = "warn"  // the partition is published, and people are told
	Block Severity = "block" // nothing is published
)

// Summaries are the files that were computed from a partition's rows: CSV for
// people, and the figures.
type Summaries struct {
	Definition string        `json:"definition"` // hash of the report's definition that they follow
	Files      []SummaryFile `json:"files"`
}

// SummaryFile is one of them, as it was put.
type SummaryFile struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	ETag  string `json:"etag"`
}

// FoldInfo counts what the rows of a report's partition were folded from.
type FoldInfo struct {
	Sessions   int64            `json:"sessions"`
	Events     int64            `json:"events"`     // each counted once
	Duplicates int64            `json:"duplicates"` // between days
	Anomalies  map[string]int64 `json:"anomalies"`  // by name; only those that occur
	Truncated  int64            `json:"truncated"`  // texts that were cut
	IPDropped  int64            `json:"ip_dropped"`
}

// DigestInfo is what a plan needs to know of a digest.
type DigestInfo struct {
	Version  int    `json:"version"` // of the digest's format
	Events   int64  `json:"events"`
	Sessions int64  `json:"sessions"`
	MinTime  string `json:"min_time,omitempty"` // of the events; none without any
	MaxTime  string `json:"max_time,omitempty"`

	// How far the events' days lie before and after the dump day, at most.
	MaxDaysLate  int `json:"max_days_late"`
	MaxDaysEarly int `json:"max_days_early"`

	Late      []LateLines `json:"late,omitempty"`       // lines that no look-back reached
	GrownFrom []string    `json:"grown_from,omitempty"` // fingerprints of earlier contents of which this one is a superset
}

// LateLines are lines of a dump day that lie too far from it.
type LateLines struct {
	Date    string `json:"date"`   // UTC, of the events
	Reason  string `json:"reason"` // the code that they were rejected with
	Lines   int64  `json:"lines"`
	DaysOff int    `json:"days_off"` // from the dump day, either way
}

// Fingerprint identifies the content: manifests with equal ones stand for the
// same bytes. It is what others that are made from the partition record as
// their input's ETag, so that they stay fresh when only the manifest changes.
func (m *Manifest) Fingerprint() string {
	h := sha256.New()
	for _, part := range m.Parts {
		fmt.Fprintf(h, "%d %s\n", part.Rows, part.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sameContent says whether both manifests stand for the same files.
func (m *Manifest) sameContent(o *Manifest) bool {
	return slices.EqualFunc(m.Parts, o.Parts, func(a, b Part) bool {
		return a.SHA256 == b.SHA256 && unrevised(a.Key) == unrevised(b.Key)
	})
}

// same says whether they agree in everything but the attempt, and so in what
// follows from the content: revision, reason and keys.
func (m *Manifest) same(o *Manifest) bool {
	return m.sameContent(o) && bytes.Equal(m.essence(), o.essence())
}

// essence is what is left of a manifest without what publishing gave it.
func (m *Manifest) essence() []byte {
	e := *m
	e.Revision, e.Previous, e.Reason, e.Attempt, e.Summaries = 0, 0, "", "", nil
	e.Parts = slices.Clone(m.Parts)
	for i := range e.Parts {
		e.Parts[i].Key = ""
	}
	return e.encode()
}

// encode writes a manifest for programs and people. Lists and counts that are
// empty are written as such, not as null.
func (m *Manifest) encode() []byte {
	e := *m
	e.Parts, e.Inputs, e.Checks = orEmpty(e.Parts), orEmpty(e.Inputs), orEmpty(e.Checks)
	if e.Accounting.Rejected == nil {
		e.Accounting.Rejected = map[string]int64{}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // people read this, not browsers
	if err := encoder.Encode(&e); err != nil {
		panic(err) // there is nothing in a manifest that JSON cannot hold
	}
	return b.Bytes()
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// decode reads a manifest. Members that it does not know are ignored: a newer
// version may write more of them.
func decode(b []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := json.Unmarshal(b, m); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return nil, fmt.Errorf("%s: a %s cannot be a %s", wrong.Field, wrong.Value, wrong.Type)
		}
		return nil, err
	}
	if m.Revision < 1 {
		return nil, fmt.Errorf("revision: it is %d, and must be at least 1", m.Revision)
	}
	for i, part := range m.Parts {
		if part.Key == "" || part.Bytes < 0 || !isSHA256(part.SHA256) {
			return nil, fmt.Errorf("parts: number %d needs a key, a size and the 64 hex digits of its SHA-256", i)
		}
	}
	return m, nil
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == s
}
