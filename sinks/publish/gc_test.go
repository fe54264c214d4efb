package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

const (
	oneDay    = 24 * time.Hour
	digestDir = "state/digests/dt=2026-11-20/"
	rejectDir = "_quarantine/dt=2026-11-20/"
)

var today = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// site is a store whose clock the test sets.
type site struct {
	*store.Memory
	now time.Time
}

func newSite() *site {
	s := new(site)
	s.Memory = store.NewMemory(func() time.Time { return s.now })
	return s
}

// put writes an object that no manifest names.
func (s *site) put(t *testing.T, at time.Time, key string) {
	t.Helper()
	s.now = at
	if _, err := s.Put(t.Context(), key, strings.NewReader("x"), 1, store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func (s *site) publish(t *testing.T, at time.Time, p Partition) {
	t.Helper()
	s.now = at
	if err := again(t.Context(), s, p); err != nil {
		t.Fatal(err)
	}
}

// stray is the name of a part of a revision with a made-up hash.
func stray(revision int) string {
	return fmt.Sprintf("part-0-r%d-%s.parquet", revision, hash("0")[:16])
}

// digest is a partition that is not kept, with a file beside it.
func digest(events, rejects string) Partition {
	f := file("rejects", rejects)
	f.Dir, f.Ext = rejectDir, ".ndjson"
	p := partition(false, "1")
	p.Dir, p.Files = digestDir, []File{file("complete", events), f}
	return p
}

func options() GCOptions {
	return GCOptions{
		Now: today, Keep: 30 * oneDay, Roots: []string{"reports/", "state/digests/", "_quarantine/"},
		Owner: func(dir string) string { return strings.Replace(dir, "_quarantine/", "state/digests/", 1) },
	}
}

// litter is a site with everything in it that GC has to tell apart, and what
// it should remove of it, by key.
func litter(t *testing.T) (*site, map[string]Why) {
	t.Helper()
	s := newSite()
	old, long, young := today.Add(-40*oneDay), today.Add(-2*oneDay), today.Add(-time.Hour)

	// A report of four revisions: the first was superseded 40 days ago.
	s.publish(t, old.Add(-oneDay), partition(true, "1", "one", "two"))
	s.publish(t, old, partition(true, "2", "three"))
	s.publish(t, today.Add(-20*oneDay), partition(true, "3", "four"))
	s.publish(t, today.Add(-19*oneDay), partition(true, "4", "five"))
	s.put(t, long, dir+stray(2))                              // a put that came late
	s.put(t, young, dir+stray(3))                             // the same, just now
	s.put(t, long, dir+stray(5))                              // a writer that died
	s.put(t, young, dir+stray(6))                             // a writer at work
	s.put(t, old, dir+"notes.txt")                            // not ours
	s.put(t, old, dir+"part-0.parquet")                       // nor this
	s.put(t, old, HistoryRoot+"README")                       // nor this
	s.put(t, old, HistoryRoot+dir+"r4/"+stray(4))             // copies of the live revision
	s.put(t, old, ManifestKey(HistoryRoot+dir+"r4/"))         //
	s.put(t, long, HistoryRoot+"reports/s/dt=x/r1/"+stray(1)) // a copy that was never finished, of a partition since removed
	s.put(t, young, HistoryRoot+"reports/s/dt=x/r2/"+stray(2))

	// A report whose first publication never came to its end.
	s.put(t, long, "reports/s/dt=y/"+stray(1))
	s.put(t, young, "reports/s/dt=y/"+stray(2))

	// A digest of two revisions, and rejects beside both.
	s.publish(t, old, digest("one", "bad"))
	first, err := Read(t.Context(), s, digestDir)
	if err != nil {
		t.Fatal(err)
	}
	s.publish(t, long, digest("two", "worse"))
	s.put(t, old, "_quarantine/2026-11-20.ndjson") // not a part

	r1, err := ReadRevision(t.Context(), s, dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s, map[string]Why{
		ManifestKey(HistoryRoot + dir + "r1/"):        Expired,
		r1.Parts[0].Key:                               Expired,
		r1.Parts[1].Key:                               Expired,
		HistoryRoot + "reports/s/dt=x/r1/" + stray(1): Incomplete,
		dir + stray(2):                                Superseded,
		dir + stray(5):                                Orphaned,
		"reports/s/dt=y/" + stray(1):                  Orphaned,
		first.Manifest.Parts[0].Key:                   Superseded,
		first.Manifest.Parts[1].Key:                   Superseded,
	}
}

// after is what should be left of what there is.
func after(t *testing.T, s *site, removed map[string]Why) []string {
	t.Helper()
	return slices.DeleteFunc(keys(t, s, ""), func(key string) bool { return removed[key] != "" })
}

// intact fails unless the published partitions are whole.
func intact(t *testing.T, st Store) {
	t.Helper()
	if got := published(t, st); got != "five" {
		t.Errorf("the report is %q", got)
	}
	base, err := Read(t.Context(), st, digestDir)
	if err != nil {
		t.Fatal(err)
	}
	if got := whole(t, st, base.Manifest); got != "two|worse" {
		t.Errorf("the digest is %q", got)
	}
}

func TestGC(t *testing.T) {
	for _, dry := range []bool{true, false} {
		s, want := litter(t)
		before, left := keys(t, s, ""), after(t, s, want)
		if dry {
			left = before
		}
		o := options()
		o.DryRun = dry
		removed := map[string]Why{}
		size := int64(0)
		result, err := GC(t.Context(), s, o, func(r Removal) {
			removed[r.Key] = r.Why
			size += r.Bytes
			if r.Modified.IsZero() || r.Modified.After(today.Add(-oneDay)) {
				t.Errorf("%s is of %s", r.Key, r.Modified)
			}
		})
		if err != nil || result.Objects != len(want) || result.Bytes != size || result.Skipped != nil {
			t.Errorf("dry %v: %+v, %v", dry, result, err)
		}
		if !maps.Equal(removed, want) {
			t.Errorf("dry %v: removed %v\nwant %v", dry, removed, want)
		}
		if got := keys(t, s, ""); !slices.Equal(got, left) {
			t.Errorf("dry %v: left\n%s\nwant\n%s", dry, strings.Join(got, "\n"), strings.Join(left, "\n"))
		}
		intact(t, s)
		if result, err := GC(t.Context(), s, options(), nil); !dry && (err != nil || result.Objects != 0) {
			t.Errorf("the second time: %+v, %v", result, err)
		}
	}
}

// Without Keep superseded revisions are kept for ever; a longer grace period
// keeps everything else.
func TestGCKeepsLonger(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(o *GCOptions)
		why    []Why // that still occur
	}{
		"for ever":  {func(o *GCOptions) { o.Keep = 0 }, []Why{Incomplete, Orphaned, Superseded}},
		"longer":    {func(o *GCOptions) { o.Keep = 41 * oneDay }, []Why{Incomplete, Orphaned, Superseded}},
		"grace":     {func(o *GCOptions) { o.Grace = 50 * oneDay }, []Why{Expired}},
		"no roots":  {func(o *GCOptions) { o.Roots = nil }, []Why{Expired, Incomplete}},
		"long past": {func(o *GCOptions) { o.Now = today.Add(-365 * oneDay) }, nil}, // clocks can be wrong
	} {
		s, want := litter(t)
		maps.DeleteFunc(want, func(_ string, why Why) bool { return !slices.Contains(tt.why, why) })
		o := options()
		tt.change(&o)
		removed := map[string]Why{}
		if _, err := GC(t.Context(), s, o, func(r Removal) { removed[r.Key] = r.Why }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !maps.Equal(removed, want) {
			t.Errorf("%s: removed %v\nwant %v", name, removed, want)
		}
		intact(t, s)
	}
}

// What was superseded a moment ago is still being read, however old it is, and
// wherever it lies; what follows it may have nothing there.
func TestGCLeavesWhatWasJustSuperseded(t *testing.T) {
	clean := digest("two", "")
	clean.Files = clean.Files[:1]
	for name, next := range map[string]Partition{"other rejects": digest("two", "worse"), "no rejects": clean} {
		s := newSite()
		s.publish(t, today.Add(-40*oneDay), digest("one", "bad"))
		reading, err := Read(t.Context(), s, digestDir)
		if err != nil {
			t.Fatal(err)
		}
		s.publish(t, today.Add(-time.Minute), next)
		if _, err := GC(t.Context(), s, options(), nil); err != nil {
			t.Fatal(err)
		}
		if got := whole(t, s, reading.Manifest); got != "one|bad" {
			t.Errorf("%s: the reader reads %q", name, got)
		}
		o := options()
		o.Now = o.Now.Add(2 * oneDay)
		if result, err := GC(t.Context(), s, o, nil); err != nil || result.Objects != 2 {
			t.Errorf("%s: two days later: %+v, %v", name, result, err)
		}
	}
}

// A revision is kept from when it was superseded, whenever its copy was made
// first: by a writer that died before its commit.
func TestGCLeavesWhatWasCopiedAgain(t *testing.T) {
	for _, whole := range []bool{true, false} { // that copy
		for nth := 1; ; nth++ {
			s := newSite()
			s.publish(t, today.Add(-60*oneDay), partition(true, "1", "one"))
			s.now = today.Add(-40 * oneDay)
			if err := keep(t.Context(), s, dir, read(t, s).Manifest); err != nil {
				t.Fatal(err)
			}
			if !whole {
				if err := s.Delete(t.Context(), ManifestKey(historyDir(dir, 1))); err != nil {
					t.Fatal(err)
				}
			}
			f := faultstest.New(s, func(c faultstest.Call) faultstest.Outcome {
				if c.N == nth {
					s.publish(t, today.Add(-time.Minute), partition(true, "2", "two"))
				}
				return faultstest.Outcome{}
			})
			if _, err := GC(t.Context(), f, options(), nil); err != nil {
				t.Fatal(err)
			}
			if f.Calls() < nth {
				break
			}
			if published(t, s); !slices.Contains(keys(t, s, HistoryRoot), ManifestKey(historyDir(dir, 1))) {
				t.Errorf("whole %v, call %d: what was superseded a minute ago is gone", whole, nth)
			}
		}
	}
}

// Where a manifest cannot be read nothing is removed that it may name; that is
// told, and the rest goes on.
func TestGCWithoutAManifest(t *testing.T) {
	for name, tt := range map[string]struct {
		dir  string   // whose manifest is broken
		keep []string // prefixes of what is not removed for it
	}{
		"report": {dir, []string{dir, HistoryRoot + dir}},
		"digest": {digestDir, []string{digestDir, rejectDir}},
	} {
		s, want := litter(t)
		s.put(t, today.Add(-40*oneDay), ManifestKey(tt.dir)) // "x" is no manifest
		maps.DeleteFunc(want, func(key string, _ Why) bool {
			return slices.ContainsFunc(tt.keep, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		})
		left := after(t, s, want)
		result, err := GC(t.Context(), s, options(), nil)
		if err != nil || result.Objects != len(want) {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
		if got := keys(t, s, ""); !slices.Equal(got, left) {
			t.Errorf("%s: left\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(left, "\n"))
		}
		dirs := map[string]bool{}
		for _, skipped := range result.Skipped {
			if dirs[skipped.Dir] {
				t.Errorf("%s: %s is told twice", name, skipped.Dir)
			}
			dirs[skipped.Dir] = true
		}
		if !slices.ContainsFunc(result.Skipped, func(k Skipped) bool {
			return k.Dir == tt.dir && strings.Contains(k.Reason, "is not a manifest")
		}) {
			t.Errorf("%s: skipped %v", name, result.Skipped)
		}
	}
}

// A call fails, or the process dies at it: published and kept files stay whole, and
// the next run finishes. This holds for every call.
func TestGCWhenEveryCallFails(t *testing.T) {
	for _, dies := range []bool{false, true} {
		for _, fault := range []faultstest.Fault{faultstest.Drop, faultstest.LoseAnswer, faultstest.Repeat, faultstest.Linger, faultstest.Cut} {
			for nth := 1; ; nth++ {
				name := fmt.Sprintf("dies %v, fault %d, call %d", dies, fault, nth)
				s, want := litter(t)
				left := after(t, s, want)
				f := faultstest.New(s, func(c faultstest.Call) faultstest.Outcome {
					switch {
					case dies && c.N > nth:
						return faultstest.Outcome{Fault: faultstest.Drop}
					case c.N != nth:
						return faultstest.Outcome{}
					case fault == faultstest.Cut && c.Op == faultstest.Delete:
						return faultstest.Outcome{Fault: faultstest.Drop}
					}
					return faultstest.Outcome{Fault: fault, At: 1}
				})
				_, err := GC(t.Context(), f, options(), nil)
				intact(t, s)
				if f.Calls() < nth {
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					break
				}
				if _, err := GC(t.Context(), s, options(), nil); err != nil {
					t.Errorf("%s: running again: %v", name, err)
				}
				f.Deliver(t.Context())
				intact(t, s)
				if got := keys(t, s, ""); !slices.Equal(got, left) {
					t.Errorf("%s: left\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(left, "\n"))
				}
			}
		}
	}
}

// Any number of collections may run at once.
func TestGCBesideItself(t *testing.T) {
	for nth := 1; ; nth++ {
		s, want := litter(t)
		left := after(t, s, want)
		f := faultstest.New(s, func(c faultstest.Call) faultstest.Outcome {
			if c.N == nth {
				if _, err := GC(t.Context(), s, options(), nil); err != nil {
					t.Errorf("call %d: the other: %v", nth, err)
				}
			}
			return faultstest.Outcome{}
		})
		if _, err := GC(t.Context(), f, options(), nil); err != nil {
			t.Errorf("call %d: %v", nth, err)
		}
		if f.Calls() < nth {
			break
		}
		if got := keys(t, s, ""); !slices.Equal(got, left) {
			t.Errorf("call %d: left\n%s\nwant\n%s", nth, strings.Join(got, "\n"), strings.Join(left, "\n"))
		}
	}
}

// A kept revision goes manifest first, wherever that is in the listing.
func TestGCOrder(t *testing.T) {
	s := newSite()
	for _, content := range []string{"one", "two"} {
		p := partition(true, "1")
		p.Files = []File{file("A", content), file("b", content)}
		s.publish(t, today.Add(-40*oneDay), p)
	}
	var order []string
	if _, err := GC(t.Context(), s, options(), func(r Removal) { order = append(order, path.Base(r.Key)[:1]) }); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ""); len(got) != 3 || got[0] != '_' {
		t.Errorf("removed in the order %q", got)
	}
}

// Where the store does not tell how old things are, they are not old.
func TestGCWithoutTimes(t *testing.T) {
	s, _ := litter(t)
	ageless := store.NewMemory(func() time.Time { return time.Time{} })
	for _, key := range keys(t, s, "") {
		body, object, err := s.Open(t.Context(), key, 0, store.ToEnd, "")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ageless.Put(t.Context(), key, bytes.NewReader(b), object.Size, store.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	if result, err := GC(t.Context(), ageless, options(), nil); err != nil || result.Objects != 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

// A caller that gives up is not told that manifests cannot be read.
func TestGCCancelled(t *testing.T) {
	s, _ := litter(t)
	before := keys(t, s, "")
	ctx, cancel := context.WithCancel(t.Context())
	f := faultstest.New(s, func(c faultstest.Call) faultstest.Outcome {
		if c.Op == faultstest.Open {
			cancel()
		}
		return faultstest.Outcome{}
	})
	result, err := GC(ctx, f, options(), nil)
	if !errors.Is(err, context.Canceled) || result.Skipped != nil || !strings.HasPrefix(err.Error(), "collect garbage in mem://: ") {
		t.Errorf("%+v, %v", result, err)
	}
	if got := keys(t, s, ""); !slices.Equal(got, before) {
		t.Errorf("left %q", got)
	}
}

// GC may run before any call of a writer, which may find its own remains of
// days ago there.
func TestGCBesideAWriter(t *testing.T) {
	for _, sc := range scenarios() {
		for nth := 1; ; nth++ {
			name := fmt.Sprintf("%s, call %d", sc.name, nth)
			s := newSite()
			s.now = today.Add(-40 * oneDay)
			for _, p := range sc.before {
				s.publish(t, s.now, p)
			}
			p := sc.after[0]
			dying := faultstest.New(s, func(c faultstest.Call) faultstest.Outcome { // at its commit
				if c.Op == faultstest.Put && c.Key == ManifestKey(dir) {
					return faultstest.Outcome{Fault: faultstest.Drop}
				}
				return faultstest.Outcome{}
			})
			_ = again(t.Context(), dying, p) // fails, if it has anything to commit

			s.now = today
			f := faultstest.New(s, func(c faultstest.Call) faultstest.Outcome {
				if c.N == nth {
					if _, err := GC(t.Context(), s, options(), nil); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
				return faultstest.Outcome{}
			})
			if err := again(t.Context(), f, p); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got := published(t, s); got != "one|three" {
				t.Errorf("%s: published %q", name, got)
			}
			if f.Calls() < nth {
				break
			}
		}
	}
}

// A writer may act before any call of GC: even of one that committed the very
// parts that lay there as orphans nothing is lost.
func TestAWriterBesideGC(t *testing.T) {
	putBack := 0
	for _, sc := range scenarios() {
		for nth := 1; ; nth++ {
			name := fmt.Sprintf("%s, call %d", sc.name, nth)
			s := newSite()
			s.now = today.Add(-40 * oneDay)
			for _, p := range sc.before {
				s.publish(t, s.now, p)
			}
			p := sc.after[0]
			base := read(t, s)
			next, state, err := p.plan(&base, base.revision()+1)
			if err != nil {
				t.Fatal(err)
			}
			if state == Published || state == Restated {
				for i := range p.Files {
					if _, err := s.Put(t.Context(), next.Parts[i].Key, p.Files[i].Body, p.Files[i].Part.Bytes, store.Condition{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			s.now = today
			f := faultstest.New(s, func(c faultstest.Call) faultstest.Outcome {
				if c.N == nth {
					if err := again(t.Context(), s, p); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
				return faultstest.Outcome{}
			})
			removed := map[string]bool{}
			result, err := GC(t.Context(), f, options(), func(r Removal) { removed[r.Key] = true })
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			published(t, s)
			for _, key := range result.PutBack {
				putBack++
				if live := read(t, s); !live.names(key) || removed[key] {
					t.Errorf("%s: %s is said to have been put back", name, key)
				}
			}
			if f.Calls() < nth {
				break
			}
			if err := again(t.Context(), s, p); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got := published(t, s); got != "one|three" {
				t.Errorf("%s: published %q", name, got)
			}
		}
	}
	if putBack == 0 {
		t.Error("no part was ever put back")
	}
}

// Without Sweep, superseded parts stay for RemoveAfter, so that readers which have
// noted them find them. Then GC and RemoveSuperseded remove them.
func TestRemoveAfter(t *testing.T) {
	const stay = 6 * time.Hour
	collectors := map[string]func(context.Context, Store, GCOptions, func(Removal)) (GCResult, error){"gc": GC, "serve": RemoveSuperseded}
	for name, collect := range collectors {
		s := newSite()
		o := options()
		o.RemoveAfter = func(d string) (time.Duration, bool) { return stay, d == dir }
		s.publish(t, today, staying(partition(true, "1", "one", "same")))
		first := read(t, s)
		s.publish(t, today.Add(time.Hour), staying(partition(true, "2", "two", "same")))
		second := read(t, s)
		s.publish(t, today.Add(2*time.Hour), staying(partition(true, "3", "three")))
		s.put(t, today.Add(2*time.Hour), dir+stray(4)) // a writer at work
		for _, c := range []struct {
			at      time.Duration
			objects int
		}{{2 * time.Hour, 0}, {2*time.Hour + stay, 0}, {2*time.Hour + stay + time.Minute, 4}, {3*time.Hour + stay, 0}} {
			before := parts(t, s)
			if before > 2 && (whole(t, s, first.Manifest) != "one|same" || whole(t, s, second.Manifest) != "two|same") {
				t.Errorf("%s: a reader cannot read on", name)
			}
			o.Now = today.Add(c.at)
			result, err := collect(t.Context(), s, o, func(r Removal) {
				if r.Why != Superseded {
					t.Errorf("%s: %s is %s", name, r.Key, r.Why)
				}
			})
			if err != nil || result.Objects != c.objects || parts(t, s) != before-c.objects {
				t.Errorf("%s, %s later: %+v, %v; %d parts were there, and %d are", name, c.at, result, err, before, parts(t, s))
			}
			if got := published(t, s); got != "three" {
				t.Errorf("%s: published %q", name, got)
			}
		}

		// With Sweep again, nothing stays behind the next commit.
		s.publish(t, today.Add(9*time.Hour), staying(partition(true, "4", "four")))
		s.publish(t, today.Add(9*time.Hour), partition(true, "5", "five"))
		if parts(t, s) != 1 {
			t.Errorf("%s: %d parts are there, want 1", name, parts(t, s))
		}
	}
}

// RemoveSuperseded reads the manifests of those partitions alone that have something
// to remove.
func TestRemoveSupersededReadsLittle(t *testing.T) {
	s := newSite()
	for i := range 20 {
		p := partition(true, "1", "one")
		p.Dir = fmt.Sprintf("reports/sessions/dt=2026-10-%02d/", i+1)
		s.publish(t, today.Add(-2*oneDay), p)
		if i == 7 {
			p = partition(true, "2", "two")
			p.Dir, p.Sweep = fmt.Sprintf("reports/sessions/dt=2026-10-%02d/", i+1), false
			s.publish(t, today.Add(-2*oneDay), p)
		}
	}
	f := faultstest.New(s, func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{} })
	o := options()
	o.Roots = []string{"reports/"}
	if result, err := RemoveSuperseded(t.Context(), f, o, nil); err != nil || result.Objects != 1 || f.Calls() != 3 {
		t.Errorf("%+v, %v, in %d requests; want a listing, a read and a deletion", result, err, f.Calls())
	}
}
