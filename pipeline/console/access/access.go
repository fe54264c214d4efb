// Package access decides the role of a request to the console.
//
// A proxy in front of the console logs users in, and names the user and the groups in
// headers of each request. A [Policy] believes these headers only in requests that come
// from the address of a trusted proxy: the peer of the connection. X-Forwarded-For and
// similar headers never decide that, because a client can send them.
//
// A proxy replaces the headers of its clients. The policy refuses what a proxy that
// does so never sends: a header twice, or a name with characters that no user has.
package access

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"daybook/config"
)

// Role is what a caller may do. Each role includes those before it.
type Role int

// The roles.
const (
	None     Role = iota // only static files
	Viewer               // to look
	Operator             // to look and to act
)

// String is the role's name in pages and logs.
func (r Role) String() string { return [...]string{"none", "viewer", "operator"}[r] }

// MarshalText returns the role's name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Caller is who sends a request.
type Caller struct {
	User    string // as the proxy names it; empty: unknown
	Role    Role
	Address netip.Addr // the peer of the connection: the client, or the proxy
	Why     string     // a caller without a role: what is wrong, and what to do, in sentences
}

// everyUser stands for every user that a proxy names.
const everyUser = "*"

// maxName is how many bytes a user's name may have.
const maxName = 256

// Policy gives requests their roles. It does not change.
type Policy struct {
	proxies      []netip.Prefix
	user, groups string // names of headers, in canonical form
	viewers      config.Members
	operators    config.Members
}

// New makes the policy of a checked configuration.
func New(a *config.Access) (*Policy, error) {
	proxies, err := a.Proxies()
	if err != nil {
		return nil, fmt.Errorf("serve.access.trusted_proxies: %w", err)
	}
	return &Policy{proxies, http.CanonicalHeaderKey(a.UserHeader), http.CanonicalHeaderKey(a.GroupsHeader), a.Viewers, a.Operators}, nil
}

// Identify returns the caller of a request, and removes the headers that name users from
// it, so that only the result counts from then on.
func (p *Policy) Identify(r *http.Request) Caller {
	users, groups := r.Header[p.user], r.Header[p.groups]
	p.strip(r.Header)
	c := Caller{Address: Peer(r)}
	trusted := slices.ContainsFunc(p.proxies, func(n netip.Prefix) bool { return n.Contains(c.Address) })
	switch {
	case !trusted:
		c.Why = fmt.Sprintf("This console is open to users whom a proxy has logged in, and your request came from %s directly. "+
			"Open the proxy's address. If %s is the proxy, add it to serve.access.trusted_proxies.", c.Address, c.Address)
	case len(users) > 1 || len(groups) > 1:
		c.Why = fmt.Sprintf("The request has the header %s or %s more than once. "+
			"Let the proxy replace these headers of its clients.", p.user, p.groups)
	case len(users) == 0 || strings.TrimSpace(users[0]) == "":
		c.Why = fmt.Sprintf("The proxy names no user. Log in there, or let it send the header %s.", p.user)
	case !isName(users[0]):
		c.Why = fmt.Sprintf("The header %s has characters that no user's name has, or is longer than %d bytes. Let the proxy send the name alone.", p.user, maxName)
	default:
		c.User = strings.TrimSpace(users[0])
		c.Role = p.role(c.User, names(groups))
		if c.Role == None {
			c.Why = fmt.Sprintf("You are logged in as %s. This name has no role here. "+
				"Ask for an entry of this name, or of one of your groups, under serve.access.viewers or serve.access.operators.", c.User)
		}
	}
	return c
}

// strip removes the headers, also under names that some servers take for them: with
// underscores in place of hyphens.
func (p *Policy) strip(h http.Header) {
	for name := range h {
		if same := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")); same == p.user || same == p.groups {
			delete(h, name)
		}
	}
}

// role is the highest role of a user with groups.
func (p *Policy) role(user string, groups []string) Role {
	has := func(m *config.Members) bool {
		return slices.Contains(m.Users, user) || slices.Contains(m.Users, everyUser) ||
			slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(m.Groups, g) })
	}
	switch {
	case has(&p.operators):
		return Operator
	case has(&p.viewers):
		return Viewer
	}
	return None
}

// names are the items of a header, which commas separate.
func names(values []string) []string {
	var all []string
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				all = append(all, name)
			}
		}
	}
	return all
}

// isName says whether a text can be a user's name: it is printed in logs and pages.
func isName(text string) bool {
	return len(text) <= maxName && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Peer is the address at the other end of a request's connection; the zero address if it
// has none.
func Peer(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

type callerKey struct{}

// With returns a request that carries its caller.
func With(r *http.Request, c Caller) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
}

// Of is the caller that a request carries; without one it has no role.
func Of(r *http.Request) Caller {
	c, _ := r.Context().Value(callerKey{}).(Caller)
	return c
}
