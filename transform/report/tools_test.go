package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"daybook/transform/event"
	"daybook/transform/session"
)

// However many tools a leg has, its row has the text that all of them give.
func TestToolsAreCutLikeTheirText(t *testing.T) {
	def := &Definition{Zone: time.UTC}
	for _, letters := range []string{"t", "é", "😀"} {
		var tools []string
		for n := range 300 {
			s := session.Session{ID: 1}
			leg := session.Leg{Status: event.Active, Tools: tools, Details: new([event.NumDetails]string)}
			var r Row
			var counts Counts
			def.Row(&r, &s, &leg, &counts)
			whole := []rune(strings.Join(tools, ","))
			want, cut := string(whole[:min(128, len(whole))]), int64(0)
			if len(whole) > 128 {
				cut = 1
			}
			if r.ToolsUsed != want || counts.Truncated != cut {
				t.Fatalf("%d tools: %q, %d texts cut, want %q, %d", n, r.ToolsUsed, counts.Truncated, want, cut)
			}
			tools = append(tools, strings.Repeat(letters, n%32)+fmt.Sprint(n))
		}
	}
}
