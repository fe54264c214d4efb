package dump

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"daybook/sources/store"
	"daybook/transform/day"
)

// listing counts the lists that are asked for.
type listing struct {
	*store.Memory
	mu       sync.Mutex
	prefixes []string
}

func (l *listing) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prefixes = append(l.prefixes, prefix)
	return l.Memory.List(ctx, prefix)
}

// However keys are made, listing days together gives what listing each of them
// gives; it takes a list for each month if keys allow it.
func TestListDays(t *testing.T) {
	from, to := day.Date(2026, time.October, 31), day.Date(2026, time.December, 6)
	for template, wantLists := range map[Template][]string{
		"raw/{yyyy}/{mm}/{dd}/":  {"raw/2026/10/31/", "raw/2026/11/", "raw/2026/12/"},
		"raw/{yyyy}/{mm}/{dd}":   {"raw/2026/10/31", "raw/2026/11/", "raw/2026/12/"},
		"dt={yyyy}-{mm}-{dd}/x/": {"dt=2026-10-31/x/", "dt=2026-11-", "dt=2026-12-"},
		"{mm}.{yyyy}/{dd}/":      {"10.2026/31/", "11.2026/", "12.2026/"},
		"{dd}.{mm}.{yyyy}/":      nil, // one for each day
		"{yyyy}/{dd}/{mm}/":      nil,
	} {
		l := &listing{Memory: store.NewMemory(nil)}
		for d := from - 40; d <= to+40; d++ {
			for _, name := range []string{"b.ndjson", "a.ndjson.gz", "deep/c.jsonl", "notes.txt", "_SUCCESS"} {
				if _, err := l.Put(t.Context(), template.Prefix(d)+"x/"+name, strings.NewReader("x"), 1, store.Condition{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, err := ListDays(t.Context(), l, Sources{{Template: template}}, from, to, 4)
		if err != nil {
			t.Fatal(err)
		}
		lists := slices.Sorted(slices.Values(l.prefixes))
		if wantLists == nil {
			for d := from; d <= to; d++ {
				wantLists = append(wantLists, template.Prefix(d))
				if _, _, dom := d.UTC().Date(); dom < 10 { // it may have no leading zero
					bare := Template(strings.Replace(string(template), "{dd}", "{d}", 1))
					wantLists = append(wantLists, bare.Prefix(d))
				}
			}
			slices.Sort(wantLists)
		}
		if !slices.Equal(lists, wantLists) {
			t.Errorf("%s: lists %q, want %q", template, lists, wantLists)
		}
		if len(got) != int(to-from)+1 {
			t.Errorf("%s: %d days", template, len(got))
		}
		for d := from; d <= to; d++ {
			want, err := ListDay(t.Context(), l, Sources{{Template: template}}, d)
			if err != nil || len(want.Dumps) != 3 || len(want.Unknown) != 1 || !reflect.DeepEqual(got[d], want) {
				t.Errorf("%s, %s: together %+v, alone %+v (%v)", template, d, got[d], want, err)
			}
		}
	}
}

func TestListDaysFails(t *testing.T) {
	d, err := store.NewDir(t.TempDir() + "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	_, err = ListDays(t.Context(), d, sources, testDay, testDay+20, 4)
	if !errors.Is(err, store.ErrNoBucket) || !strings.HasPrefix(err.Error(), "list the dumps of ") {
		t.Errorf("got %v", err)
	}
}
