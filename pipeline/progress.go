package pipeline

import "sync/atomic"

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

// meter adds what is read of one input to a Progress.
type meter struct {
	progress *Progress
	size     int64 // the input's, as stored
	bytes    int64 // added so far
}

// read says how much has been read, as stored.
func (m *meter) read(bytes int64) {
	if m.progress != nil {
		m.progress.BytesRead.Add(bytes - m.bytes)
		m.bytes = bytes
	}
}

// done says that all has been read.
func (m *meter) done() {
	if m.progress != nil {
		m.read(m.size)
		m.progress.InputsDone.Add(1)
	}
}
