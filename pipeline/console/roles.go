package console

import (
	"fmt"
	"net/http"

	"daybook/pipeline/console/access"
	"daybook/pipeline/console/guard"
	"daybook/pipeline/console/problem"
)

// routes is a mux that knows the role that each of its patterns needs.
type routes struct {
	mux    *http.ServeMux
	needs  map[string]access.Role // by pattern
	refuse func(http.ResponseWriter, *http.Request, access.Role)
}

func newRoutes(refuse func(http.ResponseWriter, *http.Request, access.Role)) *routes {
	return &routes{http.NewServeMux(), map[string]access.Role{}, refuse}
}

// add answers requests for a pattern, if their caller has the role.
func (m *routes) add(pattern string, needs access.Role, h http.Handler) {
	m.needs[pattern] = needs
	m.mux.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if access.Of(r).Role < needs {
			m.refuse(w, r, needs)
			return
		}
		h.ServeHTTP(w, r)
	}))
}

// ServeHTTP implements http.Handler.
func (m *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// policy is the policy in force; nil: roles follow from the login.
func (c *Console) policy() *access.Policy {
	if c.Access == nil {
		return nil
	}
	return c.Access()
}

// identified gives requests their callers, before anything else sees them.
func (c *Console) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, access.With(r, c.identify(r)))
	})
}

func (c *Console) identify(r *http.Request) access.Caller {
	if p := c.policy(); p != nil {
		return p.Identify(r)
	}
	caller := access.Caller{Role: access.Viewer, Address: access.Peer(r)}
	if c.holdsCookie(r) {
		caller.Role = access.Operator
	}
	return caller
}

// Require answers requests with next if their caller has the role, and is for handlers
// beside the console's own.
func (c *Console) Require(needs access.Role, next http.Handler) http.Handler {
	return c.identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if access.Of(r).Role < needs {
			c.refuse(w, r, needs)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// refuse answers a request whose caller lacks a role.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, needs access.Role) {
	caller := access.Of(r)
	switch {
	case caller.Role == access.None:
		c.showError(w, r, problem.Forbidden(caller.Why))
	case c.policy() != nil:
		c.showError(w, r, problem.New(http.StatusForbidden, c.printer(r).T("You are logged in as %s, with the role viewer.", caller.User)+
			" Actions need the role operator. Ask for an entry of this name, or of one of your groups, under serve.access.operators."))
	case !c.mayAct():
		c.showError(w, r, problem.Forbidden("This console does not allow actions. The command line has the same ones."))
	default:
		c.showError(w, r, problem.Forbidden("Log in first. Your login has ended, or there was none."))
	}
}

// refuses says whether an error page refuses its caller: what is forbidden, or a login that
// cannot be read. A wrong token has no error page.
func refuses(r *http.Request, status int) bool {
	return status == http.StatusForbidden ||
		isLogin(r) && (status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge)
}

func isLogin(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/login" }

// logRefusal logs a refused login, action or other request, if its client has few of them.
// allowed says whether the client is within its limit.
func (c *Console) logRefusal(r *http.Request, reason string) (allowed bool) {
	caller := access.Of(r)
	allowed, logged := c.logins.Failed(guard.Client{Address: guard.AddressOf(r), User: caller.User}, c.Now())
	if !logged {
		return allowed
	}
	text := "request refused"
	switch {
	case isLogin(r):
		text = "login failed"
	case r.Method == http.MethodPost:
		text = "action refused"
	}
	c.Log.Warn(text, "reason", reason, "method", r.Method, "path", r.URL.Path, "address", fmt.Sprint(caller.Address),
		"user", caller.User, "role", caller.Role.String(), "limited", !allowed)
	return allowed
}
