package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/config"
	"daybook/pipeline/console"
	"daybook/pipeline/console/access"
	"daybook/pipeline/console/guard"
	"daybook/pipeline/service/states"
	"daybook/pipeline/settings"
)

// stuck is a collector that goes on only when it is told to.
type stuck struct{ goOn chan struct{} }

func (c stuck) Describe(chan<- *prometheus.Desc) {}

func (c stuck) Collect(chan<- prometheus.Metric) { <-c.goOn }

// newServer is a server without a service.
func newServer() *server {
	s := &server{opts: &serveOptions{debug: true}, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
	if err := s.config.set(config.Default()); err != nil {
		panic(err) // the defaults have no access
	}
	return s
}

// noPages is a console without a service, for paths beside its own.
func noPages() *console.Console { return console.New(console.Options{}) }

// shown is a service for refusals, which show nothing of it.
type shown struct{ console.Service }

func (shown) Snapshot() *states.Snapshot { return &states.Snapshot{} }

func (shown) Settings() *settings.Pipeline { return &settings.Pipeline{} }

// noPagesOf is a console without pages that has the access of a server.
func noPagesOf(s *server) *console.Console {
	return console.New(console.Options{Service: shown{}, Access: s.config.policy})
}

// TestScrapesHaveLimits: no more at once than there may be, and none longer than
// it may take.
func TestScrapesHaveLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := stuck{make(chan struct{})}
		s := newServer()
		s.registry.MustRegister(c)
		routes := s.handler(nil, noPages())
		begun := time.Now()
		answers := make(chan *httptest.ResponseRecorder, maxScrapes+1)
		for range maxScrapes + 1 {
			go func() {
				rec := httptest.NewRecorder()
				routes.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				answers <- rec
			}()
		}
		first := <-answers
		if waited := time.Since(begun); waited != 0 || first.Code != http.StatusServiceUnavailable || !strings.Contains(first.Body.String(), "concurrent") {
			t.Errorf("after %s: status %d, %s", waited, first.Code, first.Body)
		}
		for range maxScrapes {
			rec := <-answers
			if waited := time.Since(begun); waited != scrapeTimeout || rec.Code != http.StatusServiceUnavailable {
				t.Errorf("after %s: status %d, want %d after %s", waited, rec.Code, http.StatusServiceUnavailable, scrapeTimeout)
			}
		}
		close(c.goOn)
	})
}

// TestHosts: the paths for machines have the names of the pages, and those of
// serve.metrics_hosts; the profiles have the names of the pages only.
func TestHosts(t *testing.T) {
	s := newServer()
	const refused = http.StatusMisdirectedRequest
	get := func(hosts []string, path, host string) int {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = host
		rec := httptest.NewRecorder()
		func() {
			defer func() { _ = recover() }() // /readyz got as far as the service, and there is none
			s.handler(hosts, noPages()).ServeHTTP(rec, r)
		}()
		return rec.Code
	}
	pages := []string{"localhost", "daybook.example.com"}
	for _, c := range []struct {
		metricsHosts []string
		host         string
		hosts        []string // of the pages
		machines     bool     // whether the host is a name of the paths for machines
		profiles     bool
	}{
		{nil, "localhost:8080", pages, true, true},
		{nil, "127.0.0.1", pages, true, true},
		{nil, "[::1]:8080", pages, true, true},
		{nil, "Daybook.Example.com", pages, true, true},
		{nil, "evil.example", pages, false, false},
		{nil, "", pages, false, false},
		{[]string{"scraped"}, "scraped:8080", pages, true, false},
		{[]string{"scraped"}, "evil.example", pages, false, false},
		{[]string{"*"}, "evil.example", pages, true, false},
		{nil, "evil.example", nil, true, true}, // every address of the machine
		{[]string{"scraped"}, "evil.example", nil, true, true},
	} {
		configured := config.Default()
		configured.Serve.MetricsHosts = c.metricsHosts
		if err := s.config.set(configured); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/metrics", "/healthz", "/readyz", "/debug/pprof/"} {
			want := c.machines
			if path == "/debug/pprof/" {
				want = c.profiles
			}
			if got := get(c.hosts, path, c.host) != refused; got != want {
				t.Errorf("%s under %q with the pages %q and metrics_hosts %q: answered %t, want %t", path, c.host, c.hosts, c.metricsHosts, got, want)
			}
		}
	}
}

// counted counts the connections that are open at the same time.
type counted struct {
	net.Listener
	open, most atomic.Int32
}

type countedConn struct {
	net.Conn
	close func()
}

func (l *counted) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.most.Store(max(l.most.Load(), l.open.Add(1)))
	return countedConn{conn, sync.OnceFunc(func() { l.open.Add(-1) })}, nil
}

func (c countedConn) Close() error {
	c.close()
	return c.Conn.Close()
}

// TestConnectionsAreLimited: half-open connections do not use up the open files,
// and the next request is answered when one of them closes.
func TestConnectionsAreLimited(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &counted{Listener: inner}
	s := newServer()
	stop := s.serveHTTP(listener, s.handler(nil, noPages()))
	defer func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		stop(ctx)
	}()
	most := guard.MaxConnections()
	conns := make([]net.Conn, most+100)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", inner.Addr().String()); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
		if _, err := io.WriteString(conns[i], "GET /healthz HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	for int(listener.open.Load()) < most {
		time.Sleep(time.Millisecond)
	}
	for _, conn := range conns[:len(conns)-1] {
		conn.Close()
	}
	last := conns[len(conns)-1]
	if _, err := io.WriteString(last, "Host: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(last)
	if err != nil || !strings.HasSuffix(string(answer), "ok\n") {
		t.Errorf("the last request: %q, %v", answer, err)
	}
	if open := int(listener.most.Load()); open > most {
		t.Errorf("%d connections were open at the same time, want %d at most", open, most)
	}
}

// TestEveryPathByRole: with serve.access, scrapers and probes need no role, and
// profiles need an operator. A new route needs a row.
func TestEveryPathByRole(t *testing.T) {
	s := newServer()
	c := config.Default()
	c.Serve.Access = &config.Access{
		TrustedProxies: []string{"192.0.2.1"}, UserHeader: "X-Forwarded-User", GroupsHeader: "X-Forwarded-Groups",
		Viewers: config.Members{Users: []string{"vera"}}, Operators: config.Members{Users: []string{"otto"}},
	}
	if err := s.config.set(c); err != nil {
		t.Fatal(err)
	}
	needed := map[string]access.Role{
		"GET /metrics": access.None, "GET /healthz": access.None, "GET /readyz": access.None,
		"GET /debug/pprof": access.Operator, "GET /debug/pprof/": access.Operator, "GET /debug/pprof/profile": access.Operator,
		"GET /debug/pprof/trace": access.Operator, "GET /debug/pprof/symbol": access.Operator,
	}
	served := s.routes(nil)
	for _, r := range served {
		if want, ok := needed[r.pattern]; !ok || r.needs != want {
			t.Errorf("%s needs %s; the table has it: %t, with %s", r.pattern, r.needs, ok, want)
		}
	}
	for pattern := range needed { // the mux redirects from there to a path without the base path
		if without := strings.TrimSuffix(pattern, "/"); without != pattern && needed[without] != needed[pattern] {
			t.Errorf("%s has no route of its own", without)
		}
	}
	for _, r := range served { // base paths differ from them
		if first := strings.Split(strings.TrimPrefix(r.pattern, "GET /"), "/")[0]; !slices.Contains(config.ServedPaths, first) {
			t.Errorf("config.ServedPaths lacks %s", first)
		}
	}
	if len(served) != len(needed) {
		t.Errorf("%d routes, %d rows", len(served), len(needed))
	}
	// The pages of profiles, without /profile and /trace, which take their time.
	pages := noPagesOf(s)
	for _, path := range []string{"/healthz", "/metrics", "/debug/pprof/", "/debug/pprof/symbol"} {
		for _, caller := range []struct {
			user, from string
			role       access.Role
		}{{"", "192.0.2.1:1", access.None}, {"otto", "198.51.100.9:1", access.None}, {"vera", "192.0.2.1:1", access.Viewer}, {"otto", "192.0.2.1:1", access.Operator}} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.RemoteAddr = caller.from
			r.Header.Set("X-Forwarded-User", caller.user)
			rec := httptest.NewRecorder()
			s.handler(nil, pages).ServeHTTP(rec, r)
			want := http.StatusOK
			if caller.role < needed["GET "+path] {
				want = http.StatusForbidden
			}
			if rec.Code != want {
				t.Errorf("%s as %q from %s: status %d, want %d", path, caller.user, caller.from, rec.Code, want)
			}
		}
	}
}
