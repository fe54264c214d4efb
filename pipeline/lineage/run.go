package lineage

import (
	"strings"
	"sync"

	"github.com/google/uuid"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/runs"
)

// Run tells about one run of daybook. Its methods are safe for concurrent use, and do
// nothing on nil.
type Run struct {
	producer *Producer
	record   string // id of the run
	parent   *Event // its START
	emit     func(*Event)

	mu    sync.Mutex
	begun bool                    // the parent's START is told
	ids   map[partition.ID]string // of the steps under way
}

// Begin begins to tell about a run. emit gets each event, from any goroutine, and must not
// wait. Without a producer, Begin returns nil.
func (p *Producer) Begin(record *runs.Record, emit func(*Event)) *Run {
	if p == nil {
		return nil
	}
	id := newID(p.Sink(""), runJob, record.ID)
	parent := p.event(start, runRef{id, facets{"processing_engine": p.engine()}}, jobRef{p.Namespace, runJob, facets{
		"jobType":       jobTypeFacet{p.facet("2-0-4", "JobTypeJobFacet"), "BATCH", "DAYBOOK", "JOB"},
		"documentation": documentationFacet{p.facet("1-1-0", "DocumentationJobFacet"), "Builds and publishes what is missing or stale."},
	}})
	parent.EventTime = record.Begun.UTC()
	return &Run{producer: p, record: record.ID, parent: parent, emit: emit, ids: map[partition.ID]string{}}
}

// Step tells that a step begins (done is nil), or is over, as build.Hooks.OnStep has it.
func (r *Run) Step(s *plan.Step, done *build.Done) {
	if r == nil {
		return
	}
	id, first := r.follow(s, done != nil)
	if first {
		r.emit(r.parent)
	}
	r.emit(r.producer.step(r.parent, id, s, done))
}

// follow gives the id of a step's run, the same at its beginning and at its end. first is
// true for the first step of the run.
func (r *Run) follow(s *plan.Step, over bool) (id string, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, r.begun = !r.begun, true
	if id = r.ids[s.ID]; id == "" {
		id = r.idOf(s)
		r.ids[s.ID] = id
	}
	if over {
		delete(r.ids, s.ID)
	}
	return id, first
}

// idOf is the id of the run that does a step. What is built again on request, and what is
// restored, may have the same inputs and outcome many times.
func (r *Run) idOf(s *plan.Step) string {
	again := ""
	if s.Status == plan.Fresh || s.Action == plan.Restore {
		again = r.record
	}
	return newID(r.producer.Sink(s.ID.Dir()), string(s.ID.Kind), s.Inputs, s.ETag, s.FailedETag, again)
}

// End tells that the run is over, unless it had no steps.
func (r *Run) End(record *runs.Record) {
	if r == nil {
		return
	}
	r.mu.Lock()
	begun := r.begun
	r.mu.Unlock()
	if !begun {
		return
	}
	kind := map[string]string{runs.Done: complete, runs.Failed: fail, runs.Interrupted: abort}[record.Outcome]
	e := r.producer.event(kind, runRef{r.parent.Run.RunID, facets{"processing_engine": r.producer.engine()}}, r.parent.Job)
	if record.Error != "" {
		e.Run.Facets["errorMessage"] = r.producer.errorMessage(record.Error)
	}
	r.emit(e)
}

// newID is the UUID of version 5 of these parts. It is the same for the same parts.
func newID(parts ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.Join(parts, "\n"))).String()
}
