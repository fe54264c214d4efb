package lineage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"daybook/pipeline/partition"
	"daybook/sinks/webhook"
	"daybook/sources/store"
)

// A batch is an object in the sink with events that wait for their delivery, one a line.
const (
	maxBatch = 64 << 20 // bytes that are read of a batch

	saveTimeout = 15 * time.Second // of the write of a batch's rest
)

func batchKey(id string) string { return partition.LineageRoot + id + ".ndjson" }

// StoreBatch stores events, each as JSON, and returns the batch's id. Equal batches have
// the same id.
func StoreBatch(ctx context.Context, sink store.Store, events [][]byte) (id string, err error) {
	text := lines(events)
	sum := sha256.Sum256(text)
	id = "lineage-" + hex.EncodeToString(sum[:12])
	return id, putBatch(ctx, sink, id, text)
}

func lines(events [][]byte) []byte { return append(bytes.Join(events, []byte("\n")), '\n') }

func putBatch(ctx context.Context, sink store.Store, id string, text []byte) error {
	_, err := sink.Put(ctx, batchKey(id), bytes.NewReader(text), int64(len(text)), store.Condition{})
	return err
}

// Deliver posts the events of a batch in order, and removes the batch. An event that the
// receiver refuses is left out, and the error says so. After another error the batch holds
// the events that are still to be posted. A batch that is gone has been delivered.
func Deliver(ctx context.Context, sink store.Store, hook *webhook.Hook, id string) error {
	events, err := readBatch(ctx, sink, id)
	if err != nil {
		return err
	}
	var refused error
	for i, event := range events {
		err := hook.Post(ctx, fmt.Sprintf("%s-%d", id, i+1), event)
		if errors.Is(err, webhook.ErrRefused) {
			refused = err
			continue
		}
		if err != nil {
			return errors.Join(err, keepRest(ctx, sink, id, events, i))
		}
	}
	if err := sink.Delete(ctx, batchKey(id)); err != nil {
		return err
	}
	return refused
}

// readBatch reads the events of a batch: none if it is gone.
func readBatch(ctx context.Context, sink store.Store, id string) ([][]byte, error) {
	body, _, err := sink.Open(ctx, batchKey(id), 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxBatch))
	if err != nil {
		return nil, err
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")), nil
}

// keepRest has a batch begin with the first event that is still to be posted. So each
// attempt makes progress, however slow the receiver is.
func keepRest(ctx context.Context, sink store.Store, id string, events [][]byte, first int) error {
	if first == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	return putBatch(ctx, sink, id, lines(events[first:]))
}
