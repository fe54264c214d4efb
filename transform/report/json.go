package report

import (
	"strconv"
	"time"
)

// AppendJSON appends the row as a JSON object: the Parquet names in order,
// times as 2026-11-20T08:02:10.000Z, dates as 2026-11-20, durations in
// milliseconds, unknown as null.
func AppendJSON(b []byte, r *Row) []byte {
	b = append(b, '{')
	for i := range Columns {
		c := &Columns[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, c.Name...)
		b = append(b, `":`...)
		b = c.appendJSONValue(b, r)
	}
	return append(b, '}')
}

func (c *Column) appendJSONValue(b []byte, r *Row) []byte {
	switch c.Kind {
	case Timestamp:
		if ms := c.Number(r); ms != Unknown {
			return time.UnixMilli(ms).UTC().AppendFormat(b, `"2006-01-02T15:04:05.000Z"`)
		}
	case Duration, Integer:
		if n := c.Number(r); n != Unknown {
			return strconv.AppendInt(b, n, 10)
		}
	case String:
		if s := c.Text(r); s != "" {
			return appendJSONString(b, s)
		}
	case Boolean:
		return strconv.AppendBool(b, c.Flag(r))
	case Date:
		return append(append(append(b, '"'), c.Day(r).String()...), '"')
	}
	return append(b, "null"...)
}

// appendJSONString appends s, which is valid UTF-8, as a JSON string. It escapes
// only what JSON requires.
func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
