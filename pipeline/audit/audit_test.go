package audit_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/audit"
	"daybook/pipeline/service/actions"
	"daybook/sources/store"
)

var ada = actions.User{User: "ada@example.com", Role: "operator", Address: "10.2.0.15"}

// A record keeps its place when its end is written. Others in the folder are left out.
func TestRecords(t *testing.T) {
	st := store.NewMemory(nil)
	begun := time.Date(2026, time.November, 20, 6, 0, 0, 0, time.UTC)
	var last *audit.Record
	for i, verb := range []string{actions.Run, actions.Rebuild, actions.Retry} {
		last = audit.Begin("node-1", actions.Action{Verb: verb, Report: "sessions", From: "2026-11-18", By: ada}, begun.Add(time.Duration(i)*24*time.Hour))
		if err := audit.Write(t.Context(), st, last); err != nil {
			t.Fatal(err)
		}
	}
	last.Run = "20261122T060001.000Z-abcdef"
	last.End(begun.Add(50*time.Hour), "failed", strings.Repeat("x", 5000))
	if err := audit.Write(t.Context(), st, last); err != nil {
		t.Fatal(err)
	}
	text := "not a record"
	if _, err := st.Put(t.Context(), audit.Root+"README", strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		since time.Time
		n     int
		want  []string
	}{
		{time.Time{}, 10, []string{"retry failed", "rebuild accepted", "run accepted"}},
		{begun.Add(time.Hour), 10, []string{"retry failed", "rebuild accepted"}},
		{time.Time{}, 1, []string{"retry failed"}},
	} {
		records, err := audit.List(t.Context(), st, c.since, c.n)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records {
			got = append(got, r.Action.Verb+" "+r.Outcome)
			if r.User != ada.User || r.Role != ada.Role || r.Address != ada.Address || r.Replica != "node-1" || len(r.Error) > 1010 {
				t.Errorf("the record is %+v", r)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("since %s, %d: %q, want %q", c.since, c.n, got, c.want)
		}
	}
}

func TestDamagedRecord(t *testing.T) {
	st := store.NewMemory(nil)
	key := audit.Root + "20261120T060000.000Z-abcdef.jsonl"
	if _, err := st.Put(t.Context(), key, strings.NewReader("{"), 1, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.List(t.Context(), st, time.Time{}, 1); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("error %v", err)
	}
}

// A directory that was never written to has no actions.
func TestNoActions(t *testing.T) {
	records, err := audit.List(t.Context(), store.NewMemory(nil), time.Time{}, 10)
	if err != nil || len(records) > 0 {
		t.Errorf("%v, %v", records, err)
	}
}
