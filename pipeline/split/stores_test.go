package split

import (
	"testing"

	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
)

// stores are the kinds of store that an archive is split from and into.
var stores = map[string]func(*testing.T) (from, to store.Store){
	"directory": func(t *testing.T) (from, to store.Store) {
		return dir(t), dir(t)
	},
}

func dir(t *testing.T) store.Store {
	d, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Each kind of store gives the same objects, and a second split finds them there.
func TestStores(t *testing.T) {
	const text = "\nno time\n"
	memory := store.NewMemory(nil)
	pipelinetest.Put(t, memory, "a.ndjson", at("2007-01-02", 1)+text)
	alone := store.NewMemory(nil)
	split(t, memory, alone)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			from, to := open(t)
			pipelinetest.Put(t, from, "a.ndjson", at("2007-01-02", 1)+text)
			if r := split(t, from, to); r.Written != 2 {
				t.Errorf("%+v", r)
			}
			if r := split(t, from, to); r.Written != 0 || r.Existed != 2 {
				t.Errorf("once more: %+v", r)
			}
			pipelinetest.SameContents(t, name, pipelinetest.Contents(t, alone, true), pipelinetest.Contents(t, to, true))
		})
	}
}
