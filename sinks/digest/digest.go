// Package digest stores the events of a day's dumps, grouped by session.
//
// A digest is three Parquet files. Each is a table of sessions in ascending
// order of their hash (shuffle.Hash):
//
//   - complete: the events of sessions that are complete within the day
//   - open: the events of sessions that may have events in other days' dumps
//   - sessions: the index, with a row per session: its times, the size and the
//     place of its events. An oversized session has no events in the other tables.
//
// The digest of a very large day is wide: it has three such files for each of several
// equal ranges of hashes (shuffle.Range).
//
// The files depend only on the calls that wrote them. Every column is required.
// A row group ends where a session ends, so one row group is enough to read a
// session.
//
// # Ids
//
// Event ids take half of a digest. They serve only to detect duplicates, and a
// session in a single digest has none left. So ids are the last column of a row
// group, and are read only on request.
//
// # Damage
//
// Each row group has two checksums (CRC-32C) in the footer's metadata, one for
// the ids and one for the rest. The footer has one in the four bytes before it,
// which Parquet leaves free. A reader verifies the checksums before it decodes:
// Arrow's footer decoder panics or allocates without limit on wrong bytes, and
// pages are decoded by code that knows only what a [Writer] writes. Damaged
// bytes give [ErrCorrupt]. The checksums also prove what was checked on
// writing, such as valid UTF-8.
//
// # Requests
//
// Readers suit object stores: reading an index takes one ReadAt, opening a
// table one ReadAt of its last bytes ([Index.TailSize] says how many), and
// reading a row group one.
package digest

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/schema"

	_ "daybook/sinks/internal/zstdcodec"
)

// Version changes whenever the same dumps give a different digest: in its
// format, or in the decoding of events. Digests of other versions are rebuilt.
//
// Version 3: the channel to which a session is transferred; no U+0000.
// Version 4: the sizes of sessions; oversized sessions; row groups of few bytes.
const Version = 4

// WideVersion is the version of a wide digest: one of several hash ranges, each with
// three files of version [Version].
const WideVersion = 5

// VersionOf is the version of a new digest whose hash ranges have so many bits.
func VersionOf(rangeBits int) int {
	if rangeBits > 0 {
		return WideVersion
	}
	return Version
}

// oldestVersion is the oldest version that is read. Its digests are complete but
// for what later versions added.
const oldestVersion = 2

// ErrCorrupt: a [Writer] of this version did not write these bytes. The digest
// must be rebuilt from its dumps.
var ErrCorrupt = errors.New("the digest is damaged, or has another version")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrCorrupt, fmt.Errorf(format, args...))
}

// guard turns a panic of the Arrow libraries into an error.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the Parquet library panicked: %v", p)
	}
}

// The keys of the footer's metadata.
const (
	keyVersion   = "daybook.digest"    // Version
	keyTable     = "daybook.table"     // name of the table
	keyChecksums = "daybook.checksums" // two per row group, little-endian, together in base64
	keyTails     = "daybook.tails"     // in the index only: see Index.TailSize
)

const checksumSize = 4 // bytes; that of the footer is little-endian and lies before it

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// table is the layout of a file.
type table struct {
	name     string
	columns  []column
	optional int // number of trailing columns that are read only on request
}

// column is a column of a table. Its values are stored plain and then
// compressed.
type column struct {
	name   string
	id     int32 // field id, never reused
	kind   kind
	random bool // almost random values, which are not worth compressing
}

// kind is the type of a column's values.
type kind uint8

const (
	number kind = iota
	millis      // a timestamp in UTC
	opaque      // bytes
)

// The columns of the two tables of events, and their positions. A row is a
// session. In each column, it holds the values of all its events in as few
// bytes as possible: values of one kind compress well, and the Parquet library
// handles one value per session instead of one per event.
const (
	eventSession = iota
	eventStart
	eventSteps
	eventMicros
	eventSeqs
	eventKinds
	eventWhos
	eventBodies
	eventIDs
)

var eventColumns = []column{
	eventSession: {name: "session_id", id: 1, kind: number},
	eventStart:   {name: "start", id: 2, kind: millis},                   // time of the session's first event
	eventSteps:   {name: "steps", id: 3, kind: opaque, random: true},     // uvarint: ms since the previous event; 0 for the first
	eventMicros:  {name: "micros", id: 4, kind: opaque},                  // varint: µs of the time in addition to its ms; empty if all are 0
	eventSeqs:    {name: "seq_steps", id: 5, kind: opaque},               // varint: seq minus that of the previous event; the first's seq itself
	eventKinds:   {name: "kinds", id: 6, kind: opaque},                   // three bytes: the form of the id, the type, the code
	eventWhos:    {name: "technician_ids", id: 7, kind: opaque},          // uvarint; 0 for none
	eventBodies:  {name: "bodies", id: 8, kind: opaque},                  // uvarint: the length; then event.Event.AppendBody
	eventIDs:     {name: "event_ids", id: 9, kind: opaque, random: true}, // appendID
}

// The columns of the index, and their positions.
const (
	sessionID = iota
	sessionFirst
	sessionMinutes
	sessionEvents
	sessionPlace
	sessionBytes
)

var sessionColumns = []column{
	sessionID:      {name: "session_id", id: 1, kind: number},
	sessionFirst:   {name: "first", id: 2, kind: number},   // time of the first event, in minutes since the Unix epoch
	sessionMinutes: {name: "minutes", id: 3, kind: number}, // minutes from the first event to the last
	sessionEvents:  {name: "events", id: 4, kind: number},
	sessionPlace:   {name: "place", id: 5, kind: number}, // row group times 2, plus 1 in the table complete; or oversizedPlace
	sessionBytes:   {name: "bytes", id: 6, kind: number}, // size of its events (event.Event.Size) if larger than SmallSession, or 0; since version 4
}

var (
	completeTable = table{"complete", eventColumns, 1}
	openTable     = table{"open", eventColumns, 1}
	sessionsTable = table{"sessions", sessionColumns, 0}
)

// schema is the Parquet schema of the table.
func (t *table) schema() (*schema.GroupNode, error) {
	var fields schema.FieldList
	for _, c := range t.columns {
		physical, logical := c.kind.types()
		node, err := schema.NewPrimitiveNodeLogical(c.name, parquet.Repetitions.Required, logical, physical, -1, c.id)
		if err != nil {
			return nil, err
		}
		fields = append(fields, node)
	}
	return schema.NewGroupNode(t.name, parquet.Repetitions.Required, fields, -1)
}

func (k kind) types() (parquet.Type, schema.LogicalType) {
	switch k {
	case millis:
		return parquet.Types.Int64, schema.NewTimestampLogicalType(true, schema.TimeUnitMillis)
	case opaque:
		return parquet.Types.ByteArray, schema.NoLogicalType{}
	}
	return parquet.Types.Int64, schema.NoLogicalType{}
}

// properties configures the Parquet library. There are no statistics: sessions
// are in the order of a hash, so statistics could not help a search.
func (t *table) properties() *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDictionaryDefault(false),
		parquet.WithStats(false),
	}
	for _, c := range t.columns {
		if c.random {
			options = append(options, parquet.WithCompressionFor(c.name, compress.Codecs.Uncompressed))
		}
	}
	return parquet.NewWriterProperties(options...)
}
