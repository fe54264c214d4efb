package reference

import (
	"slices"
	"strings"
	"time"

	"daybook/transform/internal/casefile"
)

// Select returns the rows that belong to a report with the time zone loc
// (REPORT.md, "Membership").
func Select(rows []Row, report casefile.Report, loc *time.Location) []Row {
	var selected []Row
	for _, row := range rows {
		if inUnit(row, report.Unit) && inHours(row, report.DailyHours, loc) {
			selected = append(selected, row)
		}
	}
	return selected
}

func inUnit(row Row, unit casefile.Unit) bool {
	if len(unit.Technicians)+len(unit.Groups)+len(unit.Channels) == 0 {
		return true
	}
	technician, _ := row["technician_id"].(int64)
	group, _ := row["technician_group"].(string)
	channel, _ := row["channel_id"].(int64)
	inGroup := func(selector string) bool {
		return group == selector || strings.HasPrefix(group, selector+"/")
	}
	return slices.Contains(unit.Technicians, technician) ||
		slices.ContainsFunc(unit.Groups, inGroup) ||
		slices.Contains(unit.Channels, channel)
}

// inHours compares local times of day as text: "21:59:59.999" < "22:00".
func inHours(row Row, hours *casefile.DailyHours, loc *time.Location) bool {
	if hours == nil {
		return true
	}
	ms, started := row["start_time"].(int64)
	if !started {
		ms = row["begin_time"].(int64)
	}
	clock := time.UnixMilli(ms).In(loc).Format("15:04:05.000")
	if hours.From > hours.To {
		return clock >= hours.From || clock < hours.To
	}
	return clock >= hours.From && clock < hours.To
}
