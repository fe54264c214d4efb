package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	_ "github.com/apache/iceberg-go/catalog/glue"
	_ "github.com/apache/iceberg-go/catalog/rest"
	icesql "github.com/apache/iceberg-go/catalog/sql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"daybook/config"
	"daybook/sources/store"
)

// catalogName is the name under which SQL catalogs keep the tables. Readers give
// it, too.
const catalogName = "daybook"

// openSyncer opens the sink and the catalog of a configuration.
func openSyncer(ctx context.Context, c *config.Config) (*syncer, error) {
	sink, err := openStore(&c.Sink.Store, false)
	if err != nil {
		return nil, err
	}
	registerFiles(&c.Sink.Store)
	warehouse := c.Iceberg.Warehouse
	if warehouse == "" && c.Iceberg.Kind() != config.REST {
		warehouse = sink.URL("iceberg")
	}
	for _, location := range []string{sink.URL(""), warehouse} {
		if err := checkLocation(location); err != nil {
			return nil, err
		}
	}
	s := &syncer{
		namespace: c.Iceberg.Namespace, keep: time.Duration(c.Iceberg.KeepSnapshots),
		sink: sink, manifests: newManifests(sink), now: time.Now,
	}
	if c.Iceberg.Kind() != config.REST {
		s.warehouse = locationOf(warehouse)
	}
	for i := range c.Reports {
		s.reports = append(s.reports, c.Reports[i].Name)
	}
	s.catalog, s.close, err = openCatalog(ctx, &c.Iceberg, sink, warehouse)
	if err != nil {
		return nil, fmt.Errorf("open the Iceberg catalog: %w", err)
	}
	return s, nil
}

// locationOf is a warehouse as a URL without a final slash.
func locationOf(warehouse string) string {
	if !strings.Contains(warehouse, "://") {
		if abs, err := filepath.Abs(warehouse); err == nil {
			warehouse = "file://" + abs
		}
	}
	return strings.TrimRight(warehouse, "/")
}

// checkLocation refuses a location that a URL writes in another way, such as one
// with a space: readers of Iceberg tables do not agree on what it means.
func checkLocation(location string) error {
	if u, err := url.Parse(location); err != nil || u.String() != location || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: Iceberg readers misread this location; use letters, digits, dots, hyphens and underscores only", location)
	}
	return nil
}

// openStore opens a store as configured. With create, the first write makes a missing
// directory.
func openStore(c *config.Store, create bool) (store.Store, error) {
	options := store.Configured(c)
	options.Create = create
	return store.OpenURL(c.URL, options)
}

// openCatalog opens the catalog. The caller closes it with the function returned.
func openCatalog(ctx context.Context, c *config.Iceberg, sink store.Store, warehouse string) (catalog.Catalog, func() error, error) {
	props := iceberg.Properties{}
	for _, property := range c.Properties {
		name, value, _ := strings.Cut(property, "=")
		props[name] = value
	}
	if warehouse != "" {
		props["warehouse"] = warehouse
	}
	switch c.Kind() {
	case config.SQLite:
		file := c.Catalog
		if file == "" {
			dir, isDir := strings.CutPrefix(sink.URL("iceberg"), "file://")
			if !isDir {
				return nil, nil, fmt.Errorf("iceberg.catalog is missing: the sink %s is no directory; give the URL of a REST catalog, postgresql://user@host/database, glue, or the path of an SQLite file", sink.URL(""))
			}
			file = filepath.Join(dir, "catalog.db")
		}
		return openSQLite(file, props)
	case config.Postgres:
		return openSQL("pgx", c.Catalog, icesql.Postgres, props)
	}
	props["type"] = string(c.Kind())
	if c.Kind() == config.REST {
		props["uri"] = c.Catalog
		setUnlessEmpty(props, "token", c.Token.Reveal())
		setUnlessEmpty(props, "credential", c.Credential.Reveal())
	}
	cat, err := catalog.Load(ctx, catalogName, props)
	if err != nil {
		return nil, nil, err
	}
	return cat, closing(cat), nil
}

func setUnlessEmpty(props iceberg.Properties, name, value string) {
	if value != "" {
		props[name] = value
	}
}

func closing(cat catalog.Catalog) func() error {
	if c, ok := cat.(catalog.Closer); ok {
		return c.Close
	}
	return func() error { return nil }
}

// openSQLite opens or creates a catalog in a file, and its directory. A missing sink
// is an error. Other processes may write to the file at the same time.
func openSQLite(file string, props iceberg.Properties) (catalog.Catalog, func() error, error) {
	if err := os.Mkdir(filepath.Dir(file), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, nil, err
	}
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath()}).String()
	return openSQL("sqlite", name+"?_pragma=busy_timeout(30000)", icesql.SQLite, props)
}

func openSQL(driver, name string, dialect icesql.SupportedDialect, props iceberg.Properties) (catalog.Catalog, func() error, error) {
	db, err := sql.Open(driver, name)
	if err != nil {
		return nil, nil, err
	}
	cat, err := icesql.NewCatalog(catalogName, db, dialect, props)
	if err != nil {
		_ = db.Close()
		return nil, nil, err
	}
	return cat, db.Close, nil
}
