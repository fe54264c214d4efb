package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	cookieName   = "daybook_session"
	sessionHours = 8 // a working day; then the token is asked for again

	// People click less often. One action can cause hours of work.
	actionBurst = 10
	actionEvery = 3 * time.Second
)

// keys makes and checks session cookies. The signing key is derived from the
// token: every replica accepts the cookies of the others, and a new token ends
// all sessions.
type keys struct {
	token   [sha256.Size]byte // its hash, so that comparing does not reveal its length
	signing []byte
	none    bool // there is no token, and no login
}

func newKeys(token string) *keys {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("daybook console session"))
	return &keys{sha256.Sum256([]byte(token)), mac.Sum(nil), token == ""}
}

// opens compares a token with the right one in constant time.
func (k *keys) opens(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], k.token[:]) == 1 && !k.none
}

// issue makes the value of a cookie: its expiry, a random text, and their
// signature.
func (k *keys) issue(until time.Time) string {
	body := strconv.FormatInt(until.Unix(), 10) + "." + rand.Text()
	return body + "." + k.sign(body)
}

func (k *keys) sign(body string) string {
	mac := hmac.New(sha256.New, k.signing)
	mac.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (k *keys) accepts(value string, now time.Time) bool {
	i := strings.LastIndexByte(value, '.')
	if i < 0 || k.none || !hmac.Equal([]byte(k.sign(value[:i])), []byte(value[i+1:])) {
		return false
	}
	digits, _, _ := strings.Cut(value, ".")
	until, err := strconv.ParseInt(digits, 10, 64)
	return err == nil && now.Unix() < until
}

// mayAct says whether actions are possible.
func (c *Console) mayAct() bool { return c.AllowActions && !c.keys.none }

func (c *Console) loggedIn(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	return err == nil && c.mayAct() && c.keys.accepts(cookie.Value, c.Now())
}

// loginBody is the login page.
type loginBody struct {
	Allowed  bool   `json:"allowed"`
	LoggedIn bool   `json:"logged_in"`
	Problem  string `json:"problem,omitempty"`
}

func (c *Console) loginForm(r *http.Request) (*page, error) {
	return c.loginPage(r, ""), nil
}

func (c *Console) loginPage(r *http.Request, problem string) *page {
	return &page{Template: "login", Title: "Log in", Section: "login", Body: loginBody{c.mayAct(), c.loggedIn(r), problem}}
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) error {
	if !c.mayAct() {
		return forbidden("This console does not allow actions. Start daybook serve with --allow-actions and a token.")
	}
	if !c.keys.opens(r.PostFormValue("token")) {
		from := addressOf(r)
		allowed, logged := c.logins.failed(from, c.Now())
		if logged {
			c.Log.Warn("login failed: wrong token", "address", from, "limited", !allowed)
		}
		if !allowed {
			return &pageError{http.StatusTooManyRequests, "Too many failed logins from your address. Wait a minute, and try again.", nil}
		}
		c.write(w, r, http.StatusForbidden, c.loginPage(r, "This is not the token."))
		return nil
	}
	until := c.Now().Add(sessionHours * time.Hour)
	http.SetCookie(w, c.cookie(r, c.keys.issue(until), sessionHours*60*60))
	http.Redirect(w, r, "/?done=login", http.StatusSeeOther)
	return nil
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, c.cookie(r, "", -1))
	http.Redirect(w, r, "/?done=logout", http.StatusSeeOther)
	return nil
}

// cookie makes the session cookie. It is Secure if the browser used TLS, here or
// at a proxy. A client that forges the proxy's header only makes its own cookie
// stricter.
func (c *Console) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	}
}

func forbidden(text string) error { return &pageError{http.StatusForbidden, text, nil} }
