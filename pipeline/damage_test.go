package pipeline

import (
	"slices"
	"strings"
	"testing"

	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

// damageCase is a source of one dump and what was made of it.
type damageCase struct {
	t            *testing.T
	source, sink *store.Memory
	r            *Runner
}

func newDamageCase(t *testing.T) *damageCase {
	c := &damageCase{t: t, source: store.NewMemory(nil), sink: store.NewMemory(nil)}
	put(t, c.source, "2026/11/20/a.ndjson", sessionLines(1, 2))
	c.r = newRunner(t, c.source, c.sink)
	c.r.Reports, c.r.MaxRejected = c.r.Reports[:1], 1
	return c
}

func (c *damageCase) manifest(dir string) *publish.Manifest {
	c.t.Helper()
	base, err := publish.Read(c.t.Context(), c.sink, dir)
	if err != nil || base.Manifest == nil {
		c.t.Fatalf("%s: %v", dir, err)
	}
	return base.Manifest
}

// whole fails unless all files of a manifest are there, as long as it says.
func (c *damageCase) whole(dir string) {
	c.t.Helper()
	for _, part := range c.manifest(dir).Parts {
		if b, err := readObject(c.t.Context(), c.sink, part.Key); err != nil || hashOf(b) != part.SHA256 {
			c.t.Errorf("%s: %d bytes, %v", part.Key, len(b), err)
		}
	}
}

// step is the plan's of a kind and partition.
func (c *damageCase) step(kind Kind, partition string) Step {
	c.t.Helper()
	plan, err := c.r.Plan(c.t.Context(), Everything())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, s := range plan.Steps {
		if s.Kind == kind && s.Partition == partition {
			return s
		}
	}
	c.t.Fatalf("the plan has no %s %s", kind, partition)
	return Step{}
}

// Files that are gone or cut short are noticed by the plan, and put again by the
// run, without another revision.
func TestLostFiles(t *testing.T) {
	for _, cut := range []bool{false, true} {
		for _, kind := range []Kind{Digest, Day, Month} {
			c := newDamageCase(t)
			run(t, c.r, WholeMonth(day.MonthOf(2026, 11)))
			dir, name := map[Kind]string{Digest: digestDir(parseDay(t, day20)), Day: dayDir("sessions", parseDay(t, day20)), Month: monthDir("sessions", day.MonthOf(2026, 11))}[kind], day20
			if kind == Month {
				name = name[:len("2026-11")]
			}
			part := c.manifest(dir).Parts[0]
			if cut {
				put(t, c.sink, part.Key, "PAR1")
			} else if err := c.sink.Delete(t.Context(), part.Key); err != nil {
				t.Fatal(err)
			}
			s := c.step(kind, name)
			if s.Status != Stale || !slices.Equal(s.Reasons, []string{"1 file is missing, or not as long as the manifest says"}) {
				t.Errorf("%s, cut %v: %s, %q", kind, cut, s.Status, s.Reasons)
			}
			result := run(t, c.r, Everything())
			if len(result.Steps) != 1 || result.Steps[0].Kind != kind || result.Steps[0].State != Mended {
				t.Errorf("%s, cut %v: done were %+v", kind, cut, result.Steps)
			}
			c.whole(dir)
			if m := c.manifest(dir); m.Revision != 1 {
				t.Errorf("%s, cut %v: now of revision %d", kind, cut, m.Revision)
			}
			if s := c.step(kind, name); s.Status != Fresh {
				t.Errorf("%s, cut %v: %s, %q", kind, cut, s.Status, s.Reasons)
			}
		}
	}
}

// What has the right length and is wrong all the same, a plan does not notice.
// Building everything again mends it.
func TestWrongFiles(t *testing.T) {
	c := newDamageCase(t)
	run(t, c.r, theDay(t))
	dirs := []string{digestDir(parseDay(t, day20)), dayDir("sessions", parseDay(t, day20))}
	for _, dir := range dirs {
		part := c.manifest(dir).Parts[0]
		put(t, c.sink, part.Key, strings.Repeat("x", int(part.Bytes)))
	}
	result, err := c.r.Run(t.Context(), theDay(t), OnlyAll)
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	for _, dir := range dirs {
		c.whole(dir)
	}
}

// A digest that cannot be read, and whose dumps are gone, is not taken for one
// that knows of nothing: the days around it stay as they are, those that need it
// fail, and those that do not are made.
func TestUnreadableDigest(t *testing.T) {
	for name, damage := range map[string]func(c *damageCase, dir string){
		"no manifest":      func(c *damageCase, dir string) { put(t, c.sink, dir+publish.ManifestName, "{") },
		"another's":        func(c *damageCase, dir string) { put(t, c.sink, dir+publish.ManifestName, `{"revision": 1}`) },
		"table lost":       func(c *damageCase, dir string) { _ = c.sink.Delete(t.Context(), c.manifest(dir).Parts[2].Key) },
		"all tables empty": func(c *damageCase, dir string) { put(t, c.sink, c.manifest(dir).Parts[2].Key, "") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newDamageCase(t)
			put(t, c.source, "2026/11/25/a.ndjson", strings.ReplaceAll(sessionLines(1), "2026-11-20", "2026-11-25"))
			run(t, c.r, Everything())
			if err := c.source.Delete(t.Context(), "2026/11/25/a.ndjson"); err != nil {
				t.Fatal(err)
			}
			damage(c, digestDir(parseDay(t, "2026-11-25")))
			before := contents(t, c.sink, false)
			put(t, c.source, "2026/10/01/a.ndjson", strings.ReplaceAll(sessionLines(7), "2026-11-20", "2026-10-01"))

			if s := c.step(Digest, "2026-11-25"); s.Status != Stale {
				t.Errorf("its digest is %s: %v", s.Status, s.Reasons)
			}
			result, err := c.r.Run(t.Context(), Everything(), OnlyDue)
			if err != nil {
				t.Fatal(err)
			}
			failed := false
			for _, d := range result.Steps {
				if d.err != nil {
					failed = failed || d.Kind == Digest && d.Partition == "2026-11-25"
				}
			}
			if !failed {
				t.Errorf("the digest has not failed: %+v", result.Steps)
			}
			if m := c.manifest(dayDir("sessions", parseDay(t, "2026-10-01"))); m.Rows != 1 {
				t.Errorf("the day that does not need it has %d rows", m.Rows)
			}
			after := contents(t, c.sink, false)
			for key, text := range before {
				if strings.HasPrefix(key, "reports/") && after[key] != text {
					t.Errorf("%s has changed", key)
				}
			}
			c.r.Reports[0].Hash = "another"
			if result, err = c.r.Run(t.Context(), Days(parseDay(t, "2026-11-20"), parseDay(t, "2026-11-20")), OnlyDue); err != nil {
				t.Fatal(err)
			}
			if m := c.manifest(dayDir("sessions", parseDay(t, day20))); m.Definition == "another" {
				t.Errorf("a day was made without it: %+v", result.Steps)
			}
		})
	}
}

// A manifest of a report that is none fails its own partition.
func TestUnreadableManifest(t *testing.T) {
	c := newDamageCase(t)
	run(t, c.r, Everything())
	dir := dayDir("sessions", parseDay(t, day20))
	put(t, c.sink, dir+publish.ManifestName, "{")
	put(t, c.source, "2026/12/01/a.ndjson", sessionLines(3))
	if s := c.step(Day, day20); s.Status != Missing || !strings.Contains(s.Reasons[0], "is not a manifest") {
		t.Errorf("%s, %q", s.Status, s.Reasons)
	}
	result, err := c.r.Run(t.Context(), Everything(), OnlyDue)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range result.Steps {
		if (d.err != nil) != (d.Kind == Day && d.Partition == day20) {
			t.Errorf("%s %s: %v", d.Kind, d.Partition, d.err)
		}
	}
}
