package report

import (
	"errors"
	"iter"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func seq(rows ...Row) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// at is a row of a session that began at that millisecond.
func at(ms, session, leg int64) Row {
	r := Blank()
	r.BeginTime, r.SessionID, r.Leg, r.Status = ms, session, leg, "Active"
	return r
}

func with(r Row, change func(*Row)) Row {
	change(&r)
	return r
}

func TestDiff(t *testing.T) {
	a, b, c := at(1000, 30, 0), at(2000, 10, 0), at(2000, 10, 1)
	for name, test := range map[string]struct {
		before, after []Row
		want          Difference
	}{
		"nothing":           {nil, nil, Difference{}},
		"the same":          {[]Row{a, b, c}, []Row{a, b, c}, Difference{Same: 3}},
		"all are new":       {nil, []Row{a, b}, Difference{Added: 2, Changes: []Change{{10, 0, Added, nil}, {30, 0, Added, nil}}}},
		"all are gone":      {[]Row{a, b}, nil, Difference{Removed: 2, Changes: []Change{{10, 0, Removed, nil}, {30, 0, Removed, nil}}}},
		"one in the middle": {[]Row{a, c}, []Row{a, b, c}, Difference{Added: 1, Same: 2, Changes: []Change{{10, 0, Added, nil}}}},
		"another number": {[]Row{a, b}, []Row{a, c}, Difference{Renumbered: 1, Same: 1,
			Changes: []Change{{10, 1, Renumbered, []ColumnChange{{"leg", "0", "1"}}}}}},
		"another technician": {[]Row{b}, []Row{with(b, func(r *Row) { r.TechnicianID = 12 })}, Difference{Changed: 1,
			Changes: []Change{{10, 0, Changed, []ColumnChange{{"technician_id", "null", "12"}}}}}},
		"another technician at another time": {[]Row{b}, []Row{with(b, func(r *Row) { r.TechnicianID, r.BeginTime = 12, 5000 })}, Difference{Added: 1, Removed: 1,
			Changes: []Change{{10, 0, Added, nil}, {10, 0, Removed, nil}}}},
		"two legs of a technician that begin at once, one of them new": {[]Row{b}, []Row{b, c},
			Difference{Added: 1, Same: 1, Changes: []Change{{10, 1, Added, nil}}}},
		"a text, a null and a flag": {[]Row{a, b}, []Row{a, with(b, func(r *Row) { r.Name, r.WrapUpTime, r.IsFinal = `Ada "K"`, 90, true })},
			Difference{Same: 1, Changed: 1, Changes: []Change{{10, 0, Changed, []ColumnChange{
				{"name", "null", `"Ada \"K\""`}, {"wrap_up_time_ms", "null", "90"}, {"is_final", "false", "true"}}}}}},
		"another place": {[]Row{a, b, c}, []Row{b, c, with(a, func(r *Row) { r.BeginTime = 3000 })},
			Difference{Same: 2, Changed: 1, Changes: []Change{{30, 0, Changed, []ColumnChange{
				{"begin_time", `"1970-01-01T00:00:01.000Z"`, `"1970-01-01T00:00:03.000Z"`}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Diff(seq(test.before...), seq(test.after...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A leg that is inserted is one new row. The six legs after it have other numbers,
// and one of them has changed.
func TestDiffOfAnInsertedLeg(t *testing.T) {
	var before, after []Row
	leg := func(ms, number, technician int64) Row {
		return with(at(ms, 7, number), func(r *Row) { r.TechnicianID = technician })
	}
	for i := range int64(7) {
		before = append(before, leg(1000*(i+1), i, 11+i%2)) // two technicians take turns
		if i == 1 {
			after = append(after, leg(1500, 1, 11))
		}
		number := i
		if i >= 1 {
			number++
		}
		after = append(after, leg(1000*(i+1), number, 11+i%2))
	}
	after[7].WorkTime = 90
	got, err := Diff(seq(before...), seq(after...))
	if err != nil {
		t.Fatal(err)
	}
	want := &Difference{Added: 1, Changed: 1, Renumbered: 5, Same: 1, Changes: []Change{{7, 1, Added, nil}}}
	for number := int64(2); number <= 6; number++ {
		want.Changes = append(want.Changes, Change{7, number, Renumbered, []ColumnChange{{"leg", strconv.FormatInt(number-1, 10), strconv.FormatInt(number, 10)}}})
	}
	want.Changes = append(want.Changes, Change{7, 7, Changed, []ColumnChange{{"work_time_ms", "null", "90"}, {"leg", "6", "7"}}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A change in any single column but the key is told as that of this column.
func TestDiffNamesEveryColumn(t *testing.T) {
	old := Row{SessionID: 7, Leg: 1}
	for i := range Columns {
		c := &Columns[i]
		now := old
		switch c.Kind {
		case String:
			c.SetText(&now, "x")
		case Boolean:
			c.SetFlag(&now, true)
		case Date:
			c.SetDay(&now, 1)
		default:
			c.SetNumber(&now, c.Number(&old)+1)
		}
		got, err := Diff(seq(old), seq(now))
		if err != nil {
			t.Fatal(err)
		}
		want := &Difference{Changed: 1, Changes: []Change{{7, 1, Changed, []ColumnChange{
			{c.Name, string(c.appendJSONValue(nil, &old)), string(c.appendJSONValue(nil, &now))}}}}}
		switch c.Name {
		case "leg":
			want.Changed, want.Renumbered, want.Changes[0].Kind, want.Changes[0].Leg = 0, 1, Renumbered, now.Leg
		case "session_id":
			want = &Difference{Added: 1, Removed: 1, Changes: []Change{{7, 1, Removed, nil}, {now.SessionID, now.Leg, Added, nil}}}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.Name, diff)
		}
	}
}

func TestDiffErrors(t *testing.T) {
	a, b := at(1000, 30, 0), at(2000, 10, 0)
	broken := func(yield func(Row, error) bool) {
		_ = yield(a, nil) && yield(Row{}, errors.New("connection reset"))
	}
	for name, test := range map[string]struct {
		before, after iter.Seq2[Row, error]
		want          string
	}{
		"a side fails":   {seq(a, b), broken, "the rows after: connection reset"},
		"the other side": {broken, seq(), "the rows before: connection reset"},
		"out of order":   {seq(b, a), seq(a), "the rows before: session 30 leg 0 comes after session 10 leg 0, out of order"},
		"a row twice":    {seq(a), seq(a, a), "the rows after: session 30 leg 0 comes after session 30 leg 0, out of order"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Diff(test.before, test.after)
			if d != nil || err == nil || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func BenchmarkDiff(b *testing.B) {
	const n = 100_000
	rows := func(yield func(Row, error) bool) {
		for i := range int64(n) {
			if !yield(at(i, i*7, 0), nil) {
				return
			}
		}
	}
	for b.Loop() {
		if _, err := Diff(rows, rows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}
