// Package extracttest makes generated dumps for tests and benchmarks.
package extracttest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"daybook/pipeline/extract"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/transform/day"
)

// Dumps generates three days of dumps in files. The extraction reads all of them,
// with any number of rejected lines.
func Dumps(tb testing.TB, sessionsPerDay int) (*extract.Extraction, generate.Stats) {
	tb.Helper()
	dir := tb.TempDir()
	stats, err := generate.Write(tb.Context(), generate.Options{
		Seed: 1, From: day.Date(2026, time.November, 16), Days: 3, SessionsPerDay: sessionsPerDay,
		Template: "{yyyy}/{mm}/{dd}/", Codec: dump.Plain,
	}, func(_ context.Context, key string, write func(io.Writer) error) error {
		name := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return write(f)
	})
	if err != nil {
		tb.Fatal(err)
	}
	files, _, err := dump.Find([]string{dir})
	if err != nil {
		tb.Fatal(err)
	}
	x := &extract.Extraction{MaxRejected: 1}
	for _, name := range files {
		x.Inputs = append(x.Inputs, extract.Input{Name: name, Open: func(ctx context.Context) (*dump.Reader, error) { return dump.OpenFile(ctx, name, nil) }})
	}
	return x, stats
}
