package store

import (
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// identity is unknown: a file is known by its size and time.
func identity(fs.FileInfo) (inode uint64, changed int64, ok bool) { return 0, 0, false }

// links is unknown.
func links(fs.FileInfo) (n uint64, ok bool) { return 0, false }

// lockFile waits for the lock of a file.
func lockFile(f *os.File, exclusive bool) error {
	var how uint32
	if exclusive {
		how = windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	return windows.LockFileEx(windows.Handle(f.Fd()), how, 0, math.MaxUint32, math.MaxUint32, new(windows.Overlapped))
}
