package report

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Fingerprint is the SHA-256, in hex, of the rows' values in order. It does not
// depend on the file format or the library that writes the rows.
func Fingerprint(rows []Row) string {
	f := NewFingerprinter()
	f.Add(rows)
	return f.Sum()
}

// Fingerprinter computes the [Fingerprint] of rows that come in pieces.
type Fingerprinter struct {
	hash hash.Hash
	row  []byte // the current row
}

// NewFingerprinter returns a Fingerprinter without rows.
func NewFingerprinter() *Fingerprinter { return &Fingerprinter{hash: sha256.New()} }

// Add adds the next rows. The split into calls does not change the sum. Add
// does not keep the rows.
func (f *Fingerprinter) Add(rows []Row) {
	for i := range rows {
		f.row = appendBinary(f.row[:0], &rows[i])
		f.hash.Write(f.row)
	}
}

// Sum is the fingerprint of the rows added so far.
func (f *Fingerprinter) Sum() string { return hex.EncodeToString(f.hash.Sum(nil)) }

// appendBinary appends an encoding that is different for different rows.
func appendBinary(b []byte, r *Row) []byte {
	for i := range Columns {
		switch c := &Columns[i]; c.Kind {
		case Timestamp, Duration, Integer:
			b = binary.LittleEndian.AppendUint64(b, uint64(c.Number(r)))
		case String:
			s := c.Text(r)
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		case Boolean:
			flag := byte(0)
			if c.Flag(r) {
				flag = 1
			}
			b = append(b, flag)
		case Date:
			b = binary.LittleEndian.AppendUint32(b, uint32(c.Day(r)))
		}
	}
	return b
}
