// Package failures keeps the notes of failed steps in the sink: why the last build
// of a partition failed. A plan shows them, and `backfill --only failed` selects
// by them, on every machine. A note is removed when the step succeeds. Nothing
// else depends on the notes.
package failures

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"daybook/pipeline/partition"
	"daybook/sources/store"
)

// Note says why a step failed, and when.
type Note struct {
	Error string    `json:"error"`
	Time  time.Time `json:"time"`
}

// maxNote bounds what is read of a note, in bytes.
const maxNote = 1 << 20

// Read reads the note of a partition. Without one the error is store.ErrNotFound.
func Read(ctx context.Context, sink store.Store, id partition.ID) (Note, error) {
	return ReadKey(ctx, sink, id.FailureKey())
}

// ReadKey reads the note that has been listed under a key.
func ReadKey(ctx context.Context, sink store.Store, key string) (n Note, err error) {
	body, _, err := sink.Open(ctx, key, 0, store.ToEnd, "")
	if err != nil {
		return n, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxNote))
	if err != nil {
		return n, err
	}
	if json.Unmarshal(text, &n) != nil || n.Error == "" {
		n.Error = cmp.Or(strings.TrimSpace(string(text)), "no reason was noted") // a damaged note still says that it failed
	}
	return n, nil
}

// Write keeps the note of a partition in place of an older one.
func Write(ctx context.Context, sink store.Store, id partition.ID, n Note) error {
	body, err := json.Marshal(Note{n.Error, n.Time.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	_, err = sink.Put(ctx, id.FailureKey(), bytes.NewReader(body), int64(len(body)), store.Condition{})
	return err
}

// Remove removes the note of a partition.
func Remove(ctx context.Context, sink store.Store, id partition.ID) error {
	return sink.Delete(ctx, id.FailureKey())
}
