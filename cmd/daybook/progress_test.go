package main

import (
	"strings"
	"testing"
	"time"

	"daybook/pipeline"
)

func TestPlainLine(t *testing.T) {
	var p pipeline.Progress
	p.Inputs.Store(4)
	p.InputsDone.Store(1)
	p.Bytes.Store(2_000_000_000)
	p.BytesRead.Store(500_000_000)
	p.Lines.Store(3_000_000)
	var b strings.Builder
	plainLine(&b)(&p, 20*time.Second)
	want := "1 of 4 objects, 500.0 MB of 2.0 GB, 150,000 lines/s, 1m0s left\n"
	if b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_234_567: "1.2 MB", 5e15: "5.0 PB", 9e18: "9000.0 PB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
