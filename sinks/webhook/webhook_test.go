package webhook_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"daybook/config"
	"daybook/sinks/webhook"
)

var event = webhook.Event{
	ID: "late-sessions-2026-11-20", Event: "late", Report: "sessions", Kind: "day", Partition: "2026-11-20",
	Text: "sessions 2026-11-20 is late: <3 of 4> & counting", Time: time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC),
}

// jsonBody and slackBody are what is sent of the event.
const (
	jsonBody = `{"id":"late-sessions-2026-11-20","event":"late","report":"sessions","kind":"day","partition":"2026-11-20",` +
		`"text":"sessions 2026-11-20 is late: \u003c3 of 4\u003e \u0026 counting","time":"2026-11-21T05:00:00Z"}`
	slackBody = `{"text":"*late*: sessions 2026-11-20 is late: &lt;3 of 4&gt; &amp; counting"}`
)

func hook(t testing.TB, c config.Webhook, url string, transport http.RoundTripper) *webhook.Hook {
	t.Helper()
	c.URL = config.NewSecret(url)
	h, err := webhook.New(&c, transport)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// roundTrip answers requests without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, header ...string) *http.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("an answer"))}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestDelivery(t *testing.T) {
	for _, c := range []struct {
		name, body string
		config     config.Webhook
	}{
		{"json", jsonBody, config.Webhook{Format: "json"}},
		{"signed", jsonBody, config.Webhook{Format: "json", Secret: config.NewSecret("s1gning key")}},
		{"slack", slackBody, config.Webhook{Format: "slack"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan *http.Request, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if string(body) != c.body {
					t.Errorf("it sends %s, want %s", body, c.body)
				}
				got <- r
				w.WriteHeader(http.StatusNoContent)
			}))
			defer server.Close()
			before := time.Now().Unix()
			if err := hook(t, c.config, server.URL+"/hooks/t0ken?key=va1ue", nil).Deliver(t.Context(), &event); err != nil {
				t.Fatal(err)
			}
			r := <-got
			if r.Method != http.MethodPost || r.RequestURI != "/hooks/t0ken?key=va1ue" {
				t.Errorf("%s %s", r.Method, r.RequestURI)
			}
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
			if got := r.Header.Get("Daybook-Delivery"); got != event.ID {
				t.Errorf("delivery %q", got)
			}
			checkSignature(t, r.Header.Get("Daybook-Signature"), c.config.Secret.Reveal(), c.body, before)
		})
	}
}

// checkSignature does what a receiver does.
func checkSignature(t *testing.T, header, secret, body string, notBefore int64) {
	t.Helper()
	if secret == "" {
		if header != "" {
			t.Errorf("signed without a secret: %s", header)
		}
		return
	}
	stamp, signature, ok := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil || at < notBefore || at > time.Now().Unix() {
		t.Fatalf("the signature is %q", header)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	if want := hex.EncodeToString(mac.Sum(nil)); signature != want {
		t.Errorf("the signature is %s, want %s", signature, want)
	}
}

// TestAttempts: what is tried again, after which pauses, and what is not.
// It has more than 60 lines because it lists the answers of a server.
func TestAttempts(t *testing.T) {
	refused := errors.New("connection refused")
	for _, c := range []struct {
		name    string
		answers []any // a status, a status with a Retry-After, or an error; the last one again and again
		at      []time.Duration
		want    string // the error, or empty
		final   bool
	}{
		{"taken", []any{200}, []time.Duration{0}, "", false},
		{"taken in the end", []any{500, 503, refused, 202}, seconds(0, 1, 3, 7), "", false},
		{"network errors", []any{refused}, seconds(0, 1, 3, 7), "attempt 4: dial tcp: connection refused", false},
		{"server errors", []any{502}, seconds(0, 1, 3, 7), "attempt 4: it answers 502 Bad Gateway", false},
		{"too many", []any{"429 5", "429 2", 200}, seconds(0, 5, 7), "", false},
		{"until a date", []any{"503 Sat, 01 Jan 2000 00:00:20 GMT", 200}, seconds(0, 20), "", false},
		{"a date that has passed", []any{"503 Fri, 31 Dec 1999 23:00:00 GMT", 200}, seconds(0, 1), "", false},
		{"an odd wish", []any{"503 soon", 200}, seconds(0, 1), "", false},
		{"left alone for long", []any{"429 31"}, seconds(0), "attempt 1: it answers 429 Too Many Requests", false},
		{"left alone for ever", []any{"429 18446744073709551615"}, seconds(0), "attempt 1: it answers 429", false},
		{"not found", []any{404}, seconds(0), "attempt 1: the webhook refuses it: it answers 404 Not Found", true},
		{"refused after all", []any{500, 400}, seconds(0, 1), "attempt 2: the webhook refuses it: it answers 400 Bad Request", true},
		{"elsewhere", []any{307}, seconds(0), "attempt 1: the webhook refuses it: it answers 307, a redirect", true},
		{"an unknown status", []any{299, 200}, seconds(0), "", false},
		{"slow", []any{context.DeadlineExceeded}, seconds(0, 11, 23, 37), "attempt 4: no answer in time", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var at []time.Duration
				transport := roundTrip(func(r *http.Request) (*http.Response, error) {
					at = append(at, time.Since(start))
					next := c.answers[min(len(at), len(c.answers))-1]
					switch next := next.(type) {
					case int:
						return answer(next), nil
					case string:
						status, after, _ := strings.Cut(next, " ")
						code, err := strconv.Atoi(status)
						return answer(code, "Retry-After", after), err
					}
					if next == context.DeadlineExceeded {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: next.(error)}
				})
				err := hook(t, config.Webhook{}, "https://hooks.example.org/t0ken", transport).Deliver(t.Context(), &event)
				if !slices.Equal(at, c.at) {
					t.Errorf("it was tried after %v, want %v", at, c.at)
				}
				switch {
				case c.want == "":
					if err != nil {
						t.Error(err)
					}
				case err == nil || !strings.Contains(err.Error(), "deliver late-sessions-2026-11-20 to https://hooks.example.org, "+c.want):
					t.Errorf("the error is %v", err)
				}
				if errors.Is(err, webhook.ErrRefused) != c.final {
					t.Errorf("final: %t: %v", !c.final, err)
				}
			})
		})
	}
}

func seconds(s ...int) []time.Duration {
	var all []time.Duration
	for _, n := range s {
		all = append(all, time.Duration(n)*time.Second)
	}
	return all
}

// TestEachAttemptIsSignedAnew: or receivers would refuse it as too old.
func TestEachAttemptIsSignedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Unix()
		attempt := 0
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			checkSignature(t, r.Header.Get("Daybook-Signature"), "key", string(body), start+[]int64{0, 1, 3}[attempt])
			if attempt++; attempt < 3 {
				return answer(500), nil
			}
			return answer(200), nil
		})
		h := hook(t, config.Webhook{Secret: config.NewSecret("key")}, "https://hooks.example.org/", transport)
		if err := h.Deliver(t.Context(), &event); err != nil {
			t.Error(err)
		}
	})
}

// TestStop: who waits for the next attempt stops at once.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		time.AfterFunc(1500*time.Millisecond, cancel)
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			return answer(500), nil
		})
		err := hook(t, config.Webhook{}, "https://hooks.example.org/", transport).Deliver(ctx, &event)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 1500*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// TestRedirectsAreNotFollowed, wherever they lead.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(other.URL+"/metadata", status))
		defer server.Close()
		err := hook(t, config.Webhook{}, server.URL+"/t0ken", nil).Deliver(t.Context(), &event)
		if !errors.Is(err, webhook.ErrRefused) || strings.Contains(err.Error(), "metadata") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d requests were led elsewhere", n)
	}
}

// TestLongAnswer: of an answer without an end, no more is read than is of use.
func TestLongAnswer(t *testing.T) {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	if err := hook(t, config.Webhook{}, server.URL, nil).Deliver(t.Context(), &event); err != nil {
		t.Error(err)
	}
	<-ended
}

// TestErrorsHideTheURL: neither what fails on the way nor what the server says
// brings the path, the query or the credentials to light.
func TestErrorsHideTheURL(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := silent.Addr().String()
	silent.Close()

	// It quotes what it is asked for, in the status, the header and the body.
	quoting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		w.Header().Set("Location", r.RequestURI)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(map[string]int{"/t0ken/429": 429, "/t0ken/404": 404, "/t0ken/302": 302}[r.URL.Path])
		fmt.Fprintln(w, r.RequestURI, user, password)
	}))
	t.Cleanup(quoting.Close)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler()) // its certificate is unknown
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)

	for _, c := range []struct{ name, scheme, host, path, want string }{
		{"closed", "http", closed, "/t0ken", "connection refused"},
		{"certificate", "https", secure.Listener.Addr().String(), "/t0ken", "certificate"},
		{"no http", "http", echo(t), "/t0ken", "the answer is not HTTP"},
		{"too many", "http", quoting.Listener.Addr().String(), "/t0ken/429", "429 Too Many Requests"},
		{"not found", "http", quoting.Listener.Addr().String(), "/t0ken/404", "404 Not Found"},
		{"elsewhere", "http", quoting.Listener.Addr().String(), "/t0ken/302", "302, a redirect"},
		{"no scheme", "gopher", "example.org", "/t0ken", "the answer is not HTTP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := c.scheme + "://us3r:passw0rd@" + c.host + c.path + "?key=va1ue"
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := hook(t, config.Webhook{}, target, once{cancel}).Deliver(ctx, &event)
			if err == nil || !strings.Contains(err.Error(), c.scheme+"://"+c.host) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want one about %s: %s", err, c.host, c.want)
			}
			for _, secret := range []string{"t0ken", "us3r", "passw0rd", "va1ue"} {
				if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, secret) {
					t.Errorf("the error shows %s: %s", secret, text)
				}
			}
			if inner := new(url.Error); errors.As(err, &inner) {
				t.Error("the error holds the URL")
			}
		})
	}
	for _, bad := range []string{"", "/t0ken", "https://", "https://exa mple.org/t0ken", "https://example.org/%zzt0ken"} {
		if _, err := webhook.New(&config.Webhook{URL: config.NewSecret(bad)}, nil); err == nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// once ends a delivery after its first attempt.
type once struct{ cancel func() }

func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	defer o.cancel()
	return http.DefaultTransport.RoundTrip(r)
}

// echo is the address of a server that sends back the first line it gets, so
// its answer is not HTTP.
func echo(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, line)
			conn.Close()
		}
	}()
	return listener.Addr().String()
}
