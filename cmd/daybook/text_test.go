package main

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// The last cell of a line goes on below itself, or below the line where it has no room.
func TestFitLines(t *testing.T) {
	const table = "day  fresh  " + lastCell + "two dumps came since then\n"
	for _, c := range []struct {
		width int
		want  string
	}{
		{80, "day  fresh  two dumps came since then\n"},
		{36, "day  fresh  two dumps came since\n            then\n"},
		{32, "day  fresh  two dumps came since\n            then\n"},
		{31, "day  fresh\n    two dumps came since then\n"},
		{20, "day  fresh\n    two dumps came\n    since then\n"},
	} {
		if got := fitLines(table, c.width); got != c.want {
			t.Errorf("width %d: %q, want %q", c.width, got, c.want)
		}
	}
	const address = "day  fresh  " + lastCell + "file:///srv/daybook/out/reports\nmonth\n"
	for width, want := range map[int]string{
		43: "day  fresh  file:///srv/daybook/out/reports\nmonth\n", 42: "day  fresh\n    file:///srv/daybook/out/reports\nmonth\n",
	} {
		if got := fitLines(address, width); got != want {
			t.Errorf("width %d: %q, want %q", width, got, want)
		}
	}
}

// Wrapped lines have all words in order, and no line with several words is too long.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.StringMatching(`[a-zé:/]{1,12}`)).Draw(t, "words")
		width := rapid.IntRange(1, 40).Draw(t, "width")
		lines := wrap(strings.Join(words, " "), width)
		if got := strings.Fields(strings.Join(lines, " ")); strings.Join(got, " ") != strings.Join(words, " ") {
			t.Fatalf("%q became %q", words, lines)
		}
		for _, line := range lines {
			if len([]rune(line)) > width && strings.Contains(line, " ") {
				t.Fatalf("%q is longer than %d", line, width)
			}
		}
	})
}

// A long run has a line for consecutive steps with the same state; a short one has a
// line for each.
func TestDoneTogether(t *testing.T) {
	steps := func(n int) (all []build.Done) {
		for i := range n {
			id := partition.InReport("a", partition.OfDay(day.Day(20000+i)))
			all = append(all, build.Done{ID: id, State: "published", Revision: 1 + i%2, Rows: 10, Bytes: 100})
		}
		return all
	}
	if got := len(doneTogether(steps(31))); got != 31 {
		t.Errorf("a month has %d lines", got)
	}
	long := steps(365)
	long[100].Error = "broken" // has no line, and ends the one before it
	long[200].State = "unchanged"
	got := doneTogether(long)
	var rows []int64
	for i := range got {
		rows = append(rows, got[i].Rows)
	}
	if len(rows) != 4 || rows[0] != 1000 || rows[1] != 990 || rows[2] != 10 || rows[3] != 1640 {
		t.Errorf("rows of the lines: %d", rows)
	}
	if got[0].revisions != [2]int{1, 2} || got[0].last.ID.Name() != day.Day(20099).String() {
		t.Errorf("the first line is %+v", got[0])
	}
}
