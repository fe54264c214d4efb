package output

import (
	"bytes"
	"io"

	"daybook/pipeline/partition"
	"daybook/pipeline/spillfile"
	"daybook/sinks/csv"
	"daybook/sinks/figures"
	"daybook/sinks/xlsx"
	"daybook/transform/report"
	"daybook/transform/spill"
	"daybook/transform/summary"
)

// The summary files that are made row by row or of several tables.
const (
	sessionsFile      = "sessions.csv"
	sessionsWorkbook  = "sessions.xlsx"
	summariesWorkbook = "summaries.xlsx"
)

// summaries compute the summary files of a partition from its rows: CSV and XLSX for
// people, and the figures.
type summaries struct {
	p        *Partition
	scratch  *spill.Scratch
	sums     *summary.Accumulator
	sessions *csv.Sessions   // nil: the report has no sessions.csv
	rows     *spillfile.File // that sessions writes to
	workbook *xlsx.Sessions  // nil: the report has no sessions.xlsx
	books    []*spillfile.File
}

func newSummaries(p *Partition) (*summaries, error) {
	s := &summaries{p: p, scratch: spillfile.NewSpill()}
	if p.ID.Kind == partition.Month {
		s.sums = summary.ForMonth(&p.Report.Definition, p.ID.Month(), s.scratch)
	} else {
		s.sums = summary.ForDay(&p.Report.Definition, s.scratch)
	}
	if !p.Report.SessionsCSV {
		return s, nil
	}
	var err error
	if s.rows, err = spillfile.New(); err != nil {
		return nil, err
	}
	if s.sessions, err = csv.NewSessions(s.rows, p.Report.CSV, &p.Report.Definition); err != nil {
		s.Close()
		return nil, err
	}
	if !p.Report.XLSX {
		return s, nil
	}
	if s.workbook, err = xlsx.NewSessions(&p.Report.Definition); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close removes the temporary files. Their content is not needed any more, so an
// error does not matter.
func (s *summaries) Close() {
	_ = s.scratch.Close()
	if s.rows != nil {
		s.rows.Close()
	}
	if s.workbook != nil {
		_ = s.workbook.Close()
	}
	for _, f := range s.books {
		f.Close()
	}
}

func (s *summaries) add(rows []report.Row) error {
	for i := range rows {
		if err := s.sums.Add(&rows[i]); err != nil {
			return err
		}
		if s.sessions == nil {
			continue
		}
		if err := s.sessions.Add(&rows[i]); err != nil {
			return err
		}
		if s.workbook == nil {
			continue
		}
		if err := s.workbook.Add(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// summaryFile is a finished summary.
type summaryFile struct {
	name string
	body io.ReaderAt
	size int64 // bytes
}

// inMemory is a summary file whose content is in memory.
func inMemory(name string, content []byte) summaryFile {
	return summaryFile{name, bytes.NewReader(content), int64(len(content))}
}

// files lists all summary files of the partition, in the order in which they are
// written and named in the manifest.
func (s *summaries) files() ([]summaryFile, error) {
	var files []summaryFile
	sums, err := s.sums.Figures()
	if err != nil {
		return nil, err
	}
	tables := sums.Tables(s.p.Report.Language)
	for _, table := range tables {
		var b bytes.Buffer
		if err := csv.WriteTable(&b, s.p.Report.CSV, &table); err != nil {
			return nil, err
		}
		files = append(files, inMemory(table.Name+".csv", b.Bytes()))
	}
	var b bytes.Buffer
	if err := figures.Encode(&b, &figures.File{Report: s.p.Report.Name, Partition: s.p.ID.Name(), Figures: *sums}); err != nil {
		return nil, err
	}
	files = append(files, inMemory(figures.Name, b.Bytes()))
	if s.sessions != nil {
		if err := s.sessions.Flush(); err != nil {
			return nil, err
		}
		files = append(files, summaryFile{sessionsFile, s.rows, s.rows.Size()})
	}
	workbooks, err := s.workbooks(tables)
	return append(files, workbooks...), err
}

// workbooks are the XLSX files, if the report has them.
func (s *summaries) workbooks(tables []summary.Table) (files []summaryFile, err error) {
	if !s.p.Report.XLSX {
		return nil, nil
	}
	of := func(name string, write func(w io.Writer, scratch xlsx.File) error) error {
		scratch, err := spillfile.NewScratch()
		if err != nil {
			return err
		}
		defer scratch.Close()
		book, err := spillfile.NewScratch()
		if err != nil {
			return err
		}
		s.books = append(s.books, book)
		if err := write(book, scratch); err != nil {
			return err
		}
		files = append(files, summaryFile{name, book, book.Size()})
		return nil
	}
	err = of(summariesWorkbook, func(w io.Writer, scratch xlsx.File) error { return xlsx.WriteTables(w, scratch, tables) })
	if err != nil || s.workbook == nil {
		return files, err
	}
	return files, of(sessionsWorkbook, s.workbook.Save)
}
