package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	icesql "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
)

const testReport = "sessions"

var firstDay = day.Date(2026, time.November, 2)

// world is a sink with published days, a catalog with faults, and what the days
// hold.
type world struct {
	t         testing.TB
	sink      *store.Memory
	catalog   *faultyCatalog
	warehouse string
	now       time.Time
}

func newWorld(t testing.TB) *world {
	dir := t.TempDir()
	cat, closeDB, err := openSQL("sqlite", filepath.Join(dir, "catalog.db")+"?_pragma=busy_timeout(30000)&_pragma=synchronous(0)", icesql.SQLite, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeDB() })
	return &world{
		t: t, sink: store.NewMemory(nil), catalog: &faultyCatalog{Catalog: cat},
		warehouse: "mem://" + filepath.Base(filepath.Dir(dir)) + filepath.Base(dir), now: time.Now(),
	}
}

// syncer is a process that has just started.
func (w *world) syncer() *syncer {
	return &syncer{
		catalog: w.catalog, namespace: "daybook", warehouse: w.warehouse, keep: 7 * 24 * time.Hour,
		sink: w.sink, manifests: newManifests(w.sink), reports: []string{testReport},
		now:   func() time.Time { return w.now },
		pause: func(context.Context, int) error { return nil },
	}
}

// publish publishes a day whose parts have these numbers of rows. Each call makes
// another content.
func (w *world) publish(d day.Day, rows ...int64) {
	w.t.Helper()
	id := partition.DayID(testReport, d)
	base, err := publish.Read(w.t.Context(), w.sink, id.Dir())
	if err != nil {
		w.t.Fatal(err)
	}
	p := publish.Partition{Dir: id.Dir(), Keep: true, Manifest: publish.Manifest{Report: testReport, Partition: id.Name(), Reason: "test"}}
	for i, n := range rows {
		content := fmt.Appendf(nil, "%s part %d after %s: %d rows", id, i, base.ETag, n)
		sum := sha256.Sum256(content)
		p.Files = append(p.Files, publish.File{Name: fmt.Sprintf("part-%d", i), Ext: ".parquet", Body: bytes.NewReader(content),
			Part: publish.Part{Rows: n, Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}})
		p.Manifest.Rows += n
	}
	if _, _, err := publish.Publish(w.t.Context(), w.sink, p, base); err != nil {
		w.t.Fatal(err)
	}
}

// remove removes a day with its manifest.
func (w *world) remove(d day.Day) {
	w.t.Helper()
	id := partition.DayID(testReport, d)
	if err := w.sink.Delete(w.t.Context(), id.ManifestKey()); err != nil {
		w.t.Fatal(err)
	}
	for object, err := range w.sink.List(w.t.Context(), id.Dir()) {
		if err == nil {
			err = w.sink.Delete(w.t.Context(), object.Key)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// published is one line for each published file with rows, by day.
func (w *world) published() []string {
	w.t.Helper()
	var lines []string
	for d := firstDay - 5; d < firstDay+30; d++ {
		base, err := publish.Read(w.t.Context(), w.sink, partition.DayID(testReport, d).Dir())
		if err != nil {
			w.t.Fatal(err)
		}
		if base.Manifest == nil {
			continue
		}
		for _, p := range base.Manifest.Parts {
			if p.Rows > 0 {
				lines = append(lines, fmt.Sprintf("%s %s %d rows %d bytes", d, w.sink.URL(p.Key), p.Rows, p.Bytes))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// load loads the table, past all faults.
func (w *world) load() *table.Table {
	w.t.Helper()
	t, err := w.catalog.Catalog.LoadTable(w.t.Context(), table.Identifier{"daybook", testReport})
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

// inTable is one line for each file that a reader of the table gets.
func (w *world) inTable() []string {
	w.t.Helper()
	t := w.load()
	if t.CurrentSnapshot() == nil {
		return nil
	}
	tasks, err := t.Scan().PlanFiles(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for _, task := range tasks {
		d, ok := dayOf(task.File)
		if !ok {
			w.t.Errorf("%s has the partition %v", task.File.FilePath(), task.File.Partition())
		}
		if n := len(task.DeleteFiles) + len(task.EqualityDeleteFiles) + len(task.DeletionVectorFiles); n > 0 {
			w.t.Errorf("%s has %d files with deleted rows", task.File.FilePath(), n)
		}
		lines = append(lines, fmt.Sprintf("%s %s %d rows %d bytes", d, task.File.FilePath(), task.File.Count(), task.File.FileSizeBytes()))
	}
	slices.Sort(lines)
	return lines
}

// check compares the table with what is published.
func (w *world) check() {
	w.t.Helper()
	if want, got := w.published(), w.inTable(); !slices.Equal(want, got) {
		w.t.Fatalf("published:\n%s\nin the table:\n%s", join(want), join(got))
	}
}

func join(lines []string) string {
	var b bytes.Buffer
	for _, line := range lines {
		fmt.Fprintln(&b, " ", line)
	}
	return b.String()
}

// sync syncs with a new process and checks the table.
func (w *world) sync() change {
	w.t.Helper()
	c, err := w.syncer().sync(w.t.Context(), testReport)
	if err != nil {
		w.t.Fatal(err)
	}
	w.check()
	return c
}

// fault is what happens to a commit or a creation.
type fault int

const (
	none      fault = iota
	dropped         // it fails and is not applied
	lost            // it is applied, but its answer is an error
	lateOther       // another process has its turn just before it
)

var errInjected = errors.New("injected fault")

// faultyCatalog is a catalog with faults. Each fault is used once.
type faultyCatalog struct {
	catalog.Catalog
	faults  []fault // of the next calls that write
	between func()  // the turn of the other process
	commits int     // commits that were tried
}

func (c *faultyCatalog) next() fault {
	if len(c.faults) == 0 {
		return none
	}
	f := c.faults[0]
	c.faults = c.faults[1:]
	return f
}

// do makes a call with its fault.
func (c *faultyCatalog) do(call func() error) error {
	f := c.next()
	switch f {
	case dropped:
		return errInjected
	case lateOther:
		c.between()
	}
	err := call()
	switch {
	case err == nil && f == lost:
		return errInjected
	case err != nil && f == lateOther && !errors.Is(err, catalog.ErrTableAlreadyExists):
		return fmt.Errorf("%w: %w", table.ErrCommitFailed, err) // as REST catalogs say of a conflict
	}
	return err
}

func (c *faultyCatalog) CreateTable(ctx context.Context, ident table.Identifier, schema *iceberg.Schema, opts ...catalog.CreateTableOpt) (t *table.Table, err error) {
	err = c.do(func() (err error) {
		t, err = c.Catalog.CreateTable(ctx, ident, schema, opts...)
		return err
	})
	return t, err
}

func (c *faultyCatalog) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (m table.Metadata, location string, err error) {
	c.commits++
	err = c.do(func() (err error) {
		m, location, err = c.Catalog.CommitTable(ctx, ident, reqs, updates)
		return err
	})
	return m, location, err
}

// LoadTable makes the table commit through the faults, too.
func (c *faultyCatalog) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	t, err := c.Catalog.LoadTable(ctx, ident)
	if err != nil {
		return nil, err
	}
	return table.New(t.Identifier(), t.Metadata(), t.MetadataLocation(), t.FS, c), nil
}

// snapshots is the number of snapshots of the table.
func (w *world) snapshots() int { return len(w.load().Metadata().Snapshots()) }

// columns are the names of the table's columns by id.
func (w *world) columns() map[int]string {
	names := map[int]string{}
	for _, f := range w.load().Schema().Fields() {
		names[f.ID] = f.Name
	}
	return names
}
