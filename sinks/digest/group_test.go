package digest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"

	"daybook/transform/event"
)

// Columns are what Arrow's reader takes them for, which knows all of Parquet.
func TestColumnsAsArrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, _ := write(t, drawSessions(t), 5)
		sameAsArrow(t, f)
	})
	t.Run("many pages", func(t *testing.T) { // one has a MiB at most
		var sessions []told
		for id := range int64(3000) {
			e := at(id, id, 1, fmt.Sprintf("%d", id))
			e.Type, e.Details = event.DetailsChanged, &event.Details{Given: 1 << event.DetailName}
			e.Details.Value[event.DetailName] = strings.Repeat("näme", 300)
			sessions = append(sessions, told{[]event.Event{e}, true})
		}
		sortByHash(sessions)
		f, _ := write(t, sessions, 10_000)
		if pages := sameAsArrow(t, f); pages < 3 {
			t.Errorf("a column has %d pages at most", pages)
		}
	})
}

// sameAsArrow reads all columns of all tables both ways, and says how many
// pages the one of the most has.
func sameAsArrow(t tb, f *files) (pages int) {
	t.Helper()
	for i, table := range []*table{&completeTable, &openTable, &sessionsTable} {
		whole := bytes.NewReader(f.parts()[i])
		arrow, err := file.NewParquetReader(whole)
		if err != nil {
			t.Fatal(err)
		}
		l, err := open(whole, whole.Size(), whole.Size(), table)
		if err != nil {
			t.Fatal(err)
		}
		if arrow.NumRowGroups() != len(l.groups) {
			t.Fatal(table.name, "has", len(l.groups), "row groups, and should have", arrow.NumRowGroups())
		}
		for n := range l.groups {
			g, err := l.group(whole, n, true)
			if err != nil {
				t.Fatal(err)
			}
			rows := arrow.RowGroup(n)
			for c, column := range table.columns {
				chunk, err := rows.Column(c)
				if err != nil {
					t.Fatal(err)
				}
				if column.kind == opaque {
					want, got := make([]parquet.ByteArray, rows.NumRows()), [][]byte(nil)
					readAll(t, chunk.(*file.ByteArrayColumnChunkReader), want)
					if got, err = g.texts(); err != nil || !slices.EqualFunc(got, want, func(a []byte, b parquet.ByteArray) bool { return bytes.Equal(a, b) }) {
						t.Fatal(table.name, column.name, "differs; error:", err)
					}
				} else {
					want, got := make([]int64, rows.NumRows()), []int64(nil)
					readAll(t, chunk.(*file.Int64ColumnChunkReader), want)
					if got, err = g.numbers(nil); err != nil || !slices.Equal(got, want) {
						t.Fatal(table.name, column.name, "differs; error:", err)
					}
				}
				reader, err := rows.GetColumnPageReader(c)
				if err != nil {
					t.Fatal(err)
				}
				many := 0
				for reader.Next() {
					many++
				}
				pages = max(pages, many)
			}
			if len(g.rest) > 0 {
				t.Fatal(table.name, "has", len(g.rest), "bytes beside its columns")
			}
		}
	}
	return pages
}

func readAll[T any](t tb, chunk interface {
	ReadBatch(n int64, values []T, definitions, repetitions []int16) (int64, int, error)
}, values []T) {
	for len(values) > 0 {
		_, n, err := chunk.ReadBatch(int64(len(values)), values, nil, nil)
		if err != nil || n == 0 {
			t.Fatal("Arrow reads ", n, err)
		}
		values = values[n:]
	}
}

// FuzzGroup decodes columns of any bytes, as if their checksum were right.
func FuzzGroup(f *testing.F) {
	written, _ := write(f, small(), smallGroup)
	for i, table := range []*table{&completeTable, &sessionsTable} {
		whole := bytes.NewReader(written.parts()[2*i])
		l, err := open(whole, whole.Size(), whole.Size(), table)
		if err != nil {
			f.Fatal(err)
		}
		g, err := l.group(whole, 0, true)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(g.rest, g.rows, i == 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, rows int, events bool) {
		if rows < 0 || rows > 1000*len(b) { // spans lets none of them pass
			return
		}
		table := &sessionsTable
		if events {
			table = &completeTable
		}
		g := &group{columns: table.columns, rows: rows, rest: bytes.Clone(b)}
		for _, c := range table.columns {
			var err error
			n := 0
			if c.kind == opaque {
				var values [][]byte
				values, err = g.texts()
				n = len(values)
			} else {
				var values []int64
				values, err = g.numbers(nil)
				n = len(values)
			}
			if err != nil {
				if !errors.Is(err, ErrCorrupt) {
					t.Error(err)
				}
				return
			}
			if n != rows {
				t.Fatalf("column %s has %d values of %d", c.name, n, rows)
			}
		}
	})
}

// Every byte of a page's header means something.
func TestPageHeader(t *testing.T) {
	header := []byte{0x15, 0, 0x15, 0x80, 0x02, 0x15, 0x2a, 0x2c, 0x15, 0x06, 0x15, 0, 0x15, 0x06, 0x15, 0x06, 0x1c, 0, 0, 0}
	h, rest, err := cutPageHeader(append(bytes.Clone(header), "page"...))
	if want := (pageHeader{size: 128, stored: 21, values: 3}); err != nil || h != want || string(rest) != "page" {
		t.Errorf("%+v and %q (error: %v), want %+v", h, rest, err, want)
	}
	for n := range header {
		if h, _, err := cutPageHeader(header[:n]); err == nil {
			t.Errorf("of %d bytes: %+v", n, h)
		}
		for bit := range 8 {
			other := bytes.Clone(header)
			other[n] ^= 1 << bit
			if h2, _, err := cutPageHeader(append(other, "page"...)); err == nil && gocmp.Equal(h, h2, gocmp.AllowUnexported(pageHeader{})) {
				t.Errorf("bit %d of byte %d means nothing", bit, n)
			}
		}
	}
}
