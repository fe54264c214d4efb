package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/sources/store"
)

// Run records are stored as state/runs/<id>.json. An id starts with the start time
// of the run, so a listing is in order of time.
const (
	runRoot   = "state/runs/"
	runTime   = "20060102T150405.000Z"
	runRandom = 6 // letters and digits, so that runs of two replicas at one moment differ
)

var runID = regexp.MustCompile(`^\d{8}T\d{6}\.\d{3}Z-[a-z0-9]{6}$`)

const (
	// Older records are deleted.
	maxRuns   = 1000
	maxRunAge = 90 * 24 * time.Hour

	// recordTimeout limits the writes after a run. They are made even if the run's
	// context has ended.
	recordTimeout = 15 * time.Second

	// maxRunRecord limits how many bytes of a record are read. The steps of a run
	// over decades take some megabytes.
	maxRunRecord = 256 << 20

	// readRuns is how many records are read at the same time.
	readRuns = 16
)

// writeRun writes the record of a run, and deletes records beyond maxRuns and
// maxRunAge.
func writeRun(ctx context.Context, st store.Store, r *Run) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := st.Put(ctx, runRoot+r.ID+".json", bytes.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		return err
	}
	ids, err := runIDs(ctx, st)
	if err != nil {
		return err
	}
	oldest := r.Begun.Add(-maxRunAge).Format(runTime)
	for i, id := range ids {
		if i >= maxRuns || id < oldest {
			if err := st.Delete(ctx, runRoot+id+".json"); err != nil {
				return err
			}
		}
	}
	return nil
}

// runIDs lists the ids of the stored records, newest first.
func runIDs(ctx context.Context, st store.Store) ([]string, error) {
	var ids []string
	for object, err := range st.List(ctx, runRoot) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil, nil // a directory that was never written to
		}
		if err != nil {
			return nil, err
		}
		if id, ok := strings.CutSuffix(object.Key[len(runRoot):], ".json"); ok && runID.MatchString(id) {
			ids = append(ids, id)
		}
	}
	slices.Reverse(ids)
	return ids, nil
}

// listRuns reads up to n records, newest first.
func listRuns(ctx context.Context, st store.Store, n int) ([]Run, error) {
	ids, err := runIDs(ctx, st)
	if err != nil {
		return nil, err
	}
	ids = ids[:min(max(n, 0), len(ids))]
	runs := make([]*Run, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readRuns)
	for i, id := range ids {
		group.Go(func() error {
			r, err := readRun(ctx, st, id)
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
	found := []Run{}
	for _, r := range runs {
		if r != nil {
			found = append(found, *r)
		}
	}
	return found, nil
}

func readRun(ctx context.Context, st store.Store, id string) (*Run, error) {
	key := runRoot + id + ".json"
	body, _, err := st.Open(ctx, key, 0, store.ToEnd, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	r := new(Run)
	if err := json.NewDecoder(io.LimitReader(body, maxRunRecord)).Decode(r); err != nil {
		return nil, fmt.Errorf("%s is not a valid run record: %w", st.URL(key), err)
	}
	return r, nil
}
