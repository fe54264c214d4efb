package output

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/warehouse"
	"daybook/sinks/loads"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/report"
)

func newPublisher(sink store.Store, workers int) *Publisher {
	return &Publisher{Settings: &settings.Pipeline{Sink: sink}, Budget: parallel.NewBudget(workers, 0)}
}

// batches yields batches of rows, each in the memory of the one before.
func batches(all ...[]report.Row) iter.Seq2[[]report.Row, error] {
	return func(yield func([]report.Row, error) bool) {
		var batch []report.Row
		for _, rows := range all {
			batch = append(batch[:0], rows...)
			if !yield(batch, nil) {
				return
			}
		}
	}
}

func someRows() iter.Seq2[[]report.Row, error] {
	return batches([]report.Row{newRow(1, 0, 10), newRow(2, 0, 20)}, []report.Row{newRow(3, 0, 30)})
}

// objects are the keys of a store, and their texts.
func objects(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for object, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all[object.Key], _ = read(t, st, object.Key)
	}
	return all
}

func summaryNames(m *publish.Manifest) (names []string) {
	for _, f := range m.Summaries.Files {
		names = append(names, f.Name)
	}
	return names
}

// A published partition has its rows, its summaries, and a manifest that describes
// them, with any number of workers; publishing it again changes nothing. No temporary
// file is left.
func TestPublish(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var want map[string]string
	for _, workers := range []int{1, 4} {
		for _, kind := range []partition.Kind{partition.Day, partition.Month} {
			sink := store.NewMemory(nil)
			o, p := newPublisher(sink, workers), newPartition(kind)
			base, state, err := o.Publish(t.Context(), p, someRows())
			if err != nil || state != publish.Published {
				t.Fatalf("%s: %s, %v", p.ID, state, err)
			}
			m := base.Manifest
			if m.Report != p.ID.Dataset() || m.Partition != p.ID.Name() || m.Rows != 3 || m.Reason != "new" || m.Definition != "hash" || len(m.Checks) != 7 {
				t.Errorf("%s: the manifest is %+v", p.ID, m)
			}
			if len(m.Parts) != 1 || m.Parts[0].MinTime != "2026-11-20T00:00:10.000Z" || m.Parts[0].MaxTime != "2026-11-20T00:00:30.000Z" {
				t.Errorf("%s: the parts are %+v", p.ID, m.Parts)
			}
			var rows []report.Row
			for batch, err := range format.Rows(t.Context(), format.Parquet{}, sink, m, nil) {
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, batch...)
			}
			if diff := cmp.Diff([]report.Row{newRow(1, 0, 10), newRow(2, 0, 20), newRow(3, 0, 30)}, rows); diff != "" {
				t.Errorf("%s: other rows (-want +got):\n%s", p.ID, diff)
			}
			all := objects(t, sink)
			if text := all[p.ID.SummaryDir()+"sessions.csv"]; strings.Count(text, "\n") != 4 {
				t.Errorf("%s: sessions.csv has not a heading and three rows:\n%s", p.ID, text)
			}
			if len(m.Summaries.Files) < 3 || len(all) != 2+len(m.Summaries.Files) {
				t.Errorf("%s: there are %v", p.ID, slices.Sorted(maps.Keys(all)))
			}
			delete(all, p.ID.ManifestKey()) // it names the attempt
			if kind == partition.Day {
				if want != nil && !maps.Equal(want, all) {
					t.Errorf("other files with %d workers", workers)
				}
				want = all
			}
			p.Base = base
			again, state, err := o.Publish(t.Context(), p, someRows())
			if err != nil || state != publish.Unchanged || again.ETag != base.ETag {
				t.Errorf("%s, published again: %s, %v", p.ID, state, err)
			}
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("temporary files are left: %v, %v", entries, err)
	}
}

// A partition without rows has a file without rows, and summaries.
func TestPublishNoRows(t *testing.T) {
	sink := store.NewMemory(nil)
	p := newPartition(partition.Day)
	base, _, err := newPublisher(sink, 1).Publish(t.Context(), p, batches())
	if err != nil {
		t.Fatal(err)
	}
	m := base.Manifest
	if m.Rows != 0 || len(m.Parts) != 1 || m.Parts[0].MinTime != "" || m.Summaries == nil {
		t.Errorf("the manifest is %+v", m)
	}
}

// If the rows end with an error, a check blocks or the context ends, nothing is stored.
func TestPublishNothing(t *testing.T) {
	broken := errors.New("broken")
	failing := func(yield func([]report.Row, error) bool) {
		if yield([]report.Row{newRow(1, 0, 10)}, nil) {
			yield(nil, broken)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, workers := range []int{1, 4} {
		for _, c := range []struct {
			name string
			ctx  context.Context
			rows iter.Seq2[[]report.Row, error]
			want string
		}{
			{"rows fail", t.Context(), failing, "broken"},
			{"a check blocks", t.Context(), batches([]report.Row{newRow(2, 0, 10), newRow(1, 0, 10)}),
				`report sessions, 2026-11-20: check "sorted by start or begin, session and leg" failed: session 1 leg 0 comes after session 2 leg 0; nothing of it was published; this is a bug of daybook, please report it`},
			{"the context ends", ended, someRows(), context.Canceled.Error()},
		} {
			sink := store.NewMemory(nil)
			_, _, err := newPublisher(sink, workers).Publish(c.ctx, newPartition(partition.Day), c.rows)
			if err == nil || err.Error() != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			if all := objects(t, sink); len(all) > 0 {
				t.Errorf("%s: there are %v", c.name, slices.Sorted(maps.Keys(all)))
			}
		}
	}
}

// A partition that another run has published since its base was read stays as it is.
func TestPublishRaced(t *testing.T) {
	sink := store.NewMemory(nil)
	o := newPublisher(sink, 1)
	if _, _, err := o.Publish(t.Context(), newPartition(partition.Day), someRows()); err != nil {
		t.Fatal(err)
	}
	before := objects(t, sink)
	if _, _, err := o.Publish(t.Context(), newPartition(partition.Day), batches([]report.Row{newRow(9, 0, 1)})); !errors.Is(err, publish.ErrRaced) {
		t.Errorf("%v, want %v", err, publish.ErrRaced)
	}
	for key, text := range before {
		if now, _ := read(t, sink, key); now != text {
			t.Errorf("%s has changed", key)
		}
	}
}

// Summaries that are missing, changed or of an earlier definition are written from the
// published rows; files that the definition no longer has are removed.
func TestRewriteSummaries(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, sink store.Store, p *Partition)
	}{
		{"missing", func(t *testing.T, sink store.Store, p *Partition) {
			if err := sink.Delete(t.Context(), p.ID.SummaryDir()+"total.csv"); err != nil {
				t.Fatal(err)
			}
		}},
		{"changed", func(t *testing.T, sink store.Store, p *Partition) {
			put(t, sink, p.ID.SummaryDir()+"total.csv", "wrong")
		}},
	} {
		sink := store.NewMemory(nil)
		o, p := newPublisher(sink, 1), newPartition(partition.Day)
		p.Report.XLSX = true
		var err error
		if p.Base, _, err = o.Publish(t.Context(), p, someRows()); err != nil {
			t.Fatal(err)
		}
		if names := summaryNames(p.Base.Manifest); !slices.Contains(names, "summaries.xlsx") || !slices.Contains(names, "sessions.xlsx") {
			t.Errorf("%s: there are %v, not both workbooks", c.name, names)
		}
		want := objects(t, sink)
		c.damage(t, sink, p)
		base, err := o.RewriteSummaries(t.Context(), p)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := objects(t, sink)
		delete(want, p.ID.ManifestKey()) // it has the ETags
		delete(got, p.ID.ManifestKey())
		if !maps.Equal(want, got) {
			t.Errorf("%s: there are %v, or other texts", c.name, slices.Sorted(maps.Keys(got)))
		}
		there, err := o.listSummaries(t.Context(), p.ID)
		if err != nil || base.Manifest.Summaries.Difference("hash", nil, there) != "" {
			t.Errorf("%s: the manifest has %+v (%v)", c.name, base.Manifest.Summaries, err)
		}

		p.Base = base
		p.Report.Hash, p.Report.SessionsCSV = "another", false
		if base, err = o.RewriteSummaries(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if names := summaryNames(base.Manifest); base.Manifest.Summaries.Definition != "another" || slices.Contains(names, "sessions.csv") || slices.Contains(names, "sessions.xlsx") || !slices.Contains(names, "_figures.json") {
			t.Errorf("%s: by another definition there are %v", c.name, names)
		}
		if _, left := objects(t, sink)[p.ID.SummaryDir()+"sessions.csv"]; left {
			t.Errorf("%s: sessions.csv is left", c.name)
		}
	}
}

// ahead is a store on which another run has always just written the same summary,
// without saying so in the manifest.
type ahead struct{ *store.Memory }

func (a ahead) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	if strings.HasPrefix(key, "summaries/") && cond.IfAbsent {
		if _, err := a.Memory.Put(ctx, key, body, size, store.Condition{}); err != nil {
			return store.Object{}, err
		}
	}
	return a.Memory.Put(ctx, key, body, size, cond)
}

// Runs that write the summaries of one manifest at the same time do not stop each
// other: they write the same.
func TestSameSummariesAtOnce(t *testing.T) {
	base, _, err := newPublisher(ahead{store.NewMemory(nil)}, 1).Publish(t.Context(), newPartition(partition.Day), someRows())
	if err != nil || base.Manifest.Summaries == nil {
		t.Errorf("the manifest has no summaries: %v", err)
	}
}

// counted is a format of files that hold nothing but the number of their rows.
type counted struct {
	format.Parquet
	audits *int
}

type countedPart struct {
	w    io.Writer
	rows int64
}

func (p *countedPart) Write(rows []report.Row) error { p.rows += int64(len(rows)); return nil }

func (p *countedPart) Close(metadata map[string]string) error {
	_, err := io.WriteString(p.w, metadata["daybook.part"]+" "+metadata["daybook.report"]+" "+metadata["daybook.partition"])
	return err
}

func (counted) Part(w io.Writer, _ int64) (format.PartWriter, error) { return &countedPart{w: w}, nil }

func (c counted) Audit(io.ReaderAt, int64, *parquet.Expectation) error { *c.audits++; return nil }

// Rows beyond the limit of a file go to the next one. Each file is audited.
func TestSeveralFiles(t *testing.T) {
	audits := 0
	o := newPublisher(store.NewMemory(nil), 1)
	o.Settings.Format = counted{audits: &audits}
	w := o.newFiles(newPartition(partition.Day))
	defer w.Close()
	const size = 1 << 15
	batch := make([]report.Row, size)
	for n := int64(0); n < 2*fileRows+10; n += size {
		for i := range batch {
			batch[i] = newRow(1, 0, n+int64(i))
		}
		if err := w.write(batch[:min(size, 2*fileRows+10-n)], nil); err != nil {
			t.Fatal(err)
		}
	}
	files, err := w.finish()
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		first := int64(i) * fileRows
		last := min(first+fileRows, 2*fileRows+10) - 1
		at := func(second int64) string { return publish.TimeText(theDay.UTC().UnixMilli() + 1000*second) }
		name := []string{"part-0", "part-1", "part-2"}[i]
		if f.Name != name || f.Part.Rows != last-first+1 || f.Part.MinTime != at(first) || f.Part.MaxTime != at(last) {
			t.Errorf("file %d is %+v", i, f)
		}
		text := make([]byte, f.Part.Bytes)
		if _, err := f.Body.ReadAt(text, 0); err != nil {
			t.Fatal(err)
		}
		if want := []byte(name[len("part-"):] + " sessions 2026-11-20"); !bytes.Equal(text, want) {
			t.Errorf("file %d holds %q, want %q", i, text, want)
		}
	}
	if len(files) != 3 || audits != 3 {
		t.Errorf("%d files, %d audits, want 3", len(files), audits)
	}
}

// A file that cannot be read back as it was written is not published.
func TestAuditFails(t *testing.T) {
	sink := store.NewMemory(nil)
	o := newPublisher(sink, 1)
	o.Settings.Format = lossy{}
	_, _, err := o.Publish(t.Context(), newPartition(partition.Day), someRows())
	if err == nil || !strings.HasPrefix(err.Error(), "report sessions, 2026-11-20: ") {
		t.Errorf("%v, want an error that names the partition", err)
	}
	if all := objects(t, sink); len(all) > 0 {
		t.Errorf("there are %v", slices.Sorted(maps.Keys(all)))
	}
}

// lossy is a format that loses the first row of every batch.
type lossy struct{ format.Parquet }

type lossyPart struct{ format.PartWriter }

func (p lossyPart) Write(rows []report.Row) error { return p.PartWriter.Write(rows[1:]) }

func (lossy) Part(w io.Writer, memory int64) (format.PartWriter, error) {
	part, err := format.Parquet{}.Part(w, memory)
	return lossyPart{part}, err
}

// Loader manifests name the files of the published revision. Those that are lost or no
// longer configured are put right with the summaries.
func TestLoaderManifests(t *testing.T) {
	for _, kind := range []partition.Kind{partition.Day, partition.Month} {
		sink := store.NewMemory(nil)
		o, p := newPublisher(sink, 1), newPartition(kind)
		o.Settings.Loads = []loads.Format{loads.Redshift, loads.Hive}
		check := func(name string, base publish.Base, formats ...loads.Format) {
			t.Helper()
			var keys []string
			for _, format := range formats {
				keys = append(keys, format.Key(p.ID.Dir()))
				got, _ := read(t, sink, format.Key(p.ID.Dir()))
				part := base.Manifest.Parts[0]
				if want := string(format.Encode([]loads.File{{URL: "mem://" + part.Key, Bytes: part.Bytes}})); got != want || len(base.Manifest.Parts) != 1 {
					t.Errorf("%s, %s: %s is %q, want %q", kind, name, format, got, want)
				}
			}
			for key := range objects(t, sink) {
				if strings.HasPrefix(key, loads.Root) && !slices.Contains(keys, key) {
					t.Errorf("%s, %s: there is %s", kind, name, key)
				}
			}
			there, err := o.listSummaries(t.Context(), p.ID)
			if err != nil || base.Manifest.Summaries.Difference(p.Report.Hash, keys, there) != "" {
				t.Errorf("%s, %s: the manifest has %+v (%v)", kind, name, base.Manifest.Summaries, err)
			}
			p.Base = base
		}
		base, _, err := o.Publish(t.Context(), p, someRows())
		if err != nil {
			t.Fatal(err)
		}
		check("published", base, loads.Redshift, loads.Hive)
		if base, _, err = o.Publish(t.Context(), p, batches([]report.Row{newRow(9, 0, 1)})); err != nil || base.Manifest.Revision != 2 {
			t.Fatal(err)
		}
		check("restated", base, loads.Redshift, loads.Hive)

		if err := sink.Delete(t.Context(), loads.Hive.Key(p.ID.Dir())); err != nil {
			t.Fatal(err)
		}
		put(t, sink, loads.Redshift.Key(p.ID.Dir()), "{}")
		if base, err = o.RewriteSummaries(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		check("repaired", base, loads.Redshift, loads.Hive)
		o.Settings.Loads = []loads.Format{loads.URLs, loads.Redshift}
		if base, err = o.RewriteSummaries(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		check("other formats", base, loads.URLs, loads.Redshift)
	}
}

// bucket is a store with the URLs of a bucket.
type bucket struct{ store.Store }

func (bucket) URL(key string) string { return "s3://warehouse/" + key }

// Loader manifests name files of Google's buckets under gs://, as BigQuery wants it.
func TestLoaderManifestsOfGoogle(t *testing.T) {
	sink := bucket{store.NewMemory(nil)}
	o, p := newPublisher(sink, 1), newPartition(partition.Day)
	o.Settings.Loads, o.Settings.SinkAt = []loads.Format{loads.URLs}, warehouse.Store{URL: sink.URL(""), Endpoint: "storage.googleapis.com"}
	base, _, err := o.Publish(t.Context(), p, someRows())
	if err != nil {
		t.Fatal(err)
	}
	got, _ := read(t, sink, loads.URLs.Key(p.ID.Dir()))
	if want := "gs://warehouse/" + base.Manifest.Parts[0].Key + "\n"; got != want {
		t.Errorf("it is %q, want %q", got, want)
	}
}
