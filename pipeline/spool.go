package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"syscall"

	"daybook/sinks/publish"
	"daybook/sinks/tempfile"
	"daybook/transform/spill"
)

// A spool is a temporary file without a name: nothing is left of it once it is
// closed or the program ends, however it ends. It is written and read like an
// [os.File]; its errors name its directory, and a full one says what to do.
type spool struct {
	file *os.File
	dir  string
	size int64     // written so far
	hash hash.Hash // of it; nil: nobody wants to know
}

// newSpool makes an empty one in the directory for temporary files, of what is
// to be published.
func newSpool() (*spool, error) {
	s, err := newScratchFile()
	if err == nil {
		s.hash = sha256.New()
	}
	return s, err
}

// newScratchFile makes one of what is read again, and then gone.
func newScratchFile() (*spool, error) {
	s := &spool{dir: os.TempDir()}
	file, err := tempfile.New(s.dir)
	if err != nil {
		return nil, s.explain("make", err)
	}
	s.file = file
	return s, nil
}

func (s *spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.size += int64(n)
	if s.hash != nil {
		s.hash.Write(p[:n])
	}
	return n, s.explain("write", err)
}

func (s *spool) ReadAt(p []byte, offset int64) (int, error) { return s.file.ReadAt(p, offset) }

func (s *spool) Close() error { return s.file.Close() }

// newScratch is a scratch that makes one of these.
func newScratch() *spill.Scratch {
	return spill.NewScratch(func() (spill.File, error) { return newScratchFile() })
}

// asFile is what was written as a part that is about to be published. name and
// ext are those of its key.
func (s *spool) asFile(name, ext string, rows int64) publish.File {
	return publish.File{Name: name, Ext: ext, Body: s, Part: publish.Part{Rows: rows, Bytes: s.size, SHA256: hex.EncodeToString(s.hash.Sum(nil))}}
}

// explain says where an operation failed, and what to do if that is why. The
// file's own name is left out: nobody would find it.
func (s *spool) explain(operation string, err error) error {
	if err == nil {
		return nil
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s a temporary file: the directory %s is full (%w): set TMPDIR to one with more room, or raise the memory budget", operation, s.dir, err)
	}
	explained := fmt.Errorf("%s a temporary file in %s: %w", operation, s.dir, err)
	for _, unusable := range []error{os.ErrNotExist, os.ErrPermission, syscall.ENOTDIR, syscall.EROFS} {
		if errors.Is(err, unusable) {
			return fmt.Errorf("%w; set TMPDIR to a directory that can be written", explained)
		}
	}
	return explained
}
