package alerts

import (
	"encoding/json"
	"testing"
	"time"

	"daybook/pipeline/inspect"
)

func TestTextOfPublished(t *testing.T) {
	of := func(change inspect.ChangeKind, report, kind, name string) inspect.Change {
		return inspect.Change{Change: change, Report: report, Kind: kind, Partition: name}
	}
	e := publishedEvent("run", []inspect.Change{
		of(inspect.Restated, "support", "month", "2026-11"),
		of(inspect.Published, "sessions", "day", "2026-11-22"),
		of(inspect.Restated, "sessions", "day", "2026-11-21"),
		of(inspect.Published, "sessions", "day", "2026-11-20"),
		of(inspect.Published, "sessions", "day", "2026-11-19"),
	}, time.Unix(1, 0))
	const want = "3 new days of sessions, 2026-11-19 to 2026-11-22; 1 restated day of sessions, 2026-11-21; 1 restated month of support, 2026-11"
	if e.Text != want {
		t.Errorf("%q, want %q", e.Text, want)
	}
	if e.Report != "" || e.Kind != "" || e.Partition != "" || len(e.Changes) != 5 || e.More != 0 {
		t.Errorf("%+v", e)
	}
	if again := publishedEvent("run", nil, time.Unix(2, 0)); again.ID != e.ID {
		t.Error("the event of the same run has another id")
	}
}

// Of a backfill, an event lists what the limit admits, from the first day on, and counts
// the others.
func TestPublishedIsBounded(t *testing.T) {
	const days = 7300
	e := publishedEvent("run", randomChanges(days), time.Unix(1, 0))
	size := 0
	for _, line := range e.Changes {
		size += len(line)
	}
	if size > maxListed || size < maxListed*9/10 || len(e.Changes)+e.More != days {
		t.Errorf("it lists %d changes of %d bytes, and counts %d more", len(e.Changes), size, e.More)
	}
	var first inspect.Change
	if err := json.Unmarshal(e.Changes[0], &first); err != nil || first.Partition != "1970-01-01" {
		t.Errorf("the first is %+v (%v)", first, err)
	}
}
