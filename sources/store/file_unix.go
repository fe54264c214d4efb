//go:build unix

package store

import (
	"io/fs"
	"os"
	"syscall"
)

// identity is the inode of a file and its ctime, in ns since the Unix epoch.
func identity(info fs.FileInfo) (inode uint64, changed int64, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return stat.Ino, changeTime(stat), true
}

// links is the number of names of a file.
func links(info fs.FileInfo) (n uint64, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(stat.Nlink), true
}

// lockFile waits for the lock of a file.
func lockFile(f *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
