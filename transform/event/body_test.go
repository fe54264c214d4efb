package event

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bodies are events that have something of everything.
func bodies() []Event {
	details := &Details{Given: 1<<DetailName | 1<<DetailPlatform | 1<<(DetailCustomField1+4)}
	details.Value[DetailName], details.Value[DetailCustomField1+4] = "Noor", strings.Repeat("x", 300)
	return []Event{
		{Type: ChatMessage, Sender: Customer},
		{Type: ToolUsed, Tool: "remote_control", TechnicianID: 1 << 62},
		{Type: SessionCreated, SessionType: Applet, Channel: Channel{ID: 1<<63 - 1, Name: "Installation"}, CallingCard: "card",
			Technician: Person{ID: 9, Name: "Ada", Email: "ada@example.org", Group: "EMEA/Tier 1"}, Details: details},
		{Type: StatusChanged, Status: DeclinedByCustomer, Technician: Person{ID: 1}, TransferredTo: Target{Name: "日本語"}},
		{Type: StatusChanged, Status: Transferred, TransferredTo: Target{Name: "desk", Channel: true, ID: 1<<63 - 1}},
		{Type: StatusChanged, Status: Transferred, TransferredTo: Target{Name: "desk", Channel: true}},
		{Type: DetailsChanged, Details: &Details{Given: 1<<NumDetails - 1}},
		{Type: Presence, Signal: WindowInactive, TechnicianID: 3},
		{Type: ResolutionSubmitted, Resolution: Unresolved},
		{Type: QueueRemoved, By: ByTimeout},
		{Type: CollaborationStarted, Technician: Person{ID: 2, Group: "APAC"}},
		{Type: CollaborationEnded, TechnicianID: 2},
		{Type: ExportedRow, Status: TimedOut, Technician: Person{ID: 2, Name: "Bo"}, Tool: "CH,RC", Exported: new("1,,3")},
	}
}

func TestBody(t *testing.T) {
	for _, e := range bodies() {
		got := Event{Type: e.Type}
		got.SetCode(e.Code())
		got.SetWho(e.Who())
		if err := got.DecodeBody(string(e.AppendBody(nil)), nil); err != nil {
			t.Errorf("%s: %v", e.Type, err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("%s comes back different (-want +got):\n%s", e.Type, diff)
		}
	}
}

// Digests outlive the program that wrote them: what a number means in them
// never changes. This file may only grow.
func TestCodesAreStable(t *testing.T) {
	var b bytes.Buffer
	list := func(kind string, codes []string) {
		for i, c := range codes[1:] {
			fmt.Fprintf(&b, "%s %d %s\n", kind, i+1, c)
		}
	}
	list("type", typeCodes.names)
	list("status", statusCodes.names)
	list("session_type", sessionTypeCodes.names)
	list("presence", signalCodes.names)
	list("sender", senderCodes.names)
	list("resolution", resolutionCodes.names)
	list("by", removedByCodes.names)
	for i, name := range []string{"name", "tracking_id", "customer_ip", "device_id", "platform", "browser_type",
		"custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5"} {
		if i >= NumDetails || []int{DetailName, DetailTrackingID, DetailCustomerIP, DetailDeviceID, DetailPlatform, DetailBrowserType}[min(i, 5)] != min(i, 5) {
			t.Errorf("detail %s is not number %d", name, i)
		}
		fmt.Fprintf(&b, "detail %d %s\n", i, name)
	}
	want, err := os.ReadFile("testdata/codes.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the numbers that digests hold have changed (-want +got):\n%s", diff)
	}
}

func FuzzDecodeBody(f *testing.F) {
	for _, e := range bodies() {
		f.Add(string(e.AppendBody(nil)))
	}
	f.Fuzz(func(t *testing.T, body string) {
		var e Event
		if e.DecodeBody(body, nil) != nil {
			return
		}
		var again Event
		if err := again.DecodeBody(string(e.AppendBody(nil)), nil); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if diff := cmp.Diff(e, again); diff != "" {
			t.Errorf("it comes back different (-want +got):\n%s", diff)
		}
	})
}
