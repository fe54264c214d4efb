package build_test

import (
	"encoding/json"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// Steps that were not tried are told from those that failed, also in a run's record
// that is read back.
func TestFailures(t *testing.T) {
	id := partition.DayID("sessions", day.Date(2026, 11, 19))
	done, failed := build.Done{ID: id, State: "published"}, build.Done{ID: id, Error: "unexpected EOF"}
	waited := build.Done{ID: id, Error: "waits for the digest of 2026-11-19", Waits: true}
	for _, c := range []struct {
		steps []build.Done
		want  string
	}{
		{[]build.Done{done, failed, failed}, "2 of 3 steps failed"},
		{[]build.Done{failed, waited, waited, done}, "1 of 4 steps failed, and 2 were not tried because of them"},
	} {
		text, err := json.Marshal(&build.Result{Steps: c.steps})
		if err != nil {
			t.Fatal(err)
		}
		var read build.Result
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		if got := read.Failures(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
