package main

import (
	"strings"
	"testing"
	"time"
)

const (
	partKey     = "reports/sessions/dt=2026-11-20/part-0-r2-ab.parquet"
	manifestKey = "_manifests/reports/sessions/dt=2026-11-20.json"
	totalKey    = "summaries/sessions/day/2026-11-20/total.csv"
	figuresKey  = "summaries/sessions/day/2026-11-20/_figures.json"
	digestKey   = "state/digests/dt=2026-11-20/open-r1-cd.parquet"

	manifest = `{"revision":2,"attempt":"A","reason":"late dumps","rows":3,"parts":[{"sha256":"ab"}],` +
		`"checks":[{"name":"rows","passed":true,"detail":"few"}],` +
		`"summaries":{"definition":"ef","files":[{"name":"total.csv","bytes":4,"etag":"1"}]}}`
)

func aTree() tree {
	t := tree{}
	for key, content := range map[string]string{
		partKey: "PAR1", manifestKey: manifest, totalKey: "a,b\n", digestKey: "PAR1",
	} {
		t[key] = file{content: []byte(content)}
	}
	return t
}

// Each change of a tree is a difference, or one of the three that are allowed.
func TestCompare(t *testing.T) {
	replace := func(key, from, to string) func(tree) {
		return func(x tree) {
			content := strings.Replace(string(x[key].content), from, to, 1)
			if content == string(x[key].content) {
				t.Fatalf("%s does not contain %s", key, from)
			}
			x[key] = file{content: []byte(content)}
		}
	}
	add := func(key string) func(tree) { return func(x tree) { x[key] = file{} } }
	for _, c := range []struct {
		name   string
		change func(tree)
		want   result // how many of each
		differ int
		reword int
	}{
		{"nothing", func(tree) {}, result{restated: 1}, 0, 0},
		{"a byte of a part", replace(partKey, "R1", "R2"), result{restated: 1}, 1, 0},
		{"a byte of a summary", replace(totalKey, "b", "c"), result{restated: 1}, 1, 0},
		{"a longer summary", replace(totalKey, "\n", "\n\n"), result{restated: 1}, 1, 0},
		{"a part less", func(x tree) { delete(x, partKey) }, result{restated: 1}, 1, 0},
		{"a part more", add("reports/sessions/dt=2026-11-20/part-1-r2-cd.parquet"), result{restated: 1}, 1, 0},
		{"a part of another name", func(x tree) { add(strings.Replace(partKey, "-r2-", "-r1-", 1))(x); delete(x, partKey) }, result{restated: 1}, 2, 0},
		{"a manifest less", func(x tree) { delete(x, manifestKey) }, result{}, 1, 0},
		{"a manifest that is none", replace(manifestKey, "{", "["), result{}, 1, 0},
		{"the revision", replace(manifestKey, `"revision":2`, `"revision":1`), result{}, 1, 0},
		{"the rows", replace(manifestKey, `"rows":3`, `"rows":4`), result{restated: 1}, 1, 0},
		{"a new member", replace(manifestKey, `"rows":3`, `"rows":3,"columns":4`), result{restated: 1}, 1, 0},
		{"a lost member", replace(manifestKey, `"rows":3,`, ``), result{restated: 1}, 1, 0},
		{"what a check found", replace(manifestKey, `"passed":true`, `"passed":false`), result{restated: 1}, 1, 0},
		{"a summary's size", replace(manifestKey, `"bytes":4`, `"bytes":5`), result{restated: 1}, 1, 0},
		{"another summary", replace(manifestKey, `total.csv`, `by_hour.csv`), result{restated: 1}, 1, 0},
		{"figures among the reports", add("reports/sessions/dt=2026-11-20/_figures.json"), result{restated: 1}, 1, 0},

		{"the attempt", replace(manifestKey, `"attempt":"A"`, `"attempt":"B"`), result{restated: 1}, 0, 0},
		{"a summary's ETag", replace(manifestKey, `"etag":"1"`, `"etag":"2"`), result{restated: 1}, 0, 0},
		{"the reason", replace(manifestKey, "late", "new"), result{restated: 1}, 0, 1},
		{"a check's words", replace(manifestKey, "few", "fewer"), result{restated: 1}, 0, 1},
		{"figures", func(x tree) {
			add(figuresKey)(x)
			replace(manifestKey, `"etag":"1"}`, `"etag":"1"},{"name":"_figures.json","bytes":9,"etag":"3"}`)(x)
		}, result{restated: 1, figures: 1}, 0, 0},
	} {
		older, newer := aTree(), aTree()
		c.change(newer)
		var got result
		got.compare(older, newer)
		if len(got.differences) != c.differ || len(got.reworded) != c.reword || got.figures != c.want.figures || got.restated != c.want.restated {
			t.Errorf("%s: %+v, want %d differences, %d reworded, %+v", c.name, got, c.differ, c.reword, c.want)
		}
	}
}

// Figures that the new program leaves out are a difference, and so is a
// comparison of nothing.
func TestCompareLess(t *testing.T) {
	older, newer := aTree(), aTree()
	older[figuresKey] = file{}
	var lost, empty result
	if lost.compare(older, newer); len(lost.differences) != 1 {
		t.Errorf("figures lost: %q", lost.differences)
	}
	if empty.compare(tree{}, tree{}); len(empty.differences) != 1 {
		t.Errorf("nothing to compare: %q", empty.differences)
	}
}

// Parts and digests that are written again are a difference even where they are
// the same. Manifests and summaries may be.
func TestCompareUntouched(t *testing.T) {
	for key, want := range map[string]int{partKey: 1, digestKey: 1, manifestKey: 0, totalKey: 0} {
		before, after := aTree(), aTree()
		after[key] = file{content: after[key].content, modified: time.Unix(1, 0)}
		var r result
		if r.compareUntouched(before, after); len(r.differences) != want {
			t.Errorf("%s is written again: %q, want %d differences", key, r.differences, want)
		}
	}
}
