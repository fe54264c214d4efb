package store

import (
	"net/http"
	"sync/atomic"
)

// Requests counts the requests to S3, by kind. A request that is repeated counts each
// time, and each page of a listing and each part of an upload is a request. It may be
// shared by several stores and goroutines.
type Requests struct {
	sent [len(requestKinds)]atomic.Int64
}

// requestKinds are the kinds of requests. PUTs with a condition, which some providers
// limit, have a kind of their own.
var requestKinds = [...]string{"get", "head", "list", "put", "put_if", "delete", "other"}

// RequestKinds are the kinds of requests: get, head, list, put, put_if, delete, other.
func RequestKinds() []string { return requestKinds[:] }

// Sent is how many requests of the kind with an index in RequestKinds were sent.
func (r *Requests) Sent(kind int) int64 {
	if r == nil {
		return 0
	}
	return r.sent[kind].Load()
}

// kindOf is the index of a request's kind.
func kindOf(r *http.Request) int {
	switch r.Method {
	case http.MethodGet:
		if r.URL.Query().Has("list-type") {
			return 2
		}
		return 0
	case http.MethodHead:
		return 1
	case http.MethodPut:
		if r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != "" {
			return 4
		}
		return 3
	case http.MethodDelete:
		return 5
	}
	return 6
}

// countingTransport counts the requests that it passes on.
type countingTransport struct {
	http.RoundTripper
	requests *Requests
}

func (t countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.requests.sent[kindOf(r)].Add(1)
	return t.RoundTripper.RoundTrip(r)
}
