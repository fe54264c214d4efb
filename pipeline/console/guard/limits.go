package guard

import (
	"net/http"
	"time"
)

// Limits of a request. The pages' own requests are far below them.
const (
	MaxPath       = 512      // bytes
	MaxQuery      = 1 << 10  // bytes
	MaxHeaders    = 16 << 10 // bytes, names and values
	MaxBody       = 4 << 10  // bytes: a token, or an action
	BodyTimeout   = 10 * time.Second
	StreamTimeout = 2 * time.Minute // of a download, for the next megabyte
	idleTimeout   = 30 * time.Second
)

// SetLimits sets the limits that only the server can enforce. The console extends
// the write timeout of downloads. ReadTimeout stays unset, because it would end long
// downloads; the guard sets a read deadline for each request body instead.
func SetLimits(s *http.Server) {
	s.MaxHeaderBytes = MaxHeaders
	s.ReadHeaderTimeout = BodyTimeout
	s.WriteTimeout = StreamTimeout
	s.IdleTimeout = idleTimeout
}

// Requests beyond the slots wait for SlotTimeout. They are then refused, and may be
// repeated after RetryAfter seconds.
const (
	SlotTimeout = 2 * time.Second
	RetryAfter  = "5"
)

// Slots bound how many requests are answered at the same time: by their capacity.
type Slots chan struct{}

// Limit answers requests with next, as many at the same time as there are slots.
// Others get a page with status 503 and Retry-After.
func (g *Guard) Limit(s Slots, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait := time.NewTimer(SlotTimeout)
		defer wait.Stop()
		select {
		case s <- struct{}{}:
			defer func() { <-s }()
			next.ServeHTTP(w, r)
		case <-r.Context().Done(): // the client has gone
		case <-wait.C:
			w.Header().Set("Retry-After", RetryAfter)
			g.Refuse(w, r, http.StatusServiceUnavailable, "Too many requests at the same time. Try again in a moment.")
		}
	})
}

// mostConnections is far below the usual limit of open files, 1024: the rest is for
// the runs. A share of a lower limit takes its place.
const (
	mostConnections  = 256
	connectionsShare = 4 // of the open files
)

// MaxConnections is how many connections a server may have open at the same time.
func MaxConnections() int { return connectionsOf(openFiles()) }

// connectionsOf is the connections at a limit of open files; 0 is an unknown limit.
func connectionsOf(files int) int {
	if files == 0 {
		return mostConnections
	}
	return max(1, min(mostConnections, files/connectionsShare))
}
