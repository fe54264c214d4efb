package digests_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
)

// stuck is a store in which the first reader of an object waits until its context
// ends.
type stuck struct {
	store.Store
	key     string
	reading chan struct{} // closed when it waits
	begun   bool
}

func (s *stuck) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	if key == s.key && !s.begun {
		s.begun = true
		close(s.reading)
		<-ctx.Done()
		return nil, store.Object{}, ctx.Err()
	}
	return s.Store.Open(ctx, key, offset, length, ifMatch)
}

// A caller that waits for an index which another caller reads goes on by itself if
// that one is cancelled.
func TestCancelledReader(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2))
	s := pipelinetest.Settings(t, source, sink)
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	c, err := (&catalog.Reader{Settings: s}).Read(t.Context(), pipelinetest.TheDay)
	if err != nil {
		t.Fatal(err)
	}
	state := c.Digest(pipelinetest.Day)
	slow := &stuck{Store: sink, key: state.Tables[0].Index.Key, reading: make(chan struct{})}
	s.Sink = slow
	x := digests.NewIndexes(s, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	get := func(ctx context.Context) chan error {
		ended := make(chan error, 1)
		go func() { _, err := x.Get(ctx, state.Tables[0], state.Day); ended <- err }()
		return ended
	}
	first := get(ctx)
	<-slow.reading
	second := get(t.Context())
	time.Sleep(20 * time.Millisecond) // so that it waits for the first; if it is slower, it reads by itself, and the test says less
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled caller: %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the other caller: %v", err)
	}
}
