package output

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/format"
	"daybook/pipeline/partition"
	"daybook/pipeline/stitch"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// rowsOfDay are n rows of a date, a second from each other, from so many seconds
// after midnight on. They have a few technicians, channels and nulls.
func rowsOfDay(d day.Day, from int64, n int) []report.Row {
	rows := make([]report.Row, n)
	for i := range rows {
		second := 86_400*int64(d-theDay) + from + int64(i)
		r := newRow(1_000_000*int64(d)+int64(i/2)*2, int64(i%2), second)
		r.ReportDate, r.TechnicianID, r.ChannelID = d, int64(i%7)+1, report.Unknown
		r.TechnicianName, r.TechnicianGroup = []string{"Ada", "Bob", "Cem"}[i%3], []string{"", "A/B"}[i%2]
		r.WaitingTime, r.CustomerMessages, r.Platform = int64(i%100)*1000, int64(i%5), "Linux"
		if i%4 == 0 {
			r.ChannelID, r.ChannelName = int64(i%3)+1, "chat"
			r.TimeToFirstChat, r.WrapUpTime = int64(i), 2000
		}
		rows[i] = r
	}
	return rows
}

// publishDays publishes days of rows in a profile. It returns their manifests.
func publishDays(t *testing.T, sink store.Store, p parquet.Profile, days [][]report.Row) (manifests []*publish.Manifest) {
	t.Helper()
	o := newPublisher(sink, 1)
	o.Settings.Format = format.Parquet{Profile: p}
	for _, rows := range days {
		d := newPartition(partition.Day)
		d.ID, d.Report.SessionsCSV = partition.DayID("sessions", rows[0].ReportDate), false
		base, _, err := o.Publish(t.Context(), d, batches(rows))
		if err != nil {
			t.Fatal(err)
		}
		manifests = append(manifests, base.Manifest)
	}
	return manifests
}

// publishMonth publishes a month of days in a profile.
func publishMonth(t *testing.T, sink store.Store, p parquet.Profile, sessions bool, days []*publish.Manifest) (*publish.Manifest, error) {
	t.Helper()
	o := newPublisher(sink, 2)
	o.Settings.Format = format.Parquet{Profile: p}
	m := newPartition(partition.Month)
	m.Report.SessionsCSV = sessions
	base, _, err := o.PublishPieces(t.Context(), m, stitch.Month(t.Context(), o.Settings, days))
	return base.Manifest, err
}

// daysOfAMonth are large days, small ones that are joined, and two that overlap, as
// where a clock is set back over midnight.
func daysOfAMonth() [][]report.Row {
	d := theDay - 10
	return [][]report.Row{
		rowsOfDay(d, 0, parquet.CopyRows), rowsOfDay(d+1, 5, 20), rowsOfDay(d+2, 0, 30), rowsOfDay(d+3, 0, parquet.CopyRows+1),
		rowsOfDay(d+4, 86_000, 900), rowsOfDay(d+5, 0, 700), rowsOfDay(d+6, 1000, parquet.CopyRows-1),
	}
}

// A month has the rows of its days in order, in row groups that depend on the number
// of rows alone. Its bytes do not depend on the profile in which the days were
// written, and its summaries not on the columns that are read.
// It has more than 60 lines because it compares one month in all these respects.
func TestMonthOfDays(t *testing.T) {
	days := daysOfAMonth()
	want := slices.Concat(days...)
	slices.SortFunc(want, func(a, b report.Row) int { return report.Compare(&a, &b) })
	var texts []map[string]string
	for _, c := range []struct {
		days, month parquet.Profile
		sessions    bool
	}{
		{parquet.Compatible, parquet.Compatible, false},
		{parquet.Compact, parquet.Compatible, true},
		{parquet.Compact, parquet.Compact, false},
		{parquet.Compatible, parquet.Compact, false},
	} {
		sink := store.NewMemory(nil)
		m, err := publishMonth(t, sink, c.month, c.sessions, publishDays(t, sink, c.days, days))
		if err != nil {
			t.Fatal(err)
		}
		if m.Rows != int64(len(want)) || len(m.Parts) != 1 || m.Parts[0].Rows != m.Rows || m.Parts[0].MinTime != publish.TimeText(want[0].Dated()) ||
			m.Parts[0].MaxTime != publish.TimeText(want[len(want)-1].Dated()) {
			t.Errorf("%+v: %d rows, and the parts are %+v", c, m.Rows, m.Parts)
		}
		var rows []report.Row
		for batch, err := range format.Rows(t.Context(), format.Parquet{}, sink, m, nil) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, batch...)
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%+v: other rows (-want +got):\n%s", c, diff)
		}
		text, _ := read(t, sink, m.Parts[0].Key)
		f, err := parquet.OpenFile(strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		groups := []int64{parquet.CopyRows, 20 + 30, parquet.CopyRows + 1, 900 + 700 + parquet.CopyRows - 1}
		if !slices.Equal(f.Groups(), groups) {
			t.Errorf("%+v: row groups of %v rows, want %v", c, f.Groups(), groups)
		}
		e := parquet.NewExpectation()
		e.Add(want)
		if err := parquet.Audit(strings.NewReader(text), int64(len(text)), c.month, e); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		all := objects(t, sink)
		maps.DeleteFunc(all, func(key, _ string) bool {
			return !strings.HasPrefix(key, newPartition(partition.Month).ID.SummaryDir()) || strings.HasSuffix(key, "/sessions.csv")
		})
		all["part"] = text
		texts = append(texts, all)
	}
	if !maps.Equal(texts[0], texts[1]) {
		t.Error("the profile of the days, or the columns that are read, change a compatible month")
	}
	if !maps.Equal(texts[2], texts[3]) {
		t.Error("the profile of the days changes a compact month")
	}
}

// A part of a day that is not what its manifest says stops the month.
func TestMonthOfDamagedDays(t *testing.T) {
	days := [][]report.Row{rowsOfDay(theDay, 0, parquet.CopyRows), rowsOfDay(theDay+1, 0, 3)}
	for name, damage := range map[string]func([]byte) []byte{
		"a bit":    func(b []byte) []byte { b[len(b)/3] ^= 4; return b },
		"cut":      func(b []byte) []byte { return b[:len(b)-1] },
		"appended": func(b []byte) []byte { return append(b, 0) },
		"nothing":  func([]byte) []byte { return nil },
	} {
		for i := range days {
			sink := store.NewMemory(nil)
			manifests := publishDays(t, sink, parquet.Compatible, days)
			key := manifests[i].Parts[0].Key
			text, _ := read(t, sink, key)
			damaged := damage([]byte(text))
			if _, err := sink.Put(t.Context(), key, bytes.NewReader(damaged), int64(len(damaged)), store.Condition{}); err != nil {
				t.Fatal(err)
			}
			before := len(objects(t, sink))
			_, err := publishMonth(t, sink, parquet.Compatible, false, manifests)
			if err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "delete its manifest to have it made again") {
				t.Errorf("%s of day %d: error %v", name, i, err)
			}
			if len(objects(t, sink)) != before {
				t.Errorf("%s of day %d: something was published", name, i)
			}
		}
	}
}

// flipping is a format whose spliced files are damaged after they were written.
type flipping struct{ format.Parquet }

func (f flipping) Splice(w io.Writer) (format.Splicer, error) {
	s, err := f.Parquet.Splice(w)
	return flippingSplicer{s}, err
}

type flippingSplicer struct{ format.Splicer }

var errFlipped = errors.New("the bytes are others")

func (flippingSplicer) Audit(io.ReaderAt, int64) error { return errFlipped }

// A month whose file cannot be read back is not published.
func TestMonthFailsItsAudit(t *testing.T) {
	sink := store.NewMemory(nil)
	days := publishDays(t, sink, parquet.Compatible, [][]report.Row{rowsOfDay(theDay, 0, 3)})
	o := newPublisher(sink, 1)
	o.Settings.Format = flipping{}
	before := len(objects(t, sink))
	_, _, err := o.PublishPieces(t.Context(), newPartition(partition.Month), stitch.Month(t.Context(), o.Settings, days))
	if !errors.Is(err, errFlipped) || len(objects(t, sink)) != before {
		t.Errorf("error %v", err)
	}
}
