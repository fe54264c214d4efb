package generate

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// appendString appends s, which is valid UTF-8, as a JSON string. With ascii it
// escapes all characters outside ASCII.
func appendString(b []byte, s string, ascii bool) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c == '\n':
				b = append(b, `\n`...)
			case c < ' ':
				b = appendEscape(b, rune(c))
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case !ascii:
			b = append(b, s[i:i+size]...)
		case r > 0xffff: // as a surrogate pair
			b = appendEscape(b, 0xd800+(r-0x10000)>>10)
			b = appendEscape(b, 0xdc00+(r-0x10000)&0x3ff)
		default:
			b = appendEscape(b, r)
		}
		i += size
	}
	return append(b, '"')
}

func appendEscape(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendDigits appends n in width digits, with leading zeros.
func appendDigits(b []byte, n int64, width int) []byte {
	start := len(b)
	for range width {
		b = append(b, '0')
	}
	for i := len(b) - 1; i >= start; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return b
}
