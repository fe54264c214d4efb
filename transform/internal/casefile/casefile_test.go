package casefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const good = `title: A session waits
holds: [legs.first]
timezone: Europe/Amsterdam
report: {unit: {technicians: [11], groups: [EMEA], channels: [5]}, daily_hours: {from: "22:00", to: "06:00"}}
events: |
  {"event_id":"1"}
rows:
  - {session_id: 7, leg: 0, role: lead, status: Waiting, begin_time: "1970-01-01T00:00:01.500Z", report_date: "1970-01-01",
      connecting_time_ms: 20, technician_id: null, is_final: true}
accounting: {lines: 1, anomalies: {}}
why: |
  As it is.
`

func TestLoad(t *testing.T) {
	cases, err := Load(write(t, good))
	if err != nil {
		t.Fatal(err)
	}
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	lines := 1
	row := map[string]any{
		"session_id": int64(7), "leg": int64(0), "role": "lead", "status": "Waiting",
		"begin_time": int64(1500), "report_date": "1970-01-01", "connecting_time_ms": int64(20), "is_final": true,
	}
	for _, counted := range []string{
		"waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms",
		"rebooting_time_ms", "reconnecting_time_ms", "other_time_ms",
		"customer_messages", "technician_messages", "system_messages",
	} {
		row[counted] = int64(0)
	}
	for _, unknown := range []string{
		"start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
		"technician_group", "session_type", "name", "custom_field_1", "custom_field_2", "custom_field_3",
		"custom_field_4", "custom_field_5", "tracking_id", "customer_address", "customer_ip", "device_id", "tools_used",
		"resolved_unresolved", "channel_id", "channel_name", "calling_card", "platform", "browser_type",
		"time_to_first_chat_ms", "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "anomalies",
	} {
		row[unknown] = nil
	}
	want := []Case{{
		File: "case", Title: "A session waits", Holds: []string{"legs.first"}, Location: amsterdam,
		Report: Report{
			Unit:       Unit{Technicians: []int64{11}, Groups: []string{"EMEA"}, Channels: []int64{5}},
			DailyHours: &DailyHours{From: "22:00", To: "06:00"},
		},
		Events:     "{\"event_id\":\"1\"}\n",
		Rows:       []map[string]any{row},
		Accounting: Accounting{Lines: &lines, Anomalies: map[string]int{}},
		Why:        "As it is.\n",
	}}
	byName := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
	if diff := cmp.Diff(want, cases, byName); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A misspelt expectation is an error.
func TestStrict(t *testing.T) {
	tests := []struct {
		name, old, new string
		want           string // in the error, beside the file's name
	}{
		{"no title", "title: A session waits\n", "", "title is missing"},
		{"no holds", "holds: [legs.first]", "holds: []", "holds is empty"},
		{"no events", "events: |\n  {\"event_id\":\"1\"}\n", "", "events are missing"},
		{"no why", "why: |\n  As it is.\n", "", "why is missing"},
		{"unknown key", "why:", "because:", `unknown field "because"`},
		{"unknown key in the report", "groups:", "group:", `unknown field "group"`},
		{"unknown count", "lines:", "line:", `unknown field "line"`},
		{"unknown time zone", "Europe/Amsterdam", "Europe/Utrecht", "unknown time zone Europe/Utrecht"},
		{"unknown column", "connecting_time_ms", "connecting_ms", "row 1: connecting_ms: unknown column"},
		{"required column left out", "leg: 0, ", "", "row 1: leg: missing"},
		{"required column null", "leg: 0", "leg: null", "row 1: leg: <nil> is not an integer"},
		{"duration as text", "connecting_time_ms: 20", `connecting_time_ms: "20"`, "row 1: connecting_time_ms: 20 is not an integer"},
		{"fraction", "connecting_time_ms: 20", "connecting_time_ms: 20.5", "row 1: connecting_time_ms: 20.5 is not an integer"},
		{"text as number", "role: lead", "role: 1", "row 1: role: 1 is not a string"},
		{"time of day only", `"1970-01-01T00:00:01.500Z"`, `"00:00:01"`, "row 1: begin_time: 00:00:01 is not a quoted RFC 3339 time"},
		{"bool as text", "is_final: true", `is_final: "true"`, "row 1: is_final: true is not a boolean"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(good, tt.old, tt.new, 1)
			if text == good {
				t.Fatalf("%q is not in the good case", tt.old)
			}
			_, err := Load(write(t, text))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "case.yaml") {
				t.Errorf("got %v, want an error about case.yaml with %q", err, tt.want)
			}
		})
	}
}

func TestLoadNothing(t *testing.T) {
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no .yaml file") {
		t.Errorf("got %v, want an error: a mistyped directory must not pass for cases that hold", err)
	}
}

// write puts a case in a directory of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "case.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
