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
// # Damage
//
// Nothing else tells a reader of one row group that its bytes are those that
// were written. So each row group has a checksum (CRC-32C) in the footer's
// metadata, and the footer has one in the four bytes before it, where Parquet
// leaves room. A reader verifies them before it lets Arrow's decoders, which
// panic or allocate without bound on bytes that are wrong, see any. Bytes that
// were damaged or cut off give [ErrCorrupt]. The checksums also vouch for what
// was seen to when the digest was written: that texts are UTF-8, for one.
//
// # Requests
//
// Readers are made for object stores, where a request costs more than its
// bytes: to open a table takes one ReadAt of its last [TailSize] bytes (and a
// second where its footer is longer), a row group one, an index one in all.
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
const Version = 1

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
	keyChecksums = "daybook.checksums" // of each row group: 8 hexadecimal digits
)

const checksumSize = 4 // of the footer's, little-endian, in the bytes before it

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// table is the layout of a file.
type table struct {
	name    string
	columns []column
}

type column struct {
	name     string
	id       int32 // the field id, which no other column ever gets
	kind     kind
	encoding encoding
}

// kind is what a column's values are.
type kind uint8

const (
	number kind = iota
	micros      // a timestamp in UTC, as are
	millis
	truth
	text
	opaque
)

// encoding is how values are laid out in pages, which zstd then compresses.
type encoding uint8

const (
	plain      encoding = iota
	dictionary          // each distinct value of a row group once, then indexes
	delta               // packed differences
)

// The columns of the two tables of events, and their places.
const (
	eventSession = iota
	eventTS
	eventSeq
	eventID
	eventType
	eventCode
	eventWho
	eventBody
)

var eventColumns = []column{
	eventSession: {"session_id", 1, number, delta},
	eventTS:      {"ts", 2, micros, delta},
	eventSeq:     {"seq", 3, number, delta},
	eventID:      {"event_id", 4, text, plain}, // all are distinct
	eventType:    {"type", 5, number, dictionary},
	eventCode:    {"code", 6, number, dictionary},
	eventWho:     {"technician_id", 7, number, dictionary}, // 0: none
	eventBody:    {"body", 8, opaque, dictionary},          // event.Event.AppendBody
}

// The columns of the table of sessions, and their places.
const (
	sessionID = iota
	sessionFirst
	sessionLast
	sessionEvents
	sessionComplete
	sessionGroup
)

var sessionColumns = []column{
	sessionID:       {"session_id", 1, number, delta},
	sessionFirst:    {"first_ts", 2, millis, delta},
	sessionLast:     {"last_ts", 3, millis, delta},
	sessionEvents:   {"events", 4, number, delta},
	sessionComplete: {"complete", 5, truth, plain}, // which table has its events
	sessionGroup:    {"row_group", 6, number, dictionary},
}

var (
	completeTable = table{"complete", eventColumns}
	openTable     = table{"open", eventColumns}
	sessionsTable = table{"sessions", sessionColumns}
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
	case micros:
		return parquet.Types.Int64, schema.NewTimestampLogicalType(true, schema.TimeUnitMicros)
	case millis:
		return parquet.Types.Int64, schema.NewTimestampLogicalType(true, schema.TimeUnitMillis)
	case truth:
		return parquet.Types.Boolean, schema.NoLogicalType{}
	case text:
		return parquet.Types.ByteArray, schema.StringLogicalType{}
	case opaque:
		return parquet.Types.ByteArray, schema.NoLogicalType{}
	}
	return parquet.Types.Int64, schema.NoLogicalType{}
}

// dictionaryLimit is the size at which the writer would give up a dictionary
// in the middle of a row group: larger than one can be.
const dictionaryLimit = 1 << 30

// properties are the writer's. Ids and bodies have no statistics: nobody asks
// for a range of them, and the writer would keep pointers into its input.
func (t *table) properties() *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDictionaryDefault(false),
		parquet.WithDictionaryPageSizeLimit(dictionaryLimit),
	}
	for _, c := range t.columns {
		switch c.encoding {
		case dictionary:
			options = append(options, parquet.WithDictionaryFor(c.name, true))
		case delta:
			options = append(options, parquet.WithEncodingFor(c.name, parquet.Encodings.DeltaBinaryPacked))
		}
		options = append(options, parquet.WithStatsFor(c.name, c.kind != text && c.kind != opaque))
	}
	return parquet.NewWriterProperties(options...)
}
