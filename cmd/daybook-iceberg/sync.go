package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"daybook/pipeline/words"
	"daybook/sources/store"
)

// syncer makes the tables of a catalog hold what is published.
//
// A sync reads the table, then the manifests, and commits the difference on top of
// the snapshot that it has read, or not at all. So of two syncs at once, the one
// with the older manifests never has the last word. After every error the next
// attempt compares anew: it does not matter whether the failed commit was applied.
type syncer struct {
	catalog   catalog.Catalog
	close     func() error
	namespace string
	warehouse string        // where new tables are; empty: the catalog decides
	keep      time.Duration // of snapshots
	sink      store.Store
	manifests *manifests
	reports   []string
	now       func() time.Time
	pause     func(ctx context.Context, attempt int) error // nil: a second on average, and longer from attempt to attempt
}

// change is what a sync has done to a table.
type change struct {
	table          string
	added, removed int // files, with those of rows that others have deleted
	columns        int // added
	expired        int // snapshots
	files          int // of the table
	rows           int64
	snapshot       int64 // the current one; 0: none
}

func (c change) empty() bool { return c.added+c.removed+c.columns+c.expired == 0 }

// String is a line for people.
func (c change) String() string {
	done := "no change"
	if !c.empty() {
		done = fmt.Sprintf("%s added, %s removed", words.Count(c.added, "file", "files"), words.Count(c.removed, "file", "files"))
	}
	return fmt.Sprintf("%s: %s: %s with %s", c.table, done, words.Count(c.files, "file", "files"), words.Count(c.rows, "row", "rows"))
}

// syncAttempts is how often a sync compares and commits before it gives up.
const syncAttempts = 6

// errForeign: the table is not one that daybook has made for this sink.
var errForeign = errors.New("the table is not this daybook's; drop it, or set another iceberg.namespace")

// sync makes the table of a report hold what is published.
func (s *syncer) sync(ctx context.Context, report string) (change, error) {
	for attempt := 1; ; attempt++ {
		c, err := s.attempt(ctx, report)
		if err == nil || errors.Is(err, errForeign) || ctx.Err() != nil || attempt == syncAttempts {
			return c, err
		}
		if err := s.wait(ctx, attempt); err != nil {
			return c, err
		}
	}
}

// wait pauses after a failed attempt, for a random time, so that two processes that
// are in each other's way spread out.
func (s *syncer) wait(ctx context.Context, attempt int) error {
	if s.pause != nil {
		return s.pause(ctx, attempt)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(rand.Int64N(int64(attempt) * int64(2*time.Second)))):
		return nil
	}
}

// attempt compares and commits once. Damaged manifests are an error, after
// everything else is done.
func (s *syncer) attempt(ctx context.Context, report string) (change, error) {
	c := change{table: s.namespace + "." + report}
	// The table is read before the manifests: the commit succeeds only if the
	// table is still the same, so what it replaces is never newer.
	t, err := s.table(ctx, report)
	if err != nil {
		return c, err
	}
	have, err := filesOf(ctx, t)
	if err != nil {
		return c, fmt.Errorf("read the table %s: %w", c.table, err)
	}
	want, err := s.manifests.published(ctx, report)
	if err != nil {
		return c, err
	}
	columns, err := missingColumns(t)
	if err != nil {
		return c, fmt.Errorf("table %s: %w", c.table, err)
	}
	d, err := compare(have, want, t.Spec())
	if err != nil {
		return c, err
	}
	c.added, c.removed, c.columns, c.files, c.rows = len(d.add), len(d.remove)+len(d.deletes), len(columns), d.files, d.rows
	if !c.empty() {
		if t, err = s.commit(ctx, t, d, columns); err != nil {
			return c, fmt.Errorf("commit to the table %s: %w", c.table, err)
		}
	}
	if snapshot := t.CurrentSnapshot(); snapshot != nil {
		c.snapshot = snapshot.SnapshotID
	}
	if c.expired, err = s.expire(ctx, t); err != nil {
		return c, fmt.Errorf("expire snapshots of the table %s: %w", c.table, err)
	}
	return c, want.damage()
}

// commit adds and removes columns and files in one commit, on top of the snapshot
// that t has.
func (s *syncer) commit(ctx context.Context, t *table.Table, d difference, columns []iceberg.NestedField) (*table.Table, error) {
	txn := t.NewTransaction()
	if err := txn.AssertRefSnapshotID(table.MainBranch); err != nil {
		return nil, err
	}
	if err := addColumns(txn, columns); err != nil {
		return nil, err
	}
	// The files have field ids, so the table needs no mapping by names.
	summary := iceberg.Properties{"daybook.files": strconv.Itoa(d.files), "daybook.rows": strconv.FormatInt(d.rows, 10)}
	err := txn.ReplaceFiles(ctx, d.remove, d.add, d.deletes, summary, table.WithoutAutoNameMapping())
	if err != nil {
		return nil, err
	}
	return txn.Commit(ctx)
}

// The properties of the tables.
const (
	sinkProperty   = "daybook.sink"
	reportProperty = "daybook.report"
)

// table loads the table of a report, and creates it if it is missing. An error of
// its creation may be a lost answer, or a table of another process: the loading
// finds out.
func (s *syncer) table(ctx context.Context, report string) (*table.Table, error) {
	ident := table.Identifier{s.namespace, report}
	t, err := s.catalog.LoadTable(ctx, ident)
	if errors.Is(err, catalog.ErrNoSuchTable) || errors.Is(err, catalog.ErrNoSuchNamespace) {
		if created := s.create(ctx, ident); created != nil {
			if t, err = s.catalog.LoadTable(ctx, ident); err != nil {
				return nil, fmt.Errorf("create the table %s.%s: %w", s.namespace, report, created)
			}
		} else {
			t, err = s.catalog.LoadTable(ctx, ident)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load the table %s.%s: %w", s.namespace, report, err)
	}
	if sink := t.Properties()[sinkProperty]; sink != s.sink.URL("") || t.Properties()[reportProperty] != report {
		return nil, fmt.Errorf("table %s.%s: %w (its property %s is %q, and the sink is %s)", s.namespace, report, errForeign, sinkProperty, sink, s.sink.URL(""))
	}
	return t, nil
}

// create creates the table of a report, and its namespace.
func (s *syncer) create(ctx context.Context, ident table.Identifier) error {
	namespace, report := ident[:1], ident[1]
	err := s.catalog.CreateNamespace(ctx, namespace, nil)
	if err != nil && !errors.Is(err, catalog.ErrNamespaceAlreadyExists) {
		return err
	}
	schema := schemaOf()
	spec, err := specOf(schema)
	if err != nil {
		return err
	}
	options := []catalog.CreateTableOpt{catalog.WithPartitionSpec(&spec), catalog.WithProperties(iceberg.Properties{
		table.PropertyFormatVersion: "2",
		sinkProperty:                s.sink.URL(""),
		reportProperty:              report,
		// The data files are daybook's: no engine may remove them.
		table.GCEnabledKey: "false",
		// Years of daily commits leave neither many manifests nor many
		// versions of the metadata.
		table.ManifestMergeEnabledKey:             "true",
		table.MetadataDeleteAfterCommitEnabledKey: "true",
	})}
	if s.warehouse != "" {
		options = append(options, catalog.WithLocation(s.warehouse+"/"+s.namespace+"/"+report))
	}
	_, err = s.catalog.CreateTable(ctx, ident, schema, options...)
	return err
}
