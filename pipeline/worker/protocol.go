// Package worker does the tasks of a run that many machines share, and is the protocol
// between them and the job that gives them out: JSON lines.
//
// A task is steps of one stage, on days that lie together (Cut). A worker builds exactly
// these steps and writes an outcome for each. A step that fails has an outcome, too: only
// what another attempt may mend fails the worker. Two workers with the same task are as
// safe as two runs: the commit of each manifest decides.
package worker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"daybook/pipeline/build"
	"daybook/pipeline/extract"
	"daybook/pipeline/partition"
)

// Request is what a worker is asked to do: a line of JSON.
type Request struct {
	Steps []partition.ID `json:"steps"`
}

const (
	maxRequest = 1 << 20  // bytes of a request
	maxOutcome = 16 << 20 // bytes of an outcome
	maxTried   = 64 << 20 // bytes of what was tried: of 400,000 steps
	maxStage   = 1 << 30  // bytes of a stage with its results
)

// ReadRequest reads the only line of in. Its end closes the request: one that was cut
// off is refused.
func ReadRequest(in io.Reader) (*Request, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxRequest)).ReadBytes('\n')
	switch {
	case errors.Is(err, io.EOF) && len(line) == maxRequest:
		return nil, fmt.Errorf("the request has more than %d bytes", maxRequest)
	case errors.Is(err, io.EOF):
		return nil, errors.New(`the request has no end: write one line, such as {"steps":["digest//2026-11-20"]}`)
	case err != nil:
		return nil, fmt.Errorf("read the request: %w", err)
	}
	q := new(Request)
	if err := json.Unmarshal(line, q); err != nil {
		return nil, fmt.Errorf("the request is no JSON as expected: %w", err)
	}
	return q, q.Check()
}

// Check refuses a request without steps, or with one that is null or named twice.
func (q *Request) Check() error {
	if len(q.Steps) == 0 {
		return errors.New(`the request names no step, such as {"steps":["digest//2026-11-20"]}`)
	}
	seen := map[partition.ID]bool{}
	for _, id := range q.Steps {
		if id == (partition.ID{}) {
			return errors.New("the request names a step null")
		}
		if seen[id] {
			return fmt.Errorf("the request names %s twice", id)
		}
		seen[id] = true
	}
	return nil
}

// ReadTried reads what a job has tried so far, an object of JSON.
func ReadTried(in io.Reader) (Tried, error) {
	var t Tried
	if err := readJSON(in, maxTried, &t); err != nil {
		return nil, fmt.Errorf("what was tried: %w", err)
	}
	if t == nil {
		return nil, errors.New(`what was tried is null: write {} at first, and then "tried" of the stage before`)
	}
	return t, nil
}

// ReadStage reads a stage of wide digests or days with the results of its workers, an
// object of JSON.
func ReadStage(in io.Reader, stage interface{ Check() error }) error {
	err := readJSON(in, maxStage, stage)
	if err == nil {
		err = stage.Check()
	}
	if err != nil {
		return fmt.Errorf("the stage: %w", err)
	}
	return nil
}

// readJSON reads the only value of in, of at most so many bytes.
func readJSON(in io.Reader, most int64, to any) error {
	limited := &io.LimitedReader{R: in, N: most}
	decoder := json.NewDecoder(limited)
	err := decoder.Decode(to)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			err = errors.New("more follows after its end")
		}
	}
	switch {
	case limited.N == 0:
		return fmt.Errorf("it has %d bytes or more", most)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it is empty, or cut off")
	case err != nil:
		return fmt.Errorf("it is no JSON as expected: %w", err)
	}
	return nil
}

// outcome is a step that was done or failed, as a line of JSON.
type outcome struct {
	Done    build.Done  `json:"done"`
	Read    *build.Read `json:"read,omitempty"`
	Failure *failure    `json:"failure,omitempty"`
}

// failure is the kind of an error, as far as the end of a run tells it.
type failure struct {
	Kind string `json:"kind"`
	By   string `json:"by,omitempty"`  // what blocks the step
	Why  string `json:"why,omitempty"` // and why
}

// The kinds of failures.
const (
	tooManyRejects = "rejects" // more lines were rejected than max_rejected allows
	blocked        = "blocked" // by a step that failed
	failed         = "failed"
)

// WriteOutcomes writes the outcomes of steps.
func WriteOutcomes(out io.Writer, done []build.Done) error {
	encoder := json.NewEncoder(out)
	for i := range done {
		if err := encoder.Encode(outcome{done[i], done[i].Read, failureOf(done[i].Err)}); err != nil {
			return err
		}
	}
	return nil
}

func failureOf(err error) *failure {
	by := (*build.Blocked)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &by):
		return &failure{Kind: blocked, By: by.By, Why: by.Why}
	case errors.As(err, new(*extract.TooManyRejects)):
		return &failure{Kind: tooManyRejects}
	}
	return &failure{Kind: failed}
}

// ReadOutcomes reads what workers have written, in any order. Of a step with several
// outcomes the last one counts.
func ReadOutcomes(in io.Reader) ([]build.Done, error) {
	var all []build.Done
	at := map[partition.ID]int{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxOutcome)
	for n := 1; lines.Scan(); n++ {
		var o outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, fmt.Errorf("line %d is no outcome of a step: %w", n, err)
		}
		o.Done.Read = o.Read
		o.Done.Err = o.Failure.error(o.Done.Error)
		if (o.Done.Err == nil) != (o.Done.State != "") {
			return nil, fmt.Errorf("line %d: %s has neither a state nor a failure, or both", n, o.Done.ID)
		}
		if i, known := at[o.Done.ID]; known {
			all[i] = o.Done
			continue
		}
		at[o.Done.ID] = len(all)
		all = append(all, o.Done)
	}
	return all, lines.Err()
}

// error is the failure as the builder tells it.
func (f *failure) error(text string) error {
	switch {
	case f == nil:
		return nil
	case f.Kind == blocked:
		return &build.Blocked{By: f.By, Why: f.Why}
	case f.Kind == tooManyRejects:
		return &told{text, new(extract.TooManyRejects)}
	}
	return errors.New(text)
}

// told is an error that a worker has told: its text, and the kind that it is of.
type told struct {
	text string
	kind error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.kind }
