package dump

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"daybook/transform/export"
)

// Form is how the events of a dump follow each other.
type Form uint8

// The forms.
const (
	Auto      Form = iota // the beginning of each dump decides
	Lines                 // one event a line
	Documents             // JSON objects back to back, over any number of lines; RS may come before each
	Array                 // the elements of JSON arrays
	Records               // rows of CSV, whose quoted cells may hold line ends: exports of the report only
)

var formNames = [...]string{Auto: "auto", Lines: "lines", Documents: "documents", Array: "array", Records: "records"}

// String is the form as source.form has it.
func (f Form) String() string { return formNames[f] }

// ParseForm reads source.form.
func ParseForm(s string) (Form, error) {
	for f, name := range formNames[:Records] {
		if s == name {
			return Form(f), nil
		}
	}
	return 0, fmt.Errorf("%q is no form; write auto, lines, documents or array", s)
}

// Unit is the name of one event with its white space: a line or a document.
func (f Form) Unit() string {
	if f == Documents || f == Array {
		return "document"
	}
	return "line"
}

const (
	// sample is how many bytes of a dump decide its form, and mostSample how many
	// may if its first document is longer.
	sample     = 1 << 10
	mostSample = 64 << 10
)

// recordSeparator begins each document of a JSON text sequence (RFC 7464). It is
// never part of a document.
const recordSeparator = 0x1e

// recognise tells the form of a text from its beginning. decided is false if more
// of the text could tell another one. Without evidence of another form, a text has
// lines: its first document is whole, and more follows on its line, or it takes
// several lines.
func recognise(start []byte, whole bool) (form Form, decided bool) {
	text := bytes.TrimLeft(bytes.TrimPrefix(start, byteOrderMark), " \t\r\n")
	if len(text) == 0 {
		return Lines, false
	}
	switch text[0] {
	case recordSeparator:
		return Documents, true
	case '{', '[':
	default:
		return Lines, true
	}
	isArray := text[0] == '['
	if inside := bytes.TrimLeft(text[1:], " \t\r\n"); isArray && len(inside) > 0 && inside[0] != '{' && inside[0] != ']' {
		return Lines, true
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	var first json.RawMessage
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF: // a part of a document
		switch {
		case isArray:
			return Array, true
		case bytes.IndexByte(text, '\n') >= 0 && !whole:
			return Documents, false // unless what follows is no JSON
		}
		return Lines, false
	case err != nil:
		return Lines, true
	}
	end := decoder.InputOffset()
	after := bytes.TrimLeft(text[end:], " \t\r")
	switch {
	case isArray:
		after = bytes.TrimLeft(after, "\n")
		return map[bool]Form{true: Array, false: Lines}[len(after) == 0 || after[0] == '['], true
	case bytes.IndexByte(text[:end], '\n') >= 0:
		return Documents, true
	case len(after) > 0 && (after[0] == '{' || after[0] == recordSeparator):
		return Documents, true
	}
	return Lines, len(after) > 0
}

// otherEncoding names the encoding of a text that is not UTF-8; empty if it may be.
func otherEncoding(start []byte) string {
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(start, []byte("\x00\x00\xfe\xff")):
		return "UTF-32"
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")),
		len(start) > 1 && (start[0] == '{' || start[0] == '[') && start[1] == 0,
		len(start) > 1 && start[0] == 0 && (start[1] == '{' || start[1] == '['):
		return "UTF-16"
	}
	return ""
}

// isJSON reports whether a text begins like JSON documents.
func isJSON(start []byte, form Form) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(start, byteOrderMark), " \t\r\n")
	return form != Lines || len(text) == 0 || text[0] == '{'
}

// checkForm refuses a text that is not what source.form says: every line of it
// would be rejected.
func checkForm(set, found Form, start []byte) error {
	text := bytes.TrimLeft(bytes.TrimPrefix(start, byteOrderMark), " \t\r\n")
	switch {
	case set == Auto, set == found, set == Documents && found == Lines, set == Array && (len(text) == 0 || text[0] == '['):
		return nil
	}
	what := map[Form]string{
		Lines: "it begins with no JSON array", Documents: "its JSON documents do not end with their lines", Array: "it is a JSON array",
	}[found]
	return fmt.Errorf("%w: %s, and source.form is %s; set it to auto or %s", ErrUnsupported, what, set, found)
}

// span is where a document lies in a block.
type span struct{ from, to int32 }

// splitter finds the documents of a text. It looks at brackets and strings alone:
// the decoder checks the rest. After a fault, it goes on where the next document
// must begin, so that one broken document costs no other one.
type splitter struct {
	arrays bool // documents are elements of arrays
	open   bool // an array is open

	delimiter byte // between the cells of a record
}

// split appends the spans of the whole documents in b to spans. rest is where the
// first one that is not whole begins. At the end of the text, the last document is
// whole in any case.
func (s *splitter) split(b []byte, end bool, spans []span) (_ []span, rest int) {
	if s.delimiter != 0 {
		return s.records(b, end, spans)
	}
	for i := 0; ; {
		for i < len(b) && (b[i] <= ' ' && (isSpace(b[i]) || b[i] == recordSeparator) || b[i] == ',' && s.open) {
			i++
		}
		if i == len(b) {
			return spans, i
		}
		switch c := b[i]; {
		case c == '[' && s.arrays && !s.open:
			s.open = true
			i++
			continue
		case c == ']' && s.open:
			s.open = false
			i++
			continue
		}
		to := s.valueEnd(b, i)
		if to < 0 {
			if !end || s.open { // of an array that is cut off, the last element may be, too
				return spans, i
			}
			to = len(bytes.TrimRight(b, " \t\r\n"))
		}
		spans = append(spans, span{int32(i), int32(to)})
		i = to
	}
}

// longestQuoted is how many bytes after a quote may close it. Without a limit, a quote
// that is never closed would hide all rows after it.
const longestQuoted = 64 << 10

// records appends the spans of the whole records in b: of lines that end outside of a
// quoted cell.
func (s *splitter) records(b []byte, end bool, spans []span) (_ []span, rest int) {
	for i := 0; i < len(b); {
		to := s.recordEnd(b, i, end)
		if to < 0 {
			return spans, i
		}
		spans = append(spans, span{int32(i), int32(i + len(withoutCR(b[i:to])))})
		i = to + 1
	}
	return spans, len(b)
}

// recordEnd is the index of the line end of the record at b[i], or of the end of the
// text; negative if it is not in b.
func (s *splitter) recordEnd(b []byte, i int, end bool) int {
	lf := -1
	for start := true; ; start = false {
		if lf < i {
			if lf = bytes.IndexByte(b[i:], '\n'); lf >= 0 {
				lf += i
			} else {
				lf = len(b)
			}
		}
		quote := i
		if !start || b[i] != '"' {
			if quote = bytes.Index(b[i:lf], []byte{s.delimiter, '"'}); quote >= 0 {
				quote += i + 1
			}
		}
		if quote < 0 {
			if lf == len(b) && !end {
				return -1
			}
			return lf
		}
		whole := end || len(b) > quote+longestQuoted
		cell := b[quote:min(len(b), quote+longestQuoted)]
		switch to := export.QuotedEnd(cell, s.delimiter); {
		case (to < 0 || to == len(cell)) && !whole:
			return -1 // its end may not be read yet
		case to < 0:
			i = quote + 1 // a sign like any other
		default:
			i = quote + to
		}
		if i == len(b) {
			return i
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// valueEnd is the index after the value at b[i]; negative if it does not end in b.
func (s *splitter) valueEnd(b []byte, i int) int {
	switch b[i] {
	case '{', '[':
		return containerEnd(b, i)
	case '"':
		to, _ := stringEnd(b, i+1)
		return to
	}
	for j := i + 1; j < len(b); j++ { // a number, a word, or no JSON
		switch c := b[j]; {
		case c == '\n', c == recordSeparator, c == '{', s.open && (c == ',' || c == ']'):
			return j
		}
	}
	return -1
}

// containerEnd is the index after the object or array that opens at b[i]; negative
// if it does not end in b. Where the next document must have begun, it ends there:
// at RS, at a line end within a string, and between } and {.
func containerEnd(b []byte, i int) int {
	for depth := 0; i < len(b); {
		found, n := brackets(b[i:])
		for ; found != 0; found &= found - 1 {
			if at := i + bits.TrailingZeros64(found); endsAt(b, at, &depth) {
				return at + 1
			}
		}
		if i += n; n > 0 {
			continue
		}
		switch b[i] {
		case '"':
			end, broken := stringEnd(b, i+1)
			if end < 0 || broken {
				return end
			}
			i = end
		case recordSeparator:
			return i
		default:
			i++
			if endsAt(b, i-1, &depth) {
				return i
			}
		}
	}
	return -1
}

// endsAt counts a bracket at b[i]. It reports whether a document ends with it.
func endsAt(b []byte, i int, depth *int) bool {
	switch b[i] {
	case '{', '[':
		*depth++
	case '}', ']':
		if *depth--; *depth == 0 {
			return true
		}
		next := i + 1
		for next < len(b) && isSpace(b[next]) {
			next++
		}
		return next < len(b) && b[next] == '{' && b[i] == '}'
	}
	return false
}

// brackets finds the brackets outside of strings in the next 64 bytes, as bits; a few
// others are among them. b does not begin inside of a string. n is how many bytes it has
// looked at: it stops at a string that goes on after them, at an escape, and at a control
// character. It takes a third of the time of a look at each byte.
func brackets(b []byte) (found uint64, n int) {
	const block = 64
	if len(b) < block {
		return 0, 0
	}
	quotes := uint64(0)
	n = block
	for k := 0; k < block; k += 8 {
		w := binary.LittleEndian.Uint64(b[k : k+8 : k+8])
		quotes = quotes>>1 | equal(w, '"')
		found = found>>1 | equal(w|0x26*ones, 0x7f) // [ ] { } and a few others have these bits
		if stop := endsPlain(w); stop != 0 {
			n = k + bits.TrailingZeros64(stop)/8
			quotes, found = quotes>>(7-k/8), found>>(7-k/8)
			break
		}
	}
	quotes, found = transpose(quotes), transpose(found)
	quotes &= 1<<n - 1
	if bits.OnesCount64(quotes)%2 != 0 {
		n = bits.Len64(quotes) - 1
	}
	inside := quotes // and the bits up to the next quote
	for shift := 1; shift < block; shift *= 2 {
		inside ^= inside << shift
	}
	return found &^ inside & (1<<n - 1), n
}

// endsPlain finds the first backslash or control character of eight bytes. The lowest bit
// set in the result is the highest bit of that byte; bits above it may be wrong.
func endsPlain(w uint64) uint64 {
	back := w ^ '\\'*ones
	return ((back-ones)&^back | (w-' '*ones)&^w) & highs
}

// equal has the highest bit set of each of eight bytes that is c.
func equal(w uint64, c byte) uint64 {
	const low = ^uint64(highs)
	w ^= uint64(c) * ones
	return highs &^ ((w&low + low) | w)
}

// transpose makes bit k of byte i to bit i of byte k.
func transpose(w uint64) uint64 {
	t := (w ^ w>>7) & 0x00aa00aa00aa00aa
	w ^= t ^ t<<7
	t = (w ^ w>>14) & 0x0000cccc0000cccc
	w ^= t ^ t<<14
	t = (w ^ w>>28) & 0x00000000f0f0f0f0
	return w ^ t ^ t<<28
}

// special is the index of the first byte from b[i] on that is a quote, a backslash or
// a control character. Among the last seven bytes, it may stop at another one.
func special(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote := w ^ '"'*ones
		if found := (quote-ones)&^quote&highs | endsPlain(w); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	return min(i, len(b))
}

// stringEnd is the index after the string that begins at b[i], after its quote;
// negative if it does not end in b. A string with a line end or RS in it is broken,
// and ends there.
func stringEnd(b []byte, i int) (end int, broken bool) {
	for {
		if i = special(b, i); i == len(b) {
			return -1, false
		}
		switch b[i] {
		case '"':
			return i + 1, false
		case '\\':
			i++ // and the character after it
		case '\n', recordSeparator:
			return i, true
		}
		i++
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)
