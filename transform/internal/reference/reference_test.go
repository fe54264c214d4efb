package reference

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/transform/event"
	"daybook/transform/internal/casefile"
)

const (
	casesDir    = "../../../testdata/cases"
	examplesDir = "../../../testdata/examples"
)

// byText is a canonical order of whole events, for copies that differ.
func byText(a, b *event.Event) bool { return asText(a) < asText(b) }

func asText(e *event.Event) string {
	flat, details := *e, event.Details{}
	if e.Details != nil {
		details = *e.Details
	}
	flat.Details = nil
	return fmt.Sprintf("%+v %+v", flat, details)
}

// TestExamples: the worked examples, as reports in two time zones.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examplesDir, "*.ndjson"))
	if err != nil || len(files) != 8 {
		t.Fatalf("found %d examples (%v), want 8", len(files), err)
	}
	var events []event.Event
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := decodeDump(t, string(data))
		if d.blank != 0 || len(d.rejected) != 0 {
			t.Fatalf("%s: %d blank lines, rejected %v; want neither", file, d.blank, d.rejected)
		}
		events = append(events, d.events...)
	}
	for _, zone := range []string{"UTC", "Europe/Amsterdam"} {
		t.Run(zone, func(t *testing.T) {
			loc, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			got := Build(events, loc, byText)
			want := readExpected(t, filepath.Join(examplesDir, "expected."+strings.ReplaceAll(zone, "/", "_")+".jsonl"))
			if diff := cmp.Diff(want, got.Rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if len(got.Anomalies) != 0 || got.Duplicates+got.Truncated != 0 || got.IPDropped != 3 {
				got.Rows = nil
				t.Errorf("counts %+v, want 3 addresses dropped, of session 108, and nothing else", got)
			}
		})
	}
}

// readExpected reads rows whose numbers are all integers.
func readExpected(t *testing.T, file string) []Row {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	for line := range strings.Lines(string(data)) {
		var row Row
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&row); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for column, v := range row {
			if n, ok := v.(json.Number); ok {
				if row[column], err = n.Int64(); err != nil {
					t.Fatalf("%s: %s: %v", file, column, err)
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// TestCases: every worked case, as written, and with its lines the other way
// round and twice.
func TestCases(t *testing.T) {
	cases, err := casefile.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) {
			d := decodeDump(t, c.Events)
			got := Build(d.events, c.Location, byText)
			if diff := cmp.Diff(c.Rows, Select(got.Rows, c.Report, c.Location)); diff != "" {
				t.Errorf("%s: rows (-want +got):\n%s\n%s", c.Title, diff, c.Why)
			}
			checkAccounting(t, c.Accounting, d, got)

			again := slices.Concat(d.events, d.events)
			slices.Reverse(again)
			other := Build(again, c.Location, byText)
			if diff := cmp.Diff(got.Rows, other.Rows); diff != "" {
				t.Errorf("rows change with the order and duplication of events (-once +twice, reversed):\n%s", diff)
			}
			if want := got.Duplicates + len(d.events); other.Duplicates != want {
				t.Errorf("duplicates of all events twice: %d, want %d", other.Duplicates, want)
			}
		})
	}
}

func checkAccounting(t *testing.T, want casefile.Accounting, d dump, got Result) {
	t.Helper()
	counts := []struct {
		name string
		want *int
		got  int
	}{
		{"lines", want.Lines, d.lines},
		{"accepted", want.Accepted, len(d.events) - got.Duplicates},
		{"duplicates", want.Duplicates, got.Duplicates},
		{"blank", want.Blank, d.blank},
		{"truncated", want.Truncated, got.Truncated},
		{"ip_dropped", want.IPDropped, got.IPDropped},
	}
	for _, c := range counts {
		if c.want != nil && *c.want != c.got {
			t.Errorf("%s: got %d, want %d", c.name, c.got, *c.want)
		}
	}
	if want.Rejected != nil && !maps.Equal(want.Rejected, d.rejected) {
		t.Errorf("rejected: got %v, want %v", d.rejected, want.Rejected)
	}
	if want.Anomalies != nil && !maps.Equal(want.Anomalies, got.Anomalies) {
		t.Errorf("anomalies: got %v, want %v", got.Anomalies, want.Anomalies)
	}
}

// TestCasesAreIndexed: README.md names, for each sentence, exactly the cases
// that say they hold it.
func TestCasesAreIndexed(t *testing.T) {
	cases, err := casefile.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(casesDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	indexed := map[string][]string{}
	for line := range strings.Lines(string(readme)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
			continue // not a row of the table, which is | `id` | quote | cases |
		}
		id, named := strings.Trim(cells[1], " `"), strings.TrimSpace(cells[3])
		if indexed[id] != nil {
			t.Errorf("README.md: %s has two rows", id)
		}
		indexed[id] = strings.Split(named, ", ")
	}
	held := map[string][]string{}
	for _, c := range cases {
		for _, id := range c.Holds {
			held[id] = append(held[id], c.File)
		}
	}
	for id, named := range indexed {
		if len(held[id]) == 0 && strings.HasPrefix(named[0], "—") {
			delete(indexed, id) // the table says what holds it instead
		}
	}
	for _, named := range []map[string][]string{held, indexed} {
		for id := range named {
			slices.Sort(named[id])
		}
	}
	if diff := cmp.Diff(held, indexed); diff != "" {
		t.Errorf("cases by sentence (-by the cases +by README.md):\n%s", diff)
	}
}

// dump is what the lines of an NDJSON text come to.
type dump struct {
	events       []event.Event
	lines, blank int
	rejected     map[string]int
}

// line has the members of all types of EVENTS.md.
type line struct {
	EventID      string        `json:"event_id"`
	TS           string        `json:"ts"`
	SessionID    int64         `json:"session_id"`
	Seq          int64         `json:"seq"`
	Type         string        `json:"type"`
	Status       string        `json:"status"`
	SessionType  string        `json:"session_type"`
	State        string        `json:"state"`
	Sender       string        `json:"sender"`
	Resolution   string        `json:"resolution"`
	By           string        `json:"by"`
	Tool         string        `json:"tool"`
	Technician   event.Person  `json:"technician"`
	TechnicianID int64         `json:"technician_id"`
	Channel      event.Channel `json:"channel"`
	CallingCard  string        `json:"calling_card"`
	Transferred  struct {
		Kind, Name string
		ID         int64
	} `json:"transferred_to"`
}

// decodeDump reads what the cases need of EVENTS.md, "Lines": enough to tell
// good lines, blank ones and plain rejects apart.
func decodeDump(t *testing.T, ndjson string) dump {
	t.Helper()
	d := dump{rejected: map[string]int{}}
	for text := range strings.Lines(ndjson) {
		d.lines++
		if strings.TrimSpace(text) == "" {
			d.blank++
			continue
		}
		var l line
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &members) != nil || json.Unmarshal([]byte(text), &l) != nil {
			d.rejected["bad_json"]++
			continue
		}
		e, reason := l.event()
		if reason != "" {
			d.rejected[reason]++
			continue
		}
		e.Details = decodeDetails(t, e.Type, members)
		d.events = append(d.events, e)
	}
	return d
}

// event converts a line; reason says why it is none.
func (l *line) event() (e event.Event, reason string) {
	switch {
	case l.EventID == "", l.TS == "", l.SessionID == 0, l.Type == "":
		return e, "missing_field"
	case find(event.Types(), l.Type) == 0:
		return e, "unknown_type"
	}
	ts, err := time.Parse(time.RFC3339Nano, l.TS)
	if err != nil {
		return e, "bad_value"
	}
	e = event.Event{
		ID: l.EventID, TS: ts.UnixMicro(), SessionID: l.SessionID, Seq: l.Seq, Type: find(event.Types(), l.Type),
		Status:      find(event.Statuses(), l.Status),
		SessionType: find(event.SessionTypes(), l.SessionType),
		Signal:      find(event.Signals(), l.State),
		Sender:      find([]event.Sender{event.Customer, event.Technician, event.System}, l.Sender),
		Resolution:  find([]event.Resolution{event.Resolved, event.Unresolved}, l.Resolution),
		By:          find([]event.Actor{event.ByTechnician, event.ByAdministrator, event.ByTimeout}, l.By),
		Tool:        l.Tool, Technician: l.Technician, TechnicianID: l.TechnicianID,
		Channel: l.Channel, CallingCard: l.CallingCard, TransferredTo: event.Target{Name: l.Transferred.Name},
	}
	if l.Transferred.Kind == "channel" {
		e.TransferredTo.Channel, e.TransferredTo.ID = true, l.Transferred.ID
	}
	codes := map[event.Type]struct {
		given string
		known bool
	}{
		event.SessionCreated:      {l.SessionType, e.SessionType != 0},
		event.StatusChanged:       {l.Status, e.Status != 0},
		event.Presence:            {l.State, e.Signal != 0},
		event.ChatMessage:         {l.Sender, e.Sender != 0},
		event.ResolutionSubmitted: {l.Resolution, e.Resolution != 0},
		event.QueueRemoved:        {l.By, e.By != 0},
	}
	if code, needed := codes[e.Type]; needed && !code.known {
		if code.given == "" {
			return e, "missing_field"
		}
		return e, "bad_value"
	}
	return e, ""
}

// find gives the value that a code stands for, or zero.
func find[T fmt.Stringer](values []T, code string) (zero T) {
	for _, v := range values {
		if v.String() == code {
			return v
		}
	}
	return zero
}

// decodeDetails tells null, which clears a detail in details_changed, from
// absent.
func decodeDetails(t *testing.T, of event.Type, members map[string]json.RawMessage) *event.Details {
	t.Helper()
	if of != event.SessionCreated && of != event.DetailsChanged {
		return nil
	}
	var details event.Details
	give := func(i int, value *string) {
		given := value != nil && *value != ""
		if given {
			details.Value[i] = *value
		}
		if given || of == event.DetailsChanged {
			details.Given |= 1 << i
		}
	}
	decode := func(raw json.RawMessage, value any) {
		if err := json.Unmarshal(raw, value); err != nil {
			t.Fatalf("detail %s: %v", raw, err)
		}
	}
	names := map[string]int{
		"name": event.DetailName, "tracking_id": event.DetailTrackingID, "customer_ip": event.DetailCustomerIP,
		"device_id": event.DetailDeviceID, "platform": event.DetailPlatform, "browser_type": event.DetailBrowserType,
	}
	for name, i := range names {
		if raw, ok := members[name]; ok {
			var value *string
			decode(raw, &value)
			give(i, value)
		}
	}
	if raw, ok := members["custom_fields"]; ok {
		var fields []*string
		decode(raw, &fields)
		if fields == nil { // null: all of them
			fields = make([]*string, 5)
		}
		for i, value := range fields {
			give(event.DetailCustomField1+i, value)
		}
	}
	if details.Given == 0 {
		return nil
	}
	return &details
}
