package dump

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"daybook/transform/event"
)

// read reads a text in a form, under a name.
func read(how *Source, name, text string, possible bool) (Form, []line, error) {
	r := &Reader{url: "test://" + name, source: &source{body: io.NopCloser(strings.NewReader(text)), size: unknownSize}}
	if err := r.open(how, name, possible); err != nil {
		return Auto, nil, err
	}
	defer r.Close()
	lines, err := drain(r)
	return r.Form(), lines, err
}

// The beginning of a text tells its form; documents have exact positions, and a
// broken one costs no other one.
func TestForms(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 2*sample) + `"}`
	longest := `{"a":"` + strings.Repeat("x", 2*mostSample) + `"}`
	for name, c := range map[string]struct {
		text string
		form Form
		want []line
	}{
		"lines":                      {"{\"a\":1}\n{\"b\":2}\n", Lines, []line{{1, 0, `{"a":1}`}, {2, 8, `{"b":2}`}}},
		"CRLF":                       {"{\"a\":1}\r\n{\"b\":2}", Lines, []line{{1, 0, `{"a":1}`}, {2, 9, `{"b":2}`}}},
		"one line":                   {`{"a":1}`, Lines, []line{{1, 0, `{"a":1}`}}},
		"nothing":                    {"", Lines, nil},
		"blank":                      {" \n", Lines, []line{{1, 0, " "}}},
		"text":                       {"a {\n", Lines, []line{{1, 0, "a {"}}},
		"a list a line":              {"[1]\n{}\n", Lines, []line{{1, 0, "[1]"}, {2, 4, "{}"}}},
		"an array, then a line":      {"[{}]\n{}\n", Lines, []line{{1, 0, "[{}]"}, {2, 5, "{}"}}},
		"a first line cut off":       {"{\"a\":\n{\"b\":2}\n{\"c\":3}\n", Lines, []line{{1, 0, `{"a":`}, {2, 6, `{"b":2}`}, {3, 14, `{"c":3}`}}},
		"a log":                      {"[INFO] started\n", Lines, []line{{1, 0, "[INFO] started"}}},
		"long lines":                 {long + "\n{}", Lines, []line{{1, 0, long}, {2, int64(len(long) + 1), "{}"}}},
		"back to back":               {`{"a":1}{"b":2}`, Documents, []line{{1, 0, `{"a":1}`}, {2, 7, `{"b":2}`}}},
		"back to back, blanks":       {` {"a":1} {"b":2} `, Documents, []line{{1, 1, `{"a":1}`}, {2, 9, `{"b":2}`}}},
		"long, back to back":         {long + "{}", Documents, []line{{1, 0, long}, {2, int64(len(long)), "{}"}}},
		"longest, over lines":        {"{\n" + longest[1:] + "{}", Documents, []line{{1, 0, "{\n" + longest[1:]}, {2, int64(len(longest) + 1), "{}"}}},
		"over several lines":         {"{\n \"a\": 1\n}\n{\n \"b\": 2\n}\n", Documents, []line{{1, 0, "{\n \"a\": 1\n}"}, {2, 12, "{\n \"b\": 2\n}"}}},
		"BOM, over lines":            {"\ufeff{\n}\n{}", Documents, []line{{1, 3, "{\n}"}, {2, 7, "{}"}}},
		"RS":                         {"\x1e{\"a\":1}\n\x1e{\"b\":2}\n", Documents, []line{{1, 1, `{"a":1}`}, {2, 10, `{"b":2}`}}},
		"brackets in texts":          {`{"a":"}{"}{"b":"\"}{"}`, Documents, []line{{1, 0, `{"a":"}{"}`}, {2, 10, `{"b":"\"}{"}`}}},
		"a closing brace missing":    {`{"a":{"b":1}{"c":2}{"d":3}`, Lines, []line{{1, 0, `{"a":{"b":1}{"c":2}{"d":3}`}}},
		"array":                      {`[{"a":1},{"b":2}]`, Array, []line{{1, 1, `{"a":1}`}, {2, 9, `{"b":2}`}}},
		"array, pretty":              {"[\n  {\n    \"a\": 1\n  },\n  {}\n]\n", Array, []line{{1, 4, "{\n    \"a\": 1\n  }"}, {2, 24, "{}"}}},
		"arrays":                     {"[{}]\n[{},{}]\n", Array, []line{{1, 1, "{}"}, {2, 6, "{}"}, {3, 9, "{}"}}},
		"an empty array":             {"[]", Array, nil},
		"an array of other elements": {`[{},1,"a,]",[2],null]`, Array, []line{{1, 1, "{}"}, {2, 4, "1"}, {3, 6, `"a,]"`}, {4, 12, "[2]"}, {5, 16, "null"}}},
		"an array of long elements":  {"[" + long + ",{}]", Array, []line{{1, 1, long}, {2, int64(len(long) + 2), "{}"}}},
	} {
		form, got, err := read(new(Source), "a.json", c.text, false)
		if err != nil || form != c.form {
			t.Errorf("%s: %s, error %v; want %s", name, form, err, c.form)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A broken document ends where the next one must begin.
func TestBrokenDocuments(t *testing.T) {
	for text, want := range map[string][]string{
		`{"a":1{"b":2}{"c":3}`:        {`{"a":1{"b":2}`, `{"c":3}`},
		`{}{"a":{"b":1} {"c":3}{}`:    {`{}`, `{"a":{"b":1}`, `{"c":3}`, `{}`},
		"{\"a\":\"x\n{\"b\":2}{}":     {`{"a":"x`, `{"b":2}`, `{}`},
		"\x1e{\"a\":[\x1e{\"b\":2}":   {`{"a":[`, `{"b":2}`},
		"\x1e{\"a\":\"x\x1e{\"b\":2}": {`{"a":"x`, `{"b":2}`},
		`{} garbage {"b":2}`:          {`{}`, `garbage `, `{"b":2}`},
		"{}}\n{\"b\":2}":              {`{}`, `}`, `{"b":2}`},
		`{}, {}`:                      {`{}`, `, `, `{}`},
		`{}{"a":"cut off`:             {`{}`, `{"a":"cut off`},
		`{}{"a":1  `:                  {`{}`, `{"a":1`},
		"{}\"text with { in it\"\n{}": {`{}`, `"text with { in it"`, `{}`},
		"{}[{},\n{}]{}":               {`{}`, "[{},\n{}]", `{}`},
	} {
		_, got, err := read(&Source{Form: Documents}, "a.json", text, false)
		var texts []string
		for _, l := range got {
			texts = append(texts, l.Text)
			if text[l.Offset:l.Offset+int64(len(l.Text))] != l.Text {
				t.Errorf("%q: %q is not at byte %d", text, l.Text, l.Offset)
			}
		}
		if diff := cmp.Diff(want, texts); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

// What is not read is called what it is, once.
func TestUnsupported(t *testing.T) {
	utf16 := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			b.WriteByte(c)
			b.WriteByte(0)
		}
		return b.String()
	}
	gz := func(s string) string { return string(gzipped(t, s)) }
	zst := func(s string) string { return string(zstdded(t, s)) }
	event := `{"a":1}` + "\n"
	for name, c := range map[string]struct {
		how      Source
		name     string
		text     string
		possible bool
		kind     error
		want     string
	}{
		"UTF-16LE":                {Source{}, "a.json", "\xff\xfe" + utf16(event), false, ErrUnsupported, "it is UTF-16 text; have the producer write UTF-8, or convert it with iconv"},
		"UTF-16BE":                {Source{}, "a.json", "\xfe\xff\x00{", false, ErrUnsupported, "it is UTF-16 text"},
		"UTF-16 without a mark":   {Source{}, "a.json", utf16(event), false, ErrUnsupported, "it is UTF-16 text"},
		"UTF-16 in gzip":          {Source{}, "a.json.gz", gz("\xff\xfe" + utf16(event)), false, ErrUnsupported, "it is UTF-16 text"},
		"UTF-32":                  {Source{}, "a.json", "\xff\xfe\x00\x00{\x00\x00\x00", false, ErrUnsupported, "it is UTF-32 text"},
		"gzip in gzip":            {Source{}, "a.json.gz", gz(gz(event)), false, ErrUnsupported, "it is gzip within its compression; have the producer compress it once"},
		"gzip in zstd":            {Source{}, "a.json.zst", zst(gz(event)), false, ErrUnsupported, "it is gzip within its compression"},
		"zstd in gzip":            {Source{}, "a.gz", gz(zst(event)), true, ErrUnsupported, "it is zstd within its compression"},
		"array, lines set":        {Source{Form: Lines}, "a.json", "[" + event + "]", false, ErrUnsupported, "it is a JSON array, and source.form is lines; set it to auto or array"},
		"array, documents set":    {Source{Form: Documents}, "a.json", "[" + event + "]", false, ErrUnsupported, "it is a JSON array, and source.form is documents; set it to auto or array"},
		"documents, lines set":    {Source{Form: Lines}, "a.json", "{\n}\n{}", false, ErrUnsupported, "its JSON documents do not end with their lines, and source.form is lines; set it to auto or documents"},
		"lines, array set":        {Source{Form: Array}, "a.json", event, false, ErrUnsupported, "it begins with no JSON array, and source.form is array; set it to auto or lines"},
		"an array cut off":        {Source{}, "a.json", `[{"a":1},{"b":2`, false, ErrCorrupt, "stopped after document 1, at byte 9 of the decompressed text: corrupt dump: its JSON array is cut off; have the producer write it again"},
		"an open array":           {Source{}, "a.json", `[{"a":1}`, false, ErrCorrupt, "its JSON array is cut off"},
		"a text without a name":   {Source{}, "README", "Read me.", true, ErrForeign, `no dump: it begins with "Read me.", which is not JSON`},
		"a log":                   {Source{}, "a.log", "[INFO] started", true, ErrForeign, `no dump: it begins with "[INFO] started", which is not JSON`},
		"a packed log":            {Source{}, "a.log.gz", gz("started, and went on for long"), true, ErrForeign, `no dump: it begins with "started, and went on", which is not JSON`},
		"an image without a name": {Source{}, "logo", "\x89PNG\r\n", true, ErrForeign, `which is not JSON`},
		"a window of 256 MiB":     {Source{}, "a.zst", "\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00", false, ErrUnsupported, "its zstd needs a window of 256 MiB, and source.max_window is 128 MiB; raise it, or have the producer write without --long"},
		"a dictionary":            {Source{}, "a.zst", "\x28\xb5\x2f\xfd\x01\x00\x07\x01\x00\x00", false, ErrUnsupported, "its zstd needs the dictionary 7; have the producer write it without a dictionary"},
	} {
		_, lines, err := read(&c.how, c.name, c.text, c.possible)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
		if c.kind != ErrCorrupt && len(lines) > 0 {
			t.Errorf("%s: %d lines before the error", name, len(lines))
		}
	}
}

// Names that alone make no dump are read if their content is JSON.
func TestPossibleDumps(t *testing.T) {
	for _, text := range []string{`{"a":1}` + "\n", `{"a":1}{"b":1}`, `[{"a":1}]`, "\ufeff{}", "\x1e{}", " \n{}", `{"cut off`, ""} {
		for _, stored := range []string{text, string(gzipped(t, text)), string(zstdded(t, text))} {
			if _, _, err := read(new(Source), "events", stored, true); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

// A line end after compressed data is no fault, nor are zeros at the end.
func TestAfterCompression(t *testing.T) {
	text := "{\"a\":1}\n"
	for codec, packed := range map[Codec][]byte{Gzip: gzipped(t, text), Zstd: zstdded(t, text)} {
		for name, stored := range map[string][]byte{
			"LF":           concat(packed, []byte("\n")),
			"CRLF":         concat(packed, []byte("\r\n")),
			"LF between":   concat(packed, []byte("\n"), packed, []byte("\n")),
			"zeros":        concat(packed, make([]byte, 512)),
			"LF and zeros": concat(packed, []byte("\n"), make([]byte, 3)),
		} {
			got, err := readAll(bytes.NewReader(stored), codec)
			want := wantLines([]byte(strings.Repeat(text, bytes.Count(stored, packed))))
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s, %s: %v (-want +got):\n%s", codec, name, err, diff)
			}
		}
	}
}

// A wider window is read if the setting allows it.
func TestWiderWindow(t *testing.T) {
	frame := "\x28\xb5\x2f\xfd\x00\x90" + "\x11\x00\x00" + "{}" // 256 MiB; a last block of two raw bytes
	if _, got, err := read(&Source{MaxWindow: 256 << 20}, "a.zst", frame, false); err != nil || len(got) != 1 || got[0].Text != "{}" {
		t.Errorf("%v, %v", got, err)
	}
}

// FuzzDocuments: the documents of any text lie in it, in order, and what lies between
// them is white space, RS and, in arrays, brackets and commas. However the text
// arrives, they are the same.
func FuzzDocuments(f *testing.F) {
	for _, text := range []string{`{"a":1}{"b":2}`, "{\n}\n{}", `[{},{}]`, "\x1e{}\n", `{"a":"x` + "\n{}", `{"a":{}{}`, `[1,{"a":"]"}`} {
		f.Add(text, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, chunk uint8) {
		for _, form := range []Form{Documents, Array} {
			whole, wholeErr := splitAll(form, strings.NewReader(text))
			at := int64(0)
			for _, l := range whole {
				if l.Offset < at || l.Text == "" || !strings.HasPrefix(text[l.Offset:], l.Text) {
					t.Fatalf("%q at byte %d of %q", l.Text, l.Offset, text)
				}
				if between := strings.Trim(text[at:l.Offset], " \t\r\n\x1e[],\ufeff"); between != "" {
					t.Fatalf("%q between documents of %q", between, text)
				}
				at = l.Offset + int64(len(l.Text))
			}
			chopped, choppedErr := splitAll(form, &choppedReader{text, int(chunk)%7 + 1})
			if diff := cmp.Diff(whole, chopped); diff != "" || (wholeErr == nil) != (choppedErr == nil) {
				t.Fatalf("%q in pieces: %v, %v\n%s", text, wholeErr, choppedErr, diff)
			}
		}
	})
}

// choppedReader returns a few bytes at a time.
type choppedReader struct {
	text string
	n    int
}

func (c *choppedReader) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, io.EOF
	}
	n := copy(p, c.text[:min(c.n, len(c.text))])
	c.text = c.text[n:]
	return n, nil
}

// splitAll reads the documents of a text, with a form that nothing has to agree with.
func splitAll(form Form, text io.Reader) ([]line, error) {
	r := &Reader{url: "test://dump", form: form, source: &source{body: io.NopCloser(text), size: unknownSize}}
	r.splitter.arrays = form == Array
	r.text = plainReader{text}
	return drain(r)
}

type plainReader struct{ io.Reader }

func (plainReader) Close() {}

// Documents of any shape, in any form, are read as they were written.
func TestFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		documents := rapid.SliceOfN(rapid.StringMatching(`\{"a":("[ -!#-\[\]-~é]{0,20}"|[1-9][0-9]{0,4}|\{"b":\[1,"\}\{"\]\}),"b":1\}`), 1, 30).Draw(t, "documents")
		for form, text := range map[Form]string{
			Lines:     strings.Join(documents, "\n"),
			Documents: "\n" + strings.Join(documents, " \t") + `{"last":1}`,
			Array:     "[\n" + strings.Join(documents, ",\n") + "\n]\n",
		} {
			found, got, err := read(new(Source), "a.json", text, false)
			if form == Documents {
				got = got[:max(0, len(got)-1)]
			}
			if err != nil || found != form || len(got) != len(documents) {
				t.Fatalf("%s: found %s, %d of %d documents: %v", form, found, len(got), len(documents), err)
			}
			for i := range got {
				if got[i].Text != documents[i] || got[i].Number != int64(i+1) {
					t.Fatalf("%s: document %d is %+v, want %s", form, i+1, got[i], documents[i])
				}
			}
		}
	})
}

// Sixty-four bytes at a time or one by one, a document ends at the same place.
func TestContainerEnd(t *testing.T) {
	oneByOne := func(b []byte) int {
		depth := 0
		for i := 0; i < len(b); i++ {
			if b[i] == '"' {
				end, broken := stringEnd(b, i+1)
				if end < 0 || broken {
					return end
				}
				i = end - 1
			} else if b[i] == recordSeparator {
				return i
			} else if endsAt(b, i, &depth) {
				return i + 1
			}
		}
		return -1
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SampledFrom([]string{
			"{", "}", "[", "]", "{", `"`, `"`, `\\`, `\"`, `"a":`, `"a long name of a member":"and its value"`, ",", "1", " ", "\n", "\t", "\x1e", "é", "\x00", "_Y{y\x7f", "\xfb\xfd\xa2", "#",
			strings.Repeat("x", 63), strings.Repeat(" ", 62),
		})
		text := []byte("{" + strings.Join(rapid.SliceOfN(parts, 0, 60).Draw(t, "parts"), ""))
		if got, want := containerEnd(text, 0), oneByOne(text); got != want {
			t.Fatalf("%q ends at %d, want %d", text, got, want)
		}
	})
}

// BenchmarkForms reads and decodes the same events in each form.
func BenchmarkForms(b *testing.B) {
	const text = `{"event_id":"8f3a","ts":"2026-11-20T08:15:02.123Z","session_id":2,"type":"presence","state":"away","technician_id":7}`
	for form, dump := range map[Form]string{
		Lines:     strings.Repeat(text+"\n", 100_000),
		Documents: strings.Repeat(text, 100_000),
		Array:     "[" + strings.Repeat(text+",", 99_999) + text + "]",
	} {
		b.Run(fmt.Sprint(form), func(b *testing.B) {
			b.SetBytes(int64(len(dump)))
			b.ReportAllocs()
			decoder := event.NewViewDecoder()
			var e event.Event
			for b.Loop() {
				r, err := newReader("test://dump", io.NopCloser(strings.NewReader(dump)), Plain)
				for err == nil {
					var line Line
					if line, err = r.Next(); err == nil {
						decoder.Decode(line.Bytes, &e)
					}
				}
				if err != io.EOF || e.SessionID != 2 {
					b.Fatal(err, e)
				}
			}
		})
	}
}
