package extract

import "sync/atomic"

// Progress counts the work of a run. Any goroutine may read it at any time.
// Reading inputs adds to InputsDone, BytesRead and Lines; the caller sets the others.
type Progress struct {
	Inputs     atomic.Int64 // to be read
	InputsDone atomic.Int64
	Bytes      atomic.Int64 // stored size of the inputs; 0 if unknown
	BytesRead  atomic.Int64
	Lines      atomic.Int64
	Steps      atomic.Int64 // of the plan, as far as they are known
	StepsDone  atomic.Int64
}

// meter adds what is read of one input to the progress.
type meter struct {
	progress *Progress
	size     int64 // of the input, stored
	bytes    int64 // added so far
}

// read says how many stored bytes have been read so far.
func (m *meter) read(bytes int64) {
	m.progress.BytesRead.Add(bytes - m.bytes)
	m.bytes = bytes
}

// done says that the whole input has been read.
func (m *meter) done() {
	m.read(m.size)
	m.progress.InputsDone.Add(1)
}
