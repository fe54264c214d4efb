package stitch_test

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
	"weak"

	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/stitch"
	"daybook/sources/store"
	"daybook/transform/event"
	"daybook/transform/session"
)

// TestKeptRowsHoldNoEvents: the rows of a day stay until the end of a run, and the
// events that they were made of, whose texts share the memory of a whole shard, do not.
func TestKeptRowsHoldNoEvents(t *testing.T) {
	s := pipelinetest.OneReport(t, store.NewMemory(nil), store.NewMemory(nil))
	kept := stitch.NewKeptRows(s)
	defer kept.Close() // and so it lives until then
	keep := func() (texts weak.Pointer[byte]) {
		shard := make([]byte, 1<<20)
		name := shard[:copy(shard, "Ada Lovelace")]
		texts = weak.Make(&shard[0])
		events := []event.Event{
			{ID: "1", TS: 1_795_000_000_000_000, SessionID: 7, Type: event.SessionCreated, SessionType: event.Applet},
			{ID: "2", TS: 1_795_000_001_000_000, SessionID: 7, Type: event.StatusChanged, Status: event.Active,
				Technician: event.Person{ID: 3, Name: unsafe.String(&name[0], len(name)), Email: "ada@example.org", Group: "EMEA"}},
			{ID: "3", TS: 1_795_000_002_000_000, SessionID: 7, Type: event.StatusChanged, Status: event.ClosedByTechnician},
		}
		var engine session.Engine
		folded, err := engine.Fold(t.Context(), events, nil)
		if err != nil {
			t.Fatal(err)
		}
		k := kept.Keeper(1)
		if err := k.Keep(0, events, folded); err != nil {
			t.Fatal(err)
		}
		if err := k.Done(0); err != nil {
			t.Fatal(err)
		}
		if err := k.Commit(pipelinetest.ParseDay(t, "2026-11-18"), "digest"); err != nil {
			t.Fatal(err)
		}
		return texts
	}
	texts := keep()
	for deadline := time.Now().Add(time.Minute); texts.Value() != nil; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("the kept rows of a day hold the texts of its events")
		}
	}
}
