package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"daybook/config"
)

// restServer serves the world's catalog by the part of the REST protocol that a sync
// needs. A fault is a status 503 before the change, or 500 after it.
// It has more than 60 lines because it lists the answers to each kind of request.
func (w *world) restServer() *httptest.Server {
	mux := http.NewServeMux()
	answer := func(out http.ResponseWriter, body any, err error) {
		status := http.StatusOK
		switch {
		case errors.Is(err, catalog.ErrNoSuchTable) || errors.Is(err, catalog.ErrNoSuchNamespace):
			status = http.StatusNotFound
		case errors.Is(err, catalog.ErrTableAlreadyExists) || errors.Is(err, catalog.ErrNamespaceAlreadyExists) || errors.Is(err, table.ErrCommitFailed):
			status = http.StatusConflict
		case errors.Is(err, errInjected):
			status = http.StatusInternalServerError
		case err != nil: // a requirement that does not hold
			status = http.StatusConflict
		}
		if err != nil {
			body = map[string]any{"error": map[string]any{"message": err.Error(), "type": "Error", "code": status}}
		}
		out.Header().Set("Content-Type", "application/json")
		out.WriteHeader(status)
		_ = json.NewEncoder(out).Encode(body)
	}
	loaded := func(t *table.Table, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return map[string]any{"metadata-location": t.MetadataLocation(), "metadata": t.Metadata(), "config": map[string]string{}}, nil
	}
	mux.HandleFunc("GET /v1/config", func(out http.ResponseWriter, _ *http.Request) {
		answer(out, map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{}}, nil)
	})
	mux.HandleFunc("POST /v1/namespaces", func(out http.ResponseWriter, r *http.Request) {
		var in struct{ Namespace table.Identifier }
		err := json.NewDecoder(r.Body).Decode(&in)
		if err == nil {
			err = w.catalog.CreateNamespace(r.Context(), in.Namespace, nil)
		}
		answer(out, map[string]any{"namespace": in.Namespace}, err)
	})
	mux.HandleFunc("POST /v1/namespaces/{namespace}/tables", func(out http.ResponseWriter, r *http.Request) {
		var in struct {
			Name       string
			Schema     *iceberg.Schema
			Spec       *iceberg.PartitionSpec `json:"partition-spec"`
			Properties iceberg.Properties
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			answer(out, nil, err)
			return
		}
		t, err := w.catalog.CreateTable(r.Context(), table.Identifier{r.PathValue("namespace"), in.Name}, in.Schema,
			catalog.WithPartitionSpec(in.Spec), catalog.WithProperties(in.Properties), catalog.WithLocation(w.warehouse+"/rest"))
		body, err := loaded(t, err)
		answer(out, body, err)
	})
	mux.HandleFunc("GET /v1/namespaces/{namespace}/tables/{table}", func(out http.ResponseWriter, r *http.Request) {
		body, err := loaded(w.catalog.Catalog.LoadTable(r.Context(), table.Identifier{r.PathValue("namespace"), r.PathValue("table")}))
		answer(out, body, err)
	})
	mux.HandleFunc("POST /v1/namespaces/{namespace}/tables/{table}", func(out http.ResponseWriter, r *http.Request) {
		var in struct {
			Requirements table.Requirements
			Updates      table.Updates
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			answer(out, nil, fmt.Errorf("%w: %w", errInjected, err))
			return
		}
		m, location, err := w.catalog.CommitTable(r.Context(), table.Identifier{r.PathValue("namespace"), r.PathValue("table")}, in.Requirements, in.Updates)
		answer(out, map[string]any{"metadata-location": location, "metadata": m}, err)
	})
	server := httptest.NewServer(mux)
	w.t.Cleanup(server.Close)
	return server
}

// A REST catalog behaves as an SQL catalog does: with faults, rivals and appended
// columns.
func TestREST(t *testing.T) {
	for _, faults := range [][]fault{nil, {dropped}, {lost}, {none, dropped}, {none, lost}, {none, lateOther}} {
		w := newWorld(t)
		server := w.restServer()
		cat, closeCatalog, err := openCatalog(t.Context(), &config.Iceberg{Catalog: server.URL}, w.sink, "")
		if err != nil {
			t.Fatal(err)
		}
		defer closeCatalog()
		sync := func() {
			t.Helper()
			s := w.syncer()
			s.catalog, s.warehouse = cat, ""
			if _, err := s.sync(t.Context(), testReport); err != nil {
				t.Fatalf("faults %v: %v", faults, err)
			}
			w.check()
		}
		w.catalog.between = func() {
			w.publish(firstDay, 9)
			sync()
		}
		w.publish(firstDay, 3)
		w.publish(firstDay+1, 4)
		w.catalog.faults = faults
		sync()
		w.publish(firstDay, 5)
		w.publish(firstDay + 1)
		if len(faults) > 0 {
			w.catalog.faults = faults[len(faults)-1:]
		}
		sync()
		w.publish(firstDay+2, 6) // nothing is replaced
		w.catalog.faults = []fault{lateOther}
		sync()
		sync()
	}
}
