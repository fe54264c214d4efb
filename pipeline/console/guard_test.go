package console

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"daybook/pipeline/console/guard"
	"daybook/pipeline/runs"
	"daybook/sources/store"
)

func TestRequestsHaveLimits(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	long := strings.Repeat("a", 20_000)
	for name, tc := range map[string]struct {
		request func() *http.Request
		status  int
	}{
		"a long path":   {func() *http.Request { return httptest.NewRequest("GET", "/"+long[:guard.MaxPath+1], nil) }, 414},
		"a long query":  {func() *http.Request { return httptest.NewRequest("GET", "/?x="+long[:guard.MaxQuery], nil) }, 414},
		"large headers": {func() *http.Request { r := httptest.NewRequest("GET", "/", nil); r.Header.Set("X", long); return r }, 431},
		"a large body":  {func() *http.Request { return httptest.NewRequest("POST", "/login", strings.NewReader("token="+long)) }, 413},
		"an endless body": {func() *http.Request {
			r := httptest.NewRequest("POST", "/login", io.MultiReader(strings.NewReader("token="+long), strings.NewReader(long)))
			r.ContentLength = -1
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}, 400},
		"another method":   {func() *http.Request { return httptest.NewRequest("DELETE", "/reports/sessions", nil) }, 405},
		"a post to a page": {func() *http.Request { return httptest.NewRequest("POST", "/runs", nil) }, 405},
	} {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			c.ServeHTTP(rec, tc.request())
			if rec.Code != tc.status {
				t.Errorf("status %d, want %d", rec.Code, tc.status)
			}
			checkPage(t, w, rec)
		})
	}
}

// A server that reads for a limited time ends answers after it, too: so this one
// has no such limit, and a body of which nothing comes has one here.
func TestServerWaitsForHeadersOnly(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewUnstartedServer(newConsole(t, w, nil))
	guard.SetLimits(server.Config)
	if c := server.Config; c.ReadTimeout != 0 || c.ReadHeaderTimeout != guard.BodyTimeout || c.WriteTimeout != guard.StreamTimeout || c.MaxHeaderBytes != guard.MaxHeaders || c.IdleTimeout == 0 {
		t.Errorf("the limits are %+v", c)
	}
	server.Start()
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if page, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 200 || !strings.Contains(string(page), "</html>") {
		t.Errorf("status %d and %d bytes: %v", answer.StatusCode, len(page), err)
	}
}

// recorded remembers the deadlines that are set for reading and for writing.
type recorded struct {
	*httptest.ResponseRecorder
	reads, writes []time.Time
}

func (r *recorded) SetReadDeadline(t time.Time) error {
	r.reads = append(r.reads, t)
	return nil
}

func (r *recorded) SetWriteDeadline(t time.Time) error {
	r.writes = append(r.writes, t)
	return nil
}

func TestBodyHasADeadline(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	for _, method := range []string{"GET", "POST"} {
		rec := &recorded{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(method, "/login", strings.NewReader("token=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		begun := time.Now()
		c.ServeHTTP(rec, r)
		if len(rec.reads) == 0 || rec.reads[0].Before(begun) || rec.reads[0].After(time.Now().Add(guard.BodyTimeout)) {
			t.Errorf("%s: the deadlines are %v", method, rec.reads)
		}
	}
	rec := &recorded{ResponseRecorder: httptest.NewRecorder()}
	c.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.reads != nil {
		t.Errorf("without a body: the deadlines are %v", rec.reads)
	}
}

func TestHosts(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, func(o *Options) { o.Hosts = []string{"daybook.example.com"} })
	for host, want := range map[string]int{
		"daybook.example.com": 200, "Daybook.Example.com:8080": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "": 421,
	} {
		rec := get(c, "/", func(r *http.Request) { r.Host = host })
		if rec.Code != want {
			t.Errorf("%q: status %d, want %d", host, rec.Code, want)
		}
	}
}

// stuck is a service whose runs never come.
type stuck struct{ Service }

func (stuck) Runs(ctx context.Context, _ int) ([]runs.Record, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (stuck) Run(context.Context, string) (*runs.Record, error) { panic("a fault of the program") }

func TestPageThatTakesTooLongIsGivenUp(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Service: stuck{w}})
		begun := time.Now()
		rec := get(c, "/runs")
		if waited := time.Since(begun); waited != pageTimeout || rec.Code != http.StatusGatewayTimeout || !strings.Contains(rec.Body.String(), "too long") {
			t.Errorf("after %s: status %d", waited, rec.Code)
		}
	})
}

// Pages and downloads end with their request: a client that has gone costs no work.
func TestWorkEndsWithItsRequest(t *testing.T) {
	w := newWorld(t)
	w.Settings().Sink = hung{w.Sink}
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Service: stuck{w}})
		for _, address := range []string{"/runs", "/reports/sessions/2026-11-18/summaries/total.csv"} {
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			begun := time.Now()
			get(c, address, func(r *http.Request) { *r = *r.WithContext(ctx) })
			if waited := time.Since(begun); waited != time.Second {
				t.Errorf("%s ends %s after a request of a second begins", address, waited)
			}
			leave()
		}
	})
}

// TestDownloadWaitsForEachPiece: a large one may take long, but not a piece of
// it.
func TestDownloadWaitsForEachPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, begun := &recorded{ResponseRecorder: httptest.NewRecorder()}, time.Now()
		stalled := time.AfterFunc(guard.StreamTimeout, func() { t.Error("it is given up") })
		defer stalled.Stop()
		slow := readerFunc(func(p []byte) (int, error) {
			if rec.Body.Len()%(1<<20) == 0 { // a piece begins
				time.Sleep(guard.StreamTimeout * 2 / 3)
			}
			return len(p), nil
		})
		if err := copyStream(rec, io.LimitReader(slow, 2<<20), stalled); err != nil || rec.Body.Len() != 2<<20 {
			t.Errorf("%d bytes, %v", rec.Body.Len(), err)
		}
		second := begun.Add(guard.StreamTimeout * 2 / 3)
		if d := rec.writes; len(d) != 3 || !d[0].Equal(begun.Add(guard.StreamTimeout)) || !d[1].Equal(second.Add(guard.StreamTimeout)) {
			t.Errorf("from %v on, the deadlines are %v", begun, d)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// sizeless is a store that does not know the sizes of what it opens.
type sizeless struct{ store.Store }

func (s sizeless) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	body, object, err := s.Store.Open(ctx, key, offset, length, ifMatch)
	object.Size = store.UnknownSize
	return body, object, err
}

// TestDownloadHasASize: without one a client takes a part of a file for all of it.
func TestDownloadHasASize(t *testing.T) {
	w := newWorld(t)
	w.Settings().Sink = sizeless{w.Sink}
	c := newConsole(t, w, nil)
	for _, file := range []string{"total.csv", "_figures.json"} {
		rec := get(c, "/reports/sessions/2026-11-18/summaries/"+file)
		if size := rec.Header().Get("Content-Length"); rec.Code != 200 || rec.Body.Len() == 0 || size != strconv.Itoa(rec.Body.Len()) {
			t.Errorf("%s: status %d, Content-Length %q, and %d bytes", file, rec.Code, size, rec.Body.Len())
		}
	}
}

// hung is a store of whose summaries nothing comes.
type hung struct{ store.Store }

func (h hung) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	body, object, err := h.Store.Open(ctx, key, offset, length, ifMatch)
	if err == nil && strings.HasPrefix(key, "summaries/") {
		body = io.NopCloser(readerFunc(func([]byte) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}))
	}
	return body, object, err
}

func TestDownloadOfWhichNothingComesIsGivenUp(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	w.Settings().Sink = hung{w.Sink}
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		rec := get(c, "/reports/sessions/2026-11-18/summaries/total.csv")
		if waited := time.Since(begun); waited != guard.StreamTimeout || rec.Body.Len() > 0 {
			t.Errorf("after %s it has %d bytes", waited, rec.Body.Len())
		}
	})
}

// Requests that read the store are limited in number. The others wait, and are
// refused with a time to try again.
func TestRequestsAtOnceAreLimited(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Service: stuck{w}})
		var group sync.WaitGroup
		for range maxReaders {
			group.Go(func() { get(c, "/runs") })
		}
		synctest.Wait()
		begun := time.Now()
		rec := get(c, "/runs")
		if waited := time.Since(begun); rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") != guard.RetryAfter || waited != guard.SlotTimeout {
			t.Errorf("after %s: status %d, Retry-After %q", waited, rec.Code, rec.Header().Get("Retry-After"))
		}
		if rec := get(c, "/login"); rec.Code != 200 {
			t.Errorf("a page that does not read the store: status %d", rec.Code)
		}
		ctx, leave := context.WithCancel(t.Context())
		leave()
		begun = time.Now()
		get(c, "/runs", func(r *http.Request) { *r = *r.WithContext(ctx) })
		if waited := time.Since(begun); waited > 0 {
			t.Errorf("a client that has gone is waited for %s", waited)
		}
		group.Wait()
		if rec := get(c, "/runs"); rec.Code != http.StatusGatewayTimeout {
			t.Errorf("after all of them: status %d", rec.Code)
		}
	})
}

func TestPanicIsAnErrorPage(t *testing.T) {
	w := newWorld(t)
	c := New(Options{Service: stuck{w}})
	rec := get(c, "/runs/20261120T013012Z-n1")
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "fault of the program") {
		t.Errorf("status %d, or it says what is for the log", rec.Code)
	}
	checkPage(t, w, rec)
}

// denied is a store whose errors name what people must not see.
type denied struct{ store.Store }

func (denied) Open(context.Context, string, int64, int64, string) (io.ReadCloser, store.Object, error) {
	return nil, store.Object{}, &store.Error{Op: "open", URL: "s3://internal-bucket", Kind: store.ErrDenied, Final: true}
}

func TestErrorsOfTheStoreAreForTheLog(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	w.Settings().Sink = denied{w.Sink}
	for _, target := range []string{"/reports/sessions/2026-11-18", "/reports/sessions/2026-11-18/summaries/total.csv", "/reports/sessions/sessions/1?date=2026-11-18"} {
		rec := get(c, target)
		if rec.Code != 502 || strings.Contains(rec.Body.String(), "internal-bucket") {
			t.Errorf("%s: status %d, or it names the bucket", target, rec.Code)
		}
		checkPage(t, w, rec)
	}
}

func TestStaticFiles(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	page := get(c, "/").Body.String()
	for _, found := range regexp.MustCompile(`(?:href|src)="(/static/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		rec := get(c, found[1])
		if rec.Code != 200 || !strings.Contains(rec.Header().Get("Cache-Control"), "immutable") || rec.Header().Get("Content-Type") == "" {
			t.Errorf("%s: status %d, %v", found[1], rec.Code, rec.Header())
		}
	}
	if rec := get(c, "/static/console.css?v=old"); rec.Header().Get("Cache-Control") != "no-store" {
		t.Error("a file under another version's address is cached")
	}
	for _, target := range []string{"/static/", "/static/..%2fconsole.go", "/static/none.css"} {
		if rec := get(c, target); rec.Code != 404 {
			t.Errorf("%s: status %d", target, rec.Code)
		}
	}
}

func TestPagesAreCompressed(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	plain := get(c, "/reports/sessions?year=all")
	zipped := get(c, "/reports/sessions?year=all", func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })
	if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len() > plain.Body.Len()/5 {
		t.Errorf("%d bytes of %d", zipped.Body.Len(), plain.Body.Len())
	}
	if zipped.Header().Get("Content-Security-Policy") != guard.Policy {
		t.Error("a compressed page has no guard.Policy")
	}
}

// reachable matches the keys that a console may read.
var reachable = regexp.MustCompile(`^(?:` +
	`_manifests/(?:reports(?:_monthly)?/(?:sessions|emea_tier_1|americas)|state/digests)/(?:(?:dt|month)=(?:[0-9-]+(?:\.json)?)?)?|` +
	`reports/(?:sessions|emea_tier_1|americas)_monthly/(?:month=[0-9-]+/_manifest\.json)?|` + // of version 0.1.0
	`(?:_history/)?reports(?:_monthly)?/(?:sessions|emea_tier_1|americas)/(?:dt=\d{4}-\d\d-\d\d|month=\d{4}-\d\d)/(?:r\d+/)?(?:_manifest\.json|part-[0-9a-z-]+\.parquet)?` +
	`|summaries/(?:sessions|emea_tier_1|americas)/(?:day/\d{4}-\d\d-\d\d|month/\d{4}-\d\d)/(?:[a-z_]+\.(?:csv|xlsx)|_figures\.json)` +
	`|state/digests/(?:dt=.*)?` +
	`|state/failed/.*` +
	`|state/catalog/(?:recent|main)\.pack` +
	`|_quarantine/dt=\d{4}-\d\d-\d\d/(?:rejects-[0-9a-z-]+\.ndjson)?` +
	`)$`)

// FuzzHandler sends arbitrary requests. The console reads only keys in the configured
// prefixes, does not panic, and sends the security headers with every answer.
func FuzzHandler(f *testing.F) {
	w, spy := newWatchedWorld(f)
	c := newConsole(f, w, nil)
	cookie := login(f, c)
	for _, path := range []string{
		"/", "/reports/sessions", "/reports/sessions/2026-11-18", "/reports/sessions/2026-10", "/reports/sessions/sessions/1",
		"/reports/..%2f..%2fetc/2026-11-18", "/reports/sessions/2026-11-18/files/..%2f_manifest.json", "/reports/sessions/2026-11-18/summaries/total.csv",
		"/runs", "/runs/x", "/schedule", "/configuration", "/login", "/actions/run", "/static/console.css", "/reports/sessions/session",
	} {
		f.Add("GET", path, "date=2026-11-18&diff=1..2&year=2026&id=1", "", false)
		f.Add("POST", path, "", "report=sessions&from=2026-11-18&to=&token=x", true)
	}
	f.Fuzz(func(t *testing.T, method, path, query, form string, loggedIn bool) {
		target, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") {
			return // no server hands on what is no path
		}
		target.RawQuery = query
		r, err := http.NewRequest(method, "http://localhost"+target.RequestURI(), strings.NewReader(form))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if loggedIn {
			r.AddCookie(cookie)
		}
		spy.seen()
		c.actions, c.logins = rate.NewLimiter(rate.Inf, 0), guard.NewLogins()
		rec := httptest.NewRecorder()
		c.ServeHTTP(rec, r)
		for _, key := range spy.seen() {
			if !reachable.MatchString(key) {
				t.Errorf("%s %s asks the store for %q", method, r.URL, key)
			}
		}
		if rec.Code == http.StatusInternalServerError {
			t.Errorf("%s %s: status 500", method, r.URL)
		}
		if rec.Header().Get("Content-Security-Policy") != guard.Policy {
			t.Errorf("%s %s: no guard.Policy", method, r.URL)
		}
		if body := rec.Body.String(); strings.Contains(body, testToken) || strings.Contains(body, w.Secret) {
			t.Errorf("%s %s: there is a secret in the answer", method, r.URL)
		}
	})
}
