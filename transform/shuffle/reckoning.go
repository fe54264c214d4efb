package shuffle

import (
	"bytes"

	"daybook/transform/event"
)

// A reckoning counts the events of one session from its sorted records, in memory
// that does not depend on their number.
type reckoning struct {
	extent event.Extent
	copies int64 // records that repeat the one before them

	seq int64  // of the event before
	id  []byte // of it; a copy
}

// add counts a record, and reports whether it is a copy of the one before: an event
// with the same time, sequence number and id.
func (k *reckoning) add(record []byte) (isCopy bool, err error) {
	seq, id, rest, err := cutOrder(record)
	if err != nil {
		return false, err
	}
	ts := tsOf(record)
	x := &k.extent
	if x.Events > 0 && ts == x.Last && seq == k.seq && bytes.Equal(id, k.id) {
		k.copies++
		return true, nil
	}
	size, err := sizeOfEvent(record, len(id), rest)
	if err != nil {
		return false, err
	}
	if x.Events == 0 {
		x.Session, x.First = sessionOf(record), ts
	}
	x.Last = ts
	x.Events++
	x.Bytes += size
	k.seq, k.id = seq, append(k.id[:0], id...)
	return false, nil
}

// begin begins with another session.
func (k *reckoning) begin() { *k = reckoning{id: k.id[:0]} }

// sizeOfEvent is event.Event.Size of a record's event. rest is the record after its
// id.
func sizeOfEvent(record []byte, id int, rest []byte) (int64, error) {
	const shortest = 3                                    // bytes of type, code and who
	if len(rest) == shortest && rest[shortest-1] < 0x80 { // most events have no texts
		return event.MostSize(1, id), nil
	}
	var e event.Event
	if err := decodeRecord(record, &e, nil); err != nil {
		return 0, err
	}
	return e.Size(), nil
}
