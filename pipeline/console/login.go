package console

import (
	"net/http"
	"strings"
	"time"

	"daybook/pipeline/console/access"
	"daybook/pipeline/console/problem"
)

const (
	cookieName   = "daybook_session"
	sessionHours = 8 // a working day; then the token is asked for again

	// People click less often. One action can cause hours of work.
	actionBurst = 10
	actionEvery = 3 * time.Second
)

// mayAct says whether a login permits actions.
func (c *Console) mayAct() bool { return c.AllowActions && !c.keys.None() && c.policy() == nil }

// holdsCookie says whether a request has the cookie of a login.
func (c *Console) holdsCookie(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	return err == nil && c.mayAct() && c.keys.Accepts(cookie.Value, c.Now())
}

// loginBody is the login page.
type loginBody struct {
	Allowed  bool   `json:"allowed"`
	User     string `json:"user,omitempty"` // that the proxy names
	Role     string `json:"role"`
	LoggedIn bool   `json:"logged_in"`
	Problem  string `json:"problem,omitempty"`
}

func (c *Console) loginForm(r *http.Request) (*page, error) {
	return c.loginPage(r, ""), nil
}

func (c *Console) loginPage(r *http.Request, wrong string) *page {
	caller := access.Of(r)
	return &page{Template: "login", Title: "Log in", Section: "login",
		Body: loginBody{c.mayAct(), caller.User, caller.Role.String(), caller.Role == access.Operator, wrong}}
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) error {
	if c.policy() != nil {
		return problem.Forbidden("The proxy before this console logs users in. There is no login with a token.")
	}
	if !c.mayAct() {
		return problem.Forbidden("This console does not allow actions. Start daybook serve with --allow-actions and a token.")
	}
	if !c.keys.Opens(r.PostFormValue("token")) {
		if allowed := c.logRefusal(r, "wrong token"); !allowed {
			return problem.New(http.StatusTooManyRequests, "Too many failed logins from your address. Wait a minute, and try again.")
		}
		c.write(w, r, http.StatusForbidden, c.loginPage(r, "This is not the token."))
		return nil
	}
	until := c.Now().Add(sessionHours * time.Hour)
	http.SetCookie(w, c.cookie(r, c.keys.Issue(until), sessionHours*60*60))
	c.redirect(w, r, "/?done=login")
	return nil
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, c.cookie(r, "", -1))
	c.redirect(w, r, "/?done=logout")
	return nil
}

// cookie makes the session cookie. It is Secure if the browser used TLS, here or
// at a proxy. A client that forges the proxy's header only makes its own cookie
// stricter.
func (c *Console) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: c.BasePath + "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	}
}
