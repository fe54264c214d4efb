package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"daybook/pipeline/extract"
	"daybook/pipeline/words"
)

const (
	barInterval  = 200 * time.Millisecond // for a moving bar
	lineInterval = 10 * time.Second       // for a log
)

// watch shows the progress of reading until stop is called: a bar on a terminal,
// lines elsewhere.
func (a *app) watch(p *extract.Progress) (stop func()) {
	return a.show(func(since time.Duration) view {
		return view{done: p.BytesRead.Load(), total: p.Bytes.Load(), parts: pace(p, since)}
	})
}

// watchSteps shows the progress of a run until stop is called. planned is its
// number of steps; 0: unknown.
func (a *app) watchSteps(p *extract.Progress, planned int) (stop func()) {
	return a.show(func(since time.Duration) view { return stepsView(p, int64(planned), since) })
}

// view is the progress at one moment.
type view struct {
	done, total int64    // in bytes or steps
	parts       []string // in words, most important first
}

// show shows the views of look at intervals, until stop is called.
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

// line is the view in words, with the time left at the present speed. Parts
// without room are left out.
func (v view) line(since time.Duration, room int) string {
	parts := v.parts
	if 0 < v.done && v.done < v.total {
		left := leftText(time.Duration(float64(since)*float64(v.total-v.done)/float64(v.done))) + " left"
		parts = slices.Insert(slices.Clone(parts), 1, left)
	}
	text := parts[0]
	for _, part := range parts[1:] {
		if len(text)+len(", ")+len(part) > room {
			break
		}
		text += ", " + part
	}
	return text[:min(len(text), room)]
}

func plainLine(w io.Writer) func(view, time.Duration) {
	return func(v view, since time.Duration) { fmt.Fprintln(w, v.line(since, math.MaxInt)) }
}

const (
	barWidth = 20 // characters at most
	barFrame = 11 // characters around a bar and its text: a percentage, the ends, spaces
)

// room is the length of the text beside a bar. A line that wraps would not be
// overwritten by the next one. A narrow terminal keeps a quarter for the bar.
func room(columns int) int { return max(columns-barFrame-min(barWidth, columns/4), 0) }

func bar(w io.Writer) (draw func(view, time.Duration), clear func()) {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionSetPredictTime(false), // the text has it
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0), // only draw writes: a goroutine of the bar would go on after clear
		progressbar.OptionUseANSICodes(os.Getenv("NO_COLOR") == ""),
	}
	b := progressbar.NewOptions64(-1, options...) // a spinner until the total is known
	known := false
	draw = func(v view, since time.Duration) {
		switch {
		case v.total > 0 && !known:
			b, known = progressbar.NewOptions64(v.total, options...), true
		case known && b.GetMax64() != v.total:
			b.ChangeMax64(v.total)
		}
		b.Describe(v.line(since, room(columns(w))))
		_ = b.Set64(min(v.done, v.total)) // work goes on without a bar
	}
	return draw, func() { _ = b.Clear() }
}

func pace(p *extract.Progress, since time.Duration) []string {
	perSecond := float64(p.Lines.Load()) / since.Seconds()
	return []string{
		fmt.Sprintf("%d of %d dumps", p.InputsDone.Load(), p.Inputs.Load()),
		fmt.Sprintf("%s of %s", words.Bytes(p.BytesRead.Load()), words.Bytes(p.Bytes.Load())),
		words.Thousands(int64(perSecond)) + " lines/s",
	}
}

// stepsView is the progress in steps. A step is the digest of one dump day, or
// one day or month of all reports. A run knows its steps stage by stage.
func stepsView(p *extract.Progress, planned int64, since time.Duration) view {
	v := view{done: p.StepsDone.Load(), total: max(planned, p.Steps.Load())}
	v.parts = []string{fmt.Sprintf("%d of %d steps", v.done, v.total), fmt.Sprintf("%.1f steps/min", float64(v.done)/since.Minutes())}
	if p.InputsDone.Load() < p.Inputs.Load() {
		v.parts = append(v.parts, pace(p, since)...)
	}
	return v
}

// leftText writes a forecast with two or three digits.
func leftText(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

// columns is the width of a terminal.
func columns(w io.Writer) int {
	if r, ok := w.(*results); ok {
		w = r.out
	}
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

func isTerminal(w io.Writer) bool {
	if r, ok := w.(*results); ok {
		w = r.out
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
