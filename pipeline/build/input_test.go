package build_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/build"
	"daybook/pipeline/extract"
	"daybook/pipeline/pipelinetest"
	"daybook/sinks/quarantine"
	"daybook/sources/dump"
	"daybook/sources/store"
)

// A dump day with too many rejected lines is not published. Its rejected lines are
// kept for people, byte for byte.
func TestTooManyRejects(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	bad := "{\"event_id\":\n\n\xff\xfe\n" + `{"event_id":"x","ts":"2026-11-20T08:00:00Z","session_id":0,"type":"presence"}` + "\n" + strings.Repeat("x", 2<<20) + "\n"
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1)+bad)
	result := pipelinetest.RunOnly(t, pipelinetest.Settings(t, source, sink), pipelinetest.TheDay, build.OnlyDue)
	err := result.Steps[0].Err
	want := "of all lines of the day, 4 of 8 (50.00 %) were rejected, and source.max_rejected allows 1.00 %; nothing was published; " +
		"write the dump again, or, to publish the day without these lines, set source.max_rejected: 50.0%"
	if err == nil || !strings.HasSuffix(err.Error(), "; "+want) || !strings.HasPrefix(err.Error(), "4 of 8 lines of mem://2026/11/20/a.ndjson were rejected, ") {
		t.Fatalf("got %v\nwant it to end with %s", err, want)
	}
	var tooMany *extract.TooManyRejects
	if !errors.As(err, &tooMany) {
		t.Errorf("%T is no *extract.TooManyRejects", err)
	}
	if result.Steps[0].Waits {
		t.Error("the digest itself waits for nothing")
	}
	for _, p := range pipelinetest.Partitions(result) {
		var blocked *build.Blocked
		if !errors.As(p.Err, &blocked) || blocked.By != "the digest of 2026-11-20" || blocked.Why != err.Error() || !p.Waits {
			t.Errorf("%s was not blocked by its digest: %v", p.ID, p.Err)
		}
	}
	if view := pipelinetest.View(t, sink); len(view) > 0 {
		t.Errorf("published: %v", slices.Collect(maps.Keys(view)))
	}
	quarantined := pipelinetest.Contents(t, sink, true)[strings.TrimPrefix(result.Steps[0].Quarantine, "mem://")]

	var got []string
	for r := quarantine.NewReader(strings.NewReader(quarantined)); ; {
		line, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s:%d @%d %s", line.Object, line.Number, line.Offset, line.Reason))
		from := line.Offset
		if text := (pipelinetest.SessionLines(1) + bad)[from:]; !strings.HasPrefix(text, string(line.Raw)+"\n") {
			t.Errorf("line %d was not kept byte for byte", line.Number)
		}
	}
	n := len(pipelinetest.SessionLines(1))
	if diff := cmp.Diff([]string{
		fmt.Sprintf("2026/11/20/a.ndjson:4 @%d bad_json", n),
		fmt.Sprintf("2026/11/20/a.ndjson:6 @%d bad_json", n+14),
		fmt.Sprintf("2026/11/20/a.ndjson:7 @%d bad_value", n+17),
		fmt.Sprintf("2026/11/20/a.ndjson:8 @%d too_long", n+95),
	}, got); diff != "" {
		t.Errorf("quarantine (-want +got):\n%s", diff)
	}
}

// Broken input fails the run with an error that names the object. What was
// published before stays as it was.
// It has more than 60 lines because it lists the kinds of broken input.
func TestBrokenInput(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(w, pipelinetest.SessionLines(1, 2, 3, 4)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	target := pipelinetest.TheDay
	for name, c := range map[string]struct {
		source func(t *testing.T, healthy *store.Memory) store.Store
		fresh  bool // nothing was published before
		want   string
		is     error
	}{
		"truncated gzip": {
			source: func(t *testing.T, m *store.Memory) store.Store {
				pipelinetest.Put(t, m, "2026/11/20/b.ndjson.gz", zipped.String()[:zipped.Len()-9])
				return m
			},
			want: "mem://2026/11/20/b.ndjson.gz", is: dump.ErrCorrupt,
		},
		"an object that changes after it was listed": {
			source: func(t *testing.T, m *store.Memory) store.Store { return changing{m, t} },
			want:   "mem://2026/11/20/a.ndjson", is: store.ErrChanged,
		},
		"no dumps": {
			source: func(*testing.T, *store.Memory) store.Store { return store.NewMemory(nil) }, fresh: true,
			want: "there are no dumps of 2026-10-18 to 2026-12-23 under mem://; their keys should begin like 2026/11/20/: check source.store.url and source.key",
		},
		"a missing directory": {
			source: func(t *testing.T, _ *store.Memory) store.Store {
				d, err := store.NewDir(t.TempDir() + "/nowhere")
				if err != nil {
					t.Fatal(err)
				}
				return d
			},
			want: "/nowhere", is: store.ErrNoBucket,
		},
	} {
		t.Run(name, func(t *testing.T) {
			healthy, sink := store.NewMemory(nil), store.NewMemory(nil)
			pipelinetest.Put(t, healthy, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
			if !c.fresh {
				pipelinetest.Run(t, pipelinetest.Settings(t, healthy, sink), target)
				pipelinetest.Put(t, healthy, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2))
			}
			before := pipelinetest.View(t, sink)

			b := &build.Builder{Settings: pipelinetest.Settings(t, c.source(t, healthy), sink)}
			result, err := b.Run(t.Context(), target, build.OnlyDue)
			if err == nil {
				err = result.Err()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v\nwant %s (%v)", err, c.want, c.is)
			}
			pipelinetest.SameContents(t, "after the failure", before, pipelinetest.View(t, sink))
		})
	}
}

// changing replaces every object after it was listed.
type changing struct {
	*store.Memory
	t *testing.T
}

func (c changing) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	pipelinetest.Put(c.t, c.Memory, key, pipelinetest.SessionLines(9))
	return c.Memory.Open(ctx, key, offset, length, ifMatch)
}
