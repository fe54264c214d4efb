package worker

import (
	"slices"
	"testing"

	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// Day 20784 since 1970 is 2026-11-27, and 20784 = 1299 × 16: a block begins.
func TestCut(t *testing.T) {
	d := day.Date(2026, 11, 27)
	steps := []partition.ID{
		partition.MonthID("b", d.Month()), partition.MonthID("a", d.Month()),
		partition.DayID("b", d-1), partition.DayID("b", d), partition.DayID("a", d), partition.DayID("a", d+15), partition.DayID("a", d+16),
		partition.DigestID(d), partition.DigestID(d + 1), partition.DigestID(d + 2),
	}
	tasks := cut(steps, map[partition.ID]int64{partition.DigestID(d): 1, partition.DigestID(d + 1): digestBytes - 1, partition.DigestID(d + 2): 1})
	want := []Task{
		{partition.Digest, "digests 2026-11-27 to 2026-11-28", []partition.ID{partition.DigestID(d), partition.DigestID(d + 1)}}, // 256 MiB
		{partition.Digest, "digest 2026-11-29", []partition.ID{partition.DigestID(d + 2)}},
		{partition.Day, "day 2026-11-26 of b", []partition.ID{partition.DayID("b", d-1)}},
		{partition.Day, "days 2026-11-27 to 2026-12-12", []partition.ID{partition.DayID("a", d), partition.DayID("b", d), partition.DayID("a", d+15)}},
		{partition.Day, "day 2026-12-13 of a", []partition.ID{partition.DayID("a", d+16)}},
		{partition.Month, "month 2026-11 of a", []partition.ID{partition.MonthID("a", d.Month())}},
		{partition.Month, "month 2026-11 of b", []partition.ID{partition.MonthID("b", d.Month())}},
	}
	same := func(a, b Task) bool {
		return a.Stage == b.Stage && a.Name == b.Name && slices.Equal(a.Steps, b.Steps)
	}
	if !slices.EqualFunc(tasks, want, same) {
		t.Errorf("got\n%v\nwant\n%v", tasks, want)
	}
	if tasks := cut(nil, nil); tasks == nil || len(tasks) > 0 {
		t.Errorf("nothing is cut into %v", tasks)
	}
}

// Each step has one worker, also long ago. The reports of a day and the days of a block
// have the same one.
func TestIndex(t *testing.T) {
	const n = 5
	seen := map[int]int{}
	for d := day.Date(1969, 10, 1); d < day.Date(1970, 4, 1); d++ {
		i := Index(partition.DigestID(d), n)
		if i < 0 || i >= n || i == Index(partition.DigestID(d+1), n) {
			t.Fatalf("worker %d of %d makes the digest of %s", i, n, d)
		}
		seen[i]++
		if a, b := Index(partition.DayID("a", d), n), Index(partition.DayID("b", d), n); a != b || a < 0 || a >= n {
			t.Fatalf("workers %d and %d make the reports of %s", a, b, d)
		}
	}
	if len(seen) != n {
		t.Errorf("the digests are made by %v", seen)
	}
	begin := day.Day(-16)
	for d := begin; d < begin+16; d++ {
		if Index(partition.DayID("a", d), n) != Index(partition.DayID("a", begin), n) || block(partition.DayID("a", d)) != -1 {
			t.Errorf("%s is in block %d", d, block(partition.DayID("a", d)))
		}
	}
}
