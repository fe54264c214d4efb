package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

// Ctrl-C is always acknowledged, however soon the command ends.
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

// The newest version in the changelog is the release that the program names.
func TestReleaseIsInChangelog(t *testing.T) {
	changelog, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(changelog)) {
		name, isVersion := strings.CutPrefix(strings.TrimSpace(line), "## ")
		if !isVersion || name == "Unreleased" {
			continue
		}
		if name != release {
			t.Errorf("the changelog's newest version is %s, the program's %s", name, release)
		}
		return
	}
	t.Error("the changelog has no version")
}
