package dump

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"daybook/sources/store"
	"daybook/transform/day"

	"github.com/google/go-cmp/cmp"
)

// shapes are the keys of producers on 5 November 2026, and the template of each.
var shapes = []struct{ template, key string }{
	{"{yyyy}/{mm}/{dd}/", "2026/11/05/part-0.ndjson%s"},
	{"{yyyy}/{mm}/{dd}/", "2026/11/5/deep/er/PART-0.JSONL%s"},
	{"{yyyy}/{m}/{d}/", "2026/11/5/part-0.json%s"},
	{"{yyyy}/{mm}/{dd}/{hh}/", "2026/11/05/13/support-1-2026-11-05-13-00-00-6f0c1d2e%s"},
	{"events/{yyyy}/{mm}/{dd}/", "events/2026/11/05/13/v1.support-1-2026-11-05-13-00-00-6f0c%s"},
	{"logs/*/{yyyy}/{mm}/{dd}/", "logs/app.support/2026/11/05/13/05/07-objectxK3pQ9aB%s"},
	{"date={yyyy}-{mm}-{dd}/", "date=2026-11-05/1793883600-4f0c2b1a.log%s"},
	{"topics/*/year={yyyy}/month={mm}/day={dd}/hour={hh}/", "topics/support/year=2026/month=11/day=05/hour=09/support+0+42.json%s"},
	{"dt={yyyy}-{mm}-{dd}/hour=*/", "dt=2026-11-05/hour=09/part-0.json%s"},
	{"year={yyyy}/month={mm}/day={dd}/", "year=2026/month=11/day=5/part-0.json%s"},
	{"exports/events-{yyyy}-{mm}-{dd}", "exports/events-2026-11-05.json%s"},
	{"*_{yyyy}{mm}{dd}", "8f3a_20261105.jsonl%s"},
	{"{dd}.{mm}.{yyyy}/", "05.11.2026/a.json%s"},
	{"{yyyy}/{mm}/{dd}/eu-", "2026/11/05/eu-1.ndjson%s"},
}

// Each shape of keys is read in each codec, under its extensions and none, and in
// each form.
func TestLayouts(t *testing.T) {
	documents := []string{`{"a":1}`, `{"b":"}{"}`, `{"c":[1]}`}
	texts := map[Form]string{
		Lines: strings.Join(documents, "\r\n"), Documents: strings.Join(documents, ""), Array: "[" + strings.Join(documents, ",\n") + "]",
	}
	want := []string{`{"a":1}`, `{"b":"}{"}`, `{"c":[1]}`}
	for _, shape := range shapes {
		template, err := ParseTemplate(shape.template)
		if err != nil {
			t.Fatal(err)
		}
		of := Sources{{Template: template}}
		for ext, pack := range map[string]func(testing.TB, string) []byte{
			"": func(_ testing.TB, text string) []byte { return []byte(text) }, ".gz": gzipped, ".GZIP": gzipped, ".zst": zstdded, ".zstd": zstdded,
		} {
			for form, text := range texts {
				for _, stored := range [][]byte{pack(t, text), []byte(text), gzipped(t, text)} { // also unpacked or packed on the way
					key := fmt.Sprintf(shape.key, ext)
					m := store.NewMemory(nil)
					if _, err := m.Put(t.Context(), key, bytes.NewReader(stored), int64(len(stored)), store.Condition{}); err != nil {
						t.Fatal(err)
					}
					all, err := ListAll(t.Context(), m, of, true, nil)
					if err != nil || all.Unread.Objects > 0 || all.Matches[0].Dumps != 1 {
						t.Fatalf("%s, %s: %+v, %v", template, key, all, err)
					}
					one, err := ListDay(t.Context(), m, of, day.Date(2026, time.November, 5))
					if err != nil || len(one.Dumps) != 1 {
						t.Fatalf("%s, %s: on the day %+v, %v", template, key, one, err)
					}
					r, err := Open(t.Context(), m, one.Dumps[0])
					if err != nil {
						t.Fatalf("%s, %s: %v", key, form, err)
					}
					lines, err := drain(r)
					r.Close()
					var got []string
					for _, l := range lines {
						got = append(got, l.Text)
					}
					if diff := cmp.Diff(want, got); diff != "" || err != nil || r.Form() != form {
						t.Errorf("%s, %s read as %s: %v (-want +got):\n%s", key, form, r.Form(), err, diff)
					}
				}
			}
		}
	}
}

// Objects that look like dumps and are read for no day are told, with the template
// that would take them. The others are none of daybook's business.
func TestUnread(t *testing.T) {
	for _, c := range []struct{ template, key, why, nearest string }{
		{"{yyyy}/{mm}/{dd}/", "eu/2026/11/20/a.json", "its key has another shape than source.key", "eu/{yyyy}/{mm}/{dd}/"},
		{"raw/v1/{yyyy}/{mm}/{dd}/", "raw/v2/2026/11/20/a.json.gz", "its key has another shape than source.key", "raw/v2/{yyyy}/{mm}/{dd}/"},
		{"{yyyy}/{mm}/{dd}/", "2026-11-20/a.json", "its key has another shape than source.key", "{yyyy}-{mm}-{dd}/"},
		{"{yyyy}/{mm}/{dd}/{hh}/", "2026/11/20/a.json", "its key has another shape than source.key", "{yyyy}/{mm}/{dd}/"},
		{"{yyyy}/{mm}/{dd}/", "year=2026/month=11/day=9/part-0", "its key has another shape than source.key", "year={yyyy}/month={mm}/day={dd}/"},
		{"{yyyy}/{mm}/{dd}/", "topics/a/20261120/x.log.zst", "its key has another shape than source.key", "topics/a/{yyyy}{mm}{dd}/"},
		{"{yyyy}/{mm}/{dd}/", "events-2026-11-20.json", "its key has another shape than source.key", "events-{yyyy}-{mm}-{dd}"},
		{"{yyyy}/{mm}/{dd}/", "2026/02/30/a.json", "2026-02-30 does not exist", ""},
		{"{yyyy}/{mm}/{dd}/", "2026/13/01/a.json", "2026-13-01 does not exist", ""},
		{"{yyyy}/{mm}/{dd}/{hh}/", "2026/11/20/24/a.json", "hour 24 does not exist", ""},
		{"{yyyy}/{mm}/{dd}/", "archive/a.ndjson", "its key has no date that a source.key could take", ""},
		{"{yyyy}/{m}/{d}/", "2026/11/05/a.json", "its key has another shape than source.key", "{yyyy}/{mm}/{dd}/"},
		{"{yyyy}/{mm}/{dd}/", "README", "", ""},
		{"{yyyy}/{mm}/{dd}/", "eu/2026/11/20/a.csv", "", ""},
		{"{yyyy}/{mm}/{dd}/", "eu/2026/11/20/_SUCCESS", "", ""},
		{"{yyyy}/{mm}/{dd}/", "out/2026/11/20/a.json", "", ""}, // of the sink
	} {
		m := store.NewMemory(nil)
		if _, err := m.Put(t.Context(), c.key, strings.NewReader("{}"), 2, store.Condition{}); err != nil {
			t.Fatal(err)
		}
		of := Sources{{Template: Template(c.template)}}
		all, err := ListAll(t.Context(), m, of, true, Under("mem://", "mem://out"))
		if err != nil {
			t.Fatal(err)
		}
		want := &Unread{}
		if c.why != "" {
			want = &Unread{Objects: 1, Examples: []Object{{Key: c.key, Why: c.why, Template: c.nearest}}}
		}
		if diff := cmp.Diff(want, all.Unread); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", c.template, c.key, diff)
		}
		if c.nearest != "" {
			of[0].Template = Template(c.nearest)
			if all, err = ListAll(t.Context(), m, of, true, nil); err != nil || all.Matches[0].Dumps != 1 {
				t.Errorf("%s does not take %s", c.nearest, c.key)
			}
		}
	}
}

// Of many unread objects, examples of different shapes are named; a listing of the
// dumps' prefixes alone knows of none.
func TestUnreadExamples(t *testing.T) {
	m := store.NewMemory(nil)
	for _, region := range []string{"asia", "eu", "south", "us"} {
		for d := range 9 {
			if _, err := m.Put(t.Context(), fmt.Sprintf("raw/%s/2026/11/0%d/a.json", region, d+1), strings.NewReader("{}"), 2, store.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	of := Sources{{Template: "raw/eu/{yyyy}/{mm}/{dd}/"}, {Template: "raw/s*/{yyyy}/{mm}/{dd}/"}}
	all, err := ListAll(t.Context(), m, of, true, nil)
	if err != nil || all.Unread.Objects != 18 || len(all.Unread.Examples) != 2 || all.Matches[0].Dumps != 9 || all.Matches[1].Dumps != 9 || all.Matches[1].First.Key != "raw/south/2026/11/01/a.json" {
		t.Errorf("%+v, %v", all, err)
	}
	if text := all.Unread.String(); !strings.HasPrefix(text, "18 objects look like dumps and are read for no day, such as raw/asia/2026/11/01/a.json (its key") {
		t.Error(text)
	}
	if all, err = ListAll(t.Context(), m, of, false, nil); err != nil || all.Unread != nil || len(all.Days) != 9 {
		t.Errorf("%+v, %v", all, err)
	}
}

// An object belongs to the first source that takes its key.
func TestFirstSource(t *testing.T) {
	m := store.NewMemory(nil)
	for _, key := range []string{"a/2026/11/05/x.json", "b/2026/11/05/x.json"} {
		if _, err := m.Put(t.Context(), key, strings.NewReader("{}"), 2, store.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	of := Sources{{Template: "b/{yyyy}/{mm}/{dd}/", Form: Documents}, {Template: "*/{yyyy}/{mm}/{dd}/"}}
	d := day.Date(2026, time.November, 5)
	for range 2 {
		days, err := ListDays(t.Context(), m, of, d, d+3, 2)
		if err != nil || len(days[d].Dumps) != 2 || days[d].Dumps[0].Of != of[1] || days[d].Dumps[1].Of != of[0] {
			t.Errorf("%+v, %v", days, err)
		}
	}
}

func TestNames(t *testing.T) {
	for glob, names := range map[string]map[string]likelihood{
		"auto": {
			"a.json": certain, "A.NDJSON.GZ": certain, "a.jsonl.zstd": certain, "a.json.gzip": certain, "support-1-2026-11-20-13-00-00-6f0c": possible,
			"my.stream-1-2026.11-6f": possible, "x.gz": possible, "a.log.zst": possible, "README": possible,
			"a.csv": never, "a.csv.gz": never, "a.parquet": never, "a.txt": never, "a.json.bz2": never, "": never,
		},
		"*.{log,txt}{,.gz}": {"a.log": certain, "A.TXT.GZ": certain, "a.json": never, "log": never},
		"part-[0-9]*":       {"part-1": certain, "part-x": never},
	} {
		n, err := ParseNames(glob)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range names {
			if got := n.of(name); got != want {
				t.Errorf("%s: %q is %d, want %d", glob, name, got, want)
			}
		}
	}
	for _, glob := range []string{"", "a/b", "{a", "{a,{b}}", "[a"} {
		if _, err := ParseNames(glob); err == nil {
			t.Errorf("%q is a glob", glob)
		}
	}
}
