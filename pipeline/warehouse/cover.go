package warehouse

import (
	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// Cover is the least number of partitions that hold every row of a report once:
// its published months, and the published days outside of them.
func Cover(report string, months []day.Month, days []day.Day) []partition.ID {
	var ids []partition.ID
	whole := map[day.Month]bool{}
	for _, m := range months {
		whole[m] = true
		ids = append(ids, partition.MonthID(report, m))
	}
	for _, d := range days {
		if !whole[d.Month()] {
			ids = append(ids, partition.DayID(report, d))
		}
	}
	return ids
}
