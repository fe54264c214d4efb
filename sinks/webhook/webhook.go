// Package webhook tells a URL of an event.
//
// # What is sent
//
// A delivery is one POST of JSON. In the format json, its body is an [Event]:
//
//	{
//	  "id": "late-sessions-2026-11-20",      the same whenever it is delivered again
//	  "event": "late",                       or failed, restated, recovered
//	  "report": "sessions",                  left out where it is of no report
//	  "kind": "day",                         or month, digest
//	  "partition": "2026-11-20",             or 2026-11
//	  "revision": 2,                         left out where nothing was published
//	  "text": "sessions 2026-11-20 is late", in words
//	  "time": "2026-11-21T05:00:00Z"
//	}
//
// In the format slack, it is a message as Slack and its like take it:
//
//	{"text": "*late*: sessions 2026-11-20 is late"}
//
// Each delivery has the header Daybook-Delivery, which is the id of the event:
// who gets one twice (an answer was lost) can tell by it. With a secret there
// is a signature, too:
//
//	Daybook-Signature: t=1795237200,v1=5257a869...
//
// t is when it was signed, in Unix time, and v1 the HMAC-SHA256 of "t.body"
// with the secret, in hexadecimal digits. Receivers compute the same, compare
// it in constant time, and refuse what was signed more than some minutes ago:
// each attempt is signed anew.
//
// # Attempts
//
// An answer of 2xx means that the event has been taken. Network errors, answers
// that take too long, 429 and 5xx are tried again, with growing pauses or as
// Retry-After asks; anything else is final. Redirects are not followed: they
// would carry what is sent, and whom it is from, to places nobody configured.
//
// A URL may hold a token. Errors show its host at most, and of an answer only
// the number of its status: its text may quote the URL.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"daybook/config"
)

// Event is what a hook is told.
type Event struct {
	ID        string    `json:"id"` // the same whenever it is delivered again
	Event     string    `json:"event"`
	Report    string    `json:"report,omitempty"`
	Kind      string    `json:"kind"`
	Partition string    `json:"partition"`
	Revision  int       `json:"revision,omitempty"`
	Text      string    `json:"text"`
	Time      time.Time `json:"time"`
}

// The headers of a delivery.
const (
	DeliveryHeader  = "Daybook-Delivery"
	SignatureHeader = "Daybook-Signature"
)

// ErrRefused is why a delivery failed if it is of no use to try it again.
var ErrRefused = errors.New("the webhook refuses it")

const (
	attempts       = 4
	attemptTimeout = 10 * time.Second
	firstPause     = time.Second // doubled before each further attempt
	// Who wants to be left alone for longer is tried again by whoever keeps
	// the event.
	maxPause = 30 * time.Second
	// As much of an answer is read so that its connection can be used again.
	maxAnswer = 64 << 10
)

// Hook is a URL to tell. It may be used by several goroutines.
type Hook struct {
	url    *url.URL
	secret config.Secret
	format string
	client http.Client
}

// New makes a hook of its configuration. Requests go by transport; nil stands
// for HTTP itself, by way of the environment's proxy.
func New(c *config.Webhook, transport http.RoundTripper) (*Hook, error) {
	u, err := url.Parse(c.URL.Reveal())
	if err != nil || u.Host == "" {
		return nil, errors.New("webhook: the url is none") // what is wrong with it would show it
	}
	return &Hook{u, c.Secret, c.Format, http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Host is the scheme and the host of the hook's URL: what may be shown of it.
func (h *Hook) Host() string { return h.url.Scheme + "://" + h.url.Host }

// Deliver tells the hook of an event, and tries again for up to a minute or
// two. An error that is [ErrRefused] is final. Nothing else says whether the
// hook has taken the event after all.
func (h *Hook) Deliver(ctx context.Context, e *Event) error {
	body, err := h.body(e)
	if err != nil {
		return fmt.Errorf("deliver %s to %s: %w", e.ID, h.Host(), err)
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		after, err := h.attempt(ctx, e.ID, body)
		if err == nil {
			return nil
		}
		wait := max(pause, after)
		if errors.Is(err, ErrRefused) || ctx.Err() != nil || attempt == attempts || wait > maxPause {
			return fmt.Errorf("deliver %s to %s, attempt %d: %w", e.ID, h.Host(), attempt, err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("deliver %s to %s, attempt %d: %w; then: %w", e.ID, h.Host(), attempt, err, ctx.Err())
		}
		pause *= 2
	}
}

// body is what is sent of an event.
func (h *Hook) body(e *Event) ([]byte, error) {
	if h.format != "slack" {
		return json.Marshal(e)
	}
	// Slack takes these three for markup.
	plain := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	var message bytes.Buffer
	encoder := json.NewEncoder(&message)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Text string `json:"text"`
	}{fmt.Sprintf("*%s*: %s", plain.Replace(e.Event), plain.Replace(e.Text))})
	return bytes.TrimSpace(message.Bytes()), err
}

// attempt sends a body once. If the hook asks to be left alone for some time,
// after is how long.
func (h *Hook) attempt(ctx context.Context, id string, body []byte) (after time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url.String(), bytes.NewReader(body))
	if err != nil {
		return 0, seen(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "daybook")
	r.Header.Set(DeliveryHeader, id)
	if !h.secret.IsZero() {
		r.Header.Set(SignatureHeader, sign(h.secret, time.Now(), body))
	}
	answer, err := h.client.Do(r)
	if err != nil {
		return 0, seen(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // the status has said it all
	switch status := answer.StatusCode; {
	case status >= 200 && status < 300:
		return 0, nil
	case status >= 300 && status < 400:
		return 0, fmt.Errorf("%w: it answers %d, which leads elsewhere; configure the URL that it leads to", ErrRefused, status)
	case status == http.StatusTooManyRequests || status >= 500:
		return retryAfter(answer.Header.Get("Retry-After"), time.Now()), fmt.Errorf("it answers %s", statusText(status))
	default:
		return 0, fmt.Errorf("%w: it answers %s", ErrRefused, statusText(status))
	}
}

// statusText is a status without what the server calls it.
func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// sign is the signature of a body at an instant.
func sign(secret config.Secret, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// retryAfter reads the header of that name: a number of seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	const longest = 24 * 60 * 60 // seconds; more would overflow, sooner or later
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, longest)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// seen is what may be seen of an error: it shows no more of the URL than its
// host. What is not known not to show it is not shown, such as an answer that
// is no HTTP but quotes the request.
func seen(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	for _, known := range []error{context.Canceled, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return fmt.Errorf("no answer: %w", known)
		}
	}
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &network):
		return network
	case errors.As(err, &certificate):
		return certificate
	}
	return errors.New("no answer of HTTP")
}
