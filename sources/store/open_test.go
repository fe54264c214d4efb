package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"daybook/sources/store"
)

func TestOpenURL(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"s3://bucket":           "s3://bucket/k",
		"s3://bucket/":          "s3://bucket/k",
		"s3://bucket/a/b":       "s3://bucket/a/b/k",
		"s3://bucket/a%20b/":    "s3://bucket/a%20b/k",
		"file:///srv/dumps":     "file:///srv/dumps/k",
		"file:///srv/a b%20c/":  "file:///srv/a b%20c/k",
		"/srv/dumps":            "file:///srv/dumps/k",
		"relative/../elsewhere": "file://" + filepath.Join(dir, "elsewhere") + "/k",
	} {
		s, err := store.OpenURL(url, store.Options{})
		if err != nil {
			t.Error(err)
		} else if got := s.URL("k"); got != want {
			t.Errorf("%s: the key k is %s; want %s", url, got, want)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 0 {
		t.Errorf("opening created %v, %v", entries, err)
	}
}

// A directory that may be created is an empty store until something is put into
// it. Once it was there, it must not vanish: another disk may be in its place.
func TestCreatedByTheFirstPut(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := store.OpenURL("made/here", store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	for object, err := range s.List(t.Context(), "a/") {
		t.Errorf("lists %v, %v", object, err)
	}
	if _, _, err := s.Open(t.Context(), "a/b", 0, store.ToEnd, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("open: %v", err)
	}
	if err := s.Delete(t.Context(), "a/b"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := os.Stat("made"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("created by who only looks: %v", err)
	}
	put := func() error {
		_, err := s.Put(t.Context(), "a/b", strings.NewReader("x"), 1, store.Condition{IfAbsent: true})
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile("made/here/a/b"); err != nil || string(text) != "x" {
		t.Errorf("put %q, %v", text, err)
	}
	if err := os.RemoveAll("made"); err != nil {
		t.Fatal(err)
	}
	if err := put(); !errors.Is(err, store.ErrNoBucket) {
		t.Errorf("put into what vanished: %v", err)
	}
}

func TestOpenURLErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"empty.pem": "", "key": "k", "secret": "s"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		url  string
		s3   store.S3Options
		want string
	}{
		{"", store.S3Options{}, `open the store "": the path of the store is empty; give a directory`},
		{"file://host/dir", store.S3Options{}, `open the store file://host/dir: a file URL needs three slashes, such as file:///srv/dumps`},
		{"gs://bucket", store.S3Options{}, `open the store gs://bucket: unknown scheme "gs"; use s3://bucket/prefix, file:///dir or a path`},
		{"s3://", store.S3Options{}, `open the store s3://: the bucket name "": Bucket name cannot be empty`},
		{"s3://b_?/x", store.S3Options{}, `open the store s3://b_?/x: the bucket name "b_?": Bucket name contains invalid characters`},
		{"s3://bucket", store.S3Options{Endpoint: "ftp://host"}, `open the store s3://bucket: the endpoint "ftp://host" has the scheme "ftp"; use https, http or none`},
		{"s3://bucket", store.S3Options{Endpoint: "https://host", Plaintext: true}, `open the store s3://bucket: the endpoint "https://host" asks for TLS, and TLS is switched off; remove https:// or set tls to true`},
		{"s3://bucket", store.S3Options{Endpoint: "host/path"}, `open the store s3://bucket: the endpoint "host/path": Endpoint url cannot have fully qualified paths.`},
		{"s3://bucket", store.S3Options{Lookup: "dns"}, `open the store s3://bucket: unknown bucket lookup "dns"; use "path", "virtual-host" or nothing`},
		{"s3://bucket", store.S3Options{CAFile: "none.pem"}, `open the store s3://bucket: read the CA file: open none.pem: no such file or directory`},
		{"s3://bucket", store.S3Options{CAFile: "empty.pem"}, `open the store s3://bucket: the CA file empty.pem contains no PEM certificate`},
		{"s3://bucket", store.S3Options{AccessKey: "a"}, `open the store s3://bucket: S3 credentials need both the access key and the secret key`},
		{"s3://bucket", store.S3Options{SecretKey: "s"}, `open the store s3://bucket: S3 credentials need both the access key and the secret key`},
	} {
		if _, err := store.OpenURL(tt.url, store.Options{S3: tt.s3}); err == nil || err.Error() != tt.want {
			t.Errorf("%s, %+v\n got %v\nwant %s", tt.url, tt.s3, err, tt.want)
		}
	}
}
