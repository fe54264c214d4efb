package dump

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

// zstdFrames passes the frames of a zstd file on to a decoder (RFC 8878, 3.1). It
// knows where each of them ends, so that it can tell what follows the last one. It
// also checks what each frame needs before a decoder allocates memory for it.
type zstdFrames struct {
	buf       *bufio.Reader
	maxWindow uint64 // bytes that a frame may need
	largest   uint64 // window so far
	left      int64  // bytes to pass on before the next decision
	inFrame   bool   // a block is next; otherwise a frame
	began     bool   // a frame was before
	checksum  bool   // follows the last block of the frame
	err       error  // why no more is passed on; nil at the end of the file
}

func (f *zstdFrames) Read(p []byte) (int, error) {
	for f.left == 0 {
		if err := f.next(); err != nil {
			if err != io.EOF {
				f.err = err
			}
			return 0, err
		}
	}
	n, err := f.buf.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	return n, err
}

// next looks at the header of the next block or frame. What is damaged or cut off is
// passed on: the decoder says more about it.
func (f *zstdFrames) next() error {
	if f.inFrame {
		return f.block()
	}
	if f.began {
		if err := toNext(f.buf, Zstd); err != nil {
			return err
		}
	}
	f.began = true
	start, err := f.buf.Peek(zstd.HeaderMaxSize)
	if err != nil && err != io.EOF {
		return err
	}
	var h zstd.Header
	switch err := h.Decode(start); {
	case err != nil:
		f.left = math.MaxInt64
	case h.Skippable:
		f.left = int64(h.HeaderSize) + int64(h.SkippableSize)
	default:
		f.left, f.inFrame, f.checksum = int64(h.HeaderSize), true, h.HasCheckSum
		return f.check(&h)
	}
	return nil
}

// check refuses a frame that needs more than there is.
func (f *zstdFrames) check(h *zstd.Header) error {
	window := h.WindowSize
	if h.SingleSegment {
		window = h.FrameContentSize
	}
	f.largest = max(f.largest, window)
	switch {
	case h.DictionaryID != 0:
		return fmt.Errorf("%w: its zstd needs the dictionary %d; have the producer write it without a dictionary", ErrUnsupported, h.DictionaryID)
	case window > f.maxWindow:
		return fmt.Errorf("%w: its zstd needs a window of %s, and source.max_window is %s; raise it, or have the producer write without --long",
			ErrUnsupported, mebibytes(window), mebibytes(f.maxWindow))
	}
	return nil
}

func mebibytes(n uint64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }

// block looks at the header of a block.
func (f *zstdFrames) block() error {
	const size = 3
	start, err := f.buf.Peek(size)
	if len(start) < size {
		if err != io.EOF {
			return err
		}
		f.left = math.MaxInt64
		return nil
	}
	header := uint32(start[0]) | uint32(start[1])<<8 | uint32(start[2])<<16
	content := int64(header >> 3)
	switch header >> 1 & 3 {
	case 1: // one byte, repeated
		content = 1
	case 3: // reserved
		content = math.MaxInt64 - size
	}
	f.left = size + content
	if last := header&1 != 0; last && content < math.MaxInt64-size {
		f.inFrame = false
		if f.checksum {
			f.left += 4
		}
	}
	return nil
}
