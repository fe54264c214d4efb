// Package casefile loads the worked cases in testdata/cases. Each case has a few
// events and the rows that REPORT.md defines for them, worked out by hand. Tests
// compare implementations with these rows.
//
// A file looks like this; testdata/cases/README.md explains the members:
//
//	title: A transfer is called off
//	holds: [legs.status.3b]        # rules of REPORT.md, by their ids in README.md
//	timezone: Europe/Amsterdam     # of the report; UTC where not given
//	events: |                      # NDJSON, as in a dump, in any order
//	  {"event_id":"1", …}
//	rows:                          # sorted by session_id, leg
//	  - {session_id: 1, leg: 0, role: lead, …}
//	why: |
//	  how each number follows
//
// A row may leave out columns that are unknown, zero, or (is_final) false. It
// must contain the columns in [Required].
package casefile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Case is one worked case.
type Case struct {
	File     string         // base name, without .yaml
	Title    string         // what happens
	Holds    []string       // ids of the rules that the case tests
	Location *time.Location // the report's time zone
	Report   Report
	Events   string // NDJSON, with rejects and blank lines where the case tests them
	// Rows are the expected rows with every column, by Parquet name:
	// timestamps in int64 milliseconds since the Unix epoch, durations, counts
	// and ids int64, report_date a string, nil for unknown.
	Rows       []map[string]any
	Accounting Accounting
	Why        string // how the numbers follow
}

// Report is the part of a report's definition that selects rows.
type Report struct {
	Unit       Unit        `yaml:"unit"`
	DailyHours *DailyHours `yaml:"daily_hours"`
}

// Unit selects rows. Without selectors it is the whole organisation.
type Unit struct {
	Technicians []int64  `yaml:"technicians"`
	Groups      []string `yaml:"groups"`
	Channels    []int64  `yaml:"channels"`
}

// DailyHours are local times of day as "15:04", half open.
type DailyHours struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

// Accounting holds the expected counts of a run. Nil is no expectation. A given
// map is complete: other codes have the count 0.
type Accounting struct {
	Lines      *int           `yaml:"lines"`
	Accepted   *int           `yaml:"accepted"`
	Duplicates *int           `yaml:"duplicates"`
	Blank      *int           `yaml:"blank"`
	Rejected   map[string]int `yaml:"rejected"`
	Truncated  *int           `yaml:"truncated"`
	IPDropped  *int           `yaml:"ip_dropped"`
	Anomalies  map[string]int `yaml:"anomalies"`
}

// kind is a column's type and its value in a row that leaves it out.
type kind int

const (
	textKind kind = iota // nil
	timeKind             // nil
	intKind              // nil
	zeroKind             // an integer, 0
	boolKind             // false
	needText             // no default
	needInt
	needTime
)

// columns are the columns of REPORT.md, "Columns".
var columns = map[string]kind{
	"start_time": timeKind, "end_time": timeKind, "last_action_time": timeKind,
	"technician_name": textKind, "technician_id": intKind, "technician_email": textKind,
	"session_id": needInt, "session_type": textKind, "status": needText, "name": textKind,
	"custom_field_1": textKind, "custom_field_2": textKind, "custom_field_3": textKind,
	"custom_field_4": textKind, "custom_field_5": textKind,
	"tracking_id": textKind, "customer_ip": textKind, "device_id": textKind,
	"tools_used": textKind, "resolved_unresolved": textKind,
	"channel_id": intKind, "channel_name": textKind, "calling_card": textKind,
	"connecting_time_ms": zeroKind, "waiting_time_ms": zeroKind, "total_time_ms": zeroKind,
	"active_time_ms": zeroKind, "work_time_ms": zeroKind, "hold_time_ms": zeroKind,
	"transfer_time_ms": zeroKind, "rebooting_time_ms": zeroKind, "reconnecting_time_ms": zeroKind,
	"platform": textKind, "browser_type": textKind, "technician_group": textKind,
	"time_to_first_chat_ms": intKind, "wrap_up_time_ms": intKind,
	"transferred_to": textKind, "first_chat_message_sent": timeKind,
	"customer_messages": zeroKind, "technician_messages": zeroKind, "system_messages": zeroKind,
	"leg": needInt, "role": needText, "begin_time": needTime, "is_final": boolKind,
	"other_time_ms": zeroKind, "anomalies": textKind, "report_date": needText,
}

// Required lists the columns that every expected row contains.
func Required() []string {
	var names []string
	for name, k := range columns {
		if k >= needText {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Load reads every .yaml file of dir, in the order of their names. An unknown
// key, column or value is an error that names the file.
func Load(dir string) ([]Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("load cases: no .yaml file in %s", dir)
	}
	var cases []Case
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("load cases: %w", err)
		}
		c, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("load case %s: %w", file, err)
		}
		c.File = strings.TrimSuffix(filepath.Base(file), ".yaml")
		cases = append(cases, c)
	}
	return cases, nil
}

func parse(data []byte) (Case, error) {
	var file struct {
		Title      string           `yaml:"title"`
		Holds      []string         `yaml:"holds"`
		Timezone   string           `yaml:"timezone"`
		Report     Report           `yaml:"report"`
		Events     string           `yaml:"events"`
		Rows       []map[string]any `yaml:"rows"`
		Accounting Accounting       `yaml:"accounting"`
		Why        string           `yaml:"why"`
	}
	if err := yaml.UnmarshalWithOptions(data, &file, yaml.Strict()); err != nil {
		return Case{}, err
	}
	switch {
	case file.Title == "":
		return Case{}, fmt.Errorf("title is missing: describe the case in a few words")
	case len(file.Holds) == 0:
		return Case{}, fmt.Errorf("holds is empty: list the rules that the case tests, by their ids in README.md")
	case file.Events == "":
		return Case{}, fmt.Errorf("events are missing: give them as NDJSON")
	case file.Why == "":
		return Case{}, fmt.Errorf("why is missing: explain how the numbers follow")
	}
	loc, err := time.LoadLocation(file.Timezone) // "" is UTC
	if err != nil {
		return Case{}, fmt.Errorf("timezone: %w", err)
	}
	c := Case{
		Title: file.Title, Holds: file.Holds, Location: loc, Report: file.Report,
		Events: file.Events, Accounting: file.Accounting, Why: file.Why,
	}
	for i, written := range file.Rows {
		row, err := complete(written)
		if err != nil {
			return Case{}, fmt.Errorf("row %d: %w", i+1, err)
		}
		c.Rows = append(c.Rows, row)
	}
	return c, nil
}

// complete returns the row with all columns, in the types of Case.Rows.
func complete(written map[string]any) (map[string]any, error) {
	row := make(map[string]any, len(columns))
	for name, k := range columns {
		switch k {
		case zeroKind:
			row[name] = int64(0)
		case boolKind:
			row[name] = false
		default:
			row[name] = nil
		}
	}
	for name, v := range written {
		k, ok := columns[name]
		if !ok {
			return nil, fmt.Errorf("%s: unknown column; REPORT.md, \"Columns\", lists the columns", name)
		}
		if v == nil && (k == textKind || k == timeKind || k == intKind) {
			continue // an explicit unknown
		}
		value, err := convert(v, k)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		row[name] = value
	}
	for _, name := range Required() {
		if row[name] == nil {
			return nil, fmt.Errorf("%s: missing; the column has no default", name)
		}
	}
	return row, nil
}

func convert(v any, k kind) (any, error) {
	switch k {
	case textKind, needText:
		if s, ok := v.(string); ok {
			return s, nil
		}
		return nil, fmt.Errorf("%v is not a string: quote it", v)
	case boolKind:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, fmt.Errorf("%v is not a boolean: write true or false", v)
	case timeKind, needTime:
		s, _ := v.(string)
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return nil, fmt.Errorf("%v is not a quoted RFC 3339 time: %w", v, err)
		}
		return t.UnixMilli(), nil
	default:
		switch n := v.(type) {
		case uint64:
			return int64(n), nil
		case int64:
			return n, nil
		}
		return nil, fmt.Errorf("%v is not an integer", v)
	}
}
