package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"daybook/sources/store"
)

// What fails leaves a note beside the state, so that a plan can say so and
// `backfill --only failed` finds it, on whichever machine. The note goes when
// it succeeds. Nothing else depends on it.
type failure struct {
	Error string    `json:"error"`
	Time  time.Time `json:"time"`
}

func failedKey(s *Step) string {
	report := s.Report
	if s.Kind == Digest {
		report = "-" // no report is named so
	}
	return failedRoot + string(s.Kind) + "/" + report + "/" + s.Partition + ".json"
}

// readFailures reads the notes of what failed.
func (o *observation) readFailures(ctx context.Context) error {
	for object, err := range o.r.Sink.List(ctx, failedRoot) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil // nothing was ever written to a directory
		}
		if err != nil {
			return err
		}
		f, err := readFailure(ctx, o.r.Sink, object.Key)
		if errors.Is(err, store.ErrNotFound) {
			continue // somebody else has just succeeded
		}
		if err != nil {
			return err
		}
		o.failed[object.Key] = f.Error
	}
	return nil
}

func readFailure(ctx context.Context, st store.Store, key string) (f failure, err error) {
	body, _, err := st.Open(ctx, key, 0, store.ToEnd, "")
	if err != nil {
		return f, err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		return f, err
	}
	if json.Unmarshal(b, &f) != nil || f.Error == "" {
		f.Error = strings.TrimSpace(string(b)) // better than nothing
	}
	return f, nil
}

// noteFailure keeps or removes the note of a step.
func (b *build) noteFailure(ctx context.Context, s *Step, text string) error {
	key := failedKey(s)
	if text == "" {
		if _, noted := b.failed[key]; !noted {
			return nil
		}
		return b.r.Sink.Delete(ctx, key)
	}
	body, err := json.Marshal(failure{text, b.r.now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	_, err = b.r.Sink.Put(ctx, key, bytes.NewReader(body), int64(len(body)), store.Condition{})
	return err
}
