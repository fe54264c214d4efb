package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"daybook/config"
)

// Every fault of the maps and columns of all dumps is told at once, with its line. It has
// more than 60 lines because the configuration has every kind of fault.
func TestFaultsOfDumps(t *testing.T) {
	t.Chdir(t.TempDir())
	members := []string{ // those that a map can give
		"event_id", "ts", "session_id", "seq", "type", "session_type", "technician.id", "technician.name", "technician.email", "technician.group",
		"channel.id", "channel.name", "calling_card", "status", "transferred_to.kind", "transferred_to.id", "transferred_to.name", "technician_id", "state", "sender",
		"tool", "resolution", "by", "name", "tracking_id", "customer_ip", "device_id", "platform", "browser_type",
		"custom_fields.1", "custom_fields.2", "custom_fields.3", "custom_fields.4", "custom_fields.5",
	}
	var text strings.Builder
	line := 0
	add := func(format string, args ...any) {
		fmt.Fprintf(&text, format+"\n", args...)
		line++
	}
	var want []string // line, path and the beginning of the message
	wrong := func(path, message string) { want = append(want, fmt.Sprintf("%d %s: %s", line, path, message)) }
	add("sources:")
	add("  - key: a/{yyyy}/{mm}/{dd}/")
	add("    map:")
	add("      envelope: a..b")
	wrong("sources[0].map.envelope", "the path")
	add("      timezone: Europe/Atlantis")
	wrong("sources[0].map.timezone", "\"Europe/Atlantis\" is not")
	add("      members:")
	for i, member := range members {
		at := fmt.Sprintf("sources[0].map.members[%d]", i)
		add("        - to: %s", member)
		add("          from: a.")
		wrong(at+".from", "the path")
		add("          codes:")
		add("            - active")
		wrong(at+".codes[0]", "the code")
		add("          when:")
		add("            - kind=call")
		add("            - '!'")
		wrong(at+".when[1]", "the condition")
	}
	add("        - to: end")
	wrong(fmt.Sprintf("sources[0].map.members[%d].to", len(members)), "\"end\" is no member")
	add("        - {to: status, value: open}")
	wrong(fmt.Sprintf("sources[0].map.members[%d].value", len(members)+1), "\"open\" is no code")
	add("        - {to: seq, time: epoch_s}")
	wrong(fmt.Sprintf("sources[0].map.members[%d].time", len(members)+2), "is about ts alone")
	add("  - key: b/{yyyy}/{mm}/{dd}/")
	add("    map:")
	add("      members:")
	add("        - {to: event_id, time: days}")
	want = append(want, fmt.Sprintf("%d sources[1].map.members: has no item for ts", line))
	wrong("sources[1].map.members[0].time", "\"days\" is not allowed")
	for _, name := range []string{"session_id", "type"} {
		want = append(want, fmt.Sprintf("%d sources[1].map.members: has no item for %s", line, name))
	}
	add("  - key: c/{yyyy}/{mm}/{dd}/")
	add("    map:")
	add("      members:")
	add("        - {from: id}")
	wrong("sources[2].map.members[0].to", "is missing")
	add("  - kind: report")
	add("    key: d/{yyyy}/{mm}/{dd}/")
	add("    columns:")
	add("      - Order=custom_field_6")
	wrong("sources[3].columns[0]", "the report has no column")
	add("      - Note=ignore")
	add("      - Order")
	wrong("sources[3].columns[2]", "\"Order\" has no =")
	add("      - ' note=name'")
	wrong("sources[3].columns[3]", "the heading \"note\"")
	if err := os.WriteFile("daybook.yml", []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}

	// An error shows its first problems; all of them are in the list.
	a := &app{readFile: os.ReadFile, env: func(string) (string, bool) { return "", false }}
	_, err := a.loadConfig()
	var found *config.Error
	if !errors.As(err, &found) {
		t.Fatal(err)
	}
	for _, p := range found.Problems {
		got := fmt.Sprintf("%d %s: %s", p.Line, p.Path, p.Message)
		i := slices.IndexFunc(want, func(w string) bool { return strings.HasPrefix(got, w) })
		if i < 0 {
			t.Errorf("unexpected: %s", got)
			continue
		}
		want = slices.Delete(want, i, i+1)
	}
	for _, w := range want {
		t.Errorf("missing: %s", w)
	}
	for _, command := range [][]string{{"config", "check"}, {"run"}, {"plan"}, {"config", "try", "-"}, {"split", "x", "--to", "y"}} {
		out, code := daybook(t, command...)
		if code != exitUsage || !strings.HasPrefix(out, "daybook: daybook.yml:4:17: sources[0].map.envelope: ") || !strings.Contains(out, "daybook.yml:20:15: ") {
			t.Errorf("%v: exit code %d\n%s", command, code, out)
		}
	}
}
