package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// filled is a pack with entries of all sizes, in several blocks.
func filled(t *testing.T) (*Pack, map[string][]byte) {
	t.Helper()
	p, bodies := New(), map[string][]byte{}
	rng := rand.New(rand.NewPCG(1, 0))
	for i := range 400 {
		key := fmt.Sprintf("_manifests/%03d.json", i)
		body := bytes.Repeat([]byte(fmt.Sprintf("text %d ", rng.IntN(50))), rng.IntN(800))
		bodies[key] = body
		if !p.Add(key, "etag of "+key, body) {
			t.Fatalf("%s was refused", key)
		}
	}
	return p, bodies
}

func TestPack(t *testing.T) {
	made, bodies := filled(t)
	encoded := made.Encode()
	parsed, err := Parse(encoded)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Pack{made, parsed} {
		if keys := p.Keys(); len(keys) != len(bodies) || !slices.IsSorted(keys) {
			t.Errorf("%d keys, sorted: %t", len(keys), slices.IsSorted(keys))
		}
		for key, body := range bodies {
			if got := p.Get(key, "etag of "+key); !bytes.Equal(got, body) {
				t.Errorf("%s has %d bytes, and another content", key, len(got))
			}
			if p.Get(key, "another etag") != nil || p.ETag(key) != "etag of "+key {
				t.Errorf("%s: the ETag does not count", key)
			}
		}
		if p.Get("missing", "") != nil || p.ETag("missing") != "" {
			t.Error("a missing key has a copy")
		}
	}
	if !bytes.Equal(parsed.Encode(), encoded) {
		t.Error("a pack that was read is encoded otherwise")
	}
}

func TestEmptyPack(t *testing.T) {
	p, err := Parse(New().Encode())
	if err != nil || len(p.Keys()) != 0 || p.Get("key", "") != nil {
		t.Errorf("%v, %q", err, p.Keys())
	}
	var none *Pack
	if none.Get("key", "") != nil || none.ETag("key") != "" || none.Keys() != nil || none.Size() != 0 {
		t.Error("a nil pack is not empty")
	}
}

func TestPackReplaces(t *testing.T) {
	p := New()
	p.Add("key", "1", []byte("one"))
	p.Add("key", "2", []byte("two"))
	for _, p := range []*Pack{p, parse(t, p.Encode())} {
		if p.Get("key", "1") != nil || string(p.Get("key", "2")) != "two" || len(p.Keys()) != 1 {
			t.Errorf("%q, %q", p.Get("key", "1"), p.Get("key", "2"))
		}
	}
}

func parse(t *testing.T, b []byte) *Pack {
	t.Helper()
	p, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each flipped bit, each cut and each lengthening of a pack is noticed.
func TestPackDamaged(t *testing.T) {
	p := New()
	p.Add("key", "etag", []byte(strings.Repeat("body ", 20)))
	p.Add("other", "etag", []byte("text"))
	whole := p.Encode()
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			if _, err := Parse(b); err == nil {
				t.Errorf("bit %d of byte %d was flipped, and the pack is read", bit, i)
			}
		}
		if _, err := Parse(whole[:i]); err == nil {
			t.Errorf("the first %d bytes are read", i)
		}
	}
	if _, err := Parse(append(bytes.Clone(whole), 0)); err == nil {
		t.Error("one more byte is read")
	}
}

// sealed is a pack with the right checksum, whatever it holds.
func sealed(frames []byte, index []byte) []byte {
	b := append([]byte(magic), frames...)
	packed := New().encode(index)
	b = binary.LittleEndian.AppendUint64(append(b, packed...), uint64(len(packed)))
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// A pack with the right checksum may still be wrong: then it is refused, or gives no
// copies, and takes little memory.
func TestPackHostile(t *testing.T) {
	frame := New().encode([]byte("body"))
	bomb := New().encode(make([]byte, 100<<20))
	index := func(n ...uint64) (b []byte) {
		for _, n := range n {
			b = binary.AppendUvarint(b, n)
		}
		return b
	}
	entry := func(block, offset, length uint64) []byte {
		b := index(1, uint64(len(frame)), 1, 3)
		b = append(append(append(b, "key"...), 4), "etag"...)
		return append(b, index(block, offset, length)...)
	}
	for name, b := range map[string][]byte{
		"an index of another block":  sealed(frame, entry(1, 0, 4)),
		"a huge length":              sealed(frame, entry(0, 0, 1<<40)),
		"a huge number of blocks":    sealed(frame, index(1<<60)),
		"a huge number of entries":   sealed(nil, index(0, 1<<60)),
		"more frames than are there": sealed(frame, index(2, uint64(len(frame)), 1, 0)),
		"bytes that no index names":  sealed(frame, index(0, 0)),
		"bytes after the index":      sealed(nil, append(index(0, 0), 7)),
		"an index that is cut":       sealed(frame, entry(0, 0, 4)[:8]),
		"an index of 100 MiB":        sealed(nil, make([]byte, 100<<20)),
		"an index that is no frame":  append(binary.LittleEndian.AppendUint64([]byte(magic), 3), make([]byte, sha256.Size)...),
		"a newer format":             bytes.Replace(sealed(nil, index(0, 0)), []byte("pack 1"), []byte("pack 2"), 1),
		"an index longer than it all": func() []byte {
			b := binary.LittleEndian.AppendUint64([]byte(magic), 1<<63)
			sum := sha256.Sum256(b)
			return append(b, sum[:]...)
		}(),
	} {
		if _, err := Parse(b); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
	if p := parse(t, sealed(frame, entry(0, 0, 4))); string(p.Get("key", "etag")) != "body" {
		t.Error("the pack that the others are like is not read")
	}
	for name, b := range map[string][]byte{
		"beyond the block":      sealed(frame, entry(0, 3, 4)),
		"a block of 100 MiB":    sealed(bomb, bytes.Replace(entry(0, 0, 4), index(uint64(len(frame))), index(uint64(len(bomb))), 1)),
		"a block of other text": sealed([]byte("0123456789012345678901234567890123456789")[:len(frame)], entry(0, 0, 4)),
	} {
		if got := parse(t, b).Get("key", "etag"); got != nil {
			t.Errorf("%s: it gives %q", name, got)
		}
	}
}

// A body that is too large has no copy, and a full pack takes no more.
func TestPackIsBounded(t *testing.T) {
	p := New()
	if p.Add("key", "etag", make([]byte, MaxBody+1)) || p.Get("key", "etag") != nil {
		t.Error("a body that is too large has a copy")
	}
	rng := rand.New(rand.NewPCG(1, 0))
	body := make([]byte, MaxBody) // that does not compress
	for i := range body {
		body[i] = byte(rng.Uint32())
	}
	n := 0
	for n < 100 && p.Add(fmt.Sprint(n), "etag", body) {
		n++
	}
	if size := len(p.Encode()); n == 100 || size > MaxSize {
		t.Errorf("%d bodies of 1 MiB make a pack of %d bytes", n, size)
	}
}

func FuzzParse(f *testing.F) {
	p := New()
	p.Add("key", "etag", []byte("body"))
	whole := p.Encode()
	f.Add(whole[len(magic) : len(whole)-sha256.Size])
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append([]byte(magic), b...)
		sum := sha256.Sum256(b)
		p, err := Parse(append(b, sum[:]...))
		if err != nil {
			return
		}
		for _, key := range p.Keys() {
			p.Get(key, p.ETag(key))
		}
	})
}
