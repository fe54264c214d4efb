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
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"daybook/config"
	"daybook/pipeline/console"
	"daybook/pipeline/console/access"
	"daybook/pipeline/console/guard"
)

// Limits of requests, in addition to those of [guard.SetLimits].
const (
	maxBody = 64 << 10 // bytes

	scrapeTimeout = 15 * time.Second
	maxScrapes    = 4 // at the same time

	shutdownTimeout = 5 * time.Second // for running requests
)

// configuration is the configuration in force.
type configuration struct {
	mu     sync.Mutex
	c      *config.Config
	access *access.Policy // of serve.access; nil without
}

func (c *configuration) get() *config.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.c
}

// set puts a checked configuration into force.
func (c *configuration) set(next *config.Config) error {
	policy, err := policyOf(next)
	if err != nil {
		return err
	}
	c.put(next, policy)
	return nil
}

// put puts a configuration and its policy into force, as one.
func (c *configuration) put(next *config.Config, policy *access.Policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c, c.access = next, policy
}

// policyOf is the policy of serve.access; nil without.
func policyOf(c *config.Config) (*access.Policy, error) {
	if c.Serve.Access == nil {
		return nil, nil
	}
	return access.New(c.Serve.Access)
}

// policy gives the requests their roles; nil without serve.access.
func (c *configuration) policy() *access.Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.access
}

// shown is the configuration in force with redacted secrets, and the hash of
// that text.
func (c *configuration) shown() (text, hash string) {
	b := c.get().Redacted()
	sum := sha256.Sum256(b)
	return string(b), hex.EncodeToString(sum[:8])
}

// hosts are the host names of the pages on a listening address; empty: all. On a
// loopback address they are the machine's own names and the configured ones.
func (s *server) hosts(at net.Addr) []string {
	hosts := s.config.get().Serve.Hosts
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		hosts = append([]string{"localhost"}, hosts...)
	}
	return hosts
}

func (s *server) console(hosts []string) *console.Console {
	return console.New(console.Options{
		Service: s.service, Configuration: s.config.shown, BasePath: s.config.get().Serve.BasePath, Access: s.config.policy, AllowActions: s.opts.allowActions, Token: s.opts.token,
		Hosts: hosts, Version: version, Log: s.log, ExploreMemory: int64(s.config.get().Serve.ExploreMemory),
	})
}

// guard refuses requests under other host names, like the pages do. hosts are
// the names of the pages; empty: all. more are further names.
func (s *server) guard(hosts []string, more func() []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := slices.Concat(hosts, more())
		if len(hosts) > 0 && !slices.Contains(allowed, anyHost) && !guard.HostAllowed(allowed, r.Host) {
			http.Error(w, "This server does not have the name "+strconv.Quote(r.Host)+". Add it to serve.hosts or serve.metrics_hosts.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// anyHost in serve.metrics_hosts stands for every name.
const anyHost = "*"

func (s *server) metricsHosts() []string { return s.config.get().Serve.MetricsHosts }

// serveHTTP answers requests until stop is called. stop waits for requests
// under way until its context ends, at most shutdownTimeout.
func (s *server) serveHTTP(listener net.Listener, routes http.Handler) (stop func(context.Context)) {
	h := &http.Server{
		Handler:  http.MaxBytesHandler(routes, maxBody),
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	guard.SetLimits(h)
	go func() {
		if err := h.Serve(netutil.LimitListener(listener, guard.MaxConnections())); err != http.ErrServerClosed {
			s.log.Error("the HTTP server ended", "error", err)
		}
	}()
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
		_ = h.Shutdown(ctx) // the process ends, so requests past the time limit end with it
	}
}

// route is a pattern of paths, the role that a request needs, and what answers it.
type route struct {
	pattern string
	needs   access.Role
	handler http.Handler
}

// routes are the paths beside the console's. hosts are the host names of the pages;
// empty: all. Scrapers and probes need no role.
func (s *server) routes(hosts []string) []route {
	metrics := promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		Registry: s.registry, Timeout: scrapeTimeout, MaxRequestsInFlight: maxScrapes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	})
	healthy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	machine := func(pattern string, h http.Handler) route {
		return route{pattern, access.None, s.guard(hosts, s.metricsHosts, h)}
	}
	all := []route{machine("GET /metrics", metrics), machine("GET /healthz", healthy), machine("GET /readyz", http.HandlerFunc(s.ready))}
	if !s.opts.debug {
		return all
	}
	none := func() []string { return nil }
	profile := func(pattern string, h http.HandlerFunc) {
		needs := access.Viewer
		if s.config.policy() != nil {
			needs = access.Operator
		}
		all = append(all, route{pattern, needs, s.guard(hosts, none, h)})
	}
	profile("GET /debug/pprof", func(w http.ResponseWriter, r *http.Request) { // the mux would leave the base path
		http.Redirect(w, r, s.config.get().Serve.BasePath+"/debug/pprof/", http.StatusPermanentRedirect)
	})
	profile("GET /debug/pprof/", pprof.Index)
	profile("GET /debug/pprof/profile", pprof.Profile)
	profile("GET /debug/pprof/trace", pprof.Trace)
	profile("GET /debug/pprof/symbol", pprof.Symbol)
	return all
}

// handler answers all paths. hosts are the host names of the pages; empty: all.
func (s *server) handler(hosts []string, pages *console.Console) http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes(hosts) {
		if r.needs > access.None {
			r.handler = pages.Require(r.needs, r.handler)
		}
		mux.Handle(r.pattern, r.handler)
	}
	mux.Handle("/", pages)
	return console.UnderBase(s.config.get().Serve.BasePath, mux)
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
