package digest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"daybook/transform/event"
)

// An oversized session is in the index, with its size, and in no table.
func TestOversized(t *testing.T) {
	large := event.Extent{Session: 4711, First: 1_000_000 * minute * 1000, Last: 1_000_002 * minute * 1000, Events: 1 << 20, Bytes: 1 << 33}
	sessions := small()
	var f files
	w, err := NewWriter(&f.complete, &f.open, &f.sessions, 100)
	if err != nil {
		t.Fatal(err)
	}
	all := append(slices.Clone(sessions), told{Events: []event.Event{{SessionID: large.Session}}})
	sortByHash(all)
	var b Batch
	for _, s := range all {
		if s.Events[0].SessionID == large.Session {
			b.AddOversized(large)
		} else if err := b.Add(t.Context(), s.Events, s.Complete); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Append(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	summary, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if o := summary.Oversized; o.Sessions != 1 || !slices.Equal(o.IDs, []int64{large.Session}) || summary.Sessions() != int64(len(all)) {
		t.Errorf("the summary is %+v", summary)
	}
	if summary.MinTS > large.First || summary.MaxTS < large.Last {
		t.Errorf("the times are %d to %d, without the oversized session", summary.MinTS, summary.MaxTS)
	}
	got, err := read(f.parts())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Sessions) != len(sessions) || len(got.Index) != len(all) {
		t.Errorf("%d sessions in the tables and %d in the index, want %d and %d", len(got.Sessions), len(got.Index), len(sessions), len(all))
	}
	want := Entry{Session: large.Session, First: large.First / 1000, Last: large.Last/1000 + minute - 1, Events: large.Events, Bytes: large.Bytes, Oversized: true}
	if !slices.Contains(got.Index, want) {
		t.Errorf("the index is %+v, want it to have %+v", got.Index, want)
	}
}

// The index tells the size of a session that is larger than a small one, by a byte
// already.
func TestIndexSizes(t *testing.T) {
	var b Batch
	var f files
	w, err := NewWriter(&f.complete, &f.open, &f.sessions, 2)
	if err != nil {
		t.Fatal(err)
	}
	const rest = 64 + 1 // bytes of an event, and of its id
	for _, s := range []struct{ id, size int64 }{{2, SmallSession + 1}, {1, SmallSession}} {
		e := event.Event{ID: "e", SessionID: s.id, Type: event.StatusChanged, TransferredTo: event.Target{Name: strings.Repeat("n", int(s.size-rest))}}
		if err := b.Add(t.Context(), []event.Event{e}, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Append(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := read(f.parts())
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[int64]int64{}
	for _, e := range got.Index {
		sizes[e.Session] = e.Bytes
	}
	if want := map[int64]int64{1: 0, 2: SmallSession + 1}; !maps.Equal(sizes, want) {
		t.Errorf("the sizes are %v, want %v", sizes, want)
	}
}

// A row group takes about what it says: at least its texts.
func TestMemory(t *testing.T) {
	var f files
	sessions := []told{{Complete: true, Events: []event.Event{{
		ID: "e", SessionID: 1, Type: event.StatusChanged, TransferredTo: event.Target{Name: strings.Repeat("n", 300_000)}}}}}
	if _, err := writeIn(sessions, 1, 1, &f.complete, &f.open, &f.sessions); err != nil {
		t.Fatal(err)
	}
	table := mustOpen(t, f.complete.Bytes(), true)
	if n := table.Memory(0); n < 300_000 || n > 400_000 {
		t.Errorf("a name of 300,000 bytes takes %d", n)
	}
	if n := table.Memory(1); n != 0 {
		t.Errorf("a row group that does not exist takes %d bytes", n)
	}
}

// Long texts end a row group before it has many bytes; a session that is larger by
// itself has one of its own. Nothing else changes, however the sessions are batched.
func TestGroupBytes(t *testing.T) {
	var sessions []told
	for id := range int64(40) {
		n := 300_000
		if id == 7 {
			n = 3 * groupBytes
		}
		sessions = append(sessions, told{Complete: true, Events: []event.Event{{
			ID: "e", SessionID: 1 + id, TS: id, Type: event.StatusChanged, TransferredTo: event.Target{Name: strings.Repeat("n", n)}}}})
	}
	sortByHash(sessions)
	var first [][]byte
	for _, many := range []int{1, 7, 100} {
		var f files
		if _, err := writeIn(sessions, many, 1_000_000, &f.complete, &f.open, &f.sessions); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = f.parts()
		} else if !slices.EqualFunc(first, f.parts(), bytes.Equal) {
			t.Errorf("in batches of %d the files differ", many)
		}
		got, err := read(f.parts())
		if err != nil || len(got.Sessions) != len(sessions) {
			t.Fatalf("%d sessions, error %v", len(got.Sessions), err)
		}
		held := map[int32]int64{}
		for _, e := range got.Index {
			held[e.Group] += e.Bytes
		}
		for group, n := range held {
			if n > groupBytes+1000 && n != int64(3*groupBytes+event.MostSize(1, 1)) {
				t.Errorf("row group %d has %d bytes", group, n)
			}
		}
		if len(held) < 4 {
			t.Errorf("there are %d row groups", len(held))
		}
	}
}

// A context that ends stops the writing, at each of its steps.
func TestWriteInterrupted(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	events := make([]event.Event, 2*interruptEvery)
	for i := range events {
		events[i] = event.Event{ID: fmt.Sprint(i), SessionID: 1, TS: int64(i), Type: event.ChatMessage}
	}
	var b Batch
	if err := b.Add(ended, events, true); err != context.Canceled {
		t.Errorf("Add: %v", err)
	}
	b = Batch{}
	if err := b.Add(t.Context(), events, true); err != nil {
		t.Fatal(err)
	}
	var f files
	w, err := NewWriter(&f.complete, &f.open, &f.sessions, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(ended, &b); !errors.Is(err, context.Canceled) {
		t.Errorf("Append: %v", err)
	}
	if _, err := w.Close(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Close after an interruption: %v", err)
	}
}
