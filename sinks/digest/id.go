package digest

import (
	"encoding/binary"
	"encoding/hex"
)

// The forms of stored ids. Most ids are hexadecimal numbers, which take half as
// many bytes as their text.
const (
	idText = iota // the text of the id
	idHex         // an even number of lower-case hex digits, two per byte
	idUUID        // a lower-case UUID as 16 bytes
)

// appendID appends an id in its stored form, and returns the form. A UUID is 16
// bytes; the other forms start with their length, a uvarint.
func appendID(b []byte, id string) (_ []byte, form uint8) {
	if hasDashes(id) {
		if stored, ok := appendDigits(b, id[:8]+id[9:13]+id[14:18]+id[19:23]+id[24:]); ok {
			return stored, idUUID
		}
	}
	if stored, ok := appendDigits(binary.AppendUvarint(b, uint64(len(id)/2)), id); ok {
		return stored, idHex
	}
	return append(binary.AppendUvarint(b, uint64(len(id))), id...), idText
}

// hasDashes reports whether id has the length and the dashes of a UUID.
func hasDashes(id string) bool {
	return len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-'
}

// appendDigits appends a byte for every two hex digits; ok is false if a digit
// is not one.
func appendDigits(b []byte, digits string) (_ []byte, ok bool) {
	if len(digits)%2 != 0 {
		return b, false
	}
	for i := 0; i < len(digits); i += 2 {
		high, low := digitOf[digits[i]], digitOf[digits[i+1]]
		if high|low >= noDigit {
			return b, false
		}
		b = append(b, high<<4|low)
	}
	return b, true
}

// digitOf is the value of each lower-case hex digit, and noDigit for other
// bytes.
var digitOf = func() (values [256]byte) {
	for c := range values {
		values[c] = noDigit
	}
	for value, c := range "0123456789abcdef" {
		values[c] = byte(value)
	}
	return values
}()

const noDigit = 16

// decodeID reads an id of the given form from stored and appends it to b.
func decodeID(b []byte, form uint8, stored *values) []byte {
	switch form {
	case idText:
		return append(b, stored.text()...)
	case idHex:
		return hex.AppendEncode(b, stored.text())
	case idUUID:
		id := stored.take(16)
		b = append(hex.AppendEncode(b, id[:4]), '-')
		b = append(hex.AppendEncode(b, id[4:6]), '-')
		b = append(hex.AppendEncode(b, id[6:8]), '-')
		b = append(hex.AppendEncode(b, id[8:10]), '-')
		return hex.AppendEncode(b, id[10:])
	}
	stored.bad = true
	return b
}

// decodedSize is an upper bound for the length of n ids stored in so many
// bytes.
func decodedSize(stored, n int) int { return 2*stored + 4*n }
