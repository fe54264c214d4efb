package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Error is what the stores of this package return: which operation failed on
// which object, what kind of failure it was, and the cause.
type Error struct {
	Op       string // "list", "open", "read", "put" or "delete"
	URL      string // the object, or the store itself
	Kind     error  // one of the sentinels; nil for any other failure
	Err      error  // the cause, where it says more than Kind; may be nil
	Hint     string // what to do about it; may be empty
	Attempts int    // how often it was tried, if more than once

	// Final: the same call would fail again, so it is not retried. Every Kind
	// but ErrStalled implies it.
	Final bool
	// NotApplied: it is certain that nothing was written. Only then may a
	// conditional Put be tried again.
	NotApplied bool
}

// Error says what, where, why and what to do, in that order.
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

// Unwrap gives errors.Is and errors.As the kind and the cause.
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

// retryable says whether the same call may succeed later. ctx is the
// caller's: once it is done there is nobody left to retry for.
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

// Unanswered says of a Put's error that it leaves open whether the object was
// written, and that the same call may succeed later.
func Unanswered(err error) bool {
	return retryable(context.Background(), err) && !notApplied(err)
}

// notApplied says whether err proves that a Put wrote nothing.
func notApplied(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.NotApplied
}

// CheckKey refuses keys that a directory cannot hold, or that would leave it:
// empty ones, those with a leading or trailing slash, an empty, "." or ".."
// segment, or a NUL.
func CheckKey(key string) error {
	if key == "" {
		return errors.New("the key is empty")
	}
	return checkSegments(key)
}

func checkSegments(path string) error {
	if strings.ContainsRune(path, 0) {
		return fmt.Errorf("the key %q contains a NUL", path)
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".", "..":
			return fmt.Errorf("the key %q has the segment %q; keys are relative paths such as 2026/11/20/events.ndjson", path, segment)
		}
	}
	return nil
}

// checkPut refuses what no store accepts.
func checkPut(body io.ReaderAt, size int64, cond Condition) error {
	switch {
	case size < 0:
		return fmt.Errorf("the size is negative (%d)", size)
	case cond.IfAbsent && cond.IfMatch != "":
		return errors.New("the conditions IfAbsent and IfMatch exclude each other")
	case cond.Conditional() && size > MaxConditionalSize:
		return fmt.Errorf("a conditional put of %d bytes; the most is %d", size, int64(MaxConditionalSize))
	case size == 0:
		return nil
	}
	// A body that ends early would only be noticed when most of it was sent.
	if n, err := body.ReadAt(make([]byte, 1), size-1); n < 1 {
		return fmt.Errorf("the body has no %d bytes: %w", size, err)
	}
	return nil
}
