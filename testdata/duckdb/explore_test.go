package duckdb

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/explore"
	"daybook/pipeline/explore/exploretest"
	"daybook/sources/store"
	"daybook/transform/day"
)

// TestExplore asks Explore and DuckDB the same 200 questions over the same files: random
// periods, filters and groupings.
func TestExplore(t *testing.T) {
	const days, sessions, questions, reach = 100, 60, 200, 3
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	from := day.Date(2026, time.February, 10) // the clocks go forward on 29 March
	dir := t.TempDir()
	sink, err := store.NewDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	published, err := exploretest.PublishAll(t.Context(), sink, exploretest.Rows(5, from, days, sessions, zone), from, from+days-1)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	x := &explore.Explorer{Cache: explore.NewCache(0), Sink: sink, Workers: 2, Reach: reach}
	random := rand.New(rand.NewPCG(8, 15))
	// DuckDB opens the 100 files once, and not for each question again.
	const source = "legs"
	execute(t, db, "CREATE TABLE "+source+" AS SELECT * FROM "+read(filepath.Join(dir, "reports/sessions/dt=*/*.parquet")))
	for i := range questions {
		q := &explore.Question{Zone: zone, Target: time.Duration(random.IntN(90)) * time.Second, By: explore.Groupings[i%len(explore.Groupings)]}
		a, b := random.IntN(days), random.IntN(days)
		if i%10 == 0 {
			b = a
		}
		q.Period = explore.Period{From: from + day.Day(min(a, b)), To: from + day.Day(max(a, b))}
		q.Days = published
		where := randomFilter(random, &q.Filter)
		t.Run(fmt.Sprintf("%d %s to %s by %s %s", i, q.Period.From, q.Period.To, q.By, where), func(t *testing.T) {
			compareAnswers(t, db, x, q, source, where)
		})
	}
}

// randomFilter sets a filter, and returns it in SQL.
func randomFilter(r *rand.Rand, f *explore.Filter) string {
	conditions := []string{"true"}
	text := func(column string, all ...string) *string {
		v := all[r.IntN(len(all))]
		conditions = append(conditions, fmt.Sprintf("coalesce(%s, '') = '%s'", column, v))
		return &v
	}
	id := func(column string, all ...int64) *int64 {
		v := all[r.IntN(len(all))]
		conditions = append(conditions, fmt.Sprintf("coalesce(%s, 0) = %d", column, v))
		return &v
	}
	if r.IntN(4) == 0 {
		group := []string{"EMEA", "EMEA/Tier 2", "APAC", ""}[r.IntN(4)]
		f.Group = &group
		conditions = append(conditions, fmt.Sprintf("(coalesce(technician_group, '') = '%[1]s' OR '%[1]s' <> '' AND technician_group LIKE '%[1]s/%%')", group))
	}
	if r.IntN(6) == 0 {
		f.Technician = id("technician_id", 100, 117, 139, 0)
	}
	if r.IntN(5) == 0 {
		f.Channel = id("channel_id", 7, 8, 0)
	}
	if r.IntN(5) == 0 {
		f.Type = text("session_type", "Applet", "Instant Chat", "")
	}
	if r.IntN(5) == 0 {
		f.Status = text("status", "Closed by customer", "Transferred", "Active")
	}
	if r.IntN(3) == 0 {
		yes := r.IntN(2) == 0
		f.PickedUp = &yes
		conditions = append(conditions, fmt.Sprintf("picked_up = %t", yes))
	}
	return strings.Join(conditions, " AND ")
}

// keysOf are the columns that a grouping groups by.
var keysOf = map[explore.Grouping]string{
	explore.ByTechnician: "coalesce(technician_id, 0), ''",
	explore.ByGroup:      "0, coalesce(technician_group, '')",
	explore.ByChannel:    "coalesce(channel_id, 0), coalesce(channel_name, '')",
	explore.ByHour:       "hour(timezone('Europe/Amsterdam', dated)), ''",
	explore.ByStatus:     "0, status",
	explore.ByType:       "0, coalesce(session_type, '')",
	explore.ByDate:       "report_date - DATE '1970-01-01', ''",
}

// sessionsSQL makes the legs that a question selects, each with what its session says: with
// the days around its period (matching), and of the period alone (selected). See the
// package comment of explore.
const sessionsSQL = `CREATE OR REPLACE TABLE matching AS WITH numbered AS (
	SELECT *, coalesce(start_time, begin_time) AS dated, role = 'lead' AND start_time IS NOT NULL AS begun,
		row_number() OVER (PARTITION BY session_id ORDER BY report_date, coalesce(start_time, begin_time), leg) AS n
	FROM %[1]s WHERE report_date BETWEEN DATE '%[2]s' - %[4]d AND DATE '%[3]s' + %[4]d
), firsts AS (
	SELECT session_id, min(n) FILTER (WHERE begun) AS first_begun, min(n) FILTER (WHERE role = 'lead') AS first_lead,
		bool_or(start_time IS NOT NULL) AS picked_up FROM numbered GROUP BY session_id
), told AS (
	SELECT *, first_begun IS NOT NULL AS picked_up_now, n = coalesce(first_begun, first_lead, 1) AS head,
		sum(CASE WHEN role = 'lead' AND (first_begun IS NULL OR n <= first_begun) THEN waiting_time_ms ELSE 0 END) OVER (PARTITION BY session_id)::BIGINT AS waited
	FROM numbered JOIN firsts USING (session_id)
) SELECT * FROM told WHERE %[5]s;
CREATE OR REPLACE TABLE selected AS SELECT * FROM matching WHERE report_date BETWEEN '%[2]s' AND '%[3]s'`

// distribution is that of the values that a condition selects.
func distribution(value, condition string) []string {
	filter := "FILTER (WHERE " + condition + ")"
	return []string{
		fmt.Sprintf("count(%s) %s", value, filter), fmt.Sprintf("coalesce(sum(%s) %s, 0)::BIGINT", value, filter),
		fmt.Sprintf("coalesce(quantile_disc(%s, 0.5) %s, 0)", value, filter), fmt.Sprintf("coalesce(quantile_disc(%s, 0.9) %s, 0)", value, filter),
		fmt.Sprintf("coalesce(quantile_disc(%s, 0.95) %s, 0)", value, filter), fmt.Sprintf("coalesce(max(%s) %s, 0)", value, filter),
	}
}

func exploreMeasures(target time.Duration) []string {
	within := "count(*) FILTER (WHERE head AND picked_up_now AND waited <= " + fmt.Sprint(target.Milliseconds()) + ")"
	if target == 0 {
		within = "0"
	}
	all := []string{
		"count(DISTINCT session_id)", "count(*)", "count(*) FILTER (WHERE status = 'Transferred')",
		"count(*) FILTER (WHERE head AND picked_up_now)", "count(*) FILTER (WHERE head AND NOT picked_up)", within,
		"coalesce(sum(active_time_ms), 0)::BIGINT", "coalesce(sum(hold_time_ms), 0)::BIGINT", "coalesce(sum(transfer_time_ms), 0)::BIGINT",
	}
	return slices.Concat(all,
		distribution("waited", "head AND picked_up_now"), distribution("waited", "head AND NOT picked_up"), distribution("waiting_time_ms", "begun"),
		distribution("total_time_ms", "start_time IS NOT NULL"), distribution("work_time_ms", "start_time IS NOT NULL"),
		distribution("wrap_up_time_ms", "true"), distribution("time_to_first_chat_ms", "true"))
}

// cells are the measures of an answer in the order of [exploreMeasures].
func cells(s *explore.Stats) []string {
	numbers := []int64{s.Sessions, s.Legs, s.Transferred, s.PickedUp, s.NotPickedUp, s.Within, s.Active, s.Hold, s.Transfer}
	for _, d := range []*explore.Distribution{&s.Waiting, &s.Abandoned, &s.LegWaiting, &s.Total, &s.Work, &s.WrapUp, &s.FirstChat} {
		numbers = append(numbers, d.N, d.Sum, d.Median, d.P90, d.P95, d.Longest)
	}
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = fmt.Sprint(n)
	}
	return texts
}

func compareAnswers(t *testing.T, db *sql.DB, x *explore.Explorer, q *explore.Question, source, where string) {
	a, err := x.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, db, fmt.Sprintf(sessionsSQL, source, q.Period.From, q.Period.To, x.Reach, where))
	measures := strings.Join(exploreMeasures(q.Target), ", ")
	if want, got := query(t, db, "SELECT "+measures+" FROM selected")[0], cells(&a.Total); !slices.Equal(want, got) {
		t.Errorf("in all\n%q, want\n%q", got, want)
	}
	want := map[string][]string{}
	for _, row := range query(t, db, "SELECT "+keysOf[q.By]+", "+measures+" FROM selected GROUP BY ALL") {
		want[row[0]+" "+row[1]] = row[2:]
	}
	for i := range a.Lines {
		l := &a.Lines[i]
		key := fmt.Sprintf("%d %s", l.Key.ID, l.Key.Text)
		if q.By == explore.ByTechnician {
			key = fmt.Sprintf("%d ", l.Key.ID)
		}
		if wanted := want[key]; !slices.Equal(wanted, cells(&l.Stats)) && (wanted != nil || l.Stats.Legs > 0) {
			t.Errorf("%s\n%q, want\n%q", key, cells(&l.Stats), wanted)
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("lines are missing: %v", want)
	}
	sessions := int64(0)
	for i := range a.Bins {
		sessions += a.Bins[i].Stats.Heads()
	}
	if sessions != a.Total.Heads() {
		t.Errorf("the bins have %d sessions, of %d", sessions, a.Total.Heads())
	}
	compareLoad(t, db, a, q)
}

// compareLoad compares how many sessions there are at once, and wait at once: at a mark,
// those that have begun and are not over.
func compareLoad(t *testing.T, db *sql.DB, a *explore.Answer, q *explore.Question) {
	from, to := q.Period.From, q.Period.To+1
	want := query(t, db, fmt.Sprintf(`WITH leads AS (
		SELECT begin_time AS arrived, coalesce(start_time, gone) AS served, served - to_milliseconds(waiting_time_ms) AS since, gone FROM (
			SELECT *, coalesce(end_time, CASE WHEN start_time IS NULL THEN begin_time + to_milliseconds(connecting_time_ms + waiting_time_ms)
				ELSE start_time + to_milliseconds(total_time_ms + other_time_ms) END) AS gone FROM matching WHERE role = 'lead')
	), changes AS (
		SELECT arrived AS moment, 1 AS sessions, 0 AS waiting, false AS mark FROM leads WHERE arrived < gone
		UNION ALL SELECT gone, -1, 0, false FROM leads WHERE arrived < gone
		UNION ALL SELECT since, 0, 1, false FROM leads WHERE since < served
		UNION ALL SELECT served, 0, -1, false FROM leads WHERE since < served
		UNION ALL SELECT unnest(generate_series(timezone('Europe/Amsterdam', TIMESTAMP '%s'), timezone('Europe/Amsterdam', TIMESTAMP '%s') - INTERVAL 1 SECOND, INTERVAL 15 MINUTE)), 0, 0, true
	), counted AS (
		SELECT mark, sum(sessions) OVER until AS sessions, sum(waiting) OVER until AS waiting FROM changes WINDOW until AS (ORDER BY moment)
	) SELECT count(*), max(sessions)::BIGINT, sum(sessions)::BIGINT, max(waiting)::BIGINT, sum(waiting)::BIGINT FROM counted WHERE mark`, from, to))[0]
	marks, sessions, waiting := int64(0), int64(0), int64(0)
	for i := range a.Load.Quarters {
		quarter := &a.Load.Quarters[i]
		marks, sessions, waiting = marks+quarter.Marks, sessions+quarter.Sum, waiting+quarter.WaitingSum
	}
	got := []string{fmt.Sprint(marks), fmt.Sprint(a.Load.Peak), fmt.Sprint(sessions), fmt.Sprint(a.Load.Waiting), fmt.Sprint(waiting)}
	if !slices.Equal(want, got) {
		t.Errorf("the load is %q, want %q", got, want)
	}
}
