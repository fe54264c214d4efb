package contract_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"daybook/testdata/golden"
	"daybook/transform/contract"
	"daybook/transform/day"
	"daybook/transform/report"
)

// compiled is the JSON schema, ready to check rows.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := contract.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/row.schema.json", string(text))
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("row.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("row.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// row is a row with a value in every column.
func row() *report.Row {
	const at = 1_795_161_600_000
	return &report.Row{
		StartTime: at, EndTime: at, LastActionTime: at, TechnicianName: strings.Repeat("😀", 128), TechnicianID: 1, TechnicianEmail: "a@b",
		SessionID: 1 << 62, SessionType: "Applet", Status: "Active", Name: "O'Neil \"\\\n", TrackingID: "x", CustomerIP: "10.0.0.1",
		DeviceID: "d", ToolsUsed: "a,b", ResolvedUnresolved: "Resolved", ChannelID: 2, ChannelName: "c", CallingCard: "d",
		Platform: "Windows", BrowserType: "Firefox", TechnicianGroup: "A/B", TransferredTo: "t", FirstChatMessageSent: at,
		CustomerMessages: 1, Role: "lead", BeginTime: at, IsFinal: true, Anomalies: "x", ReportDate: day.Day(20777), CustomerAddress: "::1",
		CustomFields: [5]string{"1", "2", "3", "4", "5"},
	}
}

// The schema takes rows as they are written, and refuses others.
func TestRowsAreOfTheJSONSchema(t *testing.T) {
	schema := compiled(t)
	check := func(r *report.Row) error {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.AppendJSON(nil, r)))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(value)
	}
	least := &report.Row{
		StartTime: report.Unknown, EndTime: report.Unknown, LastActionTime: report.Unknown, FirstChatMessageSent: report.Unknown,
		TechnicianID: report.Unknown, ChannelID: report.Unknown, TimeToFirstChat: report.Unknown, WrapUpTime: report.Unknown,
		Status: "Waiting", Role: "lead",
	}
	for name, r := range map[string]*report.Row{"full": row(), "least": least} {
		if err := check(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, spoil := range map[string]func(*report.Row){
		"a text that is too long":    func(r *report.Row) { r.TechnicianName += "x" },
		"no status":                  func(r *report.Row) { r.Status = "" },
		"an unknown required number": func(r *report.Row) { r.CustomerMessages = report.Unknown },
	} {
		r := row()
		spoil(r)
		if check(r) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
	value := map[string]any{"session_id": "1"}
	if schema.Validate(value) == nil {
		t.Error("the schema takes a row with one column")
	}
}

// The example for dbt has the columns of the schema.
func TestDBT(t *testing.T) {
	golden.Check(t, "../../config/examples/dbt/models/stg_sessions.yml", contract.DBT("stg_sessions"))
}

func TestODCS(t *testing.T) {
	text := contract.ODCS([]string{"sessions", "order"})
	golden.Check(t, "testdata/contract.odcs.yaml", text)
	var parsed struct {
		Schema []struct {
			Name       string
			Properties []struct {
				Name        string
				Description string
				Required    bool
				Options     struct {
					MaxLength int `yaml:"maxLength"`
				} `yaml:"logicalTypeOptions"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	if len(parsed.Schema) != 2 || parsed.Schema[0].Name != "sessions" || parsed.Schema[1].Name != "order" {
		t.Fatalf("the tables are %+v", parsed.Schema)
	}
	for _, table := range parsed.Schema {
		if len(table.Properties) != len(report.Columns) {
			t.Fatalf("%s has %d columns", table.Name, len(table.Properties))
		}
		for i, p := range table.Properties {
			c := &report.Columns[i]
			if p.Name != c.Name || p.Description != c.Doc || p.Required != c.Required || p.Options.MaxLength != c.MaxLength {
				t.Errorf("%s: %+v", c.Name, p)
			}
		}
	}
}
