package simtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

// bucket is a store whose changes the oracle sees. A request under way is applied even
// if its sender is killed.
type bucket struct {
	*store.Memory
	keys    []string // in order: most of a simulation's work is to list few of them
	changed []string // keys that were written or deleted since the oracle's last check
}

func newBucket(now func() time.Time) *bucket { return &bucket{Memory: store.NewMemory(now)} }

func (b *bucket) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		first, _ := slices.BinarySearch(b.keys, prefix)
		var under []string
		for _, key := range b.keys[first:] {
			if !strings.HasPrefix(key, prefix) {
				break
			}
			under = append(under, key)
		}
		for _, key := range under {
			_, object, err := b.Open(ctx, key, 0, store.ToEnd, "")
			if errors.Is(err, store.ErrNotFound) {
				continue // it has been deleted since
			}
			if !yield(object, err) {
				return
			}
		}
	}
}

func (b *bucket) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	return b.Memory.Open(context.WithoutCancel(ctx), key, offset, length, ifMatch)
}

func (b *bucket) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	object, err := b.Memory.Put(context.WithoutCancel(ctx), key, body, size, cond)
	if err == nil {
		b.changed = append(b.changed, key)
		if at, found := slices.BinarySearch(b.keys, key); !found {
			b.keys = slices.Insert(b.keys, at, key)
		}
	}
	return object, err
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	b.changed = append(b.changed, key)
	if at, found := slices.BinarySearch(b.keys, key); found {
		b.keys = slices.Delete(b.keys, at, at+1)
	}
	return b.Memory.Delete(context.WithoutCancel(ctx), key)
}

// A process works on the stores, one call at a time. Each call waits until the
// simulation lets it continue, and says with which fault. Only one process runs at any
// time, so a seed makes one history.
type process struct {
	name         string
	source, sink *faultstest.Store

	cancel context.CancelFunc
	calls  chan faultstest.Call
	fates  chan faultstest.Outcome
	ended  chan error
	dead   bool // it was killed: its calls have no effect

	waiting *faultstest.Call // the call that waits; nil: the process has ended
	err     error            // of a process that has ended
	wakes   int              // the step at which it continues, if it is frozen
}

// start starts a process and lets it run up to its first call.
func (s *simulation) start(name string, work func(ctx context.Context, p *process) error) *process {
	p := &process{name: name, calls: make(chan faultstest.Call), fates: make(chan faultstest.Outcome), ended: make(chan error, 1)}
	p.source, p.sink = faultstest.New(s.source, p.decide), faultstest.New(s.sink, p.decide)
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer func() {
			if panicked := recover(); panicked != nil {
				p.ended <- fmt.Errorf("%s panicked: %v", name, panicked)
			}
		}()
		p.ended <- work(ctx, p)
	}()
	p.await()
	return p
}

// decide is where a process waits for its fate.
func (p *process) decide(c faultstest.Call) faultstest.Outcome {
	if p.dead {
		return faultstest.Outcome{Fault: faultstest.Drop}
	}
	p.calls <- c
	return <-p.fates
}

// await waits for the next call, or the end.
func (p *process) await() {
	select {
	case c := <-p.calls:
		p.waiting = &c
	case p.err = <-p.ended:
		p.waiting = nil
		p.cancel()
	}
}

// resume lets the process continue up to its next call.
func (p *process) resume(fate faultstest.Outcome) {
	p.fates <- fate
	p.await()
}

// kill ends the process. The store may still apply the call that waits.
func (p *process) kill(fate faultstest.Outcome) {
	p.dead = true
	p.cancel()
	p.fates <- fate
	p.err = <-p.ended
	p.waiting = nil
}

// engine is the work of a run. It fails with an error that no fault explains.
func (s *simulation) engine(target partition.Target) func(context.Context, *process) error {
	return func(ctx context.Context, p *process) error {
		result, err := s.builder(p.source, p.sink).Run(ctx, target, build.OnlyDue)
		if err != nil {
			return unexplained(err)
		}
		for i := range result.Steps {
			if err := unexplained(result.Steps[i].Err); err != nil {
				return err
			}
		}
		return nil
	}
}

// unexplained is the error, unless a fault or another engine explains it.
func unexplained(err error) error {
	if errors.Is(err, faultstest.ErrInjected) || errors.Is(err, context.Canceled) || errors.Is(err, publish.ErrRaced) || errors.As(err, new(*build.Blocked)) {
		return nil
	}
	return err
}

// collect is the work of garbage collection.
func (s *simulation) collect(ctx context.Context, p *process) error {
	_, err := publish.GC(ctx, p.sink, s.gcOptions(), nil)
	return unexplained(err)
}

func (s *simulation) gcOptions() publish.GCOptions {
	return publish.GCOptions{
		Now: s.now, Keep: keep, Grace: grace,
		Roots: []string{partition.ReportRoot, partition.MonthRoot, partition.DigestRoot, partition.QuarantineRoot}, Owner: partition.OwnerDir,
		RemoveAfter: func(dir string) (time.Duration, bool) {
			return s.removeAfter, strings.HasPrefix(dir, partition.ReportRoot) || strings.HasPrefix(dir, partition.MonthRoot)
		},
	}
}

// read is the work of a reader: it reads the parts of a manifest, one by one, however
// long that takes. If the partition is replaced meanwhile, it finds the rest of the
// revision in the history.
func (s *simulation) read(dir string) func(context.Context, *process) error {
	return func(ctx context.Context, p *process) error {
		base, err := publish.Read(ctx, p.sink, dir)
		if err != nil || base.Manifest == nil {
			return unexplained(err)
		}
		m := base.Manifest
		err = readParts(ctx, p.sink, m)
		if errors.Is(err, store.ErrNotFound) {
			kept, err := publish.ReadRevision(ctx, p.sink, dir, m.Revision)
			if err != nil {
				return unexplained(err)
			}
			return unexplained(readParts(ctx, p.sink, &kept))
		}
		return unexplained(err)
	}
}

func readParts(ctx context.Context, st store.Store, m *publish.Manifest) error {
	for i := range m.Parts {
		b, err := pipelinetest.ReadObject(ctx, st, m.Parts[i].Key)
		if err != nil {
			return fmt.Errorf("a reader of revision %d: %w", m.Revision, err)
		}
		if pipelinetest.SHA256(b) != m.Parts[i].SHA256 {
			return fmt.Errorf("a reader of revision %d: %s is not what its manifest says", m.Revision, m.Parts[i].Key)
		}
	}
	return nil
}

// late are the calls, also of killed processes, that the network still holds.
func (s *simulation) late() (calls []lateCall) {
	s.senders = slices.DeleteFunc(s.senders, func(p *process) bool { return p.waiting == nil && len(p.sink.Lingering()) == 0 })
	for _, p := range s.senders {
		for i, c := range p.sink.Lingering() {
			calls = append(calls, lateCall{p, i, c})
		}
	}
	return calls
}

type lateCall struct {
	from *process
	n    int
	call faultstest.Call
}
