package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// figure is one line of the result.
type figure struct {
	Benchmark string  `json:"benchmark"`
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	CPU       float64 `json:"cpu_seconds,omitempty"` // of processes
	Peak      float64 `json:"peak_mib,omitempty"`
	Target    *target `json:"target,omitempty"`
}

// target is what a figure should be: at least so much, or at most.
type target struct {
	Limit  float64 `json:"limit"`
	AtMost bool    `json:"at_most,omitempty"`
	Met    bool    `json:"met"`
}

// words are the target and the verdict.
func (t *target) words() [2]string {
	sign, verdict := "≥", "ok"
	if t.AtMost {
		sign = "≤"
	}
	if !t.Met {
		verdict = "MISSED"
	}
	return [2]string{sign + " " + number(t.Limit), verdict}
}

// board collects the figures, and shows each as soon as its benchmark is done.
type board struct {
	out       io.Writer
	json      bool
	benchmark string
	shown     int
	figures   []figure
}

func (b *board) add(unit string, value float64, format string, args ...any) {
	b.figures = append(b.figures, figure{Benchmark: b.benchmark, Name: fmt.Sprintf(format, args...), Value: value, Unit: unit})
}

// took adds what a process took, as the medians of its rounds.
func (b *board) took(usages []usage, format string, args ...any) {
	b.add("s", median(usages, usage.seconds), format, args...)
	f := &b.figures[len(b.figures)-1]
	f.CPU, f.Peak = median(usages, usage.cpuSeconds), median(usages, usage.mebibytes)
}

// atLeast sets the target of the figure that was added last, atMost as well.
func (b *board) atLeast(limit float64) {
	f := &b.figures[len(b.figures)-1]
	f.Target = &target{Limit: limit, Met: f.Value >= limit}
}

func (b *board) atMost(limit float64) {
	f := &b.figures[len(b.figures)-1]
	f.Target = &target{Limit: limit, AtMost: true, Met: f.Value <= limit}
}

// show writes the figures that were not shown yet as a table.
func (b *board) show() error {
	if b.json {
		return nil
	}
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(b.out, b.benchmark)
	for _, f := range b.figures[b.shown:] {
		rest := [2]string{}
		switch {
		case f.Target != nil:
			rest = f.Target.words()
		case f.Peak > 0:
			rest = [2]string{number(f.CPU) + " s of CPU", number(f.Peak) + " MiB at most"}
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", f.Name, number(f.Value), f.Unit, rest[0], rest[1])
	}
	b.shown = len(b.figures)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(b.out)
	return err
}

// finish writes all figures as JSON, or how many targets were missed.
func (b *board) finish() error {
	if b.json {
		enc := json.NewEncoder(b.out)
		enc.SetIndent("", "  ")
		return enc.Encode(b.figures)
	}
	targets, missed := 0, 0
	for _, f := range b.figures {
		if f.Target != nil {
			targets++
			if !f.Target.Met {
				missed++
			}
		}
	}
	_, err := fmt.Fprintf(b.out, "%d of %d targets missed\n", missed, targets)
	return err
}

// number writes x with three significant digits, and thousands apart.
func number(x float64) string {
	switch {
	case x >= 1000:
		digits, groups := fmt.Sprintf("%.0f", x), []string(nil)
		for len(digits) > 3 {
			groups = append(groups, digits[len(digits)-3:])
			digits = digits[:len(digits)-3]
		}
		groups = append(groups, digits)
		slices.Reverse(groups)
		return strings.Join(groups, ",")
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// median gives the middle one of a measure of usages.
func median(usages []usage, of func(usage) float64) float64 {
	values := make([]float64, len(usages))
	for i, u := range usages {
		values[i] = of(u)
	}
	return middle(values)
}

// ratio gives the median of a's measure divided by b's, round by round.
func ratio(a, b []usage, of func(usage) float64) float64 {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = of(a[i]) / of(b[i])
	}
	return middle(values)
}

func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
