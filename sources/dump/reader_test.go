package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"daybook/sources/store"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"
)

// line is a Line that keeps its bytes.
type line struct {
	Number, Offset int64
	Text           string
}

// readAll reads the lines of body.
func readAll(body io.Reader, codec Codec) ([]line, error) {
	r, err := newReader("test://dump", io.NopCloser(body), codec)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return drain(r)
}

// newReader reads a dump whose name tells a codec.
func newReader(url string, body io.ReadCloser, named Codec) (*Reader, error) {
	r := &Reader{url: url, source: &source{body: body, size: unknownSize}}
	if err := r.open(new(Source), "dump.ndjson"+named.Extension(), false); err != nil {
		return nil, err
	}
	return r, nil
}

func drain(r *Reader) ([]line, error) {
	var lines []line
	for {
		l, err := r.Next()
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, line{l.Number, l.Offset, string(l.Bytes)})
	}
}

// drainBlocks reads all blocks before it looks into any of them.
func drainBlocks(r *Reader) (lines []line, err error) {
	var blocks []*Block
	for err == nil {
		b := new(Block)
		if err = r.NextBlock(b); err == nil {
			blocks = append(blocks, b)
		}
	}
	for _, b := range blocks {
		for l, ok := b.Next(); ok; l, ok = b.Next() {
			lines = append(lines, line{l.Number, l.Offset, string(l.Bytes)})
		}
	}
	if err == io.EOF {
		err = nil
	}
	return lines, err
}

// readings are the ways to read all lines of a dump.
func readings() map[string]func(*Reader) ([]line, error) {
	return map[string]func(*Reader) ([]line, error){"by lines": drain, "by blocks": drainBlocks}
}

// wantLines is what Reader promises, said as simply as possible.
func wantLines(text []byte) []line {
	rest, offset := text, int64(0)
	if bytes.HasPrefix(rest, []byte("\xef\xbb\xbf")) {
		rest, offset = rest[3:], 3
	}
	if len(rest) == 0 {
		return nil
	}
	parts := bytes.Split(rest, []byte("\n"))
	var lines []line
	for i, part := range parts {
		last := i == len(parts)-1
		if last && len(part) == 0 {
			break
		}
		size := int64(len(part)) + 1
		if !last {
			part = bytes.TrimSuffix(part, []byte("\r"))
		}
		lines = append(lines, line{int64(i + 1), offset, string(part)})
		offset += size
	}
	return lines
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstdded(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []line
	}{
		{"empty", "", nil},
		{"only a mark", "\ufeff", nil},
		{"one line", "{}\n", []line{{1, 0, "{}"}}},
		{"no terminator at the end", "{}\n[]", []line{{1, 0, "{}"}, {2, 3, "[]"}}},
		{"CRLF", "{}\r\n[]\r\n", []line{{1, 0, "{}"}, {2, 4, "[]"}}},
		{"both kinds", "a\nb\r\nc\n", []line{{1, 0, "a"}, {2, 2, "b"}, {3, 5, "c"}}},
		{"blank lines", "\n\r\n  \n", []line{{1, 0, ""}, {2, 1, ""}, {3, 3, "  "}}},
		{"a mark counts in offsets", "\ufeffa\nb\n", []line{{1, 3, "a"}, {2, 5, "b"}}},
		{"a mark elsewhere is text", "a\n\ufeffb\n", []line{{1, 0, "a"}, {2, 2, "\ufeffb"}}},
		{"one mark only", "\ufeff\ufeffa\n", []line{{1, 3, "\ufeffa"}}},
		{"half a mark", "\xef\xbb", []line{{1, 0, "\xef\xbb"}}},
		{"CR alone ends nothing", "a\rb\r\r\nc\r", []line{{1, 0, "a\rb\r"}, {2, 6, "c\r"}}},
		{"not UTF-8", "\xff\x00\n", []line{{1, 0, "\xff\x00"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, wantLines([]byte(c.text))); diff != "" {
				t.Errorf("the oracle (-want +got):\n%s", diff)
			}
			for codec, stored := range map[Codec][]byte{
				Plain: []byte(c.text), Gzip: gzipped(t, c.text), Zstd: zstdded(t, c.text),
			} {
				if codec == Zstd && c.text == "" {
					continue // this encoder writes no frame for nothing
				}
				for name, split := range map[string]func(io.Reader) io.Reader{
					"whole":    func(r io.Reader) io.Reader { return r },
					"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "early EOF": iotest.DataErrReader,
				} {
					got, err := readAll(split(bytes.NewReader(stored)), codec)
					if err != nil {
						t.Errorf("%s, %s: %v", codec, name, err)
					}
					if diff := cmp.Diff(c.want, got); diff != "" {
						t.Errorf("%s, %s (-want +got):\n%s", codec, name, diff)
					}
				}
			}
		})
	}
}

// Lines are the same wherever reads and blocks happen to end.
func TestLinesInAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		for name, read := range readings() {
			r, err := newReader("test://dump", io.NopCloser(&choppy{text, drawRand(t)}), Plain)
			if err != nil {
				t.Fatal(err)
			}
			got, err := read(r)
			if err != nil {
				t.Fatal(err)
			}
			if want := wantLines(text); !slices.Equal(want, got) {
				t.Fatalf("%s (-want +got):\n%s", name, cmp.Diff(want, got))
			}
		}
	})
}

// Where a text breaks off, all of its whole lines have been given, and the
// error says where the next would have started.
func TestBrokenInAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		whole := text[:bytes.LastIndexByte(text, '\n')+1]
		want := wantLines(whole)
		offset := len(whole)
		if offset == 0 && bytes.HasPrefix(text, byteOrderMark) {
			offset = len(byteOrderMark)
		}
		for name, read := range readings() {
			body := io.MultiReader(&choppy{text, drawRand(t)}, iotest.ErrReader(store.ErrStalled))
			r, err := newReader("test://dump", io.NopCloser(body), Plain)
			if err != nil {
				if len(text) >= magicLen {
					t.Fatal(err)
				}
				continue
			}
			got, err := read(r)
			var where *Error
			if !errors.As(err, &where) || !errors.Is(err, store.ErrStalled) {
				t.Fatalf("%s: %v", name, err)
			}
			if where.Line != int64(len(want)) || where.Offset != int64(offset) {
				t.Fatalf("%s: %v; want line %d, byte %d", name, err, len(want), offset)
			}
			if !slices.Equal(want, got) {
				t.Fatalf("%s (-want +got):\n%s", name, cmp.Diff(want, got))
			}
			if _, again := r.Next(); !errors.Is(again, store.ErrStalled) {
				t.Fatalf("%s: after the error: %v", name, again)
			}
		}
	})
}

// drawText draws a text of some lines, of which some are longer than a block.
func drawText(t *rapid.T) []byte {
	piece := rapid.SampledFrom([]string{"\n", "\r\n", "\r", "\ufeff", "a", " ", strings.Repeat("x", 1000), strings.Repeat("y", blockSize-1), strings.Repeat("z", 2*blockSize)})
	return []byte(strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(t, "pieces"), ""))
}

func drawRand(t *rapid.T) *rand.Rand {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
}

// choppy reads rest in pieces of any size, none included.
type choppy struct {
	rest []byte
	rng  *rand.Rand
}

func (c *choppy) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	most := 1 << c.rng.IntN(20)
	n := copy(p[:min(len(p), c.rng.IntN(most+1))], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func FuzzLines(f *testing.F) {
	for _, seed := range []string{"", "\ufeffa\r\n\nb", "a\r", "\r\n\r\n", "\n\n", "{}\n{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := readAll(iotest.HalfReader(bytes.NewReader(text)), Plain)
		if codecByMagic(text) != Plain {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("compressed text in a plain dump: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wantLines(text), got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// A short line that follows a long one, in a buffer that has grown, is intact.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 3<<20/16)
	text := "a\r\n" + long + "\r\nb\n" + long
	got, err := readAll(strings.NewReader(text), Plain)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantLines([]byte(text)), got); diff != "" {
		t.Error("the lines differ from those of bytes.Split")
	}
}

func TestLongestLine(t *testing.T) {
	longest := bytes.Repeat([]byte{'x'}, MaxLine)
	r, err := newReader("test://dump", io.NopCloser(io.MultiReader(bytes.NewReader(longest), strings.NewReader("\r\nb\n"))), Plain)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := r.Next(); err != nil || len(l.Bytes) != MaxLine {
		t.Errorf("the longest line: %d bytes, %v", len(l.Bytes), err)
	}
	if l, err := r.Next(); err != nil || string(l.Bytes) != "b" || l.Offset != MaxLine+2 {
		t.Errorf("the line after it: %q at %d, %v", l.Bytes, l.Offset, err)
	}
	for name, end := range map[string]string{"": "x", "LF": "x\n", "CRLF": "x\r\n", "text": "xxxx"} {
		r, err := newReader("test://dump", io.NopCloser(io.MultiReader(strings.NewReader("a\n"), bytes.NewReader(longest), strings.NewReader(end))), Plain)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err = r.Next()
			want := "read test://dump: stopped after line 1, at byte 2 of the decompressed text: the next line is longer than 64 MiB; check that the dump has one JSON object per line"
			if err == nil || err.Error() != want {
				t.Errorf("too long, then %s:\n got %v\nwant %s", name, err, want)
			}
		}
	}
}

// A truncated compressed dump is an error, at every length.
func TestTruncated(t *testing.T) {
	text := strings.Repeat(`{"event_id":"1","type":"presence"}`+"\n", 40) + "end"
	noise := make([]byte, 600)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for name, c := range map[string]struct {
		codec  Codec
		stored []byte
		whole  []int // lengths at which the file ends between members or frames
	}{
		"gzip":            {Gzip, gzipped(t, text), nil},
		"gzip, stored":    {Gzip, gzipped(t, string(noise)), nil},
		"gzip, 2 members": {Gzip, concat(gzipped(t, text), gzipped(t, text)), []int{len(gzipped(t, text))}},
		"zstd":            {Zstd, zstdded(t, text), nil},
		"zstd, stored":    {Zstd, zstdded(t, string(noise)), nil},
		"zstd, 2 frames":  {Zstd, concat(zstdded(t, text), zstdded(t, text)), []int{len(zstdded(t, text))}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readAll(bytes.NewReader(c.stored), c.codec); err != nil {
				t.Fatal(err)
			}
			for n := range c.stored {
				if len(c.whole) == 1 && n == c.whole[0] {
					continue
				}
				_, err := readAll(bytes.NewReader(c.stored[:n]), c.codec)
				var where *Error
				if !errors.Is(err, ErrCorrupt) || !errors.As(err, &where) {
					t.Errorf("%d of %d bytes: error %v; want an *Error that wraps ErrCorrupt", n, len(c.stored), err)
				}
			}
		})
	}
}

func TestMembersAndFrames(t *testing.T) {
	skippable := []byte{0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'x', 'y', 'z'}
	for name, c := range map[string]struct {
		codec  Codec
		stored []byte
	}{
		"gzip members":       {Gzip, concat(gzipped(t, "a\nb"), gzipped(t, ""), gzipped(t, "c\nd\n"))},
		"gzip, zeros after":  {Gzip, concat(gzipped(t, "a\nbc\nd\n"), make([]byte, 1000))},
		"zstd frames":        {Zstd, concat(zstdded(t, "a\nb"), zstdded(t, "c\nd\n"))},
		"zstd, skippable":    {Zstd, concat(skippable, zstdded(t, "a\nb"), skippable, zstdded(t, "c\nd\n"), skippable)},
		"plain, for control": {Plain, []byte("a\nbc\nd\n")},
	} {
		got, err := readAll(bytes.NewReader(c.stored), c.codec)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]line{{1, 0, "a"}, {2, 2, "bc"}, {3, 5, "d"}}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCorrupt(t *testing.T) {
	text := strings.Repeat("0123456789\n", 50)
	flip := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[i] ^= 0xff
		return b
	}
	gz, zst := gzipped(t, text), zstdded(t, text)
	for name, c := range map[string]struct {
		codec  Codec
		stored []byte
		want   string // occurs in the message
	}{
		"gzip checksum":        {Gzip, flip(gz, len(gz)-8), "stopped after line 50, at byte 550 of the decompressed text: corrupt dump: its gzip cannot be read: gzip: invalid checksum; have the producer write it again"},
		"zstd checksum":        {Zstd, flip(zst, len(zst)-1), "its zstd cannot be read: CRC check failed"},
		"text after gzip":      {Gzip, concat(gz, []byte("{}\n")), "other bytes (7b 7d 0a) follow its gzip"},
		"byte after gzip":      {Gzip, concat(gz, []byte("x")), "other bytes (78) follow its gzip data; have the producer write it again"},
		"half a member":        {Gzip, concat(gz, []byte{'\n', 0x1f}), "its gzip is cut off: unexpected EOF"},
		"text after zeros":     {Gzip, concat(gz, make([]byte, 512), []byte("x")), "other bytes follow its gzip data and zero padding"},
		"text after zstd":      {Zstd, concat(zst, []byte("{}\n\n")), "other bytes (7b 7d 0a 0a) follow its zstd data"},
		"text after zstd, LF":  {Zstd, concat(zst, []byte("\n{}\n\n")), "other bytes (7b 7d 0a 0a) follow its zstd data"},
		"zeros, text, zstd":    {Zstd, concat(zst, []byte("\x00\x00x")), "other bytes follow its zstd data and zero padding"},
		"noise named .gz":      {Gzip, []byte("!\x98\xc2&noise"), "its name says gzip, but its first bytes (21 98 c2 26) are neither that nor text; "},
		"zeros named .zst":     {Zstd, make([]byte, 9), "its name says zstd, but its first bytes (00 00 00 00) are neither that nor text; "},
		"two bytes of a gzip":  {Gzip, gz[:2], "its gzip is cut off: unexpected EOF"},
		"nothing, named .gz":   {Gzip, nil, "read test://dump: corrupt dump: it is empty (0 bytes), and a valid gzip is not; have the producer write it again"},
		"nothing, named .zst":  {Zstd, nil, "it is empty (0 bytes), and a valid zstd is not"},
		"zstd, cut off":        {Zstd, zst[:len(zst)-9], "its zstd is cut off: unexpected EOF; have the producer write it again"},
		"zstd, damaged inside": {Zstd, flip(zst, 9), "its zstd cannot be read"},
	} {
		_, err := readAll(bytes.NewReader(c.stored), c.codec)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: error %v; want one that wraps ErrCorrupt", name, err)
		} else if !strings.HasPrefix(err.Error(), "read test://dump: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
}

// bucket is a store of one object.
type bucket struct {
	etag string
	body io.Reader
	open error
}

func (b bucket) Open(_ context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	if offset != 0 || length != store.ToEnd {
		panic("dumps are read from their start to their end")
	}
	if b.open != nil {
		return nil, store.Object{}, b.open
	}
	if ifMatch != b.etag {
		return nil, store.Object{}, store.ErrChanged
	}
	return io.NopCloser(b.body), store.Object{Key: key, ETag: b.etag}, nil
}

func (bucket) URL(key string) string { return "test://bucket/" + key }

func TestOpen(t *testing.T) {
	stored := gzipped(t, "a\nb\n")
	d := Dump{Key: "2026/11/20/a.ndjson.gz", ETag: "v1", Size: int64(len(stored))}
	r, err := Open(t.Context(), bucket{etag: "v1", body: bytes.NewReader(stored)}, d)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := drain(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]line{{1, 0, "a"}, {2, 2, "b"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	if _, err := Open(t.Context(), bucket{etag: "v2", body: bytes.NewReader(stored)}, d); !errors.Is(err, store.ErrChanged) {
		t.Errorf("another version: %v", err)
	}
	if _, err := Open(t.Context(), bucket{open: store.ErrNotFound}, d); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no version: %v", err)
	}
}

// A body that breaks is an error of the connection, with every codec. A body that is
// shorter than the listing says is an error, too.
func TestBrokenBody(t *testing.T) {
	text := strings.Repeat("0123456789\n", 50)
	for codec, stored := range map[Codec][]byte{Plain: []byte(text), Gzip: gzipped(t, text), Zstd: zstdded(t, text)} {
		d := Dump{Key: "a", Size: int64(len(stored))}
		for n := range stored {
			for want, end := range map[error]io.Reader{
				store.ErrStalled:    iotest.ErrReader(store.ErrStalled),
				io.ErrUnexpectedEOF: strings.NewReader(""),
			} {
				r, err := Open(t.Context(), bucket{body: io.MultiReader(bytes.NewReader(stored[:n]), end)}, d)
				if err == nil {
					_, err = drain(r)
					r.Close()
				}
				var where *Error
				if !errors.As(err, &where) || where.URL != "test://bucket/a" || !errors.Is(err, want) || errors.Is(err, ErrCorrupt) {
					t.Fatalf("%s, %d of %d bytes: error %v; want %v", codec, n, len(stored), err, want)
				}
			}
		}
	}
}

func TestBrokenBodySaysWhere(t *testing.T) {
	r, err := Open(t.Context(), bucket{body: io.MultiReader(strings.NewReader("ab\ncd\nef"), iotest.ErrReader(store.ErrStalled))}, Dump{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = drain(r)
	if want := "read test://bucket/k: stopped after line 2, at byte 6 of the decompressed text: no progress"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOpenFile(t *testing.T) {
	dir := t.TempDir()
	text := "a\nb\n"
	for name, stored := range map[string][]byte{
		"a.ndjson": []byte(text), "a.json.gz": gzipped(t, text), "a.jsonl.zst": zstdded(t, text),
		"plain.log": []byte(text), "gzip.log": gzipped(t, text), "zstd.log": zstdded(t, text),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, stored, 0o644); err != nil {
			t.Fatal(err)
		}
		for path, stdin := range map[string]io.Reader{path: nil, Stdin: iotest.OneByteReader(bytes.NewReader(stored))} {
			r, err := OpenFile(t.Context(), path, stdin)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got, err := drain(r)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(wantLines([]byte(text)), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if err := r.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := OpenFile(t.Context(), filepath.Join(dir, "absent.ndjson"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that does not exist: %v", err)
	}
	if _, err := OpenFile(t.Context(), Stdin, iotest.ErrReader(store.ErrStalled)); !errors.Is(err, store.ErrStalled) {
		t.Errorf("a stdin that fails: %v", err)
	}
	r, err := OpenFile(t.Context(), Stdin, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := drain(r); err != nil || len(got) != 1 {
		t.Errorf("a stdin of two bytes: %v, %v", got, err)
	}
}

// A reader that is closed keeps nothing that others get.
func TestClosed(t *testing.T) {
	text := strings.Repeat("0123456789\n", 50)
	for codec, stored := range map[Codec][]byte{Plain: []byte(text), Gzip: gzipped(t, text), Zstd: zstdded(t, text)} {
		closes := 0
		r, err := newReader("test://dump", closer{bytes.NewReader(stored), &closes}, codec)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Errorf("%s: %v", codec, err)
			}
		}
		if closes != 1 {
			t.Errorf("%s: the body was closed %d times", codec, closes)
		}
		if _, err := r.Next(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: a line of a closed dump: %v", codec, err)
		}
	}
}

type closer struct {
	io.Reader
	closes *int
}

func (c closer) Close() error { *c.closes++; return nil }

// Decompressors go from dump to dump, also from those that were damaged or not
// read to their end, and never to two at once.
func TestDumpsSideBySide(t *testing.T) {
	var group errgroup.Group
	for worker := range 4 {
		rng := rand.New(rand.NewPCG(uint64(worker), 0))
		group.Go(func() error {
			for range 50 {
				text := strings.Repeat(fmt.Sprintf("%d of %d\n", rng.IntN(1000), worker), rng.IntN(50_000))
				codec, stored := Gzip, gzipped(t, text)
				if rng.IntN(2) == 0 && text != "" {
					codec, stored = Zstd, zstdded(t, text)
				}
				r, err := newReader("test://dump", io.NopCloser(bytes.NewReader(stored)), codec)
				if err != nil {
					return err
				}
				if rng.IntN(2) == 0 {
					stored[len(stored)-rng.IntN(len(stored)/2)-1] ^= 0xff
					r.Next() // an error or not
					r.Close()
					continue
				}
				got, err := drain(r)
				if err != nil || !slices.Equal(wantLines([]byte(text)), got) {
					return fmt.Errorf("%s: other lines, and the error %w", codec, err)
				}
				r.Close()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// Reading a line allocates nothing.
func TestNextDoesNotAllocate(t *testing.T) {
	text := bytes.Repeat([]byte(strings.Repeat("x", 200)+"\n"), 5000)
	r, err := newReader("test://dump", io.NopCloser(bytes.NewReader(text)), Plain)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(4000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

func BenchmarkNext(b *testing.B) {
	const line = `{"event_id":"8f3a","ts":"2026-11-20T08:15:02.123Z","session_id":2,"type":"presence","state":"away","technician_id":7}` + "\n"
	for _, lines := range []int{100, 100_000} {
		text := strings.Repeat(line, lines)
		for codec, stored := range map[Codec][]byte{Plain: []byte(text), Gzip: gzipped(b, text), Zstd: zstdded(b, text)} {
			b.Run(fmt.Sprintf("%s/lines=%d", codec, lines), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					r, err := newReader("test://dump", io.NopCloser(bytes.NewReader(stored)), codec)
					if err != nil {
						b.Fatal(err)
					}
					for err == nil {
						_, err = r.Next()
					}
					if err != io.EOF {
						b.Fatal(err)
					}
					r.Close()
				}
			})
		}
	}
}
