package console

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// What a request may be at most. Nothing that the pages send comes near.
const (
	maxPath       = 512      // bytes
	maxQuery      = 1 << 10  // bytes
	maxHeaders    = 16 << 10 // bytes, names and values
	maxBody       = 4 << 10  // bytes: a token, or an action
	pageTimeout   = 30 * time.Second
	bodyTimeout   = 10 * time.Second
	streamTimeout = 2 * time.Minute // of a download, for the next megabyte
)

// policy has everything come from here, and nothing run that is not a file of
// ours.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Limit sets what only the server itself can limit. A download gets a longer time
// to write from the console. There is no ReadTimeout: it would also end what is
// answered for longer, such as downloads. The console has one of its own for
// requests with a body.
func Limit(s *http.Server) {
	s.MaxHeaderBytes = maxHeaders
	s.ReadHeaderTimeout = bodyTimeout
	s.WriteTimeout = streamTimeout
	s.IdleTimeout = 2 * time.Minute
}

// guard is around everything: whatever is answered has the security headers,
// nothing is read without a limit, and a panic is an error page.
func (c *Console) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, &failure{http.StatusForbidden, "This request came from another site's page, and was not done.", nil})
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
				c.fail(w, r, &failure{http.StatusInternalServerError, "Something is wrong with this page. The log has what.", nil})
			}
		}()
		if err := c.admit(r); err != nil {
			c.fail(w, r, err)
			return
		}
		if r.ContentLength != 0 {
			// Who sends slowly is not waited for. Not every writer has deadlines.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// admit says why a request is not looked at.
func (c *Console) admit(r *http.Request) error {
	headers := 0
	for name, values := range r.Header {
		for _, v := range values {
			headers += len(name) + len(v)
		}
	}
	switch {
	case len(r.URL.Path) > maxPath || len(r.URL.RawQuery) > maxQuery:
		return &failure{http.StatusRequestURITooLong, "The address is too long.", nil}
	case headers > maxHeaders:
		return &failure{http.StatusRequestHeaderFieldsTooLarge, "The request's headers are too large.", nil}
	case r.ContentLength > maxBody:
		return &failure{http.StatusRequestEntityTooLarge, "The request is too large.", nil}
	case !c.hostAllowed(r.Host):
		return &failure{http.StatusMisdirectedRequest, "The console is not called by this name. The configuration says which names it has.", nil}
	}
	return nil
}

// hostAllowed says whether the console has a host name.
func (c *Console) hostAllowed(host string) bool { return HostAllowed(c.Hosts, host) }

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

// limited is the request with the time that a page may take.
func limited(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	return r.WithContext(ctx), cancel
}
