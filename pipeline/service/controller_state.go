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

// controllerStateKey is compressed, as thousands of failures have similar records
// and the size of a conditional write is limited.
const controllerStateKey = "state/serve.json.gz"

// controllerState is what replicas share beyond the published data, and what must
// survive a restart: failures, open alerts, and undelivered messages.
//
// It is one object. Every look reads it. All changes go through
// [controllerStore.edit], a compare-and-swap, because several replicas may write
// at the same time: the holder of the lease, its predecessor, and a replica that
// carries out an action.
//
// Its size is bounded, so that it can always be written: failures by number and
// without texts (the pipeline stores why a step failed), alerts because many are
// combined into one, messages by number and length.
type controllerState struct {
	Retries map[partition.ID]*retryState `json:"troubles"`
	Alerts  map[string]*Alert            `json:"alerts"` // open ones, by id
	Outbox  map[string]*message          `json:"outbox"` // by the event's id
}

// retryState says when a failed step is retried. It is removed when the step
// succeeds or a user retries it.
type retryState struct {
	Failures int       `json:"failures"` // in a row
	Since    time.Time `json:"since"`    // of the first failure
	Again    time.Time `json:"again"`    // of the next attempt
	SetAside bool      `json:"set_aside,omitempty"`
	Inputs   string    `json:"inputs"` // of the failed attempts; other inputs are tried at once
	Run      string    `json:"run"`    // of the last failure; a run counts once
}

// waits reports whether the step may not be tried yet. r may be nil.
func (r *retryState) waits(now time.Time) bool {
	return r != nil && (r.SetAside || now.Before(r.Again))
}

// maxRetries is how many failed steps are recorded: several times all days of
// three reports in twenty years. Steps beyond it are tried by each run.
const maxRetries = 100_000

// maxErrorText is how many bytes of an error are shown and sent. The log and the
// stored note of the failure have the whole text.
const maxErrorText = 1000

// failureText is why the last attempt at a step failed.
func failureText(s *plan.Step) string {
	return shortened(cmp.Or(s.Failed, "no reason was recorded; see the log"), maxErrorText)
}

// retryOf is the retry state of a step; nil if the step has not failed with its
// current inputs.
func (cs *controllerState) retryOf(s *plan.Step) *retryState {
	r := cs.Retries[s.ID]
	if r == nil || r.Inputs != s.Inputs {
		return nil
	}
	return r
}

// fail records that a step failed in a run.
func (cs *controllerState) fail(s *plan.Step, run string, now time.Time, p *retryPolicy) {
	r := cs.Retries[s.ID]
	switch {
	case r != nil && r.Run == run:
		return
	case r == nil && len(cs.Retries) >= maxRetries:
		return
	case r == nil || r.Inputs != s.Inputs:
		r = &retryState{Since: now, Inputs: s.Inputs}
		cs.Retries[s.ID] = r
	}
	r.Failures++
	r.Run = run
	r.Again, r.SetAside = now.Add(p.pause(r.Failures)), r.Failures >= p.attempts
}

// shortened cuts a text to a number of bytes, between two characters.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && text[cut]&0xC0 == 0x80 { // inside a character
		cut--
	}
	return text[:cut] + "…"
}

// retryPolicy says how failures are retried.
type retryPolicy struct {
	attempts             int // before a step is set aside
	firstPause, maxPause time.Duration
}

func newRetryPolicy(c *Config) *retryPolicy {
	return &retryPolicy{c.Serve.Attempts, time.Duration(c.Serve.RetryPause), time.Duration(c.Serve.MaxRetryPause)}
}

// pause is the pause after a number of failures in a row. It doubles each time.
func (p *retryPolicy) pause(failures int) time.Duration {
	pause := p.firstPause
	for i := 1; i < failures && pause < p.maxPause; i++ {
		pause *= 2
	}
	return min(pause, p.maxPause)
}

// alerts are the open alerts, oldest first.
func (cs *controllerState) alerts() []Alert {
	alerts := []Alert{}
	for _, id := range slices.Sorted(maps.Keys(cs.Alerts)) {
		alerts = append(alerts, *cs.Alerts[id])
	}
	slices.SortStableFunc(alerts, func(a, b Alert) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return alerts
}

// Limits of what is read, in bytes: the object, which is written by a conditional
// put, and its uncompressed text, which is about ten times as long.
const (
	maxControllerState     = store.MaxConditionalSize
	maxControllerStateText = 256 << 20
)

// readControllerState reads the controller state and its ETag. It is empty if
// the object is missing or cannot be decoded: only attempts, alerts and messages
// are lost then.
func readControllerState(ctx context.Context, st store.Store) (cs *controllerState, etag string, err error) {
	cs = new(controllerState)
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
		if cs.decode(packed) != nil {
			cs = new(controllerState)
		}
	default:
		return nil, "", err
	}
	if cs.Retries == nil {
		cs.Retries = map[partition.ID]*retryState{}
	}
	if cs.Alerts == nil {
		cs.Alerts = map[string]*Alert{}
	}
	if cs.Outbox == nil {
		cs.Outbox = map[string]*message{}
	}
	return cs, etag, err
}

func (cs *controllerState) encode() []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // no browser reads this
	encoder.SetIndent("", " ")
	if err := encoder.Encode(cs); err != nil {
		panic(err) // every field can be encoded
	}
	return text.Bytes()
}

func packed(text []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is valid
	_, _ = w.Write(text)                            // a buffer never fails
	_ = w.Close()
	return b.Bytes()
}

func (cs *controllerState) decode(packed []byte) error {
	text, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	return json.NewDecoder(io.LimitReader(text, maxControllerStateText)).Decode(cs)
}

// controllerStore changes the controller state in the sink.
type controllerStore struct {
	config  *activeConfig
	editing chan struct{} // holds one element during an edit

	queued pending[func(*controllerState)] // changes that flush applies
}

func newControllerStore(c *activeConfig) *controllerStore {
	return &controllerStore{config: c, editing: make(chan struct{}, 1)}
}

// editAttempts is how often an edit is tried if other replicas edit at the same
// time. Each conflict means that another replica succeeded, and there are few.
const editAttempts = 8

// edit changes the controller state and returns the result. change may be called
// several times, each time with the state that is stored. If a write succeeded
// but its response was lost, change is called with its own result.
func (c *controllerStore) edit(ctx context.Context, change func(*controllerState)) (*controllerState, error) {
	select {
	case c.editing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-c.editing }()
	st := c.config.sink()
	for attempt := 1; ; attempt++ {
		cs, etag, err := readControllerState(ctx, st)
		if err != nil {
			return nil, err
		}
		before := cs.encode()
		change(cs)
		after := cs.encode()
		if bytes.Equal(before, after) {
			return cs, nil
		}
		cond := store.Condition{IfMatch: etag}
		if etag == "" {
			cond = store.Condition{IfAbsent: true}
		}
		packed := packed(after)
		_, err = st.Put(ctx, controllerStateKey, bytes.NewReader(packed), int64(len(packed)), cond)
		if err == nil {
			return cs, nil
		}
		if attempt == editAttempts || ctx.Err() != nil {
			return nil, fmt.Errorf("write the controller state: %w", err)
		}
	}
}

// queue adds a change that the next look, or the end of the run, applies together
// with others: thousands of steps may fail in a row. If the process dies before,
// the failures are forgotten and the steps are retried without a pause.
func (c *controllerStore) queue(change func(*controllerState)) { c.queued.add(change) }

// flush applies the queued changes. If the write fails, they stay queued.
func (c *controllerStore) flush(ctx context.Context) error {
	_, err := c.queued.flush(func(changes []func(*controllerState)) error {
		_, err := c.edit(ctx, func(cs *controllerState) {
			for _, change := range changes {
				change(cs)
			}
		})
		return err
	})
	return err
}
