package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// stuck is a collector that goes on only when it is told to.
type stuck struct{ goOn chan struct{} }

func (c stuck) Describe(chan<- *prometheus.Desc) {}

func (c stuck) Collect(chan<- prometheus.Metric) { <-c.goOn }

// TestScrapesHaveLimits: no more at once than there may be, and none longer than
// it may take.
func TestScrapesHaveLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := stuck{make(chan struct{})}
		s := &server{opts: &serveOptions{}, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
		s.registry.MustRegister(c)
		routes := s.routes(http.NotFoundHandler())
		begun := time.Now()
		answers := make(chan *httptest.ResponseRecorder, maxScrapes+1)
		for range maxScrapes + 1 {
			go func() {
				rec := httptest.NewRecorder()
				routes.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				answers <- rec
			}()
		}
		first := <-answers
		if waited := time.Since(begun); waited != 0 || first.Code != http.StatusServiceUnavailable || !strings.Contains(first.Body.String(), "concurrent") {
			t.Errorf("after %s: status %d, %s", waited, first.Code, first.Body)
		}
		for range maxScrapes {
			rec := <-answers
			if waited := time.Since(begun); waited != scrapeTimeout || rec.Code != http.StatusServiceUnavailable {
				t.Errorf("after %s: status %d, want %d after %s", waited, rec.Code, http.StatusServiceUnavailable, scrapeTimeout)
			}
		}
		close(c.goOn)
	})
}
