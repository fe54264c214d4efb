// Package settings holds what is configured for the pipeline: the stores, the
// reports and the limits. It never changes during a run, and any number of
// goroutines may share it.
package settings

import (
	"time"

	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/warehouse"
	"daybook/sinks/csv"
	"daybook/sinks/loads"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// Pipeline is what all commands and the service build reports with.
type Pipeline struct {
	Source         store.Store
	Dumps          dump.Sources // which objects of the source are dumps, and how they are read
	Lookback       int          // days
	MaxSessionSize int64        // bytes of the largest session that is folded, as event.Event.Size reckons it; 0: no limit
	RangeEvents    int64        // about how many events a hash range of a wide digest has; 0: digests.DefaultRangeEvents
	MaxRejected    float64      // share of a dump day's lines that may be rejected
	Sink           store.Store
	RemoveAfter    time.Duration   // how long superseded parts of reports stay where they are; 0: until the commit
	Loads          []loads.Format  // loader manifests of each partition
	SinkAt         warehouse.Store // where warehouses find the sink; it holds no secret
	Reports        []Report
	Budget         parallel.Budget
	FileRows       int64            // the most rows in a file of a partition; 0: a good size for warehouses
	StepTimeout    time.Duration    // how long the build of one digest or partition may take; 0: no limit
	Format         format.Format    // nil: Parquet
	Clock          func() time.Time // nil: time.Now
}

// Report is a report to build.
type Report struct {
	report.Definition
	Hash        string            // of the definition, as configured
	Text        map[string]string // its settings in words, by name
	SessionsCSV bool              // write the rows as CSV, too
	XLSX        bool              // write the summaries, and the rows with SessionsCSV, as workbooks, too
	CSV         csv.Format
	PickUp      time.Duration     // how long a session may wait for its first pick-up, for the console; 0: no target
	Tools       map[string]string // names of tools by their codes, for people
}

// Files is the format of digests and partitions.
func (p *Pipeline) Files() format.Format {
	if p.Format != nil {
		return p.Format
	}
	return format.Parquet{}
}

// Now is the time by the pipeline's clock.
func (p *Pipeline) Now() time.Time {
	if p.Clock != nil {
		return p.Clock()
	}
	return time.Now()
}

// Yesterday is the last date that is over in the time zones of all reports.
func (p *Pipeline) Yesterday() day.Day {
	now := p.Now().UnixMilli()
	today := day.Of(now, time.UTC)
	for i := range p.Reports {
		today = min(today, day.Of(now, p.Reports[i].Zone))
	}
	return today - 1
}

// EndOf is when a date is over in the time zones of all reports. It is told in the
// zone where the date ends last.
func (p *Pipeline) EndOf(d day.Day) time.Time {
	_, last := partition.Instants(d, time.UTC)
	end := time.UnixMilli(last).UTC()
	for i := range p.Reports {
		zone := p.Reports[i].Zone
		if _, to := partition.Instants(d, zone); i == 0 || to > last {
			last, end = to, time.UnixMilli(to).In(zone)
		}
	}
	return end
}

// Window is the dump days that the days of a period are made from.
func (p *Pipeline) Window(of partition.Period) partition.Period {
	return partition.Window(p.Lookback, of)
}

// Needed is the part of the window whose digests have to be up to date.
func (p *Pipeline) Needed(of partition.Period) partition.Period {
	return partition.Needed(p.Lookback, of)
}

// LoaderURL is the URL under which loaders find an object of the sink.
func (p *Pipeline) LoaderURL(key string) string { return p.SinkAt.ObjectURL(p.Sink.URL(key)) }

// LoadKeys are the keys of a partition's loader manifests.
func (p *Pipeline) LoadKeys(id partition.ID) []string {
	keys := make([]string, len(p.Loads))
	for i, format := range p.Loads {
		keys[i] = format.Key(id.Dir())
	}
	return keys
}

// Report finds a report by its name; nil if it is not configured.
func (p *Pipeline) Report(name string) *Report {
	for i := range p.Reports {
		if p.Reports[i].Name == name {
			return &p.Reports[i]
		}
	}
	return nil
}
