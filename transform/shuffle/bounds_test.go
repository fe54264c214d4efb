package shuffle

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"daybook/transform/event"
	"daybook/transform/internal/interrupttest"
	"daybook/transform/spill/spilltest"
)

// chosen are events of sessions whose hashes begin with the same bits: all of them
// are in one shard and in one bucket.
func chosen(sessions, each int) (events []event.Event) {
	const inverse = 0xF1DE83E19937733D // of the hash's factor, modulo 2^64
	for s := range uint64(sessions) {
		hash := uint64(0xABCDEF)<<40 + s
		for i := range each {
			events = append(events, event.Event{
				ID: fmt.Sprint(i), SessionID: int64(hash * inverse), TS: int64(i * 7919 % each), Type: event.ChatMessage, Sender: event.Customer,
			})
		}
	}
	return events
}

// hostile are inputs that make a shard large, each in its own way.
func hostile() map[string][]event.Event {
	long := strings.Repeat("n", 300_000)
	inputs := map[string][]event.Event{
		"ordinary":         randomEvents(rand.New(rand.NewPCG(3, 4)), 15_000),
		"chosen ids":       chosen(2000, 6),
		"one session":      chosen(1, 20_000),
		"long texts":       nil,
		"one event":        slices.Repeat(chosen(1, 1), 20_000),
		"differing copies": nil,
	}
	for i := range 40 {
		inputs["long texts"] = append(inputs["long texts"], event.Event{
			ID: "e", SessionID: int64(i%5) + 1, TS: int64(i), Type: event.StatusChanged, TransferredTo: event.Target{Name: long[i:]}})
	}
	for i := range 20_000 {
		inputs["differing copies"] = append(inputs["differing copies"], event.Event{
			ID: "e", SessionID: 1, Type: event.ToolUsed, Tool: fmt.Sprint(i % 7000)})
	}
	return inputs
}

// Sorted in memory or in temporary files, in few runs or in many: the same sessions
// with the same events.
func TestSplitShards(t *testing.T) {
	for name, events := range hostile() {
		want := grouped(events)
		for _, budget := range []int64{0, 1} {
			for _, memory := range []int64{0, 1, 100_000, 1 << 20} {
				var spilled spilltest.Files
				s := New(Options{Budget: budget, Spill: func() (File, error) { return spilled.Make(), nil }})
				fill(t, s, rand.New(rand.NewPCG(5, 6)), 2, events)
				got := drainWithin(t, s, memory)
				if len(got) != len(want) {
					t.Fatalf("%s, budget %d, memory %d: %d sessions, want %d", name, budget, memory, len(got), len(want))
				}
				for i := range got {
					if !reflect.DeepEqual(got[i], want[i]) {
						t.Fatalf("%s, budget %d, memory %d: session %d differs", name, budget, memory, want[i][0].SessionID)
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				for _, f := range spilled.Made {
					if !f.Closed {
						t.Errorf("%s: a temporary file was not closed", name)
					}
				}
			}
		}
	}
}

// A session is oversized by the size of its events, each counted once, and not by
// how it is held; exactly from one byte more than allowed on. The others are told
// as ever.
func TestOversizedSessions(t *testing.T) {
	for name, events := range hostile() {
		sessions := grouped(events)
		sizes := make([]int64, len(sessions))
		for i, s := range sessions {
			for j := range s {
				sizes[i] += s[j].Size()
			}
		}
		for _, most := range []int64{1, slices.Max(sizes) - 1, slices.Max(sizes)} {
			for _, memory := range []int64{0, 1, 100_000} {
				var spilled spilltest.Files
				s := New(Options{Budget: 1, MaxSession: most, Spill: func() (File, error) { return spilled.Make(), nil }})
				fill(t, s, rand.New(rand.NewPCG(5, 6)), 2, events)
				i, total := 0, int64(0)
				for shard := range Shards {
					err := s.Sessions(t.Context(), shard, memory, func(got *Session) error {
						want := sessions[i]
						var extent *event.Extent
						if sizes[i] > most {
							extent = &event.Extent{Session: want[0].SessionID, First: want[0].TS, Last: want[len(want)-1].TS, Events: int64(len(want)), Bytes: sizes[i]}
							if name == "differing copies" && got.Oversized != nil { // which copy counts is of no account
								extent.Bytes = got.Oversized.Bytes
							}
						}
						if !reflect.DeepEqual(got.Oversized, extent) || (extent == nil) != (len(got.Events) == len(want)) {
							t.Fatalf("%s, at most %d, memory %d: session %d is %+v, want %+v", name, most, memory, i, got.Oversized, extent)
						}
						i++
						total += int64(len(want)) + got.Copies
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				if i != len(sessions) || total != int64(len(events)) {
					t.Errorf("%s, at most %d, memory %d: %d sessions and %d events, want %d and %d", name, most, memory, i, total, len(sessions), len(events))
				}
			}
		}
	}
}

// A reader of a shard holds no more than its memory, a block and the largest session,
// for every distribution of the records.
func TestReaderMemory(t *testing.T) {
	const memory, most = 1 << 20, 64 << 10
	for name, events := range hostile() {
		var spilled spilltest.Files
		s := New(Options{Budget: 1, MaxSession: most, Spill: func() (File, error) { return spilled.Make(), nil }})
		fill(t, s, rand.New(rand.NewPCG(5, 6)), 2, events)
		for shard := range Shards {
			if err := s.Sessions(t.Context(), shard, memory, func(*Session) error { return nil }); err != nil {
				t.Fatal(err)
			}
			r := s.reader()
			held := int64(cap(r.records)) + int64(cap(r.keys))*keySize
			if held > 2*memory+blockSize+chunkSize { // slices grow in steps
				t.Errorf("%s: a reader holds %d bytes of shard %d", name, held, shard)
			}
			if n := cap(r.events); n > interruptEvery {
				t.Errorf("%s: a reader keeps room for %d events", name, n)
			}
			s.putBack(r)
		}
	}
}

// A context that ends stops the sorting of a shard, in memory and in files.
func TestSessionsInterrupted(t *testing.T) {
	events := chosen(1, 60_000)
	shard := Range{}.shardOf(Hash(events[0].SessionID))
	for _, memory := range []int64{0, 1 << 20} {
		for asked := 0; asked < 200; asked += 9 {
			var spilled spilltest.Files
			s := New(Options{Spill: func() (File, error) { return spilled.Make(), nil }})
			fill(t, s, rand.New(rand.NewPCG(5, 6)), 1, events)
			ctx := &interrupttest.Countdown{Context: t.Context(), Left: asked}
			folded := false
			err := s.Sessions(ctx, shard, memory, func(*Session) error { folded = true; return nil })
			if err == nil && folded {
				if asked < 10 {
					t.Errorf("memory %d: the context was asked %d times", memory, asked)
				}
				break
			}
			if err != context.Canceled || folded {
				t.Fatalf("memory %d, asked %d times: %v", memory, asked, err)
			}
		}
	}
}

// A record's size is the event's, whichever members it has.
func TestSizeOfRecords(t *testing.T) {
	events := randomEvents(rand.New(rand.NewPCG(7, 8)), 5000)
	for i := range events {
		var k reckoning
		record := appendRecord(nil, &events[i])
		if _, err := k.add(record); err != nil {
			t.Fatal(err)
		}
		size := events[i].Size()
		if k.extent.Bytes != size {
			t.Errorf("%+v: the size of its record is %d, want %d", events[i], k.extent.Bytes, size)
		}
		if most := event.MostSize(1, len(record)); size > most {
			t.Errorf("%+v: size %d, at most %d", events[i], size, most)
		}
		// The memory for an event is within a factor of its size.
		if held := 5 * size; int64(len(record)) > size || int64(reflect.TypeFor[event.Event]().Size())+int64(len(record)) > held {
			t.Errorf("%+v: size %d, record %d bytes", events[i], size, len(record))
		}
	}
	if !errors.Is(func() error { var k reckoning; _, err := k.add(make([]byte, fixedSize)); return err }(), errDamaged) {
		t.Error("a record without an id has a size")
	}
}
