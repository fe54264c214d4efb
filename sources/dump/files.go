package dump

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// Stdin is the path that means standard input.
const Stdin = "-"

// Find lists the dumps that paths name: a file as it is, under any name, and
// Stdin; for a directory, the files with a dump's name at any depth, in
// bytewise order of their paths. Other files of a directory are unknown, except
// control files, which are ignored.
func Find(paths []string) (files, unknown []string, err error) {
	for _, path := range paths {
		if path == Stdin {
			files = append(files, path)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, err // it names the operation and the path
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		inside, others, err := findIn(os.DirFS(path), path)
		if err != nil {
			return nil, nil, err
		}
		files, unknown = append(files, inside...), append(unknown, others...)
	}
	return files, unknown, nil
}

// findIn lists the dumps and the unknown files in the directory dir, which is
// at path.
func findIn(dir fs.FS, path string) (files, unknown []string, err error) {
	err = fs.WalkDir(dir, ".", func(rel string, entry fs.DirEntry, err error) error {
		file := filepath.Join(path, filepath.FromSlash(rel))
		if inner := (*fs.PathError)(nil); errors.As(err, &inner) {
			return &fs.PathError{Op: inner.Op, Path: file, Err: inner.Err} // with the path from the caller's view
		}
		if err == nil && !utf8.ValidString(rel) { // the library does not open it
			unknown = append(unknown, escaped(file))
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err != nil || entry.IsDir() || isControl(entry.Name()) {
			return err
		}
		mode := entry.Type()
		if mode&fs.ModeSymlink != 0 {
			info, err := fs.Stat(dir, rel)
			if err != nil {
				return &fs.PathError{Op: "stat", Path: file, Err: errors.Unwrap(err)}
			}
			mode = info.Mode()
		}
		switch {
		case !mode.IsRegular(): // opening a FIFO would block
			unknown = append(unknown, file+" (not a regular file)")
		case IsName(entry.Name()):
			files = append(files, file)
		default:
			unknown = append(unknown, file)
		}
		return nil
	})
	return files, unknown, err
}

// OpenFile opens a local dump, or stdin if path is Stdin. The file's name
// decides the codec; if it is not a dump's name, the first bytes do. The caller
// closes the Reader, which keeps stdin open.
func OpenFile(path string, stdin io.Reader) (*Reader, error) {
	var body io.ReadCloser
	if path == Stdin {
		body = io.NopCloser(stdin)
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, err // it names the operation and the path
		}
		body = f
	}
	if codec, isDump := codecOf(path); isDump {
		return newReader(path, body, codec, unknownSize)
	}
	start := make([]byte, magicLen)
	n, err := io.ReadFull(body, start)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		body.Close()
		return nil, &Error{URL: path, Err: err}
	}
	rejoined := struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start[:n]), body), body}
	return newReader(path, rejoined, codecByMagic(start[:n]), unknownSize)
}
