package wide

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"daybook/pipeline/output"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/stitch"
	"daybook/pipeline/wide/wire"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/rowsort"
)

// Bucket is how many rows of a report and a hash range a bucket has.
type Bucket struct {
	PID    int32 // of the report, as the rows have it
	Bucket int64 // their seq
	Rows   int64
}

// PartTask is to make one file of a day: the rows with the ranks from Skip on, among
// those of the buckets that come to it.
type PartTask struct {
	PID      int32 // of the part
	Date     day.Day
	Report   string
	Revision int
	Number   int   // of the part
	Skip     int64 // rows of the first bucket that belong to earlier parts
	Rows     int64
	Least    int64 // rows that come, of all its buckets
}

// Route says that the rows of a bucket go to a part. Those of a bucket that two parts
// share go to both.
type Route struct {
	From   int32 `json:"pid"` // of the report
	Bucket int64 `json:"seq"`
	To     int32 `json:"part"` // its PID
}

// PartResult is a file that was stored.
type PartResult struct {
	Date   day.Day
	Report string
	Number int
	Part   publish.Part
	Error  string `json:",omitempty"` // why it cannot be made
}

// Cut divides the rows of each report of the job into files, by the exact numbers of
// rows in each bucket. The pids of the parts count from pid on.
func (j *DayJob) Cut(buckets []Bucket, fileRows int64, pid int32) (tasks []PartTask, routes []Route) {
	for i, r := range j.Reports {
		from := j.PID + int32(i)
		counts := map[int64]int64{}
		total := int64(0)
		for _, b := range buckets {
			if b.PID == from {
				counts[b.Bucket] += b.Rows
				total += b.Rows
			}
		}
		first := len(tasks)
		for number := range max(1, int((total+fileRows-1)/fileRows)) {
			begin := int64(number) * fileRows
			tasks = append(tasks, PartTask{
				PID: pid + int32(len(tasks)), Date: j.Date, Report: r.Name, Revision: r.Revision,
				Number: number, Rows: min(fileRows, total-begin),
			})
		}
		rank := int64(0)
		for _, bucket := range sortedKeys(counts) {
			n := counts[bucket]
			for number := rank / fileRows; number*fileRows < rank+n; number++ {
				t := &tasks[first+int(number)]
				if t.Least == 0 {
					t.Skip = number*fileRows - rank
				}
				t.Least += n
				routes = append(routes, Route{from, bucket, t.PID})
			}
			rank += n
		}
	}
	return tasks, routes
}

func sortedKeys(counts map[int64]int64) []int64 {
	keys := make([]int64, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Parts reads the task in a stream, and after it the rows of its buckets in any order.
// It stores the file and writes one row, a [PartResult]. The error is one that another
// attempt may mend.
func Parts(ctx context.Context, s *settings.Pipeline, in io.Reader, out io.Writer) (err error) {
	rows := wire.NewReader(in)
	task := new(PartTask)
	if err := readTask(rows, task); err != nil {
		return err
	}
	sorter := stitch.NewRowSorter(ctx, rowsort.ByTime, s.Budget.Memory/4)
	defer func() { err = errors.Join(err, sorter.Close()) }()
	if err := task.read(ctx, rows, sorter.Writer()); err != nil {
		return err
	}
	result := &PartResult{Date: task.Date, Report: task.Report, Number: task.Number}
	if result.Part, err = task.make(ctx, s, sorter); err != nil && !told(ctx, err, &result.Error) {
		return err
	}
	w := wire.NewWriter(out)
	if err := writeJSON(w, wire.Row{PID: task.PID, Kind: wire.Result, Day: int32(task.Date)}, result); err != nil {
		return err
	}
	return w.Close()
}

// make makes the file, and stores it.
func (t *PartTask) make(ctx context.Context, s *settings.Pipeline, sorter *rowsort.Sorter) (part publish.Part, err error) {
	rep := s.Report(t.Report)
	if rep == nil {
		return part, notConfigured(t.Report)
	}
	id := partition.DayID(t.Report, t.Date)
	publisher := &output.Publisher{Settings: s, Budget: s.Budget}
	f, closeFile, err := publisher.MakePart(ctx, &output.Partition{ID: id, Report: rep}, t.Number, t.cut(sorter.Rows()))
	if err != nil {
		return part, err
	}
	defer closeFile()
	if f.Part.Rows != t.Rows {
		return part, fmt.Errorf("part %d of %s has %d rows, want %d; this is a bug of daybook, please report it", t.Number, id, f.Part.Rows, t.Rows)
	}
	if f.Part.Key, err = publish.PartKey(id.Dir(), &f, t.Revision); err != nil {
		return part, err
	}
	_, err = s.Sink.Put(ctx, f.Part.Key, f.Body, f.Part.Bytes, store.Condition{})
	return f.Part, err
}

// read adds the rows of the buckets to a sorter.
func (t *PartTask) read(ctx context.Context, in *wire.Reader, to *rowsort.Writer) error {
	var unpacked []byte
	total := int64(0)
	for {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = row.CheckKind(wire.Rows)
		}
		if err == nil && row.Day != int32(t.Date) {
			err = fmt.Errorf("%w: rows of another day", wire.ErrStream)
		}
		if err == nil {
			unpacked, err = wire.Unpack(unpacked[:0], row.Payload)
		}
		if err != nil {
			return err
		}
		n, err := eachRow(unpacked, to.Add)
		if err == nil && n != row.N {
			err = fmt.Errorf("%w: a buffer has %d rows, and counts %d", wire.ErrStream, n, row.N)
		}
		if err != nil {
			return err
		}
		total += n
	}
	if total != t.Least {
		return fmt.Errorf("%w: %d rows came to part %d, of %d", wire.ErrStream, total, t.Number, t.Least)
	}
	return nil
}

// cut leaves out the rows that belong to other parts.
func (t *PartTask) cut(rows iter.Seq2[[]report.Row, error]) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		skip, left := t.Skip, t.Rows
		for batch, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			n := min(skip, int64(len(batch)))
			batch, skip = batch[n:], skip-n
			batch = batch[:min(left, int64(len(batch)))]
			left -= int64(len(batch))
			if len(batch) > 0 && !yield(batch, nil) || left == 0 {
				return
			}
		}
	}
}
