package parallel

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Bug is a panic as an error. It fails the work that panicked, and nothing else.
type Bug struct {
	Value any
	Calls []string // the innermost calls, each with its file and line
}

func (b *Bug) Error() string {
	return fmt.Sprintf("%v; this is a bug of daybook, please report it:\n\t%s", b.Value, strings.Join(b.Calls, "\n\t"))
}

// Catch calls f, and returns a panic of it as a [*Bug].
func Catch(f func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &Bug{value, innermostCalls()}
		}
	}()
	f()
	return nil
}

// Guard is f with a panic as its error. Every goroutine needs it: a panic there
// ends the process.
func Guard(f func() error) func() error {
	return func() (err error) {
		if bug := Catch(func() { err = f() }); bug != nil {
			return bug
		}
		return err
	}
}

// shownCalls is how many calls a bug lists.
const shownCalls = 8

// innermostCalls lists the calls of the goroutine that is panicking.
func innermostCalls() []string {
	callers := make([]uintptr, 64)
	// Three are left out: Callers, this function and the one that recovers.
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	var calls []string
	for more := true; more && len(calls) < shownCalls; {
		var f runtime.Frame
		f, more = frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			calls = append(calls, fmt.Sprintf("%s (%s:%d)", f.Function, path.Base(f.File), f.Line))
		}
	}
	return calls
}
