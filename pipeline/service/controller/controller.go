// Package controller keeps the controller state: the retry states of failed steps, the
// open alerts and the outbox of messages. It is one object in the sink, which all
// replicas share.
//
// A change is a function on the [State], which [Store.Edit] writes by compare-and-swap.
// Errors are those of the sink's store. Times are in UTC.
package controller

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"daybook/pipeline/partition"
	"daybook/pipeline/service/states"
	"daybook/sources/store"
)

// Key is the object of the controller state. It is compressed, as thousands of failures
// have similar records and the size of a conditional write is limited.
const Key = "state/serve.json.gz"

// State is what replicas share beyond the published data, and what must survive a
// restart: failures, open alerts, and undelivered messages.
//
// Every look reads it. Several replicas may write it at the same time: the holder of the
// lease, its predecessor, and a replica that carries out an action.
//
// Its size is bounded, so that it can always be written: failures by number and
// without texts (the pipeline stores why a step failed), alerts because many are
// combined into one, messages by number and length, deliveries by number.
type State struct {
	Retries map[partition.ID]*Retry  `json:"troubles"`
	Alerts  map[string]*states.Alert `json:"alerts"` // open ones, by id
	Outbox  Outbox                   `json:"outbox"` // by the event's id

	Deliveries map[string]*Ledger `json:"deliveries,omitempty"` // to people, by the delivery's name
}

// OpenAlerts are the open alerts, oldest first.
func (s *State) OpenAlerts() []states.Alert {
	alerts := []states.Alert{}
	for _, id := range slices.Sorted(maps.Keys(s.Alerts)) {
		alerts = append(alerts, *s.Alerts[id])
	}
	slices.SortStableFunc(alerts, func(a, b states.Alert) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return alerts
}

// Limits of what is read, in bytes: the object, which is written by a conditional
// put, and its uncompressed text, which is about ten times as long.
const (
	maxSize = store.MaxConditionalSize
	maxText = 256 << 20
)

// Read reads the controller state and its ETag. The state is empty if the object is
// missing or cannot be decoded: only attempts, alerts and messages are lost then.
func Read(ctx context.Context, st store.Store) (s *State, etag string, err error) {
	s = new(State)
	body, object, err := st.Open(ctx, Key, 0, store.ToEnd, "")
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrNoBucket):
		err = nil
	case err == nil:
		defer body.Close()
		var packed []byte
		if packed, err = io.ReadAll(io.LimitReader(body, maxSize+1)); err != nil {
			return nil, "", err
		}
		etag = object.ETag
		if s.decode(packed) != nil {
			s = new(State)
		}
	default:
		return nil, "", err
	}
	if s.Retries == nil {
		s.Retries = map[partition.ID]*Retry{}
	}
	if s.Alerts == nil {
		s.Alerts = map[string]*states.Alert{}
	}
	if s.Outbox == nil {
		s.Outbox = Outbox{}
	}
	return s, etag, err
}

func (s *State) encode() []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // no browser reads this
	encoder.SetIndent("", " ")
	if err := encoder.Encode(s); err != nil {
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

func (s *State) decode(packed []byte) error {
	text, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	return json.NewDecoder(io.LimitReader(text, maxText)).Decode(s)
}
