package stitch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"daybook/pipeline/format"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
)

// batchRows is how many rows of days that overlap are passed on at a time.
const batchRows = 1024

// Month gives the content of a month in order: that of its published days, each of
// which is sorted. Large row groups come as they are in the days' files, smaller ones
// as rows.
//
// Days follow each other in time, but where a clock is set back over midnight one may
// begin before the day before it has ended. Such days are merged row by row.
//
// Each part of a day is copied to a temporary file and compared with the SHA-256 in
// its manifest before anything of it is used. A piece is valid until the next one is
// asked for.
func Month(ctx context.Context, s *settings.Pipeline, days []*publish.Manifest) iter.Seq2[format.Piece, error] {
	return func(yield func(format.Piece, error) bool) {
		waiting, err := timed(s, days)
		if err != nil {
			yield(format.Piece{}, err)
			return
		}
		for len(waiting) > 0 {
			n := overlapping(waiting)
			m := &monthReader{ctx: ctx, settings: s, yield: yield}
			if n == 1 {
				err = m.day(waiting[0])
			} else {
				err = m.merge(waiting[:n])
			}
			m.close()
			if errors.Is(err, errEnough) {
				return
			}
			if err != nil {
				yield(format.Piece{}, err)
				return
			}
			waiting = waiting[n:]
		}
	}
}

// timedDay is a published day that has rows, and the times of its first and its last
// row in milliseconds.
type timedDay struct {
	*publish.Manifest
	begin, end int64
}

// timed are the days that have rows, by the time of their first row.
func timed(s *settings.Pipeline, days []*publish.Manifest) ([]timedDay, error) {
	var all []timedDay
	for _, m := range days {
		if m.Rows == 0 {
			continue
		}
		begin, err := time.Parse(publish.TimeLayout, m.Parts[0].MinTime)
		if err != nil {
			return nil, fmt.Errorf("%s has rows, and no time of the first: %w", s.Sink.URL(m.Parts[0].Key), err)
		}
		last := m.Parts[len(m.Parts)-1]
		end, err := time.Parse(publish.TimeLayout, last.MaxTime)
		if err != nil {
			return nil, fmt.Errorf("%s has rows, and no time of the last: %w", s.Sink.URL(last.Key), err)
		}
		all = append(all, timedDay{m, begin.UnixMilli(), end.UnixMilli()})
	}
	slices.SortStableFunc(all, func(a, b timedDay) int { return cmp.Compare(a.begin, b.begin) })
	return all, nil
}

// overlapping is how many days from the first on overlap, each with one before it.
func overlapping(days []timedDay) int {
	n, end := 1, days[0].end
	for n < len(days) && days[n].begin <= end {
		end = max(end, days[n].end)
		n++
	}
	return n
}

// errEnough: the pieces' reader asks for no more.
var errEnough = errors.New("no more pieces are needed")

// monthReader passes on the pieces of one day, or of days that overlap.
type monthReader struct {
	ctx      context.Context
	settings *settings.Pipeline
	yield    func(format.Piece, error) bool
	opened   []*spillfile.File
}

// close removes the temporary files.
func (m *monthReader) close() {
	for _, f := range m.opened {
		_ = f.Close() // it is not needed any more
	}
}

// localPart is a part of a day as a temporary file.
type localPart struct {
	format.File
	fingerprint string
}

// fetch copies a part to a temporary file and checks its hash.
func (m *monthReader) fetch(part publish.Part) (p localPart, err error) {
	f, err := spillfile.NewScratch()
	if err != nil {
		return p, err
	}
	m.opened = append(m.opened, f)
	body, stored, err := m.settings.Sink.Open(m.ctx, part.Key, 0, store.ToEnd, "")
	if err != nil {
		return p, err
	}
	defer body.Close()
	if stored.Size != part.Bytes {
		return p, format.WrongSize(m.settings.Sink, part, stored.Size)
	}
	hash := sha256.New()
	if _, err = io.Copy(io.MultiWriter(f, hash), io.LimitReader(body, part.Bytes)); err != nil {
		return p, fmt.Errorf("read %s: %w", m.settings.Sink.URL(part.Key), err)
	}
	if found := hex.EncodeToString(hash.Sum(nil)); found != part.SHA256 {
		return p, fmt.Errorf("read %s: %w: its SHA-256 is %s, and its manifest says %s; delete its manifest to have it made again",
			m.settings.Sink.URL(part.Key), parquet.ErrCorrupt, found, part.SHA256)
	}
	if p.File, err = m.settings.Files().Open(f, f.Size()); err == nil {
		p.fingerprint, err = format.Fingerprint(p.File)
	}
	if err != nil {
		return p, fmt.Errorf("read %s: %w", m.settings.Sink.URL(part.Key), err)
	}
	return p, nil
}

// pass passes a piece on.
func (m *monthReader) pass(p format.Piece) error {
	if !m.yield(p, nil) {
		return errEnough
	}
	return nil
}

// day passes on a day that overlaps no other.
func (m *monthReader) day(d timedDay) error {
	for _, part := range d.Parts {
		p, err := m.fetch(part)
		if err != nil {
			return err
		}
		sources := []string{p.fingerprint}
		for group, rows := range p.Groups() {
			if m.settings.Files().Copies(rows) {
				if err := m.pass(format.Piece{File: p.File, Group: group, Size: rows, Sources: sources}); err != nil {
					return err
				}
				continue
			}
			for batch, err := range p.Batches(group) {
				if err != nil {
					return fmt.Errorf("read %s: %w", m.settings.Sink.URL(part.Key), err)
				}
				if err := m.pass(format.Piece{Rows: batch, Sources: sources}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// merge passes on the rows of days that overlap, each from the moment of its first
// row on. Mostly one or two of them are open at a time.
func (m *monthReader) merge(days []timedDay) error {
	var waiting, open []*dayCursor
	defer func() {
		for _, c := range open {
			c.stop()
		}
	}()
	var sources []string
	for _, d := range days {
		c := &dayCursor{begin: d.begin}
		for _, part := range d.Parts {
			p, err := m.fetch(part)
			if err != nil {
				return err
			}
			c.parts = append(c.parts, p.File)
			sources = append(sources, p.fingerprint)
		}
		waiting = append(waiting, c)
	}
	batch := make([]report.Row, 0, batchRows)
	for len(open)+len(waiting) > 0 {
		next := earliest(open)
		for len(waiting) > 0 && (next == nil || waiting[0].begin <= next.row().Dated()) {
			c := waiting[0]
			waiting, open = waiting[1:], append(open, c)
			if err := c.start(); err != nil {
				return err
			}
			next = earliest(open)
		}
		batch = append(batch, *next.row())
		more, err := next.advance()
		if err != nil {
			return err
		}
		if !more {
			next.stop()
			open = slices.DeleteFunc(open, func(c *dayCursor) bool { return c == next })
		}
		if len(batch) == batchRows || len(open)+len(waiting) == 0 {
			if err := m.pass(format.Piece{Rows: batch, Sources: sources}); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}

// earliest is the cursor whose row comes first; nil of none.
func earliest(open []*dayCursor) *dayCursor {
	var first *dayCursor
	for _, c := range open {
		if first == nil || report.Compare(c.row(), first.row()) < 0 {
			first = c
		}
	}
	return first
}

// dayCursor is at one row of a day.
type dayCursor struct {
	begin int64 // the time of its first row, in milliseconds
	parts []format.File

	pull func() ([]report.Row, error, bool)
	stop func()
	rows []report.Row // the row that it is at, and the rest of the batch
}

func (c *dayCursor) row() *report.Row { return &c.rows[0] }

// start opens the day and goes to its first row.
func (c *dayCursor) start() error {
	c.pull, c.stop = iter.Pull2(c.batches())
	more, err := c.fill()
	if err == nil && !more {
		err = errors.New("a day has no rows where its manifest says that there are some")
	}
	return err
}

// batches are the rows of the day.
func (c *dayCursor) batches() iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		for _, p := range c.parts {
			for group := range p.Groups() {
				for rows, err := range p.Batches(group) {
					if !yield(rows, err) || err != nil {
						return
					}
				}
			}
		}
	}
}

// advance goes to the next row, if there is one.
func (c *dayCursor) advance() (more bool, err error) {
	if c.rows = c.rows[1:]; len(c.rows) > 0 {
		return true, nil
	}
	return c.fill()
}

func (c *dayCursor) fill() (more bool, err error) {
	rows, err, more := c.pull()
	c.rows = rows
	return more && err == nil, err
}
