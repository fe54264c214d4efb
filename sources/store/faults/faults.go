// Package faults makes a store fail in the ways that remote stores do, under
// a test's control: every call is shown to a function that decides what
// becomes of it.
//
//	s := faults.New(store.NewMemory(nil), func(c faults.Call) faults.Outcome {
//		if c.Op == faults.Put && c.N == 3 {
//			return faults.Outcome{Fault: faults.LoseAnswer}
//		}
//		return faults.Outcome{}
//	})
//
// A write has five fates: done; failed and not applied (Drop); failed but
// applied (LoseAnswer); applied twice (Repeat); failed, and applied later,
// after the writer has gone on (Linger, then Deliver or DeliverOne).
package faults

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

// ErrInjected is the cause of the errors that this package makes up.
var ErrInjected = errors.New("injected fault")

// Op is one of the calls of store.Store.
type Op string

// The calls of store.Store.
const (
	List   Op = "list"
	Open   Op = "open"
	Put    Op = "put"
	Delete Op = "delete"
)

// Call is a call that is about to be made.
type Call struct {
	N      int    // counts all calls, from 1
	Op     Op     //
	Key    string // List: the prefix
	Offset int64  // Open
	Size   int64  // Put
	Cond   store.Condition
}

// Fault is what goes wrong.
type Fault uint8

// The faults. For List and Open, which change nothing, LoseAnswer, Repeat and
// Linger are as Drop.
const (
	None       Fault = iota
	Drop             // the call is not made, and fails
	LoseAnswer       // the call is made, and fails
	Repeat           // the call is made twice; the second answer counts
	Linger           // the call fails, and is made by the next Deliver
	Cut              // Open: the body breaks after At bytes. List: it fails after At objects
	Stall            // Open: the body stops after At bytes. List: it stops after At objects. Others: no answer, and not applied. Until the context is done
)

// Outcome is what becomes of a call. The zero value is that it is made.
type Outcome struct {
	Fault Fault
	At    int64         // for Cut and Stall
	Delay time.Duration // before anything else happens
	Err   error         // in place of the made-up error; nil for that
}

// Store is a store with faults. Decide is called for one call at a time.
type Store struct {
	store.Store
	decide func(Call) Outcome

	deciding sync.Mutex // held while decide runs, which may take its time

	mu       sync.Mutex
	n        int
	lingered []lingered
}

// lingered is a call that is still to be made.
type lingered struct {
	call Call
	do   func(context.Context) error
}

// New is inner with the faults that decide orders.
func New(inner store.Store, decide func(Call) Outcome) *Store {
	return &Store{Store: inner, decide: decide}
}

// Calls is how many calls were made so far.
func (s *Store) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// Deliver makes the calls that lingered, in their order, and returns how many
// there were. What becomes of them nobody learns, as with a writer that died.
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

// Lingering are the calls that Deliver would make, in their order.
func (s *Store) Lingering() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, len(s.lingered))
	for i, l := range s.lingered {
		calls[i] = l.call
	}
	return calls
}

// DeliverOne makes only call i of Lingering, before those that linger for
// longer.
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

// begin asks for the outcome of a call, waits its delay, and returns the
// error of a call that is not made.
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
		panic(fmt.Sprintf("faults: Cut is for Open and List, not for %s", c.Op))
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
	rc, object, err := s.Store.Open(ctx, key, offset, length, ifMatch)
	if err == nil && (o.Fault == Cut || o.Fault == Stall) {
		rc = &brokenBody{ReadCloser: rc, s: s, ctx: ctx, key: key, o: o}
	}
	return rc, object, err
}

// brokenBody gives the first o.At bytes of a body.
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
		data := make([]byte, size) // the body is the caller's again
		if _, err := io.ReadFull(io.NewSectionReader(body, 0, size), data); err != nil {
			return store.Object{}, s.fail(Put, key, err)
		}
		s.linger(c, func(ctx context.Context) error {
			_, err := s.Store.Put(ctx, key, bytes.NewReader(data), size, cond)
			return err
		})
		return store.Object{}, o.Err
	case Repeat:
		// What the first answer was, only the second one's reader learns.
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
