package wide

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/stitch"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/shuffle"
)

// DayJob is the making of one date of some reports.
type DayJob struct {
	Date    day.Day
	Bits    int   // of the hash ranges
	PID     int32 // of the rows of the first report; the others follow
	Reports []ReportJob
}

// ReportJob is one report of a date.
type ReportJob struct {
	Name     string
	Inputs   string // a hash of all that it is made from
	ETag     string // of the manifest that is replaced; empty: none
	Revision int    // that it will be
	Reason   string // in words
}

// Stitches are the tasks of a job, one for each hash range.
func (j *DayJob) Stitches() []StitchTask {
	names := make([]string, len(j.Reports))
	for i, r := range j.Reports {
		names[i] = r.Name
	}
	var tasks []StitchTask
	for _, r := range shuffle.Ranges(j.Bits) {
		tasks = append(tasks, StitchTask{Date: j.Date, Range: r, Reports: names, PID: j.PID})
	}
	return tasks
}

// Stitched is what all hash ranges of a date were made from.
type Stitched struct {
	Counts  []stitch.Counts // by report
	Reach   partition.Period
	Digests []publish.Input
	seen    []*publish.Seen
}

// Join adds up the results of the hash ranges of a job.
func (j *DayJob) Join(results []StitchResult) (*Stitched, error) {
	all := &Stitched{Counts: make([]stitch.Counts, len(j.Reports))}
	came := map[int]bool{}
	for i := range results {
		r := &results[i]
		if r.Error != "" && r.Date == j.Date {
			return nil, errors.New(r.Error)
		}
		n := r.Range.Number
		if r.Date != j.Date || r.Range.Bits != j.Bits || n < 0 || n >= 1<<j.Bits || came[n] || len(r.Counts) != len(j.Reports) || r.Seen == nil {
			return nil, fmt.Errorf("%s: the results have hash range %d of %d bits of %s, which is one too many", j.Date, n, r.Range.Bits, r.Date)
		}
		if len(came) == 0 {
			all.Reach = r.Reach
		}
		all.Reach = all.Reach.Union(r.Reach)
		came[n] = true
		for k := range r.Counts {
			all.Counts[k].Add(&r.Counts[k])
		}
		for _, in := range r.Digests {
			if !slices.Contains(all.Digests, in) {
				all.Digests = append(all.Digests, in)
			}
		}
		all.seen = append(all.seen, r.Seen)
	}
	if len(came) != 1<<j.Bits {
		return nil, fmt.Errorf("%s: the results are of %d hash ranges, of %d", j.Date, len(came), 1<<j.Bits)
	}
	slices.SortFunc(all.Digests, func(a, b publish.Input) int { return strings.Compare(a.Key, b.Key) })
	return all, nil
}

// SeenIn is the digests that could matter, as all hash ranges have seen them and as the
// catalog has them. It fails with publish.ErrRaced if one has changed between.
func (s *Stitched) SeenIn(c *catalog.Catalog, lookback int) (*publish.Seen, error) {
	now := c.SeenNow(lookback, s.Reach)
	for _, seen := range s.seen {
		from, err := day.Parse(seen.From)
		at := int(from - s.Reach.From)
		if err != nil || at < 0 || at+len(seen.Fingerprints) > len(now.Fingerprints) {
			return nil, fmt.Errorf("the results have seen digests from %s on, and reach from %s to %s", seen.From, s.Reach.From, s.Reach.To)
		}
		if !slices.Equal(now.Fingerprints[at:at+len(seen.Fingerprints)], seen.Fingerprints) {
			return nil, fmt.Errorf("a digest has changed since the rows were made: %w", publish.ErrRaced)
		}
	}
	return now, nil
}

// Files are the parts of each report of the job, in order.
func (j *DayJob) Files(tasks []PartTask, results []PartResult) (map[string][]publish.Part, error) {
	files := map[string][]publish.Part{}
	for i := range tasks {
		t := &tasks[i]
		var of []PartResult
		for _, r := range results {
			if r.Date == t.Date && r.Report == t.Report && r.Number == t.Number {
				of = append(of, r)
			}
		}
		if len(of) == 1 && of[0].Error != "" {
			return nil, errors.New(of[0].Error)
		}
		if len(of) != 1 || of[0].Part.Rows != t.Rows {
			return nil, fmt.Errorf("%s: part %d of %s has %d results, and needs one of %d rows", j.Date, t.Number, t.Report, len(of), t.Rows)
		}
		files[t.Report] = append(files[t.Report], of[0].Part)
	}
	if len(results) != len(tasks) {
		return nil, fmt.Errorf("%s: there are %d results of %d parts", j.Date, len(results), len(tasks))
	}
	return files, nil
}
