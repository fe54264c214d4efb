// Package guard protects the listener of daybook serve and its pages: it limits
// requests, connections and failed logins, checks host names and origins, sets the
// security headers, and signs session cookies.
package guard

import (
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Policy allows only the console's own files, and no inline scripts or styles.
const Policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Guard protects handlers.
type Guard struct {
	Hosts  []string // the allowed host names; empty: all
	Log    *slog.Logger
	Refuse func(w http.ResponseWriter, r *http.Request, status int, text string) // answers with an error page
}

// Protect wraps all handlers: it sets the security headers, limits what is read, and
// turns a panic into an error page.
func (g *Guard) Protect(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.Refuse(w, r, http.StatusForbidden, "This request came from another site's page, and was refused.")
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", Policy)
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
				g.Log.Error("a page panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				g.Refuse(w, r, http.StatusInternalServerError, "This page failed. The log has the reason.")
			}
		}()
		if status, text := g.admit(r); status != 0 {
			g.Refuse(w, r, status, text)
			return
		}
		if r.ContentLength != 0 {
			// This ends slow bodies. Test recorders have no deadlines.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(BodyTimeout))
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		next.ServeHTTP(w, r)
	})
}

// admit returns the status and the reason of a refusal; 0 admits the request.
func (g *Guard) admit(r *http.Request) (status int, text string) {
	headers := 0
	for name, values := range r.Header {
		for _, v := range values {
			headers += len(name) + len(v)
		}
	}
	switch {
	case len(r.URL.Path) > MaxPath || len(r.URL.RawQuery) > MaxQuery:
		return http.StatusRequestURITooLong, "The address is too long."
	case headers > MaxHeaders:
		return http.StatusRequestHeaderFieldsTooLarge, "The request's headers are too large."
	case r.ContentLength > MaxBody:
		return http.StatusRequestEntityTooLarge, "The request is too large."
	case !HostAllowed(g.Hosts, r.Host):
		return http.StatusMisdirectedRequest, "The console does not answer to this host name. Add it to serve.hosts in the configuration."
	}
	return 0, ""
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
