package actions_test

import (
	"errors"
	"strings"
	"testing"

	"daybook/pipeline/partition"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/servicetest"
)

func TestInvalidActions(t *testing.T) {
	w := servicetest.New()
	c := w.Settings(t, w.Sink)
	for _, a := range []actions.Action{
		{Verb: "delete", From: "2000-01-01"},
		{Verb: "run"},
		{Verb: "run", From: "2000-01-32"},
		{Verb: "run", From: "2000-13"},
		{Verb: "run", From: "0026-01"},
		{Verb: "backfill", From: "0026-01-01", To: "2000-01-01"},
		{Verb: "backfill", From: "2000-01-01", To: "2926-01-01"},
		{Verb: "run", From: "../../etc/passwd"},
		{Verb: "run", Report: "other", From: "2000-01-01"},
		{Verb: "backfill", From: "2000-01-02", To: "2000-01-01"},
		{Verb: "backfill", From: "2000-01", To: "2000-02"},
		{Verb: strings.Repeat("x", 1<<16), From: "2000-01-01"},
		{Verb: "rebuild", Kind: "digest", From: "2000-01-01"},
		{Verb: "retry", Kind: "digest", Report: "sessions", From: "2000-01-01"},
		{Verb: "retry", Kind: partition.Kind(strings.Repeat("x", 1<<16)), From: "2000-01-01"},
	} {
		if _, err := a.Parse(c.Pipeline); !errors.Is(err, actions.ErrInvalid) || len(err.Error()) > 300 {
			t.Errorf("%+.100v: %v", a, err)
		}
	}
}

func TestRetryCovers(t *testing.T) {
	w := servicetest.New()
	c := w.Settings(t, w.Sink)
	r, err := (&actions.Action{Verb: "retry", Report: "sessions", From: "2000-01-10", To: "2000-01-12"}).Parse(c.Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[partition.ID]bool{
		idOf(t, "sessions", "2000-01-10"): true,
		idOf(t, "sessions", "2000-01-13"): false,
		idOf(t, "other", "2000-01-10"):    false,
		idOf(t, "sessions", "2000-01"):    true,
		idOf(t, "sessions", "2000-02"):    false,
		idOf(t, "", "2000-01-05"):         true, // the look-back is two days
		idOf(t, "", "2000-01-04"):         false,
		idOf(t, "", "2000-01-13"):         true,
		idOf(t, "", "2000-01-14"):         false,
	} {
		if got := r.Covers(id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// A retry of digests covers those of the dump days themselves, and nothing else.
func TestRetryCoversDigests(t *testing.T) {
	w := servicetest.New()
	c := w.Settings(t, w.Sink)
	r, err := (&actions.Action{Verb: "retry", Kind: partition.Digest, From: "2000-01-10", To: "2000-01-12"}).Parse(c.Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[partition.ID]bool{
		idOf(t, "", "2000-01-10"):         true,
		idOf(t, "", "2000-01-12"):         true,
		idOf(t, "", "2000-01-09"):         false,
		idOf(t, "", "2000-01-13"):         false,
		idOf(t, "sessions", "2000-01-10"): false,
		idOf(t, "sessions", "2000-01"):    false,
	} {
		if got := r.Covers(id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// idOf is the partition with a name; without a report, the digest.
func idOf(t *testing.T, report, name string) partition.ID {
	t.Helper()
	id, err := partition.Parse(report, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
