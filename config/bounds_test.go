package config_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"daybook/config"
)

// Loading a hostile file allocates a bounded amount of memory and reports a problem
// in a message of bounded size.
// It has more than 60 lines because each file has a line of its own.
func TestHostileFiles(t *testing.T) {
	const size = 250_000 // bytes, just below the bound
	fill := func(piece string) string { return strings.Repeat(piece, size/len(piece)) }
	nested := func(indent, line string) string {
		var b strings.Builder
		for i := 0; b.Len() < size-1000; i++ {
			b.WriteString(strings.Repeat(indent, i) + line + "\n")
		}
		return b.String()
	}
	members := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	ids := "[" + strings.Repeat("1, ", 4000) + "1]"
	for name, file := range map[string]string{
		"brackets":               fill("["),
		"braces":                 fill("{"),
		"closed brackets":        fill("[") + fill("]"),
		"brackets and quotes":    fill(`["]", `),
		"brackets in members":    fill("{a: ["),
		"dashes":                 fill("- "),
		"dashes on lines":        nested(" ", "-"),
		"question marks":         fill("? "),
		"tags":                   fill("!a "),
		"anchors":                fill("&a "),
		"aliases":                "a: &a [1]\nb: [" + strings.Repeat("*a, ", 60_000) + "]",
		"indented members":       nested(" ", "a:"),
		"members on a line":      fill("a: "),
		"a long name":            fill("a") + ": b",
		"a long quoted name":     `"` + fill("a") + `": b`,
		"a long text":            "source: {key: " + fill("{") + "}",
		"a long number":          "workers: " + fill("9"),
		"a huge exponent":        "workers: 1e999999999",
		"escapes":                `workers: "` + fill(`\"`) + `"`,
		"members":                members("a%d: b\n", 20_000),
		"fewer members":          members("a%d: b\n", 6000),
		"documents":              fill("---\na: b\n"),
		"comments":               fill("# a\n") + "workers: x",
		"a flat list":            "a: [" + fill("1,") + "]",
		"a list of wrong values": "reports: [" + strings.Repeat("x, ", 9000) + "x]",
		"repeated names":         strings.Repeat("workers: 1\n", 6000),
		"merges":                 "source: {store: &s {url: x}}\nsink: {store: {" + strings.Repeat("<<: *s, ", 4500) + "}}",
		"merged members":         "a: &a {" + members("k%d: v, ", 3000) + "}\nsink: {" + strings.Repeat("<<: *a, ", 2000) + "}",
		"repeated lists":         "reports:\n- &r {name: a, unit: {technicians: " + ids + "}}\n" + strings.Repeat("- *r\n", 5000),
		"doubled lists": `a: &a {technicians: [1, 1, 1, 1]}
reports: [&r {unit: *a}, ` + strings.Repeat("*r, ", 4500) + "]",
		"variables": "source: {key: \"" + fill("${EMPTY:-a}") + "\"}",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := load("daybook.yml", []byte(file))
			runtime.ReadMemStats(&after)
			var problems *config.Error
			if !errors.As(err, &problems) {
				t.Fatalf("got %v", err)
			}
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 300 {
				t.Errorf("%d bytes took %d MiB", len(file), allocated)
			}
			if message := err.Error(); len(message) > 1<<20 {
				t.Errorf("a message of %d bytes: %.300s", len(message), message)
			}
		})
	}
}
