package controller

import (
	"errors"
	"slices"
	"testing"
)

// A failed write keeps its values, in their order, before those that came meanwhile.
func TestPending(t *testing.T) {
	var p Pending[int]
	none := func([]int) error { t.Error("there are no values to write"); return nil }
	if done, err := p.Flush(none); done || err != nil {
		t.Errorf("nothing pending: %t, %v", done, err)
	}
	p.Add(1)
	p.Add(2)
	full := errors.New("disk full")
	if done, err := p.Flush(func([]int) error { p.Add(3); return full }); done || err != full {
		t.Errorf("a failed write: %t, %v", done, err)
	}
	var got []int
	if done, err := p.Flush(func(values []int) error { got = slices.Clone(values); return nil }); !done || err != nil || !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("wrote %v: %t, %v", got, done, err)
	}
	if done, err := p.Flush(none); done || err != nil {
		t.Errorf("after the write: %t, %v", done, err)
	}
}
