// Package store is daybook's view of an object store: four calls, an S3
// implementation through minio-go, a local directory with the same semantics,
// and small wrappers (retries, stall detection) around either. OpenURL puts
// them together.
//
// A key is a slash-separated path relative to the root of the store (the
// bucket and prefix, or the directory), without a leading slash. Keys are
// compared as bytes.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Object describes one stored object.
type Object struct {
	Key      string
	Size     int64     // bytes
	ETag     string    // opaque, without quotes; changes whenever the content does
	Modified time.Time // as the store tells it; zero where unknown
}

// Condition makes a Put conditional. The zero value puts unconditionally.
type Condition struct {
	IfAbsent bool   // only if the key does not exist (If-None-Match: *)
	IfMatch  string // only if the key's current ETag is this one
}

// Conditional says whether c is a condition at all.
func (c Condition) Conditional() bool { return c.IfAbsent || c.IfMatch != "" }

// A Store holds objects. Implementations are safe for concurrent use. Every
// error they return names the store, the key and the operation, and wraps one
// of the sentinels below where it applies.
type Store interface {
	// List yields the objects whose key starts with prefix, in bytewise key
	// order, following continuation pages. The sequence ends after its first
	// error. An empty result is not an error; a missing bucket or root is.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Open reads length bytes of the object from offset on, or what there is
	// of them; all of it to its end if length is ToEnd. The offset may be the
	// object's end, but not lie beyond it. If ifMatch is not empty, Open fails
	// with ErrChanged unless that is the object's current ETag (with
	// ErrNotFound if there is no object any more). The Object returned
	// describes what is being read; its Size is the whole object's. The caller
	// closes the reader.
	Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, Object, error)

	// Put stores size bytes of body under key, replacing what was there: a
	// reader sees the old object or the new one, never a mixture. It is
	// durable when Put returns nil. The body may be read more than once and
	// from several goroutines, and is the caller's again afterwards. It
	// returns the object as stored.
	//
	// When cond is not met Put fails with ErrPrecondition, and nothing was
	// written. Any other error leaves it unknown whether the object was
	// written. Conditional bodies are at most MaxConditionalSize long.
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond Condition) (Object, error)

	// Delete removes key. Deleting a key that does not exist is not an error.
	Delete(ctx context.Context, key string) error

	// URL names the object in messages, such as s3://bucket/prefix/key or
	// file:///dir/key. URL("") names the store itself.
	URL(key string) string
}

// ToEnd as the length to Open means all from the offset on. Any other negative
// length means the same.
const ToEnd = -1

// MaxConditionalSize bounds conditional puts: S3 clients drop the condition
// on multipart uploads, so only what fits one request can be conditional.
const MaxConditionalSize = 8 << 20

var (
	// ErrNotFound: the key does not exist.
	ErrNotFound = errors.New("not found")
	// ErrNoBucket: the bucket, or the root directory, does not exist.
	ErrNoBucket = errors.New("no such bucket or directory")
	// ErrPrecondition: a conditional Put's condition does not hold (412).
	ErrPrecondition = errors.New("precondition failed")
	// ErrChanged: the object is not, or is no longer, the one with the ETag asked for.
	ErrChanged = errors.New("object changed while it was read")
	// ErrDenied: credentials are missing, wrong or not sufficient (401, 403).
	ErrDenied = errors.New("access denied")
	// ErrStalled: no byte moved for the stall time-out.
	ErrStalled = errors.New("no progress")
	// ErrNoSpace: the disk is full.
	ErrNoSpace = errors.New("no space left")
)
