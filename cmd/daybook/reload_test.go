package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/console/access"
	"daybook/pipeline/service"
)

// A refused configuration is never in force, for no moment and in no part: neither its
// access, nor its settings, nor its memory. A good one is in force as a whole. The test has
// more than 60 lines because it makes a server and watches it.
func TestRefusedReloadIsNeverInForce(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	dir := t.TempDir()
	file := filepath.Join(dir, "daybook.yml")
	write := func(user, rest string) {
		t.Helper()
		text := fmt.Sprintf("source: {store: {url: dumps}}\nsink: {store: {url: out}}\nserve:\n  access:\n    trusted_proxies: [192.0.2.1]\n    operators: {users: [%s]}\n%s", user, rest)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "dumps"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("otto", "")
	s := &server{
		app:  &app{configFile: file, readFile: os.ReadFile, env: noEnv, stdout: io.Discard, stderr: io.Discard},
		opts: &serveOptions{}, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(),
	}
	served, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	if s.service, err = service.New(service.Options{Config: *served, Log: s.log, Registerer: s.registry}); err != nil {
		t.Fatal(err)
	}
	policy, text := s.config.policy(), s.config.get()
	memory := debug.SetMemoryLimit(-1)

	stop := make(chan struct{})
	var watch sync.WaitGroup
	seen := map[*access.Policy]bool{}
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				seen[s.config.policy()] = true
			}
		}
	})
	refused := []string{
		"  lease: 3m\n", "  listen: 127.0.0.1:1\n", "  hosts: [example.org]\n", "  base_path: /elsewhere\n",
		"  no_such_setting: 1\n", "  webhooks: [{url_file: none}]\n", "  lease: 3m\nmemory_budget: 3GiB\n",
	}
	for range 20 {
		for _, rest := range refused {
			write("eve", rest)
			s.reload()
			if s.config.policy() != policy || s.config.get() != text {
				t.Fatalf("%s is in force", rest)
			}
		}
	}
	close(stop)
	watch.Wait()
	if len(seen) != 1 || !seen[policy] {
		t.Errorf("%d policies were in force", len(seen))
	}
	if now := debug.SetMemoryLimit(-1); now != memory {
		t.Errorf("the limit of memory is %d, want %d", now, memory)
	}
	write("otto", "memory_budget: 3GiB\n")
	s.reload()
	if s.config.policy() == policy || s.config.get().MemoryBudget != 3<<30 || debug.SetMemoryLimit(-1) <= memory {
		t.Error("a good configuration is not in force as a whole")
	}
}
