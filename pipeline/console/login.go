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

	// Some slips are forgiven; guessing a token this way takes for ever.
	loginBurst = 5
	loginEvery = 10 * time.Second
	// More than people click; what they ask for is work for hours.
	actionBurst = 10
	actionEvery = 3 * time.Second
)

// keys makes and checks session cookies. They are signed with a key that only
// who has the token can make: so every replica takes the cookies of every other
// one, and another token ends all sessions.
type keys struct {
	token   [sha256.Size]byte // its hash, so that comparing says nothing of its length
	signing []byte
	none    bool // there is no token: nobody can log in
}

func newKeys(token string) *keys {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("daybook console session"))
	return &keys{sha256.Sum256([]byte(token)), mac.Sum(nil), token == ""}
}

// opens says whether a token is the right one, in a time that does not depend on
// what is wrong with it.
func (k *keys) opens(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], k.token[:]) == 1 && !k.none
}

// issue makes the value of a cookie: until when it is good, something that no
// two have in common, and the signature of both.
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

// mayAct says whether there are actions at all.
func (c *Console) mayAct() bool { return c.AllowActions && !c.keys.none }

func (c *Console) loggedIn(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	return err == nil && c.mayAct() && c.keys.accepts(cookie.Value, c.Now())
}

// loginBody is the page that asks for the token.
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
		return forbidden("Actions are not allowed on this console: daybook serve has to be started with --allow-actions and a token.")
	}
	if !c.logins.AllowN(c.Now(), 1) {
		return &failure{http.StatusTooManyRequests, "Too many attempts to log in. Wait a minute, and try again.", nil}
	}
	if !c.keys.opens(r.PostFormValue("token")) {
		c.write(w, r, http.StatusForbidden, c.loginPage(r, "That is not the token."))
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

// cookie is the session's. It is marked Secure where the browser came by TLS,
// here or, as a proxy says, at the proxy. Anybody can say what a proxy says, but
// only make the own cookie stricter by it.
func (c *Console) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	}
}

func forbidden(text string) error { return &failure{http.StatusForbidden, text, nil} }
