package partition_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// A session whose events and dumps are as far apart as the look-back reaches has one
// row, with all its events, on the date of its beginning. That holds in every zone,
// and where the date is before the first dumps.
// It has more than 60 lines because it lists the cases, worked out by hand.
func TestReachOfTheLookback(t *testing.T) {
	const lookback, hour = 2, 60 * 60 * 1000
	first := day.Date(2026, time.November, 10) // in UTC, of each session's beginning
	begins := map[int64]int64{}                // of each session, in ms
	dumps := map[day.Day]*strings.Builder{}
	add := func(dumpDay day.Day, session, ts int64, rest string) {
		if dumps[dumpDay] == nil {
			dumps[dumpDay] = new(strings.Builder)
		}
		fmt.Fprintf(dumps[dumpDay], `{"event_id":"%d","ts":"%s","session_id":%d,%s}`+"\n",
			ts, time.UnixMilli(ts).UTC().Format(time.RFC3339), session, rest)
	}
	session := int64(0)
	for begin := range int64(24) {
		for span := range day.Day(lookback + 1) { // from its beginning to its end, in UTC
			for _, end := range []int64{0, 11, 23} {
				last := first + span
				from, to := first.UTC().UnixMilli()+begin*hour, last.UTC().UnixMilli()+end*hour
				if to <= from || to-from > lookback*24*hour {
					continue // a longer silence makes two sessions
				}
				earliest, latest := last-lookback, first+lookback // of its dumps
				for createdIn := earliest; createdIn <= latest; createdIn++ {
					for closedIn := earliest; closedIn <= latest; closedIn++ {
						session++
						begins[session] = from
						add(createdIn, session, from, `"type":"session_created","session_type":"applet"`)
						add(closedIn, session, to, `"type":"status_changed","status":"closed_by_technician"`)
					}
				}
			}
		}
	}
	add(first+10, session+1, (first + 10).UTC().UnixMilli(), `"type":"session_created","session_type":"applet"`) // so that all dates before have come
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	for d, text := range dumps {
		pipelinetest.Put(t, source, pipelinetest.Template.Prefix(d)+"a.ndjson", text.String())
	}

	s := &settings.Pipeline{
		Source: source, Dumps: pipelinetest.Sources, Lookback: lookback, MaxRejected: 0, Sink: sink,
		Budget: parallel.NewBudget(0, 0),
	}
	for _, name := range []string{"UTC", "Pacific/Kiritimati", "Asia/Kolkata", "America/New_York", "Pacific/Pago_Pago"} {
		s.Reports = append(s.Reports, settings.Report{Hash: name, Definition: report.Definition{
			Name: strings.ToLower(strings.ReplaceAll(name, "/", "_")), Zone: pipelinetest.Zone(t, name),
		}})
	}
	pipelinetest.Run(t, s, partition.Everything())
	for i := range s.Reports {
		rep := &s.Reports[i]
		rows := map[int64]int{} // by session
		for d := first - 3; d <= first+10; d++ {
			base, err := publish.Read(t.Context(), sink, partition.DayID(rep.Name, d).Dir())
			if err != nil {
				t.Fatal(err)
			}
			if base.Manifest == nil {
				continue
			}
			for _, row := range pipelinetest.Rows(t, sink, base.Manifest) {
				rows[row.SessionID]++
				if want := day.Of(begins[row.SessionID], rep.Zone); row.SessionID <= session && (d != want || !row.IsFinal || row.Anomalies != "") {
					t.Errorf("%s: session %d is on %s, final %v, %q; want it whole on %s", rep.Name, row.SessionID, d, row.IsFinal, row.Anomalies, want)
				}
			}
		}
		for id := int64(1); id <= session; id++ {
			if rows[id] != 1 {
				t.Errorf("%s: session %d has %d rows", rep.Name, id, rows[id])
			}
		}
		if t.Failed() {
			return // the other zones would fail alike
		}
	}
}
