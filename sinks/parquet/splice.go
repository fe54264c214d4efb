package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/xitongsys/parquet-go/parquet"

	"daybook/transform/report"
)

// CopyRows is the number of rows from which on a row group is worth copying as it
// is into another file. Readers take as long over twelve of this size as over one
// of all their rows; smaller ones cost them time and space.
const CopyRows = 8 << 10

// File is a published file whose row groups can be copied into another. It reads
// the bytes of its ReaderAt, and holds its footer in memory.
type File struct {
	source *source
	footer *footer
	arrow  *metadata.FileMetaData // the footer as Arrow reads it
}

// OpenFile reads the footer of the file of size bytes in r. Errors are those of
// [NewReader].
func OpenFile(r io.ReaderAt, size int64) (*File, error) {
	f := &File{source: &source{r: r, size: size}}
	if err := f.open(); err != nil {
		return nil, readError(err)
	}
	return f, nil
}

func (f *File) open() (err error) {
	defer recovered(&err)
	if f.footer, err = readFooter(f.source); err != nil {
		return err
	}
	f.arrow, err = metadata.NewFileMetaData(f.footer.encoded, nil)
	return err
}

// Groups is the number of rows in each row group, in order.
func (f *File) Groups() []int64 {
	rows := make([]int64, len(f.footer.RowGroups))
	for i, g := range f.footer.RowGroups {
		rows[i] = g.NumRows
	}
	return rows
}

// Metadata is the value of a key in the footer; empty without one.
func (f *File) Metadata(key string) string { return f.footer.value(key) }

// Batches yields the rows of a row group in order. A batch is valid until the
// next one is asked for. Errors are those of [Reader.Next].
func (f *File) Batches(group int) iter.Seq2[[]report.Row, error] {
	return batches(func() (*Reader, error) {
		r, err := NewReader(f.source.r, f.source.size)
		if err == nil {
			r.group, r.end = group, group+1
		}
		return r, err
	})
}

// hasProfile reports whether this version writes the same bytes for the rows of
// a row group, as far as the footer tells.
func (f *File) hasProfile(p Profile, like *metadata.FileMetaData) bool {
	if f.footer.columns() != len(report.Columns) || f.footer.Version != like.FileMetaData.Version || f.footer.GetCreatedBy() != like.GetCreatedBy() {
		return false
	}
	for _, g := range f.footer.RowGroups {
		for i, chunk := range g.Columns {
			if e, err := chunkEncoding(&report.Columns[i], chunk.MetaData); err != nil || e != p.encodingOf(&report.Columns[i]) {
				return false
			}
		}
	}
	return true
}

// Splicer writes a file of row groups that are copied from other files, and of
// row groups of rows. Its bytes depend on the rows of each row group, the profile
// and the metadata: a row group that is copied has the bytes that it would have if
// it were encoded. It holds a row group in memory.
//
// Only Write, Copy and Close write to the output. After the first error, all calls
// return it, and the file is invalid.
type Splicer struct {
	profile Profile
	sink    *sink
	footer  *metadata.FileMetaData // so far
	copied  []*parquet.RowGroup    // each row group as the footer of its source describes it

	rows   *Writer // encodes a row group of rows into encoded; nil: none
	encode bytes.Buffer
	expect *Expectation // of these rows
	err    error
}

// NewSplicer starts a file. Its bytes go to w; the caller closes w.
func NewSplicer(w io.Writer, p Profile) (*Splicer, error) {
	s := &Splicer{profile: p, sink: &sink{w: w}}
	var err error
	if s.footer, err = emptyFooter(p, nil); err != nil {
		return nil, err
	}
	if err := s.put([]byte(magic)); err != nil {
		return nil, err
	}
	return s, nil
}

// emptyFooter is the footer of a file without rows.
func emptyFooter(p Profile, kv map[string]string) (*metadata.FileMetaData, error) {
	var empty bytes.Buffer
	w, err := NewWriter(&empty, p)
	if err == nil {
		err = w.Close(kv)
	}
	if err != nil {
		return nil, err
	}
	f, err := OpenFile(bytes.NewReader(empty.Bytes()), int64(empty.Len()))
	if err != nil {
		return nil, err
	}
	return f.arrow, nil
}

// Write copies and adds rows. They are joined with those of the calls before and
// after, up to the next Copy, into row groups of [RowGroupRows].
func (s *Splicer) Write(rows []report.Row) error {
	for len(rows) > 0 && s.err == nil {
		if s.rows == nil {
			s.encode.Reset()
			s.expect = NewExpectation()
			if s.rows, s.err = NewSerialWriter(&s.encode, s.profile); s.err != nil {
				break
			}
		}
		some := rows[:min(int64(len(rows)), RowGroupRows-s.expect.Rows)]
		rows = rows[len(some):]
		s.expect.Add(some)
		if s.err = s.rows.Write(some); s.err == nil && s.expect.Rows == RowGroupRows {
			s.endGroup()
		}
	}
	return s.err
}

// endGroup audits the row group of rows and adds it.
func (s *Splicer) endGroup() {
	if s.rows == nil || s.err != nil {
		return
	}
	if s.err = s.rows.Close(nil); s.err != nil {
		return
	}
	s.rows = nil
	r, size := bytes.NewReader(s.encode.Bytes()), int64(s.encode.Len())
	if s.err = Audit(r, size, s.profile, s.expect); s.err != nil {
		return
	}
	f, err := OpenFile(r, size)
	if err != nil {
		s.err = err
		return
	}
	s.add(f, 0)
}

// Copy adds a row group of a file. If another profile or another version of the
// library wrote it, its rows are encoded anew. The bytes of the file are taken as
// they are: the caller has checked them.
func (s *Splicer) Copy(f *File, group int) error {
	s.endGroup()
	if s.err != nil {
		return s.err
	}
	if f.hasProfile(s.profile, s.footer) {
		s.add(f, group)
		return s.err
	}
	for rows, err := range f.Batches(group) {
		if err != nil {
			s.err = err
			return err
		}
		if err := s.Write(rows); err != nil {
			return err
		}
	}
	s.endGroup()
	return s.err
}

// add copies a row group and describes it in the footer, where it differs from its
// description in its source by its place alone.
func (s *Splicer) add(f *File, group int) {
	source := f.footer.RowGroups[group]
	g := f.arrow.RowGroups[group]
	start := s.sink.size
	for i, chunk := range g.Columns {
		m, was := chunk.MetaData, source.Columns[i].MetaData
		from, to := extent(was)
		shift := s.sink.size - from
		if s.err = s.copyRange(f.source, from, to); s.err != nil {
			return
		}
		m.DataPageOffset = was.DataPageOffset + shift
		if was.DictionaryPageOffset != nil {
			*m.DictionaryPageOffset = *was.DictionaryPageOffset + shift
		}
		chunk.FileOffset = from + shift
	}
	ordinal := int16(len(s.footer.RowGroups))
	g.FileOffset, g.Ordinal = &start, &ordinal
	s.footer.RowGroups = append(s.footer.RowGroups, g)
	s.footer.NumRows += g.NumRows
	s.copied = append(s.copied, source)
}

// copyRange copies the bytes of a chunk.
func (s *Splicer) copyRange(from *source, start, end int64) error {
	n, err := io.Copy(writerOnly{s.sink}, io.NewSectionReader(from.r, start, end-start))
	switch {
	case s.sink.err != nil:
		return writeError(s.footer.NumRows, s.sink.err)
	case err != nil:
		return readError(sourceError{err})
	case n < end-start:
		return readError(fmt.Errorf("a chunk ends at byte %d; expected %d", start+n, end))
	}
	return nil
}

// writerOnly hides other methods of a writer.
type writerOnly struct{ io.Writer }

func (s *Splicer) put(b []byte) error {
	_, _ = s.sink.Write(b) // the sink keeps its error
	if s.sink.err != nil {
		return writeError(s.footer.NumRows, s.sink.err)
	}
	return nil
}

// Close writes the last row group and the footer. metadata becomes the footer's
// key-value metadata, sorted by key. The file is complete only if Close returns
// nil.
func (s *Splicer) Close(metadata map[string]string) error {
	s.endGroup()
	if s.err != nil {
		return s.err
	}
	if s.err = s.writeFooter(metadata); s.err == nil {
		s.err = errClosed
		return nil
	}
	return s.err
}

func (s *Splicer) writeFooter(kv map[string]string) (err error) {
	defer recovered(&err)
	footer, err := emptyFooter(s.profile, kv)
	if err != nil {
		return err
	}
	footer.RowGroups, footer.NumRows = s.footer.RowGroups, s.footer.NumRows
	encoded, err := footer.Serialize(context.Background())
	if err != nil {
		return writeError(s.footer.NumRows, err)
	}
	encoded = binary.LittleEndian.AppendUint32(encoded, uint32(len(encoded)))
	return s.put(append(encoded, magic...))
}

// Audit reads the footer of the closed file in r with an implementation that
// shares no code with the writer. It compares the description of each row group with
// that in the file of its origin; only the place in the file may differ. The audit of
// the origin has compared the values with that description. Errors wrap [ErrAudit].
func (s *Splicer) Audit(r io.ReaderAt, size int64) error {
	if err := s.audit(&source{r: r, size: size}); err != nil {
		return fmt.Errorf("%w: %w", ErrAudit, err)
	}
	return nil
}

func (s *Splicer) audit(file *source) (err error) {
	defer recovered(&err)
	if !errors.Is(s.err, errClosed) || file.size != s.sink.size {
		return mismatch("the size", s.sink.size, file.size)
	}
	footer, err := readFooter(file)
	if err != nil {
		return err
	}
	if head, err := file.read(0, int64(len(magic))); err != nil || string(head) != magic {
		return errors.Join(err, errors.New("the file does not start like a Parquet file"))
	}
	if len(footer.RowGroups) != len(s.copied) {
		return mismatch("the number of row groups", len(s.copied), len(footer.RowGroups))
	}
	place := int64(len(magic))
	for i, found := range footer.RowGroups {
		if err := checkCopy(s.copied[i], found, place, i); err != nil {
			return fmt.Errorf("row group %d: %w", i, err)
		}
		place += chunksSize(found)
	}
	return nil
}

// checkCopy compares a row group with its source. Its chunks begin at an offset
// and follow each other.
func checkCopy(source, found *parquet.RowGroup, at int64, ordinal int) error {
	if found.GetFileOffset() != at || int(found.GetOrdinal()) != ordinal {
		return mismatch("its place", at, found.GetFileOffset())
	}
	for i, chunk := range found.Columns {
		want, have := *source.Columns[i].MetaData, *chunk.MetaData
		if first := chunkStart(&have); first != at || chunk.FileOffset != at {
			return fmt.Errorf("column %s: %w", report.Columns[i].Name, mismatch("its place", at, first))
		}
		at += have.TotalCompressedSize
		if have.DataPageOffset-chunkStart(&have) != want.DataPageOffset-chunkStart(&want) {
			return fmt.Errorf("column %s: %w", report.Columns[i].Name, mismatch("the size of its dictionary",
				want.DataPageOffset-chunkStart(&want), have.DataPageOffset-chunkStart(&have)))
		}
		have.DataPageOffset, have.DictionaryPageOffset = want.DataPageOffset, want.DictionaryPageOffset
		if !reflect.DeepEqual(want, have) {
			return fmt.Errorf("column %s: its description differs from that in its source: %s, and there %s", report.Columns[i].Name, &have, &want)
		}
	}
	return nil
}

// chunksSize is the size of a row group's chunks, in bytes.
func chunksSize(g *parquet.RowGroup) (n int64) {
	for _, chunk := range g.Columns {
		n += chunk.MetaData.TotalCompressedSize
	}
	return n
}
