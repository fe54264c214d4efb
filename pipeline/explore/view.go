package explore

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"

	"daybook/transform/day"
)

// view is the rows of some days, with the sessions that they belong to. Those of a period
// are asked about; the others tell of its sessions.
type view struct {
	days []*columns
	*joined

	from, to int // the days of the period
}

// within sets the period.
func (v *view) within(p Period) {
	at := func(date day.Day) int {
		i, _ := slices.BinarySearchFunc(v.days, date, func(c *columns, date day.Day) int { return cmp.Compare(c.date, date) })
		return i
	}
	v.from, v.to = at(p.From), at(p.To+1)
}

// inside are the days of the period, by their index.
func (v *view) inside() iter.Seq2[int, *columns] {
	return func(yield func(int, *columns) bool) {
		for i := v.from; i < v.to; i++ {
			if !yield(i, v.days[i]) {
				return
			}
		}
	}
}

// legs is the number of legs of the period.
func (v *view) legs() (n int) {
	for _, c := range v.inside() {
		n += c.rows
	}
	return n
}

// joined is the sessions of the rows of some days.
type joined struct {
	first    []int     // of each day: the number of its first row
	sessions [][]int32 // of each day: the number of each of its sessions
	facts    []fact    // of each session
	rows     int
}

// fact is what a session's legs say together.
type fact struct {
	waiting int64 // up to its pick-up
	head    int32 // the number of its head leg
	legs    int32
	state   state
	started bool // a leg has started: a technician has picked it up, before the period if none is a lead leg
}

// state is how far the head leg of a session is found.
type state uint8

const (
	noLead state = iota
	unstarted
	pickedUp
)

// join joins the legs of sessions, also of those with legs on several days.
func join(days []*columns) *joined {
	v := &joined{first: make([]int, len(days)), sessions: make([][]int32, len(days))}
	distinct := 0
	for i, c := range days {
		v.first[i] = v.rows
		v.rows += c.rows
		distinct += len(c.ids)
	}
	ids := newNumbering(distinct)
	for i, c := range days {
		v.sessions[i] = make([]int32, len(c.ids))
		for j, id := range c.ids {
			v.sessions[i][j] = ids.number(id)
		}
	}
	v.facts = make([]fact, ids.n)
	for i, c := range days {
		v.add(c, v.first[i], v.sessions[i])
	}
	return v
}

// add adds the legs of a day to their sessions. Days come in order, and the rows of
// a day are in order.
func (v *joined) add(c *columns, first int, sessions []int32) {
	for row := range c.rows {
		f := &v.facts[sessions[c.sessions[row]]]
		f.legs++
		if f.legs == 1 {
			f.head = int32(first + row)
		}
		flags := c.flags[row]
		f.started = f.started || flags&isStarted != 0
		if flags&isLead == 0 || f.state == pickedUp {
			continue
		}
		f.waiting += c.at(waiting, row)
		switch {
		case flags&isStarted != 0:
			f.state, f.head = pickedUp, int32(first+row)
		case f.state == noLead:
			f.state, f.head = unstarted, int32(first+row)
		}
	}
}

// size is about how many bytes it takes.
func (v *joined) size() int64 {
	size := int64(24 * cap(v.facts))
	for _, s := range v.sessions {
		size += int64(4*cap(s)) + 64
	}
	return size
}

// numbering numbers ids in the order of their first use. It is a hash table with open
// addressing: half as large as a map, and several times as fast.
type numbering struct {
	ids   []int64
	slots []int32 // number + 1; 0: free
	shift int
	n     int
}

func newNumbering(most int) *numbering {
	size := bits.Len(uint(max(16, 2*most)))
	return &numbering{ids: make([]int64, 1<<size), slots: make([]int32, 1<<size), shift: 64 - size}
}

func (t *numbering) number(id int64) int32 {
	mask := len(t.slots) - 1
	for at := int(uint64(id) * 0x9e3779b97f4a7c15 >> t.shift); ; at = (at + 1) & mask {
		switch {
		case t.slots[at] == 0:
			t.n++
			t.ids[at], t.slots[at] = id, int32(t.n)
			return int32(t.n - 1)
		case t.ids[at] == id:
			return t.slots[at] - 1
		}
	}
}
