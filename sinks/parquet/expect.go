package parquet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"daybook/transform/report"
)

// Expectation describes the content of a file, column by column, in constant
// memory.
type Expectation struct {
	Rows    int64
	Columns []Figures // in the order of report.Columns
}

// Figures summarise the values of one column in their order.
//
// Sum, Min and Max use the numbers in the file: timestamps in microseconds,
// durations in milliseconds, dates in days since 1970-01-01, true as 1. Sum
// wraps around. Without values, and for text, Min is the largest int64 and Max
// the smallest. MinText and MaxText are for text and compare bytes.
type Figures struct {
	Nulls            int64
	Sum, Min, Max    int64
	MinText, MaxText string
	Digest           uint64 // hash of all values and nulls in order
}

// noFigures are the Figures of no values.
func noFigures() Figures { return Figures{Min: math.MaxInt64, Max: math.MinInt64} }

// NewExpectation returns the Expectation of a file without rows.
func NewExpectation() *Expectation {
	e := &Expectation{Columns: make([]Figures, len(report.Columns))}
	for i := range e.Columns {
		e.Columns[i] = noFigures()
	}
	return e
}

// Fingerprint is a hash, of 32 hex digits, of the values of all columns in their
// order. It does not depend on the encoding.
func (e *Expectation) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, e.Rows)
	for i := range e.Columns {
		f := &e.Columns[i]
		fmt.Fprintf(h, "%s %d %d %x\n", report.Columns[i].Name, f.Nulls, f.Sum, f.Digest)
	}
	return hex.EncodeToString(h.Sum(nil)[:FingerprintSize/2])
}

// FingerprintSize is the number of hex digits of a fingerprint.
const FingerprintSize = 32

// addRows is how many rows are processed at a time: few enough to stay in the
// processor's cache while column after column is read.
const addRows = 256

// Add adds the next rows. It uses no code of the writer.
func (e *Expectation) Add(rows []report.Row) {
	e.Rows += int64(len(rows))
	for some := range slices.Chunk(rows, addRows) {
		for i := range report.Columns {
			e.Columns[i].addColumn(&report.Columns[i], some)
		}
	}
}

// addColumn adds the values of column c.
func (f *Figures) addColumn(c *report.Column, rows []report.Row) {
	switch c.Kind {
	case report.String:
		for i := range rows {
			if s := c.Text(&rows[i]); s == "" {
				f.addNull()
			} else {
				f.addText(s)
			}
		}
	case report.Boolean:
		for i := range rows {
			f.addFlag(c.Flag(&rows[i]))
		}
	case report.Date:
		for i := range rows {
			f.addNumber(int64(c.Day(&rows[i])))
		}
	default:
		unit := int64(1)
		if c.Kind == report.Timestamp {
			unit = 1000 // µs per ms
		}
		for i := range rows {
			if n := c.Number(&rows[i]); n == report.Unknown {
				f.addNull()
			} else {
				f.addNumber(n * unit)
			}
		}
	}
}

func (f *Figures) addNull() {
	f.Nulls++
	f.Digest = mix(f.Digest, math.MaxUint64)
}

func (f *Figures) addNumber(n int64) {
	f.Sum += n
	f.Min = min(f.Min, n)
	f.Max = max(f.Max, n)
	f.Digest = mix(f.Digest, uint64(n))
}

func (f *Figures) addFlag(b bool) {
	if b {
		f.addNumber(1)
	} else {
		f.addNumber(0)
	}
}

// addText adds a non-empty text.
func (f *Figures) addText(s string) {
	if f.MinText == "" || s < f.MinText {
		f.MinText = s
	}
	if s > f.MaxText {
		f.MaxText = s
	}
	f.Digest = mix(f.Digest, hashText(s))
}

// addBytes adds a non-empty text that may change afterwards.
func (f *Figures) addBytes(text []byte) {
	if f.MinText == "" || string(text) < f.MinText {
		f.MinText = string(text)
	}
	if string(text) > f.MaxText {
		f.MaxText = string(text)
	}
	f.Digest = mix(f.Digest, hashText(text))
}

// hashText hashes a text in words of eight bytes.
func hashText[T string | []byte](s T) uint64 {
	const size = 8
	h := uint64(len(s))
	for ; len(s) >= size; s = s[size:] {
		h = mix(h, uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|
			uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56)
	}
	last := uint64(0)
	for i := range len(s) {
		last = last<<8 | uint64(s[i])
	}
	return mix(h, last)
}

// merge adds the figures of the next values. next.Digest already continues
// f.Digest.
func (f *Figures) merge(next *Figures) {
	f.Nulls += next.Nulls
	f.Sum += next.Sum
	f.Min = min(f.Min, next.Min)
	f.Max = max(f.Max, next.Max)
	if f.MinText == "" || next.MinText != "" && next.MinText < f.MinText {
		f.MinText = next.MinText
	}
	f.MaxText = max(f.MaxText, next.MaxText)
	f.Digest = next.Digest
}

// mix adds a value to a digest. It is a bijection in either argument, so a
// change of any single value changes the digest. The order counts, too.
func mix(digest, v uint64) uint64 {
	digest = (digest ^ v) * prime
	return digest ^ digest>>32
}

// prime is the multiplier of 64-bit FNV.
const prime = 1099511628211
