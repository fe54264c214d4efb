package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"daybook/transform/report"
	"daybook/transform/session"
)

// release is the newest version in CHANGELOG.md.
const release = "0.3.0"

// version is what the program calls itself. A build of something other than a
// release sets it with -ldflags "-X main.version=…".
var version = release

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of daybook, its engine and its schema",
		Example: `  daybook version
  daybook version --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.writeVersion() },
	}
}

func (a *app) writeVersion() error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Engine   int    `json:"engine"`
		Schema   int    `json:"schema"`
		Go       string `json:"go"`
	}{Version: version, Engine: session.EngineVersion, Schema: report.SchemaVersion, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	if a.json {
		return json.NewEncoder(a.stdout).Encode(v)
	}
	_, err := fmt.Fprintf(a.stdout, "daybook %s (engine %d, schema %d, %s %s/%s)\n", v.Version, v.Engine, v.Schema, v.Go, runtime.GOOS, runtime.GOARCH)
	return err
}
