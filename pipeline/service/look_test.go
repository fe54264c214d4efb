package service_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"daybook/pipeline/service/servicetest"
	"daybook/pipeline/service/states"
	"daybook/sources/store"
)

// denied is a store that refuses writes while its reason is not nil.
type denied struct {
	store.Store
	reason atomic.Pointer[error]
}

func (d *denied) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	if reason := d.reason.Load(); reason != nil && *reason != nil {
		return store.Object{}, &store.Error{Op: "put", URL: d.URL(key), Kind: *reason, Err: errors.New("open .tmp-" + rand.Text()), Final: true, NotApplied: true}
	}
	return d.Store.Put(ctx, key, body, size, cond)
}

// A sink that cannot be written is an error in the log, once for each reason.
func TestUnwritableSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := servicetest.New()
		w.Days(t, 2)
		var logged bytes.Buffer
		w.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
				return a
			}
			return slog.Attr{}
		}}))
		sink := &denied{Store: w.Sink}
		sink.reason.Store(&store.ErrDenied)
		r := w.Start(t, "a", sink)
		servicetest.At(t, "02 12:00:00")
		sink.reason.Store(&store.ErrNoSpace)
		servicetest.At(t, "02 13:00:00")
		sink.reason.Store(nil)
		servicetest.At(t, "02 14:00:00")
		r.Wants(t, "sessions", map[string]states.State{"01": states.Published})
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		const noLease = "level=ERROR msg=\"this replica builds nothing until it can read and write state/lease.json in the sink; it keeps trying\"\n"
		if text := logged.String(); strings.Count(text, noLease) != 2 || strings.Count(text, "level=ERROR") != 2 || strings.Count(text, "the lease can be taken again") != 1 {
			t.Errorf("the log is\n%s", text)
		}
	})
}
