package catalog_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/sinks/pack"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

const (
	recentPack = partition.PackRoot + "recent.pack"
	mainPack   = partition.PackRoot + "main.pack"
)

// A packWorld is a sink whose calls are counted, with eleven days of two reports.
type packWorld struct {
	t        *testing.T
	source   *store.Memory
	memory   *store.Memory // the sink without counting
	settings *settings.Pipeline

	calls []faultstest.Call
	fail  func(faultstest.Call) bool
}

const firstDump, lastDump = 20, 30

func newPackWorld(t *testing.T) *packWorld {
	w := &packWorld{t: t, source: store.NewMemory(nil), memory: store.NewMemory(nil)}
	w.settings = pipelinetest.Settings(t, w.source, faultstest.New(w.memory, func(c faultstest.Call) (fate faultstest.Outcome) {
		w.calls = append(w.calls, c)
		if w.fail != nil && w.fail(c) {
			fate.Fault = faultstest.Drop
		}
		return fate
	}))
	for d := firstDump; d <= lastDump; d++ {
		w.dump(d, "a")
	}
	w.run()
	return w
}

func (w *packWorld) dump(d int, name string) {
	pipelinetest.Put(w.t, w.source, fmt.Sprintf("2026/11/%d/%s.ndjson", d, name), pipelinetest.SessionLines(100*d+len(name)))
}

func (w *packWorld) run() *build.Result {
	w.t.Helper()
	w.calls = nil
	return pipelinetest.Run(w.t, w.settings, partition.Everything())
}

func (w *packWorld) plan(cache *catalog.Cache) string {
	w.t.Helper()
	w.calls = nil
	p, err := plan.Make(w.t.Context(), &catalog.Reader{Settings: w.settings, Cache: cache}, partition.Everything())
	if err != nil {
		w.t.Fatal(err)
	}
	return pipelinetest.PlanText(p)
}

// count counts the calls of an operation on the keys that begin with a prefix.
func (w *packWorld) count(op faultstest.Op, prefix string) (n int) {
	for _, c := range w.calls {
		if c.Op == op && strings.HasPrefix(c.Key, prefix) {
			n++
		}
	}
	return n
}

// wantCalls checks how many manifests and packs were read, and packs written.
func (w *packWorld) wantCalls(what string, manifests, packs, written int) {
	w.t.Helper()
	got := [3]int{w.count(faultstest.Open, publish.ManifestRoot), w.count(faultstest.Open, partition.PackRoot), w.count(faultstest.Put, partition.PackRoot)}
	if want := [3]int{manifests, packs, written}; got != want {
		w.t.Errorf("%s: manifests read, packs read, packs written: %v, want %v", what, got, want)
	}
}

// idle is a run with nothing to do.
func (w *packWorld) idle(what string, manifests, packs, written int) {
	w.t.Helper()
	if result := w.run(); len(result.Steps) > 0 {
		w.t.Errorf("%s: %d steps are done", what, len(result.Steps))
	}
	w.wantCalls(what, manifests, packs, written)
}

func (w *packWorld) object(key string) []byte {
	w.t.Helper()
	b, err := pipelinetest.ReadObject(w.t.Context(), w.memory, key)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// manifests is how many there are.
func (w *packWorld) manifests() (n int) {
	for _, err := range w.memory.List(w.t.Context(), publish.ManifestRoot) {
		if err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	return n
}

// newDigest is how often the manifest of a digest is read that is made for the first
// time: a rival may have made it. It is read again in case the rival has just moved it
// from its old place.
const newDigest = 2

// The requests of runs and looks: those for manifests do not grow with what is
// published, but with the digests that are made.
func TestPackRequests(t *testing.T) {
	w := newPackWorld(t)
	if n := w.manifests(); n != 33 { // of the digests, and of the days of two reports
		t.Fatalf("there are %d manifests", n)
	}
	w.wantCalls("the first run", 11*newDigest, 1, 1)

	w.idle("nothing to do", 0, 1, 0)
	if n, puts := w.count(faultstest.Open, ""), w.count(faultstest.Put, ""); n > 5 || puts > 0 {
		t.Errorf("nothing to do: %d reads and %d writes", n, puts)
	}

	w.dump(lastDump-1, "late")
	if result := w.run(); len(result.Steps) == 0 {
		t.Error("a late dump gives no steps")
	}
	w.wantCalls("a restated day", 1, 1, 1) // of its digest
	w.idle("after the restated day", 0, 1, 0)

	w.memory.Delete(t.Context(), recentPack)
	w.run()
	cache := catalog.NewCache()
	w.plan(cache)
	w.wantCalls("the first look", 0, 1, 0)
	w.plan(cache)
	w.wantCalls("a later look", 0, 0, 0)
	if opens := w.count(faultstest.Open, ""); opens > 0 {
		t.Errorf("a later look reads %d objects", opens)
	}
	w.plan(nil)
	w.wantCalls("a plan", 0, 1, 0)
}

// A new day is published without a read of a manifest of another day.
func TestPackNewDay(t *testing.T) {
	w := newPackWorld(t)
	pipelinetest.Put(t, w.source, "2026/12/01/a.ndjson", strings.ReplaceAll(pipelinetest.SessionLines(1), "2026-11-20", "2026-12-01"))
	if result := w.run(); len(result.Steps) == 0 {
		t.Error("a new day gives no steps")
	}
	w.wantCalls("a new day", newDigest, 1, 1)
	w.idle("after the new day", 0, 1, 0)
}

// Packs that are damaged, lost, cut, of another version of the format or of another
// sink are made again. The plan is the same throughout.
func TestPackSpoiled(t *testing.T) {
	w := newPackWorld(t)
	good, all := w.object(recentPack), w.manifests()
	want := w.plan(nil)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 4
	other := newPackWorld(t)
	other.dump(firstDump, "more")
	other.run()
	wrong := pack.New()
	parsed, err := pack.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	keys := parsed.Keys()
	for i, key := range keys { // the text of another manifest under each key
		next := keys[(i+1)%len(keys)]
		wrong.Add(key, parsed.ETag(next), parsed.Get(next, parsed.ETag(next)))
	}
	nothing := pack.New()
	for _, key := range keys {
		nothing.Add(key, parsed.ETag(key), []byte("{"))
	}
	for name, body := range map[string][]byte{
		"damaged": flipped, "cut": good[:len(good)/2], "empty": nil, "text": []byte("not a pack\n"),
		"of a newer format":              bytes.Replace(good, []byte("pack 1"), []byte("pack 2"), 1),
		"of another sink":                wrong.Encode(),
		"of texts that are no manifests": nothing.Encode(),
	} {
		pipelinetest.Put(t, w.memory, recentPack, string(body))
		if got := w.plan(nil); got != want {
			t.Errorf("%s: the plan is\n%s\nand was\n%s", name, got, want)
		}
		packs := 2 // what the recent pack lacks may be in the main one
		if name == "of texts that are no manifests" {
			packs = 1
		}
		w.wantCalls(name+", a plan", all, packs, 0)
		w.idle(name, all, packs, 1)
		w.idle(name+", made again", 0, 1, 0)
	}
	// Of an earlier sink with the same dumps most manifests differ by their attempts.
	pipelinetest.Put(t, w.memory, recentPack, string(other.object(recentPack)))
	if got := w.plan(nil); got != want {
		t.Errorf("of a twin: the plan is\n%s\nand was\n%s", got, want)
	}
	w.idle("of a twin", all, 2, 1)
}

// An old pack gives the manifests that have not changed since.
func TestPackOld(t *testing.T) {
	w := newPackWorld(t)
	old := w.object(recentPack)
	before := map[string]bool{}
	for object, err := range w.memory.List(t.Context(), publish.ManifestRoot) {
		if err != nil {
			t.Fatal(err)
		}
		before[object.Key+object.ETag] = true
	}
	w.dump(lastDump, "late")
	w.run()
	changed := 0
	for object, err := range w.memory.List(t.Context(), publish.ManifestRoot) {
		if err != nil {
			t.Fatal(err)
		}
		if !before[object.Key+object.ETag] {
			changed++
		}
	}
	want := w.plan(nil)
	pipelinetest.Put(t, w.memory, recentPack, string(old))
	if got := w.plan(nil); got != want {
		t.Errorf("the plan is\n%s\nand was\n%s", got, want)
	}
	w.idle("an old pack", changed, 2, 1)
	w.idle("brought up to date", 0, 1, 0)
}

// Packs that cannot be read or written fail no run.
func TestPackFaults(t *testing.T) {
	w := newPackWorld(t)
	w.dump(lastDump, "late")
	w.fail = func(c faultstest.Call) bool { return strings.HasPrefix(c.Key, partition.PackRoot) }
	result := w.run()
	if len(result.Steps) == 0 || !errors.Is(result.Unpacked, faultstest.ErrInjected) {
		t.Errorf("%d steps, and the packs were not written because of %v", len(result.Steps), result.Unpacked)
	}
	if n := w.count(faultstest.Put, partition.PackRoot); n != 1 {
		t.Errorf("the pack was written %d times", n)
	}
	w.fail = nil
	if result := w.run(); result.Unpacked != nil || len(result.Steps) > 0 {
		t.Errorf("%d steps, and %v", len(result.Steps), result.Unpacked)
	}
	w.idle("after the faults", 0, 1, 0)
}

// What could not be written is written by the next run of the same process, as for the
// service.
func TestPackTriedAgain(t *testing.T) {
	w := newPackWorld(t)
	b := &build.Builder{Settings: w.settings, Cache: catalog.NewCache()}
	w.fail = func(c faultstest.Call) bool {
		return c.Op == faultstest.Put && strings.HasPrefix(c.Key, partition.PackRoot)
	}
	w.dump(lastDump, "late")
	pipelinetest.RunBuilder(t, b, partition.Everything())
	w.fail = nil
	pipelinetest.RunBuilder(t, b, partition.Everything())
	w.idle("another process", 0, 1, 0)
}

// When the recent pack has grown, the main pack takes its entries. A change is then
// written to the recent pack alone. If the main pack is lost, it is made again.
func TestMainPack(t *testing.T) {
	w := newPackWorld(t)
	catalog.SetMinMain(t, 1)
	w.memory.Delete(t.Context(), recentPack)
	w.idle("without packs", w.manifests(), 2, 2)
	main, recent := w.object(mainPack), w.object(recentPack)
	if p, err := pack.Parse(recent); err != nil || len(p.Keys()) > 0 {
		t.Errorf("the recent pack has %d entries, %v", len(p.Keys()), err)
	}
	w.idle("with the main pack", 0, 2, 0)

	catalog.SetMinMain(t, 1<<20)
	w.dump(lastDump, "late")
	w.run()
	w.wantCalls("a change", 1, 2, 1) // of its digest
	if !bytes.Equal(w.object(mainPack), main) || bytes.Equal(w.object(recentPack), recent) {
		t.Error("the change is not in the recent pack alone")
	}
	w.idle("after the change", 0, 2, 0)
	want := w.plan(nil)

	w.memory.Delete(t.Context(), mainPack)
	if got := w.plan(nil); got != want {
		t.Errorf("the plan is\n%s\nand was\n%s", got, want)
	}
	w.run()
	w.idle("the main pack is lost", 0, 1, 0)

	// Both grow together again. Superseded versions are left out.
	catalog.SetMinMain(t, 1)
	pipelinetest.Put(t, w.memory, mainPack, string(main))
	w.dump(lastDump, "later")
	w.run()
	p, err := pack.Parse(w.object(mainPack))
	if err != nil {
		t.Fatal(err)
	}
	for object, err := range w.memory.List(t.Context(), publish.ManifestRoot) {
		if err != nil || p.ETag(object.Key) != object.ETag {
			t.Errorf("the main pack has %s in the version %q, want %q; %v", object.Key, p.ETag(object.Key), object.ETag, err)
		}
	}
	if len(p.Keys()) != w.manifests() || !slices.IsSorted(p.Keys()) {
		t.Errorf("the main pack has %d entries, and there are %d manifests", len(p.Keys()), w.manifests())
	}
}

// In a directory, the ETag of a listing has the times of the file: a manifest that was
// edited in place, with its size and modification time set back, is read again.
func TestPackInDirectory(t *testing.T) {
	source := store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1))
	dir, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := pipelinetest.OneReport(t, source, dir)
	pipelinetest.Run(t, s, partition.Everything())
	opens := 0
	s.Sink = faultstest.New(dir, func(c faultstest.Call) (fate faultstest.Outcome) {
		if c.Op == faultstest.Open && strings.HasPrefix(c.Key, publish.ManifestRoot) {
			opens++
		}
		return fate
	})
	want := pipelinetest.PlanText(pipelinetest.Plan(t, s, partition.Everything()))
	if opens != 0 {
		t.Errorf("%d manifests were read", opens)
	}
	for object, err := range dir.List(t.Context(), publish.ManifestRoot) {
		if err != nil {
			t.Fatal(err)
		}
		body, err := pipelinetest.ReadObject(t.Context(), dir, object.Key)
		if err != nil {
			t.Fatal(err)
		}
		pipelinetest.Put(t, dir, object.Key, string(body)) // the same text in another file
	}
	if got := pipelinetest.PlanText(pipelinetest.Plan(t, s, partition.Everything())); got != want || opens != 2 {
		t.Errorf("%d manifests were read, and the plan is\n%s\nwant\n%s", opens, got, want)
	}
}
