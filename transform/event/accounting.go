package event

import "fmt"

// Accounting says what became of every line that was read (EVENTS.md, "What
// becomes of each line"). Nothing is dropped silently: [Accounting.Check] holds it
// against the law of conservation.
type Accounting struct {
	Lines      int64            `json:"lines"`
	Accepted   int64            `json:"accepted"` // events, each counted once
	Duplicates int64            `json:"duplicates"`
	Blank      int64            `json:"blank"`
	Rejected   map[string]int64 `json:"rejected"` // by reason code; only those that occur
}

// RejectedLines is how many lines were rejected, for whatever reason.
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

// Check fails unless lines = accepted + duplicates + rejected + blank. A
// difference is a fault of the program, not of its input.
func (a *Accounting) Check() error {
	rejected := a.RejectedLines()
	if sum := a.Accepted + a.Duplicates + rejected + a.Blank; sum != a.Lines {
		return fmt.Errorf("the accounting does not add up: %d lines were read, %d are accounted for (%d accepted, %d duplicates, %d rejected, %d blank); this is a bug of daybook, please report it",
			a.Lines, sum, a.Accepted, a.Duplicates, rejected, a.Blank)
	}
	return nil
}

// A Tally counts what reading lines yields. What of it are duplicates is known
// only later.
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

// Accounting completes the tally by the number of duplicates among the events.
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
