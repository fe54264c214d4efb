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

// readFailures reads the notes of what failed, of which there may be thousands.
func (o *observation) readFailures(ctx context.Context) error {
	var notes []store.Object
	for object, err := range o.r.Sink.List(ctx, failedRoot) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil // nothing was ever written to a directory
		}
		if err != nil {
			return err
		}
		if text, known := o.r.Known.failure(object); known {
			o.failed[object.Key] = text
		} else {
			notes = append(notes, object)
		}
	}
	return each(ctx, len(notes), o.r.requests(), func(ctx context.Context, i int) error {
		f, err := readFailure(ctx, o.r.Sink, notes[i].Key)
		if errors.Is(err, store.ErrNotFound) {
			return nil // somebody else has just succeeded
		}
		if err != nil {
			return err
		}
		o.r.Known.keepFailure(notes[i], f.Error)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.failed[notes[i].Key] = f.Error
		return nil
	})
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
