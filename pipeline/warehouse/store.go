package warehouse

import (
	"fmt"
	"net/url"
	"strings"
)

// Store is where the sink is, as it is configured. It holds no secret.
type Store struct {
	URL       string // s3://bucket/prefix, file:///directory, or a directory
	Endpoint  string // host and port of an S3 server; empty: Amazon's
	Region    string
	Plaintext bool   // the server speaks HTTP
	PathStyle bool   // requests name the bucket in the path
	Root      string // where the engine finds the sink's root, if that differs: gs://bucket/prefix, @stage
}

// unset stands in a URL for what the configuration cannot say. No bucket has such
// a name, so a statement with it fails.
const unset = "SET-THIS"

// directory is the sink's directory, if it is one.
func (s *Store) directory() (path string, ok bool) {
	if path, ok = strings.CutPrefix(s.URL, "file://"); ok || !strings.Contains(s.URL, "://") {
		return strings.TrimSuffix(path, "/"), true
	}
	return "", false
}

// bucket is the bucket of object storage, and the prefix of its keys: empty, or
// with a slash at its end.
func (s *Store) bucket() (bucket, prefix string) {
	_, rest, _ := strings.Cut(s.URL, "://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return bucket, prefix
}

// host is the name of the endpoint's host, without a port.
func (s *Store) host() string {
	host, _, _ := strings.Cut(s.Endpoint, ":")
	return strings.ToLower(host)
}

// isAmazon says that the bucket is Amazon's.
func (s *Store) isAmazon() bool {
	h := s.host()
	return h == "" || strings.HasSuffix(h, ".amazonaws.com") || strings.HasSuffix(h, ".amazonaws.com.cn")
}

// isGoogle says that the bucket is Google's.
func (s *Store) isGoogle() bool {
	h := s.host()
	return h == "storage.googleapis.com" || strings.HasSuffix(h, ".storage.googleapis.com")
}

// bucketScheme is what URLs of the bucket begin with for loaders and engines that read
// several kinds of object storage. daybook itself speaks S3 to Google's, too.
func (s *Store) bucketScheme() string {
	if s.isGoogle() {
		return "gs://"
	}
	return s3Scheme
}

const s3Scheme = "s3://"

// ObjectURL is the URL of an object for loaders. url is the one that daybook has for it:
// of a bucket, s3://bucket/key.
func (s *Store) ObjectURL(url string) string {
	if rest, isS3 := strings.CutPrefix(url, s3Scheme); isS3 {
		return s.bucketScheme() + rest
	}
	return url
}

// scheme is http or https.
func (s *Store) scheme() string {
	if s.Plaintext {
		return "http"
	}
	return "https"
}

// Endpoint of the server as a URL, for engines that want one.
func (s *Store) endpointURL() string {
	if s.Endpoint == "" {
		return ""
	}
	return s.scheme() + "://" + s.Endpoint
}

// https is the address of the sink's root over HTTP.
func (s *Store) https() string {
	bucket, prefix := s.bucket()
	path := (&url.URL{Path: "/" + prefix}).EscapedPath()
	switch {
	case s.Endpoint != "" && (s.PathStyle || strings.Contains(bucket, ".") || !s.isAmazon()):
		return s.endpointURL() + "/" + bucket + path
	case s.Endpoint != "":
		return s.scheme() + "://" + bucket + "." + s.Endpoint + path
	case s.Region == "":
		return "https://" + bucket + ".s3.amazonaws.com" + path
	}
	return "https://" + bucket + ".s3." + s.Region + ".amazonaws.com" + path
}

// patterns are characters that readers take as patterns of names.
const patterns = "*?[]{}"

// asConfigured is the sink's root for engines that read directories, and object
// storage under a scheme such as s3://.
func (s *Store) asConfigured(scheme string) (root string, err error) {
	dir, isDir := s.directory()
	if root = s.Root; root == "" && isDir {
		root = dir
	}
	if s.Root == "" && (s.URL == "" || !isDir && !strings.HasPrefix(s.URL, s3Scheme)) {
		return "", fmt.Errorf("the sink %q is neither a directory nor object storage", s.URL)
	}
	if root == "" {
		bucket, prefix := s.bucket()
		root = scheme + bucket + "/" + prefix
	}
	return s.plain(root)
}

// plain refuses a root that readers take as a pattern, or that breaks a line.
func (s *Store) plain(root string) (string, error) {
	if strings.ContainsAny(root, patterns) {
		return "", fmt.Errorf("the sink's root %q has one of the characters %s, which readers take as a pattern; put the sink under another name", root, patterns)
	}
	if strings.ContainsAny(root, "\x00\n\r") {
		return "", fmt.Errorf("the sink's root %q has a line break, which statements cannot hold; put the sink under another name", root)
	}
	return strings.TrimSuffix(root, "/") + "/", nil
}

// given is the root that --root gives. It has to begin in one of some ways.
func (s *Store) given(title string, begins ...string) (string, error) {
	for _, begin := range begins {
		if strings.HasPrefix(s.Root, begin) {
			return s.plain(s.Root)
		}
	}
	return "", fmt.Errorf("%s reads no files at %q; begin --root with %s", title, s.Root, strings.Join(begins, " or "))
}

// elsewhere says why an engine cannot read the sink, and what to do.
func (s *Store) elsewhere(title, reads, example string) []string {
	what := "a directory"
	if _, isDir := s.directory(); !isDir {
		what = "at " + s.Endpoint
		if s.Endpoint == "" {
			what = "on Amazon S3"
		}
	}
	return []string{
		fmt.Sprintf("%s reads %s, and the sink is %s.", title, reads, what),
		fmt.Sprintf("Copy the sink there, and run this command with --root %s", example),
	}
}
