package generate

import (
	"context"
	"io"
	"testing"
	"time"

	"daybook/sources/dump"
	"daybook/transform/day"
)

// BenchmarkWrite reports events a second, of plain text on one core.
func BenchmarkWrite(b *testing.B) {
	for _, codec := range []dump.Codec{dump.Plain, dump.Gzip, dump.Zstd} {
		b.Run(codec.String(), func(b *testing.B) {
			var total Stats
			for b.Loop() {
				stats, err := Write(b.Context(), Options{
					From: day.Date(2026, time.November, 2), Days: 5, SessionsPerDay: 2000, Template: "{yyyy}/{mm}/{dd}/", Codec: codec,
				}, func(_ context.Context, _ string, write func(io.Writer) error) error { return write(io.Discard) })
				if err != nil {
					b.Fatal(err)
				}
				total.add(stats)
			}
			b.SetBytes(total.Bytes / int64(b.N))
			b.ReportMetric(float64(total.Lines)/b.Elapsed().Seconds(), "lines/s")
			b.ReportMetric(float64(total.Bytes)/float64(total.Lines), "B/line")
			b.ReportMetric(float64(total.Lines)/float64(b.N)/10000, "lines/session")
			b.ReportMetric(float64(total.Duplicates)/float64(total.Lines)*100, "%dup")
			b.ReportMetric(float64(total.Rejected)/float64(total.Lines)*1000, "‰rejected")
		})
	}
}
