package parquet

import (
	"encoding/binary"
	"fmt"
	"io"

	"daybook/transform/report"
)

// MayHold says whether a row of the file of size bytes in r can have a value in a column
// of integers, by the statistics of its row groups. It reads the footer only. For errors,
// see [Reader.Next].
func MayHold(r io.ReaderAt, size int64, column string, value int64) (bool, error) {
	f, err := readFooter(&source{r: r, size: size})
	if err != nil {
		return false, readError(err)
	}
	for i := range f.columns() {
		if report.Columns[i].Name != column {
			continue
		}
		for _, group := range f.RowGroups {
			s := group.Columns[i].MetaData.Statistics
			if s == nil || len(s.MinValue) != 8 || len(s.MaxValue) != 8 {
				return true, nil // it says nothing
			}
			if int64(binary.LittleEndian.Uint64(s.MinValue)) <= value && value <= int64(binary.LittleEndian.Uint64(s.MaxValue)) {
				return true, nil
			}
		}
		return false, nil
	}
	return false, fmt.Errorf("%w: it has no column %s", ErrColumns, column)
}
