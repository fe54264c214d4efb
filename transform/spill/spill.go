// Package spill keeps data that does not fit in memory in temporary files. It
// compresses blocks and verifies their checksums when it reads them back.
//
// The compression is S2, which is a few times as fast as zstd. A temporary file
// is read once and then removed, so speed matters more than size.
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

// A File is written sequentially and then read by several readers at the same
// time.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// A Scratch is a temporary file. The first write creates it. Only one goroutine
// may write.
type Scratch struct {
	newFile func() (File, error)
	file    File // nil before the first write
	size    int64
	packed  []byte
}

// NewScratch returns a Scratch that creates its file with newFile. newFile may be
// nil if nothing is ever written.
func NewScratch(newFile func() (File, error)) *Scratch { return &Scratch{newFile: newFile} }

// Close closes the file, if there is one.
func (s *Scratch) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// A Block is the position and checksum of a block of bytes in a scratch.
type Block struct {
	offset int64
	length int    // in the file
	raw    int    // before compression
	sum    uint32 // of the bytes in the file
}

// Len is the number of bytes before compression.
func (b Block) Len() int { return b.raw }

// ErrDamaged: a block is no longer in its scratch as it was written.
var ErrDamaged = errors.New("a temporary file is damaged")

var checksum = crc32.MakeTable(crc32.Castagnoli)

// Write writes a block. It does not keep raw.
func (s *Scratch) Write(raw []byte) (Block, error) {
	if s.file == nil {
		file, err := s.newFile()
		if err != nil {
			return Block{}, err
		}
		s.file = file
	}
	s.packed = s2.Encode(s.packed[:cap(s.packed)], raw)
	n, err := s.file.Write(s.packed)
	if err == nil && n < len(s.packed) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return Block{}, err
	}
	b := Block{offset: s.size, length: len(s.packed), raw: len(raw), sum: crc32.Checksum(s.packed, checksum)}
	s.size += int64(len(s.packed))
	return b, nil
}

// A Reader reads blocks of any scratch. It is not safe for concurrent use.
type Reader struct{ packed []byte }

// Append appends the bytes of a block of s to dst.
func (r *Reader) Append(dst []byte, s *Scratch, b Block) ([]byte, error) {
	r.packed = slices.Grow(r.packed[:0], b.length)[:b.length]
	n, err := s.file.ReadAt(r.packed, b.offset)
	if n == b.length {
		dst, err = r.unpack(dst, b)
	} else {
		err = cmp.Or(err, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return dst, fmt.Errorf("%w: its block of %d bytes at %d: %w", ErrDamaged, b.length, b.offset, err)
	}
	return dst, nil
}

func (r *Reader) unpack(dst []byte, b Block) ([]byte, error) {
	if crc32.Checksum(r.packed, checksum) != b.sum {
		return dst, errors.New("the checksum is wrong")
	}
	before := len(dst)
	dst = slices.Grow(dst, b.raw)
	if _, err := s2.Decode(dst[before:before+b.raw], r.packed); err != nil {
		return dst, err
	}
	return dst[:before+b.raw], nil
}
