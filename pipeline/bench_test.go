package pipeline

import (
	"context"
	"fmt"
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

// dumpFiles returns three days of generated dumps in files.
func dumpFiles(tb testing.TB, sessionsPerDay int) (*Extraction, generate.Stats) {
	tb.Helper()
	dir := tb.TempDir()
	stats, err := generate.Write(tb.Context(), generate.Options{
		Seed: 1, From: day.Date(2026, time.November, 16), Days: 3, SessionsPerDay: sessionsPerDay, Template: template, Codec: dump.Plain,
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
	x := &Extraction{MaxRejected: 1}
	for _, name := range files {
		x.Inputs = append(x.Inputs, Input{Name: name, Open: func(context.Context) (*dump.Reader, error) { return dump.OpenFile(name, nil) }})
	}
	return x, stats
}

// BenchmarkFold folds generated dumps from files, on as many cores as -cpu
// says, with all events in memory, and with most of them in temporary files.
// Its lines/s is what daybook fold reaches, less writing the rows.
func BenchmarkFold(b *testing.B) {
	x, stats := dumpFiles(b, 5000)
	for _, budget := range []int64{0, 8 << 20} {
		b.Run(fmt.Sprintf("budget=%dMiB", budget>>20), func(b *testing.B) {
			x.MemoryBudget = budget
			b.SetBytes(stats.Bytes)
			for b.Loop() {
				if _, _, _, err := foldRows(b.Context(), x, &report.Definition{Zone: time.UTC}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(stats.Lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
