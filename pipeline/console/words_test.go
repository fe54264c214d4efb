package console

import (
	"html/template"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/service"
	"daybook/sinks/publish"
)

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", -4 * time.Second: "just now", 59 * time.Second: "59 s ago", 61 * time.Second: "1 min ago",
		47 * time.Hour: "47 h ago", 49 * time.Hour: "2 days ago", -3 * time.Hour: "in 3 h", 61 * 24 * time.Hour: "2 months ago", 3 * 366 * 24 * time.Hour: "3 years ago",
	} {
		if got := ago(now.Add(-d), now); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := when(time.Time{}, now); got != "never" {
		t.Errorf("no time: %q", got)
	}
}

func TestNumbersInWords(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{percent(0, 0), "0 %"}, {percent(1, 3), "33.3 %"}, {percent(66, 161_757), "0.041 %"}, {percent(0, 9), "0 %"},
		{minutes(42_999), "42 s"}, {minutes(160_000), "2:40 min"}, {hours(1.5 * hour), "1.5 h"}, {hours(10 * hour), "10 h"},
		{printable([]byte("a\xffb")), "a�b"}, {downloadName("r", "2026-11", "a\"b\n/c.csv"), "r-2026-11-a_b__c.csv"},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
}

// TestTemplatesHaveIntsOfBothSizes: functions of templates take either.
func TestTemplatesHaveIntsOfBothSizes(t *testing.T) {
	page := template.Must(template.New("").Funcs(functions).Parse(
		`{{n .Int}}, {{n .Int64}}; {{plural .Int "row" "rows"}}, {{plural .Int64 "row" "rows"}}; {{bytes .Int64}}`))
	var got strings.Builder
	if err := page.Execute(&got, map[string]any{"Int": 1, "Int64": int64(1200)}); err != nil {
		t.Fatal(err)
	}
	if want := "1, 1,200; 1 row, 1,200 rows; 1.2 kB"; got.String() != want {
		t.Errorf("%s, want %s", &got, want)
	}
}

func TestVerdictIsTheWorstThereIs(t *testing.T) {
	now := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	state := func(s service.PartitionState) service.Partition {
		return service.Partition{ID: idOf(t, "r", "2026-11-20"), State: s}
	}
	late := service.Partition{ID: idOf(t, "r", "2026-11-19"), State: service.Waiting, Late: true, Deadline: now.Add(-time.Hour)}
	for _, tc := range []struct {
		days []service.Partition
		want verdict
	}{
		{nil, verdict{"busy", "Empty", "There are no dumps yet that it could be made of."}},
		{[]service.Partition{state(service.Published), state(service.Empty)}, verdict{"good", "Fresh", "All that is due is published."}},
		{[]service.Partition{state(service.Missing), state(service.Waiting)}, verdict{"good", "Fresh", "All that is due is published; 1 partition of the past was missed."}},
		{[]service.Partition{state(service.Stale), state(service.Building)}, verdict{"busy", "Catching up", "2 partitions are about to be built."}},
		{[]service.Partition{state(service.Stale), state(service.Failed)}, verdict{"bad", "Failing", "1 failed. All else that is due is published."}},
		{[]service.Partition{state(service.SetAside), late}, verdict{"bad", "Late", "2026-11-19 was due by Sat 06:00, 1 h ago. 1 set aside."}},
	} {
		if got := verdictOf(&service.Report{Timezone: "UTC", Days: tc.days}, now); got != tc.want {
			t.Errorf("%+v, want %+v", got, tc.want)
		}
	}
}

func TestDayChartHasSessionsAndRows(t *testing.T) {
	c := dayChart{{Day: "2026-11-19", State: service.Published, Sessions: 8, Rows: 16}, {Day: "2026-11-20", State: service.Failed}}
	picture := string(c.SVG())
	for _, want := range []string{
		`aria-label="Sessions and rows a day, 2026-11-19 to 2026-11-20: 0 to 8 sessions, 0 to 16 rows; 2026-11-20 is failed"`,
		`<rect class="bar" x="7.00%" y="32.0" width="36.00%" height="32.0" rx="1"/><rect class="rows" x="7.00%" y="0.0" width="36.00%" height="2"/></g>`,
		`2026-11-20: failed, 0 sessions, 0 rows`, `>!</text>`,
	} {
		if !strings.Contains(picture, want) {
			t.Errorf("it lacks %s:\n%s", want, picture)
		}
	}
}

func TestScheduleTellsStretches(t *testing.T) {
	missed := func(name, why string) service.Partition {
		return service.Partition{ID: idOf(t, "r", name), State: service.Missing, Reasons: []string{why}}
	}
	groups := openGroups([]service.Partition{missed("2026-01-01", "a"), missed("2026-01-02", "b 2"), missed("2026-01-03", "b 3"), missed("2026-01-05", "b 5")})
	if len(groups) != 1 || len(groups[0].Stretches) != 3 {
		t.Fatalf("%+v", groups)
	}
	if s := groups[0].Stretches[1]; s.First != "2026-01-02" || s.Name() != "2026-01-03" || s.N != 2 || !s.Differ {
		t.Errorf("the second one is %s to %s", s.First, s.Name())
	}
}

func TestLoadStatementsAreOfThePartition(t *testing.T) {
	day := loads("s3://warehouse/daybook/", "sessions", &publish.Manifest{Partition: "2026-11-20"})
	for i, want := range []string{
		"SELECT * FROM read_parquet('s3://warehouse/daybook/reports/sessions/dt=2026-11-20/*.parquet');",
		"DELETE FROM sessions WHERE report_date = '2026-11-20';\nCOPY INTO sessions FROM @stage/reports/sessions/dt=2026-11-20/ PATTERN = '.*[.]parquet'\n  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;",
		"DELETE FROM ds.sessions WHERE report_date = '2026-11-20';\nLOAD DATA INTO ds.sessions FROM FILES (format = 'PARQUET',\n  uris = ['gs://warehouse/daybook/reports/sessions/dt=2026-11-20/*.parquet']);",
	} {
		if day[i].Statement != want {
			t.Errorf("%s:\n%s\nwant\n%s", day[i].Warehouse, day[i].Statement, want)
		}
	}
	month := loads("file:///srv/out/", "sessions", &publish.Manifest{Partition: "2026-02"})
	if want := "SELECT * FROM read_parquet('/srv/out/reports/sessions_monthly/month=2026-02/*.parquet');"; month[0].Statement != want {
		t.Errorf("%s, want %s", month[0].Statement, want)
	}
	if want := "DELETE FROM sessions_monthly WHERE report_date BETWEEN '2026-02-01' AND '2026-02-28';"; month[3].Statement[:len(want)] != want {
		t.Errorf("%s, want %s", month[3].Statement, want)
	}
}
