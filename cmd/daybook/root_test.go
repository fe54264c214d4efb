package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"daybook/sources/store/storetest"
)

// Ctrl-C is always acknowledged, however soon the command ends.
func TestStoppingIsSaid(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 200 {
		stderr := &storetest.Output{}
		if code := run(ctx, []string{"--help"}, nil, io.Discard, stderr, noEnv); code != exitDone {
			t.Fatalf("exit code %d", code)
		}
		if !strings.Contains(stderr.String(), "daybook: stopping; ") {
			t.Fatalf("said %q", stderr)
		}
	}
}

// The newest version in the changelog is the release that the program names. Its day,
// or "unreleased", follows a comma.
func TestReleaseIsInChangelog(t *testing.T) {
	changelog, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(changelog)) {
		name, isVersion := strings.CutPrefix(strings.TrimSpace(line), "## ")
		if !isVersion {
			continue
		}
		if name, _, _ := strings.Cut(name, ","); name != release {
			t.Errorf("the changelog's newest version is %s, the program's %s", name, release)
		}
		return
	}
	t.Error("the changelog has no version")
}

// The examples for Kubernetes name the image of the release.
func TestExamplesNameTheRelease(t *testing.T) {
	names, err := filepath.Glob("../../config/examples/kubernetes/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if image := "/daybook:" + release + "\n"; !strings.Contains(string(text), image) {
			t.Errorf("%s does not name %q", name, image)
		}
	}
}

// Every command's help has examples, and no command ignores that its output cannot be
// written.
func TestHelpOfAllCommands(t *testing.T) {
	var all func(cmd *cobra.Command)
	all = func(cmd *cobra.Command) {
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		var help strings.Builder
		if code := run(t.Context(), args, nil, &help, io.Discard, noEnv); code != exitDone || !strings.Contains(help.String(), "Examples:\n  daybook ") {
			t.Errorf("%s: exit code %d, and it shows\n%s", cmd.CommandPath(), code, &help)
		}
		var stderr strings.Builder
		if code := run(t.Context(), args, nil, full{}, &stderr, noEnv); code != exitFailed || !strings.Contains(stderr.String(), "write the results: no space") {
			t.Errorf("%s: exit code %d on a full disk, and it says %q", cmd.CommandPath(), code, &stderr)
		}
		for _, sub := range cmd.Commands() {
			all(sub)
		}
	}
	all(newRootCommand(&app{}))
}

// Results that cannot be written fail the command.
func TestUnwrittenResults(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, command := range []string{"version", "version --json", "config show", "config schema", "config check", "help run", "rejects list", "gc --dry-run", "demo"} {
		if code := run(t.Context(), strings.Fields(command), nil, full{}, io.Discard, noEnv); code != exitFailed {
			t.Errorf("%s: exit code %d", command, code)
		}
	}
}

// full is an output without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }
