package store_test

import (
	"path/filepath"
	"testing"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
	"daybook/sources/store/storetest"
)

func newDir(t testing.TB) *store.Dir {
	t.Helper()
	d, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConformance(t *testing.T) {
	missing := func(t *testing.T) store.Store {
		d, err := store.NewDir(filepath.Join(t.TempDir(), "none"))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	t.Run("memory", func(t *testing.T) {
		storetest.Run(t, storetest.Backend{New: func(*testing.T) store.Store { return store.NewMemory(nil) }})
	})
	t.Run("directory", func(t *testing.T) {
		storetest.Run(t, storetest.Backend{New: func(t *testing.T) store.Store { return newDir(t) }, Missing: missing})
	})
	t.Run("wrapped directory", func(t *testing.T) {
		wrap := func(s store.Store) store.Store {
			s = faultstest.New(s, func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{} })
			return store.WithRetry(store.WithStallTimeout(s, store.DefaultStallTimeout), store.RetryPolicy{Attempts: 2, Base: 1})
		}
		storetest.Run(t, storetest.Backend{
			New:     func(t *testing.T) store.Store { return wrap(newDir(t)) },
			Missing: func(t *testing.T) store.Store { return wrap(missing(t)) },
		})
	})
}
