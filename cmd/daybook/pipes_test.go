//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A command that waits for the other end of a pipe ends with its context.
func TestPipes(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"certificate.yml": "source: {store: {url: s3://bucket, ca_file: pipe}}\n",
		"secret.yml":      "sink: {store: {url: s3://bucket, access_key_id: a, secret_access_key_file: pipe}}\n",
		"event.ndjson":    `{"event_id":"1","ts":"2026-11-20T08:00:00Z","session_id":1,"type":"presence","state":"away"}` + "\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"config try pipe", "config try -", "fold pipe", "fold -", "fold event.ndjson --accounting pipe", "rejects replay --date 2026-11-20 pipe",
		"plan -c pipe", "config check pipe", "plan -c secret.yml", "plan -c certificate.yml", "serve --allow-actions --token-file pipe",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		silent, writer := io.Pipe()
		var out bytes.Buffer
		code := make(chan int)
		go func() {
			code <- run(ctx, strings.Fields(args), silent, &out, &out, func(string) (string, bool) { return "", false })
		}()
		select {
		case c := <-code:
			t.Errorf("%s: exit code %d\n%s", args, c, &out)
			cancel()
		default:
			cancel()
			if c := <-code; c != exitInterrupted {
				t.Errorf("%s: exit code %d\n%s", args, c, &out)
			}
		}
		writer.Close()
	}

	// With a writer, a pipe is read like a file.
	event, err := os.ReadFile("event.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe") // no command above waits for its writer
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	go os.WriteFile(pipe, event, 0)
	if out, code := daybook(t, "config", "try", pipe); code != 0 || !strings.Contains(out, `line 1, byte 0: {"event_id":"1"`) {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
