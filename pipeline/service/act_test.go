package service_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"daybook/pipeline/audit"
	"daybook/pipeline/service"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/servicetest"
	"daybook/pipeline/service/states"
	"daybook/sources/store"
)

func TestActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := startLate(t)
		r.Wants(t, "sessions", map[string]states.State{"01": states.Missing, "02": states.Missing, "03": states.Missing, "04": states.Missing})

		act := func(a actions.Action) {
			t.Helper()
			if err := r.Act(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		act(actions.Action{Verb: "run", Report: "sessions", From: "2000-01-02"})
		r.Wants(t, "sessions", map[string]states.State{"01": states.Missing, "02": states.Published, "03": states.Missing, "04": states.Missing})
		act(actions.Action{Verb: "backfill", From: "2000-01-01", To: "2000-01-03"})
		r.Wants(t, "sessions", map[string]states.State{"01": states.Published, "02": states.Published, "03": states.Published, "04": states.Missing})
		act(actions.Action{Verb: "rebuild", From: "2000-01-01"})
		runs, err := r.Runs(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		var triggers []string
		for _, run := range runs {
			triggers = append(triggers, run.Trigger)
		}
		if got, want := strings.Join(triggers, ", "), "rebuild 2000-01-01, backfill 2000-01-01 to 2000-01-03, run sessions 2000-01-02"; got != want {
			t.Errorf("the runs are %s; want %s", got, want)
		}
		for _, d := range []string{"2000-01-01", "2000-01-02"} {
			if m := w.Manifest(t, "sessions", d); m.Revision != 1 {
				t.Errorf("%s is revision %d", d, m.Revision)
			}
		}
	})
}

// startLate starts a service at noon on 5 January. It catches nothing up, so it leaves four
// days to actions.
func startLate(t *testing.T) (*servicetest.World, *servicetest.Replica) {
	w := servicetest.New()
	w.Config.Reports[0].Schedule.CatchUp = "none"
	w.Days(t, 4)
	servicetest.At(t, "05 12:00:00")
	r := w.Start(t, "a", w.Sink)
	servicetest.At(t, "05 12:10:00")
	return w, r
}

// An action that builds refuses days that are not over: their dumps are still to come.
// A retry builds nothing.
func TestActionOnDaysToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := startLate(t) // on 5 January
		for _, verb := range []string{actions.Run, actions.Rebuild, actions.Backfill, actions.Retry} {
			for _, days := range [][2]string{{"2000-01-05", ""}, {"2000-01-04", "2000-01-05"}, {"2000-01-06", "2150-01-01"}} {
				last := cmp.Or(days[1], days[0])
				err := r.Act(t.Context(), actions.Action{Verb: verb, From: days[0], To: days[1]})
				switch {
				case verb == actions.Retry:
					if err != nil {
						t.Errorf("retry of %s: %v", last, err)
					}
				case !errors.Is(err, actions.ErrInvalid) || !strings.Contains(err.Error(), last+" is not over; it ends at 00:00 on "):
					t.Errorf("%s to %s: %v", verb, last, err)
				}
			}
		}
		r.Wants(t, "sessions", map[string]states.State{"01": states.Missing, "04": states.Missing})
	})
}

// An action on the current month ends yesterday. It refuses a month to come.
func TestActionOnTheCurrentMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := startLate(t)
		if err := r.Act(t.Context(), actions.Action{Verb: actions.Run, From: "2000-02"}); !errors.Is(err, actions.ErrInvalid) {
			t.Errorf("a month to come: %v", err)
		}
		if err := r.Act(t.Context(), actions.Action{Verb: actions.Run, From: "2000-01"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		r.Wants(t, "sessions", map[string]states.State{"01": states.Published, "04": states.Published})
		for _, date := range []string{"2000-01-05", "2000-01-06"} {
			if m := w.Manifest(t, "sessions", date); m != nil {
				t.Errorf("%s is published", date)
			}
		}
	})
}

func TestTooManyActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 4)
		servicetest.At(t, "05 12:00:00")
		begun := make(chan struct{})
		r := w.Start(t, "a", slow(w.Sink, time.Hour, begun))
		<-begun
		for range service.MaxActions {
			if err := r.Act(t.Context(), actions.Action{Verb: "run", From: "2000-01-01"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Act(t.Context(), actions.Action{Verb: "run", From: "2000-01-01"}); !errors.Is(err, actions.ErrBusy) {
			t.Errorf("one more: %v", err)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if err := r.Act(t.Context(), actions.Action{Verb: "run", From: "2000-01-01"}); err != nil {
			t.Errorf("when they are done: %v", err)
		}
	})
}

// Each action is in the audit log with its user and its outcome. The run names the user.
func TestAuditLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := startLate(t)
		ada := actions.User{User: "ada@example.com", Role: "operator", Address: "10.2.0.15"}
		for _, a := range []actions.Action{
			{Verb: "run", Report: "sessions", From: "2000-01-02", By: ada},
			{Verb: "retry", From: "2000-01-01", By: ada},
			{Verb: "run", From: "2000-01-09", By: ada},
		} {
			_ = r.Act(t.Context(), a) // the records tell what became of it
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		records, err := audit.List(t.Context(), w.Sink, time.Time{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, rec := range records {
			got = append(got, rec.User+" "+rec.Action.String()+" "+rec.Outcome)
			if (rec.Action.Verb == "run" && rec.Outcome == "done") != (rec.Run != "") || rec.Ended.IsZero() || rec.Replica != "a" {
				t.Errorf("the record is %+v", rec)
			}
		}
		want := []string{"ada@example.com run 2000-01-09 refused", "ada@example.com retry 2000-01-01 done", "ada@example.com run sessions 2000-01-02 done"}
		if !slices.Equal(got, want) {
			t.Errorf("the log is %q, want %q", got, want)
		}
		if runs, err := r.Runs(t.Context(), 1); err != nil || len(runs) != 1 || runs[0].Trigger != "run sessions 2000-01-02 by ada@example.com" {
			t.Errorf("the runs are %+v, %v", runs, err)
		}
	})
}

// auditless is a sink that refuses the records of actions.
type auditless struct{ store.Store }

func (s auditless) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	if strings.HasPrefix(key, audit.Root) {
		return store.Object{}, &store.Error{Op: "put", URL: s.URL(key), Kind: store.ErrDenied, Final: true}
	}
	return s.Store.Put(ctx, key, body, size, cond)
}

// An action without its record does not begin.
func TestActionWithoutRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Config.Reports[0].Schedule.CatchUp = "none"
		w.Days(t, 4)
		servicetest.At(t, "05 12:00:00")
		r := w.Start(t, "a", auditless{w.Sink})
		servicetest.At(t, "05 12:10:00")
		if err := r.Act(t.Context(), actions.Action{Verb: "run", From: "2000-01-02"}); !errors.Is(err, actions.ErrUnrecorded) {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		r.Wants(t, "sessions", map[string]states.State{"02": states.Missing})
	})
}
