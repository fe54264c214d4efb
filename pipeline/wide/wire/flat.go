package wire

import "encoding/binary"

// flat reads a flatbuffer. What lies outside of its bytes reads as 0, and is noted: the
// bytes are not trusted, and the libraries for them panic or allocate without limit.
type flat struct {
	b   []byte
	bad *bool // something outside was read
}

func newFlat(b []byte) flat { return flat{b, new(bool)} }

// at is size bytes at a position. A size is at most that of the flatbuffer.
func (f flat) at(pos, size int) []byte {
	if pos < 0 || pos > len(f.b)-size {
		*f.bad = true
		return make([]byte, size)
	}
	return f.b[pos : pos+size]
}

func (f flat) uint8(pos int) uint8   { return f.at(pos, 1)[0] }
func (f flat) uint16(pos int) uint16 { return binary.LittleEndian.Uint16(f.at(pos, 2)) }
func (f flat) int32(pos int) int32   { return int32(binary.LittleEndian.Uint32(f.at(pos, 4))) }
func (f flat) int64(pos int) int64   { return int64(binary.LittleEndian.Uint64(f.at(pos, 8))) }

// follow is the place that an offset at a position leads to.
func (f flat) follow(pos int) int { return pos + int(f.int32(pos)) }

// root is the place of the root table.
func (f flat) root() int { return f.follow(0) }

// field is the place of field i of a table; 0 if the field has its default.
func (f flat) field(table, i int) int {
	entries := table - int(f.int32(table))
	slot := 4 + 2*i
	if slot+2 > int(f.uint16(entries)) {
		return 0
	}
	offset := int(f.uint16(entries + slot))
	if offset == 0 {
		return 0
	}
	return table + offset
}

// table is the table in field i; 0 without one.
func (f flat) table(table, i int) int {
	at := f.field(table, i)
	if at == 0 {
		return 0
	}
	return f.follow(at)
}

// vector is the place of the first element of the vector in field i, and their number.
func (f flat) vector(table, i int) (first, n int) {
	at := f.table(table, i)
	if at == 0 {
		return 0, 0
	}
	return at + 4, int(f.int32(at))
}

// text is the string in field i.
func (f flat) text(table, i int) string {
	first, n := f.vector(table, i)
	if n < 0 || n > len(f.b) {
		*f.bad = true
		return ""
	}
	return string(f.at(first, n))
}

// number is the number in field i, of up to 8 bytes; 0 without one.
func (f flat) number(table, i, size int) int64 {
	at := f.field(table, i)
	if at == 0 {
		return 0
	}
	switch size {
	case 1:
		return int64(f.uint8(at))
	case 4:
		return int64(f.int32(at))
	}
	return f.int64(at)
}
