package parquet

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet/file"

	"daybook/transform/report"
)

// The bytes of a file are those that released versions wrote: what is
// published again is the same. They change with the version of the schema (this is
// 2), and may change with the version of a library; then every partition that is
// built again is a new revision, so say it in the changelog.
func TestBytesStay(t *testing.T) {
	for profile, files := range map[Profile]map[int]string{
		Compatible: {
			0:    "5419281568c4e019934f0e3ede5065912b2ad49476a6aad80de8978a0e00f481",
			1:    "c51ac35dcfb9022b8134e59731ef46f565a3a1e610adb1c18ebebbd8cee08be4",
			1001: "859709de82fa7aab0f1239122994e3cdbca08c89a4c5d67e579138209bf9b4c5",
		},
		Compact: {
			0:    "0c29b9580d2e5dd74e422c6df5d6e777dcd37a2fd18ca6d38ccc044889c2fa6f",
			1:    "b993c0ebed61da1dc3129d6663eec61acb66158cd4174d88ff4d311d1d761d84",
			1001: "4ea1239ea901f4d2fcc943d888db328c936be6a87b19e6f522c3f233fbb4b49c",
		},
	} {
		for rows, want := range files {
			if got := fmt.Sprintf("%x", sha256.Sum256(mustEncodeAs(t, profile, sample(rows), 400))); got != want {
				t.Errorf("the %s file of %d rows has the SHA-256 %s, and had %s", profile, rows, got, want)
			}
		}
	}
}

// However rows are split into calls, the file is the same.
func TestWriterSplits(t *testing.T) {
	rows := sample(1001)
	want := mustEncode(t, rows, 100)
	for _, n := range []int{1, 7, 99, 100, 101, 250, 2000} {
		var file bytes.Buffer
		w, err := newWriter(&file, Compatible, 100)
		if err != nil {
			t.Fatal(err)
		}
		buffer := make([]report.Row, n)
		for left := rows; len(left) > 0; {
			k := copy(buffer, left)
			left = left[k:]
			if err := w.Write(buffer[:k]); err != nil {
				t.Fatal(err)
			}
			clear(buffer) // the rows stay the caller's
		}
		if err := w.Close(map[string]string{"engine": "1", "report": "sessions"}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file.Bytes(), want) {
			t.Errorf("%d rows at a time give another file", n)
		}
	}
}

var errSink = errors.New("no space left on device")

// fullDisk takes so many bytes, and the beginning of a write that is too long.
type fullDisk struct {
	left  int
	short bool // do not tell, but by the number of bytes
}

func (d *fullDisk) Write(b []byte) (int, error) {
	n := min(len(b), d.left)
	d.left -= n
	if n == len(b) || d.short {
		return n, nil
	}
	return n, errSink
}

// Wherever the writing fails, somebody is told, and again by every call that
// follows.
func TestWriterSinkFails(t *testing.T) {
	rows := sample(40)
	size := len(mustEncode(t, rows, 20))
	for at := 0; at < size; at += 1 + at%211 {
		for _, short := range []bool{false, true} {
			want := errSink
			if short {
				want = io.ErrShortWrite
			}
			w, err := newWriter(&fullDisk{at, short}, Compatible, 20)
			if err == nil {
				err = w.Write(rows)
				again := w.Close(map[string]string{"report": "sessions", "engine": "1"})
				if err == nil {
					err = again
				}
				if last := w.Write(rows); !errors.Is(again, want) || !errors.Is(last, want) {
					t.Fatalf("after %d bytes, Close said %v, and Write after it %v", at, again, last)
				}
			}
			if !errors.Is(err, want) {
				t.Fatalf("after %d of %d bytes: error %v, want %v", at, size, err, want)
			}
		}
	}
}

func TestWriterClosed(t *testing.T) {
	w, err := NewWriter(io.Discard, Compatible)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(sample(1)); err == nil {
		t.Error("a closed writer takes rows")
	}
	if err := w.Close(nil); err == nil {
		t.Error("a writer closes twice")
	}
}

// A row that cannot be written makes the file useless, wherever it comes; the
// error names it, at once and again.
func TestWriterRefusesLate(t *testing.T) {
	w, err := newWriter(io.Discard, Compatible, 100)
	if err != nil {
		t.Fatal(err)
	}
	rows := sample(150)
	rows[149].Status = ""
	rows[149].Leg = 2
	if err := w.Write(rows[:149]); err != nil {
		t.Fatal(err)
	}
	const want = "write a Parquet file, after 100 rows: session 700000447 leg 2: the required column status is null"
	for call, err := range map[string]error{"Write": w.Write(rows[149:]), "Write again": w.Write(rows[:1]), "Close": w.Close(nil)} {
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", call, err, want)
		}
	}
}

// The bytes do not depend on how many row groups are in memory.
func TestSerialWriter(t *testing.T) {
	rows := sample(RowGroupRows + 1000)
	var file bytes.Buffer
	w, err := NewSerialWriter(&file, Compatible)
	if err != nil {
		t.Fatal(err)
	}
	for batch := range slices.Chunk(rows, 1000) {
		if err := w.Write(batch); err != nil {
			t.Fatal(err)
		}
		if w.group != nil {
			t.Fatal("a row group is being encoded while others are collected")
		}
	}
	if err := w.Close(map[string]string{"report": "sessions", "engine": "1"}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.Bytes(), mustEncode(t, rows, RowGroupRows)) {
		t.Error("the file is another than with two row groups in memory")
	}
}

// The bytes do not depend on how many columns are encoded at once.
func TestWriterOnAnyNumberOfCores(t *testing.T) {
	rows := sample(3000)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := mustEncode(t, rows, 1000)
	runtime.GOMAXPROCS(8)
	if !bytes.Equal(one, mustEncode(t, rows, 1000)) {
		t.Error("on eight cores the file is another than on one")
	}
}

// A page of texts ends when it is large enough, and no page is lost.
func TestWriterEndsPages(t *testing.T) {
	rows := sample(3 * pageStep)
	for i := range rows {
		rows[i].DeviceID = strings.Repeat("x", pageSize/pageStep/2+1) // so that a page takes two steps
	}
	data := mustEncode(t, rows, RowGroupRows)
	if err := auditBytes(data, expect(rows)); err != nil {
		t.Error(err)
	}
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := f.RowGroup(0).GetColumnPageReader(f.MetaData().Schema.ColumnIndexByName("device_id"))
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int32
	for pages.Next() {
		sizes = append(sizes, pages.Page().NumValues())
	}
	if want := []int32{2 * pageStep, pageStep}; !slices.Equal(sizes, want) {
		t.Errorf("the pages have %d rows, want %d", sizes, want)
	}
}

func BenchmarkWriter(b *testing.B) {
	rows := sample(RowGroupRows)
	for b.Loop() {
		w, err := NewWriter(io.Discard, Compatible)
		if err == nil {
			err = w.Write(rows)
		}
		if err == nil {
			err = w.Close(nil)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
