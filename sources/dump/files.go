package dump

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"daybook/config/userfile"
)

// Stdin is the path that means standard input.
const Stdin = "-"

// Find lists the dumps that paths name: a file as it is, under any name, and
// Stdin; for a directory, the files whose names the zero [Names] takes, at any
// depth, in bytewise order of their paths. Other files of a directory are unknown, except
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
			unknown = append(unknown, file+" ("+notRegular)
		case Names{}.isDump(dir, rel):
			files = append(files, file)
		default:
			unknown = append(unknown, file)
		}
		return nil
	})
	return files, unknown, err
}

// isDump reports whether a file is a dump: by its name, or by its content if the name
// alone does not tell. A file that cannot be read is one: reading it says why.
func (n Names) isDump(dir fs.FS, name string) bool {
	is := n.of(lastPart(name))
	if is != possible {
		return is == certain
	}
	f, err := dir.Open(name)
	if err != nil {
		return true
	}
	r := &Reader{url: name, source: &source{body: f, size: unknownSize}}
	if err := r.open(new(Source), name, true); err != nil {
		return !errors.Is(err, ErrForeign)
	}
	r.Close()
	return true
}

// OpenFile opens a local dump, or stdin if path is Stdin, as the zero Source does.
// The caller closes the Reader, which keeps stdin open.
func OpenFile(ctx context.Context, path string, stdin io.Reader) (*Reader, error) {
	return new(Source).OpenFile(ctx, path, stdin)
}

// OpenFile opens a local dump of the source, or stdin if path is Stdin. The caller
// closes the Reader, which keeps stdin open. A wait for the writer of a pipe ends with
// the context.
func (s *Source) OpenFile(ctx context.Context, path string, stdin io.Reader) (*Reader, error) {
	body := io.NopCloser(stdin)
	if path != Stdin {
		var err error
		if body, err = userfile.Open(ctx, path); err != nil {
			return nil, err // it names the operation and the path
		}
	}
	r := &Reader{url: path, source: &source{body: body, size: unknownSize}}
	if err := r.open(s, path, false); err != nil {
		return nil, err
	}
	return r, nil
}
