package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"daybook/pipeline"
	"daybook/pipeline/words"
)

const (
	barInterval  = 200 * time.Millisecond // quick enough to look alive
	lineInterval = 10 * time.Second       // slow enough for a log
)

// watch shows how reading gets on until the function it returns is called: as
// a bar on a terminal, as a line now and then elsewhere.
func (a *app) watch(p *pipeline.Progress) (stop func()) {
	return a.show(func(since time.Duration) view {
		return view{done: p.BytesRead.Load(), total: p.Bytes.Load(), text: pace(p, since)}
	})
}

// watchSteps shows how a run gets on. planned is how many steps it has, if that
// is known beforehand.
func (a *app) watchSteps(p *pipeline.Progress, planned int) (stop func()) {
	return a.show(func(since time.Duration) view { return stepsView(p, int64(planned), since) })
}

// view is what there is to show at a moment.
type view struct {
	done, total int64 // in whatever unit
	text        string
}

// show shows what look sees, again and again.
func (a *app) show(look func(since time.Duration) view) (stop func()) {
	if a.quiet {
		return func() {}
	}
	draw, interval, clear := plainLine(a.stderr), lineInterval, func() {}
	if isTerminal(a.stderr) {
		draw, clear = bar(a.stderr)
		interval = barInterval
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		begin := time.Now()
		for {
			select {
			case <-ticker.C:
				since := time.Since(begin)
				draw(look(since), since)
			case <-done:
				clear()
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(done); wg.Wait() })
}

// line is the view in words, and how long the rest will take if it goes on so.
func (v view) line(since time.Duration) string {
	if v.done <= 0 || v.total <= v.done {
		return v.text
	}
	return v.text + ", " + leftText(time.Duration(float64(since)*float64(v.total-v.done)/float64(v.done))) + " left"
}

func plainLine(w io.Writer) func(view, time.Duration) {
	return func(v view, since time.Duration) { fmt.Fprintln(w, v.line(since)) }
}

func bar(w io.Writer) (draw func(view, time.Duration), clear func()) {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(false), // the line says it
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(os.Getenv("NO_COLOR") == ""),
	}
	b := progressbar.NewOptions64(-1, options...) // a spinner, as long as the total is not known
	known := false
	draw = func(v view, since time.Duration) {
		switch {
		case v.total > 0 && !known:
			b, known = progressbar.NewOptions64(v.total, options...), true
		case known && b.GetMax64() != v.total:
			b.ChangeMax64(v.total)
		}
		b.Describe(v.line(since))
		_ = b.Set64(min(v.done, v.total)) // a bar that cannot be drawn is no reason to fail
	}
	return draw, func() { _ = b.Clear() }
}

func pace(p *pipeline.Progress, since time.Duration) string {
	perSecond := float64(p.Lines.Load()) / since.Seconds()
	return fmt.Sprintf("%d of %d objects, %s of %s, %s lines/s", p.InputsDone.Load(), p.Inputs.Load(),
		words.Bytes(p.BytesRead.Load()), words.Bytes(p.Bytes.Load()), words.Thousands(int64(perSecond)))
}

// stepsView shows the days that were done: of dumps while they are digested,
// and then of reports. A run tells how many steps there are stage by stage.
func stepsView(p *pipeline.Progress, planned int64, since time.Duration) view {
	v := view{done: p.StepsDone.Load(), total: max(planned, p.Steps.Load())}
	v.text = fmt.Sprintf("%d of %d steps, %.1f days/min", v.done, v.total, float64(v.done)/since.Minutes())
	if p.InputsDone.Load() < p.Inputs.Load() {
		v.text += "; " + pace(p, since)
	}
	return v
}

// leftText writes a time as precisely as a forecast deserves.
func leftText(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
