package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/config"
	"daybook/pipeline/build"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/schedule"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
	"daybook/transform/report"
)

// tick is the interval and the lease time in a world. It is long, as tests last up
// to ten days.
const tick = config.Duration(5 * time.Minute)

// A world is a source, a sink, and a hook that receives events. Its clock is that
// of the synctest bubble, which starts at midnight UTC on 1 January 2000.
type world struct {
	source, sink store.Store
	config       *config.Config
	log          *slog.Logger

	mu      sync.Mutex
	events  []Event
	refuses func(Event) error // error of a delivery; nil: none fails
}

func newWorld() *world {
	c := config.Default()
	c.Source.LookbackDays, c.Source.MaxRejected = 2, 1
	c.Serve.Interval, c.Serve.Lease, c.Serve.RetryPause = tick, tick, 2*tick
	return &world{source: store.NewMemory(nil), sink: store.NewMemory(nil), config: c, log: slog.New(slog.DiscardHandler)}
}

// replica is a running service of a world.
type replica struct {
	*Service
	registry *prometheus.Registry
	kill     context.CancelFunc // the context's end, as a signal's
	ended    chan error
}

// settings is the configuration of a service of the world. The sink may be the
// world's with faults.
func (w *world) settings(t testing.TB, sink store.Store) Config {
	t.Helper()
	template, err := dump.ParseTemplate(w.config.Source.Key)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Pipeline: &settings.Pipeline{
			Source: w.source, Template: template, Lookback: w.config.Source.LookbackDays, MaxRejected: float64(w.config.Source.MaxRejected),
			Sink: sink, Budget: parallel.NewBudget(1, 0),
		},
		Schedules: map[string]*schedule.Schedule{}, Serve: w.config.Serve,
		Hooks: []Hook{{Name: "hook", Deliver: w.receive}},
	}
	for i := range w.config.Reports {
		rep := &w.config.Reports[i]
		zone, err := time.LoadLocation(rep.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		c.Pipeline.Reports = append(c.Pipeline.Reports, settings.Report{Definition: report.Definition{Name: rep.Name, Zone: zone}, Hash: rep.Hash(), Text: rep.Text()})
		c.Schedules[rep.Name] = schedule.New(rep.Schedule, zone)
	}
	return c
}

// start serves until the test ends or the replica is stopped.
func (w *world) start(t *testing.T, name string, sink store.Store) *replica {
	t.Helper()
	return w.startWith(t, name, w.settings(t, sink))
}

func (w *world) startWith(t *testing.T, name string, c Config) *replica {
	t.Helper()
	r := &replica{registry: prometheus.NewRegistry(), ended: make(chan error, 1)}
	var err error
	r.Service, err = New(Options{Config: c, Replica: name, Log: w.log, Registerer: r.registry})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.kill = cancel
	go func() { r.ended <- r.Serve(ctx); close(r.ended) }()
	t.Cleanup(func() { cancel(); <-r.ended })
	return r
}

// stop ends a replica as SIGTERM does, and returns what Serve returned.
func (r *replica) stop() error {
	r.kill()
	return <-r.ended
}

func (w *world) receive(_ context.Context, e *Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuses != nil {
		if err := w.refuses(*e); err != nil {
			return err
		}
	}
	w.events = append(w.events, *e)
	return nil
}

// news are the events received since the last call, sorted.
func (w *world) news() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, e := range w.events {
		lines = append(lines, e.Event+" "+e.Partition)
	}
	w.events = nil
	slices.Sort(lines)
	return lines
}

// dump writes a dump with one session for each id.
func (w *world) dump(t *testing.T, key, date string, ids ...int) {
	t.Helper()
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, `{"event_id":"%[1]d-1","ts":"%[2]sT08:00:00Z","session_id":%[1]d,"type":"session_created","session_type":"applet"}
{"event_id":"%[1]d-2","ts":"%[2]sT08:01:00Z","session_id":%[1]d,"type":"status_changed","status":"active","technician":{"id":11,"name":"Ada Kok"}}
{"event_id":"%[1]d-3","ts":"%[2]sT08:05:00Z","session_id":%[1]d,"type":"status_changed","status":"closed_by_technician"}
`, id, date)
	}
	w.put(t, key, b.String())
}

func (w *world) put(t *testing.T, key, text string) {
	t.Helper()
	if _, err := w.source.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// days writes dumps of n days from 1 January on, with one session each.
func (w *world) days(t *testing.T, n int) {
	for d := 1; d <= n; d++ {
		w.dump(t, fmt.Sprintf("2000/01/%02d/a.ndjson", d), fmt.Sprintf("2000-01-%02d", d), d)
	}
}

// at waits until a moment of January 2000.
func at(t *testing.T, dayAndClock string) {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04:05", "2000-01-"+dayAndClock)
	if err != nil {
		t.Fatal(err)
	}
	if time.Until(moment) < 0 {
		t.Fatalf("it is %s already", time.Now())
	}
	time.Sleep(time.Until(moment))
	synctest.Wait()
}

// manifest is the manifest of a day; nil if it is not published.
func (w *world) manifest(t *testing.T, rep, date string) *publish.Manifest {
	t.Helper()
	base, err := publish.Read(t.Context(), w.sink, "reports/"+rep+"/dt="+date+"/")
	if err != nil {
		t.Fatal(err)
	}
	return base.Manifest
}

// wants compares the states of a report's days, by day of the month.
func (r *replica) wants(t *testing.T, rep string, want map[string]PartitionState) {
	t.Helper()
	for i := range r.State().Reports {
		if s := &r.State().Reports[i]; s.Name == rep {
			got := map[string]PartitionState{}
			for _, p := range s.Days {
				got[p.ID.Name()[len("2000-01-"):]] = p.State
			}
			for name, state := range want {
				if got[name] != state {
					t.Errorf("at %s %s %s is %q, want %q", time.Now().Format(time.DateTime), rep, name, got[name], state)
				}
			}
		}
	}
}

// TestMain writes a first file outside of any synctest bubble, as all later files
// share the channels that it makes.
func TestMain(m *testing.M) {
	w := newWorld()
	const key, line = "2000/01/01/a.ndjson", `{"event_id":"1","ts":"2000-01-01T08:00:00Z","session_id":1,"type":"session_created","session_type":"applet"}`
	template, err := dump.ParseTemplate(w.config.Source.Key)
	if err == nil {
		_, err = w.source.Put(context.Background(), key, strings.NewReader(line), int64(len(line)), store.Condition{})
	}
	if err == nil {
		r := &settings.Pipeline{Source: w.source, Sink: w.sink, Template: template, Lookback: 1, Budget: parallel.NewBudget(0, 0), Reports: []settings.Report{{Definition: report.Definition{Name: "first", Zone: time.UTC}}}}
		var result *build.Result
		if result, err = (&build.Builder{Settings: r}).Run(context.Background(), partition.Everything(), build.OnlyDue); err == nil {
			err = result.Err()
		}
	}
	if err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func sameNews(t *testing.T, w *world, want ...string) {
	t.Helper()
	if got := w.news(); !slices.Equal(got, want) {
		t.Errorf("at %s the events are %q, want %q", time.Now().Format(time.DateTime), got, want)
	}
}

func TestPublishedAtEachDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		amsterdam := config.DefaultReport()
		amsterdam.Name, amsterdam.Timezone = "local", "Europe/Amsterdam"
		w.config.Reports = append(w.config.Reports, amsterdam)
		w.dump(t, "2000/01/01/a.ndjson", "2000-01-01", 1)
		r := w.start(t, "a", w.sink)
		at(t, "01 12:00:00")
		w.dump(t, "2000/01/01/b.ndjson", "2000-01-01", 2)
		at(t, "02 00:30:00")
		w.dump(t, "2000/01/02/a.ndjson", "2000-01-02", 3)

		at(t, "02 00:59:59") // 01:59:59 in Amsterdam
		r.wants(t, "sessions", map[string]PartitionState{"01": Waiting, "02": Waiting})
		r.wants(t, "local", map[string]PartitionState{"01": Waiting, "02": Waiting})
		at(t, "02 01:05:59")
		r.wants(t, "local", map[string]PartitionState{"01": Published, "02": Waiting})
		r.wants(t, "sessions", map[string]PartitionState{"01": Waiting, "02": Waiting})
		at(t, "02 02:05:59")
		r.wants(t, "sessions", map[string]PartitionState{"01": Published, "02": Waiting})

		// A late dump restates the days that it changes, and no others.
		at(t, "02 15:00:00")
		w.dump(t, "2000/01/02/late.ndjson", "2000-01-01", 4)
		at(t, "02 15:05:59")
		r.wants(t, "sessions", map[string]PartitionState{"01": Restated, "02": Waiting})
		sameNews(t, w, "restated 2000-01-01", "restated 2000-01-01") // one of each report
		for _, rep := range []string{"sessions", "local"} {
			if m := w.manifest(t, rep, "2000-01-01"); m.Revision != 2 || m.Rows != 3 {
				t.Errorf("%s is revision %d of %d rows", rep, m.Revision, m.Rows)
			}
		}

		at(t, "04 12:00:00")
		r.wants(t, "sessions", map[string]PartitionState{"01": Restated, "02": Published, "03": Waiting})
		runs := sameBuilds(t, r, map[string]int{"sessions 2000-01-01": 2, "local 2000-01-01": 2, "sessions 2000-01-02": 1, "local 2000-01-02": 1})
		if one, err := r.Run(t.Context(), runs[0].ID); err != nil || one.ID != runs[0].ID {
			t.Errorf("the newest run: %+v (%v)", one, err)
		}
		if health := r.Health(); !health.Ready {
			t.Errorf("not ready: %q", health.Reasons)
		}
	})
}

// sameBuilds compares how often each day was built, according to the records of
// scheduled runs, and returns the records.
func sameBuilds(t *testing.T, r *replica, want map[string]int) []Run {
	t.Helper()
	runs, err := r.Runs(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]int{}
	for _, run := range runs {
		if run.Outcome != "done" || run.Replica != "a" || run.Trigger != "schedule" || run.Error != "" {
			t.Errorf("%+v", run)
		}
		for _, s := range run.Steps {
			if s.ID.Kind == partition.Day {
				built[s.ID.Report+" "+s.ID.Name()]++
			}
		}
	}
	for name, n := range want {
		if built[name] != n {
			t.Errorf("%s was built %d times, want %d", name, built[name], n)
		}
	}
	return runs
}

func TestMonthIsPublishedWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 31)
		at(t, "30 12:00:00")
		r := w.start(t, "a", w.sink)
		month := func() Partition { return r.State().Reports[0].Months[0] }
		at(t, "31 23:00:00")
		r.wants(t, "sessions", map[string]PartitionState{"01": Published, "30": Published, "31": Waiting})
		time.Sleep(5*time.Hour - time.Second) // 04:00 on 1 February, when the month drops
		synctest.Wait()
		r.wants(t, "sessions", map[string]PartitionState{"31": Published})
		if p := month(); p.State != Waiting || p.Revision != 0 {
			t.Errorf("before its drop the month is %+v", p)
		}
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if p := month(); p.State != Published || p.Rows != 31 {
			t.Errorf("after its drop the month is %+v", p)
		}
	})
}

// A month that starts before the first dumps is never late. It is built when a
// user asks for it.
func TestIncompleteMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		for d := 15; d <= 31; d++ {
			w.dump(t, fmt.Sprintf("2000/01/%02d/a.ndjson", d), fmt.Sprintf("2000-01-%02d", d), d)
		}
		w.dump(t, "2000/02/01/a.ndjson", "2000-02-01", 32)
		at(t, "30 12:00:00")
		r := w.start(t, "a", w.sink)
		at(t, "31 23:00:00")
		w.news()                   // its days were late
		time.Sleep(24 * time.Hour) // its deadline is at 16:00 on 1 February
		synctest.Wait()
		rep := r.State().Reports[0]
		want := []string{
			"cannot be complete: 14 of its days are before the first dumps",
			"daybook run --month 2000-01 publishes these days as empty, and then the month",
			"14 of its 31 days are not published",
		}
		if p := rep.Months[0]; p.State != Waiting || p.Late || !slices.Equal(p.Reasons, want) {
			t.Errorf("the month is %+v", p)
		}
		if rep.NextMonth.Partition != "2000-02" {
			t.Errorf("the next month is %+v", rep.NextMonth)
		}
		sameNews(t, w)
		if err := r.Act(t.Context(), Action{Verb: VerbRun, From: "2000-01"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if p := r.State().Reports[0].Months[0]; p.State != Published || p.Rows != 17 {
			t.Errorf("when it was asked for, the month is %+v", p)
		}
	})
}

// A due day without dumps is late until it is published. The alert is sent once,
// also if another replica takes over.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 2)
		r := w.start(t, "a", w.sink)
		at(t, "04 05:59:00") // the deadline of the 3rd is 06:00
		sameNews(t, w)
		at(t, "04 06:06:00")
		sameNews(t, w, "late 2000-01-03")
		if alerts := r.State().Alerts; len(alerts) != 1 || alerts[0].Kind != alertLate || alerts[0].Partition != "2000-01-03" {
			t.Errorf("open alerts: %+v", alerts)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		r = w.start(t, "b", w.sink)
		at(t, "04 09:00:00")
		sameNews(t, w)
		w.dump(t, "2000/01/04/a.ndjson", "2000-01-04", 4) // of the next day, so the 3rd is published as empty
		at(t, "04 09:11:00")
		sameNews(t, w, "recovered 2000-01-03")
		r.wants(t, "sessions", map[string]PartitionState{"03": Empty, "04": Waiting})
		if alerts := r.State().Alerts; len(alerts) != 0 {
			t.Errorf("open alerts: %+v", alerts)
		}
	})
}

const broken = "\x1f\x8bno gzip"

func TestRepeatedFailuresAreSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.config.Serve.Attempts = 3
		w.config.Source.LookbackDays = 1 // three days after a dump day, no session needs it
		w.days(t, 8)
		w.put(t, "2000/01/03/b.ndjson.gz", broken)
		r := w.start(t, "a", w.sink)
		// At the drop of the 1st the digest of the 3rd is needed, though the 1st is
		// published without it.
		at(t, "02 02:06:00")
		sameNews(t, w, "failed 2000-01-03")
		at(t, "02 12:00:00")
		sameNews(t, w, "failed 2000-01-03") // it is set aside
		at(t, "09 12:00:00")
		sameNews(t, w, "late 2000-01-02", "late 2000-01-03", "late 2000-01-04", "late 2000-01-05", "late 2000-01-06")
		r.wants(t, "sessions", map[string]PartitionState{
			"01": Published, "02": Waiting, "03": Waiting, "04": Waiting, "05": Waiting, "06": Waiting, // these need the digest
			"07": Published, "08": Published, // these do not
		})
		checkPauses(t, attemptsAt(t, r, partition.Digest, "2000-01-03"), 10*time.Minute, 20*time.Minute)
		var digest Partition
		for _, p := range r.State().Digests {
			if p.ID.Name() == "2000-01-03" {
				digest = p
			}
		}
		if digest.State != SetAside || digest.Attempts != 3 || !strings.Contains(digest.Failure, "b.ndjson.gz") {
			t.Errorf("the digest is %+v", digest)
		}

		// Another replica does not try it either.
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		r = w.start(t, "b", w.sink)
		at(t, "09 18:00:00")
		sameNews(t, w)
		if n := len(attemptsAt(t, r, partition.Digest, "2000-01-03")); n != 3 {
			t.Errorf("it was tried %d times", n)
		}

		// It is tried as soon as its inputs change.
		w.put(t, "2000/01/03/b.ndjson.gz", broken+"!")
		at(t, "09 18:06:00")
		if n := len(attemptsAt(t, r, partition.Digest, "2000-01-03")); n != 4 {
			t.Errorf("with other inputs it was tried %d times", n)
		}
		if err := w.source.Delete(t.Context(), "2000/01/03/b.ndjson.gz"); err != nil {
			t.Fatal(err)
		}
		at(t, "09 18:30:00")
		r.wants(t, "sessions", map[string]PartitionState{"02": Published, "03": Published, "04": Published, "05": Published, "06": Published})
		sameNews(t, w, "failed 2000-01-03", "recovered 2000-01-02", "recovered 2000-01-03", "recovered 2000-01-03", "recovered 2000-01-04", "recovered 2000-01-05", "recovered 2000-01-06")
	})
}

// checkPauses compares the pauses between attempts.
func checkPauses(t *testing.T, attempts []time.Time, want ...time.Duration) {
	t.Helper()
	if len(attempts) != len(want)+1 {
		t.Fatalf("it was tried at %v", attempts)
	}
	for i, want := range want {
		// A tick is skipped if the previous job is still running.
		if pause := attempts[i+1].Sub(attempts[i]); pause != want && pause != want+time.Duration(tick) {
			t.Errorf("pause %d was %s, want %s", i+1, pause, want)
		}
	}
}

// attemptsAt is when a step was tried, according to the run records.
func attemptsAt(t *testing.T, r *replica, kind partition.Kind, name string) []time.Time {
	t.Helper()
	runs, err := r.Runs(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	var times []time.Time
	for _, run := range slices.Backward(runs) {
		for _, s := range run.Steps {
			if s.ID.Kind == kind && s.ID.Name() == name {
				times = append(times, run.Begun)
			}
		}
	}
	return times
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.config.Serve.Attempts = 1
		w.days(t, 3)
		w.put(t, "2000/01/02/b.ndjson.gz", broken)
		r := w.start(t, "a", w.sink)
		at(t, "03 12:00:00")
		if n := len(attemptsAt(t, r, partition.Digest, "2000-01-02")); n != 1 {
			t.Fatalf("it was tried %d times", n)
		}
		if err := r.Act(t.Context(), Action{Verb: "retry", Report: "sessions", From: "2000-01-02"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Second) // the scheduler may take a moment
		synctest.Wait()
		if n := len(attemptsAt(t, r, partition.Digest, "2000-01-02")); n != 2 {
			t.Errorf("retried, it was tried %d times", n)
		}
	})
}

// Days that fell due while no replica was running are published as catch_up says.
// They are late, whether they are caught up or not, until they are published.
func TestCatchUp(t *testing.T) {
	for policy, c := range map[string]struct {
		want      map[string]PartitionState
		recovered int // the last of the eight days
		verdict   string
	}{
		"all": {map[string]PartitionState{"01": Published, "05": Published, "09": Published}, 8, "fresh: All that is due is published."},
		"latest": {map[string]PartitionState{"01": Published, "05": Missing, "08": Missing, "09": Published}, 1,
			"late: 7 days (2000-01-02 to 2000-01-08) are late; the first one: missed: no replica was running when it fell due at 02:00 on 3 January (UTC); " +
				"catch_up is latest and a later one was missed, too, so only daybook backfill publishes it before its month is due. " +
				"To do: daybook backfill --from 2000-01-02 --to 2000-01-08 --report sessions"},
		"none": {map[string]PartitionState{"01": Published, "05": Missing, "09": Missing}, 0,
			"late: 8 days (2000-01-02 to 2000-01-09) are late; the first one: missed: no replica was running when it fell due at 02:00 on 3 January (UTC); " +
				"catch_up is none, so only daybook backfill publishes it before its month is due. To do: daybook backfill --from 2000-01-02 --to 2000-01-09 --report sessions"},
	} {
		t.Run(policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.config.Reports[0].Schedule.CatchUp = policy
				w.days(t, 11)
				r := w.start(t, "a", w.sink)
				at(t, "02 12:00:00")
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				at(t, "10 12:00:00")
				r = w.start(t, "a", w.sink)
				at(t, "10 12:06:00")
				r.wants(t, "sessions", c.want)
				var news []string
				for d := 2; d <= 9; d++ {
					news = append(news, fmt.Sprintf("late 2000-01-%02d", d))
				}
				for d := 10 - c.recovered; d <= 9; d++ {
					news = append(news, fmt.Sprintf("recovered 2000-01-%02d", d))
				}
				sameNews(t, w, news...)
				lag := 0.0
				if c.recovered < 8 { // since the drop of the 2nd
					lag = (7*24*time.Hour + 10*time.Hour + 6*time.Minute).Seconds()
				}
				if got := r.gauge(t, "daybook_lag_seconds", "sessions", "day"); got != lag {
					t.Errorf("the lag is %g s, want %g s", got, lag)
				}
				if v := r.State().Reports[0].Verdict.String(); v != c.verdict {
					t.Errorf("%s\nwant %s", v, c.verdict)
				}
				at(t, "11 12:00:00")
				r.wants(t, "sessions", map[string]PartitionState{"10": Published, "11": Waiting})
			})
		})
	}
}

// gauge is the value of a metric whose labels have these values, in order of their
// names.
func (r *replica) gauge(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(labels)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			slices.Sort(values)
			if f.GetName() == name && slices.Equal(values, labels) {
				return m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s of %q", name, labels)
	return 0
}

// A short gap is not a break: days that fall due in it are published whatever
// catch_up says.
func TestShortGapIsNoBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.config.Reports[0].Schedule.CatchUp = "none"
		w.days(t, 3)
		r := w.start(t, "a", w.sink)
		at(t, "02 01:57:00")
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		at(t, "02 02:06:00") // less than two lease times later
		r = w.start(t, "b", w.sink)
		at(t, "02 02:12:00")
		r.wants(t, "sessions", map[string]PartitionState{"01": Published})
	})
}

// One of two replicas works. When it loses the store, the other takes over.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 4)
		cut := make(chan struct{})
		a := w.start(t, "a", faultstest.New(w.sink, func(faultstest.Call) faultstest.Outcome {
			select {
			case <-cut:
				return faultstest.Outcome{Fault: faultstest.Stall}
			default:
				return faultstest.Outcome{}
			}
		}))
		at(t, "01 00:00:30")
		b := w.start(t, "b", w.sink)
		at(t, "02 12:00:00")
		if s := b.State().Lease; s.Holder != "a" || s.Mine {
			t.Errorf("b sees the lease %+v", s)
		}
		a.wants(t, "sessions", map[string]PartitionState{"01": Published, "02": Waiting})
		b.wants(t, "sessions", map[string]PartitionState{"01": Published, "02": Waiting})
		at(t, "03 01:59:50")
		close(cut)
		at(t, "03 02:09:50") // two lease times later
		if s := b.State().Lease; s.Holder != "b" || !s.Mine || s.Generation != 2 {
			t.Errorf("after two lease times b sees the lease %+v", s)
		}
		at(t, "03 02:11:00")
		b.wants(t, "sessions", map[string]PartitionState{"01": Published, "02": Published, "03": Waiting})
		if m := w.manifest(t, "sessions", "2000-01-02"); m.Revision != 1 {
			t.Errorf("it is revision %d", m.Revision)
		}
		if health := a.Health(); health.Ready {
			t.Error("a replica that is cut off is ready")
		}
		if health := b.Health(); !health.Ready {
			t.Errorf("b is not ready: %q", health.Reasons)
		}
	})
}

// slow is a store that takes long to write the first Parquet file.
func slow(inner store.Store, long time.Duration, begun chan<- struct{}) store.Store {
	var once sync.Once
	return faultstest.New(inner, func(c faultstest.Call) (o faultstest.Outcome) {
		if c.Op == faultstest.Put && strings.Contains(c.Key, "/part-") {
			once.Do(func() {
				o.Delay = long
				close(begun)
			})
		}
		return o
	})
}

func TestStopWaitsForRunningStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 6)
		at(t, "05 12:00:00") // four days to catch up
		begun := make(chan struct{})
		r := w.start(t, "a", slow(w.sink, 2*time.Minute, begun))
		<-begun
		stopped := time.Now()
		if err := r.stop(); err != nil {
			t.Errorf("stopped: %v", err)
		}
		if took := time.Since(stopped); took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("it stopped after %s", took)
		}
		if m := w.manifest(t, "sessions", "2000-01-01"); m == nil {
			t.Error("what was running was not finished")
		}
		if m := w.manifest(t, "sessions", "2000-01-02"); m != nil {
			t.Error("another step was begun")
		}
		r = w.start(t, "b", w.sink)
		at(t, "05 12:10:00")
		r.wants(t, "sessions", map[string]PartitionState{"01": Published, "02": Published, "03": Published, "04": Published})
		if r.State().Lease.Generation != 2 {
			t.Errorf("the lease was not let go: %+v", r.State().Lease)
		}
		runs, err := r.Runs(t.Context(), 10)
		if err != nil || len(runs) < 2 || runs[len(runs)-1].Outcome != "interrupted" {
			t.Errorf("runs: %+v (%v)", runs, err)
		}
	})
}

func TestStopAbandonsSlowStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.days(t, 6)
		at(t, "05 12:00:00")
		begun := make(chan struct{})
		r := w.start(t, "a", slow(w.sink, time.Hour, begun))
		<-begun
		stopped := time.Now()
		if err := r.stop(); !errors.Is(err, ErrAbandoned) {
			t.Errorf("stopped: %v", err)
		}
		if took := time.Since(stopped); took > time.Duration(w.config.Serve.StopTimeout)+time.Minute {
			t.Errorf("it stopped after %s", took)
		}
		r = w.start(t, "b", w.sink)
		at(t, "05 12:30:00")
		r.wants(t, "sessions", map[string]PartitionState{"01": Published, "02": Published, "03": Published, "04": Published})
		for _, e := range w.news() { // an interruption is not a failure
			if strings.HasPrefix(e, eventFailed) {
				t.Error(e)
			}
		}
	})
}

// A reload does not change the run under way, even if the new configuration lacks
// one of its reports.
func TestReloadDuringARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		other := w.config.Reports[0]
		other.Name = "other"
		w.config.Reports = append(w.config.Reports, other)
		w.days(t, 4)
		at(t, "05 12:00:00")
		var once sync.Once
		begun := make(chan struct{})
		sink := faultstest.New(w.sink, func(c faultstest.Call) (o faultstest.Outcome) {
			if c.Op == faultstest.Put && strings.HasPrefix(c.Key, "state/digests/") {
				once.Do(func() {
					o.Delay = time.Hour // the run's days come later
					close(begun)
				})
			}
			return o
		})
		r := w.start(t, "a", sink)
		<-begun
		w.config.Reports = w.config.Reports[:1]
		if err := r.Reload(w.settings(t, sink)); err != nil {
			t.Fatal(err)
		}
		at(t, "05 13:30:00")
		for _, rep := range []string{"sessions", "other"} {
			if m := w.manifest(t, rep, "2000-01-04"); m == nil {
				t.Errorf("%s is not published", rep)
			}
		}
		runs, err := r.Runs(t.Context(), 10)
		if err != nil || len(runs) != 1 || runs[0].Outcome != "done" {
			t.Errorf("runs: %+v (%v)", runs, err)
		}
	})
}
