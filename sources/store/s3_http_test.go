package store_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"daybook/sources/store"
)

// fakeS3 is a store at a server that answers as the test says, and the
// requests it got.
func fakeS3(t *testing.T, o store.S3Options, answer http.HandlerFunc) (*store.S3, *requests) {
	t.Helper()
	seen := &requests{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.add(r)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	o.Endpoint, o.Region, o.Bucket = server.URL, "us-east-1", "bucket"
	s, err := store.NewS3(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, seen
}

var someone = store.S3Options{AccessKey: "access", SecretKey: "secret"}

type requests struct {
	mu  sync.Mutex
	all []*http.Request
}

func (r *requests) add(req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, req)
}

func (r *requests) list() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

func refuse(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
	}
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// Answers of a server, the texts of the errors, and the number of tries of WithRetry:
// an unconditional put, and a conditional one.
// It has more than 60 lines because it lists the answers of a server.
func TestS3Answers(t *testing.T) {
	for _, tt := range []struct {
		status          int
		code, message   string
		op              string // "put", "open", "look" (at nothing of it), "list" or "delete"
		kind            error
		want            string
		tries, condTrie int
	}{
		{404, "NoSuchKey", "m", "open", store.ErrNotFound, "open s3://bucket/k: not found", 1, 0},
		{404, "NoSuchBucket", "m", "open", store.ErrNoBucket, "open s3://bucket/k: no such bucket or directory; create it, or correct its name", 1, 0},
		{404, "NoSuchBucket", "m", "list", store.ErrNoBucket, "list s3://bucket/: no such bucket or directory; create it, or correct its name", 1, 0},
		{412, "PreconditionFailed", "m", "open", store.ErrChanged, "open s3://bucket/k: object changed while it was read", 1, 0},
		{412, "PreconditionFailed", "m", "put", store.ErrPrecondition, "put s3://bucket/k: precondition failed", 1, 1},
		{404, "NoSuchKey", "m", "put", store.ErrPrecondition, "put s3://bucket/k: precondition failed", 1, 1},
		{404, "NoSuchKey", "m", "delete", nil, "", 1, 0},
		{403, "SignatureDoesNotMatch", "It does not.", "put", store.ErrDenied, "put s3://bucket/k: access denied: It does not. (SignatureDoesNotMatch, status 403); check the credentials, the bucket's policy and the clock", 1, 1},
		{403, "InvalidObjectState", "Not valid for the storage class.", "open", store.ErrArchived, "open s3://bucket/k: the object is archived: Not valid for the storage class. (InvalidObjectState, status 403); restore it from its archive (S3 Glacier), and run again when the copy is there", 1, 0},
		{301, "PermanentRedirect", "Elsewhere.", "open", nil, "open s3://bucket/k: Elsewhere. (PermanentRedirect, status 301); the bucket is in another region; set region to the bucket's", 1, 0},
		{400, "IllegalLocationConstraintException", "Elsewhere.", "list", nil, "list s3://bucket/: Elsewhere. (IllegalLocationConstraintException, status 400); the bucket is in another region; set region to the bucket's", 1, 0},
		{401, "Unauthorized", "Who?", "delete", store.ErrDenied, "delete s3://bucket/k: access denied: Who? (Unauthorized, status 401); check the credentials, the bucket's policy and the clock", 1, 0},
		{507, "XMinioStorageFull", "Full.", "put", store.ErrNoSpace, "put s3://bucket/k: no space left: Full. (XMinioStorageFull, status 507); free space in the store or raise its quota, then run again", 1, 1},
		{400, "InvalidArgument", "Bad.", "open", nil, "open s3://bucket/k: Bad. (InvalidArgument, status 400)", 1, 0},
		{400, "BadRequest", "What?", "open", nil, "open s3://bucket/k: What? (BadRequest, status 400) (gave up after 3 attempts)", 3, 0},
		{400, "BadRequest", "What?", "look", nil, "open s3://bucket/k: 400 Bad Request (400 Bad Request, status 400) (gave up after 3 attempts)", 3, 0},
		{400, "RequestTimeout", "Slow.", "put", nil, "put s3://bucket/k: Slow. (RequestTimeout, status 400) (gave up after 3 attempts)", 3, 1},
		{409, "ConditionalRequestConflict", "Race.", "put", nil, "put s3://bucket/k: Race. (ConditionalRequestConflict, status 409) (gave up after 3 attempts)", 3, 3},
		{503, "SlowDown", "Slow down.", "put", nil, "put s3://bucket/k: Slow down. (SlowDown, status 503) (gave up after 3 attempts)", 3, 3},
		{500, "InternalError", "Oops.", "put", nil, "put s3://bucket/k: Oops. (InternalError, status 500) (gave up after 3 attempts)", 3, 1},
		{503, "ServiceUnavailable", "Down.", "put", nil, "put s3://bucket/k: Down. (ServiceUnavailable, status 503) (gave up after 3 attempts)", 3, 1},
		{502, "", "", "list", nil, "list s3://bucket/: Error response code . (, status 502) (gave up after 3 attempts)", 3, 0},
	} {
		t.Run(fmt.Sprintf("%d %s %s", tt.status, tt.code, tt.op), func(t *testing.T) {
			t.Parallel()
			try := func(cond store.Condition) (int, error) {
				s3, seen := fakeS3(t, someone, refuse(tt.status, tt.code, tt.message))
				s := store.WithRetry(s3, noWait(3, nil))
				var err error
				switch tt.op {
				case "put":
					_, err = s.Put(t.Context(), "k", strings.NewReader("v"), 1, cond)
				case "open":
					_, _, err = s.Open(t.Context(), "k", 0, store.ToEnd, "")
				case "look":
					_, _, err = s.Open(t.Context(), "k", 0, 0, "")
				case "list":
					for _, err = range s.List(t.Context(), "") {
					}
				case "delete":
					err = s.Delete(t.Context(), "k")
				}
				return len(seen.list()), err
			}
			tries, err := try(store.Condition{})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
				t.Errorf("\n got %v\nwant %s", err, tt.want)
			}
			if tt.kind != nil && !errors.Is(err, tt.kind) {
				t.Errorf("error %v is not %v", err, tt.kind)
			}
			if tries != tt.tries {
				t.Errorf("%d requests; want %d", tries, tt.tries)
			}
			if tt.op == "put" {
				if tries, _ := try(store.Condition{IfAbsent: true}); tries != tt.condTrie {
					t.Errorf("conditional: %d requests; want %d", tries, tt.condTrie)
				}
			}
		})
	}
}

func TestS3Requests(t *testing.T) {
	s, seen := fakeS3(t, store.S3Options{AccessKey: "access", SecretKey: "secret", Prefix: "p", Lookup: store.LookupPath, Version: "1.2.3"},
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"e"`)
			w.Header().Set("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
			if r.Method == http.MethodGet {
				body := "0123456789"[3:]
				if strings.HasSuffix(r.Header.Get("Range"), "-6") {
					body = "3456"
				}
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 3-%d/10", 2+len(body)))
				io.WriteString(w, body)
			}
		})
	if _, err := s.Put(t.Context(), "a b", strings.NewReader("v"), 1, store.Condition{IfAbsent: true}); err != nil {
		t.Error(err)
	}
	if _, err := s.Put(t.Context(), "k", strings.NewReader("v"), 1, store.Condition{IfMatch: "old"}); err != nil {
		t.Error(err)
	}
	if _, err := readAll(t, s, "k", 3, "e"); err != nil {
		t.Error(err)
	}
	rc, o, err := s.Open(t.Context(), "k", 3, 4, "")
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if o.Size != 10 {
		t.Errorf("a range of 10 bytes is of %d", o.Size)
	}
	const md5OfV = "njZp0ZtnW9VwWP1GZCBdKg==" // printf v | openssl md5 -binary | base64
	for i, want := range []map[string]string{
		{"": "PUT /bucket/p/a%20b", "Content-Type": "application/octet-stream", "If-None-Match": "*", "If-Match": "", "Content-Md5": md5OfV},
		{"": "PUT /bucket/p/k", "If-None-Match": "", "If-Match": `"old"`, "Content-Md5": md5OfV},
		{"": "GET /bucket/p/k", "If-Match": `"e"`, "Range": "bytes=3-"},
		{"": "GET /bucket/p/k", "If-Match": "", "Range": "bytes=3-6"},
	} {
		r := seen.list()[i]
		if got := r.Method + " " + r.URL.EscapedPath(); got != want[""] {
			t.Errorf("request %d: %s; want %s", i, got, want[""])
		}
		delete(want, "")
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("request %d: %s: %q; want %q", i, name, got, value)
			}
		}
		if got := r.UserAgent(); !strings.HasSuffix(got, " daybook/1.2.3") {
			t.Errorf("request %d: user agent %q", i, got)
		}
	}
}

// A server that ignores If-Match answers with the current version. Its ETag
// shows that this is another one, for every part that was asked for.
func TestS3IgnoresIfMatch(t *testing.T) {
	for etag, c := range map[string]struct {
		want error
		text string
	}{
		`"e"`:     {nil, ""},
		`"other"`: {store.ErrChanged, "its ETag was e and is now other"},
		"":        {nil, "the answer has no ETag, so it is unknown whether the object is still the one with the ETag e; use a store, or a proxy before it, that sends ETags"},
	} {
		s, _ := fakeS3(t, someone, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Match")
			if etag != "" {
				w.Header().Set("ETag", etag)
			}
			http.ServeContent(w, r, "", time.Unix(1795168800, 0), strings.NewReader("0123456789"))
		})
		for _, offset := range []int64{0, 3, 10} {
			for _, length := range []int64{store.ToEnd, 0, 2} {
				rc, _, err := s.Open(t.Context(), "k", offset, length, "e")
				if err == nil {
					rc.Close()
				}
				if c.text == "" && err != nil || c.text != "" && (err == nil || !strings.HasSuffix(err.Error(), c.text)) || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("ETag %s, %d bytes from %d: error %v; want %q", etag, length, offset, err, c.text)
				}
			}
		}
	}
}

// A server that answers with another range than was asked for, or with the
// whole, would make a wrong body.
func TestS3RangeIgnored(t *testing.T) {
	for _, c := range []struct {
		answered       string
		offset, length int64
		asked          string
	}{
		{"", 3, store.ToEnd, "bytes=3-"},
		{"", 0, 5, "bytes=0-4"},
		{"bytes 2-9/10", 3, store.ToEnd, "bytes=3-"},
		{"bytes 3-8/10", 3, store.ToEnd, "bytes=3-"},
		{"bytes 3-9/10", 3, 2, "bytes=3-4"},
		{"bytes 3-4/*", 3, 2, "bytes=3-4"},
	} {
		s, _ := fakeS3(t, someone, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"e"`)
			w.Header().Set("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
			w.Header().Set("Content-Range", c.answered)
			io.WriteString(w, "0123456789")
		})
		_, _, err := s.Open(t.Context(), "k", c.offset, c.length, "")
		if want := fmt.Sprintf("open s3://bucket/k: the request was for %s, and the server answered with the range %q", c.asked, c.answered); err == nil || err.Error() != want {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// A range that is read to its end leaves its connection to the next request.
func TestS3RangesShareAConnection(t *testing.T) {
	object := strings.Repeat("0123456789", 1<<20)
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e"`)
		http.ServeContent(w, r, "k", time.Date(2026, time.November, 20, 10, 0, 0, 0, time.UTC), strings.NewReader(object))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	o := someone
	o.Endpoint, o.Region, o.Bucket = server.URL, "us-east-1", "bucket"
	s3, err := store.NewS3(o)
	if err != nil {
		t.Fatal(err)
	}
	s := store.WithRetry(store.WithStallTimeout(s3, time.Minute), noWait(1, nil))
	for i := range int64(20) {
		rc, _, err := s.Open(t.Context(), "k", 1000*i+3, 50, "e")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 50)
		if _, err := io.ReadFull(rc, got); err != nil || string(got) != object[3:53] {
			t.Errorf("read %q (%v)", got, err)
		}
		rc.Close()
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("20 ranges took %d connections", n)
	}
}

// Sorted order is what merging and resuming rely on; folder markers are no objects.
func TestS3ListAnswers(t *testing.T) {
	page := func(keys ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<ListBucketResult>")
			for _, key := range keys {
				fmt.Fprintf(w, "<Contents><Key>%s</Key><LastModified>2026-11-20T10:00:00.000Z</LastModified><Size>0</Size></Contents>", key)
			}
			fmt.Fprint(w, "</ListBucketResult>")
		}
	}
	s, _ := fakeS3(t, someone, page("a", "b/", "b/c"))
	if keys, err := listKeys(s, t, ""); err != nil || strings.Join(keys, " ") != "a b/c" {
		t.Errorf("listed %q, %v", keys, err)
	}
	s, _ = fakeS3(t, someone, page("b", "a"))
	_, err := listKeys(s, t, "")
	if want := `list s3://bucket/: the server lists "a" after "b"; daybook needs keys in bytewise order: use a general purpose bucket, not a directory bucket`; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}

// Nothing is sent of a body that is too short.
func TestS3ShortBody(t *testing.T) {
	s, seen := fakeS3(t, someone, noContent)
	for _, size := range []int64{10, 20 << 20} {
		_, err := store.WithRetry(s, noWait(3, nil)).Put(t.Context(), "k", strings.NewReader("short"), size, store.Condition{})
		if want := fmt.Sprintf("put s3://bucket/k: the body is shorter than %d bytes: EOF", size); err == nil || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
	if n := len(seen.list()); n != 0 {
		t.Errorf("%d requests; want none", n)
	}
}

// The server refuses a part before it has the body; the client's connection
// would go on reading that, but it is the caller's again.
func TestS3BodyIsTheCallersAgain(t *testing.T) {
	s, _ := fakeS3(t, someone, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
			return
		}
		refuse(403, "AccessDenied", "Access Denied.")(w, r)
	})
	body := &slowBody{}
	if _, err := s.Put(t.Context(), "k", body, 20<<20, store.Condition{}); !errors.Is(err, store.ErrDenied) {
		t.Fatal(err)
	}
	if n := body.reading.Load(); n != 0 {
		t.Errorf("%d reads of the body are under way after Put", n)
	}
}

// slowBody takes so long to read that somebody who wants more of it than he
// may is caught in the act.
type slowBody struct{ reading atomic.Int32 }

func (b *slowBody) ReadAt(p []byte, _ int64) (int, error) {
	b.reading.Add(1)
	defer b.reading.Add(-1)
	time.Sleep(20 * time.Millisecond)
	return len(p), nil
}

// Credentials come from the environment only. Here it has none.
func TestS3WithoutCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	noMetadata := httptest.NewServer(http.NotFoundHandler())
	defer noMetadata.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", noMetadata.URL)
	s, seen := fakeS3(t, store.S3Options{}, refuse(403, "AccessDenied", "Access Denied."))
	_, err := readAll(t, s, "k", 0, "")
	const want = "open s3://bucket/k: access denied: Access Denied. (AccessDenied, status 403); no credentials were found; set them in the configuration, the environment or the shared credentials file"
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
	if got := seen.list()[0].Header.Get("Authorization"); got != "" {
		t.Errorf("an anonymous request says %q", got)
	}
}

// Given credentials take precedence over the environment.
func TestS3CredentialsFromEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "environment")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "environment")
	for _, tt := range []struct {
		o    store.S3Options
		want string
	}{
		{store.S3Options{}, "Credential=environment/"},
		{someone, "Credential=access/"},
	} {
		s, seen := fakeS3(t, tt.o, noContent)
		if err := s.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		if got := seen.list()[0].Header.Get("Authorization"); !strings.Contains(got, tt.want) {
			t.Errorf("the request is signed %q; want %s", got, tt.want)
		}
	}
}

// An endpoint may have a scheme or not. The error for a wrong one names the
// right one, and what it says works.
func TestS3Schemes(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e"`)
		http.ServeContent(w, r, "", time.Unix(1795168800, 0), strings.NewReader("0123456789"))
	})
	plain := httptest.NewServer(handler)
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	plainHost, secureHost := strings.TrimPrefix(plain.URL, "http://"), strings.TrimPrefix(secure.URL, "https://")
	for _, c := range []struct {
		endpoint  string
		plaintext bool
		want      string // the end of the error; empty if it works
	}{
		{"http://" + plainHost, false, ""},
		{"http://" + plainHost, true, ""},
		{"http://" + plainHost + "/", false, ""},
		{plainHost, true, ""},
		{plainHost, false, "; the server does not use TLS; put http:// before the endpoint, or set tls to false"},
		{"https://" + plainHost, false, "; the server does not use TLS; put http:// before the endpoint, or set tls to false"},
		{"https://" + secureHost, false, ""},
		{secureHost, false, ""},
		{"http://" + secureHost, false, "; the server uses TLS; remove http:// before the endpoint, or set tls to true"},
		{secureHost, true, "; the server uses TLS; remove http:// before the endpoint, or set tls to true"},
	} {
		s, err := store.NewS3(store.S3Options{Bucket: "bucket", Region: "us-east-1", AccessKey: "a", SecretKey: "s", Endpoint: c.endpoint, Plaintext: c.plaintext, CAFile: ca})
		if err != nil {
			t.Errorf("%s: %v", c.endpoint, err)
			continue
		}
		_, err = readAll(t, s, "k", 0, "e")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)) {
			t.Errorf("%s, plaintext %v: error %v; want %q", c.endpoint, c.plaintext, err, c.want)
		}
	}
}

// TLS is on by default, and verified.
func TestS3TLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(noContent))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	open := func(endpoint, ca string) error {
		s, err := store.NewS3(store.S3Options{Bucket: "bucket", Endpoint: endpoint, Region: "us-east-1", AccessKey: "a", SecretKey: "s", CAFile: ca})
		if err != nil {
			t.Fatal(err)
		}
		return s.Delete(context.Background(), "k")
	}
	host := strings.TrimPrefix(server.URL, "https://")
	err := open(host, "")
	if want := "tls: failed to verify certificate: x509: certificate signed by unknown authority; check the name of the endpoint, or set ca_file to the certificate of its CA"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("an unknown CA: %v; want …%s", err, want)
	}
	err = open(strings.TrimPrefix(plain.URL, "http://"), "")
	if want := "; the server does not use TLS; put http:// before the endpoint, or set tls to false"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("no TLS: %v; want …%s", err, want)
	}
	ca := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(ca, pemOf(server), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(host, ca); err != nil {
		t.Errorf("with its CA: %v", err)
	}
}

func pemOf(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// A bucket in another region: the error names the region, and nothing is tried again.
func TestS3Region(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
			refuse(http.StatusMovedPermanently, "PermanentRedirect", "Elsewhere.")(w, nil)
		},
		"a signature for another region": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "<Error><Code>AuthorizationHeaderMalformed</Code><Message>Wrong region.</Message><Region>eu-west-1</Region></Error>")
		},
	} {
		s3, _ := fakeS3(t, someone, answer)
		var waits []time.Duration
		s := store.WithRetry(s3, noWait(3, &waits))
		_, _, err := s.Open(t.Context(), "k", 0, store.ToEnd, "")
		if want := "; the bucket is in the region eu-west-1; set region: eu-west-1"; err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant …%s", name, err, want)
		}
		if len(waits) > 0 {
			t.Errorf("%s: it was tried again %d times", name, len(waits))
		}
	}
}

// An object with a Content-Encoding is read as it is stored.
func TestS3ContentEncoding(t *testing.T) {
	const stored = "\x1f\x8b\x08 packed"
	s, _ := fakeS3(t, someone, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", fmt.Sprint(len(stored)))
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Fri, 20 Nov 2026 08:00:00 GMT")
		io.WriteString(w, stored)
	})
	body, _, err := s.Open(t.Context(), "2026/11/20/a.json", 0, store.ToEnd, "v1")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || string(got) != stored {
		t.Errorf("%q, %v", got, err)
	}
}

// A server that packs or unpacks on the way sends chunks, without a length. All is read,
// and a body that is cut off is an error.
func TestS3UnknownSize(t *testing.T) {
	text := strings.Repeat("0123456789", 20_000)
	for _, cut := range []bool{false, true} {
		s3, _ := fakeS3(t, someone, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Last-Modified", "Fri, 20 Nov 2026 08:00:00 GMT")
			io.WriteString(w, text[:100_000])
			w.(http.Flusher).Flush()
			if cut {
				panic(http.ErrAbortHandler)
			}
			io.WriteString(w, text[100_000:])
		})
		body, object, err := store.WithRetry(s3, noWait(3, nil)).Open(t.Context(), "2026/11/20/a.json", 0, store.ToEnd, "v1")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		body.Close()
		if object.Size != store.UnknownSize || (err != nil) != cut || !cut && string(got) != text {
			t.Errorf("cut %t: %+v, %d bytes, %v", cut, object, len(got), err)
		}
	}
}

// Each request counts as one of its kind, also if the server refuses it.
func TestS3CountsRequests(t *testing.T) {
	var counted store.Requests
	o := someone
	o.Requests = &counted
	s, seen := fakeS3(t, o, refuse(http.StatusForbidden, "AccessDenied", "no"))
	ctx := t.Context()
	body := strings.NewReader("text")
	calls := map[string]func() error{
		"get":  func() error { _, _, err := s.Open(ctx, "key", 0, store.ToEnd, ""); return err },
		"head": func() error { _, _, err := s.Open(ctx, "key", 0, 0, ""); return err },
		"list": func() error {
			for _, err := range s.List(ctx, "prefix") {
				return err
			}
			return nil
		},
		"put":    func() error { _, err := s.Put(ctx, "key", body, 4, store.Condition{}); return err },
		"put_if": func() error { _, err := s.Put(ctx, "key", body, 4, store.Condition{IfAbsent: true}); return err },
		"delete": func() error { return s.Delete(ctx, "key") },
	}
	for i, kind := range store.RequestKinds() {
		if kind == "other" {
			continue
		}
		before := len(seen.list())
		if err := calls[kind](); !errors.Is(err, store.ErrDenied) {
			t.Errorf("%s: %v", kind, err)
		}
		if sent := len(seen.list()) - before; sent != 1 || counted.Sent(i) != 1 {
			t.Errorf("%s: %d requests were sent, and %d counted", kind, sent, counted.Sent(i))
		}
	}
	if _, err := s.Put(ctx, "key", body, 4, store.Condition{IfMatch: "etag"}); !errors.Is(err, store.ErrDenied) {
		t.Error(err)
	}
	if n := counted.Sent(slices.Index(store.RequestKinds(), "put_if")); n != 2 {
		t.Errorf("%d conditional puts were counted, and 2 were sent", n)
	}
}
