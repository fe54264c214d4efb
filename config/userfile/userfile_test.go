//go:build unix

package userfile_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"daybook/config/userfile"
)

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A wait for the other end of a pipe ends with the context.
func TestWaitEnds(t *testing.T) {
	path := fifo(t)
	silent, err := os.OpenFile(fifo(t), os.O_RDWR, 0) // a pipe with a writer that writes nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, wait := range map[string]func(context.Context) error{
		"open": func(ctx context.Context) error {
			f, err := userfile.Open(ctx, path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.Read(make([]byte, 1))
			return err
		},
		"read": func(ctx context.Context) error {
			_, err := userfile.Reader(ctx, silent).Read(make([]byte, 1))
			return err
		},
		"read file": func(ctx context.Context) error { _, err := userfile.ReadFile(ctx, path); return err },
		"create":    func(ctx context.Context) error { _, err := userfile.Create(ctx, path); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- wait(ctx) }()
		select {
		case err := <-ended:
			t.Errorf("%s did not wait: %v", name, err)
		default:
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Files and pipes are read to their ends, and written.
func TestFilesAndPipes(t *testing.T) {
	text := strings.Repeat("a line\n", 100_000)
	file := filepath.Join(t.TempDir(), "file")
	pipe := fifo(t)
	for _, path := range []string{file, pipe} {
		wrote := make(chan error, 1)
		write := func() {
			f, err := userfile.Create(t.Context(), path)
			if err == nil {
				_, err = io.WriteString(f, text)
				err = errors.Join(err, f.Close())
			}
			wrote <- err
		}
		if path == pipe {
			go write()
		} else {
			write()
		}
		if got, err := userfile.ReadFile(t.Context(), path); err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	}
	if got, err := io.ReadAll(userfile.Reader(t.Context(), strings.NewReader(text))); err != nil || string(got) != text {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := userfile.Open(t.Context(), file+"x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	unread, err := userfile.Open(t.Context(), pipe)
	if err == nil {
		err = unread.Close()
	}
	if err != nil {
		t.Error(err)
	}
}
