package plan_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/format"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/plan"
	"daybook/pipeline/settings"
	"daybook/sinks/digest"
	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// decade is the source and the sink after ten years of three reports: the dumps, and
// of what was published the files that a plan reads or lists.
type decade struct {
	tb           testing.TB
	source, sink string // directories
	from, to     day.Day
}

const decadeReports = 3

// newDecade makes a decade in which everything is fresh.
func newDecade(tb testing.TB) *settings.Pipeline {
	c := &decade{tb: tb, source: tb.TempDir(), sink: tb.TempDir(), from: day.Date(2016, time.January, 1), to: day.Date(2025, time.December, 31)}
	s := pipelinetest.Settings(tb, c.open(c.source), c.open(c.sink))
	s.Reports = nil
	for i := range decadeReports {
		s.Reports = append(s.Reports, settings.Report{Definition: report.Definition{Name: fmt.Sprintf("report_%d", i), Zone: time.UTC}, Hash: "definition"})
	}
	for d := c.from; d <= c.to; d++ {
		c.write(c.source, pipelinetest.Template.Prefix(d)+"dump.ndjson.gz", "x")
		for _, rep := range s.Reports {
			c.summaries(partition.DayID(rep.Name, d).SummaryDir())
		}
	}
	for m := c.from.Month(); m <= c.to.Month(); m++ {
		for _, rep := range s.Reports {
			c.summaries(partition.MonthID(rep.Name, m).SummaryDir())
		}
	}
	dumps, summaries := c.list(s.Source, ""), c.list(s.Sink, pipelinetest.SummaryRoot)
	windows := map[day.Day]publish.Input{}
	for d := c.from; d <= c.to; d++ {
		dumped := dumps[path.Dir(pipelinetest.Template.Prefix(d)+"x")+"/"]
		m := manifestOf(d.String(), partition.DigestID(d).Dir(), format.CompleteTable, format.OpenTable, format.SessionsTable)
		m.Inputs = []publish.Input{{Key: dumped[0].Key, ETag: dumped[0].ETag, Size: dumped[0].Size}}
		m.Digest = &publish.DigestInfo{Version: digest.Version}
		c.manifest(partition.DigestID(d).Dir(), m)
		windows[d] = publish.Input{Key: partition.DigestID(d).Dir(), ETag: m.Fingerprint(), Size: m.PartsSize()}
	}
	for _, rep := range s.Reports {
		days := map[day.Day]publish.Input{}
		for d := c.from; d <= c.to; d++ {
			m := c.partition(&rep, d.String(), partition.DayID(rep.Name, d).Dir(), summaries[partition.DayID(rep.Name, d).SummaryDir()])
			window := s.Window(partition.OfDay(d))
			for x := max(c.from, window.From); x <= min(c.to, window.To); x++ {
				m.Inputs = append(m.Inputs, windows[x])
			}
			c.manifest(partition.DayID(rep.Name, d).Dir(), m)
			days[d] = publish.Input{Key: partition.DayID(rep.Name, d).Dir(), ETag: m.Fingerprint(), Size: m.PartsSize()}
		}
		for month := c.from.Month(); month <= c.to.Month(); month++ {
			m := c.partition(&rep, month.String(), partition.MonthID(rep.Name, month).Dir(), summaries[partition.MonthID(rep.Name, month).SummaryDir()])
			for d := month.First(); d <= month.Last(); d++ {
				m.Inputs = append(m.Inputs, days[d])
			}
			c.manifest(partition.MonthID(rep.Name, month).Dir(), m)
		}
	}
	return s
}

func (c *decade) open(dir string) store.Store {
	d, err := store.NewDir(dir)
	if err != nil {
		c.tb.Fatal(err)
	}
	return d
}

// write is a Put without syncing, which takes long.
func (c *decade) write(dir, key, text string) {
	name := filepath.Join(dir, filepath.FromSlash(key))
	err := os.MkdirAll(filepath.Dir(name), 0o777)
	if err == nil {
		err = os.WriteFile(name, []byte(text), 0o666)
	}
	if err != nil {
		c.tb.Fatal(err)
	}
}

func (c *decade) summaries(dir string) {
	for _, name := range []string{figures.Name, "by_channel.csv", "by_group.csv", "by_hour.csv", "by_technician.csv", "total.csv"} {
		c.write(c.sink, dir+name, "x")
	}
}

// list gives the objects by directory.
func (c *decade) list(st store.Store, prefix string) map[string][]store.Object {
	objects := map[string][]store.Object{}
	for object, err := range st.List(c.tb.Context(), prefix) {
		if err != nil {
			c.tb.Fatal(err)
		}
		dir, _ := path.Split(object.Key)
		objects[dir] = append(objects[dir], object)
	}
	return objects
}

func manifestOf(name, dir string, parts ...string) *publish.Manifest {
	m := &publish.Manifest{Partition: name, Revision: 1, Reason: "not published yet", Attempt: "JN5ON4QJEW2MICIIWD2DKIZJ37"}
	for _, part := range parts {
		m.Parts = append(m.Parts, publish.Part{Key: dir + part + "-r1-2c5205fb9261f58a.parquet", Rows: 1, Bytes: 1, SHA256: strings.Repeat("2c5205fb9261f58a", 4)})
	}
	return m
}

func (c *decade) partition(rep *settings.Report, name, dir string, summaries []store.Object) *publish.Manifest {
	m := manifestOf(name, dir, "part-0")
	m.Report, m.Definition, m.EngineVersion, m.SchemaVersion = rep.Name, rep.Hash, session.EngineVersion, report.SchemaVersion
	m.DefinitionText = map[string]string{"timezone": "UTC", "language": "en", "unit": "everybody"}
	m.Fold = &publish.FoldInfo{Sessions: 1, Anomalies: map[string]int64{"missing_created": 1}}
	for _, name := range []string{"conservation", "unique", "nulls", "times", "dates", "order", "volume"} {
		m.Checks = append(m.Checks, publish.Check{Name: name, Severity: publish.Block, Passed: true})
	}
	m.Summaries = &publish.Summaries{Definition: rep.Hash}
	for _, o := range summaries {
		m.Summaries.Files = append(m.Summaries.Files, publish.SummaryFile{Name: path.Base(o.Key), Bytes: o.Size, ETag: o.ETag})
	}
	return m
}

// manifest writes a manifest and its parts.
func (c *decade) manifest(dir string, m *publish.Manifest) {
	for _, part := range m.Parts {
		c.write(c.sink, part.Key, "x")
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		c.tb.Fatal(err)
	}
	c.write(c.sink, publish.ManifestKey(dir), string(text))
}

// BenchmarkPlanDecade plans ten years of three reports, in which everything is fresh:
// without a cache, and with a cache that has read everything. MiB is the memory in use
// with the cache.
func BenchmarkPlanDecade(b *testing.B) {
	s := newDecade(b)
	for _, cached := range []bool{false, true} {
		b.Run(fmt.Sprintf("cached=%t", cached), func(b *testing.B) {
			reader := &catalog.Reader{Settings: s}
			if cached {
				reader.Cache = catalog.NewCache()
				if _, err := plan.Make(b.Context(), reader, partition.Everything()); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				p, err := plan.Make(b.Context(), reader, partition.Everything())
				if err != nil {
					b.Fatal(err)
				}
				for _, step := range p.Steps {
					if step.Status != plan.Fresh {
						b.Fatalf("%s is %s: %s", step.ID, step.Status, step.Reasons)
					}
				}
				if n := len(p.Steps); n != (1+decadeReports)*3653+decadeReports*120 {
					b.Fatalf("%d steps", n)
				}
			}
			if cached {
				var memory runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&memory)
				runtime.KeepAlive(reader)
				b.ReportMetric(float64(memory.HeapAlloc)/(1<<20), "MiB")
			}
		})
	}
}
