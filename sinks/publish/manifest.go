package publish

import (
	"slices"

	"daybook/transform/event"
)

// ManifestName is the last key segment of a partition's manifest. Names that
// start with an underscore are skipped by warehouses.
const ManifestName = "_manifest.json"

// Manifest says what a partition is made of, and of what it was made. It is
// the commit: a partition is what its manifest says.
type Manifest struct {
	Report    string `json:"report"`
	Partition string `json:"partition"` // 2026-11-20, or 2026-11
	Revision  int    `json:"revision"`  // counts the contents it has had, from 1
	Reason    string `json:"reason"`    // of this revision, in words
	Attempt   string `json:"attempt"`   // unique to the attempt that committed it
	Previous  int    `json:"previous_revision,omitempty"`

	Rows       int64            `json:"rows"`
	Parts      []Part           `json:"parts"`
	Inputs     []Input          `json:"inputs"` // by key
	Accounting event.Accounting `json:"accounting"`
	Checks     []Check          `json:"checks"`

	SchemaVersion int    `json:"schema_version"`
	EngineVersion int    `json:"engine_version"`
	Definition    string `json:"definition"` // hash of the report's definition
}

// Part is one Parquet file of a partition. Publishing gives it its key.
type Part struct {
	Key     string `json:"key"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
	MinTime string `json:"min_time,omitempty"` // of the starts or begins; none without rows
	MaxTime string `json:"max_time,omitempty"`
}

// Input is a dump as it was when it was read.
type Input struct {
	Key  string `json:"key"`
	ETag string `json:"etag"`
	Size int64  `json:"size"`
}

// Check is something that was held against the rows before they were
// published.
type Check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail,omitempty"`
}

// sameContent says whether both manifests stand for the same bytes.
func (m *Manifest) sameContent(o *Manifest) bool {
	return slices.EqualFunc(m.Parts, o.Parts, func(a, b Part) bool { return a.SHA256 == b.SHA256 })
}

// same says whether they agree in everything but the attempt, and so in what
// follows from the content: revision and reason.
func (m *Manifest) same(o *Manifest) bool {
	return m.sameContent(o) && slices.Equal(m.Inputs, o.Inputs) && slices.Equal(m.Checks, o.Checks) &&
		m.SchemaVersion == o.SchemaVersion && m.EngineVersion == o.EngineVersion && m.Definition == o.Definition
}
