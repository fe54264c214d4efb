package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"daybook/pipeline/console/consoletest"
)

const testBase = "/tools/daybook"

// link matches every attribute whose value is an address from the root.
var link = regexp.MustCompile(`[a-z-]+="(/[^"#]*)`)

// formTarget matches the addresses of forms, which are not pages.
var formTarget = regexp.MustCompile(`/(actions/[a-z]+|logout|session)$`)

// Every page under a base path links to addresses below it only, and these are answered,
// whether the proxy passes the path on or removes the base path.
func TestPagesUnderABasePath(t *testing.T) {
	w, err := consoletest.New(t.Context(), consoletest.Options{Days: 6, SessionsPerDay: 20}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, w, func(o *Options) { o.BasePath = testBase })
	h := UnderBase(testBase, c)
	cookie := loginAt(t, h, testBase)
	seen, queue := map[string]bool{}, []string{testBase + "/"}
	for len(queue) > 0 && len(seen) < 200 {
		target := queue[0]
		queue = queue[1:]
		rec := get(h, target, func(r *http.Request) { r.AddCookie(cookie) })
		if rec.Code != http.StatusOK {
			if !formTarget.MatchString(target) {
				t.Errorf("%s: status %d", target, rec.Code)
			}
			continue
		}
		if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
			continue
		}
		if len(seen) < 30 { // the same page, if the proxy removes the base path
			without := get(h, strings.TrimPrefix(target, testBase), func(r *http.Request) { r.AddCookie(cookie) })
			if without.Body.String() != rec.Body.String() {
				t.Errorf("%s: another page if the proxy removes the base path", target)
			}
		}
		for _, found := range link.FindAllStringSubmatch(rec.Body.String(), -1) {
			to := strings.ReplaceAll(found[1], "&amp;", "&")
			if !strings.HasPrefix(to, testBase+"/") {
				t.Fatalf("%s links to %s", target, to)
			}
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	for _, page := range []string{"/", "/runs", "/reports/sessions/2026-11-18", "/static/console.js?v=" + static["console.js"].hash, "/actions/rebuild"} {
		if !seen[testBase+page] {
			t.Errorf("no link leads to %s", testBase+page)
		}
	}
}

// loginAt logs in under a base path, and checks the cookie's path and the redirect.
func loginAt(t *testing.T, h http.Handler, base string) *http.Cookie {
	t.Helper()
	rec := postTo(h, base+"/login", url.Values{"token": {testToken}}, nil)
	cookies := rec.Result().Cookies()
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != base+"/?done=login" || len(cookies) != 1 || cookies[0].Path != base+"/" {
		t.Fatalf("status %d to %q with %v", rec.Code, rec.Header().Get("Location"), cookies)
	}
	return cookies[0]
}

func postTo(h http.Handler, target string, form url.Values, cookie *http.Cookie) *httptest.ResponseRecorder {
	r := requestOf("POST ", target, form.Encode())
	if cookie != nil {
		r.AddCookie(cookie)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// Redirects stay below the base path, with and without its removal by the proxy.
func TestRedirectsUnderABasePath(t *testing.T) {
	c := newConsole(t, newWorld(t), func(o *Options) { o.BasePath = testBase })
	h := UnderBase(testBase, c)
	cookie := loginAt(t, h, testBase)
	act := url.Values{"report": {"sessions"}, "from": {"2026-11-18"}}
	for _, prefix := range []string{"", testBase} {
		if to := postTo(h, prefix+"/actions/rebuild", act, cookie).Header().Get("Location"); to != testBase+"/reports/sessions/2026-11-18?done=rebuild" {
			t.Errorf("an action leads to %q", to)
		}
		for target, want := range map[string]string{
			"/reports/sessions/session?id=7": testBase + "/reports/sessions/sessions/7?",
			"//evil.example/":                testBase + "/evil.example/",
			"/runs/../schedule":              testBase + "/schedule",
			"/./runs?format=json":            testBase + "/runs?format=json",
			"//evil.example/a%2fb":           testBase + "/evil.example/a%2fb",
			"/runs/../a%2Fb%20c":             testBase + "/a%2Fb%20c",
			"/%5Cevil.example//":             testBase + "/%5Cevil.example/",
		} {
			r := httptest.NewRequest(http.MethodGet, "http://localhost"+prefix+target, nil)
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if to := rec.Header().Get("Location"); to != want {
				t.Errorf("%s leads to %q with status %d, want %q", prefix+target, to, rec.Code, want)
			}
		}
	}
	if rec := get(h, testBase+"?format=json"); rec.Header().Get("Location") != testBase+"/?format=json" {
		t.Errorf("the base path alone leads to %q", rec.Header().Get("Location"))
	}
	if rec := get(h, "/tools/daybooks"); rec.Code != http.StatusNotFound {
		t.Errorf("a path that only looks like the base path: status %d", rec.Code)
	}
}
