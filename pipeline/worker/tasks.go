package worker

import (
	"context"
	"fmt"
	"slices"

	"daybook/pipeline/build"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
)

// Task is steps that one worker does. They are of one kind. A month is a task of its own.
type Task struct {
	Stage partition.Kind `json:"stage"`
	Name  string         `json:"name"` // in words
	Steps []partition.ID `json:"steps"`
}

const (
	// blockDays is how many consecutive days lie in a block. The days of one task are in
	// one block, so that it reads the manifests and indexes around them once.
	blockDays = 16

	// digestBytes is how many bytes of dumps a task takes, and then the next one begins.
	digestBytes = 256 << 20
)

// block is the number of the days, or of the month, with which a step may share a task.
// It depends on the step alone.
func block(id partition.ID) int {
	if id.Kind == partition.Month {
		return int(id.Month())
	}
	return floor(int(id.Day()), blockDays)
}

func floor(n, by int) int { return (n - ((n%by)+by)%by) / by }

// Index is which of n workers does a step, from 0. It depends on the step alone, so that
// workers which plan at different moments agree.
func Index(id partition.ID, n int) int {
	unit := block(id)
	if id.Kind == partition.Digest {
		unit = int(id.Day())
	}
	return ((unit % n) + n) % n
}

// Cut cuts the steps of a plan that a run has something to do about into tasks, in the
// order in which they are done: the tasks of a stage need those of the stages before.
func Cut(p *plan.Plan) []Task {
	var due []partition.ID
	size := map[partition.ID]int64{}
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Due() || s.Action == plan.Amend {
			due = append(due, s.ID)
			for _, d := range s.Dumps {
				size[s.ID] += d.Size
			}
		}
	}
	return cut(due, size)
}

func cut(steps []partition.ID, size map[partition.ID]int64) []Task {
	steps = slices.Clone(steps)
	slices.SortFunc(steps, func(a, b partition.ID) int { // all reports of a day lie together
		if a.Kind != b.Kind || a.Period == b.Period {
			return partition.Compare(a, b)
		}
		return int(a.Day() - b.Day())
	})
	tasks := []Task{}
	bytes := int64(0)
	for i, id := range steps {
		together := i > 0 && id.Kind == steps[i-1].Kind && block(id) == block(steps[i-1]) && id.Kind != partition.Month
		if !together || bytes >= digestBytes {
			tasks, bytes = append(tasks, Task{Stage: id.Kind}), 0
		}
		t := &tasks[len(tasks)-1]
		t.Steps = append(t.Steps, id)
		bytes += size[id]
	}
	for i := range tasks {
		t := &tasks[i]
		first, last := t.Steps[0].Name(), t.Steps[len(t.Steps)-1].Name()
		if t.Name = t.Steps[0].String(); first != last {
			t.Name = fmt.Sprintf("%ss %s to %s", t.Stage, first, last)
		}
	}
	return tasks
}

// Do does the steps, and gives their outcomes task by task. Its error is one that
// another attempt may mend.
func Do(ctx context.Context, b *build.Builder, steps []partition.ID, give func([]build.Done) error) error {
	for _, t := range cut(steps, nil) {
		done, err := b.RunSteps(ctx, t.Steps)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		if err := give(done); err != nil {
			return err
		}
	}
	return nil
}
