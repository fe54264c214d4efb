package digest

import (
	"encoding/binary"
	"encoding/hex"
)

// The forms in which ids are stored: the digits of a hexadecimal number, as
// most ids are, take half as many bytes as its text.
const (
	idText = iota // the id as it is
	idHex         // an even number of lower-case digits, two of them a byte
	idUUID        // the 32 lower-case digits of a UUID, without its dashes
)

// appendID appends an id as it is stored, and says in which form. That of a
// UUID is 16 bytes; the others have their length, an uvarint, before them.
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

// hasDashes says whether an id has the length and the dashes of a UUID.
func hasDashes(id string) bool {
	return len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-'
}

// appendDigits appends a byte for every two digits, if all are.
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

// digitOf is the value of each lower-case hexadecimal digit, and noDigit of
// whatever is none.
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

// decodeID appends the id that is stored in a form at the beginning of stored,
// and gives what follows it.
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

// decodedSize is at least the length of n ids that are stored in so many bytes.
func decodedSize(stored, n int) int { return 2*stored + 4*n }
