package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// The table follows what is published: new, restated, empty and removed days. A
// sync without a change commits nothing.
func TestSync(t *testing.T) {
	w := newWorld(t)
	w.publish(firstDay, 3, 4)
	w.publish(firstDay+1, 5)
	w.publish(firstDay + 2) // without rows
	w.publish(firstDay+3, 0)
	steps := []struct {
		name           string
		do             func()
		added, removed int
		files          int
		rows           int64
	}{
		{"the first sync", func() {}, 3, 0, 3, 12},
		{"nothing has changed", func() {}, 0, 0, 3, 12},
		{"a day is restated", func() { w.publish(firstDay, 6) }, 1, 2, 2, 11},
		{"a day gets rows, another loses them", func() { w.publish(firstDay+2, 1); w.publish(firstDay + 1) }, 1, 1, 2, 7},
		{"a day is removed", func() { w.remove(firstDay) }, 0, 1, 1, 1},
		{"the last day is removed", func() { w.remove(firstDay + 2) }, 0, 1, 0, 0},
		{"a day comes back", func() { w.publish(firstDay, 2) }, 1, 0, 1, 2},
	}
	s := w.syncer() // one process for all steps
	for _, step := range steps {
		step.do()
		commits := w.catalog.commits
		c, err := s.sync(t.Context(), testReport)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		w.check()
		if c.added != step.added || c.removed != step.removed || c.files != step.files || c.rows != step.rows {
			t.Errorf("%s: %+v", step.name, c)
		}
		want := 1
		if step.added+step.removed == 0 {
			want = 0
		}
		if got := w.catalog.commits - commits; got != want {
			t.Errorf("%s: %d commits", step.name, got)
		}
		if again := w.sync(); !again.empty() {
			t.Errorf("%s: a second sync: %+v", step.name, again)
		}
	}
}

// The table has the ids, types and comments of the Parquet files, and is
// partitioned by the report's date.
func TestTable(t *testing.T) {
	w := newWorld(t)
	w.sync()
	tbl := w.load()
	for i := range report.Columns {
		c := &report.Columns[i]
		f, ok := tbl.Schema().FindFieldByName(c.Name)
		if !ok || f.ID != i+1 || f.Required != c.Required || f.Doc != c.Doc || !f.Type.Equals(typeOf(c.Kind)) {
			t.Errorf("%s is %v", c.Name, f)
		}
	}
	spec := tbl.Spec()
	column, _ := tbl.Schema().FindFieldByName("report_date")
	if spec.NumFields() != 1 || spec.Field(0).SourceID() != column.ID || spec.Field(0).FieldID != partitionFieldID || !spec.Field(0).Transform.Equals(iceberg.IdentityTransform{}) {
		t.Errorf("it is partitioned by %v", spec)
	}
	if tbl.Properties()[table.GCEnabledKey] != "false" {
		t.Error("engines may remove daybook's files")
	}
}

// A fault in any of the calls that write ends in the right table, with one snapshot
// for one change.
func TestFaults(t *testing.T) {
	for name, f := range map[string]fault{"dropped": dropped, "lost": lost} {
		for call := range 2 { // the creation, the commit
			w := newWorld(t)
			w.publish(firstDay, 3)
			w.catalog.faults = append(make([]fault, call), f)
			w.sync()
			if n := w.snapshots(); n != 1 {
				t.Errorf("%s call %d: %d snapshots", name, call, n)
			}
			w.publish(firstDay, 4)
			w.publish(firstDay+1, 5)
			w.catalog.faults = []fault{f}
			w.sync()
			if n := w.snapshots(); n != 2 {
				t.Errorf("%s call %d: %d snapshots after a restatement", name, call, n)
			}
		}
	}
}

// A fault that stays is an error, and the table keeps its earlier state.
func TestFaultThatStays(t *testing.T) {
	w := newWorld(t)
	w.publish(firstDay, 3)
	w.sync()
	before := w.inTable()
	w.publish(firstDay, 4)
	for range syncAttempts {
		w.catalog.faults = append(w.catalog.faults, dropped)
	}
	if _, err := w.syncer().sync(t.Context(), testReport); !errors.Is(err, errInjected) {
		t.Errorf("got %v", err)
	}
	if after := w.inTable(); join(after) != join(before) {
		t.Errorf("the table changed:\n%s", join(after))
	}
	w.sync()
}

// Of two processes at once, the one with older manifests never has the last word:
// its commit fails, and it compares again.
func TestRival(t *testing.T) {
	for _, days := range []struct {
		name string
		mine func(w *world) // what the first process has seen
	}{
		{"both create", func(*world) {}},
		{"mine appends", func(w *world) { w.sync(); w.publish(firstDay+1, 5) }},
		{"mine replaces", func(w *world) { w.sync(); w.publish(firstDay, 5) }},
		{"mine removes", func(w *world) { w.publish(firstDay+1, 5); w.sync(); w.remove(firstDay + 1) }},
	} {
		t.Run(days.name, func(t *testing.T) {
			w := newWorld(t)
			w.publish(firstDay, 3)
			days.mine(w)
			w.catalog.faults = []fault{lateOther}
			w.catalog.between = func() { // the day is restated and synced
				w.publish(firstDay, 7)
				w.publish(firstDay+1, 8)
				w.sync()
			}
			w.sync()
			w.sync()
		})
	}
}

// A table of the same name that is not of this sink stays as it is.
func TestForeignTable(t *testing.T) {
	for _, properties := range []iceberg.Properties{nil, {sinkProperty: "mem://other", reportProperty: testReport}} {
		w := newWorld(t)
		if err := w.catalog.CreateNamespace(t.Context(), table.Identifier{"daybook"}, nil); err != nil {
			t.Fatal(err)
		}
		_, err := w.catalog.Catalog.CreateTable(t.Context(), table.Identifier{"daybook", testReport}, schemaOf(),
			catalog.WithLocation(w.warehouse+"/other"), catalog.WithProperties(properties))
		if err != nil {
			t.Fatal(err)
		}
		w.publish(firstDay, 3)
		if _, err := w.syncer().sync(t.Context(), testReport); !errors.Is(err, errForeign) || w.catalog.commits > 0 {
			t.Errorf("%v: got %v after %d commits", properties, err, w.catalog.commits)
		}
	}
}

// createWith creates the table of the report with other columns.
func (w *world) createWith(fields ...iceberg.NestedField) {
	w.t.Helper()
	schema := iceberg.NewSchema(0, fields...)
	spec, err := specOf(schema)
	if err == nil {
		err = w.catalog.CreateNamespace(w.t.Context(), table.Identifier{"daybook"}, nil)
	}
	if err == nil {
		_, err = w.catalog.Catalog.CreateTable(w.t.Context(), table.Identifier{"daybook", testReport}, schema,
			catalog.WithLocation(w.warehouse+"/earlier"), catalog.WithPartitionSpec(&spec),
			catalog.WithProperties(iceberg.Properties{sinkProperty: w.sink.URL(""), reportProperty: testReport}))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// A table of an earlier version gets the appended columns, under their ids, with
// the files that have them. A fault on the way changes nothing.
func TestAppendedColumns(t *testing.T) {
	all := schemaOf().Fields()
	last := len(all) - 1 // report_date comes before it
	for _, faults := range [][]fault{nil, {dropped}, {lost}} {
		w := newWorld(t)
		w.createWith(all[:last]...)
		w.publish(firstDay, 3)
		w.catalog.faults = faults
		w.sync()
		names := w.columns()
		if len(names) != len(all) || names[all[last].ID] != all[last].Name {
			t.Errorf("the columns are %v", names)
		}
		if n := w.snapshots(); n != 1 {
			t.Errorf("%d snapshots", n)
		}
		// Without a change of the files, too.
		w = newWorld(t)
		w.createWith(all[:last]...)
		w.catalog.faults = faults
		w.sync()
		if names := w.columns(); len(names) != len(all) {
			t.Errorf("the columns are %v", names)
		}
	}
}

// A table whose columns have other ids than the files is refused.
func TestForeignColumns(t *testing.T) {
	all := schemaOf().Fields()
	last := len(all) - 1
	extra := iceberg.NestedField{ID: last + 2, Name: "extra", Type: iceberg.PrimitiveTypes.String}
	for name, fields := range map[string][]iceberg.NestedField{
		"another name": append(all[:last:last], iceberg.NestedField{ID: last + 1, Name: "other", Type: all[last].Type}),
		"another type": append(all[:last:last], iceberg.NestedField{ID: last + 1, Name: all[last].Name, Type: iceberg.PrimitiveTypes.Int64}),
		"other order":  append([]iceberg.NestedField{all[1], all[0]}, all[2:]...),
	} {
		w := newWorld(t)
		w.createWith(fields...)
		w.publish(firstDay, 3)
		if _, err := w.syncer().sync(t.Context(), testReport); !errors.Is(err, errForeign) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	w := newWorld(t) // columns after the report's do no harm
	w.createWith(append(all[:last+1:last+1], extra)...)
	w.publish(firstDay, 3)
	w.sync()
}

// A damaged manifest keeps its day as it is, and the others go on.
func TestDamagedManifest(t *testing.T) {
	w := newWorld(t)
	w.publish(firstDay, 3)
	w.publish(firstDay+1, 4)
	w.sync()
	before := w.inTable()
	damaged := strings.NewReader("{")
	if _, err := w.sink.Put(t.Context(), partition.DayID(testReport, firstDay).ManifestKey(), damaged, damaged.Size(), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	w.publish(firstDay+1, 5)
	_, err := w.syncer().sync(t.Context(), testReport)
	if err == nil || !strings.Contains(err.Error(), "dt=2026-11-02.json") {
		t.Errorf("got %v", err)
	}
	after := w.inTable()
	if len(after) != 2 || after[0] != before[0] || after[1] == before[1] {
		t.Errorf("the table has\n%s", join(after))
	}
}

// Manifests of version 0.1.0 count, too, until a new one replaces them.
func TestOldLayout(t *testing.T) {
	w := newWorld(t)
	w.publish(firstDay, 3)
	w.publish(firstDay+1, 4)
	id := partition.DayID(testReport, firstDay)
	body, _, err := w.sink.Open(t.Context(), id.ManifestKey(), 0, store.ToEnd, "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.sink.Put(t.Context(), publish.OldManifestKey(id.Dir()), bytes.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := w.sink.Delete(t.Context(), id.ManifestKey()); err != nil {
		t.Fatal(err)
	}
	if c := w.sync(); c.files != 2 {
		t.Errorf("the table has %d files", c.files)
	}
	w.publish(firstDay, 5)
	if c := w.sync(); c.added != 1 || c.removed != 1 {
		t.Errorf("after a restatement: %+v", c)
	}
}

// Rows that another engine has deleted come back.
func TestDeletionsByOthers(t *testing.T) {
	w := newWorld(t)
	w.publish(firstDay, 3)
	w.publish(firstDay+1, 4)
	w.sync()
	tbl := w.load()
	deletion, err := iceberg.NewDataFileBuilder(tbl.Spec(), iceberg.EntryContentPosDeletes, w.warehouse+"/deletes.parquet", iceberg.ParquetFile,
		map[int]any{partitionFieldID: dateOf(firstDay)}, nil, nil, 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	txn := tbl.NewTransaction()
	if err := txn.NewRowDelta(nil).AddDeletes(deletion.Build()).Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := txn.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := w.sync(); c.empty() {
		t.Errorf("nothing was done: %+v", c)
	}
	if c := w.sync(); !c.empty() {
		t.Errorf("the second sync: %+v", c)
	}
}

// Old snapshots go, with the metadata that only they need; published files and the
// current snapshot stay. Faults leave the table as it should be.
func TestExpiry(t *testing.T) {
	for _, f := range []fault{none, dropped, lost} {
		w := newWorld(t)
		for n := range int64(4) {
			w.publish(firstDay, n+1)
			w.publish(firstDay+1+day.Day(n), 1)
			w.sync()
		}
		w.now = w.now.Add(8 * 24 * time.Hour)
		w.catalog.faults = []fault{f}
		w.sync()
		w.sync()
		if n := w.snapshots(); n != 1 {
			t.Errorf("fault %d: %d snapshots", f, n)
		}
		tbl := w.load()
		files, err := tbl.FS(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tbl.CurrentSnapshot().Manifests(files); err != nil {
			t.Error(err)
		}
	}
}

func TestUsage(t *testing.T) {
	env := func(string) (string, bool) { return "", false }
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"sync", "-c", dir + "/none.yml"}, exitUsage, "none.yml"},
		{[]string{"sync", "--every", "0s"}, exitUsage, "the least is 1s"},
		{[]string{"sync", "now"}, exitUsage, "now"},
		{[]string{"sink"}, exitUsage, "sink"},
		{[]string{"sync", "--once", "-c", write("s3.yml", "sink: {store: {url: \"s3://bucket\"}}\n")}, exitUsage, "iceberg.catalog is missing"},
		{[]string{"sync", "--once", "-c", write("space.yml", "sink: {store: {url: \"a b\"}}\n")}, exitUsage, "Iceberg readers misread"},
		{[]string{"sync", "--once", "-c", write("absent.yml", "sink: {store: {url: absent}}\n")}, exitUsage, "absent"},
	} {
		var out, errOut bytes.Buffer
		code := run(t.Context(), c.args, &out, &errOut, env)
		if code != c.code || !strings.Contains(errOut.String(), c.says) {
			t.Errorf("%v: exit code %d: %s%s", c.args, code, out.String(), errOut.String())
		}
	}
}
