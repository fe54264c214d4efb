package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Error is the error type of every store in this package.
type Error struct {
	Op       string // "list", "open", "read", "put" or "delete"
	URL      string // of the object, or of the store
	Kind     error  // ErrNotFound and its like; nil for any other failure
	Err      error  // the cause; nil if Kind says it all
	Hint     string // what the user can do; may be empty
	Attempts int    // number of attempts, if more than one

	// Final: a retry would fail, too. Every Kind except ErrStalled implies it.
	Final bool
	// NotApplied: nothing was written. A conditional Put may be retried only
	// after such an error.
	NotApplied bool
}

// Error gives the operation, the object, the cause and the hint, in this order.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Op, e.URL)
	if e.Kind != nil {
		fmt.Fprintf(&b, ": %v", e.Kind)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (gave up after %d attempts)", e.Attempts)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", e.Hint)
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// retryable reports whether the same call may succeed later. ctx is the
// caller's context: once it is done, a retry has no use.
func retryable(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	var e *Error
	if !errors.As(err, &e) {
		return true
	}
	return !e.Final && (e.Kind == nil || e.Kind == ErrStalled)
}

// Unanswered reports, for the error of a Put, whether it is unknown if the
// object was written and a retry may succeed.
func Unanswered(err error) bool {
	return retryable(context.Background(), err) && !notApplied(err)
}

// notApplied reports whether err proves that a Put wrote nothing.
func notApplied(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.NotApplied
}

// checkVersion compares the version that a store opened with the one that the
// caller asked for; an empty etag asks for any. Every store and every retry
// calls it for the answer, because a server may ignore the condition of the
// request. have is empty if the answer has no ETag.
func checkVersion(s Store, op, key, etag, have string) error {
	switch {
	case etag == "" || have == etag:
		return nil
	case have == "":
		return &Error{Op: op, URL: s.URL(key), Err: fmt.Errorf("the answer has no ETag, so it is unknown whether the object is still the one with the ETag %s", etag),
			Hint: "use a store, or a proxy before it, that sends ETags", Final: true}
	}
	return &Error{Op: op, URL: s.URL(key), Kind: ErrChanged, Err: fmt.Errorf("its ETag was %s and is now %s", etag, have)}
}

// CheckKey rejects keys that a directory cannot hold: an empty key, a leading
// or trailing slash, an empty, "." or ".." segment, or a NUL.
func CheckKey(key string) error {
	if key == "" {
		return errors.New("the key is empty")
	}
	return checkSegments(key)
}

func checkSegments(path string) error {
	if strings.ContainsRune(path, 0) {
		return fmt.Errorf("the key %q contains a NUL byte", path)
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".", "..":
			return fmt.Errorf("the key %q has the segment %q; use a relative path such as 2026/11/20/events.ndjson", path, segment)
		}
	}
	return nil
}

// checkPut validates the arguments of a Put.
func checkPut(body io.ReaderAt, size int64, cond Condition) error {
	switch {
	case size < 0:
		return fmt.Errorf("the size is negative (%d)", size)
	case cond.IfAbsent && cond.IfMatch != "":
		return errors.New("IfAbsent and IfMatch exclude each other")
	case cond.Conditional() && size > MaxConditionalSize:
		return fmt.Errorf("a conditional put has at most %d bytes; this one has %d", int64(MaxConditionalSize), size)
	case size == 0:
		return nil
	}
	// Check the last byte now: otherwise a short body would show only after
	// most of it was sent.
	if n, err := body.ReadAt(make([]byte, 1), size-1); n < 1 {
		return fmt.Errorf("the body is shorter than %d bytes: %w", size, err)
	}
	return nil
}
