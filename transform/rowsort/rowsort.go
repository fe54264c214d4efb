// Package rowsort sorts the rows of a report inside a memory budget.
//
// Workers that make rows each add them to a [Writer] of their own, which keeps
// them in their compact form (report.Row.AppendCompact), where the garbage
// collector has nothing to look for. When all writers together reach the
// budget, the one that wants more sorts what it has, and moves it to a temporary
// file of its own: a run, in compressed blocks. [Sorter.Rows] merges the runs
// and what is still in memory.
//
// Memory is the budget, beside it up to 2 MiB a writer, and when rows are read
// a block of some 64 KiB for each run.
//
// The package does no I/O of its own: its files come from [Options].
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

// Order is what rows are sorted by before their session and leg.
type Order func(*report.Row) int64

// ByTime is how a partition is sorted.
func ByTime(r *report.Row) int64 { return r.Dated() }

// BySession is by nothing but session and leg.
func BySession(*report.Row) int64 { return 0 }

// Options say how rows are sorted, and how many of them in memory.
type Options struct {
	Order Order
	// Budget is how many bytes all writers together hold before they spill. Each
	// may hold a MiB nevertheless. 0: no bound.
	Budget int64
	// Spill makes an empty temporary file; several writers may call it at the
	// same time, each once. The sorter closes what it made. It may be nil
	// without a budget.
	Spill func() (File, error)
}

// A File holds what does not fit in memory. It is written from its start to
// its end, and then read.
type File = spill.File

// A Sorter holds rows until they are read in order. [New] makes one;
// [Sorter.Close] must be called at the end.
type Sorter struct {
	options Options
	used    atomic.Int64 // bytes that all writers hold

	mu      sync.Mutex
	writers []*Writer
}

// New returns a sorter without rows.
func New(o Options) *Sorter { return &Sorter{options: o} }

// Writer returns a new writer to the sorter.
func (s *Sorter) Writer() *Writer {
	w := &Writer{sorter: s, scratch: spill.NewScratch(s.options.Spill)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers = append(s.writers, w)
	return w
}

// Len is the number of rows. All writers must be done.
func (s *Sorter) Len() (n int64) {
	for _, w := range s.writers {
		n += w.rows
	}
	return n
}

// Close closes the temporary files, and lets go of all that is held. Nothing
// may use the sorter or its writers at the time or later.
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

// A key decides a row's place.
type key struct {
	first   int64 // by the order
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
