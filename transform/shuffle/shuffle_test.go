package shuffle

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"daybook/transform/event"
	"daybook/transform/session"
	"daybook/transform/spill/spilltest"
)

// randomEvents are events of a few hundred sessions, small and large, nearly
// in order of time, some at the same time, some repeated.
func randomEvents(rng *rand.Rand, n int) []event.Event {
	events := make([]event.Event, 0, n)
	for i := range n {
		if i > 0 && rng.IntN(20) == 0 {
			events = append(events, events[rng.IntN(i)]) // delivered again
			continue
		}
		e := event.Event{
			ID:        fmt.Sprintf("event-%d", rng.IntN(10*n)),
			TS:        int64(i/4) + rng.Int64N(1+int64(i%7)*100),
			SessionID: 1 + rng.Int64N(1+rng.Int64N(400)),
			Seq:       rng.Int64N(3),
			Type:      event.ChatMessage,
			Sender:    event.Sender(1 + rng.IntN(3)),
		}
		switch rng.IntN(10) {
		case 0:
			e.Type, e.Sender, e.Tool = event.ToolUsed, 0, "remote_control"
			e.TechnicianID = rng.Int64()
		case 1:
			e.Type, e.Sender = event.DetailsChanged, 0
			e.Details = &event.Details{Given: 1}
			e.Details.Value[0] = strings.Repeat("x", rng.IntN(2000))
		case 2:
			e.SessionID = -rng.Int64N(1 << 62) // as hashes go, any number is a session's
		}
		events = append(events, e)
	}
	// One that is larger than a chunk.
	events[n/2] = event.Event{ID: "large", SessionID: 3, Type: event.StatusChanged, TransferredTo: event.Target{Name: strings.Repeat("y", 3*chunkSize)}}
	return events
}

// grouped is what a shuffle should make of events, by other means.
func grouped(events []event.Event) [][]event.Event {
	sessions := map[int64][]event.Event{}
	for _, e := range events {
		sessions[e.SessionID] = append(sessions[e.SessionID], e)
	}
	var all [][]event.Event
	for _, s := range sessions {
		slices.SortFunc(s, session.Compare)
		all = append(all, slices.CompactFunc(s, func(a, b event.Event) bool { return a.TS == b.TS && a.Seq == b.Seq && a.ID == b.ID }))
	}
	slices.SortFunc(all, func(a, b []event.Event) int { return cmp.Compare(Hash(a[0].SessionID), Hash(b[0].SessionID)) })
	return all
}

// clone is e with texts of its own.
func clone(e event.Event) event.Event {
	for _, text := range []*string{&e.ID, &e.Tool, &e.Technician.Name, &e.Technician.Email, &e.Technician.Group,
		&e.Channel.Name, &e.CallingCard, &e.TransferredTo.Name} {
		*text = strings.Clone(*text)
	}
	if e.Details != nil {
		d := *e.Details
		for i := range d.Value {
			d.Value[i] = strings.Clone(d.Value[i])
		}
		e.Details = &d
	}
	return e
}

// fill puts events in by several writers at the same time, dealt out by rng.
func fill(t *testing.T, s *Shuffle, rng *rand.Rand, writers int, events []event.Event) {
	t.Helper()
	batches := make([][]event.Event, writers)
	for _, e := range events {
		w := rng.IntN(writers)
		batches[w] = append(batches[w], e)
	}
	var wg sync.WaitGroup
	for _, batch := range batches {
		wg.Go(func() {
			w := s.Writer()
			for i := range batch {
				e := batch[i]
				if err := w.Add(&e); err != nil {
					t.Error(err)
					return
				}
				e = event.Event{ID: "overwritten"} // Add keeps nothing of it
			}
		})
	}
	wg.Wait()
}

// drain reads all shards, by two goroutines.
func drain(t *testing.T, s *Shuffle) [][]event.Event { return drainWithin(t, s, 0) }

// drainWithin reads all shards, each within so much memory. It does not return
// oversized sessions.
func drainWithin(t *testing.T, s *Shuffle, memory int64) [][]event.Event {
	t.Helper()
	var shards [Shards][][]event.Event
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := int(taken.Add(1) - 1); i < Shards; i = int(taken.Add(1) - 1) {
				err := s.Sessions(t.Context(), i, memory, func(s *Session) error {
					if s.Oversized != nil {
						return nil
					}
					var kept []event.Event
					for _, e := range s.Events {
						kept = append(kept, clone(e))
					}
					clear(s.Events) // they are the callee's
					shards[i] = append(shards[i], kept)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return slices.Concat(shards[:]...)
}

func compare(t *testing.T, got, want [][]event.Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d sessions, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) { // much faster than a Diff
			t.Fatalf("session %d differs (-want +got):\n%s", i, gocmp.Diff(want[i], got[i]))
		}
	}
}

// With every budget and any number of writers: the same sessions in order of their
// hash, and the same events of each in the contract's order.
func TestShuffle(t *testing.T) {
	for _, budget := range []int64{0, 1, 3 << 20} {
		for _, writers := range []int{1, 3} {
			t.Run(fmt.Sprintf("budget %d, %d writers", budget, writers), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(budget), uint64(writers)))
				events := randomEvents(rng, 40_000)
				var spilled spilltest.Files
				s := New(Options{Budget: budget, Spill: func() (File, error) { return spilled.Make(), nil }})
				fill(t, s, rng, writers, events)
				switch made := len(spilled.Made); {
				case budget == 0 && made > 0, budget == 1 && made != writers, budget > 1 && (made == 0 || made > writers):
					t.Errorf("%d temporary files", made)
				}
				allocated := s.used + int64(len(s.free))*chunkSize
				if limit := budget + int64(writers)*(leastSpill+4*chunkSize); budget > 0 && allocated > limit {
					t.Errorf("%d bytes in chunks; the budget allows %d", allocated, limit)
				}
				compare(t, drain(t, s), grouped(events))
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				for _, f := range spilled.Made {
					if !f.Closed {
						t.Error("a temporary file was not closed")
					}
				}
			})
		}
	}
}

// Of copies of one event that differ, the same one counts whichever comes first, in
// memory and in temporary files; and it is the one that counts between dump days.
func TestTheCopyThatCounts(t *testing.T) {
	copies := []event.Event{
		{ID: "e", SessionID: 7, Type: event.ToolUsed, Tool: "chat"},
		{ID: "e", SessionID: 7, Type: event.ToolUsed, Tool: "files"},
		{ID: "e", SessionID: 7, Type: event.ToolUsed, Tool: "files", TechnicianID: 3},
		{ID: "e", SessionID: 7, Type: event.StatusChanged, Status: event.Active},
		{ID: "e", SessionID: 7, Type: event.StatusChanged, Status: event.Active, TransferredTo: event.Target{Name: "x"}},
	}
	want := slices.MinFunc(copies, session.Compare)
	for range copies {
		copies = append(copies[1:], copies[0])
		for _, memory := range []int64{0, 1} {
			var spilled spilltest.Files
			s := New(Options{Spill: func() (File, error) { return spilled.Make(), nil }})
			w := s.Writer()
			for i := range copies {
				if err := w.Add(&copies[i]); err != nil {
					t.Fatal(err)
				}
			}
			if got := drainWithin(t, s, memory); !reflect.DeepEqual(got, [][]event.Event{{want}}) {
				t.Errorf("memory %d: %+v, want %+v", memory, got, want)
			}
		}
	}
}

func TestConsecutiveSessionsAreSpread(t *testing.T) {
	perShard := make([]int, Shards)
	for id := range int64(64 * 100) {
		perShard[Range{}.shardOf(Hash(id))]++
	}
	for shard, n := range perShard {
		if n < 98 || n > 102 {
			t.Errorf("%d of 6400 consecutive sessions are in shard %d, want about 100", n, shard)
		}
	}
}

func TestSessionsStopsAtAnError(t *testing.T) {
	s := New(Options{})
	w := s.Writer()
	for id := range int64(1000) {
		if err := w.Add(&event.Event{SessionID: id + 1}); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("stop")
	calls := 0
	err := s.Sessions(t.Context(), 0, 0, func(*Session) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// enough small events make a writer spill: some 35 bytes each, more than
// leastSpill together.
const enough = 40_000

// faultyFile is a file one of whose operations fails.
type faultyFile struct {
	spilltest.File
	write, read, close error
	short              bool
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.short {
		return len(p) / 2, nil
	}
	if f.write != nil {
		return 0, f.write
	}
	return f.File.Write(p)
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if f.read != nil {
		return 0, f.read
	}
	return f.File.ReadAt(p, off)
}

func (f *faultyFile) Close() error {
	f.File.Close()
	return f.close
}

func TestSpillFails(t *testing.T) {
	fault := errors.New("the disk is on fire")
	for _, c := range []struct {
		name string
		make error
		file faultyFile
		add  error // of Add
		read error // of Sessions
		end  error // of Close
	}{
		{name: "no file", make: fault, add: fault},
		{name: "write", file: faultyFile{write: fault}, add: fault},
		{name: "short write", file: faultyFile{short: true}, add: io.ErrShortWrite},
		{name: "read", file: faultyFile{read: fault}, read: fault},
		{name: "close", file: faultyFile{close: fault}, end: fault},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Options{Budget: 1, Spill: func() (File, error) {
				if c.make != nil {
					return nil, c.make
				}
				return &c.file, nil
			}})
			check := func(what string, err, want error) {
				if !errors.Is(err, want) || (want != nil && err == want) {
					t.Errorf("%s: %v, want %v, wrapped", what, err, want)
				}
			}
			w := s.Writer()
			var err error
			for i := 0; i < enough && err == nil; i++ {
				err = w.Add(&event.Event{ID: "some event", SessionID: int64(i)})
			}
			check("Add", err, c.add)
			if c.add == nil {
				check("Sessions", s.Sessions(t.Context(), 3, 0, func(*Session) error { return nil }), c.read)
			}
			check("Close", s.Close(), c.end)
			if c.make == nil && !c.file.Closed {
				t.Error("the file was not closed")
			}
		})
	}
}

// A changed byte of a temporary file, or a missing end of it, is an error.
func TestDamagedFile(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(f *spilltest.File)
	}{
		{"a byte changed", func(f *spilltest.File) { f.Bytes[len(f.Bytes)/2] ^= 0x10 }},
		{"cut short", func(f *spilltest.File) { f.Bytes = f.Bytes[:len(f.Bytes)-3] }},
		{"blocks moved", func(f *spilltest.File) { f.Bytes = append(f.Bytes[1:], 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var spilled spilltest.Files
			s := New(Options{Budget: 1, Spill: func() (File, error) { return spilled.Make(), nil }})
			w := s.Writer()
			for i := range enough {
				if err := w.Add(&event.Event{ID: fmt.Sprint("event ", i*i), SessionID: int64(i)}); err != nil {
					t.Fatal(err)
				}
			}
			c.damage(spilled.Made[0])
			failed := 0
			for shard := range Shards {
				if err := s.Sessions(t.Context(), shard, 0, func(*Session) error { return nil }); err != nil {
					failed++
				}
			}
			if failed == 0 {
				t.Error("nothing noticed")
			}
		})
	}
}

// Bytes that are no records are an error, and never a panic.
func FuzzRecords(f *testing.F) {
	events := randomEvents(rand.New(rand.NewPCG(1, 1)), 8)
	for i := range events {
		record := appendRecord(nil, &events[i])
		record = append([]byte{byte(len(record))}, record...)
		f.Add(record)
		f.Add(record[:len(record)-1])
		record[fixedSize+3] ^= 0xff
		f.Add(record)
	}
	f.Add([]byte{0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, records []byte) {
		r := &reader{records: records}
		err := r.inMemory(t.Context(), 200, func(s *Session) error {
			for i := range s.Events {
				if s.Events[i].SessionID != s.Events[0].SessionID {
					t.Error("two sessions in one")
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errDamaged) {
			t.Errorf("%v, want %v", err, errDamaged)
		}
	})
}

// A record cut anywhere is damaged, unless what is left is a shorter body.
func TestCutRecordIsDamaged(t *testing.T) {
	e := event.Event{ID: "event", SessionID: 1, Type: event.ToolUsed, Tool: "chat", TechnicianID: 1 << 40}
	record := appendRecord(nil, &e)
	e.Tool = ""
	withoutBody := len(appendRecord(nil, &e))
	for n := fixedSize; n < len(record); n++ {
		var got event.Event
		err := decodeRecord(record[:n], &got, nil)
		if n == withoutBody {
			if err != nil {
				t.Errorf("without its body: %v", err)
			}
		} else if !errors.Is(err, errDamaged) {
			t.Errorf("%d of %d bytes: %v, want %v", n, len(record), err, errDamaged)
		}
	}
}
