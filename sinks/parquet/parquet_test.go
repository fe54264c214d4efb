package parquet

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"daybook/testdata/golden"
	"daybook/transform/report"
)

func mustEncode(t testing.TB, rows []report.Row, rowGroupRows int) []byte {
	t.Helper()
	return mustEncodeAs(t, Compatible, rows, rowGroupRows)
}

func mustEncodeAs(t testing.TB, p Profile, rows []report.Row, rowGroupRows int) []byte {
	t.Helper()
	data, err := encode(p, rows, map[string]string{"report": "sessions", "engine": "1"}, rowGroupRows)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func openArrow(t *testing.T, data []byte) *file.Reader {
	t.Helper()
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The rows come back as they were, through Arrow's reader: every cell.
func TestRoundTrip(t *testing.T) {
	for name, rows := range map[string][]report.Row{
		"no rows": nil, "one": sample(1), "many groups": sample(1001), "exact groups": sample(300), "longest texts": {longest()},
	} {
		t.Run(name, func(t *testing.T) {
			if err := auditBytesAs(Compact, mustEncodeAs(t, Compact, rows, 100), expect(rows)); err != nil {
				t.Error(err)
			}
			data := mustEncode(t, rows, 100)
			f := openArrow(t, data)
			if want := (len(rows) + 99) / 100; f.NumRowGroups() != want {
				t.Errorf("%d row groups, want %d", f.NumRowGroups(), want)
			}
			r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			table, err := r.ReadTable(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range report.Columns {
				c := &report.Columns[i]
				var want []string
				for j := range rows {
					want = append(want, cellOf(c, &rows[j]))
				}
				var got []string
				for _, chunk := range table.Column(i).Data().Chunks() {
					got = append(got, arrowCells(t, chunk)...)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", c.Name, diff)
				}
			}
			if err := auditBytes(data, expect(rows)); err != nil {
				t.Error(err)
			}
		})
	}
}

func cellOf(c *report.Column, r *report.Row) string {
	switch c.Kind {
	case report.String:
		if c.Text(r) == "" {
			return "null"
		}
		return c.Text(r)
	case report.Boolean:
		return fmt.Sprint(c.Flag(r))
	case report.Date:
		return fmt.Sprint(int64(c.Day(r)))
	}
	n := c.Number(r)
	if n == report.Unknown {
		return "null"
	}
	if c.Kind == report.Timestamp {
		n *= 1000
	}
	return fmt.Sprint(n)
}

func arrowCells(t *testing.T, a arrow.Array) []string {
	t.Helper()
	cells := make([]string, a.Len())
	for i := range cells {
		if a.IsNull(i) {
			cells[i] = "null"
			continue
		}
		switch a := a.(type) {
		case *array.String:
			cells[i] = a.Value(i)
		case *array.Int64:
			cells[i] = fmt.Sprint(a.Value(i))
		case *array.Timestamp:
			cells[i] = fmt.Sprint(int64(a.Value(i)))
		case *array.Date32:
			cells[i] = fmt.Sprint(int32(a.Value(i)))
		case *array.Boolean:
			cells[i] = fmt.Sprint(a.Value(i))
		default:
			t.Fatalf("a column of %T", a)
		}
	}
	return cells
}

// The same rows give the same bytes, with new and with used encoders of the pool, beside
// other writers, and for each order in which a map yields its metadata.
func TestDeterministic(t *testing.T) {
	rows, other := sample(2000), sample(300)[150:]
	want := mustEncode(t, rows, 800)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				data, err := encode(Compatible, rows, map[string]string{"engine": "1", "report": "sessions"}, 800)
				if err != nil || !bytes.Equal(data, want) {
					t.Errorf("other bytes for the same rows (error: %v)", err)
				}
				if _, err := encode(Compatible, other, nil, 100); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestFooterMetadata(t *testing.T) {
	metadata := map[string]string{"daybook.report": "sessions", "daybook.engine": "1", "a": "é"}
	data, err := encode(Compatible, sample(3), metadata, RowGroupRows)
	if err != nil {
		t.Fatal(err)
	}
	kv := openArrow(t, data).MetaData().KeyValueMetadata()
	if want := []string{"a", "daybook.engine", "daybook.report"}; !cmp.Equal(kv.Keys(), want) {
		t.Errorf("keys %q, want %q", kv.Keys(), want)
	}
	if want := []string{"é", "1", "sessions"}; !cmp.Equal(kv.Values(), want) {
		t.Errorf("values %q, want %q", kv.Values(), want)
	}
	if _, err := encode(Compatible, nil, map[string]string{"k": "\xff"}, RowGroupRows); err == nil {
		t.Error("metadata that is not UTF-8 was taken")
	}
}

// What the Arrow writer would store wrongly is refused.
func TestEncodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*report.Row)
		want   string
	}{
		"null in a required number": {func(r *report.Row) { r.WorkTime = report.Unknown }, "session 700000006 leg 0: the required column work_time_ms is null"},
		"null in a required text":   {func(r *report.Row) { r.Status = "" }, "session 700000006 leg 0: the required column status is null"},
		"text that is no UTF-8":     {func(r *report.Row) { r.Name = "a\xffb" }, `session 700000006 leg 0: column name: "a\xffb" is not valid UTF-8`},
	} {
		t.Run(name, func(t *testing.T) {
			rows := sample(5)
			rows[2].Leg = 0
			c.change(&rows[2])
			if data, err := encode(Compatible, rows, nil, RowGroupRows); data != nil || err == nil || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("error %v, want one that ends in %q", err, c.want)
			}
		})
	}
}

// testdata/schema.txt is the schema as a warehouse sees it. It may only grow.
func TestSchema(t *testing.T) {
	var got strings.Builder
	s := openArrow(t, mustEncode(t, nil, 100)).MetaData().Schema
	fmt.Fprintf(&got, "%-24s %-11s %-60s %-9s %s\n", "column", "physical", "logical", "", "field id")
	for i := range s.NumColumns() {
		c := s.Column(i)
		repetition := "optional"
		if c.MaxDefinitionLevel() == 0 {
			repetition = "required"
		}
		logical, _, _ := strings.Cut(c.LogicalType().String(), ", is_from") // what follows is Arrow's own bookkeeping
		fmt.Fprintf(&got, "%-24s %-11s %-60s %-9s %d\n", c.Name(), c.PhysicalType(), strings.Replace(logical, "microseconds", "microseconds)", 1), repetition, c.SchemaNode().FieldID())
	}
	golden.Check(t, "testdata/schema.txt", got.String())
}

// A dictionary never grows until the writer gives it up in the middle of a
// row group, and text may be longer than statistics hold: Audit knows.
func TestLargeDictionaries(t *testing.T) {
	rows := sample(5000)
	for i := range rows {
		rows[i].TechnicianName = strings.Repeat(fmt.Sprintf("%06d𝄞", i), 16) // 160 bytes each: in all, more than the writer's default limit
		rows[i].CustomerMessages = int64(i) << 40
	}
	rows[17].BrowserType = strings.Repeat("A", statisticsLimit+1)
	rows[18].BrowserType = strings.Repeat("z", 1<<20)
	data := mustEncode(t, rows, RowGroupRows)
	if err := auditBytes(data, expect(rows)); err != nil {
		t.Error(err)
	}
}

func TestAwkwardNumbers(t *testing.T) {
	awkward := []int64{0, 1, -1, math.MaxInt64, math.MinInt64 + 1, 1 << 32, -1 << 32, 255, 256}
	rows := sample(400)
	for i := range rows {
		rows[i].TechnicianID = awkward[i*7%len(awkward)]
		rows[i].WaitingTime = awkward[i*5%len(awkward)]
		rows[i].CustomerMessages = awkward[i*3%len(awkward)]
	}
	for _, n := range []int{1, 31, 32, 33, 127, 128, 129, 257, 400} {
		for _, p := range profiles {
			if err := auditBytesAs(p, mustEncodeAs(t, p, rows[:n], 300), expect(rows[:n])); err != nil {
				t.Errorf("%d rows, %s: %v", n, p, err)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, p := range profiles {
		b.Run(p.String(), func(b *testing.B) { benchmarkEncode(b, p) })
	}
}

func benchmarkEncode(b *testing.B, p Profile) {
	rows := sample(RowGroupRows)
	var size int
	for b.Loop() {
		data, err := encode(p, rows, nil, RowGroupRows)
		if err != nil {
			b.Fatal(err)
		}
		size = len(data)
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(size)/float64(len(rows)), "B/row")
}
