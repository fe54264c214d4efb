// Package exploretest invents sessions and publishes their rows, for tests of Explore:
// sessions with hand-overs, with legs on several days, abandoned and open ones, and
// rows in which values are unknown.
package exploretest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"daybook/pipeline/explore"
	"daybook/pipeline/partition"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// Report is the name of the published report.
const Report = "sessions"

// Rows invents the rows of some days, so many sessions a day, in the order of a
// report. Legs have the date of their start, or begin. Those that come after the last
// day are left out.
func Rows(seed uint64, from day.Day, days, sessions int, zone *time.Location) map[day.Day][]report.Row {
	random := rand.New(rand.NewPCG(seed, 16))
	all := map[day.Day][]report.Row{}
	for d := from; d < from+day.Day(days); d++ {
		for i := range sessions {
			id := 3_000_000_000 + (int64(d)*int64(sessions)+int64(i))*7
			for _, row := range session(random, id, d, zone) {
				if row.ReportDate < from+day.Day(days) {
					all[row.ReportDate] = append(all[row.ReportDate], row)
				}
			}
		}
	}
	for _, rows := range all {
		slices.SortFunc(rows, func(a, b report.Row) int {
			return cmp.Or(cmp.Compare(dated(&a), dated(&b)), cmp.Compare(a.SessionID, b.SessionID), cmp.Compare(a.Leg, b.Leg))
		})
	}
	return all
}

func dated(r *report.Row) int64 {
	if r.StartTime != report.Unknown {
		return r.StartTime
	}
	return r.BeginTime
}

const (
	second = 1000
	minute = 60 * second
	hour   = 60 * minute
)

var (
	groups   = []string{"EMEA", "EMEA/Tier 1", "EMEA/Tier 2", "EMEA West", "APAC/Tier 1", "Außendienst"}
	types    = []string{"Applet", "Instant Chat", "Unattended", ""}
	endings  = []string{"Closed by customer", "Closed by technician", "Timed out"}
	channels = []explore.Channel{{ID: 7, Name: "Web"}, {ID: 7, Name: "Website"}, {ID: 8, Name: "Partners"}, {}}
)

// session invents the legs of a session.
func session(r *rand.Rand, id int64, d day.Day, zone *time.Location) []report.Row {
	at := d.UTC().UnixMilli() + r.Int64N(24*hour)
	if r.IntN(3) > 0 { // most sessions are in the day
		at = d.UTC().UnixMilli() + 8*hour + r.Int64N(9*hour)
	}
	kind, channel := types[r.IntN(len(types))], channels[r.IntN(len(channels))]
	var rows []report.Row
	for leg := int64(0); ; leg++ {
		row := empty()
		row.SessionID, row.Leg, row.Role, row.SessionType = id, leg, "lead", kind
		row.ChannelID, row.ChannelName = unknown(channel.ID), channel.Name
		row.TrackingID, row.Name = fmt.Sprintf("T-%d", id%1000), fmt.Sprintf("Customer %d", id%97)
		row.BeginTime = at
		if leg == 0 {
			row.ConnectingTime = r.Int64N(4 * second)
		}
		if r.IntN(8) > 0 {
			row.WaitingTime = int64(r.ExpFloat64() * 70 * second)
		}
		picked, last := r.IntN(7) > 0, r.IntN(5) > 0
		at += row.ConnectingTime + row.WaitingTime
		if picked {
			row.StartTime = at
			at = work(r, &row)
		}
		row.EndTime, row.IsFinal, row.Status = at, true, endings[r.IntN(len(endings))]
		if !picked && last {
			row.Status = "Closed by waiting customer"
		}
		if !last {
			row.Status = "Transferred"
		} else if r.IntN(25) == 0 {
			row.EndTime, row.IsFinal, row.Status = report.Unknown, false, "Active"
		}
		row.ReportDate = day.Of(dated(&row), zone)
		rows = append(rows, row)
		if picked && r.IntN(9) == 0 {
			rows = append(rows, collaborator(r, row, zone))
			leg++
		}
		if last {
			return rows
		}
		if r.IntN(30) == 0 {
			at += r.Int64N(60 * hour) // it is opened again, days later
		}
	}
}

// empty is a row without times, messages and texts.
func empty() report.Row {
	row := report.Blank()
	for _, n := range []*int64{
		&row.ConnectingTime, &row.WaitingTime, &row.TotalTime, &row.ActiveTime, &row.WorkTime, &row.HoldTime, &row.TransferTime,
		&row.RebootingTime, &row.ReconnectingTime, &row.OtherTime, &row.CustomerMessages, &row.TechnicianMessages, &row.SystemMessages,
	} {
		*n = 0
	}
	return row
}

// work invents the times of a leg that starts, and returns its end.
func work(r *rand.Rand, row *report.Row) int64 {
	technician := r.Int64N(40)
	row.TechnicianID, row.TechnicianName = 100+technician, fmt.Sprintf("Technician %d", technician)
	row.TechnicianGroup = groups[technician%int64(len(groups))]
	if technician == 39 {
		row.TechnicianName, row.TechnicianGroup = "", ""
	}
	row.ActiveTime = int64(r.ExpFloat64() * 9 * minute)
	row.WorkTime = row.ActiveTime - row.ActiveTime*r.Int64N(5)/10
	row.HoldTime, row.TransferTime, row.OtherTime = r.Int64N(minute), r.Int64N(9*second), r.Int64N(5*second)
	if r.IntN(200) == 0 {
		row.HoldTime += 30 * 24 * hour // longer than four bytes hold
	}
	row.TotalTime = row.ActiveTime + row.HoldTime + row.TransferTime
	if r.IntN(3) > 0 {
		row.WrapUpTime = int64(r.ExpFloat64() * 50 * second)
	}
	if r.IntN(2) > 0 {
		row.TimeToFirstChat = r.Int64N(3 * minute)
	}
	return row.StartTime + row.TotalTime + row.OtherTime
}

// collaborator is a technician who joins a leg.
func collaborator(r *rand.Rand, lead report.Row, zone *time.Location) report.Row {
	row := lead
	row.Leg, row.Role = lead.Leg+1, "collaborator"
	row.BeginTime = lead.StartTime + r.Int64N(minute)
	row.StartTime = row.BeginTime
	row.ConnectingTime, row.WaitingTime, row.TimeToFirstChat = 0, 0, report.Unknown
	row.Status, row.IsFinal = "Active", true
	row.EndTime = work(r, &row)
	row.ReportDate = day.Of(dated(&row), zone)
	return row
}

func unknown(id int64) int64 {
	if id == 0 {
		return report.Unknown
	}
	return id
}

// Publish publishes a day.
func Publish(ctx context.Context, sink store.Store, date day.Day, rows []report.Row) (explore.Day, error) {
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, parquet.Compatible)
	if err != nil {
		return explore.Day{}, err
	}
	if err := w.Write(rows); err != nil {
		return explore.Day{}, err
	}
	if err := w.Close(map[string]string{"daybook.report": Report}); err != nil {
		return explore.Day{}, err
	}
	id := partition.DayID(Report, date)
	base, err := publish.Read(ctx, sink, id.Dir())
	if err != nil {
		return explore.Day{}, err
	}
	published := time.Unix(1_800_000_000, 0).UTC()
	base, _, err = publish.Publish(ctx, sink, publish.Partition{
		Dir: id.Dir(), Sweep: true, Now: published,
		Manifest: publish.Manifest{Report: Report, Partition: id.Name(), Reason: "a test", Rows: int64(len(rows)), SchemaVersion: 2, EngineVersion: 1, Definition: "test"},
		Files: []publish.File{{
			Name: "part-0", Ext: ".parquet", Body: bytes.NewReader(file.Bytes()),
			Part: publish.Part{Rows: int64(len(rows)), Bytes: int64(file.Len()), SHA256: sha(file.Bytes())},
		}},
	}, base)
	if err != nil {
		return explore.Day{}, err
	}
	return explore.Day{ID: id, Revision: base.Manifest.Revision, Published: published, Rows: int64(len(rows))}, nil
}

// PublishAll publishes days, in order.
func PublishAll(ctx context.Context, sink store.Store, all map[day.Day][]report.Row, from, to day.Day) ([]explore.Day, error) {
	var days []explore.Day
	for d := from; d <= to; d++ {
		published, err := Publish(ctx, sink, d, all[d])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d, err)
		}
		days = append(days, published)
	}
	return days, nil
}

func sha(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
