// Package spill keeps what does not fit in memory in temporary files, as blocks
// that are compressed, and checked when they are read back.
//
// They are compressed with S2, which is a few times as fast as zstd: a temporary
// file is read once, by the one who wrote it, and soon gone.
package spill

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/s2"
)

// A File holds what does not fit in memory. It is written from its start to
// its end, and then read, by several readers at the same time.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// A Block is some bytes in a file.
type Block struct {
	offset int64
	length int    // in the file
	raw    int    // before they were compressed
	sum    uint32 // of what is in the file
}

// Len is how many bytes it holds.
func (b Block) Len() int { return b.raw }

var (
	checksum   = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = errors.New("it is damaged")
)

// A Writer writes blocks to the end of a file. It is for one goroutine, and
// does not close the file.
type Writer struct {
	file   File
	size   int64
	packed []byte
}

// NewWriter begins with an empty file.
func NewWriter(f File) *Writer { return &Writer{file: f} }

// Write writes a block, and keeps nothing of raw.
func (w *Writer) Write(raw []byte) (Block, error) {
	w.packed = s2.Encode(w.packed[:cap(w.packed)], raw)
	n, err := w.file.Write(w.packed)
	if err == nil && n < len(w.packed) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return Block{}, err
	}
	b := Block{offset: w.size, length: len(w.packed), raw: len(raw), sum: crc32.Checksum(w.packed, checksum)}
	w.size += int64(len(w.packed))
	return b, nil
}

// A Reader reads blocks. It is for one goroutine, and any number of files.
type Reader struct{ packed []byte }

// Append appends what a block of a file holds.
func (r *Reader) Append(dst []byte, file io.ReaderAt, b Block) ([]byte, error) {
	r.packed = slices.Grow(r.packed[:0], b.length)[:b.length]
	n, err := file.ReadAt(r.packed, b.offset)
	if n == b.length {
		dst, err = r.unpack(dst, b)
	} else {
		err = cmp.Or(err, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return dst, fmt.Errorf("the block of %d bytes at %d of a temporary file: %w", b.length, b.offset, err)
	}
	return dst, nil
}

func (r *Reader) unpack(dst []byte, b Block) ([]byte, error) {
	if crc32.Checksum(r.packed, checksum) != b.sum {
		return dst, errDamaged
	}
	before := len(dst)
	dst = slices.Grow(dst, b.raw)
	if _, err := s2.Decode(dst[before:before+b.raw], r.packed); err != nil {
		return dst, err
	}
	return dst[:before+b.raw], nil
}
