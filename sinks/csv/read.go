package csv

import (
	"bufio"
	"encoding/csv"
	"io"
)

// bom is the byte order mark in UTF-8.
const bom = "\ufeff"

// NewReader reads what was written in the format. A byte order mark may be there
// or not.
func (f Format) NewReader(r io.Reader) *csv.Reader {
	text := bufio.NewReader(r)
	if mark, err := text.Peek(len(bom)); err == nil && string(mark) == bom { // an error comes again
		_, _ = text.Discard(len(bom))
	}
	c := csv.NewReader(text)
	if f.Delimiter != 0 {
		c.Comma = f.Delimiter
	}
	return c
}
