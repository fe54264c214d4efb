package extract

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"daybook/sinks/quarantine"
	"daybook/sources/dump"
	"daybook/transform/event"
)

// The rejected lines of many inputs, which arrive in any order, take one temporary file,
// and File puts them in order.
func TestRejectFile(t *testing.T) {
	const inputs, lines = 300, 7
	var names []string
	var want bytes.Buffer
	all := quarantine.NewWriter(&want)
	rejects := make([][]Reject, inputs)
	for i := range inputs {
		names = append(names, fmt.Sprintf("2026/11/20/%d.ndjson", i))
		for n := range int64(i % lines) { // some inputs have none
			raw := strings.Repeat(fmt.Sprint(i), int(n)*1000)
			r := Reject{dump.Line{Number: n, Offset: n * 10, Bytes: []byte(raw)}, event.Reject{Reason: event.BadJSON, Detail: "no object"}}
			rejects[i] = append(rejects[i], r)
			if err := all.Write(&quarantine.Line{Object: names[i], Number: n, Offset: n * 10, Reason: r.Reason, Detail: r.Detail, Raw: r.Line.Bytes}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := all.Flush(); err != nil {
		t.Fatal(err)
	}

	s := NewRejectFile(names)
	defer s.Close()
	before := openFiles(t)
	var group errgroup.Group
	for i, left := range rejects {
		group.Go(func() error {
			for len(left) > 0 {
				n := min(2, len(left))
				if err := s.Reject(i, left[:n]); err != nil {
					return err
				}
				left = left[n:]
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := openFiles(t) - before; n > 1 {
		t.Errorf("the lines of %d inputs take %d files", inputs, n)
	}
	file, err := s.File("_quarantine/dt=2026-11-20/")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(file.Body, 0, file.Part.Bytes))
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%d bytes, want %d, or others: %v", len(got), want.Len(), err)
	}
	if file.Part.Rows != int64(bytes.Count(want.Bytes(), []byte("\n"))) {
		t.Errorf("%d lines", file.Part.Rows)
	}
}

// openFiles is how many files the process has open; 0 if the system does not say.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return len(entries)
}
