package console

import (
	"math"
	"testing"
)

// TestAxisDrawsQuietTimesShort: 10 minutes, a quiet day, and 30 minutes. Of the
// 40 busy minutes an eighth is 5, so that the axis is 45 minutes long.
func TestAxisDrawsQuietTimesShort(t *testing.T) {
	const minute = 60_000
	a := newAxis([]int64{0, 10 * minute, 1450 * minute, 1480 * minute})
	for ms, want := range map[int64]float64{0: 0, 5 * minute: 100 * 5.0 / 45, 10 * minute: 100 * 10.0 / 45, 1450 * minute: 100 * 15.0 / 45, 1480 * minute: 100, 730 * minute: 100 * 12.5 / 45} {
		if got := a.at(ms); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %d ms: %v %%, want %v", ms, got, want)
		}
		if back := a.moment(want); back < ms-1 || back > ms+1 {
			t.Errorf("at %v %%: %d ms, want %d", want, back, ms)
		}
	}
	if len(a.breaks) != 1 || a.breaks[0] != 1 {
		t.Errorf("the quiet times are %v", a.breaks)
	}
}

func TestAxisOfOneMoment(t *testing.T) {
	a := newAxis([]int64{7, 7})
	if a.at(7) != 0 || a.at(6) != 0 || a.at(9) != 100 {
		t.Errorf("%v %v %v", a.at(7), a.at(6), a.at(9))
	}
}

func TestAxisWithOnlyAQuietTime(t *testing.T) {
	a := newAxis([]int64{0, 100 * 3_600_000})
	if a.at(50*3_600_000) != 50 {
		t.Errorf("the middle is at %v %%", a.at(50*3_600_000))
	}
}
