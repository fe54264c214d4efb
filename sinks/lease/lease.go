// Package lease decides which of several replicas works.
//
// The lease is one object in the store, which is never deleted: a record of
// who holds it, and of the generation, which only grows. Every change is a
// conditional write in place of the version that was read before. So of any
// number of replicas that take the lease at the same moment one gets it, and
// none takes it from a holder that has just renewed it.
//
// Nobody trusts another host's clock. The holder renews the lease each third
// of its time to live, and every renewal is a new version of the object.
// Whoever sees the same version for a whole time to live, by its own clock,
// takes the holder for dead. A holder that could not renew the lease for two
// thirds of it ends its work: a third before anybody can take the lease over.
//
// The lease saves work that would be done twice. It does not make that work
// safe: a process may be frozen for longer than the lease lasts, and go on as
// if nothing had been. What is published is safe by the compare-and-swap of
// its manifest, whoever holds the lease.
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

// Key is where the lease lies.
const Key = "state/lease.json"

// How a time to live is divided. After a failed renewal there is time for
// another one before the work has to end, and each call has its own time.
const (
	renewals    = 3  // a renewal each third
	worksFor    = 2  // and so many thirds of work without one
	looks       = 4  // how often those that wait look at it
	callsAtMost = 6  // the share of it that the calls of one step may take
	soonest     = 12 // and that passes between two steps at least
)

// maxRecord bounds the object: a record has a few hundred bytes.
const maxRecord = 64 << 10

// ErrLost is why a context of [Lease.Work] ended: the lease was not renewed in
// time, or somebody else has it.
var ErrLost = errors.New("the lease was lost")

// ErrNotHeld is the answer of [Lease.Work] if somebody else holds the lease,
// or nobody does yet.
var ErrNotHeld = errors.New("another replica holds the lease")

// Store is the part of an object store that a lease needs.
type Store interface {
	Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error)
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error)
	URL(key string) string
}

// Record is what the object holds. Its times are by its writer's clock: they
// are for people, and nothing expires by them.
type Record struct {
	Holder     string    `json:"holder"`
	Generation int64     `json:"generation"` // of the lease: one more whenever somebody takes it
	Acquired   time.Time `json:"acquired"`
	Renewed    time.Time `json:"renewed"`
	TTL        int64     `json:"ttl_ms"`
	Since      time.Time `json:"since"`    // the lease has been held since, by whomever, without a break
	Released   bool      `json:"released"` // by its holder: it may be taken at once
	Claim      string    `json:"claim"`    // unique to the one time that somebody took it
}

// Options are those of a replica.
type Options struct {
	Holder string        // the replica's name, for people; two may have the same
	TTL    time.Duration // after so much silence the holder is taken for dead

	// Since says since when the lease has been held without a break that
	// counts: since is what was said at the instant last, and both are zero if
	// nothing was.
	Since func(since, last, now time.Time) time.Time

	// OnChange, if there is one, is told when the replica has got or lost the
	// lease. It must not wait.
	OnChange func(State)
}

// State is what a replica knows of the lease.
type State struct {
	Record // the last one seen; zero if there was none
	Mine   bool
	Free   bool  // nobody holds it, or whoever did is silent for too long
	Err    error // of the last call, if it failed
}

// Lease is the lease as one replica sees it.
type Lease struct {
	store Store
	o     Options
	known chan struct{} // closed after the first step

	mu         sync.Mutex
	seen       version
	seenAt     time.Time // when this version was seen first
	generation int64     // the highest one seen
	claim      string    // of the last attempt to take it: the object may say that it succeeded after all
	term       *term     // nil: it is not held here
	err        error
}

// version is one content of the object.
type version struct {
	Record
	etag string // empty: there is no object
}

// term is the time from getting the lease to losing it.
type term struct {
	version             // the one confirmed last
	asked     time.Time // when the first renewal began that is not confirmed; zero: there is none
	confirmed time.Time // when the write began that was confirmed last
	ctx       context.Context
	end       context.CancelCauseFunc
	deadline  *time.Timer // ends it
}

// New is the lease in a store, for one replica. Nothing is done until Run is.
func New(st Store, o Options) *Lease {
	return &Lease{store: st, o: o, known: make(chan struct{})}
}

// Known is closed as soon as it has been tried to learn who has the lease.
func (l *Lease) Known() <-chan struct{} { return l.known }

// Run takes the lease when it is free, and keeps it as long as it can, until
// ctx is done. Then it lets the lease go, if it has it: whoever works under it
// must have ended. It never fails: State says what is wrong.
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

// Work gives a context for work that only the holder does: ctx, which also
// ends, with the cause ErrLost, when the lease may not last any more. The
// caller calls done when the work is over.
func (l *Lease) Work(ctx context.Context) (work context.Context, done func(), err error) {
	t := l.held()
	if t == nil {
		return nil, nil, ErrNotHeld
	}
	work, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(t.ctx, func() { cancel(ErrLost) })
	return work, func() { stop(); cancel(nil) }, nil
}

// State is what is known of the lease.
func (l *Lease) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Record: l.seen.Record, Err: l.err}
	s.Mine = l.term != nil && l.term.ctx.Err() == nil
	s.Free = !s.Mine && l.free()
	return s
}

// held is the term under way; nil if there is none, or it has ended.
func (l *Lease) held() *term {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term != nil && l.term.ctx.Err() != nil {
		l.term = nil
	}
	return l.term
}

// step renews the lease or tries to take it, and says how long to wait then.
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

// claimNow is the record to take the lease with, if it is free.
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

// free says whether the version seen last may be replaced by a new holder's.
// One of our own that we do not work under any more, or never knew that it had
// been written, may.
func (l *Lease) free() bool {
	s := &l.seen
	return s.etag == "" || s.Released || l.claim != "" && s.Claim == l.claim || time.Until(l.expiry()) <= 0
}

// expiry is when the holder of the version seen last is taken for dead.
func (l *Lease) expiry() time.Time {
	ttl := time.Duration(l.seen.TTL) * time.Millisecond
	if ttl <= 0 {
		ttl = l.o.TTL // somebody wrote something else
	}
	return l.seenAt.Add(ttl)
}

// begin begins a term with a version whose writing began at a certain time.
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

// endOf is when work must end that was last confirmed by a write begun then.
func (l *Lease) endOf(began time.Time) time.Time {
	return began.Add(l.o.TTL * worksFor / renewals)
}

// lose ends a term.
func (l *Lease) lose(t *term) {
	if t.deadline.Stop() {
		l.ended(t)
	}
}

// ended tells all that a term has ended.
func (l *Lease) ended(t *term) {
	t.end(ErrLost)
	l.changed()
}

func (l *Lease) changed() {
	if l.o.OnChange != nil {
		l.o.OnChange(l.State())
	}
}

// renew writes the record again. As long as it is unknown whether that
// succeeded, the term goes on, to the deadline that it has.
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
		return ErrLost // too late: the work has been told to end
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// What stands may have been written by the first of several attempts, and
	// others have counted from then.
	t.version, t.confirmed, t.asked = got, t.asked, time.Time{}
	t.deadline.Reset(time.Until(l.endOf(t.confirmed)))
	return nil
}

// releaseTimeout bounds the last call. A lease that is not released is free
// when it has expired.
const releaseTimeout = 5 * time.Second

// release lets the lease go, although ctx is done.
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
	if err == nil && !there.Released { // a renewal of which no answer came stands there
		_, err = l.write(ctx, next, there)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// read reads what is there, and notes when a version was seen first.
func (l *Lease) read(ctx context.Context) (version, error) {
	v, err := l.open(ctx)
	if err != nil {
		return version{}, err
	}
	l.note(v)
	return v, nil
}

func (l *Lease) open(ctx context.Context) (version, error) {
	body, object, err := l.store.Open(ctx, Key, 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNoBucket) {
		return version{}, nil // a directory to which nothing was ever written is not there
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
		v.Record = Record{Holder: "unknown: " + l.store.URL(Key) + " is no lease"} // it expires as any other
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

// write puts next in place of the version that was read before, and returns
// what stands then. If that is somebody else's, the error is ErrNotHeld. Any
// other error leaves it unknown what stands.
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
	// Refused, or unknown. The answer to a write that was applied may be lost,
	// and then even a refusal may be to our own, repeated: only what is there
	// tells.
	there, readErr := l.read(ctx)
	switch {
	case readErr != nil:
		return version{}, fmt.Errorf("%w; whether it was written is unknown: %w", err, readErr)
	case there.Claim == next.Claim && there.etag != base.etag:
		return there, nil
	case there.etag != base.etag:
		return version{}, ErrNotHeld
	}
	return version{}, err // not applied, at least not yet
}
