package output

import (
	"bytes"
	"io"

	"daybook/pipeline/partition"
	"daybook/pipeline/spillfile"
	"daybook/sinks/csv"
	"daybook/sinks/figures"
	"daybook/transform/report"
	"daybook/transform/spill"
	"daybook/transform/summary"
)

// sessionsFile is the summary file that holds the rows under the report's headings.
const sessionsFile = "sessions.csv"

// summaries compute the summary files of a partition from its rows: CSV for people,
// and the figures.
type summaries struct {
	p        *Partition
	scratch  *spill.Scratch
	sums     *summary.Accumulator
	sessions *csv.Sessions   // nil: the report has no sessions.csv
	rows     *spillfile.File // that sessions writes to
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
	return s, nil
}

// Close removes the temporary files. Their content is not needed any more, so an
// error does not matter.
func (s *summaries) Close() {
	_ = s.scratch.Close()
	if s.rows != nil {
		s.rows.Close()
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
	for _, table := range sums.Tables(s.p.Report.Language) {
		var b bytes.Buffer
		if err := csv.WriteTable(&b, s.p.Report.CSV, &table); err != nil {
			return nil, err
		}
		files = append(files, inMemory(table.File, b.Bytes()))
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
	return files, nil
}
