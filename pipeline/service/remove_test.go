package service_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/service/servicetest"
	"daybook/sources/store/faultstest"
)

// With remove_after, the files of a superseded revision stay for that time. Then the
// holder of the lease removes them, though no run comes, and tries again if it fails.
func TestSupersededFilesAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stay = 2 * time.Hour // so the job has a tick every half hour
		w := servicetest.New()
		w.Days(t, 1)
		servicetest.At(t, "02 12:00:00")
		var mu sync.Mutex
		tries := map[string]int{} // deletions of files, by replica
		start := func(name string) {
			c := w.Settings(t, faultstest.New(w.Sink, func(c faultstest.Call) (o faultstest.Outcome) {
				if c.Op != faultstest.Delete || !strings.HasPrefix(c.Key, partition.ReportRoot) {
					return o
				}
				mu.Lock()
				defer mu.Unlock()
				if tries[name]++; tries[name] == 1 {
					o.Fault = faultstest.Drop
				}
				return o
			}))
			c.Pipeline.RemoveAfter = stay
			w.StartWith(t, name, c)
		}
		start("holder")
		servicetest.At(t, "02 12:10:00")
		start("other")
		files := func() (n int) {
			for _, err := range w.Sink.List(t.Context(), partition.ReportRoot) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			return n
		}
		servicetest.At(t, "02 12:20:00")
		w.Dump(t, "2000/01/01/late.ndjson", "2000-01-01", 9)
		for _, c := range []struct {
			at           string
			files, tries int
		}{
			{"02 12:30:00", 2, 0},
			{"02 14:19:00", 2, 0}, // the commit was after 12:20
			{"02 14:45:00", 2, 1},
			{"02 15:15:00", 1, 2},
			{"03 12:00:00", 1, 2},
		} {
			servicetest.At(t, c.at)
			if n := files(); n != c.files || tries["holder"] != c.tries {
				t.Errorf("at %s: %d files after %d tries to remove one, want %d after %d", c.at, n, tries["holder"], c.files, c.tries)
			}
		}
		if m := w.Manifest(t, "sessions", "2000-01-01"); m.Revision != 2 || m.Rows != 2 {
			t.Errorf("published: %+v", m)
		}
		if n := tries["other"]; n > 0 {
			t.Errorf("the replica without the lease tried %d removals", n)
		}
	})
}
