package store_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

func TestProbeVersions(t *testing.T) {
	memory := store.NewMemory(nil)
	lax := faultstest.New(memory, func(faultstest.Call) faultstest.Outcome {
		return faultstest.Outcome{Fault: faultstest.Unconditional}
	})
	for name, c := range map[string]struct {
		s    store.Store
		want string
	}{
		"memory":               {memory, ""},
		"directory":            {newDir(t), ""},
		"ignores conditions":   {lax, "it was read although its ETag is "},
		"checked by WithRetry": {store.WithRetry(lax, noWait(1, nil)), ""},
	} {
		for _, text := range []string{"", "x", "text"} {
			o := put(t, c.s, "k", text)
			if err := store.ProbeVersions(t.Context(), c.s, o); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, %d bytes: error %v; want %q", name, len(text), err, c.want)
			}
		}
		if err := store.ProbeVersions(t.Context(), c.s, store.Object{Key: "none", ETag: "e"}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s, no object: %v", name, err)
		}
	}
	s, _ := fakeS3(t, someone, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-Match")
		http.ServeContent(w, r, "", time.Unix(1795168800, 0), strings.NewReader("0123456789"))
	})
	if err := store.ProbeVersions(t.Context(), s, store.Object{Key: "k", ETag: "e"}); err == nil || !strings.Contains(err.Error(), "the answer has no ETag") {
		t.Errorf("no ETags: %v", err)
	}
}
