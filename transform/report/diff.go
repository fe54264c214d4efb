package report

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Difference is the difference between two revisions of a partition.
type Difference struct {
	Added, Removed, Changed, Same int64    // rows
	Renumbered                    int64    // rows that have another leg number, and are the same otherwise
	Changes                       []Change // sorted by session and leg; every row that is not the same
}

// Change is the change of one row.
type Change struct {
	Session int64          `json:"session"`
	Leg     int64          `json:"leg"` // of a removed row: before; of every other: after
	Kind    ChangeKind     `json:"kind"`
	Columns []ColumnChange `json:"columns,omitempty"` // of a changed or renumbered row, in the order of the schema
}

// ChangeKind is the kind of a Change.
type ChangeKind string

// The kinds of changes.
const (
	Added      ChangeKind = "added"
	Removed    ChangeKind = "removed"
	Changed    ChangeKind = "changed"
	Renumbered ChangeKind = "renumbered"
)

// ColumnChange is a value that changed, as [AppendJSON] shows values.
type ColumnChange struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Diff compares two revisions of a partition. Both must have their rows in the
// order of [Compare], and each session and leg at most once.
//
// A leg is recognised by its session, technician and begin: a new leg in a session
// changes the numbers of those after it. A leg of another technician or with another
// begin is recognised by its number, if the other of the two is the same.
//
// Unchanged rows come in the same order on both sides, so Diff keeps only rows
// that changed: its memory is proportional to the difference. It returns the
// first error of a side.
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
		return cmp.Or(cmp.Compare(x.Session, y.Session), cmp.Compare(x.Leg, y.Leg), cmp.Compare(x.Kind, y.Kind))
	})
	return &d, nil
}

// walk merges both sides. Rows without a counterpart at the same place are set
// aside for match.
func (d *Difference) walk(a, b *side) error {
	if err := errors.Join(a.advance(), b.advance()); err != nil {
		return err
	}
	for a.more || b.more {
		var err error
		switch order := compareHeads(a, b); {
		case order < 0:
			a.setAside()
			err = a.advance()
		case order > 0:
			b.setAside()
			err = b.advance()
		default:
			if legOf(&a.row) == legOf(&b.row) {
				d.compare(&a.row, &b.row)
			} else {
				a.setAside()
				b.setAside()
			}
			err = errors.Join(a.advance(), b.advance())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compareHeads compares the current rows of both sides. At least one side has a
// row.
func compareHeads(a, b *side) int {
	switch {
	case !b.more:
		return -1
	case !a.more:
		return 1
	}
	return Compare(&a.row, &b.row)
}

// match compares the rows that were set aside: a changed time or another leg has
// moved them. Legs of one technician that begin at once are taken in their order.
func (d *Difference) match(before, after map[legKey][]Row) {
	oldLeft, newLeft := map[rowKey]Row{}, map[rowKey]Row{}
	for key, old := range before {
		now := after[key]
		delete(after, key)
		both := min(len(old), len(now))
		for i := range both {
			d.compare(&old[i], &now[i])
		}
		addRows(oldLeft, old[both:])
		addRows(newLeft, now[both:])
	}
	for _, now := range after {
		addRows(newLeft, now)
	}
	for key, old := range oldLeft {
		if now, found := newLeft[key]; found && (now.TechnicianID == old.TechnicianID || now.BeginTime == old.BeginTime) {
			d.compare(&old, &now)
			delete(newLeft, key)
			continue
		}
		d.Removed++
		d.Changes = append(d.Changes, Change{Session: key.session, Leg: key.leg, Kind: Removed})
	}
	for key := range newLeft {
		d.Added++
		d.Changes = append(d.Changes, Change{Session: key.session, Leg: key.leg, Kind: Added})
	}
}

func addRows(to map[rowKey]Row, rows []Row) {
	for _, r := range rows {
		to[rowKey{r.SessionID, r.Leg}] = r
	}
}

// compare compares two rows of the same leg.
func (d *Difference) compare(old, now *Row) {
	if *old == *now {
		d.Same++
		return
	}
	c := Change{Session: now.SessionID, Leg: now.Leg, Kind: Changed, Columns: changedColumns(old, now)}
	if len(c.Columns) == 1 && old.Leg != now.Leg {
		c.Kind = Renumbered
		d.Renumbered++
	} else {
		d.Changed++
	}
	d.Changes = append(d.Changes, c)
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

// same reports whether two rows have the same value in the column.
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

// legKey recognises a leg by other values than its number.
type legKey struct{ session, technician, begin int64 }

func legOf(r *Row) legKey { return legKey{r.SessionID, r.TechnicianID, r.BeginTime} }

// side is the reading position in one of the two revisions.
type side struct {
	name      string
	next      func() (Row, error, bool)
	stop      func()
	row       Row
	more      bool // row is valid
	unmatched map[legKey][]Row
}

func newSide(name string, rows iter.Seq2[Row, error]) *side {
	next, stop := iter.Pull2(rows)
	return &side{name: name, next: next, stop: stop, unmatched: map[legKey][]Row{}}
}

// advance reads the next row.
func (s *side) advance() error {
	row, err, more := s.next()
	if err != nil {
		return fmt.Errorf("the rows %s: %w", s.name, err)
	}
	if more && s.more && Compare(&s.row, &row) >= 0 {
		return fmt.Errorf("the rows %s: session %d leg %d comes after session %d leg %d, out of order",
			s.name, row.SessionID, row.Leg, s.row.SessionID, s.row.Leg)
	}
	s.row, s.more = row, more
	return nil
}

// setAside keeps the current row for match.
func (s *side) setAside() {
	key := legOf(&s.row)
	s.unmatched[key] = append(s.unmatched[key], s.row)
}
