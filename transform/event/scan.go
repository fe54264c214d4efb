package event

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// This file is the grammar: strict RFC 8259 over bytes. Scanning functions
// take the index of the start and return the index after the end. On a
// violation they return the complement (^) of the index of the offending byte,
// which is negative. That index is len(line) if the line ends too early.

// kind is the kind of a JSON value.
type kind uint8

const (
	plainText   kind = iota // a string whose bytes are its value
	escapedText             // a string with escapes in it
	integer                 // a number without fraction or exponent
	decimal                 // any other number
	boolean
	null
	object
	array

	numKinds
)

// span is the kind and position of a value: line[start:end], for a string
// without its quotes. It is packed into one word: a processor stalls on a
// struct that is written in parts and read as a whole.
type span uint64

// spanBits is the size of an index into a line of MaxLine bytes.
const spanBits = 28

func newSpan(k kind, start, end int) span {
	return span(k)<<(2*spanBits) | span(start)<<spanBits | span(end)
}

func (v span) kind() kind { return kind(v >> (2 * spanBits)) }
func (v span) start() int { return int(v >> spanBits & (1<<spanBits - 1)) }
func (v span) end() int   { return int(v & (1<<spanBits - 1)) }

// members holds the members of an object that have a meaning in EVENTS.md. For
// a repeated member it holds the last.
type members struct {
	path string // of the object, for messages: "" or, for example, "technician."
	seen uint32 // bit m: span[m] is from this object
	span [numMembers]span
	// known is the technician of span[fTechnician], if the same bytes were
	// decoded before.
	known *Person
}

func (m *members) has(f member) bool { return m.seen>>f&1 != 0 }

func (m *members) set(f member, v span) {
	m.seen |= 1 << f
	m.span[f] = v
}

// object scans the object that opens at line[i] into m.
func (d *Decoder) object(line []byte, i int, m *members) int {
	m.seen = 0
	if i = space(line, i+1); i < len(line) && line[i] == '}' {
		return i + 1
	}
	return d.members(line, i, m)
}

// opening decodes the usual first members of a line into e, and returns the
// index of the name after them; 0 if the first member is not the usual one.
// Producers write the same members in the same order on every line, mostly
// without white space. Comparing with that expectation is several times as fast
// as general scanning. opening stops at the first unusual or wrong member; the
// rest of the decoder handles it.
//
// It has more than 60 lines because it takes seven members one after the other:
// a function for each would cost a call for each member of each line.
func (d *Decoder) opening(line []byte, e *Event) (i int) {
	if !follows(line, 0, `{"event_id":"`) {
		return 0
	}
	i = len(`{`)
	from, end := usualText(line, i+len(`"event_id":"`))
	if end <= from || end-from > maxEventID {
		return i
	}
	e.ID = d.unique(line[from:end])
	d.taken |= 1 << fEventID
	i = end + len(`",`)

	if !follows(line, i, `"ts":"`) {
		return i
	}
	if from, end = usualText(line, i+len(`"ts":"`)); end <= from {
		return i
	}
	ts, ok := d.calendar.parseTime(line[from:end])
	if !ok {
		return i
	}
	e.TS = ts
	d.taken |= 1 << fTS
	i = end + len(`",`)

	if !follows(line, i, `"session_id":`) {
		return i
	}
	n, end := usualInteger(line, i+len(`"session_id":`))
	if n < 1 {
		return i
	}
	e.SessionID = n
	d.taken |= 1 << fSessionID
	i = end + len(`,`)

	if follows(line, i, `"seq":`) {
		if n, end = usualInteger(line, i+len(`"seq":`)); n < 0 {
			return i
		}
		e.Seq = n
		d.taken |= 1 << fSeq
		i = end + len(`,`)
	}
	// These two have no meaning here, but are common.
	if follows(line, i, `"v":`) {
		if n, end = usualInteger(line, i+len(`"v":`)); n < 0 {
			return i
		}
		i = end + len(`,`)
	}
	if follows(line, i, `"producer":"`) {
		if from, end = usualText(line, i+len(`"producer":"`)); end < from {
			return i
		}
		i = end + len(`",`)
	}

	if !follows(line, i, `"type":"`) {
		return i
	}
	if from, end = usualText(line, i+len(`"type":"`)); end <= from {
		return i
	}
	if e.Type = Type(lineTypeCodes.find(line[from:end])); e.Type == 0 {
		return i
	}
	d.taken |= 1 << fType
	return end + len(`",`)
}

// follows reports whether line continues with this at i, and has more after it.
func follows(line []byte, i int, this string) bool {
	return len(line)-i > len(this) && string(line[i:i+len(this)]) == this
}

// usualText scans a string of ordinary characters from the byte after its
// opening quote. end is 0 unless a comma follows the string. from is always i,
// for the caller's convenience.
func usualText(line []byte, i int) (from, end int) {
	end = plain(line, i)
	if end+1 < len(line) && line[end] == '"' && line[end+1] == ',' {
		return i, end
	}
	return i, 0
}

// usualInteger reads a non-negative integer of at most 18 digits that a comma
// follows. Otherwise n is negative.
func usualInteger(line []byte, i int) (n int64, end int) {
	const fit = 18
	end = i
	for end < len(line) && isDigit(line[end]) {
		n = n*10 + int64(line[end]-'0')
		end++
	}
	leadingZero := end > i+1 && line[i] == '0'
	if end == i || end > i+fit || leadingZero || end == len(line) || line[end] != ',' {
		return -1, 0
	}
	return n, end
}

// members scans the members of an object, at least one, from the name at
// line[i] to the end of the object, into m.
func (d *Decoder) members(line []byte, i int, m *members) int {
	for {
		field, next := d.name(line, i)
		if next < 0 {
			return next
		}
		if i = next; i == len(line) {
			return ^i
		}
		// The most frequent kinds come first, without another call.
		var v span
		switch c := line[i]; {
		case c == '"':
			end, k := text(line, i+1)
			v, i = newSpan(k, i+1, end), after(end)
		case isDigit(c):
			k, end := number(line, i)
			v, i = newSpan(k, i, end), end
		case c == '{' && field == fTechnician:
			v, i = d.person(line, i, m)
		default:
			v, i = d.value(line, i)
		}
		if i < 0 {
			return i
		}
		m.set(field, v)
		if i = space(line, i); i == len(line) {
			return ^i
		}
		switch line[i] {
		case ',':
			i = space(line, i+1)
		case '}':
			return i + 1
		default:
			return ^i
		}
	}
}

// person scans the object of a member technician. It first looks it up among
// the known technicians: a value that begins with the bytes of a whole object
// is that object.
func (d *Decoder) person(line []byte, i int, m *members) (span, int) {
	p, n := d.technicians.prefix(line[i:])
	if m.known = p; p == nil {
		return d.value(line, i)
	}
	return newSpan(object, i, i+n), i + n
}

// value scans any value.
func (d *Decoder) value(line []byte, i int) (span, int) {
	if i == len(line) {
		return 0, ^i
	}
	var k kind
	end := 0
	switch c := line[i]; {
	case c == '"':
		end, k = text(line, i+1)
		return newSpan(k, i+1, end), after(end)
	case isDigit(c):
		k, end = number(line, i)
	case c == '{':
		k, end = object, d.skip(line, i)
	case c == '[':
		k, end = array, d.skip(line, i)
	default:
		k, end = scalar(line, i)
	}
	return newSpan(k, i, end), end
}

// after is the index after a closing quote, or a failure as it is.
func after(quote int) int {
	if quote < 0 {
		return quote
	}
	return quote + 1
}

// skip scans the object or array that opens at line[i], at any depth of
// nesting.
func (d *Decoder) skip(line []byte, i int) int {
	d.open = d.open[:0]
	for {
		// A value starts here, or an empty container ends.
		if i == len(line) {
			return ^i
		}
		switch c := line[i]; c {
		case '"':
			end, _ := text(line, i+1)
			i = after(end)
		case '{', '[':
			i = space(line, i+1)
			if i < len(line) && line[i] == closing(c) {
				i++
				break
			}
			d.open = append(d.open, c)
			if c == '{' {
				_, i = d.name(line, i)
			}
			if i < 0 {
				return i
			}
			continue
		default:
			_, i = scalar(line, i)
		}
		if i < 0 {
			return i
		}

		// A value has ended. Containers may end with it.
		for len(d.open) > 0 {
			if i = space(line, i); i == len(line) {
				return ^i
			}
			innermost := d.open[len(d.open)-1]
			if line[i] == closing(innermost) {
				d.open = d.open[:len(d.open)-1]
				i++
				continue
			}
			if line[i] != ',' {
				return ^i
			}
			i = space(line, i+1)
			if innermost == '{' {
				_, i = d.name(line, i)
			}
			break
		}
		if i < 0 || len(d.open) == 0 {
			return i
		}
	}
}

// closing is the bracket that closes c.
func closing(c byte) byte { return c + ('}' - '{') } // ']' and '[' are as far apart

// name scans a member's name, its colon and white space, and returns the index
// of its value.
func (d *Decoder) name(line []byte, i int) (member, int) {
	if i == len(line) || line[i] != '"' {
		return noMember, ^i
	}
	from := i + 1
	end := plain(line, from)
	var label []byte
	if end < len(line) && line[end] == '"' {
		label = line[from:end]
	} else {
		var k kind
		if end, k = text(line, end); end < 0 {
			return noMember, end
		}
		label = line[from:end]
		if k == escapedText {
			label = d.unescaped(label)
		}
	}
	i = space(line, end+1)
	if i == len(line) || line[i] != ':' {
		return noMember, ^i
	}
	return lookup(label), space(line, i+1)
}

// space returns the index of the first byte from i on that is not JSON white
// space.
func space(line []byte, i int) int {
	for i < len(line) && line[i] <= ' ' && isSpace(line[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// text scans a string from the byte after its opening quote and returns the
// index of its closing quote.
func text(line []byte, i int) (end int, k kind) {
	for {
		i = plain(line, i)
		if i == len(line) {
			return ^i, k
		}
		switch c := line[i]; {
		case c == '"':
			return i, k
		case c == '\\':
			n := escape(line[i:])
			if n == 0 {
				return ^i, k
			}
			i += n
			k = escapedText
		case c < ' ':
			return ^i, k
		case c < utf8.RuneSelf: // plain skips the last seven bytes
			i++
		default:
			r, n := utf8.DecodeRune(line[i:])
			if r == utf8.RuneError && n == 1 {
				return ^i, k
			}
			i += n
		}
	}
}

// plain returns the index of the first special byte from i on: a quote, a
// backslash, a control character or a byte outside ASCII. It looks at eight
// bytes at a time, and so may stop at an ordinary byte among the line's last
// seven.
func plain(line []byte, i int) int {
	for i+8 <= len(line) {
		if found := special(word(line, i)); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	return i
}

// special finds the first special byte of eight: a quote, a backslash, a
// control character or a byte outside ASCII. The lowest bit set in the result
// is the highest bit of that byte. 0: no byte is special.
func special(w uint64) uint64 {
	// The high bit of a byte is set if the byte itself has it, or if a
	// subtraction underflows. An underflow borrows from the bytes above, so only
	// the lowest high bit is reliable; that one suffices. With the second bit
	// flipped, a quote is next to the control characters, and a blank and an
	// exclamation mark are not.
	const quoteOrLess = ('"' ^ 2 + 1) * ones
	return (w | (w ^ 2*ones - quoteOrLess) | (w ^ '\\'*ones - ones)) & highs
}

// escape returns the length of the escape at the start of b, or 0.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads an escape of four hexadecimal digits (\u00e9) at the start of b.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends the value of a scanned string to dst. An unpaired surrogate
// and U+0000 become U+FFFD (EVENTS.md, "Lines"). U+0000 is always escaped.
func unescape(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		switch c = s[i+1]; c {
		case 'u':
			r, _ := hex4(s[i:])
			i += 6
			if utf16.IsSurrogate(r) {
				low, _ := hex4(s[i:])
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			if r == 0 {
				r = utf8.RuneError
			}
			dst = utf8.AppendRune(dst, r)
			continue
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		dst = append(dst, c)
		i += 2
	}
	return dst
}

// scalar scans a number, true, false or null. line[i] exists.
func scalar(line []byte, i int) (kind, int) {
	switch line[i] {
	case 't':
		return boolean, literal(line, i, "true")
	case 'f':
		return boolean, literal(line, i, "false")
	case 'n':
		return null, literal(line, i, "null")
	}
	return number(line, i)
}

func literal(line []byte, i int, want string) int {
	for j := range len(want) {
		if i+j == len(line) || line[i+j] != want[j] {
			return ^(i + j)
		}
	}
	return i + len(want)
}

func number(line []byte, i int) (kind, int) {
	if line[i] == '-' {
		i++
	}
	if i < len(line) && line[i] == '0' {
		i++ // and no digit after it
	} else if i = digits(line, i); i < 0 {
		return 0, i
	}
	k := integer
	if i < len(line) && line[i] == '.' {
		k = decimal
		if i = digits(line, i+1); i < 0 {
			return 0, i
		}
	}
	if i < len(line) && line[i]|0x20 == 'e' {
		k = decimal
		i++
		if i < len(line) && (line[i] == '+' || line[i] == '-') {
			i++
		}
		i = digits(line, i)
	}
	return k, i
}

// digits scans one or more digits, one by one: numbers of one member mostly
// have the same length, so the processor predicts the end of the loop.
func digits(line []byte, i int) int {
	from := i
	for i < len(line) && isDigit(line[i]) {
		i++
	}
	if i == from {
		return ^i
	}
	return i
}

func isDigit(c byte) bool { return c-'0' <= 9 }

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
	zeros = '0' * ones
)

// eightDigits is the number that eight digits make. Each byte of w is the value
// of a digit, the first in the lowest byte.
func eightDigits(w uint64) uint64 {
	w = w*10 + w>>8 // in every other byte the value of two
	const (
		mask = 0x000000ff000000ff
		mul1 = 100 + 1000000<<32
		mul2 = 1 + 10000<<32
	)
	return ((w&mask)*mul1 + (w>>16&mask)*mul2) >> 32
}

// word is the eight bytes from line[i] on, which must exist. The explicit
// capacity saves a bounds check.
func word(line []byte, i int) uint64 { return binary.LittleEndian.Uint64(line[i : i+8 : i+8]) }
