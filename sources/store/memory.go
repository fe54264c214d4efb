package store

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a store in memory, for tests. It keeps exactly to the contract of
// [Store]: it copies each body, a reader keeps the version that it opened, and
// the ETag is the MD5 of the content, as in S3. It is in this package because
// it shares the checks of the other stores.
type Memory struct {
	mu      sync.Mutex
	objects map[string]memoryObject
	now     func() time.Time
}

type memoryObject struct {
	Object
	data []byte // immutable
}

// NewMemory returns an empty store. now stamps the objects; nil means time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{objects: map[string]memoryObject{}, now: now}
}

// URL is mem://key.
func (m *Memory) URL(key string) string { return "mem://" + key }

func (m *Memory) check(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return &Error{Op: op, URL: m.URL(key), Err: err}
	}
	if err := CheckKey(key); err != nil {
		return &Error{Op: op, URL: m.URL(""), Err: err, Final: true, NotApplied: true}
	}
	return nil
}

func (m *Memory) get(key string) (memoryObject, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	return o, ok
}

// List yields each object in its version at the time it is reached.
func (m *Memory) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		m.mu.Lock()
		keys := slices.Sorted(maps.Keys(m.objects))
		m.mu.Unlock()
		for _, key := range keys {
			if err := ctx.Err(); err != nil {
				yield(Object{}, &Error{Op: "list", URL: m.URL(prefix), Err: err})
				return
			}
			if !strings.HasPrefix(key, prefix) {
				continue
			}
			if o, ok := m.get(key); ok && !yield(o.Object, nil) {
				return
			}
		}
	}
}

// Open reads the current version, even if it is replaced or deleted later.
func (m *Memory) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, Object, error) {
	if err := m.check(ctx, "open", key); err != nil {
		return nil, Object{}, err
	}
	o, ok := m.get(key)
	if !ok {
		return nil, Object{}, &Error{Op: "open", URL: m.URL(key), Kind: ErrNotFound}
	}
	if err := checkVersion(m, "open", key, ifMatch, o.ETag); err != nil {
		return nil, Object{}, err
	}
	if err := checkOffset(m, o.Object, offset); err != nil {
		return nil, Object{}, err
	}
	return &memoryReader{ctx: ctx, url: m.URL(key), r: bytes.NewReader(o.data[offset:endOf(o.Object, offset, length)])}, o.Object, nil
}

type memoryReader struct {
	ctx context.Context
	url string
	r   *bytes.Reader
}

func (r *memoryReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, &Error{Op: "read", URL: r.url, Err: err}
	}
	return r.r.Read(p)
}

func (r *memoryReader) Close() error { return nil }

// Put stores a copy of the body.
func (m *Memory) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond Condition) (Object, error) {
	if err := m.check(ctx, "put", key); err != nil {
		return Object{}, err
	}
	if err := checkPut(body, size, cond); err != nil {
		return Object{}, &Error{Op: "put", URL: m.URL(key), Err: err, Final: true, NotApplied: true}
	}
	data := make([]byte, size)
	if n, err := body.ReadAt(data, 0); int64(n) < size {
		return Object{}, &Error{Op: "put", URL: m.URL(key), Err: err, NotApplied: true}
	}
	sum := md5.Sum(data)

	m.mu.Lock()
	defer m.mu.Unlock()
	old, exists := m.objects[key]
	if cond.IfAbsent && exists || cond.IfMatch != "" && (!exists || old.ETag != cond.IfMatch) {
		return Object{}, &Error{Op: "put", URL: m.URL(key), Kind: ErrPrecondition, NotApplied: true}
	}
	o := Object{Key: key, Size: size, ETag: hex.EncodeToString(sum[:]), Modified: m.now()}
	m.objects[key] = memoryObject{o, data}
	return o, nil
}

// Delete removes the object.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := m.check(ctx, "delete", key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}
