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

// A File is written from its start to its end, and then read, by several
// readers at the same time.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// A Scratch is a temporary file that is made once there is something to write.
// One goroutine writes it.
type Scratch struct {
	newFile func() (File, error)
	file    File // nil: nothing was written
	size    int64
	packed  []byte
}

// NewScratch returns one that makes its file so. It may be nil if nothing is
// ever written.
func NewScratch(newFile func() (File, error)) *Scratch { return &Scratch{newFile: newFile} }

// Close closes the file, if there is one.
func (s *Scratch) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// A Block is some bytes in a scratch.
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

// Write writes a block, and keeps nothing of raw.
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

// A Reader reads blocks. It is for one goroutine, and any number of scratches.
type Reader struct{ packed []byte }

// Append appends what a block of a scratch holds.
func (r *Reader) Append(dst []byte, s *Scratch, b Block) ([]byte, error) {
	r.packed = slices.Grow(r.packed[:0], b.length)[:b.length]
	n, err := s.file.ReadAt(r.packed, b.offset)
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
