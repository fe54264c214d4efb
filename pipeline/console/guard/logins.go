package guard

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"daybook/pipeline/console/access"
)

const (
	// LoginBurst and LoginEvery allow a few typing errors, but no guessing of a token.
	LoginBurst = 5
	LoginEvery = 10 * time.Second
	// maxClients bounds the memory of failed logins.
	maxClients = 1000
	// The log has at most this many failed logins beyond the limits of clients.
	ExcessBurst = 5
	excessEvery = time.Minute
)

// Client is where a refused request came from.
type Client struct {
	Address netip.Addr // see [AddressOf]
	User    string     // as a trusted proxy names it: its users share its address
}

// Logins limits failed logins by client. A client with the
// right token gets in, also after other clients at its address have failed.
type Logins struct {
	mu       sync.Mutex
	limiters map[Client]*rate.Limiter
	excess   *rate.Limiter // of log lines
}

// NewLogins has no failed logins.
func NewLogins() *Logins {
	return &Logins{limiters: map[Client]*rate.Limiter{}, excess: rate.NewLimiter(rate.Every(excessEvery), ExcessBurst)}
}

// Failed counts a failed login. allowed says whether its client is still within
// its limit; logged says whether the log should have it.
func (a *Logins) Failed(from Client, now time.Time) (allowed, logged bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.limiters[from]
	if l == nil {
		if len(a.limiters) >= maxClients {
			a.forget(now)
		}
		l = rate.NewLimiter(rate.Every(LoginEvery), LoginBurst)
		a.limiters[from] = l
	}
	if l.AllowN(now, 1) {
		return true, true
	}
	return false, a.excess.AllowN(now, 1)
}

// forget removes the clients that have their whole limit again, or else all
// clients: memory is bounded, and few of so many are guessing.
func (a *Logins) forget(now time.Time) {
	for from, l := range a.limiters {
		if l.TokensAt(now) >= LoginBurst {
			delete(a.limiters, from)
		}
	}
	if len(a.limiters) >= maxClients {
		clear(a.limiters)
	}
}

// AddressOf is the address of a request's client, or of the proxy before it. Of
// an IPv6 address it is the network, because a client has a whole one.
func AddressOf(r *http.Request) netip.Addr {
	addr := access.Peer(r)
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return addr
}
