package parquet

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"daybook/transform/report"
)

// rowGroup is a row group that is being encoded in memory. Each column is
// encoded independently, so its bytes do not depend on the number of
// goroutines.
type rowGroup struct {
	rows int64
	file file.BufferedRowGroupWriter

	encoders sync.WaitGroup
	errs     []error // by column
}

// beginGroup starts to encode a batch as the next row group of f. Nothing else
// may use f before the row group has been written.
func beginGroup(f *file.Writer, batch arrow.Record) (_ *rowGroup, err error) {
	defer recovered(&err)
	g := &rowGroup{rows: batch.NumRows(), file: f.AppendBufferedRowGroup(), errs: make([]error, batch.NumCols())}
	var next atomic.Int64 // column
	for range min(runtime.GOMAXPROCS(0), len(g.errs)) {
		g.encoders.Go(func() {
			var levels []int16
			for i := next.Add(1) - 1; i < batch.NumCols(); i = next.Add(1) - 1 {
				levels = levelsOf(batch.Column(int(i)), levels)
				g.errs[i] = g.encode(int(i), batch.Column(int(i)), levels)
			}
		})
	}
	return g, nil
}

// levelsOf returns the definition levels of a column, 1 for a value and 0 for a
// null, in the memory of levels. The library needs them also for required
// columns, whose levels it does not write.
func levelsOf(values arrow.Array, levels []int16) []int16 {
	levels = sized(levels, values.Len())
	bits := values.NullBitmapBytes()
	for i := range levels {
		levels[i] = 1
		if bits != nil {
			levels[i] = int16(bits[i/8] >> (i % 8) & 1)
		}
	}
	return levels
}

// encode encodes a column, page by page.
func (g *rowGroup) encode(column int, values arrow.Array, levels []int16) (err error) {
	defer recovered(&err)
	chunk, err := g.file.Column(column)
	if err != nil {
		return err
	}
	pages, ok := chunk.(interface{ FlushCurrentPage() error })
	if !ok {
		return fmt.Errorf("a %T does not end pages", chunk)
	}
	nullable := chunk.Descr().MaxDefinitionLevel() > 0
	for from := 0; from < len(levels); {
		to := pageEnd(values, levels, from)
		page := array.NewSlice(values, int64(from), int64(to))
		if err := seed(chunk, page); err != nil {
			return err
		}
		if err := pqarrow.WriteArrowToColumn(context.Background(), chunk, page, levels[from:to], nil, nullable); err != nil {
			return err
		}
		if err := pages.FlushCurrentPage(); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// seed passes a chunk the dictionary of its only page, if it has one. Without
// this, the library would search the page for the texts in use, in time
// quadratic in their number.
func seed(chunk file.ColumnChunkWriter, page arrow.Array) error {
	if page, ok := page.(*array.Dictionary); ok {
		encoder, ok := chunk.CurrentEncoder().(interface{ PutDictionary(arrow.Array) error })
		if !ok {
			return fmt.Errorf("a %T takes no dictionary", chunk.CurrentEncoder())
		}
		return encoder.PutDictionary(page.Dictionary())
	}
	return nil
}

// pageEnd is the row at which the page that starts at row from ends.
func pageEnd(values arrow.Array, levels []int16, from int) int {
	texts, ok := values.(*array.String)
	if !ok {
		return len(levels)
	}
	const lengthSize = 4 // bytes of the length before each text
	to := from
	for size := 0; to < len(levels) && size < pageSize; {
		start := to
		to = min(to+pageStep, len(levels))
		size += texts.ValueOffset(to) - texts.ValueOffset(start)
		for _, level := range levels[start:to] {
			size += int(level) * lengthSize
		}
	}
	return to
}

// write waits for all columns and writes them. It compares the number of rows,
// because the library does not report a column that is too short.
func (g *rowGroup) write() (err error) {
	defer recovered(&err)
	g.encoders.Wait()
	for i, err := range g.errs {
		if err != nil {
			return fmt.Errorf("column %s: %w", report.Columns[i].Name, err)
		}
	}
	n, err := g.file.NumRows()
	if err == nil && int64(n) != g.rows {
		err = fmt.Errorf("the row group has %d rows; expected %d", n, g.rows)
	}
	return errors.Join(err, g.file.Close())
}
