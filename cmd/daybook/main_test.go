package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"daybook/testdata/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"daybook": func() {
		if at, err := time.Parse(time.RFC3339, os.Getenv("TEST_NOW")); err == nil {
			clock = func() time.Time { return at }
		}
		main()
	}})
}

// The scripts in testdata/script run the program as people do. exits N CMD
// runs a command that must end with exit code N.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: golden.Update(),
	})
}
