package output

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/transform/report"
	"daybook/transform/session"
)

// fileRows is the greatest number of rows in one Parquet file: about 50 MB, a good
// size for warehouses that divide their work by files.
const fileRows = 4 * parquet.RowGroupRows

// FileRows is the greatest number of rows in one file of a partition.
func FileRows(s *settings.Pipeline) int64 { return cmp.Or(s.FileRows, fileRows) }

// filesWriter writes the content of a partition to as many files as it needs, and
// audits each file.
type filesWriter struct {
	o        *Publisher
	p        *Partition
	figures  *rowFigures // of the rows that are written; nil: they are made of the finished files
	fileRows int64       // the greatest number of rows in one file
	first    int         // number of the first file

	temporary []*spillfile.File // the content of all files
	files     []publish.File    // the complete ones

	// The file that is being written.
	writer fileWriter // nil: none
	part   publish.Part
}

// fileWriter writes one file.
type fileWriter interface {
	// write adds rows that come from files with these fingerprints; none: the rows
	// are new.
	write(rows []report.Row, sources []string) error
	// expects notes rows that are written, for the audit. It may be called beside write.
	expects(rows []report.Row)
	// copy adds a row group.
	copy(p *format.Piece) error
	// fingerprint identifies the content so far.
	fingerprint() string
	Close(metadata map[string]string) error
	// audit reads the closed file back.
	audit(f *spillfile.File) error
}

// newFile encodes rows.
type newFile struct {
	format.PartWriter
	o      *Publisher
	expect *parquet.Expectation
}

func (f *newFile) write(rows []report.Row, _ []string) error { return f.Write(rows) }

func (f *newFile) expects(rows []report.Row) { f.expect.Add(rows) }

func (f *newFile) copy(*format.Piece) error {
	return errors.New("a file of new rows takes no row groups")
}

func (f *newFile) fingerprint() string { return f.expect.Fingerprint() }

func (f *newFile) audit(file *spillfile.File) error {
	return f.o.Settings.Files().Audit(file, file.Size(), f.expect)
}

// splicedFile copies row groups, and encodes the rows between them.
type splicedFile struct {
	format.Splicer
	sources []string // fingerprints of the files that the content comes from, in order
}

func (f *splicedFile) write(rows []report.Row, sources []string) error {
	f.from(sources)
	return f.Write(rows)
}

func (f *splicedFile) copy(p *format.Piece) error {
	f.from(p.Sources)
	return f.Copy(p.File, p.Group)
}

// expects does nothing: the splicer notes what it writes.
func (f *splicedFile) expects([]report.Row) {}

func (f *splicedFile) from(sources []string) {
	if n := len(f.sources); n >= len(sources) && slices.Equal(f.sources[n-len(sources):], sources) {
		return // like the piece before
	}
	f.sources = append(f.sources, sources...)
}

func (f *splicedFile) fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join(f.sources, "\n")))
	return hex.EncodeToString(sum[:])[:parquet.FingerprintSize]
}

// audit reads the footer back with the auditing reader, and all bytes for their hash.
func (f *splicedFile) audit(file *spillfile.File) error {
	if err := f.Audit(file, file.Size()); err != nil {
		return err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file, 0, file.Size())); err != nil {
		return err
	}
	if found := hex.EncodeToString(hash.Sum(nil)); found != file.SHA256() {
		return fmt.Errorf("%w: its bytes have the SHA-256 %s, and %s was written", parquet.ErrAudit, found, file.SHA256())
	}
	return nil
}

// Close removes the temporary files.
func (w *filesWriter) Close() {
	for _, f := range w.temporary {
		f.Close()
	}
}

// write adds rows that come from files with these fingerprints.
func (w *filesWriter) write(rows []report.Row, sources []string) error {
	for len(rows) > 0 {
		if err := w.begin(1); err != nil {
			return err
		}
		batch := rows[:min(int64(len(rows)), w.fileRows-w.part.Rows)]
		rows = rows[len(batch):]
		encode := func() error {
			if err := w.writer.write(batch, sources); err != nil {
				return w.explain(err)
			}
			return nil
		}
		if err := parallel.Pair(w.o.Budget, encode, func() error { return w.walk(batch) }); err != nil {
			return err
		}
		noteTimes(&w.part, batch)
		w.part.Rows += int64(len(batch))
	}
	return nil
}

// walkRows is how many rows are walked at a time: few enough to stay in the processor's
// cache from one user of them to the next.
const walkRows = 256

// walk goes through rows once, for all that is reckoned from them.
func (w *filesWriter) walk(rows []report.Row) error {
	for some := range slices.Chunk(rows, walkRows) {
		w.writer.expects(some)
		if w.figures == nil {
			continue
		}
		if err := w.figures.add(some); err != nil {
			return err
		}
	}
	return nil
}

// add adds a piece.
func (w *filesWriter) add(p *format.Piece) error {
	if p.File == nil {
		return w.write(p.Rows, p.Sources)
	}
	if err := w.begin(p.Size); err != nil {
		return err
	}
	if err := w.writer.copy(p); err != nil {
		return w.explain(err)
	}
	w.part.Rows += p.Size
	return nil
}

// noteTimes notes the times of the next rows of a part.
func noteTimes(part *publish.Part, rows []report.Row) {
	if part.MinTime == "" {
		part.MinTime = publish.TimeText(rows[0].Dated())
	}
	part.MaxTime = publish.TimeText(rows[len(rows)-1].Dated())
}

// finish returns the files. A partition without rows has one file, too.
func (w *filesWriter) finish() ([]publish.File, error) {
	if len(w.files) == 0 {
		if err := w.begin(0); err != nil {
			return nil, err
		}
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	return w.files, nil
}

// begin begins a file, unless there is one with room for so many rows.
func (w *filesWriter) begin(rows int64) (err error) {
	if w.writer != nil {
		if w.part.Rows+rows <= w.fileRows {
			return nil
		}
		if err := w.end(); err != nil {
			return err
		}
	}
	f, err := spillfile.New()
	if err != nil {
		return err
	}
	w.temporary = append(w.temporary, f)
	w.part = publish.Part{}
	files := w.o.Settings.Files()
	if w.p.ID.Kind == partition.Month {
		s, err := files.Splice(f)
		if err != nil {
			return w.explain(err)
		}
		w.writer = &splicedFile{Splicer: s}
		return nil
	}
	part, err := files.Part(f, w.o.Budget.Memory)
	if err != nil {
		return w.explain(err)
	}
	w.writer = &newFile{part, w.o, parquet.NewExpectation()}
	return nil
}

// end completes the file, if there is one, and audits it.
func (w *filesWriter) end() error {
	if w.writer == nil {
		return nil
	}
	n, f := w.first+len(w.files), w.temporary[len(w.temporary)-1]
	err := w.writer.Close(map[string]string{
		"daybook.report":         w.p.ID.Dataset(),
		"daybook.partition":      w.p.ID.Name(),
		"daybook.part":           strconv.Itoa(n),
		"daybook.schema_version": strconv.Itoa(report.SchemaVersion),
		"daybook.engine_version": strconv.Itoa(session.EngineVersion),
		format.FingerprintKey:    w.writer.fingerprint(),
	})
	if err == nil {
		err = w.writer.audit(f)
	}
	if err != nil {
		return w.explain(err)
	}
	file := f.Part("part-"+strconv.Itoa(n), ".parquet", w.part.Rows)
	file.Part.MinTime, file.Part.MaxTime = w.part.MinTime, w.part.MaxTime
	w.files = append(w.files, file)
	w.writer = nil
	return nil
}

// explain says which partition an error is about.
func (w *filesWriter) explain(err error) error {
	return fmt.Errorf("report %s, %s: %w", w.p.ID.Report, w.p.ID.Name(), err)
}
