package digest

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/apache/arrow/go/v17/parquet/metadata"
)

const (
	magic    = "PAR1"
	tailSize = 4 + len(magic) // the footer's length and the magic
)

var errTail = errors.New("it does not end as a Parquet file does")

// footerLength reads the length of the footer off the end of a file.
func footerLength(tail []byte) (int64, error) {
	if len(tail) < tailSize || string(tail[len(tail)-len(magic):]) != magic {
		return 0, errTail
	}
	return int64(binary.LittleEndian.Uint32(tail[len(tail)-tailSize:])), nil
}

// layout is what the footer of a table says, once it has been read, and found to
// be whole.
type layout struct {
	table  *table
	tails  string // value of keyTails, which the table of sessions has
	groups []span
}

// span is where a row group lies, and its checksums. Its bytes up to optional
// are those of the columns that readers need.
type span struct {
	start, optional, end   int64
	rows                   int
	neededSum, optionalSum uint32
}

// open reads the footer of a file that should be a table t. It looks for it in
// the last tail bytes first.
func open(r io.ReaderAt, size, tail int64, t *table) (*layout, error) {
	encoded, start, err := readFooter(r, size, tail)
	if err != nil {
		return nil, err
	}
	return parseFooter(encoded, start, t)
}

// readFooter returns the footer's bytes, and the offset of its checksum: the
// end of the row groups. The last first bytes are those that it reads first.
func readFooter(r io.ReaderAt, size, first int64) (encoded []byte, start int64, err error) {
	tail, err := readAt(r, max(0, size-max(first, int64(tailSize))), size)
	if err != nil {
		return nil, 0, err
	}
	length, err := footerLength(tail)
	if err != nil {
		return nil, 0, corrupt("%w", err)
	}
	start = size - int64(tailSize) - length - checksumSize
	if start < int64(len(magic)) {
		return nil, 0, corrupt("its footer of %d bytes does not fit its %d bytes", length, size)
	}
	if missing := size - int64(len(tail)) - start; missing > 0 {
		head, err := readAt(r, start, start+missing)
		if err != nil {
			return nil, 0, err
		}
		tail = append(head, tail...)
	}
	tail = tail[int64(len(tail))-(size-start):]
	encoded = tail[checksumSize:][:length]
	if checksum(encoded) != binary.LittleEndian.Uint32(tail) {
		return nil, 0, corrupt("the footer has another checksum than it had")
	}
	return encoded, start, nil
}

// parseFooter parses a footer whose bytes are known to be those of a writer.
func parseFooter(encoded []byte, end int64, t *table) (_ *layout, err error) {
	defer asCorrupt(&err)
	defer guard(&err)
	footer, err := metadata.NewFileMetaData(encoded, nil)
	if err != nil {
		return nil, err
	}
	if err := checkMetadata(footer, t); err != nil {
		return nil, err
	}
	groups, err := spans(footer, end, t)
	if err != nil {
		return nil, err
	}
	return &layout{table: t, tails: value(footer, keyTails), groups: groups}, nil
}

// asCorrupt makes any error one that wraps ErrCorrupt.
func asCorrupt(err *error) {
	if *err != nil && !errors.Is(*err, ErrCorrupt) {
		*err = corrupt("%w", *err)
	}
}

func checkMetadata(footer *metadata.FileMetaData, t *table) error {
	version := value(footer, keyVersion)
	if n, err := strconv.Atoi(version); err != nil || n < oldestVersion || n > Version {
		return fmt.Errorf("it is of version %q, and should be of %d to %d", version, oldestVersion, Version)
	}
	if name := value(footer, keyTable); name != t.name {
		return fmt.Errorf("it is the table %q, and should be %q", name, t.name)
	}
	return nil
}

func value(footer *metadata.FileMetaData, key string) string {
	if v := footer.KeyValueMetadata().FindValue(key); v != nil {
		return *v
	}
	return ""
}

// spans are the row groups, which follow one another from the magic at the
// file's beginning to end.
func spans(footer *metadata.FileMetaData, end int64, t *table) ([]span, error) {
	sums, err := base64.RawStdEncoding.DecodeString(value(footer, keyChecksums))
	if err != nil {
		return nil, err
	}
	n := len(footer.RowGroups)
	if len(sums) != n*2*checksumSize {
		return nil, fmt.Errorf("it has %d row groups, and checksums of %d bytes", n, len(sums))
	}
	groups := make([]span, n)
	for i := n - 1; i >= 0; i-- {
		g := footer.RowGroups[i]
		s := span{start: g.Columns[0].MetaData.DataPageOffset, optional: end, end: end, rows: int(g.NumRows)}
		if t.optional > 0 {
			s.optional = g.Columns[len(t.columns)-t.optional].MetaData.DataPageOffset
		}
		if s.start < int64(len(magic)) || s.start > s.optional || s.optional > end {
			return nil, fmt.Errorf("row group %d begins at %d, and its end at %d", i, s.start, s.optional)
		}
		// The sessions of rows differ, so that even compressed each takes some
		// bits: this bounds what is allocated for them by far.
		if g.NumRows < 0 || g.NumRows > 1000*(end-s.start) {
			return nil, fmt.Errorf("row group %d has %d rows in %d bytes", i, g.NumRows, end-s.start)
		}
		s.neededSum = binary.LittleEndian.Uint32(sums[i*2*checksumSize:])
		s.optionalSum = binary.LittleEndian.Uint32(sums[i*2*checksumSize+checksumSize:])
		groups[i] = s
		end = s.start
	}
	return groups, nil
}

// group reads row group i of the table in r with one ReadAt, and verifies its
// checksums. Columns that are optional are not there unless all says so.
func (l *layout) group(r io.ReaderAt, i int, all bool) (*group, error) {
	at := l.groups[i]
	end := at.optional
	if all {
		end = at.end
	}
	b, err := readAt(r, at.start, end)
	if err != nil {
		return nil, err
	}
	needed, optional := b[:at.optional-at.start], b[at.optional-at.start:]
	if checksum(needed) != at.neededSum || all && checksum(optional) != at.optionalSum {
		return nil, corrupt("it has another checksum than it had")
	}
	return &group{columns: l.table.columns, rows: at.rows, rest: b}, nil
}

// readAt reads the bytes of r from start to end.
func readAt(r io.ReaderAt, start, end int64) ([]byte, error) {
	if end < start {
		return nil, corrupt("its size is %d bytes", end)
	}
	b := make([]byte, end-start)
	n, err := r.ReadAt(b, start)
	if n == len(b) {
		return b, nil // with io.EOF, it may be
	}
	if err == nil || errors.Is(err, io.EOF) {
		return nil, corrupt("it ends at byte %d, where byte %d was expected", start+int64(n), end)
	}
	return nil, err
}
