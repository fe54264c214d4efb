package dump_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"daybook/sources/dump"
	"daybook/sources/store"
)

// A dump that a server sends in chunks, without a length, is read with any
// listed size, and with the usual limit of a line.
func TestOpenChunked(t *testing.T) {
	long := strings.Repeat("x", dump.MaxLine+1)
	for name, c := range map[string]struct {
		text  string
		lines int
		fails bool
	}{
		"short": {"a\nb\n", 2, false}, "empty": {"", 0, false}, "a block and more": {strings.Repeat("abc\n", 200_000), 200_000, false},
		"too long a line": {"a\n" + long, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("ETag", `"v1"`)
				w.Header().Set("Last-Modified", "Fri, 20 Nov 2026 08:00:00 GMT")
				w.(http.Flusher).Flush()
				_, _ = io.WriteString(w, c.text)
			}))
			defer server.Close()
			s, err := store.NewS3(store.S3Options{Endpoint: server.URL, Bucket: "bucket", Region: "us-east-1", AccessKey: "a", SecretKey: "s"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := dump.Open(t.Context(), s, dump.Dump{Key: "a.ndjson", ETag: "v1", Size: 3})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			lines := 0
			for {
				if _, err = r.Next(); err != nil {
					break
				}
				lines++
			}
			if fails := !errors.Is(err, io.EOF); fails != c.fails || !fails && lines != c.lines {
				t.Errorf("%d lines, %v", lines, err)
			}
		})
	}
}
