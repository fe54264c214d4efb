package service

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sources/store"
)

// controllerStateKey is where the book lies. It is compressed: what fails by the thousands
// fails alike, and an object that is put conditionally has its bounds.
const controllerStateKey = "state/serve.json.gz"

// book is what replicas have to tell one another, and themselves after a
// restart: what fails and how often it did, which alerts are open, and which
// messages are still to be delivered. Everything else can be seen from what is
// published.
//
// It is one object, read by every look and changed by compare-and-swap (see
// [Service.edit]): the holder of the lease writes it, but so does who carries
// out an action, and who held the lease a moment ago.
//
// All in it is bounded, so that it can always be written: troubles by their
// number, and they have no text (why a step failed is in the pipeline's own note
// of it); alerts, as many of a kind are one; messages by their number and their
// length.
type controllerState struct {
	Retries map[partition.ID]*retryState `json:"troubles"`
	Alerts  map[string]*Alert            `json:"alerts"` // open ones, by id
	Outbox  map[string]*message          `json:"outbox"` // by the event's id
}

// retryState is that something keeps failing. It goes when it succeeds, or when
// people say that it is to be tried again.
type retryState struct {
	Failures int       `json:"failures"` // in a row
	Since    time.Time `json:"since"`    // of the first one
	Again    time.Time `json:"again"`    // it is not tried before
	SetAside bool      `json:"set_aside,omitempty"`
	Inputs   string    `json:"inputs"` // what it failed with: anything else may be tried at once
	Run      string    `json:"run"`    // of the last failure: no run counts twice
}

// waits says whether it is too early for another attempt. Nothing waits if
// there is no retryState.
func (t *retryState) waits(now time.Time) bool {
	return t != nil && (t.SetAside || now.Before(t.Again))
}

// maxRetries bounds what is known to fail: several times all days of three
// reports in twenty years. What is beyond that is tried by each run.
const maxRetries = 100_000

// maxErrorText bounds what is shown and told of an error: the rest is in the log
// and in the note of the failure.
const maxErrorText = 1000

// failure is why the last attempt at a step failed.
func failureText(s *plan.Step) string {
	return shortened(cmp.Or(s.Failed, "nothing was noted of why; the log has it"), maxErrorText)
}

// retryState is the retryState with a step; nil if there is none, or it was with
// other inputs.
func (b *controllerState) retryState(s *plan.Step) *retryState {
	t := b.Retries[s.ID]
	if t == nil || t.Inputs != s.Inputs {
		return nil
	}
	return t
}

// fail notes that a step has failed in a run.
func (b *controllerState) fail(s *plan.Step, run string, now time.Time, p *policy) {
	k := s.ID
	t := b.Retries[k]
	switch {
	case t != nil && t.Run == run:
		return
	case t == nil && len(b.Retries) >= maxRetries:
		return
	case t == nil || t.Inputs != s.Inputs:
		t = &retryState{Since: now, Inputs: s.Inputs}
		b.Retries[k] = t
	}
	t.Failures++
	t.Run = run
	t.Again, t.SetAside = now.Add(p.pause(t.Failures)), t.Failures >= p.attempts
}

// shortened cuts a text to so many bytes, between two characters.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && text[cut]&0xC0 == 0x80 { // within a character
		cut--
	}
	return text[:cut] + "…"
}

// policy says how what fails is tried again.
type policy struct {
	attempts            int
	pause1, pauseAtMost time.Duration
}

// pause is how long to wait after so many failures in a row.
func (p *policy) pause(failures int) time.Duration {
	pause := p.pause1
	for i := 1; i < failures && pause < p.pauseAtMost; i++ {
		pause *= 2
	}
	return min(pause, p.pauseAtMost)
}

// alerts are the open ones, the oldest first.
func (b *controllerState) alerts() []Alert {
	alerts := []Alert{}
	for _, id := range slices.Sorted(maps.Keys(b.Alerts)) {
		alerts = append(alerts, *b.Alerts[id])
	}
	slices.SortStableFunc(alerts, func(a, b Alert) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return alerts
}

// maxControllerState bounds the object: more than can be put conditionally is no book. And
// maxControllerStateText bounds its text, which is some ten times as long.
const (
	maxControllerState     = store.MaxConditionalSize
	maxControllerStateText = 256 << 20
)

// readControllerState reads the book; if there is none, it is empty.
func readControllerState(ctx context.Context, st store.Store) (b *controllerState, etag string, err error) {
	b = new(controllerState)
	body, object, err := st.Open(ctx, controllerStateKey, 0, store.ToEnd, "")
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrNoBucket):
		err = nil
	case err == nil:
		defer body.Close()
		var packed []byte
		if packed, err = io.ReadAll(io.LimitReader(body, maxControllerState+1)); err != nil {
			return nil, "", err
		}
		etag = object.ETag
		if b.decode(packed) != nil {
			b = new(controllerState) // what cannot be read is written anew: nothing but attempts and alerts is lost
		}
	default:
		return nil, "", err
	}
	if b.Retries == nil {
		b.Retries = map[partition.ID]*retryState{}
	}
	if b.Alerts == nil {
		b.Alerts = map[string]*Alert{}
	}
	if b.Outbox == nil {
		b.Outbox = map[string]*message{}
	}
	return b, etag, err
}

// editAttempts is how often an edit is tried when others edit at the same time:
// there are few of them, and each time one has got on.
const editAttempts = 8

// edit changes the book, and returns it as it is then. change may be called
// several times, each time with what is there; if a write was applied without
// our knowing, with what it has changed already.
func (s *Service) edit(ctx context.Context, change func(*controllerState)) (*controllerState, error) {
	select {
	case s.editing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.editing }()
	st := s.current().Pipeline.Sink
	for attempt := 1; ; attempt++ {
		b, etag, err := readControllerState(ctx, st)
		if err != nil {
			return nil, err
		}
		before := b.encode()
		change(b)
		after := b.encode()
		if bytes.Equal(before, after) {
			return b, nil
		}
		cond := store.Condition{IfMatch: etag}
		if etag == "" {
			cond = store.Condition{IfAbsent: true}
		}
		packed := packed(after)
		_, err = st.Put(ctx, controllerStateKey, bytes.NewReader(packed), int64(len(packed)), cond)
		if err == nil {
			return b, nil
		}
		if attempt == editAttempts || ctx.Err() != nil {
			return nil, fmt.Errorf("write down what fails and whom to tell: %w", err)
		}
	}
}

func (b *controllerState) encode() []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // people read this, not browsers
	encoder.SetIndent("", " ")
	if err := encoder.Encode(b); err != nil {
		panic(err) // there is nothing in a book that JSON cannot hold
	}
	return text.Bytes()
}

func packed(text []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // there is this level
	_, _ = w.Write(text)                            // nor does a buffer fail
	_ = w.Close()
	return b.Bytes()
}

func (b *controllerState) decode(packed []byte) error {
	text, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	return json.NewDecoder(io.LimitReader(text, maxControllerStateText)).Decode(b)
}
