package build_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/format"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// damageCase is a source with one dump, and what was made of it.
type damageCase struct {
	t            *testing.T
	source, sink *store.Memory
	s            *settings.Pipeline
}

func newDamageCase(t *testing.T) *damageCase {
	c := &damageCase{t: t, source: store.NewMemory(nil), sink: store.NewMemory(nil)}
	pipelinetest.Put(t, c.source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2))
	c.s = pipelinetest.OneReport(t, c.source, c.sink)
	return c
}

func (c *damageCase) manifest(id partition.ID) *publish.Manifest {
	c.t.Helper()
	return pipelinetest.Manifest(c.t, c.sink, id)
}

func (c *damageCase) step(id partition.ID) plan.Step {
	c.t.Helper()
	return pipelinetest.Step(c.t, c.s, id)
}

// requireWhole fails unless all files of a manifest are there, with their content.
func (c *damageCase) requireWhole(id partition.ID) {
	c.t.Helper()
	for _, part := range c.manifest(id).Parts {
		if b, err := pipelinetest.ReadObject(c.t.Context(), c.sink, part.Key); err != nil || pipelinetest.SHA256(b) != part.SHA256 {
			c.t.Errorf("%s: %d bytes, %v", part.Key, len(b), err)
		}
	}
}

var (
	theDigest = partition.DigestID(pipelinetest.Day)
	theDay    = partition.DayID("sessions", pipelinetest.Day)
	theMonth  = partition.MonthID("sessions", pipelinetest.Day.Month())
)

// A plan notices files that are missing or cut short. A run puts them again, without
// another revision.
func TestLostFiles(t *testing.T) {
	for _, cut := range []bool{false, true} {
		for _, id := range []partition.ID{theDigest, theDay, theMonth} {
			c := newDamageCase(t)
			pipelinetest.Run(t, c.s, partition.WholeMonth(theMonth.Month()))
			part := c.manifest(id).Parts[0]
			if cut {
				pipelinetest.Put(t, c.sink, part.Key, "PAR1")
			} else {
				pipelinetest.Delete(t, c.sink, part.Key)
			}
			s := c.step(id)
			if s.Status != plan.Stale || s.Action != plan.Restore || !slices.Equal(s.Reasons, []string{"1 file is missing, or not as long as the manifest says"}) {
				t.Errorf("%s, cut %v: %s, %q", id, cut, s.Status, s.Reasons)
			}
			result := pipelinetest.Run(t, c.s, partition.Everything())
			if len(result.Steps) != 1 || result.Steps[0].ID != id || result.Steps[0].State != build.Mended {
				t.Errorf("%s, cut %v: done were %+v", id, cut, result.Steps)
			}
			c.requireWhole(id)
			if m := c.manifest(id); m.Revision != 1 {
				t.Errorf("%s, cut %v: now of revision %d", id, cut, m.Revision)
			}
			if s := c.step(id); s.Status != plan.Fresh {
				t.Errorf("%s, cut %v: %s, %q", id, cut, s.Status, s.Reasons)
			}
		}
	}
}

// A plan does not notice a wrong content of the right length. Building everything
// again mends it.
func TestWrongFiles(t *testing.T) {
	c := newDamageCase(t)
	pipelinetest.Run(t, c.s, pipelinetest.TheDay)
	ids := []partition.ID{theDigest, theDay}
	for _, id := range ids {
		part := c.manifest(id).Parts[0]
		pipelinetest.Put(t, c.sink, part.Key, strings.Repeat("x", int(part.Bytes)))
	}
	if err := pipelinetest.RunOnly(t, c.s, pipelinetest.TheDay, build.OnlyAll).Err(); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		c.requireWhole(id)
	}
}

// After somebody has deleted the manifests, the next run publishes everything anew, and
// readers that glob see one revision.
func TestDeletedManifests(t *testing.T) {
	c := newDamageCase(t)
	pipelinetest.Run(t, c.s, partition.WholeMonth(theMonth.Month()))
	pipelinetest.Put(t, c.source, "2026/11/20/b.ndjson", pipelinetest.SessionLines(3))
	pipelinetest.Run(t, c.s, partition.WholeMonth(theMonth.Month()))
	ids := []partition.ID{theDigest, theDay, theMonth}
	for _, id := range ids {
		pipelinetest.Delete(t, c.sink, id.ManifestKey())
	}
	pipelinetest.Put(t, c.source, "2026/11/20/c.ndjson", pipelinetest.SessionLines(4))
	c.s.Clock = func() time.Time { return time.Now().Add(2 * time.Hour) }
	pipelinetest.Run(t, c.s, partition.WholeMonth(theMonth.Month()))
	for _, id := range ids {
		c.requireWhole(id)
		m := c.manifest(id)
		if m.Revision != 3 {
			t.Errorf("%s has revision %d, want 3", id, m.Revision)
		}
		if id == theDigest {
			continue // its superseded parts stay for readers, which read the manifest
		}
		there := 0
		for key := range pipelinetest.Contents(t, c.sink, false) {
			if strings.HasPrefix(key, id.Dir()) {
				there++
			}
		}
		if there != len(m.Parts) {
			t.Errorf("%s: %d files lie there, and the manifest names %d", id, there, len(m.Parts))
		}
	}
}

// A restatement says why, even if nothing is stale and a user asked for it.
func TestRestatedOnRequest(t *testing.T) {
	c := newDamageCase(t)
	pipelinetest.Run(t, c.s, partition.WholeMonth(theMonth.Month()))
	c.s.Format = format.Parquet{Profile: parquet.Compact}
	if err := pipelinetest.RunOnly(t, c.s, partition.WholeMonth(theMonth.Month()), build.OnlyAll).Err(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []partition.ID{theDay, theMonth} {
		if m := c.manifest(id); m.Revision != 2 || m.Reason == "" {
			t.Errorf("%s has revision %d, because %q", id, m.Revision, m.Reason)
		} else {
			t.Logf("%s: %s", id, m.Reason)
		}
	}
	if m := c.manifest(theDay); m.Reason != "built again on request" {
		t.Errorf("the day was restated because %q", m.Reason)
	}
}

// A digest that cannot be read, and whose dumps are gone, is not taken for an empty
// one. The published days around it stay as they are, the days that need it fail, and
// all others are made.
func TestUnreadableDigest(t *testing.T) {
	for name, damage := range map[string]func(c *damageCase, id partition.ID){
		"no manifest":      func(c *damageCase, id partition.ID) { pipelinetest.Put(t, c.sink, id.ManifestKey(), "{") },
		"another's":        func(c *damageCase, id partition.ID) { pipelinetest.Put(t, c.sink, id.ManifestKey(), `{"revision": 1}`) },
		"table lost":       func(c *damageCase, id partition.ID) { pipelinetest.Delete(t, c.sink, c.manifest(id).Parts[2].Key) },
		"all tables empty": func(c *damageCase, id partition.ID) { pipelinetest.Put(t, c.sink, c.manifest(id).Parts[2].Key, "") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newDamageCase(t)
			pipelinetest.Put(t, c.source, "2026/11/25/a.ndjson", strings.ReplaceAll(pipelinetest.SessionLines(1), "2026-11-20", "2026-11-25"))
			pipelinetest.Run(t, c.s, partition.Everything())
			pipelinetest.Delete(t, c.source, "2026/11/25/a.ndjson")
			broken := partition.DigestID(pipelinetest.ParseDay(t, "2026-11-25"))
			damage(c, broken)
			before := pipelinetest.Contents(t, c.sink, false)
			pipelinetest.Put(t, c.source, "2026/10/01/a.ndjson", strings.ReplaceAll(pipelinetest.SessionLines(7), "2026-11-20", "2026-10-01"))

			if s := c.step(broken); s.Status != plan.Stale {
				t.Errorf("its digest is %s: %v", s.Status, s.Reasons)
			}
			result := pipelinetest.RunOnly(t, c.s, partition.Everything(), build.OnlyDue)
			if !slices.ContainsFunc(result.Steps, func(d build.Done) bool { return d.ID == broken && d.Err != nil }) {
				t.Errorf("the digest has not failed: %+v", result.Steps)
			}
			if m := c.manifest(partition.DayID("sessions", pipelinetest.ParseDay(t, "2026-10-01"))); m.Rows != 1 {
				t.Errorf("the day that does not need it has %d rows", m.Rows)
			}
			after := pipelinetest.Contents(t, c.sink, false)
			for key, text := range before {
				if strings.HasPrefix(key, "reports/") && after[key] != text {
					t.Errorf("%s has changed", key)
				}
			}
			c.s.Reports[0].Hash = "another"
			result = pipelinetest.RunOnly(t, c.s, pipelinetest.TheDay, build.OnlyDue)
			if m := c.manifest(theDay); m.Definition == "another" {
				t.Errorf("a day was made without it: %+v", result.Steps)
			}
		})
	}
}

// The error about a digest with a damaged file says which command makes it again, and
// that command does.
func TestDamagedDigestSaysHow(t *testing.T) {
	for _, part := range []int{0, 2} { // a table of events, and the index
		c := newDamageCase(t)
		pipelinetest.Run(t, c.s, partition.Everything())
		digest := partition.DigestID(pipelinetest.Day)
		key := c.manifest(digest).Parts[part].Key
		content, err := pipelinetest.ReadObject(t.Context(), c.sink, key)
		if err != nil {
			t.Fatal(err)
		}
		for i := range content { // the size stays
			content[i] ^= 0x55
		}
		pipelinetest.Put(t, c.sink, key, string(content))
		c.s.Reports[0].Hash = "another"
		says := fmt.Sprintf("daybook backfill --from %s --to %s --only all makes it again from its dumps", pipelinetest.Day, pipelinetest.Day)
		result := pipelinetest.RunOnly(t, c.s, pipelinetest.TheDay, build.OnlyDue)
		if !slices.ContainsFunc(result.Steps, func(d build.Done) bool {
			return d.ID == theDay && d.Err != nil && strings.Contains(d.Err.Error(), key) && strings.Contains(d.Err.Error(), says)
		}) {
			t.Errorf("part %d: %+v", part, result.Steps)
		}
		pipelinetest.RunOnly(t, c.s, pipelinetest.TheDay, build.OnlyAll)
		if m := c.manifest(theDay); m.Definition != "another" {
			t.Errorf("part %d: the day is not made again", part)
		}
	}
}

// A broken manifest of a report fails its own partition, and no other.
func TestUnreadableManifest(t *testing.T) {
	c := newDamageCase(t)
	pipelinetest.Run(t, c.s, partition.Everything())
	pipelinetest.Put(t, c.sink, theDay.ManifestKey(), "{")
	pipelinetest.Put(t, c.source, "2026/12/01/a.ndjson", pipelinetest.SessionLines(3))
	if s := c.step(theDay); s.Status != plan.Missing || !strings.Contains(s.Reasons[0], "is not a manifest") {
		t.Errorf("%s, %q", s.Status, s.Reasons)
	}
	for _, d := range pipelinetest.RunOnly(t, c.s, partition.Everything(), build.OnlyDue).Steps {
		if (d.Err != nil) != (d.ID == theDay) {
			t.Errorf("%s: %v", d.ID, d.Err)
		}
	}
}
