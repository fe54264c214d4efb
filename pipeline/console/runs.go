package console

import (
	"net/http"
	"regexp"
	"time"

	"daybook/pipeline/console/problem"
	"daybook/pipeline/partition"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/states"
	"daybook/sinks/publish"
)

// mostRuns limits the listed runs.
const mostRuns = 50

// runID is the form of run ids. They become parts of keys, so nothing else reaches
// the service.
var runID = regexp.MustCompile(`^[A-Za-z0-9]{1,40}([.-][A-Za-z0-9]{1,40}){0,3}$`)

type runsBody struct {
	Running  []states.Running `json:"running"`
	Progress states.Progress  `json:"progress"`
	Runs     []runLine        `json:"runs"`
}

// runLine is a run in a line.
type runLine struct {
	runs.Record
	Published int           `json:"published"`
	Failed    int           `json:"failed"`
	Waited    int           `json:"waited"` // were not tried, because an earlier step failed
	Lasted    time.Duration `json:"lasted_ns"`
	Part      int           `json:"-"` // of the longest run, in percent
}

func newRunLine(run runs.Record) runLine {
	l := runLine{Record: run, Lasted: run.Ended.Sub(run.Begun)}
	for i := range run.Steps {
		switch d := &run.Steps[i]; {
		case d.Waits:
			l.Waited++
		case d.State == "":
			l.Failed++
		case d.ID.Kind != partition.Digest && d.State != publish.Unchanged:
			l.Published++
		}
	}
	return l
}

func (c *Console) runs(r *http.Request) (*page, error) {
	s := c.Service.Snapshot()
	past, err := c.Service.Runs(r.Context(), mostRuns)
	if err != nil {
		return nil, err
	}
	body := runsBody{Running: orEmpty(s.Running), Progress: s.Progress, Runs: []runLine{}}
	longest := time.Millisecond
	for _, run := range past {
		body.Runs = append(body.Runs, newRunLine(run))
		longest = max(longest, body.Runs[len(body.Runs)-1].Lasted)
	}
	for i := range body.Runs {
		body.Runs[i].Part = max(1, int(100*body.Runs[i].Lasted/longest))
	}
	return &page{Template: "runs", Title: "Runs", Section: "runs", Body: body, Live: true}, nil
}

func (c *Console) run(r *http.Request) (*page, error) {
	id := r.PathValue("id")
	if !runID.MatchString(id) {
		return nil, problem.NotFound("There is no run %q.", id)
	}
	run, err := c.Service.Run(r.Context(), id)
	if err != nil {
		return nil, err
	}
	return &page{Template: "run", Title: "Run " + run.ID, Section: "runs", Body: newRunLine(*run)}, nil
}
