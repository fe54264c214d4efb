package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

const dir = "reports/sessions/dt=2026-11-20/"

// partition is one of given contents, a part each, made from a dump with the
// given ETag.
func partition(keep bool, etag string, contents ...string) Partition {
	p := Partition{Dir: dir, Keep: keep, Sweep: keep, Manifest: Manifest{Report: "sessions", Partition: "2026-11-20", Reason: "of dump " + etag,
		Rows: int64(len(contents)), Inputs: []Input{{Key: "a.ndjson", ETag: etag, Size: 9}}}}
	for i, c := range contents {
		p.Files = append(p.Files, file(fmt.Sprintf("part-%d", i), c))
	}
	return p
}

// staying is p without Sweep: superseded parts stay.
func staying(p Partition) Partition {
	p.Sweep = false
	return p
}

// later is p, published a day after what came before.
func later(p Partition) Partition {
	p.Now = today
	return p
}

func putAgain(p Partition) Partition {
	p.Again = true
	return p
}

func file(name, content string) File {
	sum := sha256.Sum256([]byte(content))
	return File{Name: name, Ext: ".parquet", Body: strings.NewReader(content),
		Part: Part{Rows: 1, Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}}
}

// whole reads the parts that a manifest names, and fails unless they are all
// there and what it says.
func whole(t *testing.T, st Store, m *Manifest) string {
	t.Helper()
	var all []string
	for _, part := range m.Parts {
		body, object, err := st.Open(t.Context(), part.Key, 0, store.ToEnd, "")
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

// published is the oracle: what a reader of the manifest sees, or "" where
// there is nothing. It fails unless that and every revision that is kept are
// whole.
func published(t *testing.T, st Store) string {
	t.Helper()
	revisions, err := Revisions(t.Context(), st, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, revision := range revisions {
		m, err := ReadRevision(t.Context(), st, dir, revision)
		if err != nil {
			t.Fatal(err)
		}
		whole(t, st, &m)
	}
	base := read(t, st)
	if base.Manifest == nil {
		return ""
	}
	return whole(t, st, base.Manifest)
}

func read(t *testing.T, st Store) Base {
	t.Helper()
	base, err := Read(t.Context(), st, dir)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// keys are those of the objects under a prefix.
func keys(t *testing.T, st Store, prefix string) []string {
	t.Helper()
	var keys []string
	for object, err := range st.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, object.Key)
	}
	return keys
}

// parts is how many parts lie in the partition, counting or not.
func parts(t *testing.T, st Store) (n int) {
	t.Helper()
	for _, key := range keys(t, st, dir) {
		if key != OldManifestKey(dir) {
			n++
		}
	}
	return n
}

func publishOK(t *testing.T, st Store, p Partition, state State, revision int) Manifest {
	t.Helper()
	there, got, err := Publish(t.Context(), st, p, read(t, st))
	if err != nil {
		t.Fatal(err)
	}
	if now := read(t, st); there.Key != now.Key || there.ETag != now.ETag || !bytes.Equal(there.Text, now.Text) {
		t.Errorf("Publish says that %s is published, with the ETag %s; it is %s, with %s", there.Key, there.ETag, now.Key, now.ETag)
	}
	m := *there.Manifest
	if got != state || m.Revision != revision {
		t.Fatalf("%s, revision %d; want %s, revision %d", got, m.Revision, state, revision)
	}
	return m
}

func TestPublish(t *testing.T) {
	st := store.NewMemory(nil)
	publishOK(t, st, partition(true, "1", "one", "two"), Published, 1)
	before := read(t, st)
	publishOK(t, st, partition(true, "1", "one", "two"), Unchanged, 1)
	if after := read(t, st); after.ETag != before.ETag {
		t.Error("publishing the same wrote a manifest")
	}

	m := publishOK(t, st, partition(true, "2", "one", "two"), Refreshed, 1)
	if m.Reason != "of dump 1" || m.Previous != 0 || m.Parts[0] != before.Manifest.Parts[0] || m.Inputs[0].ETag != "2" {
		t.Errorf("refreshed to %+v", m)
	}

	m = publishOK(t, st, partition(true, "3", "one", "three"), Restated, 2)
	if m.Reason != "of dump 3" || m.Previous != 1 || m.Attempt == "" || m.Attempt == before.Manifest.Attempt {
		t.Errorf("restated to %+v", m)
	}
	sum := sha256.Sum256([]byte("three"))
	if want := dir + "part-1-r2-" + hex.EncodeToString(sum[:8]) + ".parquet"; m.Parts[1].Key != want {
		t.Errorf("part 1 is %s, want %s", m.Parts[1].Key, want)
	}
	if got := published(t, st); got != "one|three" || parts(t, st) != 2 {
		t.Errorf("published %q in %d parts", got, parts(t, st))
	}
	publishOK(t, st, partition(true, "1", "one", "two"), Restated, 3) // back again
	if got := published(t, st); got != "one|two" || parts(t, st) != 2 {
		t.Errorf("published %q in %d parts", got, parts(t, st))
	}
}

// Everything that a manifest says counts, not only the content.
func TestRefreshed(t *testing.T) {
	for name, change := range map[string]func(m *Manifest){
		"inputs":     func(m *Manifest) { m.Inputs = append(m.Inputs, Input{Key: "b.ndjson"}) },
		"engine":     func(m *Manifest) { m.EngineVersion++ },
		"schema":     func(m *Manifest) { m.SchemaVersion++ },
		"definition": func(m *Manifest) { m.Definition = "other" },
		"text":       func(m *Manifest) { m.DefinitionText = map[string]string{"unit": "minutes"} },
		"accounting": func(m *Manifest) { m.Accounting.Rejected = map[string]int64{"bad_json": 1} },
		"checks":     func(m *Manifest) { m.Checks = []Check{{Name: "few rows", Severity: Warn}} },
		"fold":       func(m *Manifest) { m.Fold = &FoldInfo{Duplicates: 1} },
		"digest": func(m *Manifest) {
			m.Digest = &DigestInfo{Late: []LateLines{{Date: "2026-11-13", Lines: 1, DaysOff: 7}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := store.NewMemory(nil)
			publishOK(t, st, partition(true, "1", "one"), Published, 1)
			p := partition(true, "1", "one")
			change(&p.Manifest)
			publishOK(t, st, p, Refreshed, 1)
			publishOK(t, st, p, Unchanged, 1)
		})
	}
}

// Files can lie elsewhere than in the partition's directory. Without Keep what
// is superseded stays where it is.
func TestOtherDirectories(t *testing.T) {
	const elsewhere = "_quarantine/dt=2026-11-20/"
	digest := func(events, rejects string) Partition {
		f := file("rejects", rejects)
		f.Dir, f.Ext = elsewhere, ".ndjson"
		p := partition(false, "1")
		p.Files = []File{file("complete", events), f}
		return p
	}
	st := store.NewMemory(nil)
	publishOK(t, st, digest("one", "bad"), Published, 1)
	m := publishOK(t, st, digest("one", "worse"), Restated, 2)
	if got := published(t, st); got != "one|worse" {
		t.Errorf("published %q", got)
	}
	if got := keys(t, st, elsewhere); len(got) != 2 || !slices.Contains(got, m.Parts[1].Key) {
		t.Errorf("beside the partition lie %q; want revision 1's and %s", got, m.Parts[1].Key)
	}
	if got := keys(t, st, HistoryRoot); got != nil {
		t.Errorf("kept %q", got)
	}
}

// What lies there and is not what the manifest names is put right, if that is
// asked for, and the revision stays.
func TestAgain(t *testing.T) {
	for _, etag := range []string{"1", "2"} { // unchanged, refreshed
		st := store.NewMemory(nil)
		m := publishOK(t, st, partition(true, "1", "one", "two"), Published, 1)
		if err := st.Delete(t.Context(), m.Parts[0].Key); err != nil {
			t.Fatal(err)
		}
		if _, err := st.Put(t.Context(), m.Parts[1].Key, strings.NewReader("tw"), 2, store.Condition{}); err != nil {
			t.Fatal(err)
		}
		publishOK(t, st, putAgain(partition(true, etag, "one", "two")), map[string]State{"1": Unchanged, "2": Refreshed}[etag], 1)
		if got := published(t, st); got != "one|two" || parts(t, st) != 2 {
			t.Errorf("published %q in %d parts", got, parts(t, st))
		}
	}
}

// Only what is named as a part of the partition is ever removed.
func TestSweepTouchesNothingElse(t *testing.T) {
	st := store.NewMemory(nil)
	others := []string{dir + "notes.txt", dir + "part-0.parquet", dir + "sub/" + stray(1), strings.TrimSuffix(dir, "/") + "0/" + stray(1)}
	for _, key := range append([]string{dir + stray(1)}, others...) {
		if _, err := st.Put(t.Context(), key, strings.NewReader("x"), 1, store.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	m := publishOK(t, st, partition(true, "1", "one"), Published, 1)
	want := append(others, ManifestKey(dir), m.Parts[0].Key)
	slices.Sort(want)
	if got := keys(t, st, ""); !slices.Equal(got, want) {
		t.Errorf("left %q\nwant %q", got, want)
	}
}

func TestBadPartitions(t *testing.T) {
	short := file("part-0", "one")
	short.Part.SHA256 = "abc"
	upper := file("part-0", "one")
	upper.Part.SHA256 = strings.ToUpper(upper.Part.SHA256)
	path := file("x/part-0", "one")
	dirless := file("part-0", "one")
	dirless.Dir = "_quarantine"
	for name, tt := range map[string]struct {
		files []File
		want  string
	}{
		"short hash":      {[]File{short}, `the file part-0 has the SHA-256 "abc"`},
		"upper-case hash": {[]File{upper}, "the file part-0 has "},
		"no name":         {[]File{file("", "one")}, "is not a valid key of a part"},
		"a path":          {[]File{path}, "is not a valid key of a part"},
		"no slash":        {[]File{dirless}, "is not a valid key of a part"},
		"twice":           {[]File{file("part-0", "one"), file("part-0", "two")}, "two files have the name " + dir + "part-0.parquet"},
	} {
		st := store.NewMemory(nil)
		p := partition(true, "1")
		p.Files = tt.files
		if _, _, err := Publish(t.Context(), st, p, Base{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %s", name, err, tt.want)
		}
		if got := keys(t, st, ""); got != nil {
			t.Errorf("%s: wrote %q", name, got)
		}
	}
}

// scenario is a partition that is to become another.
type scenario struct {
	name          string
	before, after []Partition // before is published in turn, a day earlier; after is one
	deleted       bool        // somebody deleted the manifest of what came before
}

func scenarios() []scenario {
	one := func(p Partition) []Partition { return []Partition{p} }
	return []scenario{
		{"first", nil, one(partition(true, "1", "one", "three")), false},
		{"restated", one(partition(true, "1", "one", "two")), one(partition(true, "2", "one", "three")), false},
		{"restated again", []Partition{partition(true, "1", "one", "two"), partition(true, "2", "two", "one")}, one(partition(true, "3", "one", "three")), false},
		{"restated, not kept", one(partition(false, "1", "one", "two")), one(partition(false, "2", "one", "three")), false},
		{"restated, stays", one(staying(partition(true, "1", "one", "two"))), one(staying(partition(true, "2", "one", "three"))), false},
		{"refreshed", one(partition(true, "1", "one", "three")), one(partition(true, "2", "one", "three")), false},
		{"unchanged", one(partition(true, "1", "one", "three")), one(partition(true, "1", "one", "three")), false},
		{"refreshed, put again", one(partition(true, "1", "one", "three")), one(putAgain(partition(true, "2", "one", "three"))), false},
		{"unchanged, put again", one(partition(true, "1", "one", "three")), one(putAgain(partition(true, "1", "one", "three"))), false},
		{"deleted", one(partition(true, "1", "one", "two")), one(later(partition(true, "2", "one", "three"))), true},
		{"deleted, restated before", []Partition{partition(true, "1", "one", "two"), partition(true, "2", "two", "one")}, one(later(partition(true, "3", "one", "three"))), true},
		{"deleted, same content", one(partition(true, "1", "one", "three")), one(later(partition(true, "1", "one", "three"))), true},
	}
}

// start is a store after what came before, and what is published in it.
func (s *scenario) start(t *testing.T) (*store.Memory, string) {
	t.Helper()
	now := today.Add(-oneDay)
	st := store.NewMemory(func() time.Time { return now })
	for _, p := range s.before {
		if _, _, err := Publish(t.Context(), st, p, read(t, st)); err != nil {
			t.Fatal(err)
		}
	}
	if s.deleted {
		if err := st.Delete(t.Context(), ManifestKey(dir)); err != nil {
			t.Fatal(err)
		}
	}
	now = today
	return st, published(t, st)
}

// again plans and publishes as the next run does.
func again(ctx context.Context, st Store, p Partition) error {
	base, err := Read(ctx, st, p.Dir)
	if err == nil {
		_, _, err = Publish(ctx, st, p, base)
	}
	return err
}

// A call fails, or the process dies at it: readers see the whole old content or the
// whole new content at every moment, and the next run finishes. This holds for every
// call.
// It has more than 60 lines because it is one story: before, during and after the failure.
func TestEveryCallFails(t *testing.T) {
	const after = "one|three"
	for _, s := range scenarios() {
		for _, dies := range []bool{false, true} {
			for _, fault := range []faultstest.Fault{faultstest.Drop, faultstest.LoseAnswer, faultstest.Repeat, faultstest.Linger, faultstest.Cut} {
				for nth := 1; ; nth++ {
					name := fmt.Sprintf("%s, dies %v, fault %d, call %d", s.name, dies, fault, nth)
					st, old := s.start(t)
					p := s.after[0]
					f := faultstest.New(st, func(c faultstest.Call) faultstest.Outcome {
						if got := published(t, st); got != old && got != after {
							t.Errorf("%s: before call %d %q is published", name, c.N, got)
						}
						switch {
						case dies && c.N > nth:
							return faultstest.Outcome{Fault: faultstest.Drop}
						case c.N != nth:
							return faultstest.Outcome{}
						case fault == faultstest.Cut && c.Op != faultstest.Open && c.Op != faultstest.List:
							return faultstest.Outcome{Fault: faultstest.Drop}
						}
						return faultstest.Outcome{Fault: fault, At: 1}
					})
					err := again(t.Context(), f, p)
					if got := published(t, st); got != after && (err == nil || got != old) {
						t.Errorf("%s: published %q after %v", name, got, err)
					}
					if f.Calls() < nth {
						if err != nil {
							t.Errorf("%s: %v", name, err)
						}
						break // every call has had its turn
					}
					// The next run finishes, whether what lingers comes before or after it.
					if nth%2 == 0 {
						f.Deliver(t.Context())
						published(t, st)
					}
					if err := again(t.Context(), st, p); err != nil {
						t.Errorf("%s: running again: %v", name, err)
					}
					if got := published(t, st); got != after {
						t.Errorf("%s: running again published %q", name, got)
					}
					lingered := f.Deliver(t.Context()) > 0
					if got := published(t, st); got != after {
						t.Errorf("%s: what lingered published %q", name, got)
					}
					if lingered {
						if err := again(t.Context(), st, p); err != nil {
							t.Errorf("%s: after what lingered: %v", name, err)
						}
					}
					if p.Sweep && parts(t, st) != 2 {
						t.Errorf("%s: %d parts lie there, want 2", name, parts(t, st))
					}
					lost := 0
					if s.deleted {
						lost = 1
					}
					if revisions, err := Revisions(t.Context(), st, dir); p.Keep && (err != nil || len(revisions) != read(t, st).Manifest.Revision-lost) {
						t.Errorf("%s: revisions %v (%v), want all that were not deleted", name, revisions, err)
					}
				}
			}
		}
	}
}

// Two processes publish from the same base, one of them between two calls of the
// other, at every call. One wins; the other one notices, and destroys nothing.
func TestRace(t *testing.T) {
	const theirs = "theirs"
	for _, s := range scenarios() {
		for _, keep := range []bool{true, false} {
			for nth := 1; ; nth++ {
				name := fmt.Sprintf("%s, keep %v, call %d", s.name, keep, nth)
				st, _ := s.start(t)
				base := read(t, st)
				var theirErr error
				f := faultstest.New(st, func(c faultstest.Call) faultstest.Outcome {
					if c.N == nth {
						_, _, theirErr = Publish(t.Context(), st, later(partition(keep, "9", theirs)), base)
					}
					published(t, st)
					return faultstest.Outcome{}
				})
				p := s.after[0]
				p.Keep, p.Sweep = keep, keep
				_, state, err := Publish(t.Context(), f, p, base)
				got := published(t, st)
				if f.Calls() < nth {
					break
				}
				switch {
				case theirErr == nil && state == Unchanged && err == nil:
					// We had looked before they came, and written nothing.
					if got != theirs {
						t.Errorf("%s: published %q over an unchanged partition", name, got)
					}
				case theirErr == nil && errors.Is(err, ErrRaced):
					if got != theirs {
						t.Errorf("%s: they won, but %q is published", name, got)
					}
					if keep && parts(t, st) != 1 {
						t.Errorf("%s: they won, and %d parts lie there, want 1", name, parts(t, st))
					}
				case err == nil && errors.Is(theirErr, ErrRaced):
					if got != "one|three" {
						t.Errorf("%s: we won, but %q is published", name, got)
					}
				default:
					t.Errorf("%s: ours: %s, %v; theirs: %v; want one winner", name, state, err, theirErr)
				}
			}
		}
	}
}

// A partition that was planned from an older base never replaces newer content. Its own
// content may be another one, the same one, or the one of the base.
func TestSupersededBase(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ours  Partition
		state State // or else raced
	}{
		{"other content", partition(true, "2", "ours"), ""},
		{"the base's content", partition(true, "1", "old"), ""},
		{"the base's content from other inputs", partition(true, "2", "old"), ""},
		{"the same content from other inputs", partition(true, "2", "new"), ""},
		{"the same", partition(true, "3", "new"), Unchanged},
	} {
		st := store.NewMemory(nil)
		publishOK(t, st, partition(true, "1", "old"), Published, 1)
		base := read(t, st)
		publishOK(t, st, partition(true, "3", "new"), Restated, 2)
		before := keys(t, st, "")
		there, state, err := Publish(t.Context(), st, tt.ours, base)
		if tt.state == "" && !errors.Is(err, ErrRaced) || tt.state != "" && (err != nil || state != tt.state || there.Manifest.Revision != 2) {
			t.Errorf("%s: %s, %v", tt.name, state, err)
		}
		if got := published(t, st); got != "new" {
			t.Errorf("%s: published %q", tt.name, got)
		}
		if after := keys(t, st, ""); !slices.Equal(after, before) {
			t.Errorf("%s: there is %q, and was %q", tt.name, after, before)
		}
	}
}

// A base that was only refreshed makes the writer plan again, too, but its
// parts stay: another may be about to commit the same ones.
func TestRefreshedBase(t *testing.T) {
	st := store.NewMemory(nil)
	publishOK(t, st, partition(true, "1", "old"), Published, 1)
	base := read(t, st)
	publishOK(t, st, partition(true, "2", "old"), Refreshed, 1)
	if _, _, err := Publish(t.Context(), st, partition(true, "3", "new"), base); !errors.Is(err, ErrRaced) {
		t.Errorf("got %v, want ErrRaced", err)
	}
	if got := published(t, st); got != "old" || parts(t, st) != 2 {
		t.Errorf("published %q, and %d parts lie there; want the loser's to stay", got, parts(t, st))
	}
	publishOK(t, st, partition(true, "3", "other"), Restated, 2)
	if parts(t, st) != 1 {
		t.Errorf("%d parts lie there, want 1: the loser's go with the next commit", parts(t, st))
	}
}

// A partition that was removed by hand is not brought back from an old plan.
func TestRemovedBase(t *testing.T) {
	st := store.NewMemory(nil)
	publishOK(t, st, partition(true, "1", "old"), Published, 1)
	base := read(t, st)
	if err := st.Delete(t.Context(), ManifestKey(dir)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []Partition{partition(true, "1", "old"), partition(true, "2", "old"), partition(true, "2", "new")} {
		if _, _, err := Publish(t.Context(), st, p, base); !errors.Is(err, ErrRaced) {
			t.Errorf("got %v, want ErrRaced", err)
		}
	}
	publishOK(t, st, partition(true, "2", "new"), Published, 1)
}

// The content after a deleted manifest has a revision of its own, and parts that nobody
// can commit any more are removed. Parts that a rival may be about to commit stay.
func TestDeletedManifest(t *testing.T) {
	for _, c := range []struct {
		name     string
		p        Partition // the content after the deletion
		pause    time.Duration
		revision int
		parts    int
	}{
		{"other content", partition(true, "3", "three"), oneDay, 3, 1},
		{"same content", partition(true, "2", "two"), oneDay, 3, 1},
		{"superseded parts stay", staying(partition(true, "3", "three")), oneDay, 3, 2},
		{"a moment later", partition(true, "3", "three"), settled, 1, 2},
		{"a wrong clock", partition(true, "3", "three"), -oneDay, 1, 2},
	} {
		s := newSite()
		s.publish(t, today, partition(true, "1", "one"))
		s.publish(t, today, partition(true, "2", "two"))
		if err := s.Delete(t.Context(), ManifestKey(dir)); err != nil {
			t.Fatal(err)
		}
		s.now = today.Add(c.pause)
		c.p.Now = s.now
		if m := publishOK(t, s, c.p, Published, c.revision); m.Previous != 0 {
			t.Errorf("%s: after revision %d", c.name, m.Previous)
		}
		if got := parts(t, s.Memory); got != c.parts {
			t.Errorf("%s: %d parts lie there, want %d", c.name, got, c.parts)
		}
		o := options()
		o.Now = today.Add(3 * oneDay)
		if _, err := GC(t.Context(), s, o, nil); err != nil {
			t.Fatal(err)
		}
		if got := parts(t, s.Memory); got != 1 || published(t, s) == "" {
			t.Errorf("%s: %d parts lie there after GC, want 1", c.name, got)
		}
	}
}

// onCommit is st with a fault in the put of the manifest, after which somebody
// else acts.
func onCommit(st store.Store, o faultstest.Outcome, act func()) Store {
	committed := false
	return faultstest.New(st, func(c faultstest.Call) faultstest.Outcome {
		if c.Op == faultstest.Put && c.Key == ManifestKey(dir) {
			committed = true
			return o
		}
		if committed && act != nil {
			act()
			act = nil
		}
		return faultstest.Outcome{}
	})
}

// A commit whose answer is lost, or which is refused because it was applied
// already, is known to be ours.
func TestOurOwnCommit(t *testing.T) {
	for _, s := range scenarios()[:2] {
		for _, fault := range []faultstest.Fault{faultstest.LoseAnswer, faultstest.Repeat} {
			st, _ := s.start(t)
			want, revision := Published, 1
			if s.before != nil {
				want, revision = Restated, 2
			}
			_, state, err := Publish(t.Context(), onCommit(st, faultstest.Outcome{Fault: fault}, nil), s.after[0], read(t, st))
			if err != nil || state != want || read(t, st).Manifest.Revision != revision || parts(t, st) != 2 {
				t.Errorf("%s, fault %d: %s, %v", s.name, fault, state, err)
			}
		}
	}
}

// A commit whose answer is lost is put again. Each earlier put may be applied, lost, or
// arrive later. The commit is applied once, or its error says that it was given up; a
// put that arrives later changes nothing.
func TestCommitIsPutAgain(t *testing.T) {
	fates := []faultstest.Fault{faultstest.None, faultstest.Drop, faultstest.LoseAnswer, faultstest.Linger}
	sequences := [][]faultstest.Fault{nil} // all of the puts' fates
	for range commitAttempts {
		var longer [][]faultstest.Fault
		for _, sequence := range sequences {
			for _, fate := range fates {
				longer = append(longer, append(slices.Clip(sequence), fate))
			}
		}
		sequences = longer
	}
	for _, s := range scenarios()[:2] {
		for _, sequence := range sequences {
			for arrives := range commitAttempts + 1 {
				name := fmt.Sprintf("%s, faults %v, what lingers comes before put %d", s.name, sequence, arrives)
				applied, lingers := false, false
				for i, fate := range sequence {
					applied = applied || fate == faultstest.None || fate == faultstest.LoseAnswer || lingers && i == arrives
					lingers = lingers || fate == faultstest.Linger
				}
				st, old := s.start(t)
				puts := 0
				var f *faultstest.Store
				f = faultstest.New(st, func(c faultstest.Call) (o faultstest.Outcome) {
					if c.Op == faultstest.Put && c.Key == ManifestKey(dir) {
						if puts == arrives {
							f.Deliver(t.Context())
						}
						o.Fault = sequence[puts]
						puts++
					}
					return o
				})
				_, _, err := Publish(t.Context(), f, s.after[0], read(t, st))
				switch got := published(t, st); {
				case applied && (err != nil || got != "one|three"):
					t.Errorf("%s: published %q, %v", name, got, err)
				case !applied && (err == nil || !strings.HasSuffix(err.Error(), "(gave up after 3 attempts)") || got != old):
					t.Errorf("%s: published %q, %v; want that it gave up", name, got, err)
				}
				f.Deliver(t.Context())
				if err := again(t.Context(), st, s.after[0]); err != nil || published(t, st) != "one|three" || parts(t, st) != 2 {
					t.Errorf("%s: running again: %v; published %q in %d parts", name, err, published(t, st), parts(t, st))
				}
			}
		}
	}
}

// What is there when the answer to a commit is lost may be another's, who came
// in our place or after us. Then our parts go if they lie beside the other's,
// but not if they may still be read where they are.
func TestLostAnswerAndAnother(t *testing.T) {
	for _, fault := range []faultstest.Fault{faultstest.Drop, faultstest.LoseAnswer} {
		for _, keep := range []bool{true, false} {
			st := store.NewMemory(nil)
			publishOK(t, st, partition(keep, "1", "old"), Published, 1)
			another := func() {
				if err := again(t.Context(), st, partition(keep, "3", "theirs")); err != nil {
					t.Error(err)
				}
			}
			_, _, err := Publish(t.Context(), onCommit(st, faultstest.Outcome{Fault: fault}, another), partition(keep, "2", "ours"), read(t, st))
			if !errors.Is(err, ErrRaced) {
				t.Errorf("fault %d: %v, want ErrRaced", fault, err)
			}
			want := map[bool]int{true: 1, false: 3}[keep]
			if got := published(t, st); got != "theirs" || parts(t, st) != want {
				t.Errorf("fault %d, keep %v: published %q, and %d parts lie there, want %d", fault, keep, got, parts(t, st), want)
			}
		}
	}
}

// A refusal is a race, even if the one who was there first is gone again.
func TestRefused(t *testing.T) {
	st := store.NewMemory(nil)
	refused := onCommit(st, faultstest.Outcome{Fault: faultstest.Drop, Err: &store.Error{Op: "put", Kind: store.ErrPrecondition}}, nil)
	if _, _, err := Publish(t.Context(), refused, partition(true, "1", "one"), Base{}); !errors.Is(err, ErrRaced) {
		t.Errorf("got %v, want ErrRaced", err)
	}
}

func TestAmend(t *testing.T) {
	summaries := &Summaries{Definition: "d", Files: []SummaryFile{{Name: "a.csv", Bytes: 1, ETag: "e"}}}
	for _, fault := range []faultstest.Fault{faultstest.None, faultstest.LoseAnswer, faultstest.Repeat} {
		st := store.NewMemory(nil)
		publishOK(t, st, partition(true, "1", "one"), Published, 1)
		base := read(t, st)
		next := *base.Manifest
		next.Summaries = summaries
		amended, err := Amend(t.Context(), onCommit(st, faultstest.Outcome{Fault: fault}, nil), dir, base, next)
		if err != nil {
			t.Fatalf("fault %d: %v", fault, err)
		}
		if there := read(t, st); !reflect.DeepEqual(amended, there) || !reflect.DeepEqual(there.Manifest.Summaries, summaries) || there.ETag == base.ETag {
			t.Errorf("fault %d: %+v\nthere is %+v", fault, amended, there)
		}
		// What was learned stays when only the inputs change, and goes with the content.
		publishOK(t, st, partition(true, "1", "one"), Unchanged, 1)
		if m := publishOK(t, st, partition(true, "2", "one"), Refreshed, 1); m.Summaries == nil {
			t.Error("refreshing forgot the summaries")
		}
		if m := publishOK(t, st, partition(true, "3", "two"), Restated, 2); m.Summaries != nil {
			t.Error("another content has the summaries of the one before")
		}
		if _, err := Amend(t.Context(), st, dir, base, next); !errors.Is(err, ErrRaced) {
			t.Errorf("amending what is superseded: %v, want ErrRaced", err)
		}
		if got := published(t, st); got != "two" {
			t.Errorf("published %q", got)
		}
	}
}

// Amending never changes what is published.
func TestBadAmendments(t *testing.T) {
	st := store.NewMemory(nil)
	publishOK(t, st, partition(true, "1", "one"), Published, 1)
	base := read(t, st)
	revised, emptied := *base.Manifest, *base.Manifest
	revised.Revision++
	emptied.Parts = nil
	for name, tt := range map[string]struct {
		base Base
		next Manifest
	}{"nothing there": {Base{}, *base.Manifest}, "revision": {base, revised}, "parts": {base, emptied}} {
		_, err := Amend(t.Context(), st, dir, tt.base, tt.next)
		if err == nil || err.Error() != "amend mem://"+dir+": the new manifest names other files than the current one" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := read(t, st); after.ETag != base.ETag {
		t.Error("the manifest was replaced")
	}
}

// A revision has the time at which it was published. Neither another manifest of the
// same revision nor publishing it again changes that.
func TestPublishedAt(t *testing.T) {
	st := store.NewMemory(nil)
	first := time.Date(2026, 11, 21, 4, 0, 12, 345_678_000, time.FixedZone("", 3600))
	at := func(hours int, p Partition) Partition {
		p.Now = first.Add(time.Duration(hours) * time.Hour)
		return p
	}
	for _, c := range []struct {
		p        Partition
		state    State
		revision int
		want     string
	}{
		{at(0, partition(true, "1", "one")), Published, 1, "2026-11-21T03:00:12.345Z"},
		{at(1, partition(true, "1", "one")), Unchanged, 1, "2026-11-21T03:00:12.345Z"},
		{at(2, partition(true, "2", "one")), Refreshed, 1, "2026-11-21T03:00:12.345Z"},
		{at(3, partition(true, "3", "two")), Restated, 2, "2026-11-21T06:00:12.345Z"},
	} {
		if m := publishOK(t, st, c.p, c.state, c.revision); m.PublishedAt != c.want {
			t.Errorf("%s at %s, want %s", c.state, m.PublishedAt, c.want)
		}
	}
	base := read(t, st)
	next := *base.Manifest
	next.Inputs = nil
	if amended, err := Amend(t.Context(), st, dir, base, next); err != nil || amended.Manifest.PublishedAt != base.Manifest.PublishedAt {
		t.Errorf("amended: %+v, %v", amended, err)
	}
}
