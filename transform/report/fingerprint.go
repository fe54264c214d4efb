package report

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Fingerprint is the SHA-256, in hex, of what the rows say: the same rows in
// the same order have the same one, whatever file format or version of a
// library they are written with.
func Fingerprint(rows []Row) string {
	h := sha256.New()
	var b []byte
	for i := range rows {
		r := &rows[i]
		b = b[:0]
		for j := range Columns {
			switch c := &Columns[j]; c.Kind {
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
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}
