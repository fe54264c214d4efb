package console

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
)

// Limits of a request. The pages' own requests are far below them.
const (
	maxPath       = 512      // bytes
	maxQuery      = 1 << 10  // bytes
	maxHeaders    = 16 << 10 // bytes, names and values
	maxBody       = 4 << 10  // bytes: a token, or an action
	pageTimeout   = 30 * time.Second
	bodyTimeout   = 10 * time.Second
	streamTimeout = 2 * time.Minute // of a download, for the next megabyte
	idleTimeout   = 30 * time.Second
)

// Limits of what is answered at once. Requests beyond them wait for slotTimeout,
// and are then refused.
const (
	maxPages     = 64 // from memory
	maxReaders   = 8  // pages that read the store
	maxDownloads = 16
	slotTimeout  = 2 * time.Second
	retryAfter   = "5" // seconds
)

// maxConnections is far below the usual limit of open files, 1024: the rest is for
// the runs. A share of a lower limit takes its place.
const (
	maxConnections   = 256
	connectionsShare = 4 // of the open files
)

// LimitConnections limits the connections that a listener has open at once. More
// of them wait until others end, which the timeouts of [Limit] see to.
func LimitConnections(l net.Listener) net.Listener {
	most := maxConnections
	if files := openFiles(); files > 0 {
		most = max(1, min(most, files/connectionsShare))
	}
	return netutil.LimitListener(l, most)
}

// openFiles is the limit of open files; 0 if it is unknown.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<20))
}

// slots are as many as there may be requests at once.
type slots chan struct{}

// limit answers requests with next, as many at once as there are slots. Others
// get a page with status 503 and Retry-After.
func (c *Console) limit(s slots, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait := time.NewTimer(slotTimeout)
		defer wait.Stop()
		select {
		case s <- struct{}{}:
			defer func() { <-s }()
			next.ServeHTTP(w, r)
		case <-r.Context().Done(): // the client has gone
		case <-wait.C:
			w.Header().Set("Retry-After", retryAfter)
			c.showError(w, r, &pageError{http.StatusServiceUnavailable, "Too many requests at once. Try again in a moment.", nil})
		}
	})
}

// policy allows only the console's own files, and no inline scripts or styles.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Limit sets the limits that only the server can enforce. The console extends the
// write timeout of downloads. ReadTimeout stays unset, because it would end long
// downloads; the console sets a read deadline for each request body instead.
func Limit(s *http.Server) {
	s.MaxHeaderBytes = maxHeaders
	s.ReadHeaderTimeout = bodyTimeout
	s.WriteTimeout = streamTimeout
	s.IdleTimeout = idleTimeout
}

// guard wraps all handlers: it sets the security headers, limits what is read, and
// turns a panic into an error page.
func (c *Console) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.showError(w, r, &pageError{http.StatusForbidden, "This request came from another site's page, and was refused.", nil})
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				c.Log.Error("a page panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				c.showError(w, r, &pageError{http.StatusInternalServerError, "This page failed. The log has the reason.", nil})
			}
		}()
		if err := c.admit(r); err != nil {
			c.showError(w, r, err)
			return
		}
		if r.ContentLength != 0 {
			// This ends slow bodies. Test recorders have no deadlines.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// admit returns why a request is refused; nil admits it.
func (c *Console) admit(r *http.Request) error {
	headers := 0
	for name, values := range r.Header {
		for _, v := range values {
			headers += len(name) + len(v)
		}
	}
	switch {
	case len(r.URL.Path) > maxPath || len(r.URL.RawQuery) > maxQuery:
		return &pageError{http.StatusRequestURITooLong, "The address is too long.", nil}
	case headers > maxHeaders:
		return &pageError{http.StatusRequestHeaderFieldsTooLarge, "The request's headers are too large.", nil}
	case r.ContentLength > maxBody:
		return &pageError{http.StatusRequestEntityTooLarge, "The request is too large.", nil}
	case !HostAllowed(c.Hosts, r.Host):
		return &pageError{http.StatusMisdirectedRequest, "The console does not answer to this host name. Add it to serve.hosts in the configuration.", nil}
	}
	return nil
}

// HostAllowed says whether a request's host, with or without a port, is one of
// the allowed names, an IP address or localhost. Without allowed names every
// host is. It protects from DNS rebinding: a web page whose name was made to
// point here could otherwise read the answers.
func HostAllowed(allowed []string, host string) bool {
	if len(allowed) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	return host == "localhost" || net.ParseIP(host) != nil ||
		slices.ContainsFunc(allowed, func(h string) bool { return strings.EqualFold(h, host) })
}

// withTimeout limits the time that a page may take.
func withTimeout(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	return r.WithContext(ctx), cancel
}
