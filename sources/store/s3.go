package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// Lookup says where a request names the bucket.
type Lookup string

const (
	LookupAuto        Lookup = ""             // virtual-host at Amazon and its like, otherwise path
	LookupPath        Lookup = "path"         // https://endpoint/bucket/key
	LookupVirtualHost Lookup = "virtual-host" // https://bucket.endpoint/key
)

// S3Options are the location of a bucket and the credentials for it. Only
// Bucket is required.
type S3Options struct {
	Bucket string
	Prefix string // keys are relative to it; it gets a final slash if it has none

	Endpoint  string                            // host or host:port, with or without http:// or https://; empty means Amazon
	Region    string                            // empty means $AWS_REGION, or the region that the endpoint reports
	Plaintext bool                              // HTTP without TLS; http:// in Endpoint means the same
	CAFile    string                            // PEM certificates that are trusted in addition to the system's
	ReadFile  func(path string) ([]byte, error) // reads CAFile; nil: os.ReadFile
	Lookup    Lookup

	// Without these keys, the credentials come from the environment, the
	// shared credentials file, or the role of the machine, in this order.
	AccessKey    string
	SecretKey    string
	SessionToken string

	Version string // of the program, for the user agent

	Requests *Requests // counts what is sent; may be nil
}

const (
	amazonEndpoint = "s3.amazonaws.com"
	// partSize is the size of a part in a multipart upload, and the largest
	// object that one request puts. With S3's limit of 10,000 parts, 16 MiB
	// allows objects of 156 GiB.
	partSize = 16 << 20
	// partThreads is how many parts of one upload are sent at once.
	partThreads = 4
	// connectTimeout limits connecting and the TLS handshake, each.
	// WithStallTimeout limits the rest of a call.
	connectTimeout = 10 * time.Second
)

// S3 is a store in a bucket, or below a prefix of one. It sends every request
// once; [WithRetry] repeats.
//
// List omits empty objects whose key ends in a slash: web consoles create them
// to show a folder.
type S3 struct {
	core   *minio.Core
	creds  *credentials.Credentials
	http   *http.Client
	bucket string
	prefix string // empty, or ends in a slash
}

// NewS3 checks the options and creates a client. It sends no request.
func NewS3(o S3Options) (*S3, error) {
	if err := s3utils.CheckValidBucketName(o.Bucket); err != nil {
		return nil, fmt.Errorf("the bucket name %q: %w", o.Bucket, err)
	}
	endpoint, secure, err := splitEndpoint(o.Endpoint, o.Plaintext)
	if err != nil {
		return nil, err
	}
	direct, err := o.newTransport()
	if err != nil {
		return nil, err
	}
	var transport http.RoundTripper = direct
	if o.Requests != nil {
		transport = countingTransport{direct, o.Requests}
	}
	creds, err := o.credentials()
	if err != nil {
		return nil, err
	}
	lookups := map[Lookup]minio.BucketLookupType{
		LookupAuto: minio.BucketLookupAuto, LookupPath: minio.BucketLookupPath, LookupVirtualHost: minio.BucketLookupDNS,
	}
	lookup, ok := lookups[o.Lookup]
	if !ok {
		return nil, fmt.Errorf("unknown bucket lookup %q; use %q, %q or nothing", o.Lookup, LookupPath, LookupVirtualHost)
	}
	region := o.Region
	if region == "" {
		region = os.Getenv("AWS_REGION")
	}
	core, err := minio.NewCore(endpoint, &minio.Options{
		Creds:        creds,
		Secure:       secure,
		Region:       region,
		BucketLookup: lookup,
		Transport:    transport,
		// minio-go would repeat a conditional put after a lost answer,
		// and report the 412 that its own first attempt caused.
		MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("the endpoint %q: %w", o.Endpoint, err)
	}
	version := o.Version
	if version == "" {
		version = "dev"
	}
	core.SetAppInfo("daybook", version)
	prefix := strings.TrimSuffix(o.Prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &S3{core: core, creds: creds, http: &http.Client{Transport: transport}, bucket: o.Bucket, prefix: prefix}, nil
}

// splitEndpoint separates an endpoint into its host and whether it uses TLS.
func splitEndpoint(endpoint string, plaintext bool) (host string, secure bool, err error) {
	scheme, host, found := strings.Cut(endpoint, "://")
	switch {
	case !found:
		host = endpoint
	case scheme == "http":
		plaintext = true
	case scheme == "https" && plaintext:
		return "", false, fmt.Errorf("the endpoint %q asks for TLS, and TLS is switched off; remove https:// or set tls to true", endpoint)
	case scheme != "https":
		return "", false, fmt.Errorf("the endpoint %q has the scheme %q; use https, http or none", endpoint, scheme)
	}
	if host == "" {
		host = amazonEndpoint
	}
	return strings.TrimSuffix(host, "/"), !plaintext, nil
}

func (o *S3Options) newTransport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	t.MaxIdleConnsPerHost = 64  // with the default of 2, most requests of a parallel run would reconnect
	t.DisableCompression = true // otherwise dumps with a Content-Encoding arrive unpacked, in another size
	t.ForceAttemptHTTP2 = false // one connection a request: a stalled request does not hold up others
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		readFile := o.ReadFile
		if readFile == nil {
			readFile = os.ReadFile
		}
		pem, err := readFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the CA file: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the CA file %s contains no PEM certificate", o.CAFile)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return t, nil
}

func (o S3Options) credentials() (*credentials.Credentials, error) {
	switch {
	case (o.AccessKey == "") != (o.SecretKey == ""):
		return nil, errors.New("S3 credentials need both the access key and the secret key")
	case o.AccessKey != "":
		return credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken), nil
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.EnvMinio{},
		&credentials.FileAWSCredentials{},
		// Outside of a cloud, the address of the metadata service never
		// answers.
		&credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}},
	}), nil
}

// URL is s3://bucket/prefix/key, not percent-encoded.
func (s *S3) URL(key string) string { return "s3://" + s.bucket + "/" + s.prefix + key }

// fail turns an error of minio-go into an *Error.
func (s *S3) fail(op, key string, err error) error {
	e := &Error{Op: op, URL: s.URL(key), Err: err}
	var response minio.ErrorResponse
	if errors.As(err, &response) {
		s.classify(e, response)
		return e
	}
	var sent *url.Error
	if errors.As(err, &sent) {
		// Its method and URL repeat ours; only the server is new.
		e.Err = fmt.Errorf("at %s: %w", s.core.EndpointURL().Host, sent.Err)
	}
	var (
		dial      *net.OpError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		verify    *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &verify):
		e.Hint, e.Final, e.NotApplied = "check the name of the endpoint, or set ca_file to the certificate of its CA", true, true
	case errors.Is(err, http.ErrSchemeMismatch):
		e.Hint, e.Final, e.NotApplied = "the server does not use TLS; put http:// before the endpoint, or set tls to false", true, true
	case errors.As(err, &dial) && dial.Op == "dial":
		e.Hint, e.NotApplied = "check the endpoint, and that its server runs", true
	}
	return e
}

// classify sets the kind and the hint for a server's answer.
func (s *S3) classify(e *Error, r minio.ErrorResponse) {
	e.Err = fmt.Errorf("%w (%s, status %d)", r, r.Code, r.StatusCode)
	conditional := e.Op == "put"
	switch {
	case r.Code == minio.NoSuchBucket:
		e.Kind, e.Err, e.Hint, e.NotApplied = ErrNoBucket, nil, "create it, or correct its name", true
	case r.StatusCode == http.StatusPreconditionFailed && conditional,
		// The answer to If-Match if the key does not exist.
		r.Code == minio.NoSuchKey && conditional:
		e.Kind, e.Err, e.NotApplied = ErrPrecondition, nil, true
	case r.StatusCode == http.StatusPreconditionFailed:
		e.Kind, e.Err = ErrChanged, nil
	case r.Code == minio.NoSuchKey:
		e.Kind, e.Err = ErrNotFound, nil
	case r.Code == "InvalidObjectState":
		e.Kind, e.NotApplied = ErrArchived, true
		e.Hint = "restore it from its archive (S3 Glacier), and run again when the copy is there"
	case r.Code == "PermanentRedirect", r.StatusCode == http.StatusMovedPermanently,
		// The answer to a request that is signed for another region.
		r.Code == "AuthorizationHeaderMalformed" && r.Region != "", r.Code == "IllegalLocationConstraintException":
		e.Final, e.NotApplied = true, true
		e.Hint = "the bucket is in another region; set region to the bucket's"
		if r.Region != "" {
			e.Hint = fmt.Sprintf("the bucket is in the region %s; set region: %[1]s", r.Region)
		}
	case r.StatusCode == http.StatusUnauthorized, r.StatusCode == http.StatusForbidden,
		// versitygw's code for an unknown access key; its status is 404.
		r.Code == "XAdminUserNotFound":
		e.Kind, e.NotApplied = ErrDenied, true
		e.Hint = "check the credentials, the bucket's policy and the clock"
		if v, err := s.creds.GetWithContext(&credentials.CredContext{Client: s.http}); err == nil && v.AccessKeyID == "" {
			e.Hint = "no credentials were found; set them in the configuration, the environment or the shared credentials file"
		}
	case r.StatusCode == http.StatusInsufficientStorage, r.Code == "XMinioStorageFull", r.Code == "QuotaExceeded":
		e.Kind, e.Hint = ErrNoSpace, "free space in the store or raise its quota, then run again"
	case r.StatusCode == http.StatusConflict, // two conditional puts at once
		r.StatusCode == http.StatusServiceUnavailable && strings.HasPrefix(r.Code, "SlowDown"),
		r.StatusCode == http.StatusTooManyRequests:
		e.NotApplied = true
	case r.Code == headBadRequest && strings.Contains(r.Message, "HTTPS"):
		// Servers in Go and nginx answer this to HTTP where they expect TLS.
		e.Hint, e.Final, e.NotApplied = "the server uses TLS; remove http:// before the endpoint, or set tls to true", true, true
	case r.StatusCode == http.StatusRequestTimeout, r.Code == "RequestTimeout",
		// versitygw refuses a put without reading its body, then takes the rest
		// of the body for the next request on the connection and answers this.
		// The answer to a HEAD has no code.
		r.StatusCode == http.StatusBadRequest && (r.Code == "BadRequest" || r.Code == headBadRequest):
	case r.StatusCode >= 400 && r.StatusCode < 500:
		e.Final, e.NotApplied = true, true
	}
}

// headBadRequest is the code that minio-go gives an answer without a body.
const headBadRequest = "400 Bad Request"

// List reads all pages of ListObjectsV2.
func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		noOwner := false
		var last string
		for info := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{
			Prefix: s.prefix + prefix, Recursive: true, FetchOwner: &noOwner,
		}) {
			if info.Err != nil {
				yield(Object{}, s.fail("list", prefix, info.Err))
				return
			}
			if strings.HasSuffix(info.Key, "/") && info.Size == 0 {
				continue
			}
			if info.Key <= last {
				yield(Object{}, &Error{Op: "list", URL: s.URL(prefix), Final: true,
					Err: fmt.Errorf("the server lists %q after %q; daybook needs keys in bytewise order: use a general purpose bucket, not a directory bucket", info.Key, last)})
				return
			}
			last = info.Key
			o := Object{Key: strings.TrimPrefix(info.Key, s.prefix), Size: info.Size, ETag: info.ETag, Modified: info.LastModified}
			if !yield(o, nil) {
				return
			}
		}
		// minio-go ends a listing without an error when its context is
		// done.
		if err := ctx.Err(); err != nil {
			yield(Object{}, s.fail("list", prefix, err))
		}
	}
}

// Open sends the request and waits for the head of the answer: the errors of
// the request show here, not in Read.
func (s *S3) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, Object, error) {
	if err := s.check("open", key); err != nil {
		return nil, Object{}, err
	}
	if offset < 0 {
		return nil, Object{}, checkOffset(s, Object{Key: key}, offset)
	}
	if length == 0 { // a Range header cannot ask for 0 bytes
		return s.openEmpty(ctx, key, offset, ifMatch)
	}
	var opts minio.GetObjectOptions
	if ifMatch != "" {
		opts.Set("If-Match", `"`+ifMatch+`"`)
	}
	asked := rangeHeader(offset, length)
	if asked != "" {
		opts.Set("Range", asked)
	}
	body, info, header, err := s.core.GetObject(ctx, s.bucket, s.prefix+key, opts)
	if err != nil {
		if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
			return s.openEmpty(ctx, key, offset, ifMatch) // the offset is at or beyond the end
		}
		return nil, Object{}, s.fail("open", key, err)
	}
	o := Object{Key: key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified}
	if asked != "" {
		o.Size, err = rangeTotal(header.Get("Content-Range"), offset, length)
	} else if o.Size < 0 {
		o.Size = UnknownSize
	}
	if err != nil {
		err = &Error{Op: "open", URL: s.URL(key), Err: err, Final: true}
	}
	// Another version first: it may have another range, too.
	if changed := checkVersion(s, "open", key, ifMatch, o.ETag); changed != nil {
		err = changed
	}
	if err != nil {
		body.Close()
		return nil, Object{}, err
	}
	return &s3Reader{s: s, key: key, body: body}, o, nil
}

// openEmpty opens a range of 0 bytes with a HEAD request.
func (s *S3) openEmpty(ctx context.Context, key string, offset int64, ifMatch string) (io.ReadCloser, Object, error) {
	info, err := s.core.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return nil, Object{}, s.fail("open", key, err)
	}
	o := Object{Key: key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified}
	if err := checkVersion(s, "open", key, ifMatch, o.ETag); err != nil {
		return nil, Object{}, err
	}
	if err := checkOffset(s, o, offset); err != nil {
		return nil, Object{}, err
	}
	return http.NoBody, o, nil
}

// rangeHeader is the value of the Range header; it is empty for a whole object.
func rangeHeader(offset, length int64) string {
	switch {
	case length >= 0 && length <= math.MaxInt64-offset:
		return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
	case offset > 0:
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return ""
}

// rangeTotal reads the size of the whole object from a Content-Range such as
// "bytes 100-199/200". It fails unless the range is the one asked for.
func rangeTotal(contentRange string, offset, length int64) (int64, error) {
	var first, last, size int64
	_, err := fmt.Sscanf(contentRange, "bytes %d-%d/%d", &first, &last, &size)
	if err != nil || first != offset || last != endOf(Object{Size: size}, offset, length)-1 {
		return 0, fmt.Errorf("the request was for %s, and the server answered with the range %q", rangeHeader(offset, length), contentRange)
	}
	return size, nil
}

type s3Reader struct {
	s    *S3
	key  string
	body io.ReadCloser
}

func (r *s3Reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err != nil && err != io.EOF {
		err = r.s.fail("read", r.key, err)
	}
	return n, err
}

func (r *s3Reader) Close() error { return r.body.Close() }

// Put sends up to partSize bytes in one request, with their MD5. A larger body
// is a multipart upload, which becomes visible when it is complete. The object
// gets the content type of its key's extension.
func (s *S3) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond Condition) (Object, error) {
	if err := s.check("put", key); err != nil {
		return Object{}, err
	}
	if err := checkPut(body, size, cond); err != nil {
		return Object{}, &Error{Op: "put", URL: s.URL(key), Err: err, Final: true, NotApplied: true}
	}
	opts := minio.PutObjectOptions{
		ContentType: ContentType(key),
		PartSize:    partSize,
		NumThreads:  partThreads,
		// For a multipart upload, this would send the parts one by one.
		SendContentMd5: size <= partSize,
	}
	switch {
	case cond.IfAbsent:
		opts.SetMatchETagExcept("*")
	case cond.IfMatch != "":
		opts.SetMatchETag(cond.IfMatch)
	}
	guard := &bodyGuard{body: body}
	defer guard.close()
	info, err := s.core.Client.PutObject(ctx, s.bucket, s.prefix+key, io.NewSectionReader(guard, 0, size), size, opts)
	if err != nil {
		return Object{}, s.fail("put", key, err)
	}
	return Object{Key: key, Size: size, ETag: info.ETag, Modified: info.LastModified}, nil
}

// A bodyGuard ends all reads of a body when Put returns. An HTTP client that
// got an early answer may still be reading it.
type bodyGuard struct {
	mu   sync.RWMutex
	body io.ReaderAt // nil after Put has returned
}

func (g *bodyGuard) ReadAt(p []byte, off int64) (int, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.body == nil {
		return 0, errors.New("the put has ended")
	}
	return g.body.ReadAt(p, off)
}

func (g *bodyGuard) close() {
	g.mu.Lock()
	g.body = nil
	g.mu.Unlock()
}

// Delete removes the current version. A bucket with versioning keeps it as a
// previous version.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := s.check("delete", key); err != nil {
		return err
	}
	err := s.core.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		return s.fail("delete", key, err)
	}
	return nil
}

// check accepts more than CheckKey: a bucket may hold keys that a directory
// cannot, and every listed key can be opened.
func (s *S3) check(op, key string) error {
	if key == "" {
		return &Error{Op: op, URL: s.URL(""), Err: errors.New("the key is empty"), Final: true, NotApplied: true}
	}
	return nil
}
