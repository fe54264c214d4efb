// Package quarantine stores the rejected lines of dumps (EVENTS.md, "What
// becomes of each line"), so that people can inspect them and replay them.
//
// The format is NDJSON: one object per line, with its members in this order.
//
//	{"object":"events/2026/11/20/a.ndjson.gz","line":12,"offset":4711,"reason":"bad_value","detail":"…","raw":"…"}
//
// object is the key of the dump; line counts from 1; offset is that of the
// line's first byte in the decompressed dump, from 0; reason is a code of
// EVENTS.md; detail is for people. raw is the line without its line ending.
// raw_base64 takes its place, in standard base64, for a line that is not UTF-8,
// which no JSON string can hold, and for a line longer than any event, which
// JSON could make six times as long.
package quarantine

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"daybook/transform/event"
)

// Line is a rejected line of a dump.
type Line struct {
	Object string
	Number int64 // from 1
	Offset int64 // of its first byte in the decompressed dump
	Reason event.Reason
	Detail string // for people
	Raw    []byte // without its line ending
}

// stored is a Line as JSON.
type stored struct {
	Object    string  `json:"object"`
	Line      int64   `json:"line"`
	Offset    int64   `json:"offset"`
	Reason    string  `json:"reason"`
	Detail    string  `json:"detail"`
	Raw       *string `json:"raw,omitempty"`
	RawBase64 []byte  `json:"raw_base64,omitempty"`
}

// Writer writes lines and counts them by reason. Its output depends only on the
// lines and their order.
type Writer struct {
	buffer *bufio.Writer
	json   *json.Encoder
	piece  bytes.Buffer // output of json
	counts map[event.Reason]int64
}

// NewWriter returns a Writer to w with a buffer: call Flush at the end.
func NewWriter(w io.Writer) *Writer {
	q := &Writer{buffer: bufio.NewWriter(w), counts: map[event.Reason]int64{}}
	q.json = json.NewEncoder(&q.piece)
	q.json.SetEscapeHTML(false) // for people, not browsers
	return q
}

// Write writes a line and keeps no reference to it. In the key and the detail,
// invalid UTF-8 becomes U+FFFD.
func (w *Writer) Write(l *Line) error {
	if err := w.write(l); err != nil {
		return fmt.Errorf("quarantine line %d of %s: %w", l.Number, l.Object, err)
	}
	w.counts[l.Reason]++
	return nil
}

// write writes the raw line in pieces, because a line may be large and is in
// memory once already. Errors of the buffer are sticky: the last call returns
// them.
func (w *Writer) write(l *Line) error {
	head, err := w.encode(&stored{Object: l.Object, Line: l.Number, Offset: l.Offset, Reason: l.Reason.String(), Detail: l.Detail})
	if err != nil {
		return err
	}
	w.buffer.Write(head[:len(head)-len("}")])
	if len(l.Raw) > event.MaxLine || !utf8.Valid(l.Raw) {
		w.buffer.WriteString(`,"raw_base64":"`)
		encoder := base64.NewEncoder(base64.StdEncoding, w.buffer)
		encoder.Write(l.Raw)
		encoder.Close()
	} else {
		w.buffer.WriteString(`,"raw":"`)
		if err := w.text(l.Raw); err != nil {
			return err
		}
	}
	_, err = w.buffer.WriteString("\"}\n")
	return err
}

// text writes s as the inside of a JSON string.
func (w *Writer) text(s []byte) error {
	const most = 16 << 10
	for len(s) > 0 {
		n := min(len(s), most)
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		quoted, err := w.encode(string(s[:n]))
		if err != nil {
			return err
		}
		w.buffer.Write(quoted[1 : len(quoted)-1])
		s = s[n:]
	}
	return nil
}

// encode returns v as JSON, valid until the next call.
func (w *Writer) encode(v any) ([]byte, error) {
	w.piece.Reset()
	err := w.json.Encode(v)
	return bytes.TrimSuffix(w.piece.Bytes(), []byte("\n")), err
}

// Count is the number of lines written with a reason.
func (w *Writer) Count(r event.Reason) int64 { return w.counts[r] }

// Flush writes the buffer. The file is complete when it returns nil.
func (w *Writer) Flush() error {
	if err := w.buffer.Flush(); err != nil {
		return fmt.Errorf("write the quarantine: %w", err)
	}
	return nil
}

// Reader reads the output of a Writer.
type Reader struct {
	buffer *bufio.Reader
	line   int64
}

// NewReader returns a Reader of r with a buffer.
func NewReader(r io.Reader) *Reader { return &Reader{buffer: bufio.NewReader(r)} }

// Next returns the next line, which belongs to the caller, and io.EOF at the
// end. Any other error names the line of the quarantine file.
func (r *Reader) Next() (*Line, error) {
	text, err := r.buffer.ReadBytes('\n')
	if err != nil && (err != io.EOF || len(text) > 0) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // the last line, too, ends in LF
		}
		return nil, fmt.Errorf("quarantine line %d: %w", r.line+1, err)
	}
	if len(text) == 0 {
		return nil, io.EOF
	}
	r.line++
	l, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("quarantine line %d: %w", r.line, err)
	}
	return l, nil
}

func parse(text []byte) (*Line, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var s stored
	if err := decoder.Decode(&s); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("the line has more than one object")
	}
	if (s.Raw == nil) == (s.RawBase64 == nil) {
		return nil, errors.New("it needs either raw or raw_base64")
	}
	l := &Line{Object: s.Object, Number: s.Line, Offset: s.Offset, Detail: s.Detail, Raw: s.RawBase64}
	if s.Raw != nil {
		l.Raw = []byte(*s.Raw)
	}
	for _, reason := range event.Reasons() {
		if reason.String() == s.Reason {
			l.Reason = reason
			return l, nil
		}
	}
	return nil, fmt.Errorf("unknown reason %q", s.Reason)
}
