package service_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/servicetest"
	"daybook/pipeline/service/states"
)

// Broken dump days that are set aside block the days that need them, and the verdict
// says so until they are mended. A retry of a digest alone tries it again.
func TestBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Config.Serve.Attempts = 1
		w.Days(t, 8)
		w.Put(t, "2000/01/03/b.ndjson.gz", servicetest.Broken)
		w.Put(t, "2000/01/04/b.ndjson.gz", servicetest.Broken)
		r := w.Start(t, "a", w.Sink)
		servicetest.At(t, "09 12:00:00")
		v := r.Snapshot().Reports[0].Verdict
		if v.Word != states.VerdictBlocked || v.Count != 2 || v.Causes[0].Partition != "2000-01-03" || v.Causes[0].Kind != partition.Digest ||
			!strings.Contains(v.Causes[1].Reason, "2000/01/04/b.ndjson.gz") {
			t.Fatalf("%+v", v)
		}
		if !strings.HasPrefix(v.Text, "Blocked by 2 broken dump days: 2000-01-03 (") || !strings.Contains(v.Text, "; 2000-01-04 (") || !strings.HasSuffix(v.Text, " 7 days (2000-01-02 to 2000-01-08) are late.") {
			t.Error(v.Text)
		}
		for _, word := range states.Words {
			want := 0.0
			if word == states.VerdictBlocked {
				want = 1
			}
			if got := r.Metric(t, "daybook_report_verdict", "sessions", string(word), string(word.Level())); got != want {
				t.Errorf("the metric of %s is %g", word, got)
			}
		}
		if h := r.Health(); !h.Ready || len(h.Reports) != 1 || h.Reports[0].Name != "sessions" || h.Reports[0].Verdict.Text != v.Text {
			t.Errorf("/readyz: %+v", h)
		}
		if text := w.LastText(); !strings.Contains(text, "; sessions is blocked; to do: replace the broken dumps") {
			t.Errorf("the webhook says %q", text)
		}

		// Of the two, only the one that is asked for is tried again.
		if err := r.Act(t.Context(), actions.Action{Verb: actions.Retry, Kind: partition.Digest, From: "2000-01-04"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n, m := len(attemptsAt(t, r, partition.Digest, "2000-01-03")), len(attemptsAt(t, r, partition.Digest, "2000-01-04")); n != 1 || m != 2 {
			t.Errorf("they were tried %d and %d times", n, m)
		}
		for _, key := range []string{"2000/01/03/b.ndjson.gz", "2000/01/04/b.ndjson.gz"} {
			if err := w.Source.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		servicetest.At(t, "09 13:00:00")
		if v := r.Snapshot().Reports[0].Verdict; v.Word != states.VerdictFresh {
			t.Errorf("when they are mended: %s", v)
		}
	})
}

// A first service that catches nothing up publishes nothing. That is not fresh.
func TestNothingWasEverPublished(t *testing.T) {
	for name, change := range map[string]func(*config.Schedule){
		"older than max_age": func(c *config.Schedule) { c.MaxAge = config.Retention(time.Hour) },
		"catch_up none":      func(c *config.Schedule) { c.CatchUp = "none" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := servicetest.New()
				change(&w.Config.Reports[0].Schedule)
				w.Days(t, 20)
				servicetest.At(t, "21 12:00:00")
				r := w.Start(t, "a", w.Sink)
				time.Sleep(time.Minute)
				synctest.Wait()
				rep := r.Snapshot().Reports[0]
				if want := "not published: Nothing was ever published; 20 days (2000-01-01 to 2000-01-20) are left to a backfill. " +
					"To do: daybook backfill --from 2000-01-01 --to 2000-01-20 --report sessions"; rep.Verdict.String() != want {
					t.Errorf("%s\nwant %s", rep.Verdict, want)
				}
				w.SameNews(t) // what was never asked for is not late
			})
		})
	}
}
