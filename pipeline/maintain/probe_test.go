package maintain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
)

// brokenStore is a store some of whose operations fail.
type brokenStore struct {
	store.Store
	denied         map[string]bool // list, read, write, delete
	unconditional  bool            // conditions are ignored
	ignoresIfMatch bool            // only If-None-Match is known
	keepsDeleted   bool            // deleting does nothing
	listsNothing   bool
}

func (b *brokenStore) deny(op string) error {
	if b.denied[op] {
		return fmt.Errorf("%s: %w", op, store.ErrDenied)
	}
	return nil
}

func (b *brokenStore) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	if err := b.deny("list"); err != nil {
		return func(yield func(store.Object, error) bool) { yield(store.Object{}, err) }
	}
	if b.listsNothing {
		return maps.All(map[store.Object]error{})
	}
	return b.Store.List(ctx, prefix)
}

func (b *brokenStore) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	if err := b.deny("read"); err != nil {
		return nil, store.Object{}, err
	}
	return b.Store.Open(ctx, key, offset, length, ifMatch)
}

func (b *brokenStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	if err := b.deny("write"); err != nil {
		return store.Object{}, err
	}
	if b.unconditional {
		cond = store.Condition{}
	}
	if b.ignoresIfMatch {
		cond.IfMatch = ""
	}
	return b.Store.Put(ctx, key, body, size, cond)
}

func (b *brokenStore) Delete(ctx context.Context, key string) error {
	if err := b.deny("delete"); err != nil || b.keepsDeleted {
		return err
	}
	return b.Store.Delete(ctx, key)
}

// failures maps the operations that fail to their errors.
func failures(results []ProbeResult) map[string]error {
	failed := map[string]error{}
	for _, r := range results {
		if r.Err != nil {
			failed[r.Operation] = r.Err
		}
	}
	return failed
}

func keys(t *testing.T, st store.Store) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(pipelinetest.Contents(t, st, true)))
}

func TestProbeSinkOfStoresThatWork(t *testing.T) {
	path := t.TempDir()
	dir, err := store.NewDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, st := range map[string]store.Store{"memory": store.NewMemory(time.Now), "directory": dir} {
		var operations []string
		for _, r := range ProbeSink(t.Context(), st, "x") {
			operations = append(operations, r.Operation)
			if r.Err != nil {
				t.Errorf("%s: %s: %v", name, r.Operation, r.Err)
			}
		}
		if diff := cmp.Diff([]string{"write", "read", "list", "conditional write", "delete"}, operations); diff != "" {
			t.Errorf("%s: operations (-want +got):\n%s", name, diff)
		}
		if left := keys(t, st); left != nil {
			t.Errorf("%s: the probe left %q", name, left)
		}
	}
	if left, err := filepath.Glob(filepath.Join(path, "[^.]*")); err != nil || left != nil {
		t.Errorf("the probe left %q (%v)", left, err)
	}
}

func TestProbeSinkNoticesWhatDoesNotWork(t *testing.T) {
	deny := func(op string) brokenStore { return brokenStore{denied: map[string]bool{op: true}} }
	for _, test := range []struct {
		name   string
		broken brokenStore
		want   map[string]error // the operations that fail, and their errors; nil: any error
		left   int              // objects
	}{
		{"list denied", deny("list"), map[string]error{"list": store.ErrDenied}, 0},
		{"delete denied", deny("delete"), map[string]error{"delete": store.ErrDenied}, 2},
		{"write denied", deny("write"), map[string]error{"write": store.ErrDenied}, 0},
		{"read denied", deny("read"), map[string]error{
			"read": store.ErrDenied, "conditional write": store.ErrDenied, "delete": store.ErrDenied,
		}, 0},
		{"no conditions", brokenStore{unconditional: true}, map[string]error{"conditional write": ErrUnconditional}, 0},
		{"no If-Match", brokenStore{ignoresIfMatch: true}, map[string]error{"conditional write": ErrUnconditional}, 0},
		{"deletes nothing", brokenStore{keepsDeleted: true}, map[string]error{"delete": nil}, 2},
		{"lists nothing", brokenStore{listsNothing: true}, map[string]error{"list": nil}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			memory := store.NewMemory(time.Now)
			test.broken.Store = memory
			got := failures(ProbeSink(t.Context(), &test.broken, "x"))
			for operation, err := range got {
				want, expected := test.want[operation]
				if !expected || want != nil && !errors.Is(err, want) {
					t.Errorf("%s: %v", operation, err)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("%d operations fail, not %d", len(got), len(test.want))
			}
			left := keys(t, memory)
			if len(left) != test.left {
				t.Errorf("the probe left %q", left)
			}
			for _, key := range left {
				if !strings.HasPrefix(key, "_daybook-probe-x-") {
					t.Errorf("the probe wrote %s", key)
				}
			}
		})
	}
}

func TestProbeSinkCleansUpWhenInterrupted(t *testing.T) {
	memory := store.NewMemory(time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	interrupted := &interruptingStore{memory, cancel}
	if got := failures(ProbeSink(ctx, interrupted, "x")); got["delete"] != nil || !errors.Is(got["read"], context.Canceled) {
		t.Errorf("failures: %v", got)
	}
	if left := keys(t, memory); left != nil {
		t.Errorf("the probe left %q", left)
	}
}

// interruptingStore is interrupted just after it wrote something.
type interruptingStore struct {
	store.Store
	cancel context.CancelFunc
}

func (s *interruptingStore) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	defer s.cancel()
	return s.Store.Put(ctx, key, body, size, cond)
}

func TestProbeSource(t *testing.T) {
	memory := store.NewMemory(time.Now)
	if got := ProbeSource(t.Context(), memory); len(got) != 1 || got[0] != (ProbeResult{Operation: "list"}) {
		t.Errorf("an empty source: %v", got)
	}
	for _, text := range []string{"", "{}\n"} {
		if _, err := memory.Put(t.Context(), "2026/11/20/a.ndjson", strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		if got := ProbeSource(t.Context(), memory); len(got) != 3 || got[2].Operation != "conditional read" || len(failures(got)) > 0 {
			t.Errorf("a source with %q: %v", text, got)
		}
	}
	for _, op := range []string{"list", "read"} {
		broken := &brokenStore{Store: memory, denied: map[string]bool{op: true}}
		got := failures(ProbeSource(t.Context(), broken))
		if len(got) != 1 || !errors.Is(got[op], store.ErrDenied) {
			t.Errorf("%s denied: %v", op, got)
		}
	}
	// It writes nothing.
	readOnly := &brokenStore{Store: memory, denied: map[string]bool{"write": true, "delete": true}}
	if got := failures(ProbeSource(t.Context(), readOnly)); len(got) > 0 {
		t.Errorf("a source that can only be read: %v", got)
	}
}
