package shuffle

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"daybook/transform/event"
)

// A record is the encoding of an event in the shuffle:
//
//	length    uvarint  of the rest
//	session   8 bytes, little endian
//	ts        8 bytes, little endian
//	seq       uvarint
//	id        uvarint length and bytes
//	type      1 byte
//	code      1 byte
//	who       uvarint
//	body      the rest: event.AppendBody
//
// Session and time have a fixed size because sorting a shard reads them from
// every record. After them come the fields that order events of one time, then
// the fields that are compared only between copies of one event.

// fixedSize is the number of bytes of a record's session and time.
const fixedSize = 16

var errDamaged = errors.New("a record is damaged")

// AppendRecord appends e's record, with its length, for [Writer.AddRecords].
func AppendRecord(b []byte, e *event.Event) []byte {
	start := len(b)
	b = appendRecord(append(b, 0), e) // with room for a length of one byte
	size := len(b) - start - 1
	if size < 0x80 {
		b[start] = byte(size)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(size))
	return slices.Replace(b, start, start+1, length[:n]...)
}

// appendRecord appends e's record, without its length.
func appendRecord(b []byte, e *event.Event) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(e.SessionID))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.TS))
	b = binary.AppendUvarint(b, uint64(e.Seq))
	b = binary.AppendUvarint(b, uint64(len(e.ID)))
	b = append(b, e.ID...)
	b = append(b, byte(e.Type), e.Code())
	b = binary.AppendUvarint(b, uint64(e.Who()))
	return e.AppendBody(b)
}

// cutRecord splits the first record, without its length, from b, which is not
// empty. The record is long enough for sessionOf and tsOf.
func cutRecord(b []byte) (record, rest []byte, err error) {
	n, size := uint64(b[0]), 1 // most records are short
	if n >= 0x80 {
		n, size = binary.Uvarint(b)
	}
	if size <= 0 || n < fixedSize || n > uint64(len(b)-size) {
		return nil, nil, errDamaged
	}
	end := size + int(n)
	return b[size:end], b[end:], nil
}

// countRecords counts the records in b.
func countRecords(b []byte) (n int, err error) {
	for ; len(b) > 0; n++ {
		if _, b, err = cutRecord(b); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func sessionOf(record []byte) int64 { return int64(binary.LittleEndian.Uint64(record)) }
func tsOf(record []byte) int64      { return int64(binary.LittleEndian.Uint64(record[8:])) }

// cutOrder splits the sequence number and the id from a record, after its fixed
// part.
func cutOrder(record []byte) (seq int64, id, rest []byte, err error) {
	rest = record[fixedSize:]
	n, size := binary.Uvarint(rest)
	if size <= 0 {
		return 0, nil, nil, errDamaged
	}
	length, lengthSize := binary.Uvarint(rest[size:])
	if lengthSize <= 0 || length > uint64(len(rest)-size-lengthSize) {
		return 0, nil, nil, errDamaged
	}
	rest = rest[size+lengthSize:]
	return int64(n), rest[:length], rest[length:], nil
}

// decodeRecord sets e to the event of a record. The texts of e share the memory
// of the record, and are valid until it changes. Its details are the pool's.
func decodeRecord(record []byte, e *event.Event, pool *event.Pool) error {
	seq, id, rest, err := cutOrder(record)
	if err != nil {
		return err
	}
	if len(rest) < 2 {
		return errDamaged
	}
	*e = event.Event{} // and then field by field: a literal would be built elsewhere and copied
	e.ID, e.TS, e.SessionID, e.Seq = view(id), tsOf(record), sessionOf(record), seq
	e.Type = event.Type(rest[0])
	e.SetCode(rest[1])
	who, size := binary.Uvarint(rest[2:])
	if size <= 0 {
		return errDamaged
	}
	e.SetWho(int64(who))
	if err := e.DecodeBody(view(rest[2+size:]), pool); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// compareRecords orders two records of one session and time by sequence number
// and id, and copies of one event by their bytes. The order depends only on the
// events.
func compareRecords(a, b []byte) int {
	// decodeRecord reports a damaged record. Until then any order is good enough.
	aSeq, aID, aRest, _ := cutOrder(a)
	bSeq, bID, bRest, _ := cutOrder(b)
	if c := cmp.Compare(aSeq, bSeq); c != 0 {
		return c
	}
	if c := bytes.Compare(aID, bID); c != 0 {
		return c
	}
	return bytes.Compare(aRest, bRest)
}
