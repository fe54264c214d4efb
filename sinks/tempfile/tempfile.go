// Package tempfile creates temporary files without a name: the system removes
// one when it is closed or the program ends, even if it is killed.
package tempfile

import (
	"errors"
	"os"
)

// New creates an empty file in dir, open for reading and writing.
func New(dir string) (*os.File, error) {
	if file, err := unnamed(dir); err == nil {
		return file, nil
	}
	return removed(dir)
}

// removed is for systems without unnamed files: it removes the name at once. A
// program that is killed in between leaves the file.
func removed(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "daybook-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
