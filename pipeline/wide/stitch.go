package wide

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/pipeline/stitch"
	"daybook/pipeline/wide/wire"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/shuffle"
)

// bucketMillis is the time that the rows of a bucket share: a quarter of an hour.
const bucketMillis = 15 * 60 * 1000

// bucketOf is the bucket of a row. Buckets follow each other like the rows of a
// partition.
func bucketOf(r *report.Row) int64 { return r.Dated() / bucketMillis }

// StitchTask is to make the rows of one date, for the sessions of one hash range.
type StitchTask struct {
	Date    day.Day
	Range   shuffle.Range
	Reports []string
	PID     int32 // of the rows of the first report; the others follow
}

// StitchResult is what the rows of a hash range were made from.
type StitchResult struct {
	Date    day.Day
	Range   shuffle.Range
	Counts  []stitch.Counts // by report
	Reach   partition.Period
	Digests []publish.Input // with events of the sessions
	Seen    *publish.Seen   // the digests that could matter
	Buckets []Bucket        // that have rows
	Error   string          `json:",omitempty"` // why the rows cannot be made; the rest does not count then
}

// Stitch reads the task in a stream and makes its rows: those of each report in packed
// buffers by bucket, and a [StitchResult]. The error is one that another attempt may
// mend.
func Stitch(ctx context.Context, s *settings.Pipeline, in io.Reader, out io.Writer) error {
	rows := wire.NewReader(in)
	task := new(StitchTask)
	if err := readTask(rows, task); err != nil {
		return err
	}
	if err := readEnd(rows); err != nil {
		return err
	}
	w := wire.NewWriter(out)
	result, err := task.stitch(ctx, s, w)
	if err != nil {
		if result = (&StitchResult{Date: task.Date, Range: task.Range}); !told(ctx, err, &result.Error) {
			return err
		}
	}
	if err := writeJSON(w, wire.Row{PID: task.PID, Kind: wire.Result, Day: int32(task.Date)}, result); err != nil {
		return err
	}
	return w.Close()
}

// stitch makes the rows, and writes them.
func (t *StitchTask) stitch(ctx context.Context, s *settings.Pipeline, out *wire.Writer) (*StitchResult, error) {
	reader := &catalog.Reader{Settings: s}
	c, err := reader.ReadWindow(ctx, s.Window(partition.OfDay(t.Date)))
	if err != nil {
		return nil, err
	}
	st := &stitch.Stitch{
		Settings: s, Budget: s.Budget, Catalog: c, Indexes: plan.NewIndexes(s), Date: t.Date, Range: t.Range,
		Extend: func(ctx context.Context, days partition.Period) error { return reader.Extend(ctx, c, days) },
	}
	for _, name := range t.Reports {
		rep := s.Report(name)
		if rep == nil {
			return nil, notConfigured(name)
		}
		st.Reports = append(st.Reports, rep)
	}
	made, err := st.Run(ctx)
	if err != nil {
		return nil, err
	}
	defer made.Close()
	if err := reader.Extend(ctx, c, made.Reach); err != nil { // without sessions nothing was followed
		return nil, err
	}
	result := &StitchResult{Date: t.Date, Range: t.Range, Reach: made.Reach, Digests: made.Digests.Inputs(), Seen: c.SeenNow(s.Lookback, made.Reach)}
	w := &rowSender{out: out, day: int32(t.Date)}
	for i := range made.Rows {
		if err := w.send(ctx, t.PID+int32(i), made.Rows[i].Rows()); err != nil {
			return nil, err
		}
		result.Counts = append(result.Counts, made.Rows[i].Counts)
	}
	result.Buckets = w.sent
	return result, nil
}

// rowSender sends the rows of a report by bucket.
type rowSender struct {
	out *wire.Writer
	day int32

	buffer, compact []byte
	bucket, rows    int64
	sent            []Bucket
}

// send sends the rows of a report, which come in order.
func (s *rowSender) send(ctx context.Context, pid int32, rows iter.Seq2[[]report.Row, error]) error {
	for batch, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for i := range batch {
			r := &batch[i]
			if bucket := bucketOf(r); bucket != s.bucket || len(s.buffer) >= bufferBytes {
				if err := s.flush(pid); err != nil {
					return err
				}
				s.bucket = bucket
			}
			s.compact = r.AppendCompact(s.compact[:0])
			s.buffer = binary.AppendUvarint(s.buffer, uint64(len(s.compact)))
			s.buffer = append(s.buffer, s.compact...)
			s.rows++
		}
	}
	return s.flush(pid)
}

func (s *rowSender) flush(pid int32) error {
	if s.rows == 0 {
		return nil
	}
	if last := len(s.sent) - 1; last >= 0 && s.sent[last].PID == pid && s.sent[last].Bucket == s.bucket {
		s.sent[last].Rows += s.rows
	} else {
		s.sent = append(s.sent, Bucket{pid, s.bucket, s.rows})
	}
	err := s.out.Write(wire.Row{PID: pid, Kind: wire.Rows, Day: s.day, Seq: s.bucket, N: s.rows, Payload: wire.Pack(nil, s.buffer)})
	s.buffer, s.rows = s.buffer[:0], 0
	return err
}

// eachRow calls f with the rows of an unpacked buffer. Their texts share its bytes.
func eachRow(b []byte, f func(*report.Row) error) (n int64, err error) {
	row := new(report.Row)
	for ; len(b) > 0; n++ {
		size, head := binary.Uvarint(b)
		if head <= 0 || size > uint64(len(b)-head) {
			return n, fmt.Errorf("%w: a row of a report is cut off", wire.ErrStream)
		}
		if err := row.DecodeCompact(b[head : head+int(size)]); err != nil {
			return n, fmt.Errorf("%w: %w", wire.ErrStream, err)
		}
		if err := f(row); err != nil {
			return n, err
		}
		b = b[head+int(size):]
	}
	return n, nil
}
