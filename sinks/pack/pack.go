// Package pack keeps copies of many small objects in one object, a pack. One request
// for a pack takes the place of thousands.
//
// Each entry is a copy of the object with a key, in the version with an ETag. A pack
// gives a copy to those who know both, from a listing. So a pack may be old, or of
// another store: what it gives is right.
//
// # Format
//
//	magic            "daybook pack 1\n": the number is the version of the format
//	blocks           zstd frames; each holds the bodies of some entries, end to end
//	index            a zstd frame
//	length of index  8 bytes, little-endian
//	checksum         SHA-256 of everything before, 32 bytes
//
// The index consists of unsigned varints, and of texts, which are a length and bytes:
// the number of blocks and the length of each frame; the number of entries, and of each
// the key, the ETag, the block, and the offset and the length of its body there.
package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const magic = "daybook pack 1\n"

const (
	// MaxSize is the size of the largest pack, in bytes: some 100,000 manifests.
	MaxSize = 64 << 20
	// MaxBody is the size of the largest body. Larger objects have no copies.
	MaxBody = 1 << 20

	blockSize    = 256 << 10 // of bodies, before compression; the last body may exceed it
	maxBlock     = blockSize + MaxBody
	maxIndex     = 32 << 20 // before compression
	maxEntries   = 1 << 18
	maxBlocks    = 1 << 14
	decodedMost  = 8 // blocks that are kept decoded: entries are read roughly in their order
	lengthBytes  = 8
	minEntrySize = 5 // bytes of the index
)

// A Pack holds entries. Any number of goroutines may use it. A nil Pack is empty.
type Pack struct {
	mu      sync.Mutex
	entries map[string]entry // by key
	blocks  [][]byte         // compressed
	size    int              // of all blocks
	open    []byte           // the block after them, which is being filled

	decoded []decodedBlock // the ones used last, newest first
	decoder *zstd.Decoder  // of blocks; nil: not needed so far
	encoder *zstd.Encoder  // likewise
}

type entry struct {
	etag                  string
	block, offset, length int
}

type decodedBlock struct {
	block  int
	bodies []byte
}

// New makes an empty pack.
func New() *Pack { return &Pack{entries: map[string]entry{}} }

// Add adds a copy of an object, in place of an entry with the same key. It copies the
// body. It reports whether the pack has the copy: a body may be too large, or the pack
// full.
func (p *Pack) Add(key, etag string, body []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(body) > MaxBody || p.size+len(p.open) > MaxSize-maxIndex || len(p.entries) == maxEntries || len(p.blocks) == maxBlocks-1 {
		return false
	}
	p.entries[key] = entry{etag, len(p.blocks), len(p.open), len(body)}
	if p.open = append(p.open, body...); len(p.open) >= blockSize {
		p.closeBlock()
	}
	return true
}

func (p *Pack) closeBlock() {
	frame := p.encode(p.open)
	p.blocks, p.size, p.open = append(p.blocks, frame), p.size+len(frame), nil
}

// Get gives the body of the object with a key, in the version with an ETag; nil if the
// pack has no copy of it. The caller does not change it.
func (p *Pack) Get(key, etag string) []byte {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.entries[key]
	if !ok || e.etag != etag {
		return nil
	}
	bodies := p.block(e.block)
	if e.length > len(bodies) || e.offset > len(bodies)-e.length {
		return nil // the index is wrong
	}
	return bodies[e.offset : e.offset+e.length : e.offset+e.length]
}

// block gives the bodies in a block; nil if it is damaged.
func (p *Pack) block(n int) []byte {
	if n == len(p.blocks) {
		return p.open
	}
	i := slices.IndexFunc(p.decoded, func(d decodedBlock) bool { return d.block == n })
	if i < 0 {
		if p.decoder == nil {
			p.decoder = newDecoder(maxBlock)
		}
		bodies, err := p.decoder.DecodeAll(p.blocks[n], nil)
		if err != nil {
			bodies = nil
		}
		if len(p.decoded) < decodedMost {
			p.decoded = append(p.decoded, decodedBlock{})
		}
		i = len(p.decoded) - 1
		p.decoded[i] = decodedBlock{n, bodies}
	}
	used := p.decoded[i]
	copy(p.decoded[1:i+1], p.decoded[:i])
	p.decoded[0] = used
	return used.bodies
}

// ETag is that of the copy with a key; empty if there is no such copy.
func (p *Pack) ETag(key string) string {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.entries[key].etag
}

// Keys are the keys of all entries, in order.
func (p *Pack) Keys() []string {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.entries))
}

// Size is about how many bytes the encoded pack has, without its index.
func (p *Pack) Size() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size + len(p.open)
}

// Encode gives the bytes of the pack. Equal entries that were added in the same order
// give equal bytes.
func (p *Pack) Encode() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.open) > 0 {
		p.closeBlock()
	}
	b := bytes.NewBufferString(magic)
	for _, frame := range p.blocks {
		b.Write(frame)
	}
	index := p.encode(p.index())
	b.Write(index)
	b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(index))))
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	return b.Bytes()
}

func (p *Pack) index() []byte {
	number := func(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }
	text := func(b []byte, s string) []byte { return append(number(b, len(s)), s...) }
	b := number(nil, len(p.blocks))
	for _, frame := range p.blocks {
		b = number(b, len(frame))
	}
	b = number(b, len(p.entries))
	for _, key := range slices.Sorted(maps.Keys(p.entries)) {
		e := p.entries[key]
		b = number(number(number(text(text(b, key), e.etag), e.block), e.offset), e.length)
	}
	return b
}

// ErrFormat says that bytes are no pack of this version, or a damaged one.
var ErrFormat = errors.New("it is no pack of this version, or it is damaged")

// Parse reads a pack. It keeps b, which must not change.
func Parse(b []byte) (*Pack, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok || len(rest) < lengthBytes+sha256.Size || len(b) > MaxSize {
		return nil, ErrFormat
	}
	sealed, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if have := sha256.Sum256(sealed); !bytes.Equal(have[:], sum) {
		return nil, ErrFormat
	}
	rest = rest[:len(rest)-sha256.Size]
	rest, tail := rest[:len(rest)-lengthBytes], rest[len(rest)-lengthBytes:]
	length := binary.LittleEndian.Uint64(tail)
	if length > uint64(len(rest)) {
		return nil, ErrFormat
	}
	frames, index := rest[:len(rest)-int(length)], rest[len(rest)-int(length):]
	raw, err := newDecoder(maxIndex).DecodeAll(index, nil)
	if err != nil {
		return nil, ErrFormat
	}
	p := New()
	if !p.parseIndex(indexReader{rest: raw}, frames) {
		return nil, ErrFormat
	}
	return p, nil
}

func (p *Pack) parseIndex(r indexReader, frames []byte) bool {
	for n := r.number(maxBlocks); n > 0 && !r.bad; n-- {
		length := r.number(len(frames))
		p.blocks = append(p.blocks, frames[:length:length])
		p.size, frames = p.size+length, frames[length:]
	}
	for n := r.number(min(maxEntries, len(r.rest)/minEntrySize)); n > 0 && !r.bad; n-- {
		key, etag := r.text(), r.text()
		p.entries[key] = entry{etag, r.number(len(p.blocks) - 1), r.number(maxBlock), r.number(MaxBody)}
	}
	return !r.bad && len(r.rest) == 0 && len(frames) == 0
}

// An indexReader reads numbers and texts. After the first one that is wrong, it is bad,
// and gives zeros.
type indexReader struct {
	rest []byte
	bad  bool
}

// number reads a number that is at most so large.
func (r *indexReader) number(most int) int {
	n, length := binary.Uvarint(r.rest)
	if r.bad || length <= 0 || most < 0 || n > uint64(most) {
		r.bad = true
		return 0
	}
	r.rest = r.rest[length:]
	return int(n)
}

func (r *indexReader) text() string {
	length := r.number(len(r.rest))
	text := string(r.rest[:length])
	r.rest = r.rest[length:]
	return text
}

// encode compresses bytes.
func (p *Pack) encode(b []byte) []byte {
	if p.encoder == nil {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err) // the options are wrong
		}
		p.encoder = e
	}
	return p.encoder.EncodeAll(b, nil)
}

// newDecoder makes a decoder that refuses larger contents.
func newDecoder(most uint64) *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(most))
	if err != nil {
		panic(err) // the options are wrong
	}
	return d
}
