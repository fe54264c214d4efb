// Package lineage tells catalogs of data, such as Marquez and DataHub, what each run reads
// and writes, as events of OpenLineage.
//
// # What is told
//
// Each step of a run is a run of a job in OpenLineage: the job digest makes digests from
// dumps, REPORT.day makes the days of a report from digests, and REPORT.month its months
// from days. A step has the event START when it begins, and COMPLETE, FAIL or ABORT when it
// is over. Its parent is a run of the job run, which is a run of daybook.
//
// Datasets are named by the naming conventions of OpenLineage: the namespace is s3://bucket,
// gs://bucket or file, and the name the key or path of a directory. Events have these facets:
//
//	parent, processing_engine     of every step
//	nominalTime                   the period of the step
//	errorMessage                  of FAIL and ABORT
//	test, dataQualityAssertions   the checks, by the run and by the dataset
//	schema                        of days and months
//	outputStatistics              rows, bytes and files that the step has published
//	inputStatistics               lines, bytes and files that the step has read
//
// # Identity
//
// A step's run id follows from the sink, the partition, its inputs, what was published
// before, and its last failure. So a step that is repeated after a crash goes on under the
// same id, and one that is tried again after a failure has another.
package lineage

import (
	"encoding/json"
	"time"
)

// Version is the version of the specification that the events follow.
const Version = "2-0-2"

const (
	schemaURL = "https://openlineage.io/spec/" + Version + "/OpenLineage.json#/$defs/RunEvent"
	facetsURL = "https://openlineage.io/spec/facets/"
)

// The transitions of a run.
const (
	start    = "START"
	complete = "COMPLETE"
	fail     = "FAIL"
	abort    = "ABORT"
)

// Event is an event of a run.
type Event struct {
	EventTime time.Time `json:"eventTime"`
	EventType string    `json:"eventType"`
	Run       runRef    `json:"run"`
	Job       jobRef    `json:"job"`
	Inputs    []input   `json:"inputs"`
	Outputs   []output  `json:"outputs"`
	Producer  string    `json:"producer"`
	SchemaURL string    `json:"schemaURL"`
}

// JSON is the event as it is sent.
func (e *Event) JSON() []byte {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // every field can be encoded
	}
	return text
}

type runRef struct {
	RunID  string `json:"runId"`
	Facets facets `json:"facets,omitempty"`
}

type jobRef struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Facets    facets `json:"facets,omitempty"`
}

// dataset is a dataset by the naming conventions.
type dataset struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Facets    facets `json:"facets,omitempty"`
}

type input struct {
	dataset
	InputFacets facets `json:"inputFacets,omitempty"`
}

type output struct {
	dataset
	OutputFacets facets `json:"outputFacets,omitempty"`
}

// facets are what is told beside names, by the facet's name.
type facets map[string]any

// facet is what every facet has. Schema is the last part of its address.
type facet struct {
	Producer  string `json:"_producer"`
	SchemaURL string `json:"_schemaURL"`
}

func (p *Producer) facet(version, schema string) facet {
	return facet{p.uri(), facetsURL + version + "/" + schema + ".json#/$defs/" + schema}
}

type parentFacet struct {
	facet
	Run runRef `json:"run"`
	Job jobRef `json:"job"`
}

type engineFacet struct {
	facet
	Name    string `json:"name"`
	Version string `json:"version"`
}

type nominalTimeFacet struct {
	facet
	Start time.Time `json:"nominalStartTime"`
	End   time.Time `json:"nominalEndTime"` // excluded
}

type errorFacet struct {
	facet
	Message  string `json:"message"`
	Language string `json:"programmingLanguage"`
}

type testFacet struct {
	facet
	Tests []test `json:"tests"`
}

// test is a check of the rows, as a part of a run.
type test struct {
	Name        string `json:"name"`
	Status      string `json:"status"`   // pass or fail
	Severity    string `json:"severity"` // error or warn
	Description string `json:"description,omitempty"`
}

type assertionsFacet struct {
	facet
	Assertions []assertion `json:"assertions"`
}

// assertion is a check of the rows, as a property of the dataset.
type assertion struct {
	Assertion   string `json:"assertion"`
	Success     bool   `json:"success"`
	Severity    string `json:"severity"`
	Description string `json:"description,omitempty"`
}

type schemaFacet struct {
	facet
	Fields []field `json:"fields"`
}

type field struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"`
	Position    int    `json:"ordinal_position"`
}

// statisticsFacet is how much was read or written. Rows and files are left out where they
// are not known.
type statisticsFacet struct {
	facet
	Rows  *int64 `json:"rowCount,omitempty"`
	Bytes int64  `json:"size"`
	Files int    `json:"fileCount,omitempty"`
}

type jobTypeFacet struct {
	facet
	Processing  string `json:"processingType"`
	Integration string `json:"integration"`
	Type        string `json:"jobType"`
}

type documentationFacet struct {
	facet
	Description string `json:"description"`
}
