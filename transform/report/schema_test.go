package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"daybook/testdata/golden"
)

// Columns are only ever appended: a change of an existing line of the golden
// file breaks every warehouse that loads the reports.
func TestSchemaIsGolden(t *testing.T) {
	golden.Check(t, "testdata/schema.golden", Schema().String()+"\n")
}

func TestSchemaPage(t *testing.T) {
	golden.Check(t, "SCHEMA.md", SchemaPage())
}

func TestHeadings(t *testing.T) {
	def := Definition{Language: Dutch, Labels: Labels{Name: "Klant", CustomFields: [5]string{1: "Afdeling"}}}
	var got []string
	for _, h := range def.Headings() {
		got = append(got, h.Text)
	}
	want := "Starttijd|Eindtijd|Laatste actietijd|Naam van technicus|Technicus-ID|E-mailadres van technicus|Sessie-ID|Sessietype|Status|" +
		"Klant|Aangepast veld 1|Afdeling|Aangepast veld 3|Aangepast veld 4|Aangepast veld 5|Tracerings-ID|IP van klant|Apparaat-ID|" +
		"Gebruikte tool|Opgelost/onopgelost|Kanaal-ID|Kanaalnaam|Calling Card|Verbindingstijd|Wachttijd|Totale tijd|Actieve tijd|Werktijd|" +
		"Onderbrekingstijd|Overdrachtstijd|Herstarttijd|Herverbindingstijd|Platform|Browsertype|Technicusgroep|Tijd tot eerste chat|" +
		"Afrondingstijd|Overgedragen aan|Tijdstip eerste verstuurde chatbericht|Aantal klantberichten|Aantal technicusberichten|" +
		"Aantal systeemberichten|Deelsessie|Rol|Begintijd|Definitief|Overige tijd|Afwijkingen|Rapportdatum|Klantadres"
	if strings.Join(got, "|") != want {
		t.Errorf("headings:\n got %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestCollidingLabels(t *testing.T) {
	for _, c := range []struct {
		def  Definition
		want string
	}{
		{Definition{Name: "a", Labels: Labels{Name: "Customer", CustomFields: [5]string{"Company"}}}, ""},
		{Definition{Name: "a", Labels: Labels{Name: "status"}},
			`report a: the heading "status" names both status and name in the CSV files; choose another label`},
		{Definition{Name: "a", Language: Dutch, Labels: Labels{CustomFields: [5]string{3: "Rol"}}},
			`report a: the heading "Rol" names both custom_field_4 and role in the CSV files; choose another label`},
		{Definition{Name: "a", Labels: Labels{CustomFields: [5]string{0: "Custom field 2"}}},
			`report a: the heading "Custom field 2" names both custom_field_1 and custom_field_2 in the CSV files; choose another label`},
	} {
		err := c.def.Validate()
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%+v:\n got %v\nwant %s", c.def.Labels, err, c.want)
		}
	}
	for _, l := range []Language{English, Dutch} {
		if err := (&Definition{Language: l}).Validate(); err != nil {
			t.Errorf("the headings collide by themselves: %v", err)
		}
	}
}

func TestCells(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	def := Definition{Zone: zone, Language: Dutch}
	row := Row{
		StartTime: time.Date(2026, 11, 20, 8, 15, 2, 999_000_000, time.UTC).UnixMilli(),
		EndTime:   Unknown, LastActionTime: time.Date(2026, 7, 1, 22, 0, 0, 0, time.UTC).UnixMilli(),
		SessionID: 7, TechnicianID: Unknown, SessionType: "Applet", Status: "Closed by customer",
		ResolvedUnresolved: "Unresolved", ActiveTime: 100*3600_000 + 59_999, WrapUpTime: Unknown,
		Role: "lead", IsFinal: true,
	}
	for name, want := range map[string]string{
		"start_time":          "2026-11-20T09:15:02+01:00",
		"end_time":            "",
		"last_action_time":    "2026-07-02T00:00:00+02:00",
		"session_id":          "7",
		"technician_id":       "",
		"session_type":        "Applet",
		"status":              "Afgesloten door klant",
		"resolved_unresolved": "Unresolved",
		"active_time_ms":      "100:00:59",
		"work_time_ms":        "0:00:00",
		"wrap_up_time_ms":     "",
		"role":                "lead",
		"is_final":            "true",
		"report_date":         "1970-01-01",
	} {
		for i := range Columns {
			if c := &Columns[i]; c.Name == name {
				if got := string(def.AppendCell(nil, c, &row)); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		}
	}
}

func repeatedForTest(c *Column) bool { return c.Name != "name" }

// A value that a Parquet writer would store wrongly does not get into a batch.
func TestBatchRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Row)
		want   string
	}{
		"a null in a required text":                    {func(r *Row) { r.Status = "" }, "the required column status is null"},
		"a null in a required number":                  {func(r *Row) { r.ActiveTime = Unknown }, "the required column active_time_ms is null"},
		"text that is not UTF-8":                       {func(r *Row) { r.Name = "a\xff" }, `column name: "a\xff" is not valid UTF-8`},
		"text that ends in the middle of a code point": {func(r *Row) { r.Name = "\xc3" }, `column name: "\xc3" is not valid UTF-8`},
		"text that begins in the middle of one":        {func(r *Row) { r.Name = "\xa9" }, `column name: "\xa9" is not valid UTF-8`},
		"repeated text that is not UTF-8":              {func(r *Row) { r.Platform = "a\xff" }, `column platform: "a\xff" is not valid UTF-8`},
		"more text than a batch can hold": {func(r *Row) { r.Name = "12345678" },
			"column name: the texts of one batch have more than 10 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBatchBuilder(repeatedForTest)
			for _, c := range b.columns {
				if c, ok := c.(*texts); ok {
					c.values.limit = 10
				}
			}
			row := Row{SessionID: 7, Leg: 2, Role: "lead", Status: "Waits", Name: "Ada"}
			if err := b.Append([]Row{row}); err != nil {
				t.Fatal(err)
			}
			row.Role, row.Status = "l", "W"
			c.change(&row)
			want := "session 7 leg 2: " + c.want
			if err := b.Append([]Row{row}); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// Texts are looked at many at a time, and yet each by itself.
func TestBatchRefusesHalvesOfACodePoint(t *testing.T) {
	rows := []Row{{Leg: 1, Role: "lead", Status: "Waits", Name: "ab\xc3"}, {Leg: 2, Role: "lead", Status: "Waits", Name: "\xa9cd"}}
	const want = `session 0 leg 2: column name: "\xa9cd" is not valid UTF-8`
	if err := NewBatchBuilder(repeatedForTest).Append(rows); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A batch has the rows since the one before, with or without room made for
// them, and stays as it is when the next one is built.
func TestBatches(t *testing.T) {
	b := NewBatchBuilder(repeatedForTest)
	var batches []arrow.Record
	next := int64(0)
	for _, c := range []struct{ reserved, rows int }{{0, 3}, {4, 4}, {1, appendRows + 2}, {512, 5}, {0, 0}} {
		b.Reserve(c.reserved)
		for range c.rows {
			row := Row{SessionID: next, Role: "lead", Name: fmt.Sprint("name ", next), Status: fmt.Sprint("status ", next/2), StartTime: Unknown}
			if err := b.Append([]Row{row}); err != nil {
				t.Fatal(err)
			}
			next++
		}
		if b.Len() != c.rows {
			t.Errorf("%d rows are collected, want %d", b.Len(), c.rows)
		}
		batches = append(batches, b.NewRecord())
	}
	at := int64(0)
	for _, batch := range batches {
		column := func(name string) arrow.Array { return batch.Column(batch.Schema().FieldIndices(name)[0]) }
		ids, names, starts := column("session_id").(*array.Int64), column("name").(*array.String), column("start_time")
		statuses := column("status").(*array.Dictionary)
		for i := range int(batch.NumRows()) {
			status := statuses.Dictionary().(*array.String).Value(statuses.GetValueIndex(i))
			if ids.Value(i) != at || names.Value(i) != fmt.Sprint("name ", at) || status != fmt.Sprint("status ", at/2) || starts.IsValid(i) {
				t.Fatalf("row %d is session %d, %q, %q", at, ids.Value(i), names.Value(i), status)
			}
			at++
		}
	}
	if at != next {
		t.Errorf("the batches have %d rows, want %d", at, next)
	}
}

// Rows that differ in one column alone have different fingerprints.
func TestFingerprint(t *testing.T) {
	seen := map[string]string{}
	note := func(what string, r Row) {
		f := Fingerprint([]Row{r})
		if other, taken := seen[f]; taken {
			t.Errorf("%s and %s have the same fingerprint", what, other)
		}
		seen[f] = what
	}
	note("the empty row", Row{})
	for i := range Columns {
		c := &Columns[i]
		var r Row
		switch c.Kind {
		case String:
			*c.text(&r) = "x"
		case Boolean:
			*c.flag(&r) = true
		case Date:
			*c.date(&r) = 1
		default:
			*c.number(&r) = 1
			note(c.Name, r)
			*c.number(&r) = Unknown
		}
		note(fmt.Sprint(c.Name, " otherwise"), r)
	}
	if Fingerprint(nil) == Fingerprint([]Row{{}}) {
		t.Error("no row has the fingerprint of the empty row")
	}
}
