package alerts

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/config"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/states"
	"daybook/sources/store"
	"daybook/transform/day"
)

// The controller state can be written even at its limits: more failed steps than
// it records, all alerts, and a full outbox.
func TestControllerStateAlwaysFits(t *testing.T) {
	const maxRetries, maxErrorText, maxOutbox, maxEventText = 100_000, 1000, 1000, 2000
	sink := store.NewMemory(nil)
	stored := controller.NewStore(func() store.Store { return sink })
	now := time.Now().UTC()
	l := look{now, map[partition.ID]*plan.Step{}, new(states.Snapshot)}
	for d := range day.Day(maxRetries/4 + 1) {
		for _, rep := range []string{"", "sessions", "emea_tier_1", "americas"} {
			step := &plan.Step{ID: partition.DayID(rep, d), Inputs: hashOf(rep, d.String())[:16], Failed: strings.Repeat("x", 2*maxErrorText)}
			if rep == "" {
				step.ID = partition.DigestID(d)
			}
			l.steps[step.ID] = step
		}
	}
	cs, err := stored.Edit(t.Context(), func(cs *controller.State) {
		for _, step := range l.steps {
			now = now.Add(time.Millisecond)
			cs.Fail(step, runs.Begin("a", "schedule", now).ID, now, controller.NewPolicy(&config.Default().Serve))
		}
		for _, e := range change(cs, l) {
			cs.Outbox.Post(e, []string{"hook"})
		}
		for i := range maxOutbox {
			e := publishedEvent(fmt.Sprint(i), randomChanges(100), now)
			e.Text = rand.Text() + strings.Repeat("x", 10*maxEventText)
			cs.Outbox.Post(e, []string{"hook"})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cs.Retries) != maxRetries || len(cs.Outbox) != maxOutbox || len(cs.Alerts) != 4 {
		t.Errorf("%d failures, %d messages, %d alerts", len(cs.Retries), len(cs.Outbox), len(cs.Alerts))
	}
	there, _, err := controller.Read(t.Context(), sink)
	if err != nil || len(there.Retries) != maxRetries {
		t.Errorf("%d failures were written (%v)", len(there.Retries), err)
	}
	listing := 0
	for _, m := range there.Outbox {
		if n := len(m.Event.Changes) + m.Event.More; m.Event.Event == eventPublished && n != 100 {
			t.Errorf("a message lists %d changes and counts %d more, of 100", len(m.Event.Changes), m.Event.More)
		}
		listing += min(len(m.Event.Changes), 1)
	}
	if listing < 10 || listing > 100 { // 1 MiB, of up to 16 KiB each
		t.Errorf("%d messages list changes", listing)
	}
}

// randomChanges are new days of a report with a file each, whose SHA-256 is random.
func randomChanges(n int) []inspect.Change {
	changes := make([]inspect.Change, n)
	for i := range changes {
		changes[i] = inspect.Change{
			Change: inspect.Published, Report: "sessions", Kind: "day", Partition: day.Day(i).String(), Revision: 1,
			Parts: []inspect.ChangedPart{{URL: "s3://warehouse/" + rand.Text(), SHA256: hashOf(rand.Text()) + hashOf(rand.Text())}},
		}
	}
	return changes
}

// Many alerts of a series are combined into one, which is sent again when its
// number has doubled and when few are left. An alert that was sent before stays
// single.
func TestManyAlertsAreCombined(t *testing.T) {
	cs, _, err := controller.Read(t.Context(), store.NewMemory(nil))
	if err != nil {
		t.Fatal(err)
	}
	first := day.Date(2000, time.January, 1)
	for _, step := range []struct {
		n, setAside int // of the days from 1 January on
		want        string
	}{
		{2, 0, "failed 2000-01-01, failed 2000-01-02"},
		{30, 0, "failed 2000-01-03 to 2000-01-30"},
		{50, 0, ""},
		{58, 0, "failed 2000-01-03 to 2000-02-27"},
		{58, 58, "failed 2000-01-01, failed 2000-01-02, failed 2000-01-03 to 2000-02-27"},
		{60, 58, "failed 2000-01-03 to 2000-02-29"}, // others fail
		{20, 20, "failed 2000-01-03, failed 2000-01-04, failed 2000-01-05, failed 2000-01-06, failed 2000-01-07, failed 2000-01-08, " +
			"failed 2000-01-09, failed 2000-01-10, failed 2000-01-11, failed 2000-01-12, failed 2000-01-13, failed 2000-01-14, failed 2000-01-15, " +
			"failed 2000-01-16, failed 2000-01-17, failed 2000-01-18, failed 2000-01-19, failed 2000-01-20, recovered 2000-01-03 to 2000-02-29"},
		{20, 20, ""},
	} {
		l := look{time.Now(), map[partition.ID]*plan.Step{}, new(states.Snapshot)}
		cs.Retries = map[partition.ID]*controller.Retry{}
		for i := range step.n {
			s := &plan.Step{ID: partition.DayID("sessions", first+day.Day(i))}
			l.steps[s.ID], cs.Retries[s.ID] = s, &controller.Retry{SetAside: i < step.setAside}
		}
		var events []string
		for _, e := range change(cs, l) {
			events = append(events, e.Event+" "+e.Partition)
		}
		slices.Sort(events)
		if got := strings.Join(events, ", "); got != step.want {
			t.Errorf("with %d failed, %d of them set aside, the events are %q, want %q", step.n, step.setAside, got, step.want)
		}
	}
}
