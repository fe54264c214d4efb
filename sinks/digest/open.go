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

var errTail = errors.New("it does not end like a Parquet file")

// footerLength reads the length of the footer from the end of a file.
func footerLength(tail []byte) (int64, error) {
	if len(tail) < tailSize || string(tail[len(tail)-len(magic):]) != magic {
		return 0, errTail
	}
	return int64(binary.LittleEndian.Uint32(tail[len(tail)-tailSize:])), nil
}

// layout is the validated footer of a table.
type layout struct {
	table   *table
	version int
	tails   string // value of keyTails, in the index only
	groups  []span
}

// span is the place of a row group, and its checksums. The columns that are
// always read end at optional.
type span struct {
	start, optional, end   int64
	rows                   int
	decoded                int64 // bytes of the columns before compression
	neededSum, optionalSum uint32
}

// open reads the footer of a file that must be a table t. It first reads the
// last tail bytes.
func open(r io.ReaderAt, size, tail int64, t *table) (*layout, error) {
	encoded, start, err := readFooter(r, size, tail)
	if err != nil {
		return nil, err
	}
	return parseFooter(encoded, start, t)
}

// readFooter returns the footer's bytes and the offset of its checksum, which
// is the end of the row groups. It reads the last first bytes first.
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
		return nil, 0, corrupt("the footer of %d bytes does not fit into the file of %d bytes", length, size)
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
		return nil, 0, corrupt("the checksum of the footer is wrong")
	}
	return encoded, start, nil
}

// parseFooter parses a footer whose checksum was right.
func parseFooter(encoded []byte, end int64, t *table) (_ *layout, err error) {
	defer asCorrupt(&err)
	defer guard(&err)
	footer, err := metadata.NewFileMetaData(encoded, nil)
	if err != nil {
		return nil, err
	}
	version, err := checkMetadata(footer, t)
	if err != nil {
		return nil, err
	}
	groups, err := spans(footer, end, t)
	if err != nil {
		return nil, err
	}
	return &layout{table: t, version: version, tails: value(footer, keyTails), groups: groups}, nil
}

// asCorrupt makes err wrap ErrCorrupt.
func asCorrupt(err *error) {
	if *err != nil && !errors.Is(*err, ErrCorrupt) {
		*err = corrupt("%w", *err)
	}
}

// checkMetadata returns the version of the digest.
func checkMetadata(footer *metadata.FileMetaData, t *table) (version int, err error) {
	text := value(footer, keyVersion)
	if version, err = strconv.Atoi(text); err != nil || version < oldestVersion || version > Version {
		return 0, fmt.Errorf("its version is %q; expected %d to %d", text, oldestVersion, Version)
	}
	if name := value(footer, keyTable); name != t.name {
		return 0, fmt.Errorf("it is the table %q; expected %q", name, t.name)
	}
	return version, nil
}

func value(footer *metadata.FileMetaData, key string) string {
	if v := footer.KeyValueMetadata().FindValue(key); v != nil {
		return *v
	}
	return ""
}

// spans returns the row groups, which follow one another from the magic at the
// start of the file to end.
func spans(footer *metadata.FileMetaData, end int64, t *table) ([]span, error) {
	sums, err := base64.RawStdEncoding.DecodeString(value(footer, keyChecksums))
	if err != nil {
		return nil, err
	}
	n := len(footer.RowGroups)
	if len(sums) != n*2*checksumSize {
		return nil, fmt.Errorf("it has %d row groups, but %d bytes of checksums", n, len(sums))
	}
	groups := make([]span, n)
	for i := n - 1; i >= 0; i-- {
		g := footer.RowGroups[i]
		s := span{start: g.Columns[0].MetaData.DataPageOffset, optional: end, end: end, rows: int(g.NumRows)}
		for _, c := range g.Columns {
			s.decoded += max(0, c.MetaData.TotalUncompressedSize)
		}
		if t.optional > 0 {
			s.optional = g.Columns[len(t.columns)-t.optional].MetaData.DataPageOffset
		}
		if s.start < int64(len(magic)) || s.start > s.optional || s.optional > end {
			return nil, fmt.Errorf("row group %d starts at %d, and its optional columns at %d", i, s.start, s.optional)
		}
		// Session ids differ, so a row takes some bits even when
		// compressed. This limits the memory for the rows by far.
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

// group reads row group i of the table in r with one ReadAt and verifies its
// checksums. It includes the optional columns only if all is set.
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
		return nil, corrupt("its checksum is wrong")
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
		return b, nil // err may be io.EOF
	}
	if err == nil || errors.Is(err, io.EOF) {
		return nil, corrupt("it ends at byte %d; expected %d bytes", start+int64(n), end)
	}
	return nil, err
}
