package main

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"daybook/sources/store"
)

// endless is a store with keys without end.
type endless struct{ listed int }

func (l *endless) List(_ context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for i := 0; yield(store.Object{Key: fmt.Sprintf("%sother/%d.ndjson", prefix, i)}, nil); i++ {
			l.listed++
		}
	}
}

// A check of a large bucket ends.
func TestFindDumpIsBounded(t *testing.T) {
	l := &endless{}
	err := findDump(t.Context(), l, "raw/{yyyy}/{mm}/{dd}/")
	want := `none of the first 10000 keys matches source.key "raw/{yyyy}/{mm}/{dd}/"; the store has keys such as ["raw/other/0.ndjson" "raw/other/1.ndjson" "raw/other/2.ndjson"]`
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if l.listed > maxListed {
		t.Errorf("%d keys were listed", l.listed)
	}
}
