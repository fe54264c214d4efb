package event

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// EVENTS.md is what producers write by: its example is accepted, and has an
// event of each type, and it names every code that there is.
func TestEventsPage(t *testing.T) {
	b, err := os.ReadFile("EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)

	var types []Type
	decoder := NewDecoder()
	for i, block := range strings.Split(page, "```json\n") {
		if i == 0 {
			continue
		}
		lines, _, _ := strings.Cut(block, "```")
		for line := range strings.Lines(lines) {
			var e Event
			if reject := decoder.Decode([]byte(strings.TrimSuffix(line, "\n")), &e); reject.Reason != 0 {
				t.Errorf("%s: %s\n%s", reject.Reason, reject.Detail, line)
			}
			types = append(types, e.Type)
		}
	}
	for _, typ := range Types() {
		if !slices.Contains(types, typ) {
			t.Errorf("there is no example of %s", typ)
		}
	}

	for _, c := range []*codes{lineTypeCodes, statusCodes, sessionTypeCodes, signalCodes, senderCodes, removedByCodes, resolutionCodes, reasonCodes} {
		for _, name := range c.names[1:] {
			if !strings.Contains(page, fmt.Sprintf("`%s`", name)) {
				t.Errorf("%s is not on the page", name)
			}
		}
	}
	for f, name := range memberNames {
		if name != "" && !strings.Contains(page, fmt.Sprintf("`%s`", name)) {
			t.Errorf("member %d, %s, is not on the page", f, name)
		}
	}
}
