package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// Who interrupts a command is told so, however soon the command ends.
func TestStoppingIsSaid(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 200 {
		stderr := &lockedBuffer{}
		if code := run(ctx, []string{"--help"}, nil, io.Discard, stderr, noEnv); code != exitDone {
			t.Fatalf("exit code %d", code)
		}
		if !strings.Contains(stderr.String(), "daybook: stopping; ") {
			t.Fatalf("said %q", stderr)
		}
	}
}
