package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

// someRows have every kind, and more bytes than a batch.
func someRows() []Row {
	rows := []Row{
		{PID: 3, Kind: Task, Day: 20777, Payload: []byte(`{"day":"2026-11-20"}`)},
		{PID: math.MaxInt32, Kind: Events, Day: math.MinInt32, Seq: math.MinInt64, N: math.MaxInt64, Payload: []byte{0}},
		{Kind: Rejects, Payload: []byte{}},
		{Kind: Rows, Payload: bytes.Repeat([]byte("row"), batchBytes)},
		{Kind: Tally}, {Kind: Result},
	}
	for i := range 3 * batchRows {
		rows = append(rows, Row{Kind: Events, Seq: int64(i), Payload: []byte("x")})
	}
	return rows
}

func encode(tb testing.TB, rows []Row) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, r := range rows {
		if err := w.Write(r); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// decodeAll reads a stream to its end or its error.
func decodeAll(r io.Reader) (rows []Row, err error) {
	reader := NewReader(r)
	for {
		row, err := reader.Next()
		if err != nil {
			if _, again := reader.Next(); again != err {
				return rows, errors.New("the error does not stay")
			}
			return rows, err
		}
		row.Payload = bytes.Clone(row.Payload)
		rows = append(rows, row)
	}
}

// Rows come back as they were written, also through a pipe that cuts them.
func TestRoundTrip(t *testing.T) {
	for _, rows := range [][]Row{nil, someRows()[:1], someRows()} {
		b := encode(t, rows)
		for name, in := range map[string]io.Reader{"at once": bytes.NewReader(b), "in halves": iotest.HalfReader(bytes.NewReader(b))} {
			got, err := decodeAll(in)
			if err != io.EOF {
				t.Fatalf("%d rows %s: %v", len(rows), name, err)
			}
			if diff := cmp.Diff(rows, got, cmp.Transformer("text", func(b []byte) string { return string(b) })); diff != "" {
				t.Errorf("%d rows %s (-want +got):\n%s", len(rows), name, diff)
			}
		}
	}
}

// A stream that is cut off anywhere is refused, also at the end of a batch.
func TestTruncated(t *testing.T) {
	rows := someRows()
	rows[3].Payload = []byte("short")
	b := encode(t, rows)
	for n := range b {
		if _, err := decodeAll(bytes.NewReader(b[:n])); !errors.Is(err, ErrStream) {
			t.Fatalf("%d of %d bytes: error %v, want %v", n, len(b), err, ErrStream)
		}
	}
}

// batch is an Arrow stream of these rows as they are, with no end of its own.
// With any number at any place of its messages, a stream is read or refused.
func TestDamagedNumbers(t *testing.T) {
	whole := encode(t, someRows()[:1])
	for at := range len(whole) - 4 {
		for _, n := range []uint32{0, 1, 5, 9, 255, 256, 1 << 16, math.MaxInt32, 1 << 31, math.MaxUint32, uint32(len(whole))} {
			b := bytes.Clone(whole)
			binary.LittleEndian.PutUint32(b[at:], n)
			if rows, err := decodeAll(bytes.NewReader(b)); err != io.EOF && !errors.Is(err, ErrStream) {
				t.Fatalf("%d at byte %d: %d rows, %v", n, at, len(rows), err)
			}
		}
	}
}

func batch(t *testing.T, rows ...Row) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, r := range rows {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	if err := w.ipc.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A stream that is whole as an Arrow stream, and not as one of rows, is refused.
func TestRefused(t *testing.T) {
	otherSchema := func() []byte {
		var b bytes.Buffer
		s := arrow.NewSchema([]arrow.Field{{Name: "pid", Type: arrow.PrimitiveTypes.Int64}}, nil)
		if err := ipc.NewWriter(&b, ipc.WithSchema(s)).Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	null := func() []byte {
		var b bytes.Buffer
		w := ipc.NewWriter(&b, ipc.WithSchema(Schema))
		rows := array.NewRecordBuilder(memory.DefaultAllocator, Schema)
		for _, f := range rows.Fields() {
			f.AppendNull()
		}
		if err := w.Write(rows.NewRecord()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	huge := []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}
	row, end := Row{Kind: Events}, func(n int64) Row { return Row{Kind: End, N: n} }
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "cut off"},
		{"text", []byte("Traceback (most recent call last)"), "does not begin with its mark"},
		{"huge", huge, "the most is 1048576"},
		{"another schema", otherSchema(), "1 columns"},
		{"no end", batch(t, row, row), "it stops after 2 rows, without its end"},
		{"too few rows", batch(t, row, end(2)), "it has 1 rows, and its end counts 2"},
		{"too many rows", batch(t, row, row, end(1)), "it has 2 rows, and its end counts 1"},
		{"rows after the end", batch(t, row, end(1), row), "rows follow its end"},
		{"two ends", batch(t, row, end(1), end(1)), "rows follow its end"},
		{"bytes after the end", append(batch(t, row, end(1)), 0), "bytes follow its end"},
		{"two streams", append(batch(t, row, end(1)), batch(t, row, end(1))...), "bytes follow its end"},
		{"null", null(), "column pid has another length, or nulls"},
	} {
		_, err := decodeAll(bytes.NewReader(c.b))
		if !errors.Is(err, ErrStream) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestPack(t *testing.T) {
	b := bytes.Repeat([]byte("an event "), 1000)
	packed := Pack(nil, b)
	got, err := Unpack([]byte("x"), packed)
	if err != nil || string(got) != "x"+string(b) {
		t.Errorf("%d bytes came back as %d: %v", len(b), len(got), err)
	}
	for i := range packed {
		wrong := bytes.Clone(packed)
		wrong[i] ^= 0x10
		if got, err := Unpack(nil, wrong); err == nil && !bytes.Equal(got, b) {
			t.Errorf("byte %d is wrong, and %d other bytes were unpacked", i, len(got))
		}
	}
	if _, err := Unpack(nil, Pack(nil, make([]byte, MaxPacked+1))); !errors.Is(err, ErrStream) {
		t.Errorf("more than the most bytes: error %v", err)
	}
}

// Any bytes give rows or an error, and what is accepted is written as the same rows.
func FuzzReader(f *testing.F) {
	rows := someRows()
	rows[3].Payload = []byte("short")
	f.Add(encode(f, nil))
	f.Add(encode(f, rows[:6]))
	f.Add(encode(f, rows))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := decodeAll(bytes.NewReader(b))
		if err != io.EOF {
			if !errors.Is(err, ErrStream) {
				t.Fatalf("error %v, want %v", err, ErrStream)
			}
			return
		}
		again, err := decodeAll(bytes.NewReader(encode(t, rows)))
		if err != io.EOF || !cmp.Equal(rows, again, cmp.Transformer("text", func(b []byte) string { return string(b) })) {
			t.Fatalf("%d rows came back as %d: %v", len(rows), len(again), err)
		}
	})
}
