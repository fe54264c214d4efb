package service_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/servicetest"
	"daybook/pipeline/service/states"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

func TestPublishedAtEachDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		amsterdam := config.DefaultReport()
		amsterdam.Name, amsterdam.Timezone = "local", "Europe/Amsterdam"
		w.Config.Reports = append(w.Config.Reports, amsterdam)
		w.Dump(t, "2000/01/01/a.ndjson", "2000-01-01", 1)
		r := w.Start(t, "a", w.Sink)
		servicetest.At(t, "01 12:00:00")
		w.Dump(t, "2000/01/01/b.ndjson", "2000-01-01", 2)
		servicetest.At(t, "02 00:30:00")
		w.Dump(t, "2000/01/02/a.ndjson", "2000-01-02", 3)

		servicetest.At(t, "02 00:59:59") // 01:59:59 in Amsterdam
		r.Wants(t, "sessions", map[string]states.State{"01": states.Waiting, "02": states.Waiting})
		r.Wants(t, "local", map[string]states.State{"01": states.Waiting, "02": states.Waiting})
		servicetest.At(t, "02 01:05:59")
		r.Wants(t, "local", map[string]states.State{"01": states.Published, "02": states.Waiting})
		r.Wants(t, "sessions", map[string]states.State{"01": states.Waiting, "02": states.Waiting})
		servicetest.At(t, "02 02:05:59")
		r.Wants(t, "sessions", map[string]states.State{"01": states.Published, "02": states.Waiting})

		// A late dump restates the days that it changes, and no others.
		servicetest.At(t, "02 15:00:00")
		w.Dump(t, "2000/01/02/late.ndjson", "2000-01-01", 4)
		servicetest.At(t, "02 15:05:59")
		r.Wants(t, "sessions", map[string]states.State{"01": states.Restated, "02": states.Waiting})
		w.SameNews(t, "restated 2000-01-01", "restated 2000-01-01") // one of each report
		for _, rep := range []string{"sessions", "local"} {
			if m := w.Manifest(t, rep, "2000-01-01"); m.Revision != 2 || m.Rows != 3 {
				t.Errorf("%s is revision %d of %d rows", rep, m.Revision, m.Rows)
			}
		}

		servicetest.At(t, "04 12:00:00")
		r.Wants(t, "sessions", map[string]states.State{"01": states.Restated, "02": states.Published, "03": states.Waiting})
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
func sameBuilds(t *testing.T, r *servicetest.Replica, want map[string]int) []runs.Record {
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
		w := servicetest.New()
		w.Days(t, 31)
		servicetest.At(t, "30 12:00:00")
		r := w.Start(t, "a", w.Sink)
		month := func() states.Partition { return r.Snapshot().Reports[0].Months[0] }
		servicetest.At(t, "31 23:00:00")
		r.Wants(t, "sessions", map[string]states.State{"01": states.Published, "30": states.Published, "31": states.Waiting})
		time.Sleep(5*time.Hour - time.Second) // 04:00 on 1 February, when the month drops
		synctest.Wait()
		r.Wants(t, "sessions", map[string]states.State{"31": states.Published})
		if p := month(); p.State != states.Waiting || p.Revision != 0 {
			t.Errorf("before its drop the month is %+v", p)
		}
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if p := month(); p.State != states.Published || p.Rows != 31 {
			t.Errorf("after its drop the month is %+v", p)
		}
	})
}

// A month that starts before the first dumps is never late. It is built when a
// user asks for it.
func TestIncompleteMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		for d := 15; d <= 31; d++ {
			w.Dump(t, fmt.Sprintf("2000/01/%02d/a.ndjson", d), fmt.Sprintf("2000-01-%02d", d), d)
		}
		w.Dump(t, "2000/02/01/a.ndjson", "2000-02-01", 32)
		servicetest.At(t, "30 12:00:00")
		r := w.Start(t, "a", w.Sink)
		servicetest.At(t, "31 23:00:00")
		w.News()                   // its days were late
		time.Sleep(24 * time.Hour) // its deadline is at 16:00 on 1 February
		synctest.Wait()
		rep := r.Snapshot().Reports[0]
		want := []string{
			"cannot be complete: 14 of its days are before the first dumps",
			"daybook run --month 2000-01 publishes these days as empty, and then the month",
			"14 of its 31 days are not published",
		}
		if p := rep.Months[0]; p.State != states.Waiting || p.Late || !slices.Equal(p.Reasons, want) {
			t.Errorf("the month is %+v", p)
		}
		if rep.NextMonth.Partition != "2000-02" {
			t.Errorf("the next month is %+v", rep.NextMonth)
		}
		w.SameNews(t)
		if err := r.Act(t.Context(), actions.Action{Verb: actions.Run, From: "2000-01"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if p := r.Snapshot().Reports[0].Months[0]; p.State != states.Published || p.Rows != 17 {
			t.Errorf("when it was asked for, the month is %+v", p)
		}
	})
}

// A due day without dumps is late until it is published. The alert is sent once,
// also if another replica takes over.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		r := w.Start(t, "a", w.Sink)
		servicetest.At(t, "04 05:59:00") // the deadline of the 3rd is 06:00
		w.SameNews(t)
		servicetest.At(t, "04 06:06:00")
		w.SameNews(t, "late 2000-01-03")
		if alerts := r.Snapshot().Alerts; len(alerts) != 1 || alerts[0].Kind != states.AlertLate || alerts[0].Partition != "2000-01-03" {
			t.Errorf("open alerts: %+v", alerts)
		}
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		r = w.Start(t, "b", w.Sink)
		servicetest.At(t, "04 09:00:00")
		w.SameNews(t)
		w.Dump(t, "2000/01/04/a.ndjson", "2000-01-04", 4) // of the next day, so the 3rd is published as empty
		servicetest.At(t, "04 09:11:00")
		w.SameNews(t, "recovered 2000-01-03")
		r.Wants(t, "sessions", map[string]states.State{"03": states.Empty, "04": states.Waiting})
		if alerts := r.Snapshot().Alerts; len(alerts) != 0 {
			t.Errorf("open alerts: %+v", alerts)
		}
	})
}

func TestRepeatedFailuresAreSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Config.Serve.Attempts = 3
		w.Config.Source.LookbackDays = 1 // three days after a dump day, no session needs it
		w.Days(t, 8)
		w.Put(t, "2000/01/03/b.ndjson.gz", servicetest.Broken)
		r := w.Start(t, "a", w.Sink)
		// At the drop of the 1st the digest of the 3rd is needed, though the 1st is
		// published without it.
		servicetest.At(t, "02 02:06:00")
		w.SameNews(t, "failed 2000-01-03")
		servicetest.At(t, "02 12:00:00")
		w.SameNews(t, "failed 2000-01-03") // it is set aside
		servicetest.At(t, "09 12:00:00")
		w.SameNews(t, "late 2000-01-02", "late 2000-01-03", "late 2000-01-04", "late 2000-01-05", "late 2000-01-06")
		r.Wants(t, "sessions", map[string]states.State{
			"01": states.Published, "02": states.Waiting, "03": states.Waiting, "04": states.Waiting, "05": states.Waiting, "06": states.Waiting, // these need the digest
			"07": states.Published, "08": states.Published, // these do not
		})
		checkPauses(t, attemptsAt(t, r, partition.Digest, "2000-01-03"), 10*time.Minute, 20*time.Minute)
		var digest states.Partition
		for _, p := range r.Snapshot().Digests {
			if p.ID.Name() == "2000-01-03" {
				digest = p
			}
		}
		if digest.State != states.SetAside || digest.Attempts != 3 || !strings.Contains(digest.Failure, "b.ndjson.gz") {
			t.Errorf("the digest is %+v", digest)
		}

		// Another replica does not try it either.
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		r = w.Start(t, "b", w.Sink)
		servicetest.At(t, "09 18:00:00")
		w.SameNews(t)
		if n := len(attemptsAt(t, r, partition.Digest, "2000-01-03")); n != 3 {
			t.Errorf("it was tried %d times", n)
		}

		// It is tried as soon as its inputs change.
		w.Put(t, "2000/01/03/b.ndjson.gz", servicetest.Broken+"!")
		servicetest.At(t, "09 18:06:00")
		if n := len(attemptsAt(t, r, partition.Digest, "2000-01-03")); n != 4 {
			t.Errorf("with other inputs it was tried %d times", n)
		}
		if err := w.Source.Delete(t.Context(), "2000/01/03/b.ndjson.gz"); err != nil {
			t.Fatal(err)
		}
		servicetest.At(t, "09 18:30:00")
		r.Wants(t, "sessions", map[string]states.State{"02": states.Published, "03": states.Published, "04": states.Published, "05": states.Published, "06": states.Published})
		w.SameNews(t, "failed 2000-01-03", "recovered 2000-01-02", "recovered 2000-01-03", "recovered 2000-01-03", "recovered 2000-01-04", "recovered 2000-01-05", "recovered 2000-01-06")
	})
}

// checkPauses compares the pauses between attempts.
func checkPauses(t *testing.T, attempts []time.Time, want ...time.Duration) {
	t.Helper()
	if len(attempts) != len(want)+1 {
		t.Fatalf("it was tried at %v", attempts)
	}
	for i, want := range want {
		// A servicetest.Tick is skipped if the previous job is still running.
		if pause := attempts[i+1].Sub(attempts[i]); pause != want && pause != want+time.Duration(servicetest.Tick) {
			t.Errorf("pause %d was %s, want %s", i+1, pause, want)
		}
	}
}

// attemptsAt is when a step was tried, according to the run records.
func attemptsAt(t *testing.T, r *servicetest.Replica, kind partition.Kind, name string) []time.Time {
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
		w := servicetest.New()
		w.Config.Serve.Attempts = 1
		w.Days(t, 3)
		w.Put(t, "2000/01/02/b.ndjson.gz", servicetest.Broken)
		r := w.Start(t, "a", w.Sink)
		servicetest.At(t, "03 12:00:00")
		if n := len(attemptsAt(t, r, partition.Digest, "2000-01-02")); n != 1 {
			t.Fatalf("it was tried %d times", n)
		}
		if err := r.Act(t.Context(), actions.Action{Verb: "retry", Report: "sessions", From: "2000-01-02"}); err != nil {
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
		want      map[string]states.State
		recovered int // the last of the eight days
		verdict   string
	}{
		"all": {map[string]states.State{"01": states.Published, "05": states.Published, "09": states.Published}, 8, "fresh: All that is due is published."},
		"latest": {map[string]states.State{"01": states.Published, "05": states.Missing, "08": states.Missing, "09": states.Published}, 1,
			"late: 7 days (2000-01-02 to 2000-01-08) are late; the first one: missed: no replica was running when it fell due at 02:00 on 3 January (UTC); " +
				"catch_up is latest and a later one was missed, too, so only daybook backfill publishes it before its month is due. " +
				"To do: daybook backfill --from 2000-01-02 --to 2000-01-08 --report sessions"},
		"none": {map[string]states.State{"01": states.Published, "05": states.Missing, "09": states.Missing}, 0,
			"late: 8 days (2000-01-02 to 2000-01-09) are late; the first one: missed: no replica was running when it fell due at 02:00 on 3 January (UTC); " +
				"catch_up is none, so only daybook backfill publishes it before its month is due. To do: daybook backfill --from 2000-01-02 --to 2000-01-09 --report sessions"},
	} {
		t.Run(policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := servicetest.New()
				w.Config.Reports[0].Schedule.CatchUp = policy
				w.Days(t, 11)
				r := w.Start(t, "a", w.Sink)
				servicetest.At(t, "02 12:00:00")
				if err := r.Stop(); err != nil {
					t.Fatal(err)
				}
				servicetest.At(t, "10 12:00:00")
				r = w.Start(t, "a", w.Sink)
				servicetest.At(t, "10 12:06:00")
				r.Wants(t, "sessions", c.want)
				var news []string
				for d := 2; d <= 9; d++ {
					news = append(news, fmt.Sprintf("late 2000-01-%02d", d))
				}
				for d := 10 - c.recovered; d <= 9; d++ {
					news = append(news, fmt.Sprintf("recovered 2000-01-%02d", d))
				}
				w.SameNews(t, news...)
				lag := 0.0
				if c.recovered < 8 { // since the drop of the 2nd
					lag = (7*24*time.Hour + 10*time.Hour + 6*time.Minute).Seconds()
				}
				if got := r.Metric(t, "daybook_lag_seconds", "sessions", "day"); got != lag {
					t.Errorf("the lag is %g s, want %g s", got, lag)
				}
				if v := r.Snapshot().Reports[0].Verdict.String(); v != c.verdict {
					t.Errorf("%s\nwant %s", v, c.verdict)
				}
				servicetest.At(t, "11 12:00:00")
				r.Wants(t, "sessions", map[string]states.State{"10": states.Published, "11": states.Waiting})
			})
		})
	}
}

// A short gap is no break: days that fall due in it are published with each value of
// catch_up.
func TestShortGapIsNoBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Config.Reports[0].Schedule.CatchUp = "none"
		w.Days(t, 3)
		r := w.Start(t, "a", w.Sink)
		servicetest.At(t, "02 01:57:00")
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		servicetest.At(t, "02 02:06:00") // less than two lease times later
		r = w.Start(t, "b", w.Sink)
		servicetest.At(t, "02 02:12:00")
		r.Wants(t, "sessions", map[string]states.State{"01": states.Published})
	})
}

// One of two replicas works. When it loses the store, the other takes over.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 4)
		cut := make(chan struct{})
		a := w.Start(t, "a", faultstest.New(w.Sink, func(faultstest.Call) faultstest.Outcome {
			select {
			case <-cut:
				return faultstest.Outcome{Fault: faultstest.Stall}
			default:
				return faultstest.Outcome{}
			}
		}))
		servicetest.At(t, "01 00:00:30")
		b := w.Start(t, "b", w.Sink)
		servicetest.At(t, "02 12:00:00")
		if s := b.Snapshot().Lease; s.Holder != "a" || s.Mine {
			t.Errorf("b sees the lease %+v", s)
		}
		a.Wants(t, "sessions", map[string]states.State{"01": states.Published, "02": states.Waiting})
		b.Wants(t, "sessions", map[string]states.State{"01": states.Published, "02": states.Waiting})
		servicetest.At(t, "03 01:59:50")
		close(cut)
		servicetest.At(t, "03 02:09:50") // two lease times later
		if s := b.Snapshot().Lease; s.Holder != "b" || !s.Mine || s.Generation != 2 {
			t.Errorf("after two lease times b sees the lease %+v", s)
		}
		servicetest.At(t, "03 02:11:00")
		b.Wants(t, "sessions", map[string]states.State{"01": states.Published, "02": states.Published, "03": states.Waiting})
		if m := w.Manifest(t, "sessions", "2000-01-02"); m.Revision != 1 {
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
		w := servicetest.New()
		w.Days(t, 6)
		servicetest.At(t, "05 12:00:00") // four days to catch up
		begun := make(chan struct{})
		r := w.Start(t, "a", slow(w.Sink, 2*time.Minute, begun))
		<-begun
		stopped := time.Now()
		if err := r.Stop(); err != nil {
			t.Errorf("stopped: %v", err)
		}
		if took := time.Since(stopped); took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("it stopped after %s", took)
		}
		if m := w.Manifest(t, "sessions", "2000-01-01"); m == nil {
			t.Error("what was running was not finished")
		}
		if m := w.Manifest(t, "sessions", "2000-01-02"); m != nil {
			t.Error("another step was begun")
		}
		r = w.Start(t, "b", w.Sink)
		servicetest.At(t, "05 12:10:00")
		r.Wants(t, "sessions", map[string]states.State{"01": states.Published, "02": states.Published, "03": states.Published, "04": states.Published})
		if r.Snapshot().Lease.Generation != 2 {
			t.Errorf("the lease was not let go: %+v", r.Snapshot().Lease)
		}
		runs, err := r.Runs(t.Context(), 10)
		if err != nil || len(runs) < 2 || runs[len(runs)-1].Outcome != "interrupted" {
			t.Errorf("runs: %+v (%v)", runs, err)
		}
	})
}

func TestStopAbandonsSlowStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 6)
		servicetest.At(t, "05 12:00:00")
		begun := make(chan struct{})
		r := w.Start(t, "a", slow(w.Sink, time.Hour, begun))
		<-begun
		stopped := time.Now()
		if err := r.Stop(); !errors.Is(err, replica.ErrAbandoned) {
			t.Errorf("stopped: %v", err)
		}
		if took := time.Since(stopped); took > time.Duration(w.Config.Serve.StopTimeout)+time.Minute {
			t.Errorf("it stopped after %s", took)
		}
		r = w.Start(t, "b", w.Sink)
		servicetest.At(t, "05 12:30:00")
		r.Wants(t, "sessions", map[string]states.State{"01": states.Published, "02": states.Published, "03": states.Published, "04": states.Published})
		for _, e := range w.News() { // an interruption is not a failure
			if strings.HasPrefix(e, "failed") {
				t.Error(e)
			}
		}
	})
}

// A reload does not change the run under way, even if the new configuration lacks
// one of its reports.
func TestReloadDuringARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		other := w.Config.Reports[0]
		other.Name = "other"
		w.Config.Reports = append(w.Config.Reports, other)
		w.Days(t, 4)
		servicetest.At(t, "05 12:00:00")
		var once sync.Once
		begun := make(chan struct{})
		sink := faultstest.New(w.Sink, func(c faultstest.Call) (o faultstest.Outcome) {
			if c.Op == faultstest.Put && strings.HasPrefix(c.Key, "state/digests/") {
				once.Do(func() {
					o.Delay = time.Hour // the run's days come later
					close(begun)
				})
			}
			return o
		})
		r := w.Start(t, "a", sink)
		<-begun
		w.Config.Reports = w.Config.Reports[:1]
		if err := r.Reload(w.Settings(t, sink)); err != nil {
			t.Fatal(err)
		}
		servicetest.At(t, "05 13:30:00")
		for _, rep := range []string{"sessions", "other"} {
			if m := w.Manifest(t, rep, "2000-01-04"); m == nil {
				t.Errorf("%s is not published", rep)
			}
		}
		runs, err := r.Runs(t.Context(), 10)
		if err != nil || len(runs) != 1 || runs[0].Outcome != "done" {
			t.Errorf("runs: %+v (%v)", runs, err)
		}
	})
}
