package publish

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

func TestKeys(t *testing.T) {
	for _, c := range []struct{ dir, key, old string }{
		{"reports/s/dt=2026-11-20/", "_manifests/reports/s/dt=2026-11-20.json", "reports/s/dt=2026-11-20/_manifest.json"},
		{"reports_monthly/s/month=2026-11/", "_manifests/reports_monthly/s/month=2026-11.json", "reports/s_monthly/month=2026-11/_manifest.json"},
		{"state/digests/dt=2026-11-20/", "_manifests/state/digests/dt=2026-11-20.json", "state/digests/dt=2026-11-20/_manifest.json"},
	} {
		if ManifestKey(c.dir) != c.key || OldManifestKey(c.dir) != c.old || newDir(OldDir(c.dir)) != c.dir || newDir(c.dir) != c.dir {
			t.Errorf("%s: %s, %s", c.dir, ManifestKey(c.dir), OldManifestKey(c.dir))
		}
		if dir, ok := ManifestDir(c.key); !ok || dir != c.dir {
			t.Errorf("%s is of %s, %t", c.key, dir, ok)
		}
		kept := HistoryRoot + c.dir + "r3/"
		if dir, ok := ManifestDir(ManifestKey(kept)); !ok || dir != kept || ManifestKey(kept) != kept+"_manifest.json" {
			t.Errorf("%s is of %s, %t", ManifestKey(kept), dir, ok)
		}
		if dir, ok := ManifestDir(c.old); ok {
			t.Errorf("%s is of %s", c.old, dir)
		}
	}
	if got := OldDir("reports_monthly/s/month="); got != "reports/s_monthly/month=" { // a prefix of many
		t.Errorf("the old months are in %s", got)
	}
	for _, dir := range []string{"reports/s_monthly/dt=2026-11-20/", "reports/monthly/month=2026-11/", "state/digests/month=2026-11/"} {
		if got := newDir(dir); got != dir {
			t.Errorf("%s is now %s", dir, got)
		}
	}
}

// oldCase is a partition as version 0.1.0 left it, and what it is to become.
type oldCase struct {
	dir   string
	keep  bool
	next  string // its next content; the old one is "one"
	state State
}

func oldCases() (cases []oldCase) {
	const month, digest = "reports_monthly/sessions/month=2026-11/", "state/digests/dt=2026-11-20/"
	return []oldCase{
		{dir, true, "one", Refreshed}, {dir, true, "two", Restated},
		{month, true, "one", Restated}, {month, true, "two", Restated}, // the files of a month move
		{digest, false, "one", Refreshed}, {digest, false, "two", Restated},
	}
}

func (c *oldCase) partition(etag, content string) Partition {
	p := partition(c.keep, etag, content)
	p.Dir = c.dir
	return p
}

// start is a store in which version 0.1.0 has published two revisions.
func (c *oldCase) start(t *testing.T) *store.Memory {
	t.Helper()
	st := store.NewMemory(nil)
	c.startIn(t, st)
	return st
}

// startIn has version 0.1.0 publish two revisions.
func (c *oldCase) startIn(t *testing.T, st Store) {
	t.Helper()
	for i, content := range []string{"zero", "one"} {
		p := c.partition(fmt.Sprint(i), content)
		p.Dir = OldDir(c.dir)
		if err := again(t.Context(), st, p); err != nil {
			t.Fatal(err)
		}
	}
	base, err := Read(t.Context(), st, OldDir(c.dir))
	if err != nil {
		t.Fatal(err)
	}
	text := base.Manifest.encode()
	if _, err := st.Put(t.Context(), OldManifestKey(c.dir), bytes.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := st.Delete(t.Context(), base.Key); err != nil {
		t.Fatal(err)
	}
}

// A month that moves leaves no directory behind.
func TestMoveOfADirectory(t *testing.T) {
	for _, c := range oldCases() {
		root := t.TempDir()
		st, err := store.NewDir(root)
		if err != nil {
			t.Fatal(err)
		}
		c.startIn(t, st)
		if err := c.publish(t, st); err != nil {
			t.Fatal(err)
		}
		c.moved(t, c.dir, st)
		if _, err := os.Stat(filepath.Join(root, OldDir(c.dir))); (err == nil) != (OldDir(c.dir) == c.dir) {
			t.Errorf("%s: %v", OldDir(c.dir), err)
		}
		if _, err := os.Stat(filepath.Join(root, "reports/sessions_monthly")); err == nil {
			t.Error("the directory of months is left over")
		}
	}
}

// content is what a reader of the manifest sees. All revisions that are kept are whole.
func (c *oldCase) content(t *testing.T, st Store) string {
	t.Helper()
	if c.keep {
		revisions, err := Revisions(t.Context(), st, c.dir)
		if err != nil || revisions[0] != 1 {
			t.Fatalf("revisions %v, %v; want them from the first on", revisions, err)
		}
		for _, revision := range revisions {
			m, err := ReadRevision(t.Context(), st, c.dir, revision)
			if err != nil {
				t.Fatal(err)
			}
			whole(t, st, &m)
		}
	}
	base, err := Read(t.Context(), st, c.dir)
	if err != nil {
		t.Fatal(err)
	}
	return whole(t, st, base.Manifest)
}

// moved fails unless the partition is in its new place alone.
func (c *oldCase) moved(t *testing.T, name string, st Store) {
	t.Helper()
	base, err := Read(t.Context(), st, c.dir)
	if err != nil || base.Key != ManifestKey(c.dir) {
		t.Errorf("%s: the manifest is %s, %v", name, base.Key, err)
		return
	}
	for _, key := range keys(t, st, "") {
		in := path.Dir(key) + "/"
		switch {
		case !c.keep && key != OldManifestKey(c.dir), strings.HasPrefix(key, HistoryRoot), key == base.Key:
		case in != c.dir || !base.names(key):
			t.Errorf("%s: %s is left over", name, key)
		}
	}
}

// publish publishes as the next run does: again, if the catalog finds an old manifest
// beside the new one.
func (c *oldCase) publish(t *testing.T, st Store) error {
	p := c.partition("9", c.next)
	listed := keys(t, st, OldManifestKey(c.dir))
	p.Again = len(listed) > 0 && len(keys(t, st, ManifestKey(c.dir))) > 0
	return again(t.Context(), st, p)
}

func TestMove(t *testing.T) {
	for _, c := range oldCases() {
		st := c.start(t)
		base, err := Read(t.Context(), st, c.dir)
		if err != nil || base.Key != OldManifestKey(c.dir) || base.Manifest.Revision != 2 || c.content(t, st) != "one" {
			t.Fatalf("%+v: %+v, %v", c, base, err)
		}
		there, state, err := Publish(t.Context(), st, c.partition("9", c.next), base)
		if err != nil || state != c.state || there.Manifest.Revision != map[State]int{Refreshed: 2, Restated: 3}[state] || c.content(t, st) != c.next {
			t.Errorf("%+v: %s, %v", c, state, err)
		}
		c.moved(t, fmt.Sprint(c), st)

		// The same content of the same inputs moves, too.
		st = c.start(t)
		c.next = "one"
		if _, _, err := Publish(t.Context(), st, c.partition("1", "one"), base); err != nil {
			t.Error(err)
		}
		c.moved(t, fmt.Sprint(c), st)
	}
}

// Amending moves the manifest, and the next content moves the parts.
func TestAmendOldManifests(t *testing.T) {
	for _, c := range oldCases() {
		for _, fault := range []faultstest.Fault{faultstest.None, faultstest.LoseAnswer, faultstest.Repeat} {
			st := c.start(t)
			base, err := Read(t.Context(), st, c.dir)
			if err != nil {
				t.Fatal(err)
			}
			next := *base.Manifest
			next.Inputs = []Input{{Key: "b.ndjson", ETag: "8"}}
			f := faultstest.New(st, func(call faultstest.Call) (o faultstest.Outcome) {
				if call.Op == faultstest.Put {
					o.Fault = fault
				}
				return o
			})
			amended, err := Amend(t.Context(), f, c.dir, base, next)
			if err != nil || amended.Key != ManifestKey(c.dir) || c.content(t, st) != "one" || len(keys(t, st, OldManifestKey(c.dir))) > 0 {
				t.Errorf("%+v: %+v, %v", c, amended, err)
			}
			if err := c.publish(t, st); err != nil || c.content(t, st) != c.next {
				t.Errorf("%+v: %v", c, err)
			}
			c.moved(t, fmt.Sprint(c), st)
		}
	}
}

// A call fails, or the process dies at it: readers see the old or the new content as a
// whole, and the next run finishes the move. This holds for every call.
func TestEveryCallOfAMoveFails(t *testing.T) {
	for _, c := range oldCases() {
		for _, dies := range []bool{false, true} {
			for _, fault := range []faultstest.Fault{faultstest.Drop, faultstest.LoseAnswer, faultstest.Repeat, faultstest.Linger} {
				for nth := 1; ; nth++ {
					name := fmt.Sprintf("%+v, dies %v, fault %d, call %d", c, dies, fault, nth)
					st := c.start(t)
					f := faultstest.New(st, func(call faultstest.Call) faultstest.Outcome {
						if got := c.content(t, st); got != "one" && got != c.next {
							t.Errorf("%s: before call %d %q is published", name, call.N, got)
						}
						switch {
						case dies && call.N > nth:
							return faultstest.Outcome{Fault: faultstest.Drop}
						case call.N != nth:
							return faultstest.Outcome{}
						}
						return faultstest.Outcome{Fault: fault, At: 1}
					})
					err := again(t.Context(), f, c.partition("9", c.next))
					if got := c.content(t, st); got != c.next && (err == nil || got != "one") {
						t.Errorf("%s: published %q after %v", name, got, err)
					}
					if f.Calls() < nth {
						if err != nil {
							t.Errorf("%s: %v", name, err)
						}
						break
					}
					if nth%2 == 0 {
						f.Deliver(t.Context())
					}
					if err := c.publish(t, st); err != nil || c.content(t, st) != c.next {
						t.Errorf("%s: running again: %v", name, err)
					}
					if f.Deliver(t.Context()) > 0 {
						if err := c.publish(t, st); err != nil || c.content(t, st) != c.next {
							t.Errorf("%s: after what lingered: %v", name, err)
						}
					}
					c.moved(t, name, st)
				}
			}
		}
	}
}

// Two processes move a partition, one of them between two calls of the other. One wins;
// the other one notices.
func TestMovesRace(t *testing.T) {
	for _, c := range oldCases() {
		for _, their := range []struct{ etag, content string }{{"8", "theirs"}, {"8", "one"}, {"9", c.next}} {
			theirs := c.partition(their.etag, their.content)
			for nth := 1; ; nth++ {
				name := fmt.Sprintf("%+v, theirs %v, call %d", c, their, nth)
				st := c.start(t)
				base, err := Read(t.Context(), st, c.dir)
				if err != nil {
					t.Fatal(err)
				}
				var theirErr error
				f := faultstest.New(st, func(call faultstest.Call) faultstest.Outcome {
					if call.N == nth {
						_, _, theirErr = Publish(t.Context(), st, theirs, base)
					}
					c.content(t, st)
					return faultstest.Outcome{}
				})
				_, state, err := Publish(t.Context(), f, c.partition("9", c.next), base)
				if f.Calls() < nth {
					break
				}
				ours, other := err == nil && errors.Is(theirErr, ErrRaced), theirErr == nil && errors.Is(err, ErrRaced)
				both := their.etag == "9" && err == nil && theirErr == nil
				if !ours && !other && !both {
					t.Errorf("%s: ours: %s, %v; theirs: %v; want one winner", name, state, err, theirErr)
				}
				want := c.next
				if other {
					base, err := Read(t.Context(), st, c.dir)
					if err != nil || base.Manifest.Inputs[0].ETag != "8" {
						t.Errorf("%s: they won, and %+v is published, %v", name, base.Manifest, err)
					}
					want = their.content
				}
				if got := c.content(t, st); got != want {
					t.Errorf("%s: published %q, want %q", name, got, want)
				}
				// What they left is gone with the next commit.
				if err := c.publish(t, st); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if len(keys(t, st, OldManifestKey(c.dir))) > 0 {
					t.Errorf("%s: the old manifest is left over", name)
				}
			}
		}
	}
}

// A reader between whose two reads the partition moves finds it.
func TestReadDuringAMove(t *testing.T) {
	for _, c := range oldCases() {
		for nth := 1; ; nth++ {
			st := c.start(t)
			f := faultstest.New(st, func(call faultstest.Call) faultstest.Outcome {
				if call.N == nth {
					if err := c.publish(t, st); err != nil {
						t.Error(err)
					}
				}
				return faultstest.Outcome{}
			})
			base, err := Read(t.Context(), f, c.dir)
			if err != nil || base.Manifest == nil {
				t.Errorf("%+v, call %d: %+v, %v", c, nth, base, err)
			}
			if f.Calls() < nth {
				break
			}
		}
	}
}

// GC removes an old manifest beside a new one, and parts in a month's old directory,
// when they are old enough. It leaves what has not moved.
func TestGCOfOldManifests(t *testing.T) {
	for _, c := range oldCases() {
		s := newSite()
		s.Memory = c.start(t)
		before := keys(t, s, "")
		o := options()
		o.Keep, o.Roots = 0, append(o.Roots, "reports_monthly/")
		o.Now = o.Now.Add(1000 * oneDay)
		if result, err := GC(t.Context(), s, o, nil); c.keep && (err != nil || result.Objects > 0) {
			t.Errorf("%+v: %+v, %v; of %q", c, result, err, before)
		}

		// A writer dies when it has committed.
		dying := faultstest.New(s, func(call faultstest.Call) (o faultstest.Outcome) {
			if call.Op == faultstest.Delete {
				o.Fault = faultstest.Drop
			}
			return o
		})
		if err := again(t.Context(), dying, c.partition("9", c.next)); err == nil {
			t.Errorf("%+v: it did not die", c)
		}
		if _, err := GC(t.Context(), s, o, nil); err != nil || c.content(t, s) != c.next {
			t.Errorf("%+v: %v", c, err)
		}
		c.moved(t, fmt.Sprint(c), s)
		if left := keys(t, s, OldManifestKey(c.dir)); len(left) > 0 || slices.ContainsFunc(keys(t, s, OldDir(c.dir)), func(key string) bool { return path.Dir(key)+"/" != c.dir }) {
			t.Errorf("%+v: left %q", c, left)
		}
	}
}
