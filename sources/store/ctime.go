//go:build !darwin && !freebsd && !netbsd && !windows

package store

import "syscall"

// changeTime is the ctime of a file, in ns since the Unix epoch.
func changeTime(stat *syscall.Stat_t) int64 { return stat.Ctim.Nano() }
