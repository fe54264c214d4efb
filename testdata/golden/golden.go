// Package golden compares what tests get with golden files. 'make golden', or
// 'go test -update' in one package, writes the files anew: read the diff.
package golden

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew; read the diff")

// Update says whether golden files are to be written.
func Update() bool { return *update }

// Check compares got with the golden file, or writes it under -update.
func Check(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); if the change is meant, run 'go test -update' here and read the diff\n%s", file, diff)
	}
}
