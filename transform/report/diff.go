package report

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Difference is what became of a partition's rows from one revision to
// another.
type Difference struct {
	Added, Removed, Changed, Same int64    // rows
	Changes                       []Change // by session and leg; of all that are not the same
}

// Change is what became of one row, which its session and leg identify.
type Change struct {
	Session int64          `json:"session"`
	Leg     int64          `json:"leg"`
	Kind    ChangeKind     `json:"kind"`
	Columns []ColumnChange `json:"columns,omitempty"` // of a changed row, in the order of the schema
}

// ChangeKind says what became of a row.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// ColumnChange is a value that changed, as [AppendJSON] shows values.
type ColumnChange struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Diff compares two revisions of a partition. Both have their rows in the
// order of [Compare], as partitions do, and no session and leg twice.
//
// Since rows that did not change come in the same order on both sides, Diff
// keeps only those that did: it takes memory in proportion to the difference.
// An error of a side ends it, and is returned.
func Diff(before, after iter.Seq2[Row, error]) (*Difference, error) {
	a, b := newSide("before", before), newSide("after", after)
	defer a.stop()
	defer b.stop()
	var d Difference
	if err := d.walk(a, b); err != nil {
		return nil, err
	}
	d.match(a.unmatched, b.unmatched)
	slices.SortFunc(d.Changes, func(x, y Change) int {
		return cmp.Or(cmp.Compare(x.Session, y.Session), cmp.Compare(x.Leg, y.Leg))
	})
	return &d, nil
}

// walk goes through both sides at once, and leaves the rows that have no
// counterpart in their place.
func (d *Difference) walk(a, b *side) error {
	if err := errors.Join(a.advance(), b.advance()); err != nil {
		return err
	}
	for a.more || b.more {
		var err error
		switch order := compareHeads(a, b); {
		case order < 0:
			a.leave()
			err = a.advance()
		case order > 0:
			b.leave()
			err = b.advance()
		default:
			d.compare(&a.row, &b.row)
			err = errors.Join(a.advance(), b.advance())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compareHeads says which side's row comes first. At least one has a row.
func compareHeads(a, b *side) int {
	switch {
	case !b.more:
		return -1
	case !a.more:
		return 1
	}
	return Compare(&a.row, &b.row)
}

// match compares the rows of which a new time has changed the place.
func (d *Difference) match(before, after map[rowKey]Row) {
	for key, old := range before {
		if now, kept := after[key]; kept {
			d.compare(&old, &now)
			delete(after, key)
			continue
		}
		d.Removed++
		d.Changes = append(d.Changes, Change{Session: key.session, Leg: key.leg, Kind: Removed})
	}
	for key := range after {
		d.Added++
		d.Changes = append(d.Changes, Change{Session: key.session, Leg: key.leg, Kind: Added})
	}
}

// compare compares two rows of one key.
func (d *Difference) compare(old, now *Row) {
	if *old == *now {
		d.Same++
		return
	}
	d.Changed++
	d.Changes = append(d.Changes, Change{
		Session: old.SessionID, Leg: old.Leg, Kind: Changed, Columns: changedColumns(old, now),
	})
}

func changedColumns(old, now *Row) (changes []ColumnChange) {
	for i := range Columns {
		c := &Columns[i]
		if !c.same(old, now) {
			changes = append(changes, ColumnChange{
				c.Name, string(c.appendJSONValue(nil, old)), string(c.appendJSONValue(nil, now)),
			})
		}
	}
	return changes
}

// same says whether two rows have the same value in the column.
func (c *Column) same(a, b *Row) bool {
	switch c.Kind {
	case String:
		return c.Text(a) == c.Text(b)
	case Boolean:
		return c.Flag(a) == c.Flag(b)
	case Date:
		return c.Day(a) == c.Day(b)
	}
	return c.Number(a) == c.Number(b)
}

type rowKey struct{ session, leg int64 }

// side is one of the two revisions, while it is walked through.
type side struct {
	name      string
	next      func() (Row, error, bool)
	stop      func()
	row       Row
	more      bool // whether row is one
	unmatched map[rowKey]Row
}

func newSide(name string, rows iter.Seq2[Row, error]) *side {
	next, stop := iter.Pull2(rows)
	return &side{name: name, next: next, stop: stop, unmatched: map[rowKey]Row{}}
}

// advance goes on to the next row.
func (s *side) advance() error {
	row, err, more := s.next()
	if err != nil {
		return fmt.Errorf("the rows %s: %w", s.name, err)
	}
	if more && s.more && Compare(&s.row, &row) >= 0 {
		return fmt.Errorf("the rows %s: session %d leg %d follows session %d leg %d, and should not",
			s.name, row.SessionID, row.Leg, s.row.SessionID, s.row.Leg)
	}
	s.row, s.more = row, more
	return nil
}

// leave leaves the row to be matched at the end.
func (s *side) leave() { s.unmatched[rowKey{s.row.SessionID, s.row.Leg}] = s.row }
