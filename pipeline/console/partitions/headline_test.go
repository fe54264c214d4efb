package partitions

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/words"
	"daybook/transform/report"
	"daybook/transform/summary"
)

// of are measures of some sessions with one leg each. Times are seconds.
func of(sessions, picked, median, p90, work, total int64) *summary.Measures {
	m := &summary.Measures{Sessions: sessions, Legs: sessions, PickedUp: picked, Work: work * 1000, Total: total * 1000}
	m.Waiting.Legs, m.Waiting.Median, m.Waiting.P90 = picked, median*1000, p90*1000
	return m
}

func TestHeadline(t *testing.T) {
	now, before := of(1250, 1100, 42, 150, 7200, 10860), of(1000, 900, 50, 160, 8000, 9000)
	want := []Tile{
		{"Sessions", "1,250", "1,250 legs", "+25.0 %", ""},
		{"Waiting", "42 s", "the median; 90 % waited 2 min 30 s at most", "−8 s", better},
		{"Picked up", "88.0 %", "1,100 of 1,250 legs", "−2.0 points", worse}, // 90 % before
		{"Work", "2 h", "of 3 h 1 min total time", "−10.0 %", ""},
	}
	if diff := cmp.Diff(want, headline(now, before, words.Printer{})); diff != "" {
		t.Error(diff)
	}
	dutch := []Tile{
		{"Sessies", "1.250", "1.250 deelsessies", "+25,0 %", ""},
		{"Wachttijd", "42 s", "de mediaan; 90 % wachtte hooguit 2 min 30 s", "−8 s", better},
		{"Aangenomen", "88,0 %", "1.100 van 1.250 deelsessies", "−2,0 procentpunt", worse},
		{"Werktijd", "2 u", "van 3 u 1 min totale tijd", "−10,0 %", ""},
	}
	if diff := cmp.Diff(dutch, headline(now, before, words.In(report.Dutch))); diff != "" {
		t.Error(diff)
	}
}

// Without earlier figures, or with earlier ones of nothing, there is no change.
func TestHeadlineWithoutComparison(t *testing.T) {
	for name, before := range map[string]*summary.Measures{"none": nil, "empty": {}} {
		for _, tile := range headline(of(3, 3, 1, 1, 1, 1), before, words.Printer{}) {
			if tile.Change != "" || tile.Trend != "" {
				t.Errorf("%s: %+v", name, tile)
			}
		}
	}
	for _, tile := range headline(&summary.Measures{}, of(3, 3, 1, 1, 1, 1), words.Printer{}) {
		if tile.Name == "Waiting" && (tile.Value != "–" || tile.Change != "") {
			t.Errorf("%+v", tile)
		}
	}
}

func TestPerMille(t *testing.T) {
	for _, tt := range []struct{ part, whole, want int64 }{{1, 3, 333}, {2, 3, 667}, {-1, 3, -333}, {-2, 3, -667}, {0, 5, 0}, {5, 5, 1000}} {
		if got := perMille(tt.part, tt.whole); got != tt.want {
			t.Errorf("%d of %d: %d, want %d", tt.part, tt.whole, got, tt.want)
		}
	}
}
