// Package digest stores and reads what is kept of the dumps of one day: their
// events, by session.
//
// A digest is three Parquet files, tables that hold sessions in ascending
// order of their hash (shuffle.Hash):
//
//   - complete: the events of sessions that look complete in the day
//   - open: the events of sessions that may have events in other days' dumps
//   - sessions: a row a session: its times, and where its events are
//
// The files are a pure function of the calls that wrote them: no clock, no
// host. Every column is required. Row groups end where sessions do, so that
// one row group is all that has to be read to get a session.
//
// # Ids
//
// Half of a digest is the ids of events, which say nothing but that two events
// are one. A session that is in one digest alone has been told apart already.
// So the ids are the last column of a row group, and are not read unless they
// are asked for.
//
// # Damage
//
// Nothing else tells a reader of one row group that its bytes are those that
// were written. So each row group has two checksums (CRC-32C) in the footer's
// metadata, one of them for the ids, and the footer has one in the four bytes
// before it, where Parquet leaves room. A reader verifies those of what it
// reads before it decodes any: Arrow's decoder of footers panics or allocates
// without bound on bytes that are wrong, and pages are decoded as what little a
// [Writer] writes. Bytes that were damaged or cut off give [ErrCorrupt]. The
// checksums also vouch for what was seen to when the digest was written: that
// texts are UTF-8, for one.
//
// # Requests
//
// Readers are made for object stores: an index takes one ReadAt, to open a
// table one of its last bytes, how many of which the index tells
// ([Index.TailSize]), and a row group one.
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

// Version counts the changes of what a digest holds of the same dumps: its
// format, and how events are decoded. A digest of another version has to be
// built again.
//
// Version 3: the channel to which a session is transferred; no U+0000.
const Version = 3

// oldestVersion is the oldest version that is read. Its digests are complete but
// for what later versions added.
const oldestVersion = 2

// ErrCorrupt says that a file is not what a [Writer] of this version wrote.
// The digest has to be built again from its dumps.
var ErrCorrupt = errors.New("the digest is damaged, or is none of this version")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrCorrupt, fmt.Errorf(format, args...))
}

// guard makes a panic of the Arrow libraries an error.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the Parquet library panicked: %v", p)
	}
}

// The keys of the footer's metadata.
const (
	keyVersion   = "daybook.digest"    // Version
	keyTable     = "daybook.table"     // which of the three
	keyChecksums = "daybook.checksums" // two of each row group, little-endian, all in base64
	keyTails     = "daybook.tails"     // of the table of sessions: see Index.TailSize
)

const checksumSize = 4 // of the footer's, little-endian, in the bytes before it

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// table is the layout of a file.
type table struct {
	name     string
	columns  []column
	optional int // how many of the last columns readers can do without
}

// column is one. Its values are stored as they are, which is as little work as
// there is, and then compressed.
type column struct {
	name   string
	id     int32 // the field id, which no other column ever gets
	kind   kind
	random bool // as good as: it would only cost time to compress it
}

// kind is what a column's values are.
type kind uint8

const (
	number kind = iota
	millis      // a timestamp in UTC
	opaque      // bytes
)

// The columns of the two tables of events, and their places. A row is a session,
// and holds what its events have in each column one after the other, in as few
// bytes as it takes: values of one kind, which zstd makes much smaller, and
// which cost the Parquet library nothing, that would handle each by itself.
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
	eventStart:   {name: "start", id: 2, kind: millis},                   // of the session's first event
	eventSteps:   {name: "steps", id: 3, kind: opaque, random: true},     // uvarint: ms since the event before; 0: the first
	eventMicros:  {name: "micros", id: 4, kind: opaque},                  // varint: µs of the time beside its ms; nothing if all are 0
	eventSeqs:    {name: "seq_steps", id: 5, kind: opaque},               // varint: seq less that of the event before; the first's own
	eventKinds:   {name: "kinds", id: 6, kind: opaque},                   // bytes: the form of the id, the type, the code
	eventWhos:    {name: "technician_ids", id: 7, kind: opaque},          // uvarint; 0: none
	eventBodies:  {name: "bodies", id: 8, kind: opaque},                  // uvarint: the length, and event.Event.AppendBody
	eventIDs:     {name: "event_ids", id: 9, kind: opaque, random: true}, // appendID
}

// The columns of the table of sessions, and their places.
const (
	sessionID = iota
	sessionFirst
	sessionMinutes
	sessionEvents
	sessionPlace
)

var sessionColumns = []column{
	sessionID:      {name: "session_id", id: 1, kind: number},
	sessionFirst:   {name: "first", id: 2, kind: number},   // event's time, in whole minutes since the Unix epoch
	sessionMinutes: {name: "minutes", id: 3, kind: number}, // from then to the last event's
	sessionEvents:  {name: "events", id: 4, kind: number},
	sessionPlace:   {name: "place", id: 5, kind: number}, // the row group times 2; 1 more in the table complete
}

var (
	completeTable = table{"complete", eventColumns, 1}
	openTable     = table{"open", eventColumns, 1}
	sessionsTable = table{"sessions", sessionColumns, 0}
)

// schema is the table's, in Parquet's terms.
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

// properties are the writer's. There are no statistics: sessions are in the
// order of a hash, so that nothing could be found by them.
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
