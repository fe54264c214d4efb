package csv

import (
	"bufio"
	"encoding/csv"
	"io"
)

// bom is the byte order mark in UTF-8.
const bom = "\ufeff"

// NewReader reads a file in the format, with or without a byte order mark.
func (f Format) NewReader(r io.Reader) *csv.Reader {
	text := bufio.NewReader(r)
	if mark, err := text.Peek(len(bom)); err == nil && string(mark) == bom { // the reader meets the same error
		_, _ = text.Discard(len(bom))
	}
	c := csv.NewReader(text)
	if f.Delimiter != 0 {
		c.Comma = f.Delimiter
	}
	return c
}
