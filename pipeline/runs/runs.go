// Package runs keeps the records of past runs in the sink, also for the console:
// those of daybook serve, and those of the command line.
package runs

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/pipeline/build"
	"daybook/pipeline/words"
	"daybook/sources/store"
	"daybook/transform/event"
)

// Record is the record of a run.
type Record struct {
	ID         string           `json:"id"`
	Replica    string           `json:"replica"` // of the command line: the host's name
	Trigger    string           `json:"trigger"` // schedule, an action, or the command line
	Begun      time.Time        `json:"begun"`
	Ended      time.Time        `json:"ended"`
	Outcome    string           `json:"outcome"` // Done, Failed or Interrupted
	Error      string           `json:"error,omitempty"`
	Steps      []build.Done     `json:"steps"`
	Accounting event.Accounting `json:"accounting"`
}

// The outcomes.
const (
	Done        = "done"
	Failed      = "failed"
	Interrupted = "interrupted"
)

// The triggers of runs of the command line, and of jobs on many machines.
const (
	CommandLine = "command line"
	Job         = "job on many machines"
)

// Begin begins the record of a run.
func Begin(replica, trigger string, now time.Time) Record {
	now = now.UTC()
	id := now.Format(timeLayout) + "-" + strings.ToLower(rand.Text()[:randomLength])
	return Record{ID: id, Replica: replica, Trigger: trigger, Begun: now, Steps: []build.Done{}}
}

// End sets the outcome of a run. result is nil if the run could not begin; err is its
// error. interruption says why the run was interrupted; empty if it was not.
func (r *Record) End(now time.Time, result *build.Result, err error, interruption string) {
	r.Ended, r.Outcome = now.UTC(), Done
	if result != nil {
		r.Steps, r.Accounting = result.Steps, result.Accounting
	}
	switch {
	case interruption != "":
		r.Outcome, r.Error = Interrupted, interruption
	case err != nil:
		r.Outcome, r.Error = Failed, err.Error()
	case result.Failed():
		r.Outcome, r.Error = Failed, failureText(result)
	}
}

// Empty reports whether the run had nothing to do. Such runs are not stored.
func (r *Record) Empty() bool { return len(r.Steps) == 0 && r.Error == "" }

// failureText counts the steps that failed, and those that wait for them.
func failureText(result *build.Result) string {
	failed, waiting := 0, 0
	for i := range result.Steps {
		switch err := result.Steps[i].Err; {
		case err == nil:
		case errors.As(err, new(*build.Blocked)):
			waiting++
		default:
			failed++
		}
	}
	text := fmt.Sprintf("%d of %s failed", failed, words.Count(len(result.Steps), "step", "steps"))
	if waiting > 0 {
		text += fmt.Sprintf(", and %d could not be tried", waiting)
	}
	return text
}

// Records are stored as state/runs/<id>.json. An id starts with the start time
// of the run, so a listing is in order of time.
const (
	root         = "state/runs/"
	timeLayout   = "20060102T150405.000Z"
	randomLength = 6 // letters and digits, so that runs of two replicas at one moment differ
)

var validID = regexp.MustCompile(`^\d{8}T\d{6}\.\d{3}Z-[a-z0-9]{6}$`)

const (
	// Most and MaxAge: Write deletes the records beyond them.
	Most   = 1000
	MaxAge = 90 * 24 * time.Hour

	// WriteTimeout limits the writes after a run. They are made even if the run's
	// context has ended.
	WriteTimeout = 15 * time.Second

	// maxRecord limits how many bytes of a record are read. The steps of a run
	// over decades take some megabytes.
	maxRecord = 256 << 20

	// readAtOnce is how many records are read at the same time.
	readAtOnce = 16
)

// Write writes the record of a run, and deletes records beyond Most and MaxAge.
func Write(ctx context.Context, st store.Store, r *Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := st.Put(ctx, root+r.ID+".json", bytes.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		return err
	}
	stored, err := storedIDs(ctx, st)
	if err != nil {
		return err
	}
	oldest := r.Begun.Add(-MaxAge).Format(timeLayout)
	for i, id := range stored {
		if i >= Most || id < oldest {
			if err := st.Delete(ctx, root+id+".json"); err != nil {
				return err
			}
		}
	}
	return nil
}

// storedIDs lists the ids of the stored records, newest first.
func storedIDs(ctx context.Context, st store.Store) ([]string, error) {
	var stored []string
	for object, err := range st.List(ctx, root) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil, nil // a directory that was never written to
		}
		if err != nil {
			return nil, err
		}
		if id, ok := strings.CutSuffix(object.Key[len(root):], ".json"); ok && validID.MatchString(id) {
			stored = append(stored, id)
		}
	}
	slices.Reverse(stored)
	return stored, nil
}

// List reads up to n records, newest first.
func List(ctx context.Context, st store.Store, n int) ([]Record, error) {
	stored, err := storedIDs(ctx, st)
	if err != nil {
		return nil, err
	}
	stored = stored[:min(max(n, 0), len(stored))]
	runs := make([]*Record, len(stored))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, id := range stored {
		group.Go(func() error {
			r, err := Read(ctx, st, id)
			if errors.Is(err, store.ErrNotFound) {
				return nil // deleted since the listing
			}
			runs[i] = r
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := []Record{}
	for _, r := range runs {
		if r != nil {
			found = append(found, *r)
		}
	}
	return found, nil
}

// Read reads a record. The error of an unknown id is store.ErrNotFound.
func Read(ctx context.Context, st store.Store, id string) (*Record, error) {
	if !validID.MatchString(id) {
		return nil, fmt.Errorf("%.64q is no run: %w", id, store.ErrNotFound)
	}
	key := root + id + ".json"
	body, _, err := st.Open(ctx, key, 0, store.ToEnd, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	r := new(Record)
	if err := json.NewDecoder(io.LimitReader(body, maxRecord)).Decode(r); err != nil {
		return nil, fmt.Errorf("%s is not a valid run record: %w", st.URL(key), err)
	}
	return r, nil
}
