package report_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/transform/event"
	"daybook/transform/internal/casefile"
	"daybook/transform/report"
)

const testdata = "../../testdata"

// decode reads the lines of a dump.
func decode(t *testing.T, text string) ([]event.Event, *event.Tally) {
	t.Helper()
	var events []event.Event
	tally := new(event.Tally)
	decoder := event.NewDecoder()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		tally.Lines++
		if event.Blank([]byte(line)) {
			tally.Blank++
			continue
		}
		var e event.Event
		if reject := decoder.Decode([]byte(line), &e); reject.Reason != 0 {
			tally.Rejected[reject.Reason]++
			continue
		}
		tally.Events++
		events = append(events, e)
	}
	return events, tally
}

// The worked cases in testdata/cases give exactly their rows and counts.
func TestCases(t *testing.T) {
	cases, err := casefile.Load(filepath.Join(testdata, "cases"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) {
			def := &report.Definition{Name: "case", Zone: c.Location, Unit: report.Unit(c.Report.Unit)}
			if h := c.Report.DailyHours; h != nil {
				def.Hours = &report.Hours{From: clock(t, h.From), To: clock(t, h.To)}
			}
			events, tally := decode(t, c.Events)
			rows, got := rowsOf(events, def)
			if diff := cmp.Diff(c.Rows, rows); diff != "" {
				t.Errorf("%s: the rows (+) differ from what was worked out (-):\n%s\n%s", c.Title, diff, c.Why)
			}
			accounting := tally.Accounting(int64(got.Duplicates))
			if err := accounting.Check(); err != nil {
				t.Error(err)
			}
			want, rejected := c.Accounting, map[string]int{}
			for code, n := range accounting.Rejected {
				rejected[code] = int(n)
			}
			count := func(name string, want *int, got int) {
				if want != nil && *want != got {
					t.Errorf("%s: %d, want %d", name, got, *want)
				}
			}
			count("lines", want.Lines, int(accounting.Lines))
			count("accepted", want.Accepted, int(accounting.Accepted))
			count("duplicates", want.Duplicates, int(accounting.Duplicates))
			count("blank", want.Blank, int(accounting.Blank))
			count("truncated", want.Truncated, got.Truncated)
			count("ip_dropped", want.IPDropped, got.IPDropped)
			if want.Rejected != nil && !cmp.Equal(want.Rejected, rejected) {
				t.Errorf("rejected: %v, want %v", rejected, want.Rejected)
			}
			if want.Anomalies != nil && !cmp.Equal(want.Anomalies, got.Anomalies) {
				t.Errorf("anomalies: %v, want %v", got.Anomalies, want.Anomalies)
			}
		})
	}
}

func clock(t *testing.T, s string) time.Duration {
	t.Helper()
	if s == "24:00" {
		return 24 * time.Hour
	}
	at, err := time.Parse("15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
}

// The worked examples of the contract give exactly their rows, in both time
// zones.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata, "examples", "*.ndjson"))
	if err != nil || len(files) != 8 {
		t.Fatalf("%d examples (%v), want 8", len(files), err)
	}
	var text strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	for _, zone := range []string{"UTC", "Europe/Amsterdam"} {
		t.Run(zone, func(t *testing.T) {
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(testdata, "examples", "expected."+strings.ReplaceAll(zone, "/", "_")+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			var want []map[string]any
			for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
				want = append(want, expected(t, lines.Bytes()))
			}
			if len(want) != 12 {
				t.Fatalf("%d expected rows, want 12", len(want))
			}
			events, _ := decode(t, text.String())
			rows, _ := rowsOf(events, &report.Definition{Name: "example", Zone: location})
			if diff := cmp.Diff(want, rows); diff != "" {
				t.Errorf("the rows (+) differ from the expected ones (-):\n%s", diff)
			}
		})
	}
}

// expected reads a row in which every number is an integer.
func expected(t *testing.T, line []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var row map[string]any
	if err := d.Decode(&row); err != nil {
		t.Fatal(err)
	}
	for name, v := range row {
		if number, ok := v.(json.Number); ok {
			n, err := number.Int64()
			if err != nil {
				t.Fatal(err)
			}
			row[name] = n
		}
	}
	return row
}
