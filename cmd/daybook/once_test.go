package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A flag of one value is given once, in every command.
func TestRepeatedFlags(t *testing.T) {
	tried := 0
	var each func(cmd *cobra.Command)
	each = func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			_, isList := f.Value.(pflag.SliceValue)
			if isList || f.Value.Type() == "bool" {
				return
			}
			tried++
			value := "1"
			if f.Name == "grace" {
				value = "1h"
			}
			flag := "--" + f.Name + "=" + value
			out, code := daybook(t, append(path, flag, flag)...)
			if code != exitUsage || !strings.Contains(out, "it is given twice; give it once") {
				t.Errorf("%v %s: exit code %d\n%.300s", path, flag, code, out)
			}
		})
		for _, sub := range cmd.Commands() {
			each(sub)
		}
	}
	each(newRootCommand(&app{}))
	if tried < 50 {
		t.Errorf("%d flags", tried)
	}
}
