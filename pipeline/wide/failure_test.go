package wide

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"daybook/pipeline/wide/wire"
	"daybook/sinks/digest"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/spill"
)

// An error of the data is a result: the day fails. An error of the attempt or the machine
// fails the task, which is tried again.
func TestTold(t *testing.T) {
	of := func(kind error) error { return &store.Error{Op: "open", URL: "s3://b/k", Kind: kind} }
	for _, c := range []struct {
		err    error
		result bool
	}{
		{&dump.Error{Err: dump.ErrCorrupt}, true},
		{&dump.Error{Err: dump.ErrUnsupported}, true},
		{&dump.Error{Err: fmt.Errorf("%w: %w", dump.ErrCorrupt, io.ErrUnexpectedEOF)}, true},
		{digest.ErrCorrupt, true},
		{parquet.ErrAudit, true},
		{publish.ErrNoManifest, true},
		{notConfigured("sessions"), true},
		{errors.New("part 1 has 2 rows, want 3; this is a bug of daybook, please report it"), true},
		{of(store.ErrArchived), true},
		{&store.Error{Op: "put", Err: errors.New("the entity is too large"), Final: true}, true},

		{publish.ErrRaced, false},
		{wire.ErrStream, false},
		{spill.ErrDamaged, false},
		{io.ErrShortWrite, false},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, false},
		{syscall.ENOMEM, false},
		{of(nil), false},
		{of(store.ErrStalled), false},
		{of(store.ErrNotFound), false},
		{of(store.ErrPrecondition), false},
		{of(store.ErrChanged), false},
		{of(store.ErrDenied), false},
		{of(store.ErrNoBucket), false},
		{of(store.ErrNoSpace), false},
		{&dump.Error{Err: of(nil)}, false},
		{&dump.Error{Err: of(store.ErrDenied)}, false},
		{fmt.Errorf("digest: %w", errors.Join(digest.ErrCorrupt, of(store.ErrStalled))), false},
	} {
		wrapped := fmt.Errorf("2026-11-20: %w", c.err)
		text := ""
		if got := told(t.Context(), wrapped, &text); got != c.result {
			t.Errorf("%v is a result: %t, want %t", c.err, got, c.result)
		}
		if want := map[bool]string{true: wrapped.Error()}[c.result]; text != want {
			t.Errorf("the result of %v has the error %q, want %q", c.err, text, want)
		}
		interrupted, cancel := context.WithCancel(t.Context())
		cancel()
		if told(interrupted, wrapped, &text) {
			t.Errorf("%v is a result of an attempt that was interrupted", c.err)
		}
	}
}
