// Package store reads and writes objects in S3 or in a local directory.
//
// A [Store] has four calls: List, Open, Put and Delete. [S3] implements them
// with minio-go, [Dir] with files, [Memory] for tests. [WithRetry] and
// [WithStallTimeout] wrap any of them. [OpenURL] chooses and combines them from
// a URL.
//
// A key is a slash-separated path relative to the root of the store (the bucket
// and prefix, or the directory), without a leading slash. Keys are compared as
// bytes.
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
	Size     int64     // bytes; UnknownSize where the store does not say, which only Open returns
	ETag     string    // opaque, without quotes; changes whenever the content does
	Modified time.Time // by the store's clock; zero if unknown
	Special  string    // "a FIFO", "a socket", "a device" or "a special file", which a directory can hold and Open refuses; empty for objects
}

// Condition makes a Put conditional. The zero value puts unconditionally.
type Condition struct {
	IfAbsent bool   // only if the key does not exist (If-None-Match: *)
	IfMatch  string // only if the key's current ETag is this one
}

// Conditional reports whether c sets a condition.
func (c Condition) Conditional() bool { return c.IfAbsent || c.IfMatch != "" }

// A Store holds objects. Implementations are safe for concurrent use. Every
// error names the operation, the store and the key, and wraps one of the errors
// below where one applies.
type Store interface {
	// List yields the objects whose key starts with prefix, in bytewise
	// order of their keys. The sequence ends after its first error. An
	// empty result is valid; a missing bucket or root directory is an
	// error.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Open reads length bytes of the object from offset on, or fewer if the
	// object ends before. A negative length ([ToEnd]) reads to the end. The
	// offset is between 0 and the object's size.
	//
	// If ifMatch is set, Open fails with ErrChanged unless ifMatch is the
	// object's current ETag, and with ErrNotFound if the object does not
	// exist. The returned Object describes the version that is read; its
	// Size is that of the whole object, or UnknownSize. The caller closes the
	// reader.
	Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, Object, error)

	// Put stores size bytes of body under key and replaces the object that
	// was there. A reader sees the old object or the new one, never a
	// mixture. The object is durable when Put returns nil. The store may
	// read the body more than once and from several goroutines, but only
	// until Put returns.
	//
	// If cond does not hold, Put fails with ErrPrecondition and has written
	// nothing. After any other error the object may or may not have been
	// written. A conditional body has at most MaxConditionalSize bytes.
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond Condition) (Object, error)

	// Delete removes key. Deleting a key that does not exist succeeds.
	Delete(ctx context.Context, key string) error

	// URL is the name of the object in messages, such as
	// s3://bucket/prefix/key or file:///dir/key. URL("") is the store
	// itself.
	URL(key string) string
}

// ToEnd is the length that makes Open read to the object's end. Any negative
// length does.
const ToEnd = -1

// UnknownSize is the size of an object that a server sends without saying its length:
// it packs or unpacks the object on the way.
const UnknownSize = -1

// MaxConditionalSize is the largest body of a conditional Put, in bytes. S3
// clients drop the condition on multipart uploads, so a conditional body must
// fit into one request.
const MaxConditionalSize = 8 << 20

var (
	// ErrNotFound: the key does not exist.
	ErrNotFound = errors.New("not found")
	// ErrNoBucket: the bucket, or the root directory, does not exist.
	ErrNoBucket = errors.New("no such bucket or directory")
	// ErrPrecondition: the condition of a Put does not hold (status 412).
	ErrPrecondition = errors.New("precondition failed")
	// ErrChanged: the object has another ETag than the caller asked for.
	ErrChanged = errors.New("object changed while it was read")
	// ErrDenied: credentials are missing, wrong or insufficient (401, 403).
	ErrDenied = errors.New("access denied")
	// ErrArchived: the object lies in an archive and cannot be read before it is
	// restored.
	ErrArchived = errors.New("the object is archived")
	// ErrStalled: no byte was transferred during the stall time-out.
	ErrStalled = errors.New("no progress")
	// ErrNoSpace: the disk is full.
	ErrNoSpace = errors.New("no space left")
)
