package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The commands under the README's "Run it" can be typed in their order, where
// nothing else is, and each has something to show.
func TestReadmeCommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "## Run it\n\n```sh\n")
	block, _, _ = strings.Cut(block, "```\n")
	shows := map[string]string{
		"daybook run":                       "sessions  2026-11-",
		"daybook diff sessions 2026-11-20":  "revision 1 to 2",
		"daybook explain":                   "Work                0:06:28",
		"daybook rejects list":              "bad_json",
		"daybook fold dumps/2026/11/20":     `"session_id":`,
		"daybook backfill":                  "everything is fresh",
		"daybook show sessions 2026-11-20":  "revision 1",
		"daybook run --date 2026-11-20":     "sessions  2026-11-20",
		"daybook run --month 2026-11 --rep": "sessions  2026-11-30",
	}

	t.Chdir(t.TempDir())
	ran := 0
	for line := range strings.Lines(block) {
		command, _, _ := strings.Cut(line, "#")
		command, _, _ = strings.Cut(command, ">")
		command = strings.TrimSpace(command)
		args := strings.Fields(command)
		if args[0] != "daybook" || args[1] == "serve" { // which does not end
			continue
		}
		var out, notes bytes.Buffer
		if code := run(t.Context(), args[1:], nil, &out, &notes, noEnv); code != exitDone {
			t.Errorf("%s: exit code %d\n%s%s", command, code, &out, &notes)
		}
		for begin, want := range shows {
			if strings.HasPrefix(command, begin) && !strings.Contains(out.String(), want) {
				t.Errorf("%s does not show %q:\n%s", command, want, &out)
			}
		}
		ran++
	}
	if ran == 0 {
		t.Error("there are no commands")
	}
}
