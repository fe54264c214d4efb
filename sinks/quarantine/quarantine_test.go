package quarantine_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/sinks/quarantine"
	"daybook/sources/dump"
	"daybook/transform/event"
)

// lines, and what is stored of them.
var lines = []struct {
	line   quarantine.Line
	stored string
}{
	{
		quarantine.Line{Object: "events/2026/11/20/a.ndjson.gz", Number: 12, Offset: 4711, Reason: event.BadValue, Detail: "ts: not a time", Raw: []byte(`{"ts":"<now> & later"}`)},
		`{"object":"events/2026/11/20/a.ndjson.gz","line":12,"offset":4711,"reason":"bad_value","detail":"ts: not a time","raw":"{\"ts\":\"<now> & later\"}"}`,
	},
	{
		quarantine.Line{Object: "a", Number: 1, Reason: event.BadJSON, Detail: "not UTF-8", Raw: []byte("{\"a\":\"\xff\"}")},
		`{"object":"a","line":1,"offset":0,"reason":"bad_json","detail":"not UTF-8","raw_base64":"eyJhIjoi/yJ9"}`,
	},
	{
		quarantine.Line{Object: "a", Number: 2, Offset: 10, Reason: event.BadJSON, Raw: []byte("\x00\t\u2028\u00e9\ufffd\x7f\\ud800\r")},
		`{"object":"a","line":2,"offset":10,"reason":"bad_json","detail":"","raw":"\u0000\t\u2028é` + "\ufffd\x7f" + `\\ud800\r"}`,
	},
	{
		quarantine.Line{Object: "a", Number: 3, Offset: 22, Reason: event.MissingField, Raw: []byte{}},
		`{"object":"a","line":3,"offset":22,"reason":"missing_field","detail":"","raw":""}`,
	},
	{
		// The surrogate half as UTF-8 would have it, were it allowed.
		quarantine.Line{Object: "a", Number: 4, Offset: 23, Reason: event.BadJSON, Raw: []byte("\xed\xa0\x80")},
		`{"object":"a","line":4,"offset":23,"reason":"bad_json","detail":"","raw_base64":"7aCA"}`,
	},
}

func TestWriteAndRead(t *testing.T) {
	var file bytes.Buffer
	var want strings.Builder
	w := quarantine.NewWriter(&file)
	for i := range lines {
		if err := w.Write(&lines[i].line); err != nil {
			t.Fatal(err)
		}
		want.WriteString(lines[i].stored + "\n")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), file.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for reason, n := range map[event.Reason]int64{event.BadJSON: 3, event.BadValue: 1, event.MissingField: 1, event.TooLong: 0} {
		if w.Count(reason) != n {
			t.Errorf("%d lines counted as %s, want %d", w.Count(reason), reason, n)
		}
	}

	r := quarantine.NewReader(&file)
	for i := range lines {
		got, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&lines[i].line, got); diff != "" {
			t.Errorf("line %d (-want +got)\n%s", i, diff)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("after the last line: %v", err)
	}
}

// However long a line is, it takes no memory to write it, and comes back byte
// for byte: as text where an event may be as long, and otherwise as base64.
func TestLongLines(t *testing.T) {
	for name, tt := range map[string]struct {
		raw    string
		member string
	}{
		"control bytes": {strings.Repeat("\x01", event.MaxLine), `"raw":`},
		"é in pieces":   {"." + strings.Repeat("é", event.MaxLine/2-1) + "\x02", `"raw":`},
		"longer":        {strings.Repeat("\x01", event.MaxLine+1), `"raw_base64":`},
		"the longest":   {strings.Repeat("\x01", dump.MaxLine), `"raw_base64":`},
	} {
		want := quarantine.Line{Object: "a", Number: 1, Reason: event.TooLong, Raw: []byte(tt.raw)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := quarantine.NewWriter(io.Discard)
		if err := errors.Join(w.Write(&want), w.Flush()); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 { // what is pooled may be let go of
			t.Errorf("%s: %d bytes were allocated for a line of %d", name, took, len(tt.raw))
		}

		var file bytes.Buffer
		w = quarantine.NewWriter(&file)
		if err := errors.Join(w.Write(&want), w.Flush()); err != nil {
			t.Fatal(err)
		}
		if head, _, _ := bytes.Cut(file.Bytes(), []byte(tt.member)); len(head) > 100 {
			t.Errorf("%s: it is not in the member %s", name, tt.member)
		}
		got, err := quarantine.NewReader(&file).Next()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Raw, want.Raw) {
			t.Errorf("%s: another line came back", name)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	const whole = `{"object":"a","line":1,"offset":0,"reason":"bad_json","detail":"","raw":""}` + "\n"
	for text, want := range map[string]string{
		"\n":                            "quarantine line 2: EOF",
		strings.TrimSuffix(whole, "\n"): "quarantine line 2: unexpected EOF",
		`{}` + "\n":                     "quarantine line 2: it needs either raw or raw_base64",
		strings.Replace(whole, `"raw"`, `"row"`, 1):                           `quarantine line 2: json: unknown field "row"`,
		strings.Replace(whole, "bad_json", "bad_joke", 1):                     `quarantine line 2: unknown reason "bad_joke"`,
		strings.Replace(whole, "}", "} {}", 1):                                "quarantine line 2: the line has more than one object",
		strings.Replace(whole, `"raw":""`, `"raw":"","raw_base64":"AA=="`, 1): "quarantine line 2: it needs either raw or raw_base64",
	} {
		r := quarantine.NewReader(strings.NewReader(whole + text))
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

// A sink that fails is not mistaken for one that works.
func TestWriteErrors(t *testing.T) {
	broken := errors.New("disk full")
	w := quarantine.NewWriter(writerFunc(func([]byte) (int, error) { return 0, broken }))
	if err := w.Write(&lines[0].line); err != nil {
		t.Fatal(err) // it fits the buffer
	}
	if err := w.Flush(); !errors.Is(err, broken) {
		t.Errorf("flush: error %v", err)
	}
	if err := w.Write(&lines[0].line); !errors.Is(err, broken) {
		t.Errorf("write: error %v", err)
	}
	if n := w.Count(event.BadValue); n != 1 {
		t.Errorf("counted %d lines, want 1", n)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// FuzzRoundTrip: any line comes back byte for byte, on a line of its own.
func FuzzRoundTrip(f *testing.F) {
	for _, l := range lines {
		f.Add(l.line.Object, l.line.Number, l.line.Offset, l.line.Detail, l.line.Raw)
	}
	f.Fuzz(func(t *testing.T, object string, number, offset int64, detail string, raw []byte) {
		if raw == nil {
			raw = []byte{}
		}
		want := quarantine.Line{Object: object, Number: number, Offset: offset, Reason: event.TooLong, Detail: detail, Raw: raw}
		var file bytes.Buffer
		w := quarantine.NewWriter(&file)
		if err := w.Write(&want); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(file.Bytes(), []byte("\n")); n != 1 {
			t.Errorf("%d lines for one: %q", n, file.Bytes())
		}
		got, err := quarantine.NewReader(&file).Next()
		if err != nil {
			t.Fatal(err)
		}
		want.Object, want.Detail = strings.ToValidUTF8(object, "\ufffd"), strings.ToValidUTF8(detail, "\ufffd")
		got.Object, got.Detail = squeeze(got.Object), squeeze(got.Detail)
		want.Object, want.Detail = squeeze(want.Object), squeeze(want.Detail)
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// squeeze makes one U+FFFD of several, as ToValidUTF8 does and JSON does not.
func squeeze(s string) string {
	for strings.Contains(s, "\ufffd\ufffd") {
		s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
	}
	return s
}
