package wide_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/output"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/wide"
	"daybook/pipeline/wide/wire"
	"daybook/transform/day"
)

// driver does what a program such as Spark does: it runs each worker between two pipes,
// twice, and shuffles the rows between them.
type driver struct {
	testing.TB
	*settings.Pipeline
	random *rand.Rand
	bytes  int64 // of the payloads that were shuffled
	events int64
}

func newDriver(tb testing.TB, s *settings.Pipeline) *driver {
	return &driver{TB: tb, Pipeline: s, random: rand.New(rand.NewPCG(1, 2))}
}

// worker is one of the workers of package wide.
type worker func(ctx context.Context, s *settings.Pipeline, in io.Reader, out io.Writer) error

// attempt runs a worker with a task and rows.
func (d *driver) attempt(w worker, task any, rows []wire.Row) ([]wire.Row, error) {
	toWorker, in := io.Pipe()
	out, fromWorker := io.Pipe()
	go func() { in.CloseWithError(writeRows(in, task, rows)) }()
	failed := make(chan error, 1)
	go func() {
		err := w(d.Context(), d.Pipeline, toWorker, fromWorker)
		toWorker.CloseWithError(errors.New("the worker has ended"))
		fromWorker.CloseWithError(err)
		failed <- err
	}()
	var got []wire.Row
	reader := wire.NewReader(out)
	for {
		row, err := reader.Next()
		if err == io.EOF {
			return got, <-failed
		}
		if err != nil {
			return nil, err
		}
		row.Payload = bytes.Clone(row.Payload)
		got = append(got, row)
	}
}

func writeRows(to io.Writer, task any, rows []wire.Row) error {
	w := wire.NewWriter(to)
	payload, err := json.Marshal(task)
	if err != nil {
		return err
	}
	for _, row := range append([]wire.Row{{Kind: wire.Task, Payload: payload}}, rows...) {
		if err := w.Write(row); err != nil {
			return err
		}
	}
	return w.Close()
}

// run runs a worker twice: an attempt that is repeated gives a result of its own.
func (d *driver) run(w worker, task any, rows []wire.Row) []wire.Row {
	d.Helper()
	var got []wire.Row
	for range 2 {
		var err error
		if got, err = d.attempt(w, task, rows); err != nil {
			d.Fatal(err)
		}
		d.random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	return got
}

// shuffle adds rows to those of their pids.
func (d *driver) shuffle(byPID map[int32][]wire.Row, rows []wire.Row) {
	for _, row := range rows {
		byPID[row.PID] = append(byPID[row.PID], row)
		if row.Kind == wire.Events {
			d.bytes += int64(len(row.Payload))
			d.events += row.N
		}
	}
}

// builder plans and commits.
func (d *driver) builder() *build.Builder { return &build.Builder{Settings: d.Pipeline} }

// job plans the digest of a day.
func (d *driver) job(of day.Day) *wide.DigestJob {
	d.Helper()
	jobs, err := d.builder().BeginDigests(d.Context(), partition.Days(of, of), build.All)
	if err != nil {
		d.Fatal(err)
	}
	for _, j := range jobs {
		if j.Day == of {
			return j
		}
	}
	d.Fatalf("the digest of %s is not due", of)
	return nil
}

// results runs the workers of a digest.
func (d *driver) results(j *wide.DigestJob) []wide.RangeResult {
	d.Helper()
	byPID := map[int32][]wire.Row{}
	for _, task := range j.Decodes() {
		d.shuffle(byPID, d.run(wide.Decode, task, nil))
	}
	var results []wide.RangeResult
	for _, task := range j.Digests() {
		for _, row := range d.run(wide.Digest, task, byPID[task.PID]) {
			if row.Kind != wire.Result || row.PID != task.PID {
				d.Fatalf("a digest task gave a row of kind %d for pid %d", row.Kind, row.PID)
			}
			var r wide.RangeResult
			if err := json.Unmarshal(row.Payload, &r); err != nil {
				d.Fatal(err)
			}
			results = append(results, r)
		}
	}
	d.random.Shuffle(len(results), func(i, k int) { results[i], results[k] = results[k], results[i] })
	return results
}

// digest makes the digest of a day.
func (d *driver) digest(of day.Day) *build.Done {
	d.Helper()
	j := d.job(of)
	done, err := d.builder().CommitDigest(d.Context(), j, d.results(j))
	if err != nil {
		d.Fatal(err)
	}
	return done
}

// stitch runs the workers that make the rows of a date.
func (d *driver) stitch(j *wide.DayJob) (results []wide.StitchResult, rows []wire.Row) {
	d.Helper()
	for _, task := range j.Stitches() {
		for _, row := range d.run(wide.Stitch, task, nil) {
			if row.Kind != wire.Result {
				rows = append(rows, row)
				continue
			}
			var r wide.StitchResult
			if err := json.Unmarshal(row.Payload, &r); err != nil {
				d.Fatal(err)
			}
			results = append(results, r)
		}
	}
	return results, rows
}

// parts runs the workers that make the files of a date.
func (d *driver) parts(j *wide.DayJob, stitched []wide.StitchResult, rows []wire.Row) (tasks []wide.PartTask, results []wide.PartResult) {
	d.Helper()
	var buckets []wide.Bucket
	for _, r := range stitched {
		buckets = append(buckets, r.Buckets...)
	}
	tasks, routes := j.Cut(buckets, output.FileRows(d.Pipeline), 0)
	byPID := map[int32][]wire.Row{}
	for _, row := range rows {
		for _, route := range routes {
			if route.From == row.PID && route.Bucket == row.Seq {
				byPID[route.To] = append(byPID[route.To], row)
			}
		}
	}
	for _, task := range tasks {
		for _, row := range d.run(wide.Parts, task, byPID[task.PID]) {
			var r wide.PartResult
			if err := json.Unmarshal(row.Payload, &r); err != nil {
				d.Fatal(err)
			}
			results = append(results, r)
		}
	}
	return tasks, results
}

// days makes what is due of the dates of a target.
func (d *driver) days(t partition.Target) (all []build.Done) {
	d.Helper()
	jobs, err := d.builder().BeginDays(d.Context(), t, build.All)
	if err != nil {
		d.Fatal(err)
	}
	for _, j := range jobs {
		stitched, rows := d.stitch(j)
		tasks, parts := d.parts(j, stitched, rows)
		done, err := d.builder().CommitDay(d.Context(), j, stitched, tasks, parts)
		if err != nil {
			d.Fatal(err)
		}
		all = append(all, done...)
	}
	return all
}

// jsonOf is a value as indented JSON.
func jsonOf(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
