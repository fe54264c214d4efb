package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// indexedJob is what the test needs of a Job.
type indexedJob struct {
	Kind     string
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Spec struct {
		Completions int
		Template    struct {
			Spec struct {
				RestartPolicy string `yaml:"restartPolicy"`
				Containers    []struct {
					Image, Name string
					Args        []string
				}
			}
		}
	}
	Data map[string]string
}

// The Jobs of the example, run one after the other with their own arguments, publish what
// a backfill publishes. Only the days, the configuration and the index are filled in.
// It has more than 60 lines because it runs the Jobs as they stand in the file, one after the other.
func TestKubernetesIndexedJob(t *testing.T) {
	text, err := os.ReadFile("../../config/examples/kubernetes/backfill-indexed-job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []indexedJob }
	if err := yaml.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	clock = func() time.Time { return time.Date(2026, 12, 15, 12, 0, 0, 0, time.UTC) }
	defer func() { clock = nil }()
	dir := t.TempDir()
	daybook := func(args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &errs, os.LookupEnv); code != exitDone {
			t.Fatalf("daybook %s: exit code %d\n%s", strings.Join(args, " "), code, &errs)
		}
	}
	daybook("generate", "--out", filepath.Join(dir, "dumps"), "--from", "2026-10-30", "--days", "34", "--sessions-per-day", "3")
	for _, sink := range []string{"alone", "shared"} {
		settings := "source: {store: {url: dumps}}\nsink: {store: {url: " + sink + "}}\n"
		if err := os.WriteFile(filepath.Join(dir, sink+".yml"), []byte(settings), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	daybook("backfill", "-q", "--config", filepath.Join(dir, "alone.yml"), "--from", "2026-10-30", "--to", "2026-12-01")

	var stages []string
	for _, job := range list.Items {
		if job.Kind != "Job" {
			continue
		}
		stages = append(stages, job.Metadata.Labels["stage"])
		c := job.Spec.Template.Spec.Containers[0]
		if job.Metadata.Name != "daybook-backfill-"+stages[len(stages)-1] || c.Name != "daybook" || c.Image == "" || job.Spec.Template.Spec.RestartPolicy != "Never" {
			t.Errorf("the pods of %s are %+v", job.Metadata.Name, job.Spec.Template.Spec)
		}
		if at := slices.Index(c.Args, "--of"); at >= 0 && c.Args[at+1] != strconv.Itoa(job.Spec.Completions) {
			t.Errorf("%s has %d completions, and %s shares", job.Metadata.Name, job.Spec.Completions, c.Args[at+1])
		}
		for index := range max(job.Spec.Completions, 1) {
			fill := strings.NewReplacer("/etc/daybook/daybook.yml", filepath.Join(dir, "shared.yml"), "$(JOB_COMPLETION_INDEX)", strconv.Itoa(index),
				"2016-01-01", "2026-10-30", "2026-11-20", "2026-12-01")
			var args []string
			for _, arg := range c.Args {
				args = append(args, fill.Replace(arg))
			}
			daybook(args...)
		}
	}
	if !slices.Equal(stages, []string{"digest", "day", "finish"}) {
		t.Errorf("the stages are %q", stages)
	}
	for _, root := range []string{"reports", "summaries", "state/digests"} {
		alone, shared := filesUnder(t, filepath.Join(dir, "alone", root)), filesUnder(t, filepath.Join(dir, "shared", root))
		if len(alone) == 0 || !slices.Equal(alone, shared) {
			t.Errorf("%s: %d files of the backfill and %d of the Jobs differ", root, len(alone), len(shared))
		}
	}
}

// filesUnder are the paths and contents of the files in a directory.
func filesUnder(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		files = append(files, name+"\x00"+string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
