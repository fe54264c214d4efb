package lineage

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/words"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/report"
)

// Producer makes the events. It does not change, and any number of goroutines may share it.
type Producer struct {
	Namespace string                  // of the jobs
	Version   string                  // of daybook
	Source    func(key string) string // the URL of an object of the source, as loaders know it
	Sink      func(key string) string // likewise of the sink
	Clock     func() time.Time        // nil: time.Now
}

func (p *Producer) now() time.Time {
	if p.Clock != nil {
		return p.Clock().UTC()
	}
	return time.Now().UTC()
}

// uri identifies the program that makes the events.
func (p *Producer) uri() string { return "urn:daybook:" + url.PathEscape(p.Version) }

func (p *Producer) event(kind string, run runRef, job jobRef) *Event {
	return &Event{
		EventTime: p.now(), EventType: kind, Run: run, Job: job, Inputs: []input{}, Outputs: []output{},
		Producer: p.uri(), SchemaURL: schemaURL,
	}
}

// The job of daybook's own runs, and that of its digests. The jobs of a report are called
// by its name and a kind: sessions.day.
const (
	runJob    = "run"
	digestJob = "digest"
)

func (p *Producer) job(id partition.ID) jobRef {
	name, about := digestJob, "Reads the dumps of a day, and stores their events by session."
	switch id.Kind {
	case partition.Day:
		name, about = id.Report+".day", "Makes the days of the report "+id.Report+" from digests."
	case partition.Month:
		name, about = id.Report+".month", "Makes the months of the report "+id.Report+" from its days."
	}
	return jobRef{p.Namespace, name, facets{
		"jobType":       jobTypeFacet{p.facet("2-0-4", "JobTypeJobFacet"), "BATCH", "DAYBOOK", "TASK"},
		"documentation": documentationFacet{p.facet("1-1-0", "DocumentationJobFacet"), about},
	}}
}

// step is an event of a step whose run has an id. done is nil at its beginning.
func (p *Producer) step(parent *Event, id string, s *plan.Step, done *build.Done) *Event {
	e := p.event(transition(done), runRef{id, p.runFacets(parent, s, done)}, p.job(s.ID))
	e.Inputs, e.Outputs = p.inputs(s, done), []output{p.output(s, done)}
	return e
}

// transition is the kind of an event about a step.
func transition(done *build.Done) string {
	switch {
	case done == nil:
		return start
	case errors.Is(done.Err, context.Canceled):
		return abort
	case done.Err != nil:
		return fail
	}
	return complete
}

// maxMessage limits the text of an error, in bytes.
const maxMessage = 4000

func (p *Producer) runFacets(parent *Event, s *plan.Step, done *build.Done) facets {
	f := facets{
		"parent":            parentFacet{p.facet("1-2-0", "ParentRunFacet"), runRef{RunID: parent.Run.RunID}, jobRef{Namespace: parent.Job.Namespace, Name: parent.Job.Name}},
		"processing_engine": p.engine(),
		"nominalTime":       p.nominalTime(s),
	}
	if done == nil {
		return f
	}
	if done.Err != nil {
		f["errorMessage"] = p.errorMessage(done.Error)
	}
	if done.Manifest != nil && len(done.Manifest.Checks) > 0 {
		f["test"] = testFacet{p.facet("1-0-1", "TestRunFacet"), tests(done.Manifest.Checks)}
	}
	return f
}

func (p *Producer) engine() engineFacet {
	return engineFacet{p.facet("1-1-1", "ProcessingEngineRunFacet"), "daybook", p.Version}
}

func (p *Producer) errorMessage(text string) errorFacet {
	return errorFacet{p.facet("1-0-1", "ErrorMessageRunFacet"), words.Shortened(text, maxMessage), "Go"}
}

// nominalTime is the period of a step, on the clock of its report.
func (p *Producer) nominalTime(s *plan.Step) nominalTimeFacet {
	zone := time.UTC
	if s.Report != nil && s.Report.Zone != nil {
		zone = s.Report.Zone
	}
	from, _ := partition.Instants(s.ID.Period.From, zone)
	_, to := partition.Instants(s.ID.Period.To, zone)
	return nominalTimeFacet{p.facet("1-0-1", "NominalTimeRunFacet"), time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC()}
}

func passed(ok bool) string {
	if ok {
		return "pass"
	}
	return "fail"
}

// severity is that of a check in the words of OpenLineage.
func severity(c *publish.Check) string {
	if c.Severity == publish.Block {
		return "error"
	}
	return "warn"
}

func tests(checks []publish.Check) []test {
	var all []test
	for i := range checks {
		c := &checks[i]
		all = append(all, test{c.Name, passed(c.Passed), severity(c), c.Detail})
	}
	return all
}

func assertions(checks []publish.Check) []assertion {
	var all []assertion
	for i := range checks {
		c := &checks[i]
		all = append(all, assertion{c.Name, c.Passed, severity(c), c.Detail})
	}
	return all
}

// inputs are the datasets that a step reads: dumps, digests, or days.
func (p *Producer) inputs(s *plan.Step, done *build.Done) []input {
	switch s.ID.Kind {
	case partition.Digest:
		return p.dumps(s, done)
	case partition.Day:
		return []input{p.partitions(partition.DigestRoot, done)}
	}
	return []input{p.partitions(partition.ReportRoot+s.ID.Report+"/", done)}
}

// dumps are the datasets of the dumps of a digest: one for each place in the source.
func (p *Producer) dumps(s *plan.Step, done *build.Done) []input {
	read := map[string]*statisticsFacet{} // by the place
	for _, d := range s.Dumps {
		root := place(d.Of)
		if read[root] == nil {
			read[root] = p.inputStatistics()
		}
		read[root].Bytes += d.Size
		read[root].Files++
	}
	all := []input{}
	for _, root := range slices.Sorted(maps.Keys(read)) {
		in := input{dataset: datasetAt(p.Source(root))}
		if done != nil && done.Read != nil {
			if len(read) == 1 {
				read[root].Rows = &done.Read.Accounting.Lines
			}
			in.InputFacets = facets{"inputStatistics": read[root]}
		}
		all = append(all, in)
	}
	return all
}

// place is the directory of the dumps of a source, in its store.
func place(of *dump.Source) string {
	if of == nil {
		return ""
	}
	root := of.Template.Root()
	return root[:strings.LastIndexByte(root, '/')+1]
}

func (p *Producer) inputStatistics() *statisticsFacet {
	return &statisticsFacet{facet: p.facet("1-0-0", "InputStatisticsInputDatasetFacet")}
}

// partitions are the digests or days below a key that a day or month is made from.
func (p *Producer) partitions(key string, done *build.Done) input {
	in := input{dataset: datasetAt(p.Sink(key))}
	if done != nil && done.Manifest != nil && len(done.Manifest.Inputs) > 0 {
		read := p.inputStatistics()
		for _, i := range done.Manifest.Inputs {
			read.Bytes += i.Size
			read.Files++
		}
		in.InputFacets = facets{"inputStatistics": read}
	}
	return in
}

// output is the dataset that a step writes to, and what it has written.
func (p *Producer) output(s *plan.Step, done *build.Done) output {
	dir, _ := path.Split(strings.TrimSuffix(s.ID.Dir(), "/"))
	out := output{dataset: datasetAt(p.Sink(dir))}
	if done == nil || done.Err != nil {
		return out
	}
	if s.ID.Kind != partition.Digest {
		out.Facets = facets{"schema": p.schema()}
	}
	written := &statisticsFacet{facet: p.facet("1-0-2", "OutputStatisticsOutputDatasetFacet"), Rows: &done.Rows, Bytes: done.Bytes}
	if m := done.Manifest; m != nil {
		written.Files = len(m.Parts)
		if len(m.Checks) > 0 {
			out.Facets["dataQualityAssertions"] = assertionsFacet{p.facet("1-1-0", "DataQualityAssertionsDatasetFacet"), assertions(m.Checks)}
		}
	}
	if done.State != publish.Unchanged {
		out.OutputFacets = facets{"outputStatistics": written}
	}
	return out
}

// types are the types of columns, in the words of SQL.
var types = map[report.Kind]string{
	report.Timestamp: "TIMESTAMP WITH TIME ZONE", report.Duration: "BIGINT", report.Integer: "BIGINT",
	report.String: "VARCHAR", report.Boolean: "BOOLEAN", report.Date: "DATE",
}

func (p *Producer) schema() schemaFacet {
	f := schemaFacet{facet: p.facet("1-2-0", "SchemaDatasetFacet")}
	for i := range report.Columns {
		c := &report.Columns[i]
		f.Fields = append(f.Fields, field{c.Name, types[c.Kind], c.Doc, i + 1})
	}
	return f
}

// datasetAt is the dataset at a URL, by the naming conventions of OpenLineage.
func datasetAt(address string) dataset {
	scheme, rest, _ := strings.Cut(address, "://")
	if scheme == "file" {
		return dataset{Namespace: "file", Name: path.Clean(strings.ReplaceAll(rest, `\`, "/"))}
	}
	bucket, key, _ := strings.Cut(rest, "/")
	return dataset{Namespace: scheme + "://" + bucket, Name: cmp.Or(strings.Trim(key, "/"), "/")}
}
