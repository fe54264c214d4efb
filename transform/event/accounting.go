package event

import "fmt"

// Accounting counts the lines that were read by their outcome (EVENTS.md, "What
// becomes of each line"). [Accounting.Check] verifies that every line is counted.
type Accounting struct {
	Lines      int64            `json:"lines"`
	Accepted   int64            `json:"accepted"` // events, each counted once
	Duplicates int64            `json:"duplicates"`
	Blank      int64            `json:"blank"`
	Rejected   map[string]int64 `json:"rejected"` // by reason code; only those that occur
}

// RejectedLines is the number of rejected lines, for all reasons.
func (a *Accounting) RejectedLines() int64 {
	n := int64(0)
	for _, count := range a.Rejected {
		n += count
	}
	return n
}

// Add adds o's counts to a.
func (a *Accounting) Add(o *Accounting) {
	a.Lines += o.Lines
	a.Accepted += o.Accepted
	a.Duplicates += o.Duplicates
	a.Blank += o.Blank
	for reason, n := range o.Rejected {
		if a.Rejected == nil {
			a.Rejected = map[string]int64{}
		}
		a.Rejected[reason] += n
	}
}

// Check returns an error unless lines = accepted + duplicates + rejected +
// blank. A difference is a bug of the program, not a fault of its input.
func (a *Accounting) Check() error {
	rejected := a.RejectedLines()
	if sum := a.Accepted + a.Duplicates + rejected + a.Blank; sum != a.Lines {
		return fmt.Errorf("the accounting does not add up: %d lines were read and %d are counted (%d accepted, %d duplicates, %d rejected, %d blank); this is a bug of daybook, please report it",
			a.Lines, sum, a.Accepted, a.Duplicates, rejected, a.Blank)
	}
	return nil
}

// A Tally counts lines while they are read. The number of duplicates among the
// events is known only later.
type Tally struct {
	Lines, Blank, Events int64
	Rejected             [NumReasons]int64
}

// Add adds o's counts to t.
func (t *Tally) Add(o *Tally) {
	t.Lines += o.Lines
	t.Blank += o.Blank
	t.Events += o.Events
	for i, n := range o.Rejected {
		t.Rejected[i] += n
	}
}

// Accounting makes the accounting from the tally and the number of duplicates
// among its events.
func (t *Tally) Accounting(duplicates int64) Accounting {
	a := Accounting{
		Lines: t.Lines, Blank: t.Blank,
		Accepted: t.Events - duplicates, Duplicates: duplicates,
		Rejected: map[string]int64{},
	}
	for _, r := range Reasons() {
		if n := t.Rejected[r]; n > 0 {
			a.Rejected[r.String()] = n
		}
	}
	return a
}
