package digest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"daybook/testdata/golden"
	"daybook/transform/event"
)

// Each directory testdata/v<version> holds a digest as a release of that
// version wrote it, and says in digest.txt what is in it: for each session
//
//	session <complete or open> <row group> <first event's minute> <last ms of the last event's minute>
//
// and its events as lines of a dump. -update writes files that are missing, but
// none again: what is in a bucket stays as it is, too.
func TestReleased(t *testing.T) {
	for _, dir := range []string{"testdata/v2", "testdata/v3", "testdata/v4"} {
		t.Run(dir, func(t *testing.T) { released(t, dir) })
	}
}

func released(t *testing.T, dir string) {
	sessions, index := parseTwin(t, filepath.Join(dir, "digest.txt"))
	if _, err := os.Stat(filepath.Join(dir, partNames()[0])); golden.Update() && os.IsNotExist(err) {
		f, _ := write(t, sessions, 4)
		for i, name := range partNames() {
			if err := os.WriteFile(filepath.Join(dir, name), f.parts()[i], 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := read(readParts(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(contents{sessions, index}, got); diff != "" {
		t.Errorf("%s reads differently (-want +got):\n%s", dir, diff)
	}
}

// The digests of older versions are refused as such.
func TestOlder(t *testing.T) {
	for part, file := range readParts(t, "testdata/v1") {
		if _, err := readPart(part, file); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), `its version is "1"`) {
			t.Errorf("%s: error %v", partNames()[part], err)
		}
	}
}

func partNames() []string { return []string{"complete.parquet", "open.parquet", "sessions.parquet"} }

func readParts(t *testing.T, dir string) (parts [][]byte) {
	t.Helper()
	for _, name := range partNames() {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, b)
	}
	return parts
}

// parseTwin reads a digest.txt.
func parseTwin(t *testing.T, name string) (sessions []told, index []Entry) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	decoder := event.NewDecoder()
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		lines := strings.Split(block, "\n")
		head := strings.Fields(lines[0])
		if len(head) != 5 || head[0] != "session" || len(head[2]) != 1 {
			t.Fatalf("%s: %q begins no session", name, lines[0])
		}
		s := told{Complete: head[1] == "complete"}
		for _, line := range lines[1:] {
			var e event.Event
			if reject := decoder.Decode([]byte(line), &e); reject.Reason != 0 {
				t.Fatalf("%s: %s: %s: %s", name, line, reject.Reason, reject.Detail)
			}
			s.Events = append(s.Events, e)
		}
		sessions = append(sessions, s)
		index = append(index, Entry{ // sessions so small have no size in it
			Session: s.Events[0].SessionID, First: millis3339(t, head[3]), Last: millis3339(t, head[4]),
			Events: int64(len(s.Events)), Complete: s.Complete, Group: int32(head[2][0] - '0'),
		})
	}
	return sessions, index
}

func millis3339(t *testing.T, s string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMilli()
}
