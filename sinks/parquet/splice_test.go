package parquet

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/transform/report"
)

// piece is a part of a spliced file: rows, or rows as a row group of a file.
type piece struct {
	rows []report.Row
	file *File // nil: the rows are written
	at   int   // row group of the file
}

func mustSplice(t *testing.T, p Profile, pieces ...piece) ([]byte, *Splicer) {
	t.Helper()
	var file bytes.Buffer
	s, err := NewSplicer(&file, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range pieces {
		if one.file != nil {
			err = s.Copy(one.file, one.at)
		} else {
			err = s.Write(one.rows)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(map[string]string{"report": "sessions", "engine": "1"}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), s
}

func mustOpen(t *testing.T, file []byte) *File {
	t.Helper()
	f, err := OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A spliced file is a file like any other: the auditing reader and Arrow's find
// the rows of all its pieces, with statistics, in the row groups that were asked
// for.
func TestSplice(t *testing.T) {
	rows := sample(1000)
	for _, p := range profiles {
		source := mustOpen(t, mustEncodeAs(t, p, rows[:700], 300))
		data, s := mustSplice(t, p, piece{file: source, at: 0}, piece{file: source, at: 1},
			piece{rows: rows[600:650]}, piece{rows: rows[650:700]}, piece{file: mustOpen(t, mustEncodeAs(t, p, rows[700:], 300))})
		if err := s.Audit(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Error(err)
		}
		if err := auditBytesAs(p, data, expect(rows)); err != nil {
			t.Error(err)
		}
		got, err := readAll(bytes.NewReader(data), int64(len(data)), 100)
		if diff := cmp.Diff(rows, got); err != nil || diff != "" {
			t.Errorf("the rows differ: %v (-want +got)\n%s", err, diff)
		}
		f := mustOpen(t, data)
		if want := []int64{300, 300, 100, 300}; !slices.Equal(f.Groups(), want) {
			t.Errorf("row groups of %v rows, want %v", f.Groups(), want)
		}
		if f.Metadata("engine") != "1" || f.Metadata("other") != "" {
			t.Errorf("metadata %q and %q", f.Metadata("engine"), f.Metadata("other"))
		}
		for _, g := range f.footer.RowGroups {
			if *g.FileOffset != chunkStart(g.Columns[0].MetaData) {
				t.Errorf("a row group begins at %d, and its first chunk at %d", *g.FileOffset, chunkStart(g.Columns[0].MetaData))
			}
		}
	}
}

// The bytes do not tell whether a row group was copied or encoded, nor what file
// and what place in it it was copied from.
func TestSpliceIsAFunctionOfRows(t *testing.T) {
	rows := sample(600)
	for _, p := range profiles {
		one := mustOpen(t, mustEncodeAs(t, p, rows[:300], 300))
		two := mustOpen(t, mustEncodeAs(t, p, rows, 300))
		last := mustOpen(t, mustEncodeAs(t, p, rows[300:], 300))
		other := mustOpen(t, mustEncodeAs(t, 1-p, rows, 300))
		want, _ := mustSplice(t, p, piece{file: one}, piece{file: last})
		for name, pieces := range map[string][]piece{
			"one file":      {{file: two, at: 0}, {file: two, at: 1}},
			"other profile": {{file: other, at: 0}, {file: other, at: 1}},
			"both":          {{file: other, at: 0}, {file: last}},
		} {
			if got, _ := mustSplice(t, p, pieces...); !bytes.Equal(got, want) {
				t.Errorf("%s, %s: other bytes for the same rows", p, name)
			}
		}
		rewritten, _ := mustSplice(t, p, piece{rows: rows[:300]}, piece{file: last})
		if !bytes.Equal(rewritten, want) {
			t.Errorf("%s: other bytes for rows that are written", p)
		}
	}
}

// However rows are split into calls, the file is the same; a file without rows is
// valid.
func TestSpliceSplits(t *testing.T) {
	rows := sample(500)
	want, _ := mustSplice(t, Compatible, piece{rows: rows})
	if got, _ := mustSplice(t, Compatible, piece{rows: rows[:1]}, piece{rows: rows[1:499]}, piece{}, piece{rows: rows[499:]}); !bytes.Equal(got, want) {
		t.Error("other bytes for other calls")
	}
	data, s := mustSplice(t, Compatible)
	if err := errors.Join(s.Audit(bytes.NewReader(data), int64(len(data))), auditBytes(data, expect(nil))); err != nil {
		t.Error(err)
	}
}

// The row groups of an older schema, or of another release of the library, are not
// copied.
func TestSpliceEncodesOldFiles(t *testing.T) {
	rows := sample(60)
	f := mustOpen(t, mustEncode(t, rows, 100))
	like, err := emptyFooter(Compatible, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !f.hasProfile(Compatible, like) || f.hasProfile(Compact, like) {
		t.Error("a file has another profile than it was written with")
	}
	later := "parquet-go version 99"
	like.CreatedBy = &later
	if f.hasProfile(Compatible, like) {
		t.Error("a file of another release would be copied")
	}
}

// A copy whose source cannot be read fails, and so do all later calls.
func TestSpliceSourceFails(t *testing.T) {
	data := mustEncode(t, sample(50), 100)
	f := mustOpen(t, data)
	for name, c := range map[string]struct {
		r    *bytes.Reader
		want error
	}{"cut": {bytes.NewReader(data[:len(data)/2]), ErrCorrupt}, "empty": {bytes.NewReader(nil), ErrCorrupt}} {
		s, err := NewSplicer(new(bytes.Buffer), Compatible)
		if err != nil {
			t.Fatal(err)
		}
		f.source.r = c.r
		if err := s.Copy(f, 0); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if err := s.Close(nil); !errors.Is(err, c.want) {
			t.Errorf("%s: Close said %v, want %v", name, err, c.want)
		}
	}
}

// Wherever the writing fails, the splicer says so.
func TestSpliceSinkFails(t *testing.T) {
	rows := sample(40)
	f := mustOpen(t, mustEncode(t, rows[:20], 20))
	data, _ := mustSplice(t, Compatible, piece{file: f}, piece{rows: rows[20:]})
	for at := 0; at < len(data); at += 1 + at%211 {
		s, err := NewSplicer(&fullDisk{left: at}, Compatible)
		if err == nil {
			err = errors.Join(s.Copy(f, 0), s.Write(rows[20:]), s.Close(map[string]string{"report": "sessions", "engine": "1"}))
		}
		if !errors.Is(err, errSink) {
			t.Fatalf("after %d of %d bytes: error %v", at, len(data), err)
		}
	}
}

// An invalid row is refused as by a Writer.
func TestSpliceRefuses(t *testing.T) {
	rows := sample(5)
	rows[2].Status = ""
	s, err := NewSplicer(new(bytes.Buffer), Compatible)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(rows); err == nil || !strings.HasSuffix(err.Error(), "the required column status is null") {
		t.Errorf("error %v", err)
	}
}

// A footer in which a bit flipped is noticed, or still describes every chunk as
// its source does.
func TestSpliceAuditFlippedBits(t *testing.T) {
	rows := sample(40)
	f := mustOpen(t, mustEncode(t, rows, 20))
	data, s := mustSplice(t, Compatible, piece{file: f, at: 0}, piece{file: f, at: 1})
	start, length, err := locateFooter(sourceOf(data))
	if err != nil {
		t.Fatal(err)
	}
	r, noticed := rand.New(rand.NewPCG(5, 6)), 0
	for range 600 {
		damaged := bytes.Clone(data)
		damaged[start+r.Int64N(length)] ^= 1 << r.IntN(8)
		if err := s.Audit(bytes.NewReader(damaged), int64(len(damaged))); err != nil {
			if noticed++; !errors.Is(err, ErrAudit) {
				t.Fatalf("error %v is no ErrAudit", err)
			}
			continue
		}
		if err := auditBytes(damaged, expect(rows)); err != nil {
			t.Errorf("went unnoticed: %v", err)
		}
	}
	if noticed < 300 {
		t.Errorf("only %d of 600 flipped bits were noticed", noticed)
	}
	for n := range 200 {
		if err := s.Audit(bytes.NewReader(data[:len(data)-1-n]), int64(len(data)-1-n)); !errors.Is(err, ErrAudit) {
			t.Fatalf("%d bytes too few: error %v", n+1, err)
		}
	}
}
