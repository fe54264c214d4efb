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

// Records of runs lie under state/runs/<id>.json. An id begins with the time at
// which the run began, so that they are listed in order.
const (
	runRoot   = "state/runs/"
	runTime   = "20060102T150405.000Z"
	runRandom = 6 // letters and digits, so that two replicas' runs of the same moment differ
)

var runID = regexp.MustCompile(`^\d{8}T\d{6}\.\d{3}Z-[a-z0-9]{6}$`)

const (
	// maxRuns and maxRunAge bound the history: it is for people who ask what
	// happened, and they ask about the last days.
	maxRuns   = 1000
	maxRunAge = 90 * 24 * time.Hour

	// recordTimeout bounds the writing of what has become of a run, which happens
	// although the run may have been told to end.
	recordTimeout = 15 * time.Second

	// maxRunRecord bounds what is read of one: a run of decades has some
	// megabytes of steps.
	maxRunRecord = 256 << 20

	// readRuns is how many records are read at a time.
	readRuns = 16
)

// keepRun writes the record of a run, and removes those that are too old or too
// many.
func (s *Service) keepRun(ctx context.Context, u *underWay) error {
	text, err := json.Marshal(&u.Run)
	if err != nil {
		return err
	}
	st := s.current().Pipeline.Sink
	if _, err := st.Put(ctx, runRoot+u.ID+".json", bytes.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		return err
	}
	ids, err := runIDs(ctx, st)
	if err != nil {
		return err
	}
	oldest := u.Begun.Add(-maxRunAge).Format(runTime)
	for i, id := range ids { // the newest first
		if i >= maxRuns || id < oldest {
			if err := st.Delete(ctx, runRoot+id+".json"); err != nil {
				return err
			}
		}
	}
	return nil
}

// runIDs lists the runs that there are records of, the newest first.
func runIDs(ctx context.Context, st store.Store) ([]string, error) {
	var ids []string
	for object, err := range st.List(ctx, runRoot) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil, nil // nothing was ever written to a directory
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

// Runs are at most n runs of the past, on whichever replica, the newest first.
func (s *Service) Runs(ctx context.Context, n int) ([]Run, error) {
	st := s.current().Pipeline.Sink
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
				return nil // it was too old
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

// Run is one run of the past. If there is none of this id, the error is
// store.ErrNotFound.
func (s *Service) Run(ctx context.Context, id string) (*Run, error) {
	if !runID.MatchString(id) {
		return nil, fmt.Errorf("there is no run %q: %w", shortened(id, 64), store.ErrNotFound)
	}
	return readRun(ctx, s.current().Pipeline.Sink, id)
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
		return nil, fmt.Errorf("%s is no record of a run: %w", st.URL(key), err)
	}
	return r, nil
}
