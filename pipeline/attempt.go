package pipeline

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"strings"

	"daybook/sinks/publish"
)

// stepName is what a step is of; two attempts at the same have the same.
type stepName struct {
	kind              Kind
	report, partition string
}

func (s *Step) name() stepName { return stepName{s.Kind, s.Report, s.Partition} }

func (n stepName) String() string {
	if n.report == "" {
		return fmt.Sprintf("%s %s", n.kind, n.partition)
	}
	return fmt.Sprintf("%s %s of %s", n.kind, n.partition, n.report)
}

// allowed says whether a step that is selected may be done.
func (b *build) allowed(s *Step) bool {
	if b.r.Allow == nil {
		return true
	}
	b.identify(s)
	return b.r.Allow(s)
}

// attempt does steps that belong together. Each of them is begun, and over when
// attempt returns: what became of it was noted by do, or there was nothing to
// note.
func (b *build) attempt(ctx context.Context, steps []*Step, do func()) {
	for _, s := range steps {
		b.begin(s)
	}
	err := caught(do)
	for _, s := range steps {
		if err != nil && b.underWay(s) {
			b.note(ctx, s, Done{err: fmt.Errorf("%s: %w", s.name(), err)})
		}
		if !b.underWay(s) {
			continue
		}
		if ctx.Err() != nil {
			b.over(s, Done{err: ctx.Err()})
		} else {
			b.over(s, Done{State: publish.Unchanged, Reason: "another run has done it meanwhile"})
		}
	}
}

// begin notes that a step is under way. What nobody would notice, nobody is
// told of.
func (b *build) begin(s *Step) {
	b.resultMu.Lock()
	b.begun[s.name()] = true
	b.resultMu.Unlock()
	if b.r.OnStep != nil && !s.refresh {
		b.r.OnStep(s, nil)
	}
}

func (b *build) underWay(s *Step) bool {
	b.resultMu.Lock()
	defer b.resultMu.Unlock()
	return b.begun[s.name()]
}

// over notes that a step is not under way any more.
func (b *build) over(s *Step, d Done) {
	b.resultMu.Lock()
	delete(b.begun, s.name())
	b.resultMu.Unlock()
	if b.r.OnStep == nil || s.refresh && d.err == nil {
		return
	}
	if s.refresh {
		b.r.OnStep(s, nil)
	}
	b.identify(s)
	d.of(s)
	b.r.OnStep(s, &d)
}

// of says which step it is that was done.
func (d *Done) of(s *Step) {
	d.Kind, d.Report, d.Partition = s.Kind, s.Report, s.Partition
	if d.Reason == "" {
		d.Reason = strings.Join(s.Reasons, "; ")
	}
	if d.err != nil {
		d.Error = d.err.Error()
	}
}

// A bug is a panic, as an error: it fails what was being done, and nothing else.
type bug struct {
	value any
	where []string // the innermost calls
}

func (b *bug) Error() string {
	return fmt.Sprintf("%v; this is a bug of daybook, please report it:\n\t%s", b.value, strings.Join(b.where, "\n\t"))
}

// caught calls f, and returns its panic as an error.
func caught(f func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &bug{value, panicked()}
		}
	}()
	f()
	return nil
}

// guarded is f with its panic as an error, for goroutines, where nobody else
// would recover it.
func guarded(f func() error) func() error {
	return func() (err error) {
		if bug := caught(func() { err = f() }); bug != nil {
			return bug
		}
		return err
	}
}

// shownCalls is how many calls tell where a panic came from.
const shownCalls = 8

// panicked lists the innermost calls of the goroutine that is panicking.
func panicked() []string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)]) // without Callers, panicked and who recovers
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
