package explain

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"daybook/pipeline/catalog"
	"daybook/pipeline/extract"
	"daybook/pipeline/pipelinetest"
	"daybook/sources/store"
)

// A session that is too large to be explained is told so, and the one beside it is
// explained.
func TestTooLarge(t *testing.T) {
	var lines strings.Builder
	for i := range mostExplained/64 + 1 {
		fmt.Fprintf(&lines, `{"event_id":"%d","ts":"2026-11-20T09:%02d:%02dZ","session_id":1,"type":"chat_message","sender":"customer"}`+"\n", i, i/60%60, i%60)
	}
	lines.WriteString(`{"event_id":"x","ts":"2026-11-20T09:00:00Z","session_id":2,"type":"chat_message","sender":"customer"}` + "\n")
	source := store.NewMemory(nil)
	pipelinetest.Put(t, source, "2026/11/20/a.ndjson", lines.String())
	s := pipelinetest.OneReport(t, source, store.NewMemory(nil))
	progress := new(extract.Progress)
	var large *TooLarge
	if _, err := FromDumps(t.Context(), s, progress, Question{Session: 1, Near: pipelinetest.Day}); !errors.As(err, &large) || large.Events != mostExplained/64+1 {
		t.Errorf("%v", err)
	}
	pipelinetest.Run(t, s, pipelinetest.TheDay)
	reader := &catalog.Reader{Settings: s}
	question := Question{Session: 1, Near: pipelinetest.Day}
	_, err := FromDigests(t.Context(), reader, question)
	if text, ok := TooLargeText(err); !ok || !strings.Contains(text, "daybook explain --session 1 FILE") {
		t.Errorf("from digests: %v", err)
	}
	s.MaxSessionSize = 1 << 20
	_, err = FromDigests(t.Context(), reader, question)
	if text, ok := TooLargeText(err); !ok || !strings.Contains(text, "source.max_session_size (1.0 MB)") {
		t.Errorf("from digests, larger than a session may be: %v", err)
	}
	if _, err := FromDumps(t.Context(), s, progress, Question{Session: 2, Near: pipelinetest.Day}); err != nil {
		t.Error(err)
	}
}
