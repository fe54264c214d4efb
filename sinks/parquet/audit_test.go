package parquet

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/transform/report"
)

func expect(rows []report.Row) *Expectation {
	e := NewExpectation()
	e.Add(rows)
	return e
}

func auditBytes(file []byte, e *Expectation) error { return auditBytesAs(Compatible, file, e) }

func auditBytesAs(p Profile, file []byte, e *Expectation) error {
	return Audit(bytes.NewReader(file), int64(len(file)), p, e)
}

// A file of the other profile fails: it would not have been written as configured.
func TestAuditNoticesTheProfile(t *testing.T) {
	rows := sample(20)
	for profile, other := range map[Profile]Profile{Compatible: Compact, Compact: Compatible} {
		if err := auditBytesAs(profile, mustEncodeAs(t, other, rows, 100), expect(rows)); !errors.Is(err, ErrAudit) {
			t.Errorf("a %s file passes as a %s one (error: %v)", other, profile, err)
		}
	}
}

// Files of rows that differ in a single cell fail, whichever column it is in,
// and the error names that column.
func TestAuditNoticesEveryColumn(t *testing.T) {
	rows := sample(60)
	expected := expect(rows)
	changes := map[string]func(*report.Row){}
	for i := range report.Columns {
		c := &report.Columns[i]
		changes[c.Name] = func(r *report.Row) { changeCell(t, c, r) }
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			changed := append([]report.Row(nil), rows...)
			change(&changed[40])
			err := auditBytes(mustEncode(t, changed, 100), expected)
			if !errors.Is(err, ErrAudit) || !strings.Contains(err.Error(), "column "+name+": ") {
				t.Errorf("error %v, want one about the column", err)
			}
		})
	}
}

// changeCell changes the row's value in one column, by its JSON name.
func changeCell(t *testing.T, c *report.Column, r *report.Row) {
	t.Helper()
	fields := map[string]any{
		"start_time": &r.StartTime, "end_time": &r.EndTime, "last_action_time": &r.LastActionTime,
		"technician_name": &r.TechnicianName, "technician_id": &r.TechnicianID, "technician_email": &r.TechnicianEmail,
		"session_id": &r.SessionID, "session_type": &r.SessionType, "status": &r.Status, "name": &r.Name,
		"custom_field_1": &r.CustomFields[0], "custom_field_2": &r.CustomFields[1], "custom_field_3": &r.CustomFields[2],
		"custom_field_4": &r.CustomFields[3], "custom_field_5": &r.CustomFields[4], "tracking_id": &r.TrackingID,
		"customer_ip": &r.CustomerIP, "device_id": &r.DeviceID, "tools_used": &r.ToolsUsed,
		"resolved_unresolved": &r.ResolvedUnresolved, "channel_id": &r.ChannelID, "channel_name": &r.ChannelName,
		"calling_card": &r.CallingCard, "connecting_time_ms": &r.ConnectingTime, "waiting_time_ms": &r.WaitingTime,
		"total_time_ms": &r.TotalTime, "active_time_ms": &r.ActiveTime, "work_time_ms": &r.WorkTime,
		"hold_time_ms": &r.HoldTime, "transfer_time_ms": &r.TransferTime, "rebooting_time_ms": &r.RebootingTime,
		"reconnecting_time_ms": &r.ReconnectingTime, "platform": &r.Platform, "browser_type": &r.BrowserType,
		"technician_group": &r.TechnicianGroup, "time_to_first_chat_ms": &r.TimeToFirstChat, "wrap_up_time_ms": &r.WrapUpTime,
		"transferred_to": &r.TransferredTo, "first_chat_message_sent": &r.FirstChatMessageSent,
		"customer_messages": &r.CustomerMessages, "technician_messages": &r.TechnicianMessages, "system_messages": &r.SystemMessages,
		"leg": &r.Leg, "role": &r.Role, "begin_time": &r.BeginTime, "other_time_ms": &r.OtherTime, "anomalies": &r.Anomalies,
		"customer_address": &r.CustomerAddress,
	}
	switch c.Kind {
	case report.Boolean:
		r.IsFinal = !r.IsFinal
	case report.Date:
		r.ReportDate += 2
	default:
		switch p := fields[c.Name].(type) {
		case *int64:
			if *p == report.Unknown {
				*p = 0
			}
			*p++
		case *string:
			*p += "!"
		default:
			t.Fatalf("the test knows no column %s", c.Name)
		}
	}
}

func TestAuditNotices(t *testing.T) {
	rows := sample(250)
	for name, c := range map[string]struct {
		change func([]report.Row) []report.Row
		want   string
	}{
		"a row too few":      {func(r []report.Row) []report.Row { return r[1:] }, "the number of rows is 249; expected 250"},
		"a row twice":        {func(r []report.Row) []report.Row { return append(r, r[7]) }, "the number of rows is 251; expected 250"},
		"rows exchanged":     {func(r []report.Row) []report.Row { r[3], r[4] = r[4], r[3]; return r }, "column "},
		"a value for a null": {func(r []report.Row) []report.Row { return setWrapUp(r, report.Unknown, 0) }, "column wrap_up_time_ms: the number of nulls is "},
		"a null for a value": {func(r []report.Row) []report.Row { r[9].TrackingID = ""; r[8].TrackingID = ""; return r }, "column tracking_id: the number of nulls is "},
		"milliseconds":       {func(r []report.Row) []report.Row { r[5].BeginTime++; return r }, "column begin_time: the sum is "},
		"compensated sum":    {func(r []report.Row) []report.Row { r[5].WorkTime++; r[6].WorkTime--; return r }, "column work_time_ms: the digest of its values in order is "},
	} {
		t.Run(name, func(t *testing.T) {
			changed := c.change(append([]report.Row(nil), rows...))
			err := auditBytes(mustEncode(t, changed, 100), expect(rows))
			if !errors.Is(err, ErrAudit) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// setWrapUp replaces the first wrap-up time that is from.
func setWrapUp(rows []report.Row, from, to int64) []report.Row {
	for i := range rows {
		if rows[i].WrapUpTime == from {
			rows[i].WrapUpTime = to
			return rows
		}
	}
	return rows
}

// The error says what was expected and what was found.
func TestAuditMessage(t *testing.T) {
	rows := sample(10)
	expected := expect(rows)
	expected.Columns[indexOf(t, "waiting_time_ms")].Sum = 41
	rows[0].WaitingTime += 1 - expect(rows).Columns[indexOf(t, "waiting_time_ms")].Sum
	err := auditBytes(mustEncode(t, rows, 100), expected)
	const want = "the file failed its audit: column waiting_time_ms: the sum is 1; expected 41"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func indexOf(t *testing.T, column string) int {
	t.Helper()
	for i := range report.Columns {
		if report.Columns[i].Name == column {
			return i
		}
	}
	t.Fatalf("no column %s", column)
	return -1
}

// Statistics that do not agree with the values fail: here those of Status in
// the footer of a file whose values are in order.
func TestAuditChecksStatistics(t *testing.T) {
	rows := sample(10)
	for i := range rows {
		rows[i].Status = "Statistic"
	}
	file := mustEncode(t, rows, 100)
	start, _, err := locateFooter(sourceOf(file))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(file[start:], []byte("Statistic"))
	if at < 0 {
		t.Fatal("the footer has no statistics of status")
	}
	file[int(start)+at]++
	err = auditBytes(file, expect(rows))
	if !errors.Is(err, ErrAudit) || !strings.Contains(err.Error(), "column status: row group 0: the ") {
		t.Errorf("error %v, want one about the statistics of status", err)
	}
}

func TestAuditTruncated(t *testing.T) {
	rows := sample(20)
	file := mustEncode(t, rows, 8)
	for n := 0; n < len(file); n += 1 + n%97 {
		if err := auditBytes(file[:n], expect(rows)); !errors.Is(err, ErrAudit) {
			t.Fatalf("%d of %d bytes: error %v", n, len(file), err)
		}
	}
}

// A bit that flips in the compressed part of a page is noticed, unless the page
// still decompresses to the same bytes. In headers and
// in the footer there are members that say nothing about the rows; there it
// must do no harm.
func TestAuditFlippedBits(t *testing.T) {
	rows := sample(20)
	file := mustEncode(t, rows, 8)
	expected := expect(rows)
	held := checksummed(t, file, expected.Rows)
	r := rand.New(rand.NewPCG(3, 4))
	noticed := 0
	for range 400 {
		damaged := bytes.Clone(file)
		at := r.IntN(len(file))
		damaged[at] ^= 1 << r.IntN(8)
		err := auditBytes(damaged, expected)
		if err != nil && !errors.Is(err, ErrAudit) {
			t.Fatalf("byte %d: error %v is no ErrAudit", at, err)
		}
		if held[at] {
			noticed++
		}
		// zstd has several spellings of some frames, with the same checksum.
		if held[at] && err == nil {
			got, err := readAll(bytes.NewReader(damaged), int64(len(damaged)), 1000)
			if diff := cmp.Diff(rows, got); err != nil || diff != "" {
				t.Errorf("byte %d, in a page, went unnoticed: %v\n%s", at, err, diff)
			}
		}
	}
	if noticed < 50 {
		t.Errorf("only %d of the bytes were in pages", noticed)
	}
}

func sourceOf(file []byte) *source { return &source{r: bytes.NewReader(file), size: int64(len(file))} }

// checksummed marks the bytes of a file that lie in the zstd frame of a page. It
// leaves out the frame's descriptor, of which a decoder ignores a bit.
func checksummed(t *testing.T, file []byte, rows int64) []bool {
	t.Helper()
	a, err := open(sourceOf(file), Compatible, rows)
	if err != nil {
		t.Fatal(err)
	}
	const frameMagic, descriptor = "\x28\xb5\x2f\xfd", 4
	held := make([]bool, len(file))
	for _, group := range a.groups {
		for i, chunk := range group.Columns {
			start := int(chunkStart(chunk.MetaData))
			end := start + int(chunk.MetaData.TotalCompressedSize)
			left, dictRead := chunk.MetaData.NumValues, false
			for start < end {
				e := Compatible.encodingOf(&report.Columns[i])
				page, err := checkPage(file[start:end], e, dictRead, left)
				if err != nil {
					t.Fatal(err)
				}
				dictRead = e == dictionary
				size := page.size
				frame := start + bytes.Index(file[start:start+size], []byte(frameMagic))
				if start+size-frame > emptyFrameLimit {
					for at := frame; at < start+size; at++ {
						held[at] = at != frame+descriptor
					}
				}
				start += size
			}
		}
	}
	return held
}

// FuzzAudit: any bytes at all fail in order, or are as they should be.
func FuzzAudit(f *testing.F) {
	rows := sample(20)
	expected := expect(rows)
	f.Add(mustEncode(f, rows, 8))
	f.Add(mustEncode(f, nil, 8))
	f.Add([]byte("PAR1PAR1"))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := auditBytes(file, expected); err != nil && !errors.Is(err, ErrAudit) {
			t.Error(err)
		}
	})
}

func BenchmarkExpect(b *testing.B) {
	rows := sample(RowGroupRows)
	for b.Loop() {
		expect(rows)
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkAudit(b *testing.B) {
	rows := sample(RowGroupRows)
	file, expected := mustEncode(b, rows, RowGroupRows), expect(rows)
	for b.Loop() {
		if err := auditBytes(file, expected); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
