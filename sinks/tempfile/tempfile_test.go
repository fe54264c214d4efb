package tempfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Both kinds can be written and read, and never leave a name.
func TestNew(t *testing.T) {
	for name, make := range map[string]func(string) (*os.File, error){"new": New, "removed": removed} {
		dir := t.TempDir()
		file, err := make(dir)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: the directory has %v, %v", name, left, err)
		}
		if _, err := file.Write([]byte("some text")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		b := []byte("....")
		if _, err := file.ReadAt(b, 5); err != nil || string(b) != "text" {
			t.Errorf("%s: read %q, %v", name, b, err)
		}
		if err := file.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: after it was closed the directory has %v, %v", name, left, err)
		}
		if _, err := make(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: in a directory that is missing: %v", name, err)
		}
	}
}
