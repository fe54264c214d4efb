package figures_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"daybook/sinks/figures"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/spill"
	"daybook/transform/summary"
)

// numbered is measures whose numbers are all different: first, first+1, …
func numbered(first int64) summary.Measures {
	var m summary.Measures
	number(reflect.ValueOf(&m).Elem(), &first)
	return m
}

func number(v reflect.Value, next *int64) {
	if v.Kind() == reflect.Int64 {
		v.SetInt(*next)
		*next++
		return
	}
	for i := range v.NumField() {
		number(v.Field(i), next)
	}
}

func encode(t testing.TB, f *figures.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := figures.Encode(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dayFile is a file of a day with one of each key.
func dayFile() *figures.File {
	f := &figures.File{Report: "sessions", Partition: "2026-11-20", Figures: summary.Figures{
		Total:       numbered(101),
		Groups:      []summary.Group{{Name: "Support <NL>", Measures: numbered(201)}, {Measures: numbered(301)}},
		Technicians: []summary.Technician{{ID: 7, Name: "Ada", Group: "Support <NL>", Measures: numbered(401)}},
		Channels:    []summary.Channel{{ID: 3, Name: "Web", Measures: numbered(501)}},
	}}
	for hour := range 24 {
		f.Hours = append(f.Hours, summary.Hour{Hour: hour})
	}
	f.Hours[9].Measures = numbered(601)
	return f
}

// written is the numbers of measures as the format writes them: the first
// number is n, and each that follows is one more.
func written(n int) string {
	var b strings.Builder
	for _, part := range strings.SplitAfter(`"sessions":#,"legs":#,"picked_up":#,"closed":#,"timed_out":#,"transferred":#,"open":#,`+
		`"total_ms":#,"active_ms":#,"work_ms":#,"hold_ms":#,"transfer_ms":#,"rebooting_ms":#,"reconnecting_ms":#,`+
		`"waiting":{"legs":#,"sum_ms":#,"median_ms":#,"p90_ms":#,"longest_ms":#},`+
		`"picked_up_total":{"legs":#,"sum_ms":#,"median_ms":#,"p90_ms":#,"longest_ms":#},`+
		`"picked_up_work":{"legs":#,"sum_ms":#},"first_chat":{"legs":#,"sum_ms":#},"wrap_up":{"legs":#,"sum_ms":#},`+
		`"customer_messages":#,"technician_messages":#,"system_messages":#`, "#") {
		b.WriteString(strings.Replace(part, "#", strconv.Itoa(n), 1))
		n++
	}
	return b.String()
}

// The bytes are the contract: other programs read them.
func TestBytes(t *testing.T) {
	nothing := written(0)
	for n := range 40 {
		nothing = strings.Replace(nothing, ":"+strconv.Itoa(n), ":0", 1)
	}
	var hours []string
	for hour := range 24 {
		measures := nothing
		if hour == 9 {
			measures = written(601)
		}
		hours = append(hours, `{"hour":`+strconv.Itoa(hour)+`,`+measures+`}`)
	}
	want := `{"version":1,"report":"sessions","partition":"2026-11-20","total":{` + written(101) + `},"days":[],"hours":[` + strings.Join(hours, ",") + `],` +
		`"groups":[{"name":"Support <NL>",` + written(201) + `},{` + written(301) + `}],` +
		`"technicians":[{"id":7,"name":"Ada","group":"Support <NL>",` + written(401) + `}],` +
		`"channels":[{"id":3,"name":"Web",` + written(501) + `}],` +
		`"omitted":{"groups":0,"technicians":0,"channels":0}}` + "\n"
	if diff := cmp.Diff(want, string(encode(t, dayFile()))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// cells says where a file has each measure of the tables. What divides is an
// average.
var cells = map[string][2]string{
	"Sessions": {"sessions"}, "Legs": {"legs"}, "Picked Up": {"picked_up"}, "Closed": {"closed"}, "Timed Out": {"timed_out"},
	"Transferred": {"transferred"}, "Open": {"open"}, "Total Time": {"total_ms"}, "Active Time": {"active_ms"}, "Work Time": {"work_ms"},
	"Hold Time": {"hold_ms"}, "Time in Transfer": {"transfer_ms"}, "Rebooting Time": {"rebooting_ms"}, "Reconnecting Time": {"reconnecting_ms"},
	"Average Waiting Time": {"waiting.sum_ms", "waiting.legs"}, "Median Waiting Time": {"waiting.median_ms"}, "90% Waiting Time": {"waiting.p90_ms"},
	"Average Total Time": {"picked_up_total.sum_ms", "picked_up_total.legs"}, "Median Total Time": {"picked_up_total.median_ms"},
	"90% Total Time": {"picked_up_total.p90_ms"}, "Longest Total Time": {"picked_up_total.longest_ms"},
	"Average Work Time":          {"picked_up_work.sum_ms", "picked_up_work.legs"},
	"Average Time to First Chat": {"first_chat.sum_ms", "first_chat.legs"}, "Average Wrap-up Time": {"wrap_up.sum_ms", "wrap_up.legs"},
	"Customer Messages": {"customer_messages"}, "Technician Messages": {"technician_messages"}, "System Messages": {"system_messages"},
}

// at is a number of an entry, by its path.
func at(entry map[string]any, path string) (n int64, found bool) {
	name, rest, nested := strings.Cut(path, ".")
	if nested {
		inner, _ := entry[name].(map[string]any)
		return at(inner, rest)
	}
	number, found := entry[name].(json.Number)
	n, err := number.Int64()
	return n, found && err == nil
}

// shown is a number as a table has it: in whole seconds, rounded down, if it is
// a duration.
func shown(n int64, path string) string {
	if !strings.HasSuffix(path, "_ms") {
		return strconv.FormatInt(n, 10)
	}
	s := n / 1000
	two := func(n int64) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }
	return strconv.FormatInt(s/3600, 10) + ":" + two(s/60%60) + ":" + two(s%60)
}

// Tables and the file say the same of any rows.
func TestSameAsTables(t *testing.T) {
	month := day.MonthOf(2026, time.February)
	rapid.Check(t, func(t *rapid.T) {
		a := summary.ForMonth(&report.Definition{Zone: time.UTC}, month, spill.NewScratch(nil))
		for range rapid.IntRange(0, 12).Draw(t, "rows") {
			if err := a.Add(row(t, month)); err != nil {
				t.Fatal(err)
			}
		}
		f, err := a.Figures()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := figures.Encode(&b, &figures.File{Report: "r", Partition: month.String(), Figures: *f}); err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		decoder := json.NewDecoder(&b)
		decoder.UseNumber()
		if err := decoder.Decode(&file); err != nil {
			t.Fatal(err)
		}
		lists := map[string]string{"by_technician.csv": "technicians", "by_group.csv": "groups", "by_channel.csv": "channels", "by_hour.csv": "hours", "by_day.csv": "days"}
		for _, table := range f.Tables(report.English) {
			entries := []any{file["total"]}
			if name := lists[table.Name+".csv"]; name != "" {
				entries = file[name].([]any)
			}
			if len(entries) != len(table.Rows) {
				t.Fatalf("%s has %d rows, and the file %d", table.Name+".csv", len(table.Rows), len(entries))
			}
			for i, cells := range table.Rows {
				compare(t, table.Name+".csv", table.Header, cells, entries[i].(map[string]any))
			}
		}
	})
}

// compare holds a row of a table against an entry of the file.
func compare(t *rapid.T, file string, header, row []string, entry map[string]any) {
	measures := 0
	for column, heading := range header {
		paths, isMeasure := cells[heading]
		if !isMeasure {
			continue // a key, or Not Picked Up
		}
		measures++
		n, found := at(entry, paths[0])
		want := shown(n, paths[0])
		if divisor, isAverage := at(entry, paths[1]); isAverage {
			want = ""
			if divisor > 0 {
				want = shown(n/divisor, paths[0])
			}
		} else if list, _, isRank := strings.Cut(paths[0], "."); isRank {
			if legs, _ := at(entry, list+".legs"); legs == 0 {
				want = ""
			}
		}
		if !found || row[column] != want {
			t.Fatalf("%s, %s: the table has %q, and the file %q (found: %v)", file, heading, row[column], want, found)
		}
	}
	if measures != len(cells) {
		t.Fatalf("%s has %d of %d measures", file, measures, len(cells))
	}
}

// row draws one whose durations are all different.
func row(t *rapid.T, month day.Month) *report.Row {
	duration := func(name string) int64 { return rapid.Int64Range(0, 400_000).Draw(t, name) }
	maybe := func(name string) int64 {
		if rapid.Bool().Draw(t, name+" is known") {
			return duration(name)
		}
		return report.Unknown
	}
	date := month.First() + day.Day(rapid.IntRange(0, 27).Draw(t, "date"))
	r := &report.Row{
		SessionID: rapid.Int64Range(1, 4).Draw(t, "session"), ReportDate: date, BeginTime: date.UTC().UnixMilli() + duration("begin"), StartTime: report.Unknown,
		Role:   rapid.SampledFrom([]string{"lead", "collaborator"}).Draw(t, "role"),
		Status: rapid.SampledFrom([]string{"Closed by customer", "Timed out", "Transferred", "Active"}).Draw(t, "status"), IsFinal: rapid.Bool().Draw(t, "final"),
		TechnicianID: rapid.SampledFrom([]int64{report.Unknown, 1, 2}).Draw(t, "technician"), TechnicianName: rapid.SampledFrom([]string{"", "Ada"}).Draw(t, "name"),
		TechnicianGroup: rapid.SampledFrom([]string{"", "A", "B"}).Draw(t, "group"), ChannelID: rapid.SampledFrom([]int64{report.Unknown, 3}).Draw(t, "channel"),
		WaitingTime: duration("waiting"), TotalTime: duration("total"), ActiveTime: duration("active"), WorkTime: duration("work"), HoldTime: duration("hold"),
		TransferTime: duration("transfer"), RebootingTime: duration("rebooting"), ReconnectingTime: duration("reconnecting"),
		TimeToFirstChat: maybe("first chat"), WrapUpTime: maybe("wrap-up"),
		CustomerMessages: rapid.Int64Range(0, 9).Draw(t, "by the customer"), TechnicianMessages: rapid.Int64Range(0, 9).Draw(t, "by the technician"),
		SystemMessages: rapid.Int64Range(0, 9).Draw(t, "by the system"),
	}
	if rapid.Bool().Draw(t, "picked up") {
		r.StartTime = r.BeginTime
	}
	return r
}

func TestDecodeIsTheOppositeOfEncode(t *testing.T) {
	month := dayFile()
	month.Partition, month.Omitted = "2026-02", figures.Omitted{Groups: 1, Technicians: 2, Channels: 3}
	for d := day.Date(2026, 2, 1); d <= day.Date(2026, 2, 28); d++ {
		month.Days = append(month.Days, summary.Day{Date: d, Measures: numbered(int64(d))})
	}
	for _, want := range []*figures.File{dayFile(), month} {
		text := encode(t, want)
		got, err := figures.Decode(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", want.Partition, diff)
		}
		if again := encode(t, got); !bytes.Equal(again, text) {
			t.Errorf("%s has other bytes when it is written again", want.Partition)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(encode(t, dayFile()))
	for name, tc := range map[string]struct{ old, new, says string }{
		"another version":    {`"version":1`, `"version":2`, "its version is 2, and this daybook reads version 1"},
		"no version":         {`"version":1,`, ``, "its version is 0"},
		"an unknown member":  {`"open":`, `"opem":`, `unknown field "opem"`},
		"a negative number":  {`"wrap_up":{"legs":`, `"wrap_up":{"legs":-`, "a number is negative"},
		"a fraction":         {`"sessions":101`, `"sessions":10.1`, "10.1"},
		"a missing hour":     {`{"hour":23,`, `{"hour":22,`, "hour 22 stands in the place of hour 23"},
		"no partition":       {`"2026-11-20"`, `"2026-13"`, `"2026-13" is neither a day nor a month`},
		"a month of no days": {`"2026-11-20"`, `"2026-11"`, "the month 2026-11 has 0 days instead of 30"},
		"days of a day":      {`"days":[]`, `"days":[{"date":"2026-11-20"}]`, "the day 2026-11-20 has a list of days"},
		"something after it": {"}}\n", "}}{}", "after top-level value"},
		"half of it":         {good[len(good)/2:], "", "unexpected end"},
		"nothing":            {good, "", "unexpected end"},
	} {
		text := strings.Replace(good, tc.old, tc.new, 1)
		if text == good {
			t.Fatalf("%s: there is no %s", name, tc.old)
		}
		f, err := figures.Decode(strings.NewReader(text))
		if f != nil || !errors.Is(err, figures.ErrInvalid) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want it to say %s", name, err, tc.says)
		}
	}
	failed := errors.New("the connection was cut")
	if _, err := figures.Decode(iotest.ErrReader(failed)); !errors.Is(err, failed) || errors.Is(err, figures.ErrInvalid) {
		t.Errorf("of a reader that fails: %v", err)
	}
	if _, err := figures.Decode(endless{}); !errors.Is(err, figures.ErrInvalid) || !strings.Contains(err.Error(), "longer than 24 MiB") {
		t.Errorf("of a file without an end: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// However many keys there are, and however long their names and numbers, the
// file can be read again. It keeps those with the most legs, in their order.
func TestSizeIsLimited(t *testing.T) {
	f := dayFile()
	f.Groups, f.Technicians, f.Channels = nil, nil, nil
	const extra = 3
	worst, name := numbered(math.MaxInt64-40), strings.Repeat("\x01", 128) // no JSON of a character is longer
	for i := range figures.MaxEntries + extra {
		m := worst
		m.Legs -= int64(i % (figures.MaxEntries + extra - 1)) // the last has as many as the first
		f.Groups = append(f.Groups, summary.Group{Name: name, Measures: m})
		f.Technicians = append(f.Technicians, summary.Technician{ID: math.MaxInt64 - int64(i), Name: name, Group: name, Measures: m})
		f.Channels = append(f.Channels, summary.Channel{ID: math.MaxInt64 - int64(i), Name: name, Measures: m})
	}
	got, err := figures.Decode(bytes.NewReader(encode(t, f)))
	if err != nil {
		t.Fatal(err)
	}
	if got.Omitted != (figures.Omitted{Groups: extra, Technicians: extra, Channels: extra}) {
		t.Errorf("it says that it omits %+v", got.Omitted)
	}
	last := len(f.Technicians) - 1
	want := append(f.Technicians[:figures.MaxEntries-1:figures.MaxEntries-1], f.Technicians[last])
	if !cmp.Equal(got.Technicians, want) {
		t.Error("it does not keep those with the most legs")
	}
}
