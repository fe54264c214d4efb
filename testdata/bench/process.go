package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// workers is how many cores the programs may use, unless a benchmark says
// otherwise.
const workers = 2

// usage is what a process took.
type usage struct {
	wall   time.Duration
	cpu    time.Duration // user's and system's
	peak   int64         // resident bytes at most
	stdout string
}

func (u usage) seconds() float64    { return u.wall.Seconds() }
func (u usage) cpuSeconds() float64 { return u.cpu.Seconds() }
func (u usage) mebibytes() float64  { return float64(u.peak) / (1 << 20) }

// command is a process that can be started over and over.
type command struct {
	name string
	args []string
	env  []string // beside this process's
	out  string   // the file that its standard output goes to; "" if it is told in usage
}

// measure runs a program to its end. The error of one that fails has the end
// of what it said.
func measure(ctx context.Context, name string, args ...string) (usage, error) {
	return command{name: name, args: args}.run(ctx)
}

// measureSelf runs a verb of this program in a process of its own.
func measureSelf(ctx context.Context, args ...string) (usage, error) {
	self, err := self(args...)
	if err != nil {
		return usage{}, err
	}
	return self.run(ctx)
}

func self(args ...string) (command, error) {
	name, err := os.Executable()
	return command{name: name, args: args}, err
}

func (c command) run(ctx context.Context) (u usage, err error) {
	cmd := exec.CommandContext(ctx, c.name, c.args...)
	cmd.Env = append(append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", workers)), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if c.out != "" {
		f, err := os.Create(c.out)
		if err != nil {
			return usage{}, err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		cmd.Stdout = f
	}
	start := time.Now()
	err = cmd.Run()
	u.wall = time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s%s", cmd, err, lastLines(stdout.String()), lastLines(stderr.String()))
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	// Linux counts in KiB. It counts this process's peak, too, which is small
	// since all that takes memory happens in processes of its own.
	u.peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	u.stdout = stdout.String()
	return u, nil
}

// lastLines are those that say why a program failed.
func lastLines(s string) string {
	const most = 2000 // bytes
	return strings.ToValidUTF8(s[max(0, len(s)-most):], "")
}

// contender is one of several commands whose ratio is wanted.
type contender struct {
	name    string
	command command
	before  func() error // makes ready for the round; not measured
}

// interleave runs all contenders once in each round, so that other work
// of the machine slows all of them alike. Another contender goes first each
// time, so that each follows another one's caches and unwritten files in turn.
// It gives each one's usages, by round.
func interleave(ctx context.Context, rounds int, contenders ...contender) (map[string][]usage, error) {
	results := make(map[string][]usage)
	for round := range rounds {
		for i := range contenders {
			c := contenders[(round+i)%len(contenders)]
			if c.before != nil {
				if err := c.before(); err != nil {
					return nil, err
				}
			}
			u, err := c.command.run(ctx)
			if err != nil {
				return nil, err
			}
			results[c.name] = append(results[c.name], u)
		}
	}
	return results, nil
}

func emptied(dir string) func() error {
	return func() error { return os.RemoveAll(dir) }
}
