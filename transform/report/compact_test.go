package report

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"daybook/transform/day"
)

// randomRow has, in every column, something that is worth a try.
func randomRow(rng *rand.Rand) (r Row) {
	numbers := []int64{Unknown, 0, 1, -1, 127, 128, 1 << 20, 1_764_000_000_000, math.MaxInt64 / 2, math.MinInt64 / 2}
	for i := range Columns {
		switch c := &Columns[i]; c.Kind {
		case Timestamp:
			*c.number(&r) = numbers[rng.IntN(8)]
		case Duration, Integer:
			*c.number(&r) = numbers[rng.IntN(len(numbers))]
		case String:
			*c.text(&r) = strings.Repeat(string(rune('a'+i%26)), rng.IntN(300)*rng.IntN(2))
		case Boolean:
			*c.flag(&r) = rng.IntN(2) == 0
		case Date:
			*c.date(&r) = day.Day(rng.IntN(100_000) - 50_000)
		}
	}
	if r.BeginTime == Unknown { // no row is without
		r.BeginTime = 0
	}
	return r
}

// Every column comes back with its value: a column that the compact form forgot
// would come back empty.
func TestCompact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var again Row
	for range 2000 {
		row := randomRow(rng)
		b := row.AppendCompact(nil)
		if err := again.DecodeCompact(b); err != nil {
			t.Fatalf("%+v: %v", row, err)
		}
		if again != row {
			t.Fatalf("became\n%+v, and was\n%+v", again, row)
		}
	}
}

func FuzzDecodeCompact(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		row := randomRow(rng)
		f.Add(row.AppendCompact(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var row, again Row
		if row.DecodeCompact(b) != nil {
			return
		}
		if err := again.DecodeCompact(row.AppendCompact(nil)); err != nil || again != row {
			t.Errorf("%+v became %+v: %v", row, again, err)
		}
	})
}
