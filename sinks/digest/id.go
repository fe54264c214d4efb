package digest

import (
	"encoding/hex"
	"errors"
)

// The forms in which ids are stored: the digits of a hexadecimal number, as
// most ids are, take half as many bytes as its text.
const (
	idText = iota // the id as it is
	idHex         // an even number of lower-case digits, two of them a byte
	idUUID        // the 32 lower-case digits of a UUID, without its dashes
)

// appendID appends an id as it is stored, and says in which form.
func appendID(b []byte, id string) (_ []byte, form uint8) {
	form = idHex
	digits := id
	if hasDashes(id) {
		form, digits = idUUID, id[:8]+id[9:13]+id[14:18]+id[19:23]+id[24:]
	}
	if stored, ok := appendDigits(b, digits); ok {
		return stored, form
	}
	return append(b, id...), idText
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

var errID = errors.New("an event's id is damaged")

// decodeID appends the id that is stored in a form.
func decodeID(b []byte, form uint8, stored []byte) ([]byte, error) {
	switch {
	case form == idText:
		return append(b, stored...), nil
	case form == idHex:
		return hex.AppendEncode(b, stored), nil
	case form == idUUID && len(stored) == 16:
		b = append(hex.AppendEncode(b, stored[:4]), '-')
		b = append(hex.AppendEncode(b, stored[4:6]), '-')
		b = append(hex.AppendEncode(b, stored[6:8]), '-')
		b = append(hex.AppendEncode(b, stored[8:10]), '-')
		return hex.AppendEncode(b, stored[10:]), nil
	}
	return nil, errID
}

// decodedSize is at least the length of the id that is stored in n bytes.
func decodedSize(n int) int { return 2*n + 4 }
