package store

import (
	"fmt"
	"strings"
	"time"
)

// Options are the settings that a URL cannot hold.
type Options struct {
	S3           S3Options     // Bucket and Prefix come from the URL
	StallTimeout time.Duration // for S3 only; 0 means DefaultStallTimeout
	Retry        RetryPolicy   // for S3 only
	Create       bool          // the first Put creates a missing local directory
}

// OpenURL returns the store at url:
//
//	s3://bucket/prefix    a bucket, or the keys below a prefix, with retries
//	                      and a stall time-out
//	file:///dir, /dir, d  a local directory
//
// URLs are taken literally, without percent-decoding. OpenURL sends no request:
// a wrong bucket or a missing directory shows in the first call.
func OpenURL(url string, o Options) (Store, error) {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		scheme, rest = "file", url
	}
	switch scheme {
	case "s3":
		o.S3.Bucket, o.S3.Prefix, _ = strings.Cut(rest, "/")
		s, err := NewS3(o.S3)
		if err != nil {
			return nil, fmt.Errorf("open the store %s: %w", url, err)
		}
		timeout := o.StallTimeout
		if timeout == 0 {
			timeout = DefaultStallTimeout
		}
		return WithRetry(WithStallTimeout(s, timeout), o.Retry), nil
	case "file":
		if found && !strings.HasPrefix(rest, "/") {
			return nil, fmt.Errorf("open the store %s: a file URL needs three slashes, such as file:///srv/dumps", url)
		}
		open := NewDir
		if o.Create {
			open = CreateDir
		}
		d, err := open(rest)
		if err != nil {
			return nil, fmt.Errorf("open the store %q: %w", url, err)
		}
		return d, nil
	}
	return nil, fmt.Errorf("open the store %s: unknown scheme %q; use s3://bucket/prefix, file:///dir or a path", url, scheme)
}
