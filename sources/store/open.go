package store

import (
	"fmt"
	"strings"
	"time"
)

// Options are what a URL does not say.
type Options struct {
	S3           S3Options     // Bucket and Prefix come from the URL
	StallTimeout time.Duration // of S3 calls; 0 means DefaultStallTimeout
	Retry        RetryPolicy   // of S3 calls
	Create       bool          // create a local directory that does not exist, with the first Put
}

// OpenURL is the store that url names, ready for use:
//
//	s3://bucket/prefix    a bucket, or what lies below a prefix of it, with
//	                      retries and stall detection
//	file:///dir, /dir, d  a local directory, which needs neither
//
// Nothing in a URL is percent-decoded: keys and paths mean what they show.
// OpenURL sends no request: a wrong bucket or missing directory shows in the
// first call.
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
			return nil, fmt.Errorf("open the store %s: a file URL has three slashes, such as file:///srv/dumps", url)
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
	return nil, fmt.Errorf("open the store %s: the scheme %q is unknown; use s3://bucket/prefix, file:///dir or a path", url, scheme)
}
