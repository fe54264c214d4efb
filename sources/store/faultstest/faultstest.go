// Package faultstest wraps a store so that tests can inject the faults of remote
// stores. A function sees every call and decides its outcome.
//
//	s := faultstest.New(store.NewMemory(nil), func(c faultstest.Call) faultstest.Outcome {
//	if c.Op == faultstest.Put && c.N == 3 {
//	return faultstest.Outcome{Fault: faultstest.LoseAnswer}
//	}
//	return faultstest.Outcome{}
//	})
//
// A write has five possible outcomes: done; failed and not applied (Drop);
// failed but applied (LoseAnswer); applied twice (Repeat); failed, and applied
// later, when the writer has moved on (Linger, then Deliver or DeliverOne).
package faultstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"daybook/sources/store"
)

// ErrInjected is the cause of every injected error.
var ErrInjected = errors.New("injected fault")

// Op names a call of store.Store.
type Op string

// The calls of store.Store.
const (
	List   Op = "list"
	Open   Op = "open"
	Put    Op = "put"
	Delete Op = "delete"
)

// Call describes a call before it is made.
type Call struct {
	N      int // number of the call, from 1
	Op     Op
	Key    string // List: the prefix
	Offset int64  // Open
	Size   int64  // Put
	Cond   store.Condition
}

// Fault is a kind of failure.
type Fault uint8

// The faults. For List and Open, LoseAnswer, Repeat and Linger act like Drop.
const (
	None          Fault = iota
	Drop                // the call fails and is not made
	LoseAnswer          // the call is made, but fails
	Repeat              // the call is made twice; the caller gets the second answer
	Linger              // the call fails; Deliver makes it later
	Cut                 // Open: the body fails after At bytes; List: the listing fails after At objects
	Unconditional       // Open: the store ignores ifMatch
	Stall               // as Cut, but it waits for the context's end instead of failing; Put and Delete are not applied
)

// Outcome decides what happens to a call. The zero value lets it through.
type Outcome struct {
	Fault Fault
	At    int64         // for Cut and Stall: bytes or objects
	Delay time.Duration // wait before the call
	Err   error         // returned instead of ErrInjected, if set
}

// Store is a store with faults. Calls to decide never overlap.
type Store struct {
	store.Store
	decide func(Call) Outcome

	deciding sync.Mutex // held while decide runs

	mu       sync.Mutex
	n        int
	lingered []lingered
}

// lingered is a call that Deliver will make.
type lingered struct {
	call Call
	do   func(context.Context) error
}

// New returns inner with the faults that decide asks for.
func New(inner store.Store, decide func(Call) Outcome) *Store {
	return &Store{Store: inner, decide: decide}
}

// Calls is the number of calls so far.
func (s *Store) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// Deliver makes the lingering calls in their order and returns their number.
// Their answers are dropped, as if the writer had died.
func (s *Store) Deliver(ctx context.Context) int {
	s.mu.Lock()
	calls := s.lingered
	s.lingered = nil
	s.mu.Unlock()
	for _, l := range calls {
		_ = l.do(ctx)
	}
	return len(calls)
}

// Lingering lists the calls that Deliver would make, in their order.
func (s *Store) Lingering() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, len(s.lingered))
	for i, l := range s.lingered {
		calls[i] = l.call
	}
	return calls
}

// DeliverOne makes only call i of Lingering. The others stay.
func (s *Store) DeliverOne(ctx context.Context, i int) {
	s.mu.Lock()
	l := s.lingered[i]
	s.lingered = slices.Delete(s.lingered, i, i+1)
	s.mu.Unlock()
	_ = l.do(ctx)
}

func (s *Store) linger(call Call, do func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lingered = append(s.lingered, lingered{call, do})
}

// begin asks for the outcome of a call and waits its delay. It returns an error
// if the call is not to be made.
func (s *Store) begin(ctx context.Context, c Call) (Outcome, error) {
	s.deciding.Lock()
	s.mu.Lock()
	s.n++
	c.N = s.n
	s.mu.Unlock()
	o := s.decide(c)
	s.deciding.Unlock()
	if o.Delay > 0 {
		timer := time.NewTimer(o.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return o, s.fail(c.Op, c.Key, ctx.Err())
		}
	}
	if o.Err == nil {
		o.Err = s.fail(c.Op, c.Key, ErrInjected)
	}
	read := c.Op == List || c.Op == Open
	switch {
	case o.Fault == Drop, read && (o.Fault == LoseAnswer || o.Fault == Repeat || o.Fault == Linger):
		return o, o.Err
	case o.Fault == Stall && !read:
		<-ctx.Done()
		return o, s.fail(c.Op, c.Key, ctx.Err())
	case o.Fault == Cut && !read:
		panic(fmt.Sprintf("faultstest: Cut is for Open and List, not for %s", c.Op))
	}
	return o, nil
}

func (s *Store) fail(op Op, key string, err error) error {
	return &store.Error{Op: string(op), URL: s.URL(key), Err: err}
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		o, err := s.begin(ctx, Call{Op: List, Key: prefix})
		if err != nil {
			yield(store.Object{}, err)
			return
		}
		n := int64(0)
		broken := func() bool {
			switch {
			case o.Fault == Cut && n >= o.At:
				yield(store.Object{}, o.Err)
			case o.Fault == Stall && n >= o.At:
				<-ctx.Done()
				yield(store.Object{}, s.fail(List, prefix, ctx.Err()))
			default:
				return false
			}
			return true
		}
		for object, err := range s.Store.List(ctx, prefix) {
			if broken() || !yield(object, err) || err != nil {
				return
			}
			n++
		}
		broken()
	}
}

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	o, err := s.begin(ctx, Call{Op: Open, Key: key, Offset: offset})
	if err != nil {
		return nil, store.Object{}, err
	}
	if o.Fault == Unconditional {
		ifMatch = ""
	}
	rc, object, err := s.Store.Open(ctx, key, offset, length, ifMatch)
	if err == nil && (o.Fault == Cut || o.Fault == Stall) {
		rc = &brokenBody{ReadCloser: rc, s: s, ctx: ctx, key: key, o: o}
	}
	return rc, object, err
}

// brokenBody yields the first o.At bytes of a body, then fails or stalls.
type brokenBody struct {
	io.ReadCloser
	s   *Store
	ctx context.Context
	key string
	o   Outcome
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.o.At > 0 {
		n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.o.At)])
		b.o.At -= int64(n)
		return n, err
	}
	if b.o.Fault == Stall {
		<-b.ctx.Done()
		return 0, b.s.fail(Open, b.key, b.ctx.Err())
	}
	return 0, b.o.Err
}

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	c := Call{Op: Put, Key: key, Size: size, Cond: cond}
	o, err := s.begin(ctx, c)
	if err != nil {
		return store.Object{}, err
	}
	switch o.Fault {
	case Linger:
		data := make([]byte, size) // a copy: the body is valid only until Put returns
		if _, err := io.ReadFull(io.NewSectionReader(body, 0, size), data); err != nil {
			return store.Object{}, s.fail(Put, key, err)
		}
		s.linger(c, func(ctx context.Context) error {
			_, err := s.Store.Put(ctx, key, bytes.NewReader(data), size, cond)
			return err
		})
		return store.Object{}, o.Err
	case Repeat:
		// The first answer is lost.
		_, _ = s.Store.Put(ctx, key, body, size, cond)
	}
	object, err := s.Store.Put(ctx, key, body, size, cond)
	if o.Fault == LoseAnswer {
		return store.Object{}, o.Err
	}
	return object, err
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	c := Call{Op: Delete, Key: key}
	o, err := s.begin(ctx, c)
	if err != nil {
		return err
	}
	switch o.Fault {
	case Linger:
		s.linger(c, func(ctx context.Context) error { return s.Store.Delete(ctx, key) })
		return o.Err
	case Repeat:
		_ = s.Store.Delete(ctx, key)
	}
	err = s.Store.Delete(ctx, key)
	if o.Fault == LoseAnswer {
		return o.Err
	}
	return err
}
