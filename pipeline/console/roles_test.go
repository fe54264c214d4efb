package console

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/time/rate"

	"daybook/config"
	"daybook/pipeline/console/access"
	"daybook/pipeline/console/guard"
	"daybook/pipeline/service/actions"
)

// accessOf is the access of the tests: the proxy is the address of httptest's requests.
func accessOf(t testing.TB) *access.Policy {
	t.Helper()
	p, err := access.New(&config.Access{
		TrustedProxies: []string{"192.0.2.1"}, UserHeader: "X-Forwarded-User", GroupsHeader: "X-Forwarded-Groups",
		Viewers: config.Members{Users: []string{"vera"}}, Operators: config.Members{Groups: []string{"operators"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The callers of the tests.
func asViewer(r *http.Request) { r.Header.Set("X-Forwarded-User", "vera") }

func asOperator(r *http.Request) {
	r.Header.Set("X-Forwarded-User", "otto")
	r.Header.Set("X-Forwarded-Groups", "staff,operators")
}

func asForger(r *http.Request) {
	asOperator(r)
	r.RemoteAddr = "198.51.100.9:4711"
	r.Header.Set("X-Forwarded-For", "192.0.2.1")
	r.Header.Set("X-Real-Ip", "192.0.2.1")
	r.Header["X_Forwarded_User"] = []string{"otto"}
}

// roleTable has a request for every route, and its status for a viewer and for an
// operator. A caller without a role gets 403, and the static files.
var roleTable = map[string]struct {
	target, form     string
	viewer, operator int
}{
	"/":                                 {"/nowhere", "", 404, 404},
	"GET /{$}":                          {"/", "", 200, 200},
	"GET /reports/{report}":             {"/reports/sessions", "", 200, 200},
	"GET /reports/{report}/session":     {"/reports/sessions/session?id=7", "", 303, 303},
	"GET /reports/{report}/{partition}": {"/reports/sessions/2026-11-18", "", 200, 200},
	"GET /reports/{report}/{partition}/files/{file}":     {"/reports/sessions/2026-11-18/files/none", "", 404, 404},
	"GET /reports/{report}/{partition}/summaries/{file}": {"/reports/sessions/2026-11-18/summaries/total.csv", "", 200, 200},
	"GET /reports/{report}/sessions/{id}":                {"/reports/sessions/sessions/1?date=2026-11-18", "", 404, 404},
	"GET /reports/{report}/rejects/{day}":                {"/reports/sessions/rejects/2026-11-18", "", 200, 200},
	"GET /reports/{report}/explore":                      {"/reports/sessions/explore", "", 200, 200},
	"GET /reports/{report}/explore.csv":                  {"/reports/sessions/explore.csv", "", 200, 200},
	"GET /reports/{report}/explore.xlsx":                 {"/reports/sessions/explore.xlsx", "", 200, 200},
	"GET /reports/{report}/sessions":                     {"/reports/sessions/sessions", "", 200, 200},
	"GET /reports/{report}/sessions.csv":                 {"/reports/sessions/sessions.csv", "", 200, 200},
	"GET /reports/{report}/sessions.xlsx":                {"/reports/sessions/sessions.xlsx", "", 200, 200},
	"GET /reports/{report}/find":                         {"/reports/sessions/find?q=77", "", 404, 404},
	"GET /runs":                                          {"/runs", "", 200, 200},
	"GET /runs/{id}":                                     {"/runs/20261120T013012Z-n1", "", 200, 200},
	"GET /schedule":                                      {"/schedule", "", 200, 200},
	"GET /configuration":                                 {"/configuration", "", 200, 200},
	"GET /login":                                         {"/login", "", 200, 200},
	"GET /static/{file}":                                 {"/static/console.css", "", 200, 200},
	"POST /login":                                        {"/login", "token=" + testToken, 403, 403},
	"POST /logout":                                       {"/logout", "", 303, 303},
	"POST /actions/{verb}":                               {"/actions/rebuild", "report=sessions&from=2026-11-18", 403, 303},
}

// A new route needs a row in the table.
func TestEveryRouteByRole(t *testing.T) {
	w := newWorld(t)
	policy := accessOf(t)
	c := newConsole(t, w, func(o *Options) { o.Access = func() *access.Policy { return policy } })
	for pattern := range roleTable {
		if _, ok := c.routed.needs[pattern]; !ok {
			t.Errorf("the table has %s, and the console has no such route", pattern)
		}
	}
	for pattern, needs := range c.routed.needs {
		_, address, _ := strings.Cut(pattern, "/")
		if first, _, _ := strings.Cut(address, "/"); first != "" && first != "{$}" && !slices.Contains(config.ServedPaths, first) {
			t.Errorf("config.ServedPaths lacks %s", first)
		}
		row, ok := roleTable[pattern]
		if !ok {
			t.Errorf("the table has no row for %s", pattern)
			continue
		}
		nobody := http.StatusForbidden
		if needs == access.None {
			nobody = row.viewer
		}
		for name, caller := range map[string]struct {
			as   func(*http.Request)
			want int
		}{
			"nobody": {func(*http.Request) {}, nobody}, "a forger": {asForger, nobody},
			"a viewer": {asViewer, row.viewer}, "an operator": {asOperator, row.operator},
		} {
			t.Run(pattern+" as "+name, func(t *testing.T) {
				before := len(w.Acts())
				rec := httptest.NewRecorder()
				r := requestOf(pattern, row.target, row.form)
				caller.as(r)
				c.ServeHTTP(rec, r)
				if rec.Code != caller.want {
					t.Errorf("status %d, want %d: %s", rec.Code, caller.want, rec.Body)
				}
				if done := len(w.Acts()) > before; done != (needs == access.Operator && name == "an operator") {
					t.Errorf("an action was done: %t", done)
				}
				if rec.Code != http.StatusSeeOther {
					checkPage(t, w, rec)
				}
				if (name == "nobody" || name == "a forger") && rec.Code == http.StatusForbidden {
					checkTellsNothing(t, rec)
				}
			})
		}
	}
}

// requestOf is a request for a route's pattern.
func requestOf(pattern, target, form string) *http.Request {
	method, _, found := strings.Cut(pattern, " ")
	if !found {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// checkTellsNothing: the refusal of a caller without a role names no report and no replica.
func checkTellsNothing(t *testing.T, rec *httptest.ResponseRecorder) {
	t.Helper()
	for _, text := range []string{"emea_tier_1", "daybook-7d9f", "v1.2.3", "Looked"} {
		if strings.Contains(rec.Body.String(), text) {
			t.Errorf("the refusal says %q", text)
		}
	}
}

// An action carries the name that the proxy gives, its role, and the proxy's address.
func TestActionsNameTheirUser(t *testing.T) {
	w := newWorld(t)
	policy := accessOf(t)
	c := newConsole(t, w, func(o *Options) { o.Access = func() *access.Policy { return policy } })
	r := requestOf("POST /actions/{verb}", "/actions/rebuild", "report=sessions&from=2026-11-18")
	asOperator(r)
	c.ServeHTTP(httptest.NewRecorder(), r)
	want := actions.User{User: "otto", Role: "operator", Address: "192.0.2.1"}
	if acts := w.Acts(); len(acts) != 1 || acts[0].By != want {
		t.Errorf("the actions are %+v, want one by %+v", acts, want)
	}
}

// An action without its record in the audit log is an error page that says so.
func TestActionWithoutRecord(t *testing.T) {
	w := newWorld(t)
	w.Refuse(fmt.Errorf("%w: the disk is full", actions.ErrUnrecorded))
	policy := accessOf(t)
	c := newConsole(t, w, func(o *Options) { o.Access = func() *access.Policy { return policy } })
	r := requestOf("POST /actions/{verb}", "/actions/rebuild", "report=sessions&from=2026-11-18")
	asOperator(r)
	rec := httptest.NewRecorder()
	c.ServeHTTP(rec, r)
	if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "nothing was done") || strings.Contains(rec.Body.String(), "disk is full") {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
}

// What is refused before the routes are asked tells nothing either.
func TestRefusalsBeforeTheRoutesTellNothing(t *testing.T) {
	policy := accessOf(t)
	c := newConsole(t, newWorld(t), func(o *Options) {
		o.Access = func() *access.Policy { return policy }
		o.Hosts = []string{"daybook.example.com"}
	})
	for name, change := range map[string]func(*http.Request){
		"another host": func(r *http.Request) { r.Host = "evil.example" },
		"a long path":  func(r *http.Request) { r.URL.Path = "/" + strings.Repeat("a", guard.MaxPath) },
	} {
		rec := get(c, "/", change)
		if rec.Code < 400 {
			t.Errorf("%s: status %d", name, rec.Code)
		}
		checkTellsNothing(t, rec)
	}
}

// Roles do not lift the protection from other sites' pages.
func TestOperatorsActFromTheConsoleOnly(t *testing.T) {
	w := newWorld(t)
	policy := accessOf(t)
	c := newConsole(t, w, func(o *Options) { o.Access = func() *access.Policy { return policy } })
	r := requestOf("POST /actions/{verb}", "/actions/rebuild", "report=sessions&from=2026-11-18")
	asOperator(r)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	c.ServeHTTP(rec, r)
	if acts := w.Acts(); rec.Code != http.StatusForbidden || len(acts) > 0 {
		t.Errorf("status %d, actions %v", rec.Code, acts)
	}
}

// A cookie of a time with a token gives no role once there is a policy.
func TestCookieGivesNoRoleBesideAccess(t *testing.T) {
	w := newWorld(t)
	var policy *access.Policy
	c := newConsole(t, w, func(o *Options) { o.Access = func() *access.Policy { return policy } })
	cookie := login(t, c)
	policy = accessOf(t)
	r := requestOf("POST /actions/{verb}", "/actions/rebuild", "report=sessions&from=2026-11-18")
	asViewer(r)
	r.AddCookie(cookie)
	rec := httptest.NewRecorder()
	c.ServeHTTP(rec, r)
	if rec.Code != http.StatusForbidden || len(w.Acts()) > 0 {
		t.Errorf("status %d, actions %v", rec.Code, w.Acts())
	}
}

// Each way to fail at a login, and to ask for more than one may, is in the log, with where
// it came from and without the token. It has more than 60 lines because it lists these ways.
func TestRefusalsAreLogged(t *testing.T) {
	w, policy := newWorld(t), accessOf(t)
	const byToken, byProxy, without = "the token", "a proxy", "neither"
	login, act := "POST /login", "POST /actions/{verb}"
	guess := "token=" + testToken + "x"
	for name, tc := range map[string]struct {
		console, pattern, target, form string
		change                         func(*http.Request)
		want                           string // in the log
	}{
		"a wrong token":      {byToken, login, "/login", guess, nil, `msg="login failed" reason="wrong token"`},
		"an empty form":      {byToken, login, "/login", "", nil, `msg="login failed" reason="wrong token"`},
		"the token as query": {byToken, login, "/login?token=" + testToken, "", nil, `msg="login failed" reason="wrong token"`},
		"the token as JSON": {byToken, login, "/login", `{"token":"` + testToken + `"}`,
			func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, `msg="login failed" reason="wrong token"`},
		"a form that cannot be read": {byToken, login, "/login", "token=%zz", nil, `msg="login failed" reason="The form cannot be read`},
		"a large form":               {byToken, login, "/login", "token=" + strings.Repeat("a", guard.MaxBody), nil, `msg="login failed" reason="The request is too large`},
		"a login from another site": {byToken, login, "/login", "token=" + testToken,
			func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, `msg="login failed" reason="This request came from another site`},
		"a login without actions": {without, login, "/login", guess, nil, `msg="login failed" reason="This console does not allow actions`},
		"a login beside a proxy":  {byProxy, login, "/login", guess, asViewer, `msg="login failed" reason="The proxy before this console`},
		"basic auth": {byToken, act, "/actions/rebuild", "report=sessions",
			func(r *http.Request) { r.SetBasicAuth("operator", testToken) }, `msg="action refused" reason="Log in first`},
		"the token as bearer": {byToken, act, "/actions/rebuild", "report=sessions",
			func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+testToken) }, `msg="action refused" reason="Log in first`},
		"a forged cookie": {byToken, act, "/actions/rebuild", "report=sessions",
			func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: testToken}) }, `msg="action refused" reason="Log in first`},
		"forged headers":            {byProxy, "GET /{$}", "/", "", asForger, `msg="request refused" reason="This console is open to users whom`},
		"an action of a forger":     {byProxy, act, "/actions/rebuild", "report=sessions", asForger, `address=198.51.100.9 user="" role=none`},
		"an action of a viewer":     {byProxy, act, "/actions/rebuild", "report=sessions", asViewer, `address=192.0.2.1 user=vera role=viewer`},
		"a user without a role":     {byProxy, "GET /runs", "/runs", "", func(r *http.Request) { r.Header.Set("X-Forwarded-User", "mallory") }, `path=/runs address=192.0.2.1 user=mallory role=none`},
		"a user with a line's end":  {byProxy, "GET /runs", "/runs", "", func(r *http.Request) { r.Header.Set("X-Forwarded-User", "a\nlevel=INFO") }, `reason="The header X-Forwarded-User has characters`},
		"a proxy that names no one": {byProxy, "GET /runs", "/runs", "", func(*http.Request) {}, `reason="The proxy names no user.`},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			c := newConsole(t, w, func(o *Options) {
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
				o.AllowActions = tc.console == byToken
				if tc.console == byProxy {
					o.Access = func() *access.Policy { return policy }
				}
			})
			r := requestOf(tc.pattern, tc.target, tc.form)
			if tc.change != nil {
				tc.change(r)
			}
			rec := httptest.NewRecorder()
			c.ServeHTTP(rec, r)
			if rec.Code < 400 || len(rec.Result().Cookies()) > 0 || len(w.Acts()) > 0 {
				t.Errorf("status %d, cookies %v, actions %v", rec.Code, rec.Result().Cookies(), w.Acts())
			}
			if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, tc.want) || strings.Contains(text, testToken) {
				t.Errorf("the log is %q, want one line with %q and no token", text, tc.want)
			}
		})
	}
}

// The pages show actions to operators only.
func TestActionsAreShownToOperators(t *testing.T) {
	policy := accessOf(t)
	c := newConsole(t, newWorld(t), func(o *Options) { o.Access = func() *access.Policy { return policy } })
	c.actions = rate.NewLimiter(rate.Inf, 0)
	form := `action="/actions/` + actions.Rebuild
	if page := get(c, "/reports/sessions/2026-11-18", asViewer).Body.String(); strings.Contains(page, form) || !strings.Contains(page, ">vera<") {
		t.Error("a viewer's page has actions, or lacks the name")
	}
	if page := get(c, "/reports/sessions/2026-11-18", asOperator).Body.String(); !strings.Contains(page, form) || !strings.Contains(page, ">otto<") {
		t.Error("an operator's page has no actions, or lacks the name")
	}
}
