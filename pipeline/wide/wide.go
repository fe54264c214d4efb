// Package wide makes one digest or one day on many machines. Each function here is the
// work of one process, between two streams of rows (package wire); a program such as
// Spark shuffles the rows between them by pid.
//
// A digest: [Decode] reads one dump, and sends its events to the hash ranges of their
// sessions. [Digest] sorts the events of one range, and stores its tables.
// [CommitDigest] adds up what became of the lines, and publishes the digest.
//
// A day: [Stitch] makes the rows of one hash range of sessions, by quarters of an hour.
// [DayJob.Cut] divides the rows into files by their exact numbers. [Parts] makes one of
// the files. The commit, in package build, makes checks and summaries from the files.
//
// Nothing is visible before the commit. What is stored has the hash of its content in
// its name: a task that is run twice stores the same objects.
package wide

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"daybook/pipeline/extract"
	"daybook/pipeline/wide/wire"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/shuffle"
)

// DigestJob is the making of one digest.
type DigestJob struct {
	Day      day.Day
	Bits     int    // of its hash ranges
	Inputs   string // a hash of all that it is made from
	PID      int32  // of its first hash range; the others follow
	ETag     string // of the manifest that it replaces; empty: none
	Revision int    // that it will be
	Reason   string // in words
	Dumps    []dump.Dump
}

// DecodeTask is to decode one dump.
type DecodeTask struct {
	Day    day.Day
	Bits   int
	PID    int32 // of the first hash range
	Number int   // of the dump in its day
	Dump   dump.Dump
}

// DigestTask is to make the tables of one hash range.
type DigestTask struct {
	Day      day.Day
	Range    shuffle.Range
	PID      int32
	Revision int
	Dumps    int // of the day, whose tallies come to the first hash range; 0: none come
}

// Decodes are the tasks of a job, one for each dump.
func (j *DigestJob) Decodes() []DecodeTask {
	tasks := make([]DecodeTask, len(j.Dumps))
	for i, d := range j.Dumps {
		tasks[i] = DecodeTask{Day: j.Day, Bits: j.Bits, PID: j.PID, Number: i, Dump: d}
	}
	return tasks
}

// Digests are the tasks of a job, one for each hash range, in the order of their pids.
func (j *DigestJob) Digests() []DigestTask {
	var tasks []DigestTask
	for _, r := range shuffle.Ranges(j.Bits) {
		t := DigestTask{Day: j.Day, Range: r, PID: j.PID + int32(r.Number), Revision: j.Revision}
		if r.Number == 0 {
			t.Dumps = len(j.Dumps)
		}
		tasks = append(tasks, t)
	}
	return tasks
}

// Tally is what became of a dump.
type Tally struct {
	Number int // of the dump
	Key    string
	ETag   string
	Lines  event.Tally
	Worst  *extract.RejectCause // nil: no line was rejected
	extract.Reached
	Form    dump.Form
	Foreign string `json:",omitempty"` // why the object is no dump

	Error   string `json:",omitempty"` // why the dump cannot be read; the rest does not count then
	Changed bool   `json:",omitempty"` // another dump is there now: plan again
}

// RangeResult is what was stored of a hash range.
type RangeResult struct {
	Day        day.Day
	Range      shuffle.Range
	Parts      []publish.Part // its three tables
	Summary    digest.Summary
	Events     int64 // repeated ones included
	Duplicates int64
	Moved      bool          // copies of one event have different times
	Tallies    []Tally       `json:",omitempty"` // of all dumps; in the first range only
	Rejects    *publish.Part `json:",omitempty"` // likewise; nil: no line was rejected
	Error      string        `json:",omitempty"` // why it cannot be made; the rest does not count then
}

// readTask reads the first row of a stream, and the task in it.
func readTask(in *wire.Reader, task interface{ check() error }) error {
	row, err := in.Next()
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it has no task", wire.ErrStream)
	case err != nil:
		return err
	}
	if err := row.CheckKind(wire.Task); err != nil {
		return err
	}
	if err := json.Unmarshal(row.Payload, task); err != nil {
		return fmt.Errorf("%w: its task is no JSON as expected: %w", wire.ErrStream, err)
	}
	if err := task.check(); err != nil {
		return fmt.Errorf("%w: its task: %w", wire.ErrStream, err)
	}
	return nil
}

// readEnd reads the end of a stream.
func readEnd(in *wire.Reader) error {
	row, err := in.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return row.CheckKind()
}

// writeJSON writes a row with a JSON payload.
func writeJSON(out *wire.Writer, row wire.Row, value any) (err error) {
	if row.Payload, err = json.Marshal(value); err != nil {
		return err
	}
	return out.Write(row)
}

func notConfigured(report string) error {
	return fmt.Errorf("the report %s is not configured here: this worker has another configuration than the driver", report)
}
