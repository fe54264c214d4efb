// Package audit keeps the log of the actions that users ask the console for: an object
// in the sink for each, with one line of JSON.
//
// An action is recorded before it begins; without its record it does not begin. Its end
// replaces the record by one with the outcome. A record that stays without an end
// belongs to a process that died meanwhile. Replicas write objects of their own, so
// that none waits for another. The console admits one action in three seconds, which
// bounds the number of records; daybook gc removes old ones.
package audit

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

	"daybook/pipeline/service/actions"
	"daybook/pipeline/words"
	"daybook/sources/store"
)

// Record is what became of an action.
type Record struct {
	ID      string         `json:"id"`
	Time    time.Time      `json:"time"`
	User    string         `json:"user"` // as the proxy names it; "token": a login with the token
	Role    string         `json:"role"`
	Address string         `json:"address"` // the peer of the connection: the browser, or the proxy
	Replica string         `json:"replica"`
	Action  actions.Action `json:"action"`
	Outcome string         `json:"outcome"`
	Run     string         `json:"run,omitempty"` // the id of its run
	Error   string         `json:"error,omitempty"`
	Ended   time.Time      `json:"ended,omitzero"`
}

// Outcomes beside those of runs: done, failed, interrupted.
const (
	Accepted = "accepted" // it waits or runs, or its process has died
	Refused  = "refused"  // it is not valid, or too many wait
)

// Records are stored as state/audit/<id>.jsonl. An id starts with the time, so a listing
// is in order of time.
const (
	Root         = "state/audit/"
	suffix       = ".jsonl"
	timeLayout   = "20060102T150405.000Z"
	randomLength = 6 // letters and digits, so that records of one moment differ
)

var validID = regexp.MustCompile(`^\d{8}T\d{6}\.\d{3}Z-[a-z0-9]{6}$`)

// WriteTimeout limits a write.
const WriteTimeout = 10 * time.Second

const (
	maxError   = 1000    // bytes of an error that a record keeps
	maxRecord  = 1 << 20 // bytes that are read of a record
	readAtOnce = 16
)

// Begin begins the record of an action.
func Begin(replica string, a actions.Action, now time.Time) *Record {
	now = now.UTC()
	id := now.Format(timeLayout) + "-" + strings.ToLower(rand.Text()[:randomLength])
	return &Record{
		ID: id, Time: now, User: a.By.User, Role: a.By.Role, Address: a.By.Address, Replica: replica, Action: a, Outcome: Accepted,
	}
}

// End sets the outcome.
func (r *Record) End(now time.Time, outcome, why string) {
	r.Ended, r.Outcome, r.Error = now.UTC(), outcome, words.Shortened(why, maxError)
}

// Write writes a record, in place of its last state.
func Write(ctx context.Context, st store.Store, r *Record) error {
	ctx, cancel := context.WithTimeout(ctx, WriteTimeout)
	defer cancel()
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	_, err = st.Put(ctx, Root+r.ID+suffix, bytes.NewReader(line), int64(len(line)), store.Condition{})
	return err
}

// List reads the records since a moment, up to n of the newest, the newest first.
func List(ctx context.Context, st store.Store, since time.Time, n int) ([]Record, error) {
	var ids []string
	for object, err := range st.List(ctx, Root) {
		if errors.Is(err, store.ErrNoBucket) {
			return nil, nil // a directory that was never written to
		}
		if err != nil {
			return nil, err
		}
		id, ok := strings.CutSuffix(object.Key[len(Root):], suffix)
		if ok && validID.MatchString(id) && id >= since.UTC().Format(timeLayout) {
			ids = append(ids, id)
		}
	}
	slices.Reverse(ids)
	ids = ids[:min(max(n, 0), len(ids))]
	found := make([]*Record, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, id := range ids {
		group.Go(func() (err error) {
			found[i], err = read(ctx, st, Root+id+suffix)
			if errors.Is(err, store.ErrNotFound) {
				return nil // removed since the listing
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []Record
	for _, r := range found {
		if r != nil {
			all = append(all, *r)
		}
	}
	return all, nil
}

func read(ctx context.Context, st store.Store, key string) (*Record, error) {
	body, _, err := st.Open(ctx, key, 0, store.ToEnd, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	r := new(Record)
	if err := json.NewDecoder(io.LimitReader(body, maxRecord)).Decode(r); err != nil {
		return nil, fmt.Errorf("%s is not a valid record of an action: %w; move it away to read the others", st.URL(key), err)
	}
	return r, nil
}
