package build_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/export"
)

// exportSettings are settings with exports under exports/ and events beside them.
func exportSettings(t *testing.T, source, sink store.Store) *settings.Pipeline {
	format, err := export.NewFormat(time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	names, err := dump.ParseNames("*.{txt,csv}")
	if err != nil {
		t.Fatal(err)
	}
	s := pipelinetest.Settings(t, source, sink)
	s.Dumps = dump.Sources{
		{Template: "exports/{yyyy}/{mm}/{dd}/", Names: names, Export: format, Reading: "exports"},
		{Template: pipelinetest.Template},
	}
	return s
}

// exports are generated exports by key.
func exports(t *testing.T, o generate.Options) map[string]string {
	dumps := map[string]string{}
	o.Template = "exports/{yyyy}/{mm}/{dd}/"
	_, err := generate.WriteReports(t.Context(), o, func(_ context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		err := write(&b)
		dumps[key] = b.String()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dumps
}

// Rows split into objects, shuffled, repeated and delivered day by day publish the same
// bytes as the exports as they are, in each notation.
func TestExportsInAnyOrder(t *testing.T) {
	for _, year := range []int{2004, 2005, 2006, 2007} {
		t.Run(fmt.Sprint(year), func(t *testing.T) {
			t.Parallel()
			dumps := exports(t, generate.Options{Seed: 3, From: day.Date(year, time.March, 1), Days: 6, SessionsPerDay: 15})
			source, want := store.NewMemory(nil), store.NewMemory(nil)
			pipelinetest.PutDumps(t, source, dumps, pipelinetest.Every)
			pipelinetest.Run(t, exportSettings(t, source, want), partition.Everything())

			source, daily := store.NewMemory(nil), store.NewMemory(nil)
			rng := rand.New(rand.NewPCG(1, uint64(year)))
			keys := slices.Sorted(func(yield func(string) bool) {
				for key := range dumps {
					if !yield(key) {
						return
					}
				}
			})
			rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			for _, key := range keys {
				for i, part := range split(rng, dumps[key]) {
					pipelinetest.Put(t, source, fmt.Sprintf("%s/%d%s", path.Dir(key), i, path.Ext(key)), part)
				}
				pipelinetest.Run(t, exportSettings(t, source, daily), partition.Everything())
			}
			published := pipelinetest.View(t, want)
			if len(published) < 20 {
				t.Fatalf("only %d objects are published", len(published))
			}
			pipelinetest.SameContents(t, "split, shuffled and repeated", published, pipelinetest.View(t, daily))
		})
	}
}

// split splits an export into three, in another order and with a third of the rows
// twice. A row ends where its quotes are even: the text of the interface is generated
// without any.
func split(rng *rand.Rand, text string) []string {
	head, rows := "", strings.SplitAfter(text, "\n")
	for !strings.Contains(head, "Session ID") && !strings.Contains(head, "Sessie-ID") {
		head, rows = head+rows[0], rows[1:]
	}
	lines, open := rows, ""
	rows = nil
	for _, line := range lines {
		if open += line; strings.Count(open, `"`)%2 == 0 && open != "" {
			rows, open = append(rows, open), ""
		}
	}
	rows = append(rows, rows[:len(rows)/3]...)
	rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	parts := []string{head, head, head}
	for i, row := range rows {
		parts[i%len(parts)] += row
	}
	return parts
}

// Where sessions have rows and events, events win: with exports of the same sessions
// beside the events of all days, the days of the events are published as without.
func TestEventsWin(t *testing.T) {
	o := generate.Options{Seed: 5, From: day.Date(2026, time.March, 2), Days: 8, SessionsPerDay: 15}
	events := pipelinetest.Dumps(t, o)
	source, want := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.PutDumps(t, source, events, pipelinetest.Every)
	s := exportSettings(t, source, want)
	s.MaxRejected = 1
	pipelinetest.Run(t, s, partition.Everything())

	both, got := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.PutDumps(t, both, events, pipelinetest.Every)
	pipelinetest.PutDumps(t, both, exports(t, o), pipelinetest.Every)
	s = exportSettings(t, both, got)
	s.MaxRejected = 1
	pipelinetest.Run(t, s, partition.Everything())
	isPart := func(key string) bool { return strings.HasSuffix(key, ".parquet") || strings.HasSuffix(key, ".csv") }
	pipelinetest.SameContents(t, "with exports beside the events", only(pipelinetest.View(t, want), isPart), only(pipelinetest.View(t, got), isPart))
}
