package extract

import (
	"fmt"
	"testing"

	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// Workers that read large shards hold about half the budget together.
func TestShardWorkers(t *testing.T) {
	events := shuffle.New(shuffle.Options{})
	defer events.Close()
	w := events.Writer()
	for i := range 50_000 { // of one session, and so in one shard: 6 MB
		if err := w.Add(&event.Event{ID: fmt.Sprintf("%072d", i), SessionID: 1, TS: int64(i), Type: event.ChatMessage}); err != nil {
			t.Fatal(err)
		}
	}
	if n := events.Largest(); n < 5<<20 || n > 7<<20 {
		t.Fatalf("the largest shard has %d bytes", n)
	}
	for _, c := range []struct {
		budget int64
		want   int
	}{{0, 8}, {1 << 20, 1}, {16 << 20, 1}, {64 << 20, 3}, {1 << 30, 8}} {
		x := &Extraction{Workers: 8, MemoryBudget: c.budget}
		got, memory := x.shardReaders(events)
		if got != c.want {
			t.Errorf("with a budget of %d bytes %d workers read, want %d", c.budget, got, c.want)
		}
		if held := memory * int64(got) * 3 / 2; held > max(c.budget/2, leastShards) || (memory == 0) != (c.budget == 0) {
			t.Errorf("with a budget of %d bytes %d workers hold %d bytes each", c.budget, got, memory)
		}
	}
}
