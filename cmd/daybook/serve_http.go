package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"daybook/config"
	"daybook/pipeline/console"
)

// Limits of requests, in addition to those of [console.Limit].
const (
	maxBody = 64 << 10 // bytes

	scrapeTimeout = 15 * time.Second
	maxScrapes    = 4 // at the same time

	shutdownTimeout = 5 * time.Second // for running requests
)

// configuration is the configuration in force.
type configuration struct {
	mu sync.Mutex
	c  *config.Config
}

func (c *configuration) get() *config.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.c
}

func (c *configuration) set(next *config.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c = next
}

// shown is the configuration in force with redacted secrets, and the hash of
// that text.
func (c *configuration) shown() (text, hash string) {
	b := c.get().Redacted()
	sum := sha256.Sum256(b)
	return string(b), hex.EncodeToString(sum[:8])
}

// console returns the pages. On a loopback address they accept the machine's own
// names and the configured ones only: a request under another name comes from a
// web page that made its own name point here (DNS rebinding).
func (s *server) console(at net.Addr) *console.Console {
	hosts := s.config.get().Serve.Hosts
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		hosts = append([]string{"localhost"}, hosts...)
	}
	return console.New(console.Options{
		Service: s.service, Configuration: s.config.shown, AllowActions: s.opts.allowActions, Token: s.opts.token,
		Hosts: hosts, Version: version, Log: s.log,
	})
}

// serveHTTP answers requests until stop is called. stop waits for requests
// under way until its context ends, at most shutdownTimeout.
func (s *server) serveHTTP(listener net.Listener, pages http.Handler) (stop func(context.Context)) {
	h := &http.Server{
		Handler:  http.MaxBytesHandler(s.routes(pages), maxBody),
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	console.Limit(h)
	go func() {
		if err := h.Serve(listener); err != http.ErrServerClosed {
			s.log.Error("the HTTP server ended", "error", err)
		}
	}()
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
		_ = h.Shutdown(ctx) // the process ends, so requests past the time limit end with it
	}
}

func (s *server) routes(pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		Registry: s.registry, Timeout: scrapeTimeout, MaxRequestsInFlight: maxScrapes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	if s.opts.debug {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	}
	mux.Handle("/", pages)
	return mux
}

// ready answers whether the replica works, and if not, why.
func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	health := s.service.Health()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !health.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(health) // fails only if the client has gone
}
