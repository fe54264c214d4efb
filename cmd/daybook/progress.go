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
	barInterval  = 200 * time.Millisecond // quick enough to look alive
	lineInterval = 10 * time.Second       // slow enough for a log
)

// watch shows how reading gets on until the function it returns is called: as
// a bar on a terminal, as a line now and then elsewhere.
func (a *app) watch(p *extract.Progress) (stop func()) {
	return a.show(func(since time.Duration) view {
		return view{done: p.BytesRead.Load(), total: p.Bytes.Load(), parts: pace(p, since)}
	})
}

// watchSteps shows how a run gets on. planned is how many steps it has, if that
// is known beforehand.
func (a *app) watchSteps(p *extract.Progress, planned int) (stop func()) {
	return a.show(func(since time.Duration) view { return stepsView(p, int64(planned), since) })
}

// view is what there is to show at a moment.
type view struct {
	done, total int64    // in whatever unit
	parts       []string // in words, the most important one first
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

// line is the view in words, and how long the rest will take if it goes on so:
// as much of it as there is room for.
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
	barWidth = 20 // at most
	barFrame = 11 // what stands around a bar and its text: a percentage, the ends, spaces
)

// room is how much text goes beside a bar on a terminal of so many columns: a
// line that is longer would not be drawn over by the next one. The bar becomes
// shorter by itself, but should remain one.
func room(columns int) int { return max(columns-barFrame-min(barWidth, columns/4), 0) }

func bar(w io.Writer) (draw func(view, time.Duration), clear func()) {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(barWidth),
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
		b.Describe(v.line(since, room(columns(w))))
		_ = b.Set64(min(v.done, v.total)) // a bar that cannot be drawn is no reason to fail
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

// stepsView shows the steps that were done: a day of dumps that is digested is
// one, and then a day or a month of all reports. A run tells how many there are
// stage by stage.
func stepsView(p *extract.Progress, planned int64, since time.Duration) view {
	v := view{done: p.StepsDone.Load(), total: max(planned, p.Steps.Load())}
	v.parts = []string{fmt.Sprintf("%d of %d steps", v.done, v.total), fmt.Sprintf("%.1f steps/min", float64(v.done)/since.Minutes())}
	if p.InputsDone.Load() < p.Inputs.Load() {
		v.parts = append(v.parts, pace(p, since)...)
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

// columns is how wide a terminal is now.
func columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
