package report

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Fingerprint is the SHA-256, in hex, of what the rows say: the same rows in
// the same order have the same one, whatever file format or version of a
// library they are written with.
func Fingerprint(rows []Row) string {
	f := NewFingerprinter()
	f.Add(rows)
	return f.Sum()
}

// Fingerprinter makes the [Fingerprint] of rows that are not all in memory.
type Fingerprinter struct {
	hash hash.Hash
	row  []byte // the row that is being added
}

// NewFingerprinter begins with no rows.
func NewFingerprinter() *Fingerprinter { return &Fingerprinter{hash: sha256.New()} }

// Add adds the rows that follow, however they are split into calls. It does
// not keep them.
func (f *Fingerprinter) Add(rows []Row) {
	for i := range rows {
		f.row = appendBinary(f.row[:0], &rows[i])
		f.hash.Write(f.row)
	}
}

// Sum is the fingerprint of the rows added so far.
func (f *Fingerprinter) Sum() string { return hex.EncodeToString(f.hash.Sum(nil)) }

// appendBinary writes the row such that no other has the same bytes.
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
