package replica_test

import (
	"log/slog"
	"strings"
	"testing"

	"daybook/pipeline/service/replica"
)

// A panic of a job becomes an error.
func TestPanicOfAJob(t *testing.T) {
	err := (&replica.Replica{Log: slog.New(slog.DiscardHandler)}).Guarded("look", func() error { panic("no such thing") })()
	if err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("%v", err)
	}
}
