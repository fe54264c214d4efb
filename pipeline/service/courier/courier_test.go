package courier_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"daybook/config"
	"daybook/pipeline/lineage"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/courier"
	"daybook/sinks/webhook"
	"daybook/sources/store"
)

// receiver is a catalog of data on loopback.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	times  []string // of the events that it took, in order
	keys   []string // the headers with the key
	answer func(n int, w http.ResponseWriter, r *http.Request) bool
	asked  int
}

// newReceiver starts a receiver. answer writes an answer to the nth request, from 1, and
// reports whether the event was taken; nil: each is taken.
func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request) bool) *receiver {
	rec := &receiver{answer: answer}
	rec.Server = httptest.NewServer(rec)
	t.Cleanup(rec.Close)
	return rec
}

func (rec *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e lineage.Event
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	rec.mu.Lock()
	rec.asked++
	n := rec.asked
	rec.mu.Unlock()
	if rec.answer != nil && !rec.answer(n, w, r) {
		return
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.times = append(rec.times, e.EventTime.Format(time.TimeOnly))
	rec.keys = append(rec.keys, r.Header.Get("Authorization"))
}

func (rec *receiver) took() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Clone(rec.times)
}

func hook(t *testing.T, address string) *webhook.Hook {
	t.Helper()
	h, err := webhook.NewLineage(&config.Lineage{URL: address + "/api/v1/lineage", APIKey: config.NewSecret("k3y")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func newCourier(sink store.Store) *courier.Courier {
	get := func() store.Store { return sink }
	return courier.New(controller.NewStore(get), get)
}

// begin is the first moment of the events of tests, which are a second apart.
var begin = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// add adds n events, and returns their times.
func add(c *courier.Courier, n int) []string {
	var times []string
	for i := range n {
		at := begin.Add(time.Duration(i) * time.Second)
		c.Add(&lineage.Event{EventTime: at})
		times = append(times, at.Format(time.TimeOnly))
	}
	return times
}

func batches(t *testing.T, sink store.Store) (n int) {
	t.Helper()
	for _, err := range sink.List(t.Context(), partition.LineageRoot) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func outbox(t *testing.T, sink store.Store) controller.Outbox {
	t.Helper()
	cs, _, err := controller.Read(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	return cs.Outbox
}

// Events arrive once each and in order, with the key, and nothing is left in the sink.
func TestDelivery(t *testing.T) {
	sink, rec := store.NewMemory(nil), newReceiver(t, nil)
	c := newCourier(sink)
	want := add(c, 250)
	if err := c.Post(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(outbox(t, sink)); n != 3 || batches(t, sink) != 3 {
		t.Errorf("250 events are %d messages", n)
	}
	if err := c.Deliver(t.Context(), hook(t, rec.URL)); err != nil {
		t.Fatal(err)
	}
	if got := rec.took(); !slices.Equal(got, want) {
		t.Errorf("took %v", got)
	}
	if rec.keys[0] != "Bearer k3y" {
		t.Errorf("the key is sent as %q", rec.keys[0])
	}
	if n := len(outbox(t, sink)); n != 0 || batches(t, sink) != 0 || c.Waiting() != 0 {
		t.Errorf("%d messages, %d batches and %d events are left", n, batches(t, sink), c.Waiting())
	}
}

// Through each fault of a receiver the events stay in the sink, and another process, with a
// receiver that works, delivers those that were not taken. The test has more than 60 lines
// because it lists the faults.
func TestFaultsOfReceivers(t *testing.T) {
	busy := func(w http.ResponseWriter) bool {
		w.Header().Set("Retry-After", "3600") // so long that it ends the attempt
		w.WriteHeader(http.StatusInternalServerError)
		return false
	}
	for _, c := range []struct {
		name    string
		answer  func(n int, w http.ResponseWriter, r *http.Request) bool
		taken   int
		counted bool // as a failed attempt, after which a pause follows
	}{
		{"fails", func(_ int, w http.ResponseWriter, _ *http.Request) bool { return busy(w) }, 0, true},
		{"fails in the middle", func(n int, w http.ResponseWriter, _ *http.Request) bool { return n <= 4 || busy(w) }, 4, true},
		{"hangs", func(_ int, _ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return false }, 0, false},
		{"hangs in the middle", func(n int, _ http.ResponseWriter, r *http.Request) bool {
			if n > 4 {
				<-r.Context().Done()
			}
			return n <= 4
		}, 4, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := store.NewMemory(nil)
			first := newCourier(sink)
			want := add(first, 10)
			if err := first.Post(t.Context()); err != nil {
				t.Fatal(err)
			}
			asked := make(chan struct{}, 20)
			faulty := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n > c.taken {
					asked <- struct{}{}
				}
				return c.answer(n, w, r)
			})
			ctx, cancel := context.WithCancel(t.Context())
			if !c.counted {
				go func() { <-asked; cancel() }() // as the end of the time for a delivery does
			}
			err := first.Deliver(ctx, hook(t, faulty.URL))
			cancel()
			if err == nil {
				t.Fatal("it is delivered")
			}
			if got := faulty.took(); len(got) != c.taken {
				t.Errorf("took %v", got)
			}
			for _, m := range outbox(t, sink) {
				if failed := m.Left[courier.Hook].Failed; (failed == 1) != c.counted {
					t.Errorf("%d failed attempts are counted (%v)", failed, err)
				}
			}
			// After a restart, and the pause.
			works := newReceiver(t, nil)
			for _, m := range outbox(t, sink) {
				if err := lineage.Deliver(t.Context(), sink, hook(t, works.URL), m.Event.ID); err != nil {
					t.Fatal(err)
				}
			}
			if got := works.took(); !slices.Equal(got, want[c.taken:]) {
				t.Errorf("the second receiver took %v", got)
			}
			if n := batches(t, sink); n != 0 {
				t.Errorf("%d batches are left", n)
			}
		})
	}
}

// A receiver that is down refuses connections.
func TestReceiverIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	sink := store.NewMemory(nil)
	c := newCourier(sink)
	add(c, 3)
	if err := c.Post(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Deliver(ctx, hook(t, address)); err == nil {
		t.Error("it is delivered")
	}
	if n := len(outbox(t, sink)); n != 1 || batches(t, sink) != 1 {
		t.Errorf("%d messages wait", n)
	}
}

// An event that the receiver refuses is left out: the next ones arrive.
func TestRefusedEvent(t *testing.T) {
	sink := store.NewMemory(nil)
	rec := newReceiver(t, func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 2 {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		return n != 2
	})
	c := newCourier(sink)
	times := add(c, 4)
	if err := c.Post(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Deliver(t.Context(), hook(t, rec.URL)); !errors.Is(err, webhook.ErrRefused) {
		t.Errorf("the error is %v", err)
	}
	if got := rec.took(); !slices.Equal(got, slices.Delete(times, 1, 2)) {
		t.Errorf("took %v", got)
	}
	if n := len(outbox(t, sink)); n != 0 || batches(t, sink) != 0 {
		t.Errorf("%d messages are left", n)
	}
}

// A receiver that is down for long fills the outbox up to its share: there is room for
// alerts. Further events wait in memory, and the oldest are dropped at last.
func TestLimits(t *testing.T) {
	const share = 200
	sink := store.NewMemory(nil)
	c := newCourier(sink)
	if _, err := controller.NewStore(func() store.Store { return sink }).Edit(t.Context(), func(cs *controller.State) {
		for n := range share - 1 {
			cs.Outbox.Post(webhook.Event{ID: fmt.Sprint(n), Event: courier.Hook}, []string{courier.Hook})
		}
	}); err != nil {
		t.Fatal(err)
	}
	add(c, 1)
	if err := c.Post(t.Context()); err != nil { // the last one for which there is room
		t.Fatal(err)
	}
	add(c, 1)
	if err := c.Post(t.Context()); !errors.Is(err, courier.ErrFull) || len(outbox(t, sink)) != share {
		t.Errorf("%d messages and %v", len(outbox(t, sink)), err)
	}
	if c.Waiting() != 1 || c.Dropped() != 0 {
		t.Errorf("%d events wait", c.Waiting())
	}
	large := &lineage.Event{EventType: strings.Repeat("x", 1<<20)}
	for range 40 {
		c.Add(large)
	}
	waiting, dropped := int64(c.Waiting()), c.Dropped()
	if waiting+dropped != 41 || waiting != 15 { // 16 MiB, and an event is a little more than 1 MiB
		t.Errorf("%d events wait and %d are dropped", waiting, dropped)
	}
}

// A sink that cannot be written to loses nothing while the process lives.
func TestFaultsOfTheSink(t *testing.T) {
	sink := &brokenSink{Store: store.NewMemory(nil)}
	c := newCourier(sink)
	want := add(c, 3)
	for key := range map[string]bool{partition.LineageRoot: true, controller.Key: true} {
		sink.broken = key
		if err := c.Post(t.Context()); err == nil {
			t.Errorf("it is posted without %s", key)
		}
	}
	sink.broken = ""
	if err := c.Post(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec := newReceiver(t, nil)
	if err := c.Deliver(t.Context(), hook(t, rec.URL)); err != nil {
		t.Fatal(err)
	}
	if got := rec.took(); !slices.Equal(got, want) {
		t.Errorf("took %v", got)
	}
}

type brokenSink struct {
	store.Store
	broken string // the beginning of the keys that cannot be written
}

func (b *brokenSink) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	if b.broken != "" && strings.HasPrefix(key, b.broken) {
		return store.Object{}, fmt.Errorf("put %s: out of order", key)
	}
	return b.Store.Put(ctx, key, body, size, cond)
}

// A batch that is gone was delivered before: its message came twice.
func TestDeliveredBatch(t *testing.T) {
	sink := store.NewMemory(nil)
	id, err := lineage.StoreBatch(t.Context(), sink, [][]byte{[]byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	pipelinetest.Delete(t, sink, partition.LineageRoot+id+".ndjson")
	rec := newReceiver(t, nil)
	if err := lineage.Deliver(t.Context(), sink, hook(t, rec.URL), id); err != nil || len(rec.took()) > 0 {
		t.Errorf("it is delivered again: %v (%v)", rec.took(), err)
	}
}
