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
)

const (
	barInterval  = 200 * time.Millisecond // quick enough to look alive
	lineInterval = 10 * time.Second       // slow enough for a log
)

// watch shows how reading gets on until the function it returns is called: as
// a bar on a terminal, as a line now and then elsewhere.
func (a *app) watch(p *pipeline.Progress) (stop func()) {
	if a.quiet {
		return func() {}
	}
	show, interval, clear := plainLine(a.stderr), lineInterval, func() {}
	if isTerminal(a.stderr) {
		show, clear = bar(a.stderr)
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
				show(p, time.Since(begin))
			case <-done:
				clear()
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

func plainLine(w io.Writer) func(*pipeline.Progress, time.Duration) {
	return func(p *pipeline.Progress, since time.Duration) {
		left := ""
		if total, read := p.Bytes.Load(), p.BytesRead.Load(); read > 0 && total > read {
			left = fmt.Sprintf(", %s left", time.Duration(float64(since)*float64(total-read)/float64(read)).Round(time.Second))
		}
		fmt.Fprintf(w, "%s%s\n", pace(p, since), left)
	}
}

func bar(w io.Writer) (show func(*pipeline.Progress, time.Duration), clear func()) {
	b := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(os.Getenv("NO_COLOR") == ""),
	)
	show = func(p *pipeline.Progress, since time.Duration) {
		if total := p.Bytes.Load(); total > 0 && b.GetMax64() != total {
			b.ChangeMax64(total)
		}
		b.Describe(pace(p, since))
		_ = b.Set64(min(p.BytesRead.Load(), p.Bytes.Load())) // a bar that cannot be drawn is no reason to fail
	}
	return show, func() { _ = b.Clear() }
}

func pace(p *pipeline.Progress, since time.Duration) string {
	perSecond := float64(p.Lines.Load()) / since.Seconds()
	return fmt.Sprintf("%d of %d objects, %s of %s, %s lines/s", p.InputsDone.Load(), p.Inputs.Load(),
		bytesText(p.BytesRead.Load()), bytesText(p.Bytes.Load()), thousands(int64(perSecond)))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// bytesText writes a size as people read it.
func bytesText(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 4 {
		value, prefix = value/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTP"[prefix])
}

// thousands writes a number with its digits grouped.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
