package faultstest_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"daybook/sources/store"
	"daybook/sources/store/faultstest"
)

func text(t *testing.T, s store.Store, key string) string {
	t.Helper()
	rc, _, err := s.Open(t.Context(), key, 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) {
		return "(none)"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Each fault of a Put: what the caller is told, and what is stored.
func TestPutFates(t *testing.T) {
	absent := store.Condition{IfAbsent: true}
	for _, tt := range []struct {
		name    string
		fault   faultstest.Fault
		cond    store.Condition
		want    error
		stored  string
		deliver string // what is stored after Deliver
	}{
		{"none", faultstest.None, absent, nil, "v", "v"},
		{"drop", faultstest.Drop, absent, faultstest.ErrInjected, "(none)", "(none)"},
		{"lose answer", faultstest.LoseAnswer, absent, faultstest.ErrInjected, "v", "v"},
		{"repeat", faultstest.Repeat, store.Condition{}, nil, "v", "v"},
		{"repeat a conditional put", faultstest.Repeat, absent, store.ErrPrecondition, "v", "v"},
		{"linger", faultstest.Linger, absent, faultstest.ErrInjected, "(none)", "v"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner := store.NewMemory(nil)
			s := faultstest.New(inner, func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{Fault: tt.fault} })
			if _, err := s.Put(t.Context(), "k", strings.NewReader("v"), 1, tt.cond); !errors.Is(err, tt.want) {
				t.Errorf("Put: %v; want %v", err, tt.want)
			}
			if got := text(t, inner, "k"); got != tt.stored {
				t.Errorf("stored %q; want %q", got, tt.stored)
			}
			s.Deliver(t.Context())
			if got := text(t, inner, "k"); got != tt.deliver {
				t.Errorf("after Deliver %q; want %q", got, tt.deliver)
			}
		})
	}
}

func TestDeleteFates(t *testing.T) {
	for fault, want := range map[faultstest.Fault]string{
		faultstest.None: "(none)", faultstest.Drop: "v", faultstest.LoseAnswer: "(none)", faultstest.Repeat: "(none)", faultstest.Linger: "v",
	} {
		inner := store.NewMemory(nil)
		if _, err := inner.Put(t.Context(), "k", strings.NewReader("v"), 1, store.Condition{}); err != nil {
			t.Fatal(err)
		}
		s := faultstest.New(inner, func(faultstest.Call) faultstest.Outcome { return faultstest.Outcome{Fault: fault} })
		err := s.Delete(t.Context(), "k")
		if fails := fault != faultstest.None && fault != faultstest.Repeat; fails != (err != nil) {
			t.Errorf("fault %d: Delete: %v", fault, err)
		}
		if got := text(t, inner, "k"); got != want {
			t.Errorf("fault %d: stored %q; want %q", fault, got, want)
		}
	}
}

// Lingering calls can be delivered in any order, also while another call is
// being decided.
func TestDeliverOne(t *testing.T) {
	inner := store.NewMemory(nil)
	var s *faultstest.Store
	s = faultstest.New(inner, func(c faultstest.Call) faultstest.Outcome {
		if c.Op == faultstest.Open {
			s.DeliverOne(t.Context(), 1)
			return faultstest.Outcome{}
		}
		return faultstest.Outcome{Fault: faultstest.Linger}
	})
	for _, v := range []string{"a", "b", "c"} {
		if _, err := s.Put(t.Context(), v, strings.NewReader(v), 1, store.Condition{}); !errors.Is(err, faultstest.ErrInjected) {
			t.Fatalf("Put: %v", err)
		}
	}
	if got := text(t, s, "b"); got != "b" {
		t.Errorf("stored %q before the call that opens it", got)
	}
	var left []string
	for _, c := range s.Lingering() {
		left = append(left, string(c.Op)+" "+c.Key)
	}
	if !slices.Equal(left, []string{"put a", "put c"}) {
		t.Errorf("left are %q", left)
	}
	if n := s.Deliver(t.Context()); n != 2 || text(t, inner, "a") != "a" || text(t, inner, "c") != "c" {
		t.Errorf("Deliver made %d calls", n)
	}
}
