package wide

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"daybook/pipeline/wide/wire"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/spill"
)

// told notes an error that every attempt would have in a result: the day fails, and the
// job goes on. It returns false for an error that another attempt may mend: the task
// fails, and the program that runs it tries it again.
func told(ctx context.Context, err error, to *string) bool {
	if ctx.Err() != nil || mayMend(err) {
		return false
	}
	*to = err.Error()
	return true
}

// mayMend reports whether another attempt, perhaps on another machine, may mend an
// error. What is wrong with the data or with daybook itself stays.
func mayMend(err error) bool {
	if e := (*store.Error)(nil); errors.As(err, &e) {
		return !e.Final && !slices.Contains(ofObject, e.Kind) || slices.Contains(ofMachine, e.Kind)
	}
	if errors.As(err, new(*dump.Error)) {
		return false
	}
	isKind := func(kind error) bool { return errors.Is(err, kind) }
	return errors.As(err, new(*fs.PathError)) || errors.As(err, new(syscall.Errno)) ||
		slices.ContainsFunc(ofMachine, isKind) || slices.ContainsFunc(ofAttempt, isKind)
}

var (
	// ofObject: the object is at fault.
	ofObject = []error{store.ErrArchived}
	// ofMachine: the state of the sink has moved on, or this machine lacks its
	// credentials, its mounts or room on its disk.
	ofMachine = []error{
		store.ErrNotFound, store.ErrPrecondition, store.ErrChanged, store.ErrDenied, store.ErrNoBucket, store.ErrNoSpace, store.ErrStalled,
	}
	// ofAttempt: the rows, a temporary file or a race with another process.
	ofAttempt = []error{wire.ErrStream, publish.ErrRaced, spill.ErrDamaged, io.ErrShortWrite}
)
