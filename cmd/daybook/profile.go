package main

import (
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"

	"github.com/spf13/cobra"
)

// profiles are the files for Go's profiling tools.
type profiles struct{ cpu, memory, trace string }

func (p *profiles) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&p.cpu, "cpuprofile", "", "write a CPU profile to this file, for go tool pprof")
	flags.StringVar(&p.memory, "memprofile", "", "write a memory profile to this file, for go tool pprof")
	flags.StringVar(&p.trace, "trace", "", "write an execution trace to this file, for go tool trace")
}

// while does work and writes its profiles. A profile that cannot be written is
// an error, even if the work succeeded.
func (p *profiles) while(work func() error) error {
	var finish []func() error
	err := func() error {
		if p.cpu != "" {
			f, err := os.Create(p.cpu)
			if err != nil {
				return err
			}
			if err := pprof.StartCPUProfile(f); err != nil {
				return errors.Join(err, f.Close())
			}
			finish = append(finish, func() error { pprof.StopCPUProfile(); return f.Close() })
		}
		if p.trace != "" {
			f, err := os.Create(p.trace)
			if err != nil {
				return err
			}
			if err := trace.Start(f); err != nil {
				return errors.Join(err, f.Close())
			}
			finish = append(finish, func() error { trace.Stop(); return f.Close() })
		}
		if p.memory != "" {
			f, err := os.Create(p.memory)
			if err != nil {
				return err
			}
			finish = append(finish, func() error {
				runtime.GC() // leaves only live memory in the profile
				return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
			})
		}
		return nil
	}()
	if err == nil {
		err = work()
	}
	errs := []error{err}
	for _, f := range finish {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}
