package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// lineageReceiver counts the events that it takes, by kind and job.
type lineageReceiver struct {
	mu     sync.Mutex
	events map[string]int
	status int // of each answer
}

func (l *lineageReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e struct {
		EventType string
		Job       struct{ Namespace, Name string }
	}
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status == http.StatusCreated && r.Header.Get("Authorization") == "Bearer k3y" && json.Unmarshal(body, &e) == nil {
		l.events[e.EventType+" "+e.Job.Namespace+" "+e.Job.Name]++
	}
	w.Header().Set("Retry-After", "3600") // of a failure: so long that it ends the attempt
	w.WriteHeader(l.status)
}

func (l *lineageReceiver) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

func (l *lineageReceiver) count(event string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[event]
}

// receiveLineage starts a receiver, and returns the settings that name it.
func receiveLineage(t *testing.T) (*lineageReceiver, string) {
	t.Helper()
	l := &lineageReceiver{events: map[string]int{}, status: http.StatusCreated}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return l, "lineage: {url: \"" + server.URL + "/api/v1/lineage\", api_key: k3y, namespace: etl}\n"
}

// A run of the command line sends its events. If the receiver fails, the run succeeds, says
// so, and leaves the events in the sink.
func TestRunSendsLineage(t *testing.T) {
	l, setting := receiveLineage(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "daybook.yml")
	text := "source: {store: {url: dumps}}\nsink: {store: {url: out}}\n" + setting
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) string {
		t.Helper()
		var log strings.Builder
		if code := run(t.Context(), args, nil, io.Discard, &log, noEnv); code != exitDone {
			t.Fatalf("%q ends with %d: %s", args, code, log.String())
		}
		return log.String()
	}
	command("generate", "-q", "--out", filepath.Join(dir, "dumps"), "--from", "2026-11-01", "--days", "3", "--sessions-per-day", "20")
	command("run", "--config", file, "--date", "2026-11-02")
	if begun, done := l.count("START etl sessions.day"), l.count("COMPLETE etl sessions.day"); begun != 1 || done != 1 {
		t.Errorf("a run sent %v", l.events)
	}
	l.answer(http.StatusServiceUnavailable)
	if log := command("run", "--config", file, "--date", "2026-11-01"); !strings.Contains(log, "events of lineage wait in the sink, and the next run or daybook serve sends them") {
		t.Errorf("a run that could not send its events says: %s", log)
	}
	if waiting, err := filepath.Glob(filepath.Join(dir, "out", "state", "lineage", "*.ndjson")); err != nil || len(waiting) != 1 {
		t.Errorf("in the sink: %q (%v)", waiting, err)
	}
	if log := command("run", "-q", "--config", file, "--date", "2026-11-03"); log != "" {
		t.Errorf("with --quiet it says: %s", log)
	}
}

// daybook serve sends the events of its runs.
func TestServeSendsLineage(t *testing.T) {
	l, setting := receiveLineage(t)
	s := serveConfigured(t, serveConfig+setting)
	s.until(t, "three days are told", func() bool {
		return l.count("START etl sessions.day") == 3 && l.count("COMPLETE etl sessions.day") == 3 && l.count("COMPLETE etl digest") == 3
	})
	if code := s.stop(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}
