package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"daybook/transform/report"
)

// readAll reads a file with a slice of n rows.
func readAll(r io.ReaderAt, size int64, n int) (rows []report.Row, err error) {
	reader, err := NewReader(r, size)
	if err != nil {
		return nil, err
	}
	buffer := make([]report.Row, n)
	for {
		n, err := reader.Next(buffer)
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, buffer[:n]...)
	}
}

func TestRows(t *testing.T) {
	awkward := sample(3)
	for i := range awkward {
		for j := range report.Columns {
			if c := &report.Columns[j]; !c.Required && c.Kind == report.String {
				c.SetText(&awkward[i], "") // columns of nulls
			}
		}
	}
	for name, want := range map[string][]report.Row{
		"no rows": nil, "one": sample(1), "many groups": sample(1001), "exact groups": sample(900),
		"longest texts": {longest()}, "nulls only": awkward, "larger than a batch": sample(2*batchRows + 1),
	} {
		for i, groupRows := range []int{300, RowGroupRows} {
			t.Run(fmt.Sprint(name, " in groups of ", groupRows), func(t *testing.T) {
				file := mustEncodeAs(t, profiles[i], want, groupRows)
				var got []report.Row
				for batch, err := range Batches(bytes.NewReader(file), int64(len(file)), nil) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, batch...)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				if got, err := readAll(bytes.NewReader(file), int64(len(file)), 7); err != nil || !cmp.Equal(want, got) {
					t.Errorf("read 7 at a time, the rows are others (error: %v)", err)
				}
			})
		}
	}
}

// A caller that has enough leaves off.
func TestRowsStop(t *testing.T) {
	file := mustEncode(t, sample(20), 8)
	n := 0
	for batch := range Batches(bytes.NewReader(file), int64(len(file)), nil) {
		if n += len(batch); n == 16 {
			break
		}
	}
	if n != 16 {
		t.Errorf("%d rows", n)
	}
}

// Columns that are not selected are null.
func TestColumns(t *testing.T) {
	rows := sample(30)
	file := mustEncode(t, rows, 8)
	selected := func(c *report.Column) bool {
		return c.Required || c.Name == "technician_id" || c.Name == "channel_name"
	}
	var got []report.Row
	for batch, err := range Batches(bytes.NewReader(file), int64(len(file)), selected) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, batch...)
	}
	want := make([]report.Row, len(rows))
	for i := range rows {
		want[i] = rows[i]
		for j := range report.Columns {
			c := &report.Columns[j]
			switch {
			case selected(c):
			case c.Kind == report.String:
				c.SetText(&want[i], "")
			default:
				c.SetNumber(&want[i], report.Unknown)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReaderTellsOfTheFile(t *testing.T) {
	file := mustEncode(t, sample(20), 8)
	r, err := NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if n := r.NumRows(); n != 20 {
		t.Errorf("%d rows", n)
	}
	if diff := cmp.Diff(map[string]string{"report": "sessions", "engine": "1"}, r.Metadata()); diff != "" {
		t.Errorf("metadata (-want +got)\n%s", diff)
	}
}

// Rows keep their texts when the reader goes on and its slice is used again,
// and equal texts of a dictionary are one string.
func TestRowsAreTheCallers(t *testing.T) {
	want := sample(3 * batchRows)
	file := mustEncode(t, want, 2*batchRows)
	got, err := readAll(bytes.NewReader(file), int64(len(file)), batchRows/2)
	if err != nil || !cmp.Equal(want, got) {
		t.Fatalf("the rows changed after they had been handed out (error: %v)", err)
	}
	first, last := got[0].Status, got[2*batchRows-1].Status
	if first != last || unsafe.StringData(first) != unsafe.StringData(last) {
		t.Error("the rows of a row group do not share the text of their status")
	}
}

// calls counts the calls of ReadAt, and fails all from the one numbered fail.
type calls struct {
	io.ReaderAt
	n, fail int
}

var errSource = errors.New("connection reset")

func (c *calls) ReadAt(b []byte, offset int64) (int, error) {
	if c.n++; c.n == c.fail {
		return 0, errSource
	}
	return c.ReaderAt.ReadAt(b, offset)
}

// The file may be far away: each call of ReadAt is a request.
func TestReaderReadsInLargeParts(t *testing.T) {
	for name, c := range map[string]struct {
		rows, groupRows, want int
	}{
		"a small file: all at once":              {100, 300, 1},
		"the footer, and each row group":         {9000, 3000, 1 + 3},
		"the footer's end, it, and each of many": {2000, 100, 2 + 20},
	} {
		t.Run(name, func(t *testing.T) {
			file := mustEncode(t, sample(c.rows), c.groupRows)
			source := &calls{ReaderAt: bytes.NewReader(file)}
			if _, err := readAll(source, int64(len(file)), 1000); err != nil {
				t.Fatal(err)
			}
			if source.n != c.want {
				t.Errorf("%d calls of ReadAt for %d bytes, want %d", source.n, len(file), c.want)
			}
		})
	}
}

// What the source reports is passed on as it is, whenever it comes, and again.
func TestReaderSourceFails(t *testing.T) {
	file := mustEncode(t, sample(9000), 3000)
	for fail := 1; fail <= 4; fail++ {
		_, err := readAll(&calls{ReaderAt: bytes.NewReader(file), fail: fail}, int64(len(file)), 1000)
		if !errors.Is(err, errSource) || errors.Is(err, ErrCorrupt) {
			t.Errorf("call %d fails: error %v", fail, err)
		}
	}
	r, err := NewReader(&calls{ReaderAt: bytes.NewReader(file), fail: 2}, int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := r.Next(make([]report.Row, 1)); n != 0 || !errors.Is(err, errSource) {
			t.Errorf("%d rows, error %v", n, err)
		}
	}
}

// encodeColumns writes rows as another version of the program would, with
// the columns of its schema, by their place in batch.
func encodeColumns(t *testing.T, rows []report.Row, schema func([]arrow.Field) []arrow.Field) []byte {
	t.Helper()
	builder := report.NewBatchBuilder(func(*report.Column) bool { return false })
	if err := builder.Append(rows); err != nil {
		t.Fatal(err)
	}
	batch := builder.NewRecord()
	fields := schema(batch.Schema().Fields())
	columns := make([]arrow.Array, len(fields))
	for i := range fields {
		columns[i] = batch.Column(min(i, len(report.Columns)-1))
	}
	var file bytes.Buffer
	s := arrow.NewSchema(fields, nil)
	w, err := pqarrow.NewFileWriter(s, &file, Compatible.properties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(array.NewRecord(s, columns, int64(len(rows)))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// Files of before the last columns were appended can be read: those are null.
func TestReaderOlderSchema(t *testing.T) {
	rows := sample(30)
	for _, n := range []int{1, 7, 20, len(report.Columns) - 1} {
		file := encodeColumns(t, rows, func(f []arrow.Field) []arrow.Field { return f[:n] })
		want := make([]report.Row, len(rows))
		for i := range want {
			want[i] = rows[i]
			blank := report.Blank()
			for j := n; j < len(report.Columns); j++ {
				copyCell(&report.Columns[j], &want[i], &blank)
			}
		}
		got, err := readAll(bytes.NewReader(file), int64(len(file)), 100)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the first %d columns (-want +got)\n%s", n, diff)
		}
	}
}

func copyCell(c *report.Column, to, from *report.Row) {
	switch c.Kind {
	case report.String:
		c.SetText(to, c.Text(from))
	case report.Boolean:
		c.SetFlag(to, c.Flag(from))
	case report.Date:
		c.SetDay(to, c.Day(from))
	default:
		c.SetNumber(to, c.Number(from))
	}
}

func TestReaderOtherColumns(t *testing.T) {
	last := len(report.Columns) - 1
	for name, c := range map[string]struct {
		schema func([]arrow.Field) []arrow.Field
		want   string
	}{
		"a newer version": {func(f []arrow.Field) []arrow.Field {
			return append(f, arrow.Field{Name: "mood", Type: f[last].Type})
		}, "column mood is unknown"},
		"another name": {func(f []arrow.Field) []arrow.Field { f[4].Name = "agent_id"; return f },
			"column agent_id: the schema is optional int64 agent_id = 5; expected optional int64 technician_id = 5"},
		"another place": {func(f []arrow.Field) []arrow.Field { f[0], f[1] = f[1], f[0]; return f },
			"column end_time: the schema is optional int64 end_time (timestamp(isAdjustedToUTC=true, micros)) = 2; expected optional int64 start_time (timestamp(isAdjustedToUTC=true, micros)) = 1"},
		"nullable": {func(f []arrow.Field) []arrow.Field { f[6].Nullable = true; return f },
			"column session_id: the schema is optional int64 session_id = 7; expected required int64 session_id = 7"},
	} {
		t.Run(name, func(t *testing.T) {
			file := encodeColumns(t, sample(3), c.schema)
			_, err := NewReader(bytes.NewReader(file), int64(len(file)))
			if !errors.Is(err, ErrColumns) || errors.Is(err, ErrCorrupt) || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("error %v, want one that ends in %q", err, c.want)
			}
		})
	}
}

func TestReaderTruncated(t *testing.T) {
	file := mustEncode(t, sample(20), 8)
	for n := 0; n < len(file); n += 1 + n%97 {
		if _, err := readAll(bytes.NewReader(file[:n]), int64(n), 100); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d of %d bytes: error %v", n, len(file), err)
		}
		if _, err := readAll(bytes.NewReader(file[:n]), int64(len(file)), 100); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d bytes, where %d should be: error %v", n, len(file), err)
		}
	}
}

// A bit that flips in the compressed part of a page is noticed; elsewhere it
// is, or it changes no row.
func TestReaderFlippedBits(t *testing.T) {
	rows := sample(20)
	file := mustEncode(t, rows, 8)
	held := checksummed(t, file, int64(len(rows)))
	r := rand.New(rand.NewPCG(5, 6))
	noticed := 0
	for range 400 {
		damaged := bytes.Clone(file)
		at := r.IntN(len(file))
		damaged[at] ^= 1 << r.IntN(8)
		got, err := readAll(bytes.NewReader(damaged), int64(len(file)), 100)
		switch {
		case errors.Is(err, ErrCorrupt) || errors.Is(err, ErrColumns):
			noticed++
		case err != nil:
			t.Fatalf("byte %d: error %v is neither of the two", at, err)
		case held[at]:
			t.Errorf("byte %d, in a page, went unnoticed", at)
		case !cmp.Equal(rows, got):
			t.Errorf("byte %d changed the rows and went unnoticed", at)
		}
	}
	if noticed < 50 {
		t.Errorf("only %d were noticed", noticed)
	}
}

// FuzzReader: any bytes at all are read as rows, or fail in order.
func FuzzReader(f *testing.F) {
	f.Add(mustEncode(f, sample(20), 8))
	f.Add(mustEncode(f, nil, 8))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := readAll(bytes.NewReader(file), int64(len(file)), 100)
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrColumns) {
			t.Error(err)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	file := mustEncode(b, sample(RowGroupRows), RowGroupRows)
	rows := make([]report.Row, batchRows)
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(file), int64(len(file)))
		for err == nil {
			_, err = r.Next(rows)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(RowGroupRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// testdata/released-v1.parquet is what the first version wrote: 60 rows of
// sample, in row groups of 40. It is never written anew; later versions read
// it, with nulls in the columns that it lacks.
func TestReaderReleasedFile(t *testing.T) {
	file, err := os.ReadFile("testdata/released-v1.parquet")
	if err != nil {
		t.Fatal(err)
	}
	const columns = 49 // of version 1
	want, blank := sample(60), report.Blank()
	for i := range want {
		for j := columns; j < len(report.Columns); j++ {
			copyCell(&report.Columns[j], &want[i], &blank)
		}
	}
	got, err := readAll(bytes.NewReader(file), int64(len(file)), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The statistics of the row groups say which values a file cannot hold.
func TestMayHold(t *testing.T) {
	rows := sample(60)
	for i := range rows {
		rows[i].SessionID = 1000 + int64(i)
	}
	file, err := encode(Compatible, rows, nil, 20)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[int64]bool{999: false, 1000: true, 1030: true, 1059: true, 1060: false} {
		if may, err := MayHold(bytes.NewReader(file), int64(len(file)), "session_id", value); err != nil || may != want {
			t.Errorf("it may hold %d: %t, %v", value, may, err)
		}
	}
	if _, err := MayHold(bytes.NewReader(file), int64(len(file)), "colour", 1); !errors.Is(err, ErrColumns) {
		t.Errorf("an unknown column: %v", err)
	}
	if _, err := MayHold(bytes.NewReader(file[:len(file)-1]), int64(len(file)-1), "session_id", 1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a file that is cut off: %v", err)
	}
}
