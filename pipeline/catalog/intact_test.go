package catalog_test

import (
	"testing"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
)

// TestSummariesIntact changes the summaries of one day. They are intact for the ETag of
// its manifest, and only if those were listed that the manifest notes, and no others.
func TestSummariesIntact(t *testing.T) {
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	s := pipelinetest.OneReport(t, source, sink)
	for _, d := range []string{"20", "21"} {
		pipelinetest.Put(t, source, "2026/11/"+d+"/a.ndjson", pipelinetest.SessionLines(1))
	}
	pipelinetest.Run(t, s, partition.Everything())
	name := s.Reports[0].Name
	published := partition.DayID(name, pipelinetest.ParseDay(t, "2026-11-20"))
	absent := partition.DayID(name, pipelinetest.ParseDay(t, "2026-11-19"))
	outside := partition.DayID(name, pipelinetest.ParseDay(t, "2026-10-01"))
	etag := pipelinetest.Base(t, sink, published).ETag
	total := published.SummaryDir() + "total.csv"
	text, err := pipelinetest.ReadObject(t.Context(), sink, total)
	if err != nil {
		t.Fatal(err)
	}
	days := partition.Days(absent.Day(), published.Day())

	for _, c := range []struct {
		name   string
		target partition.Target
		change func()
		id     partition.ID
		etag   string
		want   bool
	}{
		{"as published", partition.Everything(), nil, published, etag, true},
		{"as published, some days listed", days, nil, published, etag, true},
		{"the ETag of another manifest", partition.Everything(), nil, published, etag + "0", false},
		{"one is gone", partition.Everything(), func() { pipelinetest.Delete(t, sink, total) }, published, etag, false},
		{"one has another size", partition.Everything(), func() { pipelinetest.Put(t, sink, total, string(text)+"\n") }, published, etag, false},
		{"it is there again", partition.Everything(), func() { pipelinetest.Put(t, sink, total, string(text)) }, published, etag, true},
		{"one more", partition.Everything(), func() { pipelinetest.Put(t, sink, published.SummaryDir()+"old.csv", "x") }, published, etag, false},
		{"neither manifest nor summaries", days, nil, absent, "", true},
		{"summaries without a manifest", days, func() { pipelinetest.Put(t, sink, absent.SummaryDir()+"total.csv", "x") }, absent, "", false},
		{"a day that was not listed", days, nil, outside, "", false},
	} {
		if c.change != nil {
			c.change()
		}
		found, err := (&catalog.Reader{Settings: s}).Read(t.Context(), c.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := found.SummariesIntact(c.id, c.etag); got != c.want {
			t.Errorf("%s: intact %v, want %v", c.name, got, c.want)
		}
	}
}
