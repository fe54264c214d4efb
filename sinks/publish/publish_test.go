package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"daybook/sources/store"
)

const dir = "reports/sessions/dt=2026-11-20/"

// partition is one of given contents, a part each.
func partition(contents ...string) Partition {
	p := Partition{Dir: dir, Manifest: Manifest{Report: "sessions", Partition: "2026-11-20", Reason: "test",
		Inputs: []Input{{Key: "a.ndjson", ETag: "1", Size: 9}}}}
	for _, c := range contents {
		sum := sha256.Sum256([]byte(c))
		p.Files = append(p.Files, []byte(c))
		p.Manifest.Parts = append(p.Manifest.Parts, Part{Rows: 1, Bytes: int64(len(c)), SHA256: hex.EncodeToString(sum[:])})
		p.Manifest.Rows++
	}
	return p
}

// published is the oracle: what a reader of the manifest sees, or "" where
// there is nothing. It fails if a part that counts is not there, whole.
func published(t *testing.T, st store.Store) string {
	t.Helper()
	m, _, err := Read(t.Context(), st, dir)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, part := range m.Parts {
		body, object, err := st.Open(t.Context(), part.Key, 0, "")
		if err != nil {
			t.Fatalf("revision %d names %s, which cannot be read: %v", m.Revision, part.Key, err)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		if object.Size != part.Bytes || hex.EncodeToString(sum[:]) != part.SHA256 {
			t.Fatalf("%s is not what revision %d says it is", part.Key, m.Revision)
		}
		all = append(all, string(b))
	}
	return strings.Join(all, "|")
}

// parts are the parts that lie in the partition, counting or not.
func parts(t *testing.T, st store.Store) (n int) {
	t.Helper()
	for object, err := range st.List(t.Context(), dir) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(object.Key, ".parquet") {
			n++
		}
	}
	return n
}

func publishOK(t *testing.T, st Store, p Partition, state State, revision int) {
	t.Helper()
	m, got, err := Publish(t.Context(), st, p)
	if err != nil {
		t.Fatal(err)
	}
	if got != state || m.Revision != revision {
		t.Fatalf("%s, revision %d; want %s, revision %d", got, m.Revision, state, revision)
	}
}

func TestPublish(t *testing.T) {
	st := store.NewMemory(nil)
	publishOK(t, st, partition("one", "two"), Published, 1)
	publishOK(t, st, partition("one", "two"), Unchanged, 1)

	other := partition("one", "two")
	other.Manifest.Inputs[0].ETag = "2"
	publishOK(t, st, other, Refreshed, 1)

	publishOK(t, st, partition("one", "three"), Restated, 2)
	if got := published(t, st); got != "one|three" || parts(t, st) != 2 {
		t.Errorf("published %q in %d parts", got, parts(t, st))
	}
	publishOK(t, st, partition("one", "two"), Restated, 3) // back again
	if got := published(t, st); got != "one|two" || parts(t, st) != 2 {
		t.Errorf("published %q in %d parts", got, parts(t, st))
	}
	m, _, err := Read(t.Context(), st, dir)
	if err != nil || m.Previous != 2 || m.Reason != "test" || m.Attempt == "" {
		t.Errorf("%+v (%v)", m, err)
	}
}

// outcome is what becomes of one call.
type outcome int

const (
	done        outcome = iota
	lost                // it fails, and was not applied
	answerLost          // it fails, but was applied
	twice               // it is applied twice, and the second answer comes
	numOutcomes = iota
)

var errNetwork = errors.New("connection reset")

// flaky lets one call, the nth, come to another outcome than done; and every
// call from the nth on fail, if the process is to die there.
type flaky struct {
	*store.Memory
	calls, nth int
	outcome    outcome
	dies       bool
}

func (f *flaky) next() outcome {
	f.calls++
	if f.calls == f.nth || f.dies && f.calls > f.nth {
		if f.dies && f.calls > f.nth {
			return lost
		}
		return f.outcome
	}
	return done
}

func (f *flaky) Open(ctx context.Context, key string, offset int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	switch f.next() {
	case lost, answerLost:
		return nil, store.Object{}, errNetwork
	}
	return f.Memory.Open(ctx, key, offset, ifMatch)
}

func (f *flaky) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	put := func() (store.Object, error) { return f.Memory.Put(ctx, key, body, size, cond) }
	switch f.next() {
	case lost:
		return store.Object{}, errNetwork
	case answerLost:
		if _, err := put(); err != nil {
			return store.Object{}, err
		}
		return store.Object{}, errNetwork
	case twice:
		if _, err := put(); err != nil {
			return store.Object{}, err
		}
	}
	return put()
}

func (f *flaky) Delete(ctx context.Context, key string) error {
	switch f.next() {
	case lost:
		return errNetwork
	case answerLost:
		if err := f.Memory.Delete(ctx, key); err != nil {
			return err
		}
		return errNetwork
	}
	return f.Memory.Delete(ctx, key)
}

// Whatever becomes of whichever call, and wherever the process dies: readers
// see the old content or the new one, whole, and running again finishes.
func TestEveryCallFails(t *testing.T) {
	const before, after = "one|two", "one|three"
	for _, first := range []bool{true, false} {
		for _, dies := range []bool{false, true} {
			for o := lost; o < numOutcomes; o++ {
				for nth := 1; ; nth++ {
					name := fmt.Sprintf("first %v, dies %v, outcome %d, call %d", first, dies, o, nth)
					st := store.NewMemory(nil)
					old := ""
					if !first {
						publishOK(t, st, partition(strings.Split(before, "|")...), Published, 1)
						old = before
					}
					f := &flaky{Memory: st, nth: nth, outcome: o, dies: dies}
					_, _, err := Publish(t.Context(), f, partition(strings.Split(after, "|")...))
					if got := published(t, st); got != after && (err == nil || got != old) {
						t.Errorf("%s: published %q after %v", name, got, err)
					}
					if f.calls < nth {
						if err != nil {
							t.Errorf("%s: %v", name, err)
						}
						break // every call has had its turn
					}
					if _, _, err := Publish(t.Context(), st, partition(strings.Split(after, "|")...)); err != nil {
						t.Errorf("%s: running again: %v", name, err)
					}
					if got := published(t, st); got != after || parts(t, st) != 2 {
						t.Errorf("%s: running again published %q, and %d parts lie there", name, got, parts(t, st))
					}
				}
			}
		}
	}
}

// interrupted lets somebody else act before the commit.
type interrupted struct {
	*store.Memory
	act func()
}

func (i *interrupted) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	if act := i.act; act != nil && cond.Conditional() {
		i.act = nil
		act()
	}
	return i.Memory.Put(ctx, key, body, size, cond)
}

// Of two who publish at once one wins; the other notices, and destroys
// nothing.
func TestRace(t *testing.T) {
	for _, first := range []bool{true, false} {
		for _, theirs := range []string{"ours", "theirs"} {
			st := store.NewMemory(nil)
			if !first {
				publishOK(t, st, partition("old"), Published, 1)
			}
			i := &interrupted{Memory: st, act: func() {
				if _, _, err := Publish(t.Context(), st, partition(theirs)); err != nil {
					t.Fatal(err)
				}
			}}
			_, state, err := Publish(t.Context(), i, partition("ours"))
			if theirs == "ours" && (err != nil || state != Unchanged) {
				t.Errorf("both have the same content: %s, %v", state, err)
			}
			if theirs != "ours" && !errors.Is(err, ErrRaced) {
				t.Errorf("they were first: %v, want ErrRaced", err)
			}
			if got := published(t, st); got != theirs {
				t.Errorf("published %q, want %q", got, theirs)
			}
			publishOK(t, st, partition("last"), Restated, map[bool]int{true: 2, false: 3}[first])
			if parts(t, st) != 1 {
				t.Errorf("%d parts lie there, want 1: the loser's go when they are superseded", parts(t, st))
			}
		}
	}
}

func TestABrokenManifest(t *testing.T) {
	st := store.NewMemory(nil)
	if _, err := st.Put(t.Context(), dir+ManifestName, strings.NewReader("{"), 1, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	_, _, err := Publish(t.Context(), st, partition("one"))
	want := "publish mem://" + dir + ": mem://" + dir + "_manifest.json is not a manifest: "
	var syntax *json.SyntaxError
	if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.As(err, &syntax) {
		t.Errorf("got %v\nwant %s…", err, want)
	}
}
