// Package tempfile makes temporary files without a name: nothing is left of one
// once it is closed or the program ends, however it ends.
package tempfile

import (
	"errors"
	"os"
)

// New makes an empty one in a directory. It is read and written like any other.
func New(dir string) (*os.File, error) {
	if file, err := unnamed(dir); err == nil {
		return file, nil
	}
	return removed(dir)
}

// removed is for where there are no files without a name: one that loses its
// name at once. A program that is killed just then leaves it.
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
