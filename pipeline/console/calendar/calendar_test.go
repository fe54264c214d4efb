package calendar

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

// A phone shows a month as weeks: each cell says its weekday and its day of the
// month, also in a month whose first days have no cell.
func TestCalendarCellsKnowTheirDate(t *testing.T) {
	rep := &states.Report{Name: "sessions"}
	for d := day.Date(2024, 2, 9); d <= day.Date(2024, 3, 31); d++ {
		rep.Days = append(rep.Days, states.Partition{ID: partition.DayID("sessions", d), State: states.Published})
	}
	table := string(New(rep, words.Printer{}).Table(day.Date(2024, 2, 9), day.Date(2024, 3, 31)))
	// 9 February 2024 was a Friday, and 31 March a Sunday. 29 + 31 cells, less 8.
	cells := regexp.MustCompile(`<td class="w(\d)"><a class="cell [^"]*" href="[^"]*/(\d{4}-\d\d-\d\d)" data-day="(\d+)"`).FindAllStringSubmatch(table, -1)
	if len(cells) != 29+31-8 {
		t.Errorf("%d cells", len(cells))
	}
	for _, c := range cells {
		d, err := day.Parse(c[2])
		if err != nil || c[1] != strconv.Itoa(int(d.UTC().Weekday())) || c[3] != strconv.Itoa(d.UTC().Day()) {
			t.Errorf("%s is said to be on weekday %s, the %s. of its month", c[2], c[1], c[3])
		}
	}
}

func TestDayChartHasSessionsAndRows(t *testing.T) {
	c := DayChart{Days: []RecentDay{{Day: "2026-11-19", State: states.Published, Sessions: 8, Rows: 16}, {Day: "2026-11-20", State: states.Failed}}}
	picture := string(c.SVG())
	for _, want := range []string{
		`aria-label="Sessions and rows a day, 2026-11-19 to 2026-11-20: 0 to 8 sessions, 0 to 16 rows; 2026-11-20 is failed"`,
		`<rect class="bar" x="7.00%" y="32.0" width="36.00%" height="32.0" rx="1"/><rect class="rows" x="7.00%" y="0.0" width="36.00%" height="2"/></g>`,
		`2026-11-20: failed, 0 sessions, 0 rows`, `>!</text>`,
	} {
		if !strings.Contains(picture, want) {
			t.Errorf("it lacks %s:\n%s", want, picture)
		}
	}
}

func TestOpenTellsStretches(t *testing.T) {
	missed := func(name, why string) states.Partition {
		id, err := partition.Parse("r", name)
		if err != nil {
			t.Fatal(err)
		}
		return states.Partition{ID: id, State: states.Missing, Reasons: []string{why}}
	}
	groups := Open([]states.Partition{missed("2026-01-01", "a"), missed("2026-01-02", "b 2"), missed("2026-01-03", "b 3"), missed("2026-01-05", "b 5")})
	if len(groups) != 1 || len(groups[0].Stretches) != 3 {
		t.Fatalf("%+v", groups)
	}
	if s := groups[0].Stretches[1]; s.First != "2026-01-02" || s.Name() != "2026-01-03" || s.N != 2 || !s.Differ {
		t.Errorf("the second one is %s to %s", s.First, s.Name())
	}
}
