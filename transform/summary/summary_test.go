package summary_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
	"daybook/transform/spill"
	"daybook/transform/spill/spilltest"
	"daybook/transform/summary"
)

// caseFile is a file of testdata/summary; its README tells the format.
type caseFile struct {
	Title    string
	Timezone string
	Language string
	Month    string
	Rows     []caseRow
	Tables   map[string]string
	Why      string
}

type caseRow struct {
	Session            int64
	Leg                int64
	Role               string
	Date               string
	Begin, Start       string
	Status             string
	Open               bool
	Technician         int64
	TechnicianName     string `yaml:"technician_name"`
	Group              string
	Channel            int64
	ChannelName        string `yaml:"channel_name"`
	Wait               time.Duration
	Active, Work, Hold time.Duration
	Transfer           time.Duration
	Rebooting          time.Duration
	Reconnecting       time.Duration
	FirstChat          *time.Duration `yaml:"first_chat"`
	WrapUp             *time.Duration `yaml:"wrap_up"`
	CustomerMessages   int64          `yaml:"customer_messages"`
	TechnicianMessages int64          `yaml:"technician_messages"`
	SystemMessages     int64          `yaml:"system_messages"`
}

func TestCases(t *testing.T) {
	files, err := filepath.Glob("../../testdata/summary/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c caseFile
			if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict()); err != nil {
				t.Fatal(err)
			}
			c.check(t)
		})
	}
}

func (c *caseFile) check(t *testing.T) {
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	d := &report.Definition{Name: "sessions", Zone: zone}
	if c.Language != "" {
		language, ok := report.ParseLanguage(c.Language)
		if !ok {
			t.Fatalf("no language %q", c.Language)
		}
		d.Language = language
	}
	a := summary.ForDay(d, noScratch)
	files := []string{"total.csv", "by_technician.csv", "by_group.csv", "by_channel.csv", "by_hour.csv"}
	if c.Month != "" {
		m, err := day.ParseMonth(c.Month)
		if err != nil {
			t.Fatal(err)
		}
		a = summary.ForMonth(d, m, noScratch)
		files = append(files, "by_day.csv")
	}
	for i := range c.Rows {
		add(t, a, c.Rows[i].row(t))
	}
	f := figures(t, a)
	if again := figures(t, a); !cmp.Equal(f, again) {
		t.Errorf("the figures changed by being made: %s", cmp.Diff(f, again))
	}
	got := f.Tables(d.Language)

	var names []string
	for _, table := range got {
		names = append(names, table.Name+".csv")
		want, ok := c.Tables[table.Name+".csv"]
		if !ok {
			continue
		}
		delete(c.Tables, table.Name+".csv")
		if diff := cmp.Diff(parse(t, want), project(t, table, parse(t, want)[0])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", table.Name+".csv", diff)
		}
		if strings.HasPrefix(c.Title, "Every") && table.Name+".csv" == "total.csv" && len(table.Header) != len(parse(t, want)[0]) {
			t.Errorf("%s has more columns than the case: %q", table.Name+".csv", table.Header)
		}
	}
	if diff := cmp.Diff(files, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for file := range c.Tables {
		t.Errorf("no table %s", file)
	}
}

// parse reads a table of a case.
func parse(t *testing.T, text string) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.TrimLeadingSpace = true
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// project keeps the columns of table that a case has.
func project(t *testing.T, table summary.Table, headings []string) [][]string {
	t.Helper()
	var records [][]string
	for _, row := range append([][]string{table.Header}, table.Rows...) {
		if len(row) != len(table.Header) || len(row) != len(table.Kinds) {
			t.Fatalf("%s: %d cells under %d headings: %q", table.Name+".csv", len(row), len(table.Header), row)
		}
		var record []string
		for i, heading := range table.Header {
			if slices.Contains(headings, heading) {
				record = append(record, row[i])
			}
		}
		records = append(records, record)
	}
	return records
}

func (c *caseRow) row(t *testing.T) *report.Row {
	t.Helper()
	r := &report.Row{
		SessionID: c.Session, Leg: c.Leg, Role: c.Role, Status: c.Status, IsFinal: !c.Open,
		StartTime: instant(t, c.Start), BeginTime: instant(t, c.Begin),
		TechnicianID: orUnknown(c.Technician), TechnicianName: c.TechnicianName, TechnicianGroup: c.Group,
		ChannelID: orUnknown(c.Channel), ChannelName: c.ChannelName,
		WaitingTime: c.Wait.Milliseconds(), ActiveTime: c.Active.Milliseconds(), WorkTime: c.Work.Milliseconds(),
		HoldTime: c.Hold.Milliseconds(), TransferTime: c.Transfer.Milliseconds(),
		RebootingTime: c.Rebooting.Milliseconds(), ReconnectingTime: c.Reconnecting.Milliseconds(),
		TotalTime:       (c.Active + c.Hold + c.Transfer + c.Rebooting + c.Reconnecting).Milliseconds(),
		TimeToFirstChat: report.Unknown, WrapUpTime: report.Unknown,
		CustomerMessages: c.CustomerMessages, TechnicianMessages: c.TechnicianMessages, SystemMessages: c.SystemMessages,
	}
	if r.BeginTime == report.Unknown {
		r.BeginTime = r.StartTime
	}
	if r.Role == "" {
		r.Role = "lead"
	}
	if r.Status == "" {
		r.Status = "Closed by customer"
	}
	if c.FirstChat != nil {
		r.TimeToFirstChat = c.FirstChat.Milliseconds()
	}
	if c.WrapUp != nil {
		r.WrapUpTime = c.WrapUp.Milliseconds()
	}
	if c.Date != "" {
		date, err := day.Parse(c.Date)
		if err != nil {
			t.Fatal(err)
		}
		r.ReportDate = date
	}
	return r
}

func instant(t *testing.T, s string) int64 {
	t.Helper()
	if s == "" {
		return report.Unknown
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMilli()
}

func orUnknown(id int64) int64 {
	if id == 0 {
		return report.Unknown
	}
	return id
}

// Each status counts where REPORT.md says, as the report spells it.
func TestStatuses(t *testing.T) {
	counted := map[event.Status]string{
		event.ClosedByCustomer: "Closed", event.ClosedByTechnician: "Closed", event.ClosedByWaitingCustomer: "Closed",
		event.TimedOut: "Timed Out", event.TimedOutClosedByTechnician: "Timed Out",
		event.Transferred: "Transferred",
	}
	d := &report.Definition{Zone: time.UTC}
	for _, status := range event.Statuses() {
		var dropped report.Counts
		var r report.Row
		d.Row(&r, &session.Session{ID: 1}, &session.Leg{Status: status, Final: true, Details: new([event.NumDetails]string)}, &dropped)
		a := summary.ForDay(d, noScratch)
		add(t, a, &r)
		total := tables(t, a)[0]
		var got string
		for _, heading := range []string{"Closed", "Timed Out", "Transferred", "Open"} {
			if total.Rows[0][slices.Index(total.Header, heading)] == "1" {
				got += heading
			}
		}
		if got != counted[status] {
			t.Errorf("%s counts as %q, want %q", status, got, counted[status])
		}
	}
}

// noScratch is for so few rows that all of them stay in memory.
var noScratch = spill.NewScratch(nil)

func add(tb testing.TB, a *summary.Accumulator, r *report.Row) {
	tb.Helper()
	if err := a.Add(r); err != nil {
		tb.Fatal(err)
	}
}

func figures(tb testing.TB, a *summary.Accumulator) *summary.Figures {
	tb.Helper()
	f, err := a.Figures()
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func tables(tb testing.TB, a *summary.Accumulator) []summary.Table {
	tb.Helper()
	return figures(tb, a).Tables(report.English)
}

// More rows than stay in memory are summed up like fewer: the same rows a
// hundred times over, each time of other sessions, give a hundred times the
// counts and sums, and the same percentiles.
func TestManyRows(t *testing.T) {
	const times, rows = 100, 5000
	d := &report.Definition{Zone: time.UTC}
	file := new(spilltest.File)
	few, many := summary.ForDay(d, noScratch), summary.ForDay(d, spill.NewScratch(func() (spill.File, error) { return file, nil }))
	for n := range times {
		for i := range rows {
			c := caseRow{Session: int64(n*rows + i/2), Start: "2026-11-20T09:00:00Z", Technician: int64(1 + i%3), TechnicianName: "Ada Kok",
				Channel: int64(i % 4), Wait: time.Duration(i*37%1100) * time.Second, Active: time.Duration(i) * time.Second}
			r := c.row(t)
			if n == 0 {
				add(t, few, r)
			}
			add(t, many, r)
		}
	}
	if len(file.Bytes) == 0 {
		t.Fatal("all of the rows stayed in memory")
	}
	want := tables(t, few)
	for i, table := range tables(t, many) {
		for column, heading := range table.Header {
			for row := range table.Rows {
				got, want := table.Rows[row][column], want[i].Rows[row][column]
				if n, err := strconv.Atoi(want); err == nil && slices.Contains([]string{"Sessions", "Legs", "Picked Up"}, heading) {
					want = strconv.Itoa(times * n)
				} else if !strings.Contains(heading, "Median") && !strings.Contains(heading, "90%") && !strings.Contains(heading, "Longest") {
					continue
				}
				if got != want {
					t.Errorf("%s, row %d, %s: %s, want %s", table.Name+".csv", row, heading, got, want)
				}
			}
		}
	}
}

// The order in which the rows come does not matter, and key columns are the
// only ones with text.
func TestOrderOfRows(t *testing.T) {
	d := &report.Definition{Zone: time.UTC}
	forward, backward := summary.ForDay(d, noScratch), summary.ForDay(d, noScratch)
	var rows []*report.Row
	for i := range 50 {
		c := caseRow{Session: int64(i % 20), Start: "2026-11-20T09:00:00Z", Technician: int64(1 + i%3), TechnicianName: "Ada Kok",
			Channel: int64(i % 4), Wait: time.Duration(i*37%11) * time.Second, Active: time.Duration(i) * time.Second}
		rows = append(rows, c.row(t))
	}
	for i := range rows {
		add(t, forward, rows[i])
		add(t, backward, rows[len(rows)-1-i])
	}
	if diff := cmp.Diff(tables(t, forward), tables(t, backward)); diff != "" {
		t.Errorf("other tables for another order:\n%s", diff)
	}
	texts := map[string]bool{}
	for _, table := range tables(t, forward) {
		for i, kind := range table.Kinds {
			if kind == report.String {
				texts[table.Header[i]] = true
			}
		}
	}
	if want := (map[string]bool{"Technician Name": true, "Technician Group": true, "Channel Name": true}); !cmp.Equal(texts, want) {
		t.Errorf("columns of text %v, want %v", texts, want)
	}
}

func BenchmarkAdd(b *testing.B) {
	d := &report.Definition{Zone: time.UTC}
	rows := make([]report.Row, 10_000)
	for i := range rows {
		rows[i] = report.Row{SessionID: int64(i), StartTime: int64(i) * 8000, Role: "lead", TechnicianID: int64(i % 100),
			TechnicianName: "Ada Kok", TechnicianGroup: "Support/NL", ChannelID: int64(i % 7), ChannelName: "Web",
			WaitingTime: int64(i * 7919 % 60_000), TotalTime: int64(i * 104729 % 600_000)}
	}
	for b.Loop() {
		a := summary.ForDay(d, noScratch)
		for i := range rows {
			add(b, a, &rows[i])
		}
		tables(b, a)
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
