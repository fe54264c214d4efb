package pipeline

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/transform/day"
	"daybook/transform/report"
)

// BenchmarkFold folds generated dumps from files, on as many cores as -cpu
// says. Its events/s is what daybook fold reaches, less writing the rows.
func BenchmarkFold(b *testing.B) {
	dir := b.TempDir()
	stats, err := generate.Write(b.Context(), generate.Options{
		Seed: 1, From: day.Date(2026, time.November, 16), Days: 3, SessionsPerDay: 5000, Template: template, Codec: dump.Plain,
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
		b.Fatal(err)
	}
	files, _, err := dump.Find([]string{dir})
	if err != nil {
		b.Fatal(err)
	}
	x := &Extraction{MaxRejected: 1}
	for _, name := range files {
		x.Inputs = append(x.Inputs, Input{Name: name, Open: func(context.Context) (*dump.Reader, error) { return dump.OpenFile(name, nil) }})
	}
	b.SetBytes(stats.Bytes)
	for b.Loop() {
		if _, _, _, err := Fold(b.Context(), x, &report.Definition{Zone: time.UTC}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(stats.Lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
