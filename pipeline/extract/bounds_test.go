package extract_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"daybook/pipeline/extract"
)

// oneSession is a dump with one session of so many messages, each under its own id,
// among ordinary ones.
func oneSession(messages int) string {
	var b strings.Builder
	for i := range messages {
		fmt.Fprintf(&b, `{"event_id":"%d","ts":"2026-11-20T09:%02d:%02dZ","session_id":77,"type":"chat_message","sender":"customer"}`+"\n", i, i/60%60, i%60)
		if i%100 == 0 {
			fmt.Fprintf(&b, `{"event_id":"x","ts":"2026-11-20T09:00:00Z","session_id":%d,"type":"chat_message","sender":"customer"}`+"\n", 1000+i)
		}
	}
	return b.String()
}

// A session that is too large is counted and named, with any budget; the others
// come as ever, and the accounting is the same.
func TestOversizedSession(t *testing.T) {
	const messages = 5000
	text := oneSession(messages)
	for _, budget := range []int64{0, 1} {
		for _, c := range []struct {
			most      int64
			oversized int64
		}{{0, 0}, {messages * 64, 1}, {messages * 80, 0}} {
			x := &extract.Extraction{Inputs: []extract.Input{linesInput(text + text)}, Workers: 2, MemoryBudget: budget, MaxSession: c.most}
			sessions, outcome, err := sessionsOf(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			if o := outcome.Oversized; o.Sessions != c.oversized || c.oversized > 0 && !slices.Equal(o.IDs, []int64{77}) {
				t.Errorf("budget %d, at most %d: oversized %+v, want %d", budget, c.most, o, c.oversized)
			}
			if want := messages/100 + 1 - c.oversized; outcome.Sessions != want || int64(len(sessions)) != want {
				t.Errorf("budget %d, at most %d: %d and %d sessions, want %d", budget, c.most, outcome.Sessions, len(sessions), want)
			}
			if a := outcome.Accounting; a.Accepted != messages+messages/100 || a.Duplicates != a.Accepted {
				t.Errorf("budget %d, at most %d: accounting %+v", budget, c.most, a)
			}
			sorted, accounting, moved, err := collectSorted(t.Context(), x)
			if err != nil || moved || accounting.Accepted != outcome.Accounting.Accepted {
				t.Errorf("sorted: %v, moved %v, accounting %+v", err, moved, accounting)
			}
			n := 0
			for _, line := range sorted.all {
				if strings.HasSuffix(line, "oversized") {
					n++
				}
			}
			if int64(n) != c.oversized {
				t.Errorf("budget %d, at most %d: %d oversized sessions came, want %d", budget, c.most, n, c.oversized)
			}
		}
	}
}
