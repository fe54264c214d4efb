package build_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
)

// hanging is a store that never answers when a key is opened that holds some text.
type hanging struct {
	store.Store
	text string
}

func (h hanging) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	if strings.Contains(key, h.text) {
		<-ctx.Done()
		return nil, store.Object{}, ctx.Err()
	}
	return h.Store.Open(ctx, key, offset, length, ifMatch)
}

// The names of durations are short.
func TestTooSlow(t *testing.T) {
	for allowed, want := range map[time.Duration]string{6 * time.Hour: "6h:", 90 * time.Minute: "1h30m:", 10 * time.Minute: "10m:", 100 * time.Second: "1m40s:"} {
		if got := (&build.TooSlow{Allowed: allowed}).Error(); !strings.Contains(got, "step_timeout, "+want) {
			t.Errorf("%v: %s", allowed, got)
		}
	}
}

// A step that takes longer than step_timeout fails, with the setting's name, and
// holds no other step back. Its failure is noted.
func TestStepTimeout(t *testing.T) {
	const slow = "digest 2026-11-21"
	for _, workers := range []int{1, 4} {
		source, sink := store.NewMemory(nil), store.NewMemory(nil)
		for d := 20; d <= 22; d++ {
			pipelinetest.Put(t, source, fmt.Sprintf("2026/11/%d/a.ndjson", d), pipelinetest.SessionLines(d))
		}
		s := pipelinetest.OneReport(t, source, sink)
		s.Budget = parallel.NewBudget(workers, 0)
		target := partition.Days(pipelinetest.ParseDay(t, "2026-11-20"), pipelinetest.ParseDay(t, "2026-11-22"))
		s.Source, s.StepTimeout = hanging{source, "2026/11/21/"}, 2*time.Second
		result, err := (&build.Builder{Settings: s}).Run(t.Context(), target, build.OnlyDue)
		if err != nil {
			t.Fatal(err)
		}
		done := 0
		for _, d := range result.Steps {
			switch {
			case d.ID.String() == slow:
				want := slow + ": it took longer than step_timeout, 2s: look for what makes its input slow, or raise step_timeout"
				if d.Error != want || !errors.As(d.Err, new(*build.TooSlow)) {
					t.Errorf("the step failed with %q, want %q", d.Error, want)
				}
				for _, step := range pipelinetest.Plan(t, s, target).Steps {
					if step.ID == d.ID && step.Failed != want {
						t.Errorf("the note is %q", step.Failed)
					}
				}
			case d.Err == nil:
				done++
			case !errors.As(d.Err, new(*build.Blocked)):
				t.Errorf("%s: %v", d.ID, d.Err)
			}
		}
		if done != 2 {
			t.Errorf("%d other steps are done, want the two digests: %+v", done, result.Steps)
		}
	}
}
