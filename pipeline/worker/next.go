package worker

import (
	"context"
	"fmt"
	"slices"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/pipeline/wide"
)

// Tried is what a job has given out so far: a hash of the inputs of each attempt, by
// step.
type Tried map[partition.ID][]string

// maxAttempts is how often a job gives out a step whose inputs change again and again.
// The next job goes on.
const maxAttempts = 3

// takes reports whether a step is still to be tried, with the inputs that it has now.
func (t Tried) takes(id partition.ID, inputs string) bool {
	return len(t[id]) < maxAttempts && !slices.Contains(t[id], inputs)
}

func (t Tried) add(id partition.ID, inputs string) { t[id] = append(t[id], inputs) }

// Work is how the tasks of a stage are done.
type Work string

// The works.
const (
	Steps   Work = "steps"   // each task by one worker, which publishes
	Digests Work = "digests" // wide ones: a wide.DigestStage
	Days    Work = "days"    // wide ones: a wide.DayStage
)

// Stage is what a job does next. Its tasks do not wait for each other.
type Stage struct {
	Work  Work   `json:"work,omitempty"`  // empty: nothing is left
	Name  string `json:"name,omitempty"`  // in words
	Tasks []Task `json:"tasks,omitempty"` // of Steps
	Wide  any    `json:"wide,omitempty"`  // a *wide.DigestStage or a *wide.DayStage
	Tried Tried  `json:"tried"`           // with the steps of this stage
}

// Next plans the next stage of a job after those that were tried. Wide steps come first.
// It adds the steps of the stage to tried.
func Next(ctx context.Context, b *build.Builder, t partition.Target, wideOnes build.Which, tried Tried) (*Stage, error) {
	digests, err := b.BeginDigests(ctx, t, wideOnes)
	if err != nil {
		return nil, err
	}
	digests = slices.DeleteFunc(digests, func(j *wide.DigestJob) bool { return !tried.takes(partition.DigestID(j.Day), j.Inputs) })
	if len(digests) > 0 {
		for _, j := range digests {
			tried.add(partition.DigestID(j.Day), j.Inputs)
		}
		return &Stage{Work: Digests, Name: fmt.Sprintf("%d wide digests from %s", len(digests), digests[0].Day), Wide: wide.NewDigestStage(digests), Tried: tried}, nil
	}
	days, err := b.BeginDays(ctx, t, wideOnes)
	if err != nil {
		return nil, err
	}
	if days = untriedDays(days, tried); len(days) > 0 {
		return &Stage{Work: Days, Name: fmt.Sprintf("%d wide days from %s", len(days), days[0].Date), Wide: wide.NewDayStage(days), Tried: tried}, nil
	}
	p, err := plan.Make(ctx, b.Reader(), t)
	if err != nil {
		return nil, err
	}
	stage := &Stage{Tasks: untriedTasks(p, tried), Tried: tried}
	if n := len(stage.Tasks); n > 0 {
		stage.Work, stage.Name = Steps, fmt.Sprintf("stage %s: %d tasks from %s to %s", stage.Tasks[0].Stage, n, stage.Tasks[0].Name, stage.Tasks[n-1].Name)
	}
	return stage, nil
}

// untriedDays are the dates with reports that are to be tried, which it adds.
func untriedDays(jobs []*wide.DayJob, tried Tried) []*wide.DayJob {
	return slices.DeleteFunc(jobs, func(j *wide.DayJob) bool {
		j.Reports = slices.DeleteFunc(j.Reports, func(r wide.ReportJob) bool { return !tried.takes(partition.DayID(r.Name, j.Date), r.Inputs) })
		for _, r := range j.Reports {
			tried.add(partition.DayID(r.Name, j.Date), r.Inputs)
		}
		return len(j.Reports) == 0
	})
}

// untriedTasks are the tasks of the first stage that has steps to be tried, which it
// adds.
func untriedTasks(p *plan.Plan, tried Tried) (tasks []Task) {
	inputs := map[partition.ID]string{}
	for i := range p.Steps {
		inputs[p.Steps[i].ID] = p.Steps[i].Inputs
	}
	for _, t := range Cut(p) {
		if len(tasks) > 0 && t.Stage != tasks[0].Stage {
			break
		}
		t.Steps = slices.DeleteFunc(t.Steps, func(id partition.ID) bool { return !tried.takes(id, inputs[id]) })
		for _, id := range t.Steps {
			tried.add(id, inputs[id])
		}
		if len(t.Steps) > 0 {
			tasks = append(tasks, t)
		}
	}
	return tasks
}
