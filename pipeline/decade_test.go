package pipeline

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

	"daybook/sinks/digest"
	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// decade is directories as a runner has them after ten years of three reports:
// the dumps, and what a plan looks at of what was published of them.
type decade struct {
	tb           testing.TB
	source, sink string // directories
	from, to     day.Day
}

const decadeReports = 3

// newDecade makes them so that there is nothing to do.
func newDecade(tb testing.TB) *Runner {
	c := &decade{tb: tb, source: tb.TempDir(), sink: tb.TempDir(), from: day.Date(2016, time.January, 1), to: day.Date(2025, time.December, 31)}
	r := &Runner{Template: template, Lookback: 16, Source: c.open(c.source), Sink: c.open(c.sink)}
	for i := range decadeReports {
		r.Reports = append(r.Reports, Report{Definition: report.Definition{Name: fmt.Sprintf("report_%d", i), Zone: time.UTC}, Hash: "definition"})
	}
	for d := c.from; d <= c.to; d++ {
		c.write(c.source, template.Prefix(d)+"dump.ndjson.gz", "x")
		for _, rep := range r.Reports {
			c.write(c.sink, dayDir(rep.Name, d)+"part-0-r1-2c5205fb9261f58a.parquet", "x")
			c.summaries(summaryDir(rep.Name, Day, dayPeriod(d)))
		}
	}
	for m := c.from.Month(); m <= c.to.Month(); m++ {
		for _, rep := range r.Reports {
			c.summaries(summaryDir(rep.Name, Month, monthPeriod(m)))
		}
	}
	dumps, summaries := c.list(r.Source, ""), c.list(r.Sink, summaryRoot)
	windows := map[day.Day]publish.Input{}
	for d := c.from; d <= c.to; d++ {
		dumped := dumps[path.Dir(template.Prefix(d)+"x")+"/"]
		m := manifestOf(d.String(), digestDir(d), completeTable, openTable, sessionsTable)
		m.Inputs = []publish.Input{{Key: dumped[0].Key, ETag: dumped[0].ETag, Size: dumped[0].Size}}
		m.Digest = &publish.DigestInfo{Version: digest.Version}
		c.manifest(digestDir(d), m)
		windows[d] = publish.Input{Key: digestDir(d), ETag: m.Fingerprint(), Size: 3000}
	}
	for _, rep := range r.Reports {
		days := map[day.Day]publish.Input{}
		for d := c.from; d <= c.to; d++ {
			m := c.partition(&rep, d.String(), dayDir(rep.Name, d), summaries[summaryDir(rep.Name, Day, dayPeriod(d))])
			for x := max(c.from, d-16); x <= min(c.to, d+16); x++ {
				m.Inputs = append(m.Inputs, windows[x])
			}
			c.manifest(dayDir(rep.Name, d), m)
			days[d] = publish.Input{Key: dayDir(rep.Name, d), ETag: m.Fingerprint(), Size: 1000}
		}
		for month := c.from.Month(); month <= c.to.Month(); month++ {
			m := c.partition(&rep, month.String(), monthDir(rep.Name, month), summaries[summaryDir(rep.Name, Month, monthPeriod(month))])
			for d := month.First(); d <= month.Last(); d++ {
				m.Inputs = append(m.Inputs, days[d])
			}
			c.manifest(monthDir(rep.Name, month), m)
		}
	}
	return r
}

func (c *decade) open(dir string) store.Store {
	d, err := store.NewDir(dir)
	if err != nil {
		c.tb.Fatal(err)
	}
	return d
}

// write is a Put without its promises, which take long.
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

func manifestOf(partition, dir string, parts ...string) *publish.Manifest {
	m := &publish.Manifest{Partition: partition, Revision: 1, Reason: firstPublication, Attempt: "JN5ON4QJEW2MICIIWD2DKIZJ37"}
	for _, part := range parts {
		m.Parts = append(m.Parts, publish.Part{Key: dir + part + "-r1-2c5205fb9261f58a.parquet", Rows: 1, Bytes: 1000, SHA256: strings.Repeat("2c5205fb9261f58a", 4)})
	}
	return m
}

func (c *decade) partition(rep *Report, partition, dir string, summaries []store.Object) *publish.Manifest {
	m := manifestOf(partition, dir, "part-0")
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

func (c *decade) manifest(dir string, m *publish.Manifest) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		c.tb.Fatal(err)
	}
	c.write(c.sink, dir+publish.ManifestName, string(text))
}

// BenchmarkPlanDecade sees that nothing is to do about ten years of three
// reports: in a process that knows nothing yet, and in one that has looked
// before. MiB is what it keeps in memory.
func BenchmarkPlanDecade(b *testing.B) {
	r := newDecade(b)
	for _, known := range []bool{false, true} {
		b.Run(fmt.Sprintf("known=%t", known), func(b *testing.B) {
			if known {
				r.Known = NewKnown()
				if _, err := r.Plan(b.Context(), Everything()); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				plan, err := r.Plan(b.Context(), Everything())
				if err != nil {
					b.Fatal(err)
				}
				for _, s := range plan.Steps {
					if s.Status != Fresh {
						b.Fatalf("%s is %s: %s", s.name(), s.Status, s.Reasons)
					}
				}
				if n := len(plan.Steps); n != (1+decadeReports)*3653+decadeReports*120 {
					b.Fatalf("%d steps", n)
				}
			}
			if known {
				var memory runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&memory)
				b.ReportMetric(float64(memory.HeapAlloc)/(1<<20), "MiB")
			}
		})
	}
}
