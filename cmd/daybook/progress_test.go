package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"daybook/pipeline/extract"
	"daybook/sources/store/storetest"
)

func TestPlainLine(t *testing.T) {
	var p extract.Progress
	p.Inputs.Store(4)
	p.InputsDone.Store(1)
	p.Bytes.Store(2_000_000_000)
	p.BytesRead.Store(500_000_000)
	p.Lines.Store(3_000_000)
	const since = 20 * time.Second
	var b strings.Builder
	plainLine(&b)(view{500_000_000, 2_000_000_000, pace(&p, since)}, since)
	want := "1 of 4 dumps, 60 s left, 500.0 MB of 2.0 GB, 150,000 lines/s\n"
	if b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
}

func TestStepsView(t *testing.T) {
	var p extract.Progress
	p.Steps.Store(121) // the first stage's
	p.StepsDone.Store(12)
	const since = 4 * time.Minute
	for planned, want := range map[int64]string{
		242: "12 of 242 steps, 77 min left, 3.0 steps/min\n", // 230 more at 3 a minute
		0:   "12 of 121 steps, 36 min left, 3.0 steps/min\n", // 109 more
	} {
		var b strings.Builder
		plainLine(&b)(stepsView(&p, planned, since), since)
		if b.String() != want {
			t.Errorf("got  %swant %s", b.String(), want)
		}
	}
}

// On a terminal, a line with its bar is never longer than that is wide: what
// matters least is left out.
func TestLineFitsTheTerminal(t *testing.T) {
	v := view{1200, 7300, []string{"1200 of 7300 steps", "3.0 steps/min", "1 of 4 dumps", "500.0 MB of 2.0 GB", "150,000 lines/s"}}
	for columns, want := range map[int]string{
		200: "1200 of 7300 steps, 34.1 h left, 3.0 steps/min, 1 of 4 dumps, 500.0 MB of 2.0 GB, 150,000 lines/s",
		80:  "1200 of 7300 steps, 34.1 h left, 3.0 steps/min",
		40:  "1200 of 7300 steps",
		20:  "1200",
		5:   "",
	} {
		got := v.line(402*time.Minute, room(columns))
		if got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

func TestLeftText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 min", 119 * time.Minute: "119 min", 2 * time.Hour: "2.0 h", 50 * time.Hour: "50.0 h",
	} {
		if got := leftText(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

// Nothing is drawn after the end of a bar, also of one whose total never was known.
func TestBarEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, total := range []int64{0, 10} {
			var b storetest.Output
			draw, clear := bar(&b)
			draw(view{0, total, []string{"0 steps"}}, time.Second)
			clear()
			ended := b.String()
			time.Sleep(time.Minute)
			if after := b.String()[len(ended):]; after != "" || !strings.Contains(ended, "0 steps") {
				t.Errorf("of %d: drew %q, then %q", total, ended, after)
			}
		}
	})
}
