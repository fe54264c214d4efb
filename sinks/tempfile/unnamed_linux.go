package tempfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// unnamed makes a file that never had a name. Not every file system can.
func unnamed(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, 0o600)
}
