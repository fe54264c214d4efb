// Samebytes shows that two programs publish the same bytes.
//
// It gives both the same dumps, each with a sink of its own, and compares every
// file under reports/ and summaries/: names, content, and manifests member by
// member. Then the new program continues in the sink of the old one: it must
// rebuild nothing, plan must call everything fresh, and later dumps must lead to
// the same files there as in its own sink.
//
// Three things may differ: the members of a manifest that tell one attempt from
// another, wording, and summaries/…/_figures.json, which only newer programs
// write. Wording that differs is counted.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"text/tabwriter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	older := flag.String("old", "", "the old program")
	newer := flag.String("new", "", "the new program")
	cases := flag.String("cases", "testdata/cases", "the directory of the worked cases")
	dir := flag.String("dir", "", "directory to work in, new or empty; it stays (default: a temporary one, removed unless something differs)")
	flag.Parse()
	if *older == "" || *newer == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	same, err := run(ctx, *older, *newer, *cases, *dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "samebytes:", err)
	}
	if err != nil || !same {
		os.Exit(1)
	}
}

// run compares the programs in every scenario, and says whether they agree.
func run(ctx context.Context, older, newer, cases, dir string) (same bool, err error) {
	temporary := dir == ""
	if temporary {
		if dir, err = os.MkdirTemp("", "samebytes-"); err != nil {
			return false, err
		}
	}
	defer func() {
		if temporary && same {
			err = os.RemoveAll(dir)
		} else {
			fmt.Println("\nThe files are in", dir)
		}
	}()
	var results []result
	for _, scenario := range []struct {
		name string
		play func(context.Context, *stage) error
	}{
		{"demo", demo},
		{"month", month},
		{"cases", func(ctx context.Context, s *stage) error { return worked(ctx, s, cases) }},
	} {
		s := &stage{name: scenario.name, dir: filepath.Join(dir, scenario.name), older: older, newer: newer}
		if err := os.MkdirAll(s.dir, 0o777); err != nil {
			return false, err
		}
		if err := scenario.play(ctx, s); err != nil {
			return false, fmt.Errorf("%s: %w", scenario.name, err)
		}
		results = append(results, s.results...)
	}
	return report(os.Stdout, results), nil
}

// report writes the results as a table, with the first differences of each, and
// says whether there are none.
func report(w io.Writer, results []result) bool {
	same := true
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "scenario\tcompared\tfiles\tMB\tmanifests\trevision > 1\tfigures\treworded\tdifferences")
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%s\t%d\t%.1f\t%d\t%d\t%d\t%d\t%d\n", r.scenario, r.compared,
			r.files, float64(r.bytes)/1e6, r.manifests, r.restated, r.figures, len(r.reworded), len(r.differences))
	}
	table.Flush()
	for _, r := range results {
		same = same && len(r.differences) == 0
		list(w, r, "reworded", r.reworded)
		list(w, r, "different", r.differences)
	}
	return same
}

func list(w io.Writer, r result, what string, lines []string) {
	const most = 5
	if len(lines) > 0 {
		fmt.Fprintf(w, "\n%s, %s, %s:\n", r.scenario, r.compared, what)
	}
	for i, line := range lines {
		if i == most {
			fmt.Fprintf(w, "  … %d more\n", len(lines)-most)
			break
		}
		fmt.Fprintln(w, " ", line)
	}
}
