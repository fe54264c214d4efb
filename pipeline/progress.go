package pipeline

import (
	"sync/atomic"

	"daybook/sources/dump"
)

// Progress counts what has been done so far. It may be looked at while it is
// written. A nil Progress takes everything and keeps nothing.
type Progress struct {
	Inputs     atomic.Int64 // how many there are
	InputsDone atomic.Int64
	Bytes      atomic.Int64 // their size as stored; 0 where unknown
	BytesRead  atomic.Int64
	Lines      atomic.Int64
	Steps      atomic.Int64 // of the plan: how many there are, as far as is known
	StepsDone  atomic.Int64
}

// meter adds what one input has yielded to a Progress, now and then rather
// than line by line.
type meter struct {
	progress *Progress
	size     int64 // the input's, as stored
	lines    int64 // not added yet
	bytes    int64 // added so far
}

// meterLines is how many lines are read between two updates of a Progress:
// some milliseconds' worth.
const meterLines = 1 << 12

func (m *meter) line(r *dump.Reader) {
	if m.lines++; m.lines == meterLines && m.progress != nil {
		m.update(r.StoredBytes())
	}
}

// done adds the rest of the input.
func (m *meter) done() {
	if m.progress != nil {
		m.update(m.size)
		m.progress.InputsDone.Add(1)
	}
}

func (m *meter) update(bytes int64) {
	m.progress.Lines.Add(m.lines)
	m.progress.BytesRead.Add(bytes - m.bytes)
	m.lines, m.bytes = 0, bytes
}
