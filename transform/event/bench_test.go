package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/transform/day"
	"daybook/transform/event"
)

// generatedLines are the events of a day of generated dumps, as they stand in
// them: of many sessions side by side, and in the ways of several producers.
func generatedLines(tb testing.TB, sessions int) (lines [][]byte) {
	tb.Helper()
	var text bytes.Buffer
	_, err := generate.Write(tb.Context(), generate.Options{
		Seed: 1, From: day.Date(2026, time.November, 20), Days: 1, SessionsPerDay: sessions, Template: "{yyyy}/{mm}/{dd}/", Codec: dump.Plain,
	}, func(_ context.Context, _ string, write func(io.Writer) error) error {
		text.WriteByte('\n') // the dump before may have no terminator
		return write(&text)
	})
	if err != nil {
		tb.Fatal(err)
	}
	d := event.NewDecoder()
	var e event.Event
	for line := range bytes.SplitSeq(text.Bytes(), []byte("\n")) {
		if line = bytes.TrimSuffix(line, []byte("\r")); d.Decode(line, &e).Reason == 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestAllocations holds what the decoder is for: lines like earlier ones cost
// far less than an allocation each.
func TestAllocations(t *testing.T) {
	lines := generatedLines(t, 200)
	d := event.NewDecoder()
	var e event.Event
	pass := func() {
		for _, line := range lines {
			if reject := d.Decode(line, &e); reject.Reason != 0 {
				t.Fatalf("%s: %+v", line, reject)
			}
		}
	}
	pass()
	// One line in 20 has details; 8 KiB of event ids go to some 400 lines.
	if perLine := testing.AllocsPerRun(5, pass) / float64(len(lines)); perLine > 0.1 {
		t.Errorf("%.3f allocations a line, want at most 0.1", perLine)
	}
}

func benchmarkLines(b *testing.B, decode func(line []byte)) {
	lines := generatedLines(b, 2000)
	size := len(bytes.Join(lines, []byte("\n")))
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		decode(lines[i%len(lines)])
	}
}

func BenchmarkDecode(b *testing.B) {
	d := event.NewDecoder()
	var e event.Event
	benchmarkLines(b, func(line []byte) {
		if reject := d.Decode(line, &e); reject.Reason != 0 {
			b.Fatal(reject)
		}
	})
}

// BenchmarkEncodingJSON is what the standard library takes for the same lines,
// without checking any value.
func BenchmarkEncodingJSON(b *testing.B) {
	type person struct {
		ID    int64  `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
		Group string `json:"group"`
	}
	type line struct {
		ID           string    `json:"event_id"`
		TS           time.Time `json:"ts"`
		SessionID    int64     `json:"session_id"`
		Seq          int64     `json:"seq"`
		Type         string    `json:"type"`
		SessionType  string    `json:"session_type"`
		Technician   *person   `json:"technician"`
		Channel      *person   `json:"channel"`
		CallingCard  string    `json:"calling_card"`
		Status       string    `json:"status"`
		State        string    `json:"state"`
		Sender       string    `json:"sender"`
		Tool         string    `json:"tool"`
		Resolution   string    `json:"resolution"`
		By           string    `json:"by"`
		TechnicianID int64     `json:"technician_id"`
		Name         string    `json:"name"`
		TrackingID   string    `json:"tracking_id"`
		CustomerIP   string    `json:"customer_ip"`
		DeviceID     string    `json:"device_id"`
		Platform     string    `json:"platform"`
		BrowserType  string    `json:"browser_type"`
		CustomFields []*string `json:"custom_fields"`
	}
	benchmarkLines(b, func(raw []byte) {
		var l line
		if err := json.Unmarshal(raw, &l); err != nil {
			b.Fatal(err)
		}
	})
}
