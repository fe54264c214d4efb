package controller

import (
	"bytes"
	"context"
	"fmt"

	"daybook/sources/store"
)

// Store changes the controller state in the sink.
type Store struct {
	sink    func() store.Store
	editing chan struct{} // holds one element during an edit

	queued Pending[func(*State)] // changes that Flush applies
}

// NewStore makes the store of the controller state. sink returns the sink of the
// configuration in force.
func NewStore(sink func() store.Store) *Store {
	return &Store{sink: sink, editing: make(chan struct{}, 1)}
}

// editAttempts is how often an edit is tried if other replicas edit at the same
// time. Each conflict means that another replica succeeded, and there are few.
const editAttempts = 8

// Edit changes the controller state and returns the result. change may be called
// several times, each time with the state that is stored. If a write succeeded
// but its response was lost, change is called with its own result.
func (c *Store) Edit(ctx context.Context, change func(*State)) (*State, error) {
	select {
	case c.editing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-c.editing }()
	st := c.sink()
	for attempt := 1; ; attempt++ {
		s, etag, err := Read(ctx, st)
		if err != nil {
			return nil, err
		}
		before := s.encode()
		change(s)
		after := s.encode()
		if bytes.Equal(before, after) {
			return s, nil
		}
		cond := store.Condition{IfMatch: etag}
		if etag == "" {
			cond = store.Condition{IfAbsent: true}
		}
		packed := packed(after)
		_, err = st.Put(ctx, Key, bytes.NewReader(packed), int64(len(packed)), cond)
		if err == nil {
			return s, nil
		}
		if attempt == editAttempts || ctx.Err() != nil {
			return nil, fmt.Errorf("write the controller state: %w", err)
		}
	}
}

// Queue adds a change that the next look, or the end of the run, applies together
// with others: thousands of steps may fail in a row. If the process dies before,
// the failures are forgotten and the steps are retried without a pause.
func (c *Store) Queue(change func(*State)) { c.queued.Add(change) }

// Flush applies the queued changes. If the write fails, they stay queued.
func (c *Store) Flush(ctx context.Context) error {
	_, err := c.queued.Flush(func(changes []func(*State)) error {
		_, err := c.Edit(ctx, func(s *State) {
			for _, change := range changes {
				change(s)
			}
		})
		return err
	})
	return err
}
