package digest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
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

// source is a table whose footer has been read, and found to be whole.
type source struct {
	r      io.ReaderAt
	footer *metadata.FileMetaData
	groups []span
}

// span is where a row group lies, and its checksums. Its bytes up to optional
// are those of the columns that readers need.
type span struct {
	start, optional, end   int64
	neededSum, optionalSum uint32
}

// open reads the footer of a file that should be a table t. It looks for it in
// the last tail bytes first.
func open(r io.ReaderAt, size, tail int64, t *table) (*source, error) {
	encoded, start, err := readFooter(r, size, tail)
	if err != nil {
		return nil, err
	}
	return parseFooter(r, encoded, start, t)
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
func parseFooter(r io.ReaderAt, encoded []byte, end int64, t *table) (_ *source, err error) {
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
	return &source{r: r, footer: footer, groups: groups}, nil
}

// asCorrupt makes any error one that wraps ErrCorrupt.
func asCorrupt(err *error) {
	if *err != nil && !errors.Is(*err, ErrCorrupt) {
		*err = corrupt("%w", *err)
	}
}

func checkMetadata(footer *metadata.FileMetaData, t *table) error {
	if version := value(footer, keyVersion); version != strconv.Itoa(Version) {
		return fmt.Errorf("it is of version %q, and should be of %d", version, Version)
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
		s := span{end: end, optional: end}
		if s.start, err = chunkStart(footer.RowGroup(i), 0); err != nil {
			return nil, err
		}
		if t.optional > 0 {
			if s.optional, err = chunkStart(footer.RowGroup(i), len(t.columns)-t.optional); err != nil {
				return nil, err
			}
		}
		if s.start < int64(len(magic)) || s.start > s.optional || s.optional > end {
			return nil, fmt.Errorf("row group %d begins at %d, and its end at %d", i, s.start, s.optional)
		}
		s.neededSum = binary.LittleEndian.Uint32(sums[i*2*checksumSize:])
		s.optionalSum = binary.LittleEndian.Uint32(sums[i*2*checksumSize+checksumSize:])
		groups[i] = s
		end = s.start
	}
	return groups, nil
}

// chunkStart is where column i of a row group begins.
func chunkStart(g *metadata.RowGroupMetaData, i int) (int64, error) {
	chunk, err := g.ColumnChunk(i)
	if err != nil {
		return 0, err
	}
	return chunk.DataPageOffset(), nil
}

// group is a row group whose bytes are in memory.
type group struct {
	*file.RowGroupReader
	rows int
}

// group reads row group i with one ReadAt, and verifies its checksums. Columns
// that are optional are not there unless all says so.
func (s *source) group(i int, all bool) (*group, error) {
	at := s.groups[i]
	end := at.optional
	if all {
		end = at.end
	}
	b, err := readAt(s.r, at.start, end)
	if err != nil {
		return nil, err
	}
	needed, optional := b[:at.optional-at.start], b[at.optional-at.start:]
	if checksum(needed) != at.neededSum || all && checksum(optional) != at.optionalSum {
		return nil, corrupt("it has another checksum than it had")
	}
	return decoder(s.footer, i, b, at.start)
}

func decoder(footer *metadata.FileMetaData, i int, b []byte, start int64) (_ *group, err error) {
	defer asCorrupt(&err)
	defer guard(&err)
	// The allocator is Go's, so that what was decoded stays for as long as
	// somebody refers to it.
	properties := parquet.NewReaderProperties(memory.NewGoAllocator())
	properties.BufferedStreamEnabled = true // or every column would be copied first
	f, err := file.NewParquetReader(&window{bytes.NewReader(b), start}, file.WithMetadata(footer), file.WithReadProps(properties))
	if err != nil {
		return nil, err
	}
	g := f.RowGroup(i)
	return &group{g, int(g.NumRows())}, nil
}

// window is a part of a file, read at the file's offsets.
type window struct {
	*bytes.Reader
	start int64
}

func (w *window) ReadAt(b []byte, offset int64) (int, error) {
	return w.Reader.ReadAt(b, offset-w.start)
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

// numbersOf is a column of numbers, and the slice that they go to, which is
// replaced if it is too short.
type numbersOf struct {
	column int
	values *[]int64
}

func (g *group) numbers(columns ...numbersOf) (err error) {
	for _, c := range columns {
		if *c.values, err = decode[*file.Int64ColumnChunkReader](g, c.column, *c.values); err != nil {
			return err
		}
	}
	return nil
}

// texts decodes column i. The texts are parts of memory that nobody writes to
// again: each page is decompressed into a buffer of its own.
func (g *group) texts(i int) ([]parquet.ByteArray, error) {
	return decode[*file.ByteArrayColumnChunkReader](g, i, []parquet.ByteArray(nil))
}

// chunkReader is the part that the readers of columns have in common.
type chunkReader[T any] interface {
	file.ColumnChunkReader
	ReadBatch(n int64, values []T, definitions, repetitions []int16) (total int64, read int, err error)
}

// decode decodes column i into values, or into a new slice if they are too few.
func decode[R chunkReader[T], T any](g *group, i int, values []T) (_ []T, err error) {
	defer asCorrupt(&err)
	defer guard(&err)
	values = slices.Grow(values[:0], g.rows)[:g.rows]
	column, err := g.Column(i)
	if err != nil {
		return nil, err
	}
	chunk, ok := column.(R)
	if !ok {
		return nil, fmt.Errorf("column %s is of another type", column.Descriptor().Name())
	}
	for left := values; len(left) > 0; {
		_, n, err := chunk.ReadBatch(int64(len(left)), left, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", column.Descriptor().Name(), err)
		}
		if n == 0 {
			return nil, fmt.Errorf("column %s ends early: %w", column.Descriptor().Name(), errors.Join(chunk.Err(), io.ErrUnexpectedEOF))
		}
		left = left[n:]
	}
	return values, nil
}
