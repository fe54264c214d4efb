package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"daybook/sinks/csv"
	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
	"daybook/transform/spill"
	"daybook/transform/summary"
)

// sessionsFile holds the rows themselves under the report's headings.
const sessionsFile = "sessions.csv"

// summaries are the files beside a partition that is being made: CSV for people,
// and the figures (REPORT.md, "Summaries").
type summaries struct {
	p        *partition
	scratch  *spill.Scratch
	sums     *summary.Accumulator
	spool    *spool        // of sessions.csv; nil: the report has none
	sessions *csv.Sessions // writes to it
}

func newSummaries(p *partition) (*summaries, error) {
	s := &summaries{p: p, scratch: newScratch()}
	if p.kind == Month {
		s.sums = summary.ForMonth(&p.rep.Definition, p.period.from.Month(), s.scratch)
	} else {
		s.sums = summary.ForDay(&p.rep.Definition, s.scratch)
	}
	if !p.rep.SessionsCSV {
		return s, nil
	}
	var err error
	if s.spool, err = newSpool(); err != nil {
		return nil, err
	}
	if s.sessions, err = csv.NewSessions(s.spool, p.rep.CSV, &p.rep.Definition); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *summaries) Close() {
	_ = s.scratch.Close() // nobody needs it any more
	if s.spool != nil {
		s.spool.Close()
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

// summaryFile is one of them, finished.
type summaryFile struct {
	name string
	body io.ReaderAt
	size int64
}

func (s *summaries) files() ([]summaryFile, error) {
	var files []summaryFile
	sums, err := s.sums.Figures()
	if err != nil {
		return nil, err
	}
	for _, table := range sums.Tables(s.p.rep.Language) {
		var b bytes.Buffer
		if err := csv.WriteTable(&b, s.p.rep.CSV, &table); err != nil {
			return nil, err
		}
		files = append(files, summaryFile{table.File, bytes.NewReader(b.Bytes()), int64(b.Len())})
	}
	var b bytes.Buffer
	if err := figures.Encode(&b, &figures.File{Report: s.p.rep.Name, Partition: s.p.period.name, Figures: *sums}); err != nil {
		return nil, err
	}
	files = append(files, summaryFile{figures.Name, bytes.NewReader(b.Bytes()), int64(b.Len())})
	if s.sessions != nil {
		if err := s.sessions.Flush(); err != nil {
			return nil, err
		}
		files = append(files, summaryFile{sessionsFile, s.spool, s.spool.size})
	}
	return files, nil
}

// summaryDir is where a partition's summaries lie.
func (p *partition) summaryDir() string { return summaryDir(p.rep.Name, p.kind, p.period) }

// putSummaries writes the summaries of the partition as it is now published,
// and notes in its manifest that they are there. Until it does, they count as
// missing, and the next run writes them.
//
// Their names are fixed, so a slow writer could replace those of a newer
// revision by its own. Each is therefore written only in place of the one that
// was there before the manifest was seen to be ours; and what they are is in
// the manifest, so that a plan notices one that is not.
func (r *Runner) putSummaries(ctx context.Context, p *partition, s *summaries, ours *publish.Manifest) (base publish.Base, err error) {
	files, err := s.files()
	if err != nil {
		return base, err
	}
	dir := p.summaryDir()
	there, err := r.listSummaries(ctx, dir)
	if err != nil {
		return base, err
	}
	// Whoever publishes the next revision writes its summaries after this.
	if base, err = publish.Read(ctx, r.Sink, p.dir()); err != nil {
		return base, err
	}
	if base.Manifest == nil || base.Manifest.Attempt != ours.Attempt {
		return base, publish.ErrRaced
	}
	if summaryReason(base.Manifest.Summaries, p.rep.Hash, there) == "" {
		return base, nil // the same rows had been published before
	}
	written := &publish.Summaries{Definition: p.rep.Hash}
	for _, f := range files {
		condition := store.Condition{IfAbsent: true}
		if i := indexSummary(there, f.name); i >= 0 {
			condition = store.Condition{IfMatch: there[i].ETag}
			there = slices.Delete(there, i, i+1)
		}
		if f.size > store.MaxConditionalSize {
			condition = store.Condition{}
		}
		object, err := r.putSummary(ctx, dir+f.name, &f, condition)
		if err != nil {
			return base, err
		}
		written.Files = append(written.Files, publish.SummaryFile{Name: f.name, Bytes: f.size, ETag: object.ETag})
	}
	for _, f := range there { // of an earlier definition
		if err := r.Sink.Delete(ctx, dir+f.Name); err != nil {
			return base, err
		}
	}
	next := *base.Manifest
	next.Summaries = written
	return publish.Amend(ctx, r.Sink, p.dir(), base, next)
}

// putSummary writes one of them. That the very same is there is as good, whoever
// wrote it: without that, those who write the summaries of one manifest at the
// same time could stop each other, and none would get on. So what the store does
// not try again, since it may have been applied, can be tried again here.
func (r *Runner) putSummary(ctx context.Context, key string, f *summaryFile, cond store.Condition) (store.Object, error) {
	for attempt := 1; ; attempt++ {
		object, err := r.Sink.Put(ctx, key, f.body, f.size, cond)
		if err == nil {
			return object, nil
		}
		object, same, lookErr := r.lookAtSummary(ctx, key, f)
		switch {
		case same:
			return object, nil
		case errors.Is(err, store.ErrPrecondition):
			return object, cmp.Or(lookErr, publish.ErrRaced)
		case lookErr != nil || !cond.Conditional() || !store.Unanswered(err):
			return object, err
		case attempt == summaryAttempts:
			return object, fmt.Errorf("%w (gave up after %d attempts)", err, attempt)
		}
	}
}

// summaryAttempts is how often a summary is put whose answer gets lost. Between
// two of them the store has answered.
const summaryAttempts = 3

// lookAtSummary says whether what is under a key is the same as the file.
func (r *Runner) lookAtSummary(ctx context.Context, key string, f *summaryFile) (_ store.Object, same bool, err error) {
	body, object, err := r.Sink.Open(ctx, key, 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) {
		return object, false, nil
	}
	if err != nil {
		return object, false, err
	}
	defer body.Close()
	same, err = sameBytes(body, io.NewSectionReader(f.body, 0, f.size))
	return object, same, err
}

// sameBytes says whether two readers give the same.
func sameBytes(a, b io.Reader) (bool, error) {
	var sums [2][sha256.Size]byte
	for i, r := range []io.Reader{a, b} {
		h := sha256.New()
		if _, err := io.Copy(h, r); err != nil {
			return false, err
		}
		h.Sum(sums[i][:0])
	}
	return sums[0] == sums[1], nil
}

// listSummaries lists what lies in a directory of summaries.
func (r *Runner) listSummaries(ctx context.Context, dir string) (there []publish.SummaryFile, err error) {
	for object, err := range r.Sink.List(ctx, dir) {
		if err != nil {
			return nil, err
		}
		if name := object.Key[len(dir):]; !strings.Contains(name, "/") {
			there = append(there, publish.SummaryFile{Name: name, Bytes: object.Size, ETag: object.ETag})
		}
	}
	return there, nil
}

func indexSummary(files []publish.SummaryFile, name string) int {
	return slices.IndexFunc(files, func(f publish.SummaryFile) bool { return f.Name == name })
}

// summaryReason says in words why a partition's summaries have to be written
// again; empty: they have not. there is what lies in their directory.
func summaryReason(have *publish.Summaries, definition string, there []publish.SummaryFile) string {
	switch {
	case have == nil:
		return "its summaries are missing"
	case have.Definition != definition:
		return "its summaries are those of an earlier definition"
	case indexSummary(have.Files, figures.Name) < 0: // written by a daybook that had none
		return fmt.Sprintf("its summary %s is missing", figures.Name)
	}
	for _, f := range have.Files {
		switch i := indexSummary(there, f.Name); {
		case i < 0:
			return fmt.Sprintf("its summary %s is missing", f.Name)
		case there[i] != f:
			return fmt.Sprintf("its summary %s is another than was written", f.Name)
		}
	}
	return ""
}

// rewriteSummaries writes the summaries of a partition whose rows are right,
// from those rows.
func (r *Runner) rewriteSummaries(ctx context.Context, p *partition) (publish.Base, error) {
	s, err := newSummaries(p)
	if err != nil {
		return p.base, err
	}
	defer s.Close()
	for batch, err := range r.publishedRows(ctx, p.base.Manifest) {
		if err != nil {
			return p.base, err
		}
		if err := s.add(batch); err != nil {
			return p.base, err
		}
	}
	return r.putSummaries(ctx, p, s, p.base.Manifest)
}

// batchRows is how many rows are handed on at a time.
const batchRows = 4096

// publishedRows reads the rows of a published partition, in order.
func (r *Runner) publishedRows(ctx context.Context, m *publish.Manifest) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		var batch []report.Row
		for _, part := range m.Parts {
			for row, err := range r.files().rows(r.object(ctx, part, true), part.Bytes) {
				if err != nil {
					yield(nil, fmt.Errorf("read %s: %w", r.Sink.URL(part.Key), err))
					return
				}
				if batch = append(batch, row); len(batch) == batchRows {
					if !yield(batch, nil) {
						return
					}
					batch = batch[:0]
				}
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
