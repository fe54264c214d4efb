package console

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"daybook/pipeline/console/consoletest"
)

// BenchmarkPage measures pages over ten years of daily history in three reports,
// on a warm index, compressed as browsers ask for them. They are to take less
// than 100 ms.
func BenchmarkPage(b *testing.B) {
	w, err := consoletest.New(b.Context(), consoletest.Options{Years: 10, SessionsPerDay: 300}, nil)
	if err != nil {
		b.Fatal(err)
	}
	c := newConsole(b, w, nil)
	for _, target := range []string{"/", "/reports/sessions", "/reports/sessions?year=all", "/reports/sessions?year=all&format=json", "/schedule"} {
		b.Run(target, func(b *testing.B) {
			begun, size := time.Now(), 0
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, target, nil)
				r.Header.Set("Accept-Encoding", "gzip")
				rec := httptest.NewRecorder()
				c.ServeHTTP(rec, r)
				size = rec.Body.Len()
			}
			b.ReportMetric(float64(time.Since(begun).Milliseconds())/float64(b.N), "ms/page")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
