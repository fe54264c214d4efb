package partitions

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/explore"
	"daybook/pipeline/explore/exploretest"
	"daybook/pipeline/words"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// of are measures of sessions with one leg each. Times are seconds.
func of(sessions, picked, median, p90, work, total int64) *explore.Stats {
	s := &explore.Stats{Sessions: sessions, Legs: sessions, PickedUp: picked, NotPickedUp: sessions - picked}
	s.Waiting.N, s.Waiting.Median, s.Waiting.P90 = picked, median*1000, p90*1000
	s.Work.Sum, s.Total.Sum = work*1000, total*1000
	return s
}

func TestHeadline(t *testing.T) {
	now, before := of(1250, 1100, 42, 150, 7200, 10860), of(1000, 900, 50, 160, 8000, 9000)
	want := []Tile{
		{"Sessions", "1,250", "1,250 legs", "+25.0 %", ""},
		{"Waiting", "42 s", "the median; 90 % waited 2 min 30 s at most", "−8 s", better},
		{"Picked up", "88.0 %", "1,100 of 1,250 sessions", "−2.0 points", worse}, // 90 % before
		{"Work", "2 h", "of 3 h 1 min total time", "−10.0 %", ""},
	}
	if diff := cmp.Diff(want, Headline(now, before, words.Printer{})); diff != "" {
		t.Error(diff)
	}
	dutch := []Tile{
		{"Sessies", "1.250", "1.250 deelsessies", "+25,0 %", ""},
		{"Wachttijd", "42 s", "de mediaan; 90 % wachtte hooguit 2 min 30 s", "−8 s", better},
		{"Aangenomen", "88,0 %", "1.100 van 1.250 sessies", "−2,0 procentpunt", worse},
		{"Werktijd", "2 u", "van 3 u 1 min totale tijd", "−10,0 %", ""},
	}
	if diff := cmp.Diff(dutch, Headline(now, before, words.In(report.Dutch))); diff != "" {
		t.Error(diff)
	}
}

// Hand-overs do not dilute the tiles: of three sessions with six legs, two were picked
// up, after 20 s and after 60 s. By legs, four of six were picked up, and the median of
// their waiting is 10 s.
func TestHeadlineCountsSessions(t *testing.T) {
	date := day.Date(2026, time.November, 20)
	nine := date.UTC().Add(9 * time.Hour)
	leg := func(session, number int64, after, waited time.Duration, started bool) report.Row {
		r := report.Blank()
		for _, n := range []*int64{
			&r.ConnectingTime, &r.TotalTime, &r.ActiveTime, &r.WorkTime, &r.HoldTime, &r.TransferTime, &r.RebootingTime,
			&r.ReconnectingTime, &r.OtherTime, &r.CustomerMessages, &r.TechnicianMessages, &r.SystemMessages,
		} {
			*n = 0
		}
		r.SessionID, r.Leg, r.Role, r.Status, r.IsFinal, r.ReportDate = session, number, "lead", "Closed by technician", true, date
		r.BeginTime, r.WaitingTime = nine.Add(after).UnixMilli(), waited.Milliseconds()
		r.EndTime = r.BeginTime + r.WaitingTime
		if started {
			r.TechnicianID, r.StartTime = 7, r.EndTime
			r.WorkTime, r.TotalTime = 60_000, 90_000
			r.EndTime += r.TotalTime
		}
		return r
	}
	rows := []report.Row{
		leg(1, 0, 0, 20*time.Second, true), leg(1, 1, 2*time.Minute, 5*time.Second, true), leg(1, 2, 4*time.Minute, 10*time.Second, true),
		leg(2, 0, 10*time.Minute, 60*time.Second, true), leg(2, 1, 12*time.Minute, 30*time.Second, false),
		leg(3, 0, 20*time.Minute, 40*time.Second, false),
	}
	sink := store.NewMemory(time.Now)
	published, err := exploretest.Publish(t.Context(), sink, date, rows)
	if err != nil {
		t.Fatal(err)
	}
	x := explore.Explorer{Cache: explore.NewCache(0), Sink: sink}
	a, err := x.Ask(t.Context(), &explore.Question{Zone: time.UTC, Days: []explore.Day{published}, Period: explore.Period{From: date, To: date}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Tile{
		{Name: "Sessions", Value: "3", Note: "6 legs"},
		{Name: "Waiting", Value: "20 s", Note: "the median; 90 % waited 1 min at most"}, // the nearest rank of two values
		{Name: "Picked up", Value: "66.7 %", Note: "2 of 3 sessions"},
		{Name: "Work", Value: "4 min", Note: "of 6 min total time"},
	}
	if diff := cmp.Diff(want, Headline(&a.Total, nil, words.Printer{})); diff != "" {
		t.Error(diff)
	}
}

// Without earlier figures, or with earlier ones of nothing, there is no change.
func TestHeadlineWithoutComparison(t *testing.T) {
	for name, before := range map[string]*explore.Stats{"none": nil, "empty": {}} {
		for _, tile := range Headline(of(3, 3, 1, 1, 1, 1), before, words.Printer{}) {
			if tile.Change != "" || tile.Trend != "" {
				t.Errorf("%s: %+v", name, tile)
			}
		}
	}
	for _, tile := range Headline(&explore.Stats{}, of(3, 3, 1, 1, 1, 1), words.Printer{}) {
		if tile.Name == "Waiting" && (tile.Value != "–" || tile.Change != "") {
			t.Errorf("%+v", tile)
		}
	}
}

func TestPerMille(t *testing.T) {
	for _, tt := range []struct{ part, whole, want int64 }{{1, 3, 333}, {2, 3, 667}, {-1, 3, -333}, {-2, 3, -667}, {0, 5, 0}, {5, 5, 1000}} {
		if got := perMille(tt.part, tt.whole); got != tt.want {
			t.Errorf("%d of %d: %d, want %d", tt.part, tt.whole, got, tt.want)
		}
	}
}
