package wide

import "slices"

// DigestStage is the digests that many workers make together, as the program that runs
// them sees it: it gives each task to a worker, and adds the results.
type DigestStage struct {
	Jobs    []*DigestJob  `json:"jobs"`
	Decode  []DecodeTask  `json:"decode"`
	Digest  []DigestTask  `json:"digest"` // by pid, from 0 on
	Results []RangeResult `json:"results,omitempty"`
}

// NewDigestStage is the stage of some jobs, whose hash ranges it gives pids.
func NewDigestStage(jobs []*DigestJob) *DigestStage {
	s := &DigestStage{Jobs: jobs, Decode: []DecodeTask{}, Digest: []DigestTask{}}
	for _, j := range jobs {
		j.PID = int32(len(s.Digest))
		s.Decode = append(s.Decode, j.Decodes()...)
		s.Digest = append(s.Digest, j.Digests()...)
	}
	return s
}

// Of are the results of a job.
func (s *DigestStage) Of(j *DigestJob) (results []RangeResult) {
	for _, r := range s.Results {
		if r.Day == j.Day {
			results = append(results, r)
		}
	}
	return results
}

// DayStage is the dates that many workers make together, likewise.
type DayStage struct {
	Jobs     []*DayJob      `json:"jobs"`
	Stitch   []StitchTask   `json:"stitch"`
	Stitched []StitchResult `json:"stitched,omitempty"`
	Parts    []PartTask     `json:"parts,omitempty"` // by pid, from 0 on
	Routes   []Route        `json:"routes,omitempty"`
	Results  []PartResult   `json:"results,omitempty"`
}

// NewDayStage is the stage of some jobs, whose rows it gives pids.
func NewDayStage(jobs []*DayJob) *DayStage {
	s := &DayStage{Jobs: jobs, Stitch: []StitchTask{}}
	pid := int32(0)
	for _, j := range jobs {
		j.PID = pid
		pid += int32(len(j.Reports))
		s.Stitch = append(s.Stitch, j.Stitches()...)
	}
	return s
}

// Cut adds the parts of all dates, and the routes to them. A date whose rows could not be
// made has none.
func (s *DayStage) Cut(fileRows int64) {
	s.Parts, s.Routes = []PartTask{}, []Route{}
	var buckets []Bucket
	for i := range s.Stitched {
		buckets = append(buckets, s.Stitched[i].Buckets...)
	}
	for _, j := range s.Jobs {
		if slices.ContainsFunc(s.Stitched, func(r StitchResult) bool { return r.Date == j.Date && r.Error != "" }) {
			continue
		}
		parts, routes := j.Cut(buckets, fileRows, int32(len(s.Parts)))
		s.Parts, s.Routes = append(s.Parts, parts...), append(s.Routes, routes...)
	}
}

// Of is the part of the stage that is about a job.
func (s *DayStage) Of(j *DayJob) *DayStage {
	of := &DayStage{Jobs: []*DayJob{j}}
	for _, r := range s.Stitched {
		if r.Date == j.Date {
			of.Stitched = append(of.Stitched, r)
		}
	}
	for _, t := range s.Parts {
		if t.Date == j.Date {
			of.Parts = append(of.Parts, t)
		}
	}
	for _, r := range s.Results {
		if r.Date == j.Date {
			of.Results = append(of.Results, r)
		}
	}
	return of
}
