package access

import (
	"net/http/httptest"
	"strings"
	"testing"

	"daybook/config"
)

func policy(t *testing.T) *Policy {
	t.Helper()
	p, err := New(&config.Access{
		TrustedProxies: []string{"10.2.0.0/16", "2001:db8::7"}, UserHeader: "x-forwarded-user", GroupsHeader: "X-Forwarded-Groups",
		Viewers:   config.Members{Users: []string{"eve"}, Groups: []string{"support"}},
		Operators: config.Members{Users: []string{"ada@example.com"}, Groups: []string{"data platform"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Headers count from a trusted address only, once, and with a name in them.
// It has more than 60 lines because its table has a row for each way in.
func TestIdentify(t *testing.T) {
	const proxy = "10.2.3.4:5555"
	for name, c := range map[string]struct {
		from    string
		headers []string // name: value
		user    string
		role    Role
		why     string
	}{
		"an operator by name":           {proxy, []string{"X-Forwarded-User: ada@example.com"}, "ada@example.com", Operator, ""},
		"the name of a header in lower": {proxy, []string{"x-forwarded-user: eve"}, "eve", Viewer, ""},
		"an operator by group":          {proxy, []string{"X-Forwarded-User: bob", "X-Forwarded-Groups: staff, data platform ,"}, "bob", Operator, ""},
		"the higher of two roles":       {proxy, []string{"X-Forwarded-User: eve", "X-Forwarded-Groups: data platform"}, "eve", Operator, ""},
		"a viewer by group":             {proxy, []string{"X-Forwarded-User: bob", "X-Forwarded-Groups: support"}, "bob", Viewer, ""},
		"a proxy with IPv6":             {"[2001:db8::7]:80", []string{"X-Forwarded-User: eve"}, "eve", Viewer, ""},
		"IPv4 in IPv6":                  {"[::ffff:10.2.0.1]:80", []string{"X-Forwarded-User: eve"}, "eve", Viewer, ""},
		"blanks around the name":        {proxy, []string{"X-Forwarded-User:  eve "}, "eve", Viewer, ""},
		"no entry":                      {proxy, []string{"X-Forwarded-User: bob", "X-Forwarded-Groups: staff"}, "bob", None, "logged in as bob"},
		"another case":                  {proxy, []string{"X-Forwarded-User: Eve"}, "Eve", None, "logged in as Eve"},
		"a part of a group":             {proxy, []string{"X-Forwarded-User: bob", "X-Forwarded-Groups: data,platform"}, "bob", None, "no role"},
		"another address":               {"10.3.0.1:80", []string{"X-Forwarded-User: ada@example.com"}, "", None, "came from 10.3.0.1"},
		"a neighbour with IPv6":         {"[2001:db8::8]:80", []string{"X-Forwarded-User: eve"}, "", None, "came from 2001:db8::8"},
		"a forged chain": {"10.3.0.1:80", []string{"X-Forwarded-User: eve", "X-Forwarded-For: 10.2.3.4", "X-Real-Ip: 10.2.3.4",
			"Forwarded: for=10.2.3.4"}, "", None, "came from 10.3.0.1"},
		"no address":              {"@", []string{"X-Forwarded-User: eve"}, "", None, "trusted_proxies"},
		"no user":                 {proxy, nil, "", None, "names no user"},
		"an empty user":           {proxy, []string{"X-Forwarded-User: "}, "", None, "names no user"},
		"groups without a user":   {proxy, []string{"X-Forwarded-Groups: data platform"}, "", None, "names no user"},
		"a user twice":            {proxy, []string{"X-Forwarded-User: ada@example.com", "X-Forwarded-User: eve"}, "", None, "more than once"},
		"empty, then a user":      {proxy, []string{"X-Forwarded-User: ", "X-Forwarded-User: eve"}, "", None, "more than once"},
		"groups twice":            {proxy, []string{"X-Forwarded-User: bob", "X-Forwarded-Groups: data platform", "X-Forwarded-Groups: staff"}, "", None, "more than once"},
		"underscores":             {proxy, []string{"X_Forwarded_User: ada@example.com"}, "", None, "names no user"},
		"underscores beside it":   {proxy, []string{"X_forwarded-User: ada@example.com", "X-Forwarded-User: eve"}, "eve", Viewer, ""},
		"a list of users":         {proxy, []string{"X-Forwarded-User: ada@example.com, eve"}, "ada@example.com, eve", None, "no role"},
		"a control character":     {proxy, []string{"X-Forwarded-User: eve\x1b[2J"}, "", None, "characters"},
		"another direction":       {proxy, []string{"X-Forwarded-User: eve\u202e"}, "", None, "characters"},
		"bytes that are not text": {proxy, []string{"X-Forwarded-User: eve\xff"}, "", None, "characters"},
		"a very long name":        {proxy, []string{"X-Forwarded-User: " + strings.Repeat("e", maxName+1)}, "", None, "longer"},
		"the sign for every user": {proxy, []string{"X-Forwarded-User: *"}, "*", None, "no role"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.from
			for _, h := range c.headers {
				name, value, _ := strings.Cut(h, ": ")
				if strings.Contains(name, "_") {
					r.Header[name] = append(r.Header[name], value) // as a server keeps it
				} else {
					r.Header.Add(name, value)
				}
			}
			got := policy(t).Identify(r)
			if got.User != c.user || got.Role != c.role || (got.Role == None) != (got.Why != "") || !strings.Contains(got.Why, c.why) {
				t.Errorf("%+v, want %q as %s because of %q", got, c.user, c.role, c.why)
			}
			for name := range r.Header {
				if strings.Contains(strings.ToLower(name), "user") || strings.Contains(strings.ToLower(name), "groups") {
					t.Errorf("the header %s is left", name)
				}
			}
		})
	}
}

// "*" lets every user in whom the proxy names, and still needs a name.
func TestEveryUser(t *testing.T) {
	p := policy(t)
	p.viewers.Users = []string{everyUser}
	for user, want := range map[string]Role{"": None, "bob": Viewer, "ada@example.com": Operator} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.2.0.1:1"
		r.Header.Set("X-Forwarded-User", user)
		if got := p.Identify(r); got.Role != want {
			t.Errorf("%q: %s, want %s", user, got.Role, want)
		}
	}
}
