//go:build s3

package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"daybook/sources/store/storetest"
)

// A real server stores a packed dump under a plain name, with a Content-Encoding, and
// the empty objects with which consoles show folders.
func TestInputsOnS3(t *testing.T) {
	server := storetest.StartVersitygw(t)
	client, err := minio.New(server.Addr, &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath})
	if err != nil {
		t.Fatal(err)
	}
	events := inLines(sessionOn(20))
	for name, c := range map[string]struct {
		codec, encoding string
		folders         []string
	}{
		"a Content-Encoding": {"gz", "gzip", nil},
		"folders":            {"", "", []string{"2026/", "2026/11/", "2026/11/20/", "2026/11/20/09/"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			bucket := server.NewBucket(t)
			put := func(key string, content []byte, o minio.PutObjectOptions) {
				if _, err := client.PutObject(t.Context(), bucket, key, bytes.NewReader(content), int64(len(content)), o); err != nil {
					t.Fatal(err)
				}
			}
			for _, key := range c.folders {
				// versitygw leaves the signed chunks of a folder unread, and takes them for
				// the next request of the connection.
				put(key, nil, minio.PutObjectOptions{DisableContentSha256: true})
			}
			put("2026/11/20/a.json", packed(t, events, c.codec), minio.PutObjectOptions{ContentEncoding: c.encoding})
			write(t, "daybook.yml", fmt.Appendf(nil, `source: {store: {url: "s3://%s", endpoint: "%s", tls: false, addressing: path, region: us-east-1, access_key_id: %s, secret_access_key: %s}}`,
				bucket, server.Addr, server.AccessKey, server.SecretKey))
			out, code := daybook(t, "run")
			if code != 0 || publishedRows(t) != 1 || !strings.Contains(out, "4 lines = 4 events") || strings.Contains(out, "look like dumps") {
				t.Errorf("run: exit code %d, %d rows\n%s", code, publishedRows(t), out)
			}
		})
	}
}
