// Package lease elects the replica that works.
//
// The lease is one object in the store. It is never deleted. It records the
// holder and a generation, which only grows. Every change is a conditional put
// in place of the version that was read. So of several replicas that take the
// lease at once, one gets it, and none takes it from a holder that has just
// renewed it.
//
// Replicas do not compare clocks. The holder renews the lease at each third of
// its time to live (TTL); every renewal is a new version of the object. A
// replica that sees the same version for a whole TTL, by its own clock, treats
// the holder as dead. A holder that could not renew for two thirds of the TTL
// stops its work: one third before another replica can take over.
//
// The lease avoids duplicate work; it does not make the work safe. A process
// may be frozen for longer than the lease lasts and continue unaware. Published
// data is safe without it: every process replaces manifests by compare-and-swap.
package lease

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"daybook/sources/store"
)

// Key is the key of the lease.
const Key = "state/lease.json"

// How the TTL is divided. After a failed renewal there is time for another
// before the work must stop, and each call has its own time.
const (
	renewals    = 3  // the holder renews after TTL/renewals
	worksFor    = 2  // it works for worksFor*TTL/renewals without a renewal
	looks       = 4  // other replicas read it after TTL/looks
	callsAtMost = 6  // the calls of a step take TTL/callsAtMost at most
	soonest     = 12 // TTL/soonest passes between two steps at least
)

// maxRecord limits the object, in bytes. A record has a few hundred.
const maxRecord = 64 << 10

// ErrLost is the cause with which a context of [Lease.Work] ends: the lease was
// not renewed in time, or another replica holds it.
var ErrLost = errors.New("the lease was lost")

// ErrNotHeld is the error of [Lease.Work] if another replica holds the lease,
// or none does yet.
var ErrNotHeld = errors.New("another replica holds the lease")

// Store is the part of store.Store that a lease needs.
type Store interface {
	Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error)
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error)
	URL(key string) string
}

// Record is the content of the object. Its times are from the writer's clock
// and for people only: nothing expires by them.
type Record struct {
	Holder     string    `json:"holder"`
	Generation int64     `json:"generation"` // grows by one whenever a replica takes the lease
	Acquired   time.Time `json:"acquired"`
	Renewed    time.Time `json:"renewed"`
	TTL        int64     `json:"ttl_ms"`
	Since      time.Time `json:"since"`    // start of the unbroken time in which some replica held it
	Released   bool      `json:"released"` // the holder released it: it can be taken at once
	Claim      string    `json:"claim"`    // unique id of the taking
}

// Options configure a replica.
type Options struct {
	Holder string        // the replica's name, for people; need not be unique
	TTL    time.Duration // a holder that is silent for this long counts as dead

	// Since decides since when the lease has been held without a relevant
	// break. since is the previous answer, given at the time last; both are
	// zero at first.
	Since func(since, last, now time.Time) time.Time

	// OnChange, if set, is called when the replica gets or loses the lease.
	// It must not block.
	OnChange func(State)
}

// State is what a replica knows about the lease.
type State struct {
	Record // the last one read; zero if there was none
	Mine   bool
	Free   bool  // it has no holder, or the holder was silent for too long
	Err    error // of the last call
}

// Lease is one replica's view of the lease.
type Lease struct {
	store Store
	o     Options
	known chan struct{} // closed after the first step

	mu         sync.Mutex
	seen       version
	seenAt     time.Time // when this version was first read
	generation int64     // the highest one read
	claim      string    // of the last attempt to take it, which may have succeeded without an answer
	term       *term     // nil if this replica does not hold the lease
	err        error
}

// version is one content of the object.
type version struct {
	Record
	etag string // empty if there is no object
}

// term is the time in which this replica holds the lease.
type term struct {
	version             // the last confirmed one
	asked     time.Time // start of the first unconfirmed renewal; zero: none
	confirmed time.Time // start of the last confirmed write
	ctx       context.Context
	end       context.CancelCauseFunc
	deadline  *time.Timer // ends the term
}

// New returns the lease in a store, for one replica. It does nothing until Run
// is called.
func New(st Store, o Options) *Lease {
	return &Lease{store: st, o: o, known: make(chan struct{})}
}

// Known is closed after the first attempt to read the lease.
func (l *Lease) Known() <-chan struct{} { return l.known }

// Run takes the lease when it is free and keeps it as long as possible, until
// ctx is done. Then it releases the lease; work under the lease must have
// ended. Run does not fail: State has the error.
func (l *Lease) Run(ctx context.Context) {
	for first := true; ctx.Err() == nil; first = false {
		pause := time.NewTimer(l.step(ctx))
		if first {
			close(l.known)
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	l.release(ctx)
}

// Work returns a context for work of the holder. It ends with ctx, and with the
// cause ErrLost when the lease may be lost. The caller calls done when the work
// is over.
func (l *Lease) Work(ctx context.Context) (work context.Context, done func(), err error) {
	t := l.held()
	if t == nil {
		return nil, nil, ErrNotHeld
	}
	work, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(t.ctx, func() { cancel(ErrLost) })
	return work, func() { stop(); cancel(nil) }, nil
}

// State returns what is known about the lease.
func (l *Lease) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Record: l.seen.Record, Err: l.err}
	s.Mine = l.term != nil && l.term.ctx.Err() == nil
	s.Free = !s.Mine && l.free()
	return s
}

// held is the current term, or nil.
func (l *Lease) held() *term {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term != nil && l.term.ctx.Err() != nil {
		l.term = nil
	}
	return l.term
}

// step renews the lease or tries to take it, and returns the wait until the
// next step.
func (l *Lease) step(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, l.o.TTL/callsAtMost)
	defer cancel()
	wait := l.o.TTL / looks
	var err error
	if t := l.held(); t == nil {
		err = l.take(ctx)
	} else {
		err = l.renew(ctx, t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	if t := l.term; t != nil {
		wait = time.Until(t.confirmed.Add(l.o.TTL / renewals))
	} else {
		wait = min(wait, time.Until(l.expiry()))
	}
	return max(wait, l.o.TTL/soonest)
}

// take takes the lease if it is free.
func (l *Lease) take(ctx context.Context) error {
	there, err := l.read(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	next, free := l.claimNow(now)
	if !free {
		return nil
	}
	got, err := l.write(ctx, next, there)
	if err != nil {
		return err
	}
	return l.begin(got, now)
}

// claimNow returns the record that takes the lease, if the lease is free.
func (l *Lease) claimNow(now time.Time) (next Record, free bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.free() {
		return Record{}, false
	}
	l.claim = rand.Text()
	return Record{
		Holder: l.o.Holder, Generation: l.generation + 1, Acquired: now.UTC(), Renewed: now.UTC(),
		TTL: l.o.TTL.Milliseconds(), Since: l.o.Since(l.seen.Since, l.seen.Renewed, now).UTC(), Claim: l.claim,
	}, true
}

// free reports whether a new holder may replace the version read last. A
// version of our own without a current term may be replaced, too: its term has
// ended, or its write had no answer.
func (l *Lease) free() bool {
	s := &l.seen
	return s.etag == "" || s.Released || l.claim != "" && s.Claim == l.claim || time.Until(l.expiry()) <= 0
}

// expiry is the time at which the holder of the version read last counts as
// dead.
func (l *Lease) expiry() time.Time {
	ttl := time.Duration(l.seen.TTL) * time.Millisecond
	if ttl <= 0 {
		ttl = l.o.TTL // the object is not a valid record
	}
	return l.seenAt.Add(ttl)
}

// begin starts a term with a version whose write started at began.
func (l *Lease) begin(v version, began time.Time) error {
	left := time.Until(l.endOf(began))
	if left <= 0 {
		return ErrLost // the answer took too long
	}
	t := &term{version: v, confirmed: began}
	t.ctx, t.end = context.WithCancelCause(context.Background())
	t.deadline = time.AfterFunc(left, func() { l.ended(t) })
	l.mu.Lock()
	l.term = t
	l.mu.Unlock()
	l.changed()
	return nil
}

// endOf is the time at which work must stop if the last confirmed write started
// at began.
func (l *Lease) endOf(began time.Time) time.Time {
	return began.Add(l.o.TTL * worksFor / renewals)
}

// lose ends a term, unless its deadline has.
func (l *Lease) lose(t *term) {
	if t.deadline.Stop() {
		l.ended(t)
	}
}

// ended cancels the work of a term and reports the change.
func (l *Lease) ended(t *term) {
	t.end(ErrLost)
	l.changed()
}

func (l *Lease) changed() {
	if l.o.OnChange != nil {
		l.o.OnChange(l.State())
	}
}

// renew writes the record again. If the outcome is unknown, the term continues
// to its current deadline.
func (l *Lease) renew(ctx context.Context, t *term) error {
	now := time.Now()
	if t.asked.IsZero() {
		t.asked = now
	}
	next := t.Record
	next.Renewed, next.Since = now.UTC(), l.o.Since(t.Since, t.Renewed, now).UTC()
	got, err := l.write(ctx, next, t.version)
	if errors.Is(err, ErrNotHeld) {
		l.lose(t)
		return err
	}
	if err != nil {
		return err
	}
	if !t.deadline.Stop() {
		return ErrLost // too late: the work was cancelled
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// The object may be from the first of several attempts, and the other
	// replicas count from its write.
	t.version, t.confirmed, t.asked = got, t.asked, time.Time{}
	t.deadline.Reset(time.Until(l.endOf(t.confirmed)))
	return nil
}

// releaseTimeout limits the last call. A lease that is not released becomes
// free when it expires.
const releaseTimeout = 5 * time.Second

// release releases the lease after ctx is done.
func (l *Lease) release(ctx context.Context) {
	t := l.held()
	if t == nil {
		return
	}
	l.lose(t)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	next := t.Record
	next.Renewed, next.Released = time.Now().UTC(), true
	there, err := l.write(ctx, next, t.version)
	if err == nil && !there.Released { // the object is from a renewal without an answer
		_, err = l.write(ctx, next, there)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// read reads the object and records when its version was first read.
func (l *Lease) read(ctx context.Context) (version, error) {
	v, err := l.open(ctx)
	if err != nil {
		return version{}, err
	}
	l.note(v)
	return v, nil
}

// Read reads the record without taking part in the election. It is zero if there
// is none.
func Read(ctx context.Context, st Store) (Record, error) {
	v, err := (&Lease{store: st}).open(ctx)
	return v.Record, err
}

func (l *Lease) open(ctx context.Context) (version, error) {
	body, object, err := l.store.Open(ctx, Key, 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNoBucket) {
		return version{}, nil // a directory exists only after the first put
	}
	if err != nil {
		return version{}, err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxRecord))
	if err != nil {
		return version{}, err
	}
	v := version{etag: object.ETag}
	if json.Unmarshal(b, &v.Record) != nil {
		v.Record = Record{Holder: "unknown: " + l.store.URL(Key) + " is not a lease"} // it expires like a lease
	}
	return v, nil
}

func (l *Lease) note(v version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v.etag != l.seen.etag || l.seenAt.IsZero() {
		l.seen, l.seenAt = v, time.Now()
	}
	l.generation = max(l.generation, v.Generation)
}

// write puts next in place of base and returns the resulting version. If that
// is another replica's, the error is ErrNotHeld. After any other error the
// outcome is unknown.
func (l *Lease) write(ctx context.Context, next Record, base version) (version, error) {
	body, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return version{}, fmt.Errorf("encode the lease: %w", err)
	}
	cond := store.Condition{IfMatch: base.etag}
	if base.etag == "" {
		cond = store.Condition{IfAbsent: true}
	}
	object, err := l.store.Put(ctx, Key, bytes.NewReader(body), int64(len(body)), cond)
	if err == nil {
		v := version{next, object.ETag}
		l.note(v)
		return v, nil
	}
	// The put was refused, or its outcome is unknown. The answer to an
	// applied put may be lost, and a refusal may even be the answer to our
	// own put, repeated. So read what is there.
	there, readErr := l.read(ctx)
	switch {
	case readErr != nil:
		return version{}, fmt.Errorf("%w; it is unknown whether it was written: %w", err, readErr)
	case there.Claim == next.Claim && there.etag != base.etag:
		return there, nil
	case there.etag != base.etag:
		return version{}, ErrNotHeld
	}
	return version{}, err // not applied, at least not yet
}
