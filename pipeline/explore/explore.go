// Package explore answers questions about the published rows of a report: measures
// over a period, filtered, by technician, group, channel, hour, status or date, and
// lists of sessions.
//
// It reads the columns that it needs from the Parquet files of the days, keeps them
// in memory by revision ([Cache]), and computes each answer from the rows: a
// percentile of a year is that of the year's values. Every number equals what a query
// of the same files gives.
//
// # Definitions
//
// A row is a leg: one technician's part in a session (REPORT.md). A session is the
// legs with the same session id, of the period and of the days around it that the
// explorer reaches ([Explorer.Reach]). Legs are in the order of their dates, starts or
// begins, and leg numbers.
//
// Each session has one head leg: the lead leg that was the first to start; the first
// lead leg if none has started; the first leg if none is a lead leg. The session's
// waiting is the waiting time of its lead legs up to its head leg if that has
// started, and of all lead legs otherwise: from its first waiting to its first
// pick-up, without the time in which the session was closed. The session is picked up
// if a leg has started. If that is no lead leg, its lead picked it up earlier than what is
// reached: it counts neither as picked up in the period nor as not picked up.
//
// Filters select legs. Measures of legs are those of the selected legs. Measures of
// sessions are those of the sessions whose head leg is selected: by group, a
// session's waiting counts for the group that picked it up, and a hand-over adds no
// further value. By period, a session that was picked up the day before counts for that
// day, though later legs of it are in the period. Sessions are the distinct session ids
// of the selected legs.
//
// A percentile is the value at the nearest rank, ceil(p n), as in the summaries: the
// quantile_disc of DuckDB, and percentile_disc of SQL.
package explore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/format"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Explorer answers questions about reports in a sink.
type Explorer struct {
	Cache   *Cache
	Sink    store.Store
	Format  format.Format // nil: Parquet
	Workers int           // goroutines that compute; 0: one
	Reach   int           // days before and after a period whose legs tell of its sessions, as far as the memory holds them
}

// Question asks for the measures of a period.
type Question struct {
	Zone   *time.Location
	Days   []Day // that are published, in order; also those outside of the period
	Period Period
	Filter Filter
	By     Grouping      // empty: by date
	Target time.Duration // of a session's waiting; 0: none
}

// Period is a number of whole days in a report's zone.
type Period struct{ From, To day.Day }

// Len is its number of days.
func (p Period) Len() int { return int(p.To-p.From) + 1 }

// Filter selects legs. Its zero value selects all.
type Filter struct {
	Group      *string // with the groups below it: A includes A/B; empty: no group
	Technician *int64  // 0: no technician
	Channel    *int64  // 0: no channel
	Type       *string // the session type, as in the Parquet files; empty: unknown
	Status     *string // likewise
	PickedUp   *bool   // whether the session was picked up, in the period or before
}

// Grouping is what a table has a line for.
type Grouping string

// The groupings.
const (
	ByTechnician Grouping = "technician"
	ByGroup      Grouping = "group"
	ByChannel    Grouping = "channel"
	ByHour       Grouping = "hour"
	ByStatus     Grouping = "status"
	ByType       Grouping = "type"
	ByDate       Grouping = "date"
)

// Groupings are all of them.
var Groupings = []Grouping{ByTechnician, ByGroup, ByChannel, ByHour, ByStatus, ByType, ByDate}

// Answer is the measures of a period.
type Answer struct {
	Total  Stats
	Lines  []Line // by the grouping, in the order of their keys; unknown last
	Bins   []Bin  // over time
	Load   Load   // of the selected legs
	Facets Facets // what the period's legs can be filtered by
	Legs   int64  // of the period, before the filter
	Days   int    // that are published
}

// Line is the measures of a technician, group, channel, hour, status or date.
type Line struct {
	Key   Key
	Stats Stats
}

// Key identifies a line.
type Key struct {
	ID   int64  // of a technician or channel, the hour, or the date as a day.Day; 0: none
	Text string // the name; empty: unknown
}

// Bin is the measures of some hours or days that follow each other.
type Bin struct {
	Hour  int    // of the only day, if the period is one
	Days  Period // of the bin
	Stats Stats
}

// Facets are the values that filters can have.
type Facets struct {
	Technicians []Key
	Groups      []string // with the groups above them
	Channels    []Channel
	Types       []string
	Statuses    []string
}

// Ask answers a question. A [TooLargeError] says that the period has more rows than
// the memory holds.
func (x *Explorer) Ask(ctx context.Context, q *Question) (*Answer, error) {
	v, err := x.view(ctx, q.Zone, q.Days, q.Period)
	if err != nil {
		return nil, err
	}
	asked := *q
	if asked.By == "" {
		asked.By = ByDate
	}
	return v.answer(ctx, &asked, max(1, x.Workers))
}

// view reads the days of a period and of its surroundings, and joins the legs of their
// sessions.
func (x *Explorer) view(ctx context.Context, zone *time.Location, days []Day, p Period) (*view, error) {
	days = x.around(days, p)
	read, err := x.Cache.read(ctx, source{x.Sink, x.format(), x.Workers}, days, zone)
	if err != nil {
		return nil, err
	}
	v := x.Cache.view(read, days, zone)
	v.within(p)
	return v, ctx.Err()
}

// around are the days of a period, and the nearest days before and after it within reach,
// as long as the memory holds them.
func (x *Explorer) around(days []Day, p Period) []Day {
	of := func(d Day, date day.Day) int { return cmp.Compare(d.ID.Day(), date) }
	from, _ := slices.BinarySearchFunc(days, p.From, of)
	to, _ := slices.BinarySearchFunc(days, p.To+1, of)
	left := x.Cache.Most()
	for i := range days[from:to] {
		left -= days[from+i].Rows
	}
	takes := func(i int) bool {
		if i < 0 || i >= len(days) || days[i].Rows > left {
			return false
		}
		date, reach := days[i].ID.Day(), day.Day(x.Reach)
		if date < p.From-reach || date > p.To+reach {
			return false
		}
		left -= days[i].Rows
		return true
	}
	for before, after := true, true; before || after; {
		if before = before && takes(from-1); before {
			from--
		}
		if after = after && takes(to); after {
			to++
		}
	}
	return days[from:to]
}

func (x *Explorer) format() format.Format {
	if x.Format != nil {
		return x.Format
	}
	return format.Parquet{}
}

// errTooMany is a period of more rows than a view numbers. The memory ends before.
var errTooMany = errors.New("the period has more rows than Explore numbers")

// within says whether a group is the other one or below it.
func within(group, above string) bool {
	rest, ok := strings.CutPrefix(group, above)
	return ok && (rest == "" || above != "" && rest[0] == '/')
}
