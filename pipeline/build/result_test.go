package build_test

import (
	"encoding/json"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// A run's record that is read back still tells steps that were not tried from those
// that failed.
func TestRecordKeepsWhichStepsWaited(t *testing.T) {
	id := partition.DayID("sessions", day.Date(2026, 11, 19))
	for _, want := range []build.Done{
		{ID: id, Error: "unexpected EOF"},
		{ID: id, Error: "waits for the digest of 2026-11-19: unexpected EOF", Waits: true},
	} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got build.Done
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.Waits != want.Waits || got.Error != want.Error || got.ID != want.ID {
			t.Errorf("%s is read as %+v", text, got)
		}
	}
}
