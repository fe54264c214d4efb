// Package webhook sends events to a URL.
//
// # What is sent
//
// A delivery is one POST of JSON. In the format json, the body is an [Event]:
//
//	{
//	  "id": "late-sessions-2026-11-20",      the same in every attempt
//	  "event": "late",                       or failed, restated, recovered, published
//	  "report": "sessions",                  omitted if it concerns none, or several
//	  "kind": "day",                         or month, digest; omitted if it concerns several
//	  "partition": "2026-11-20",             or 2026-11; omitted if it concerns several
//	  "revision": 2,                         omitted if nothing was published
//	  "text": "sessions 2026-11-20 is late", in words
//	  "time": "2026-11-21T05:00:00Z",
//	  "changes": [{"change": "restated", …}], of published: lines of daybook changes --json
//	  "more": 7260                           of published: the changes that are left out
//	}
//
// In the format slack, the body is a message for Slack and compatible services:
//
//	{"text": "*late*: sessions 2026-11-20 is late"}
//
// The header Daybook-Delivery holds the event's id, so that a receiver
// recognises an event that arrives twice because an answer was lost. With a
// secret, there is also a signature:
//
//	Daybook-Signature: t=1795237200,v1=5257a869...
//
// t is the time of signing, in Unix seconds, and v1 the HMAC-SHA256 of "t.body"
// with the secret, in hex. A receiver computes the same, compares it in
// constant time, and refuses old signatures. Every attempt has a new signature.
//
// # Attempts
//
// An answer of 2xx means that the receiver has taken the event. Network errors,
// time-outs, 429 and 5xx are retried, with growing pauses or as Retry-After
// asks. Every other answer is final. Redirects are not followed, because they
// could carry the event to a host that is not configured.
//
// A URL may contain a token, so errors show at most its host. Of an answer they
// show only the status, because the text may quote the URL.
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

// Event is something that a hook reports.
type Event struct {
	ID        string    `json:"id"` // the same in every attempt
	Event     string    `json:"event"`
	Report    string    `json:"report,omitempty"`
	Kind      string    `json:"kind,omitempty"`
	Partition string    `json:"partition,omitempty"`
	Revision  int       `json:"revision,omitempty"`
	Text      string    `json:"text"`
	Time      time.Time `json:"time"`

	Changes []json.RawMessage `json:"changes,omitempty"` // each an inspect.Change
	More    int               `json:"more,omitempty"`    // changes that are left out
}

// The headers of a delivery.
const (
	DeliveryHeader  = "Daybook-Delivery"
	SignatureHeader = "Daybook-Signature"
)

// ErrRefused is wrapped by errors after which a retry has no use.
var ErrRefused = errors.New("the webhook refuses it")

const (
	attempts       = 4
	attemptTimeout = 10 * time.Second
	firstPause     = time.Second // doubled before each further attempt
	// If a receiver asks for a longer pause, the caller, who keeps the
	// event, delivers it again later.
	maxPause = 30 * time.Second
	// Read this much of an answer, in bytes, so that its connection can be
	// reused.
	maxAnswer = 64 << 10
)

// Hook is a URL that receives events. It is safe for concurrent use.
type Hook struct {
	url    *url.URL
	secret config.Secret // signs deliveries; zero: unsigned
	key    config.Secret // is sent as a bearer token; zero: none is
	format string
	client http.Client
}

// New creates a hook from its configuration. Requests use transport; nil means
// HTTP, through the proxy of the environment.
func New(c *config.Webhook, transport http.RoundTripper) (*Hook, error) {
	return newHook(&Hook{secret: c.Secret, format: c.Format}, c.URL.Reveal(), transport)
}

// NewLineage creates the hook that takes events of OpenLineage, by [Hook.Post].
func NewLineage(c *config.Lineage, transport http.RoundTripper) (*Hook, error) {
	return newHook(&Hook{key: c.APIKey}, c.URL, transport)
}

func newHook(h *Hook, address string, transport http.RoundTripper) (*Hook, error) {
	var err error
	if h.url, err = url.Parse(address); err != nil || h.url.Host == "" {
		return nil, errors.New("webhook: url is not a valid URL") // err would show the URL
	}
	h.client = http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return h, nil
}

// Host is the scheme and the host of the hook's URL: the part that may be
// shown.
func (h *Hook) Host() string { return h.url.Scheme + "://" + h.url.Host }

// Deliver sends an event, with retries for up to one or two minutes. An error
// that wraps [ErrRefused] is final. After any other error the hook may have
// taken the event.
func (h *Hook) Deliver(ctx context.Context, e *Event) error {
	body, err := h.body(e)
	if err != nil {
		return fmt.Errorf("deliver %s to %s: %w", e.ID, h.Host(), err)
	}
	return h.Post(ctx, e.ID, body)
}

// Post is [Hook.Deliver] with a body of JSON that the caller has made. id is the same
// in every attempt.
func (h *Hook) Post(ctx context.Context, id string, body []byte) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		after, err := h.attempt(ctx, id, body)
		if err == nil {
			return nil
		}
		wait := max(pause, after)
		if errors.Is(err, ErrRefused) || ctx.Err() != nil || attempt == attempts || wait > maxPause {
			return fmt.Errorf("deliver %s to %s, attempt %d: %w", id, h.Host(), attempt, err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("deliver %s to %s, attempt %d: %w; then: %w", id, h.Host(), attempt, err, ctx.Err())
		}
		pause *= 2
	}
}

// body encodes an event in the hook's format.
func (h *Hook) body(e *Event) ([]byte, error) {
	if h.format != "slack" {
		return json.Marshal(e)
	}
	// Slack interprets these three characters as markup.
	plain := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	var message bytes.Buffer
	encoder := json.NewEncoder(&message)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Text string `json:"text"`
	}{fmt.Sprintf("*%s*: %s", plain.Replace(e.Event), plain.Replace(e.Text))})
	return bytes.TrimSpace(message.Bytes()), err
}

// attempt sends a body once. after is the pause that the receiver asks for, or
// 0.
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
	if !h.key.IsZero() {
		r.Header.Set("Authorization", "Bearer "+h.key.Reveal())
	}
	if !h.secret.IsZero() {
		r.Header.Set(SignatureHeader, sign(h.secret, time.Now(), body))
	}
	answer, err := h.client.Do(r)
	if err != nil {
		return 0, seen(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // only the status matters
	switch status := answer.StatusCode; {
	case status >= 200 && status < 300:
		return 0, nil
	case status >= 300 && status < 400:
		return 0, fmt.Errorf("%w: it answers %d, a redirect; set url to the URL that it redirects to", ErrRefused, status)
	case status == http.StatusTooManyRequests || status >= 500:
		return retryAfter(answer.Header.Get("Retry-After"), time.Now()), fmt.Errorf("it answers %s", statusText(status))
	default:
		return 0, fmt.Errorf("%w: it answers %s", ErrRefused, statusText(status))
	}
}

// statusText is a status with its standard text, not the server's.
func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// sign returns the signature of body at a time.
func sign(secret config.Secret, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// retryAfter parses a Retry-After header: a number of seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	const longest = 24 * 60 * 60 // seconds; a limit prevents overflow
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, longest)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// seen reduces an error to what may be shown: of the URL at most the host.
// Errors of unknown types are not shown at all, such as one that quotes the
// request.
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
	return errors.New("the answer is not HTTP")
}
