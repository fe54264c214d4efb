package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// typicalLines makes lines as producers write them: each session created,
// picked up, chatted in, and closed.
func typicalLines(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	type person struct {
		ID    int    `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
		Group string `json:"group"`
	}
	first := []string{"Ada", "Ben", "Chloé", "Daan", "Eva", "Fleur", "Gijs", "Hanna"}
	last := []string{"Kok", "Smit", "Bakker", "Jansen", "Müller", "Peeters"}
	var technicians [][]byte
	for i := range 300 {
		name := first[r.IntN(len(first))] + " " + last[r.IntN(len(last))]
		raw, err := json.Marshal(person{11 + i, name, fmt.Sprintf("technician%d@example.com", i), fmt.Sprintf("EMEA/Tier %d", 1+i%3)})
		if err != nil {
			panic(err)
		}
		technicians = append(technicians, raw)
	}
	platforms := []string{"Windows 11", "Windows 10", "macOS 15", "Android 14"}
	browsers := []string{"Firefox", "Chrome", "Safari"}
	tools := []string{"RC", "FM", "RV", "SI"}

	var lines [][]byte
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for session := 1_000_000; len(lines) < n; session++ {
		t := r.IntN(len(technicians))
		seq := 0
		add := func(typ, format string, args ...any) {
			at = at.Add(time.Duration(r.IntN(5000)) * time.Millisecond)
			lines = append(lines, fmt.Appendf(nil, `{"event_id":"%016x-%04d","ts":"%s","session_id":%d,"seq":%d,"type":"%s",%s}`,
				r.Uint64(), seq, at.Format("2006-01-02T15:04:05.000Z"), session, seq, typ, fmt.Sprintf(format, args...)))
			seq++
		}
		add("session_created", `"session_type":"applet","channel":{"id":5,"name":"Helpdesk"},"name":"%s %s","custom_fields":["Acme","printer"],"tracking_id":"CRM-%d","customer_ip":"192.0.2.%d","device_id":"dev-%d","platform":"%s","browser_type":"%s"`,
			first[r.IntN(len(first))], last[r.IntN(len(last))], r.IntN(1e6), r.IntN(256), r.IntN(1e5), platforms[r.IntN(4)], browsers[r.IntN(3)])
		add("status_changed", `"status":"waiting"`)
		add("status_changed", `"status":"active","technician":%s`, technicians[t])
		for range 20 {
			switch r.IntN(8) {
			case 0, 1:
				add("chat_message", `"sender":"customer"`)
			case 2, 3:
				add("chat_message", `"sender":"technician","technician_id":%d`, 11+t)
			case 4, 5:
				add("presence", `"state":"%s","technician_id":%d`, Signals()[r.IntN(10)], 11+t)
			case 6:
				add("tool_used", `"tool":"%s","technician_id":%d`, tools[r.IntN(4)], 11+t)
			case 7:
				add("status_changed", `"status":"%s","technician":%s`, Statuses()[r.IntN(18)], technicians[t])
			}
		}
		add("status_changed", `"status":"closed_by_customer"`)
		add("queue_removed", `"by":"technician","technician_id":%d`, 11+t)
	}
	return lines
}

func benchmarkLines(b *testing.B, decode func(line []byte)) {
	lines := typicalLines(50_000)
	size := len(bytes.Join(lines, []byte("\n")))
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		decode(lines[i%len(lines)])
	}
}

func BenchmarkDecode(b *testing.B) {
	d := NewDecoder()
	var e Event
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
