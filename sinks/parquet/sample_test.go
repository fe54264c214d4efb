package parquet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"daybook/transform/day"
	"daybook/transform/report"
)

// encode returns the Parquet file of some rows.
func encode(p Profile, rows []report.Row, metadata map[string]string, rowGroupRows int) ([]byte, error) {
	var file bytes.Buffer
	w, err := newWriter(&file, p, rowGroupRows)
	if err != nil {
		return nil, err
	}
	if err := w.Write(rows); err != nil {
		return nil, err
	}
	if err := w.Close(metadata); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

var profiles = []Profile{Compatible, Compact}

const startOf2026 = 1767225600000 // 2026-01-01T00:00:00Z in milliseconds

// sample makes n rows that look like a report's, always the same ones: every
// column with values and, where it may have them, nulls.
func sample(n int) []report.Row {
	r := rand.New(rand.NewPCG(1, 2))
	maybe := func(s string) string {
		if r.IntN(4) == 0 {
			return ""
		}
		return s
	}
	known := func(v int64) int64 {
		if r.IntN(4) == 0 {
			return report.Unknown
		}
		return v
	}
	duration := func() int64 { return r.Int64N(3_600_000) }
	rows := make([]report.Row, n)
	at := int64(startOf2026)
	for i := range rows {
		at += r.Int64N(2000)
		technician := r.Int64N(40) + 1
		row := report.Row{
			StartTime: known(at), EndTime: known(at + duration()), LastActionTime: known(at + duration()),
			TechnicianName: maybe(fmt.Sprintf("Technician %d", technician)), TechnicianID: known(technician),
			TechnicianEmail: maybe(fmt.Sprintf("t%d@example.com", technician)),
			SessionID:       700_000_000 + int64(i)*3, SessionType: maybe("Instant Chat"), Status: "Closed by customer",
			Name: maybe(fmt.Sprintf("Ada Kok %d", i)), TrackingID: maybe(fmt.Sprintf("%016x", r.Uint64())),
			CustomerIP: maybe(fmt.Sprintf("10.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256))),
			DeviceID:   maybe(fmt.Sprintf("device-%08x", r.Uint32())), ToolsUsed: maybe("remote_control,file_transfer"),
			ResolvedUnresolved: maybe("Resolved"), ChannelID: known(r.Int64N(9) + 1), ChannelName: maybe("Kanaal ü"),
			CallingCard: maybe("card"), ConnectingTime: duration(), WaitingTime: duration(), TotalTime: duration(),
			ActiveTime: duration(), WorkTime: duration(), HoldTime: duration(), TransferTime: duration(),
			RebootingTime: duration(), ReconnectingTime: duration(), Platform: maybe("Windows 11"),
			BrowserType: maybe("Firefox"), TechnicianGroup: maybe("Support/NL"), TimeToFirstChat: known(duration()),
			WrapUpTime: known(duration()), TransferredTo: maybe("Second line"), FirstChatMessageSent: known(at),
			CustomerMessages: r.Int64N(30), TechnicianMessages: r.Int64N(30), SystemMessages: r.Int64N(5),
			Leg: r.Int64N(3), Role: "lead", BeginTime: at, IsFinal: r.IntN(3) > 0, OtherTime: duration(),
			Anomalies: maybe("missing_created,reopened"), ReportDate: day.Date(2026, 1, 1) + day.Day(r.IntN(2)),
		}
		if i%4 > 0 { // not by r: released-v1.parquet holds what it gave before this column
			row.CustomerAddress = fmt.Sprintf("2001:db8::%x", i)
		}
		for f := range row.CustomFields {
			row.CustomFields[f] = maybe(fmt.Sprintf("field %d of %d", f, r.IntN(1000)))
		}
		rows[i] = row
	}
	return rows
}

// longest is a row with the longest texts that there can be, of 4-byte code
// points.
func longest() report.Row {
	row := sample(1)[0]
	long := strings.Repeat("𝄞", 128)
	row.TechnicianName, row.TechnicianEmail, row.Name, row.DeviceID = long, long, long, long
	row.TechnicianGroup, row.TransferredTo, row.ToolsUsed = long, long, long
	row.TrackingID = long + long
	row.CustomerAddress = strings.Repeat("𝄞", 45)
	return row
}
