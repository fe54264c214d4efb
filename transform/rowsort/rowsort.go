// Package rowsort sorts the rows of a report within a memory budget.
//
// Each worker adds rows to a [Writer] of its own. A writer keeps rows in their
// compact form (report.Row.AppendCompact), which has no pointers for the garbage
// collector. When all writers together reach the budget, the next writer that
// needs memory sorts its rows and writes them to its temporary file as a run of
// compressed blocks. [Sorter.Rows] merges the runs and the rows in memory.
//
// Memory use is the budget, up to 2 MiB more for each writer, and while rows are
// read a block of about 64 KiB for each run.
//
// The package opens no files: [Options] provides them.
package rowsort

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"daybook/transform/report"
	"daybook/transform/spill"
)

// Order returns the first sort key of a row. Session and leg follow it.
type Order func(*report.Row) int64

// ByTime is the order of a partition.
func ByTime(r *report.Row) int64 { return r.Dated() }

// BySession orders rows by session and leg alone.
func BySession(*report.Row) int64 { return 0 }

// Options configure a Sorter.
type Options struct {
	Order Order
	// Budget is the number of bytes that all writers together hold before they
	// spill. Each writer may always hold 1 MiB. 0: no bound.
	Budget int64
	// Spill creates an empty temporary file. It is called at most once for each
	// writer, concurrently. The sorter closes the files. It may be nil without a
	// budget.
	Spill func() (File, error)
	// Interrupt, if it is set, is asked often during long work. Its error ends the
	// work: it is that of Add, or of Rows.
	Interrupt func() error
}

// A File holds the rows that do not fit in memory. It is written sequentially
// and then read.
type File = spill.File

// A Sorter holds rows until they are read in order. The caller must call
// [Sorter.Close] at the end.
type Sorter struct {
	options Options
	used    atomic.Int64 // bytes held by all writers

	mu      sync.Mutex
	writers []*Writer
}

// New returns a sorter without rows.
func New(o Options) *Sorter { return &Sorter{options: o} }

// Writer adds a writer to the sorter. It is safe for concurrent use.
func (s *Sorter) Writer() *Writer {
	w := &Writer{sorter: s, scratch: spill.NewScratch(s.options.Spill)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers = append(s.writers, w)
	return w
}

// Len is the number of rows. Call it when all writers are done.
func (s *Sorter) Len() (n int64) {
	for _, w := range s.writers {
		n += w.rows
	}
	return n
}

// Close closes the temporary files and frees the memory. The sorter and its
// writers must not be used during or after the call.
func (s *Sorter) Close() error {
	var errs []error
	for _, w := range s.writers {
		errs = append(errs, w.scratch.Close())
	}
	s.writers = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the temporary files of sorted rows: %w", err)
	}
	return nil
}

// interruptEvery is the number of comparisons or rows after which Interrupt is asked:
// a millisecond of work.
const interruptEvery = 1 << 12

// interrupted is the error of Interrupt, which it asks for some i only.
func (s *Sorter) interrupted(i int) error {
	if s.options.Interrupt == nil || i%interruptEvery != interruptEvery-1 {
		return nil
	}
	return s.options.Interrupt()
}

// A key is the sort key of a row.
type key struct {
	first   int64 // from Options.Order
	session int64
	leg     int64
}

func (s *Sorter) keyOf(r *report.Row) key { return key{s.options.Order(r), r.SessionID, r.Leg} }

func (k key) compare(o key) int {
	if k.first != o.first {
		return cmp.Compare(k.first, o.first)
	}
	if k.session != o.session {
		return cmp.Compare(k.session, o.session)
	}
	return cmp.Compare(k.leg, o.leg)
}
