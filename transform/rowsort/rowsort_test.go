package rowsort

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"daybook/transform/report"
	"daybook/transform/spill/spilltest"
)

// randomRows are n rows, no two of them of one session and leg, in any order;
// many begin at the same time, and some are large.
func randomRows(rng *rand.Rand, n int) []report.Row {
	rows := make([]report.Row, n)
	for i := range rows {
		r := &rows[i]
		r.SessionID, r.Leg = int64(i/3), int64(i%3)
		r.BeginTime, r.StartTime = rng.Int64N(int64(n)/4+1), report.Unknown
		if rng.IntN(2) == 0 {
			r.StartTime = r.BeginTime + rng.Int64N(10)
		}
		r.Name = fmt.Sprint("customer ", rng.Int64())
		if rng.IntN(1000) == 0 {
			r.Name = strings.Repeat("n", rng.IntN(2*chunkSize))
		}
	}
	rng.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

// sorted lets so many writers sort rows, every other one of which comes in its compact
// form.
func sorted(t *testing.T, s *Sorter, rows []report.Row, writers int) []report.Row {
	t.Helper()
	var adding sync.WaitGroup
	for some := range slices.Chunk(rows, len(rows)/writers+1) {
		w := s.Writer()
		adding.Go(func() {
			for i := range some {
				r := &some[i]
				add := func() error { return w.Add(r) }
				if i%2 == 0 {
					add = func() error { return w.AddCompact(s.options.Order(r), r.SessionID, r.Leg, r.AppendCompact(nil)) }
				}
				if err := add(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	adding.Wait()
	if n := s.Len(); n != int64(len(rows)) {
		t.Errorf("%d rows are %d", len(rows), n)
	}
	var all []report.Row
	for batch, err := range s.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, batch...)
	}
	return all
}

// However many writers there are, and whether they spill or not, the rows come
// out as sorting them in memory gives them.
func TestSorted(t *testing.T) {
	orders := []struct {
		name    string
		order   Order
		compare func(a, b *report.Row) int
	}{
		{"by time", ByTime, report.Compare},
		{"by session", BySession, func(a, b *report.Row) int {
			x, y := *a, *b
			x.StartTime, y.StartTime = 0, 0
			return report.Compare(&x, &y)
		}},
	}
	for _, o := range orders {
		for _, n := range []int{0, 1, 20_000} {
			for _, writers := range []int{1, 3} {
				for _, budget := range []int64{0, 1} {
					t.Run(fmt.Sprintf("%s/%d/%d/%d", o.name, n, writers, budget), func(t *testing.T) {
						rows := randomRows(rand.New(rand.NewPCG(uint64(n), 1)), n)
						want := slices.Clone(rows)
						slices.SortFunc(want, func(a, b report.Row) int { return o.compare(&a, &b) })
						var fs spilltest.Files
						s := New(Options{Order: o.order, Budget: budget, Spill: func() (File, error) { return fs.Make(), nil }})
						if got := sorted(t, s, rows, writers); !slices.Equal(got, want) {
							t.Error("the rows are not those that were added, in order")
						}
						if err := s.Close(); err != nil {
							t.Error(err)
						}
						if spilled := budget > 0 && n > 10_000; spilled != (len(fs.Made) > 0) {
							t.Errorf("there are %d temporary files", len(fs.Made))
						}
						for _, f := range fs.Made {
							if !f.Closed {
								t.Error("a temporary file was not closed")
							}
						}
					})
				}
			}
		}
	}
}

// A full disk is an error of Add, and damage to a file one of Rows.
func TestFiles(t *testing.T) {
	rows := randomRows(rand.New(rand.NewPCG(5, 6)), 20_000)
	full := spilltest.Files{Most: 100_000}
	s := New(Options{Order: ByTime, Budget: 1, Spill: func() (File, error) { return full.Make(), nil }})
	w := s.Writer()
	var err error
	for i := range rows {
		if err = w.Add(&rows[i]); err != nil {
			break
		}
	}
	if !errors.Is(err, spilltest.ErrFull) {
		t.Errorf("with a full disk the error is %v", err)
	}

	var fs spilltest.Files
	s = New(Options{Order: ByTime, Budget: 1, Spill: func() (File, error) { return fs.Make(), nil }})
	w = s.Writer()
	for i := range rows {
		if err := w.Add(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	spilled := fs.Made[0].Bytes
	for at := 0; at < len(spilled); at += len(spilled)/20 + 1 {
		spilled[at] ^= 0x10
		err := error(nil)
		for _, err = range s.Rows() {
			if err != nil {
				break
			}
		}
		if err == nil {
			t.Errorf("byte %d was changed without an error", at)
		}
		spilled[at] ^= 0x10
	}
}

// An interruption ends the sorting of rows that are spilled, and of those in memory.
func TestInterrupted(t *testing.T) {
	stop := errors.New("stop")
	rows := randomRows(rand.New(rand.NewPCG(7, 8)), 30_000)
	for _, budget := range []int64{0, 1} {
		var fs spilltest.Files
		asked := 0
		s := New(Options{Order: ByTime, Budget: budget, Spill: func() (File, error) { return fs.Make(), nil }, Interrupt: func() error {
			if asked++; asked > 3 {
				return stop
			}
			return nil
		}})
		w := s.Writer()
		var err error
		for i := range rows {
			if err = w.Add(&rows[i]); err != nil {
				break
			}
		}
		if (budget > 0) != errors.Is(err, stop) {
			t.Errorf("budget %d: Add: %v", budget, err)
		}
		if err == nil {
			for _, err = range s.Rows() {
				break
			}
			if !errors.Is(err, stop) {
				t.Errorf("Rows: %v", err)
			}
		}
	}
}
