package wide

import (
	"errors"
	"fmt"

	"daybook/transform/day"
	"daybook/transform/shuffle"
)

// What a worker reads comes from another process. The checks here refuse what no driver
// of this version writes, before it is used as a size, a shift or an index.

func checkRange(d day.Day, r shuffle.Range, pid int32) error {
	switch {
	case d < day.Min || d > day.Max:
		return fmt.Errorf("day %d since 1970 is not from %s to %s", d, day.Min, day.Max)
	case r.Bits < 0 || r.Bits > shuffle.MaxRangeBits:
		return fmt.Errorf("%s: a hash range of %d bits is not of 0 to %d", d, r.Bits, shuffle.MaxRangeBits)
	case r.Number < 0 || r.Number >= 1<<r.Bits:
		return fmt.Errorf("%s: hash range %d is not one of %d", d, r.Number, 1<<r.Bits)
	case pid < 0 || pid > maxPID:
		return fmt.Errorf("%s: pid %d is not from 0 to %d", d, pid, maxPID)
	}
	return nil
}

const (
	// maxPID leaves room for the pids after the first one of a job.
	maxPID = 1 << 30
	// maxReach is how many days the dumps of a session may reach beyond the dates of
	// events: with the largest look-back.
	maxReach = 2*366 + 1
	// maxBucketRows is more rows than a quarter of an hour can have in a hash range.
	maxBucketRows = 1 << 32
)

func (t *DecodeTask) check() error {
	if t.Number < 0 {
		return fmt.Errorf("%s has no dump %d", t.Day, t.Number)
	}
	return checkRange(t.Day, shuffle.Range{Bits: t.Bits}, t.PID)
}

func (t *DigestTask) check() error {
	if t.Dumps < 0 || t.Revision < 1 {
		return fmt.Errorf("%s: revision %d of %d dumps", t.Day, t.Revision, t.Dumps)
	}
	return checkRange(t.Day, t.Range, t.PID)
}

func (t *StitchTask) check() error { return checkRange(t.Date, t.Range, t.PID) }

func (t *PartTask) check() error {
	if t.Number < 0 || t.Revision < 1 || t.Skip < 0 || t.Rows < 0 || t.Least < 0 || t.Rows > t.Least-t.Skip {
		return fmt.Errorf("%s: part %d of revision %d has %d rows after %d, of %d", t.Date, t.Number, t.Revision, t.Rows, t.Skip, t.Least)
	}
	return checkRange(t.Date, shuffle.Range{}, t.PID)
}

// Check refuses a stage that is not as NewDigestStage makes it.
func (s *DigestStage) Check() error {
	for _, j := range s.Jobs {
		if j == nil {
			return errors.New("a job is null")
		}
		if err := checkRange(j.Day, shuffle.Range{Bits: j.Bits}, j.PID); err != nil {
			return err
		}
	}
	return nil
}

// Check refuses a stage that is not as NewDayStage makes it, and results that no worker
// gives.
func (s *DayStage) Check() error {
	for _, j := range s.Jobs {
		if j == nil {
			return errors.New("a job is null")
		}
		if err := checkRange(j.Date, shuffle.Range{Bits: j.Bits}, j.PID); err != nil {
			return err
		}
	}
	for i := range s.Stitched {
		r := &s.Stitched[i]
		for _, b := range r.Buckets {
			if b.Rows < 0 || b.Rows > maxBucketRows {
				return fmt.Errorf("%s: bucket %d of hash range %d has %d rows", r.Date, b.Bucket, r.Range.Number, b.Rows)
			}
		}
		if r.Error == "" && (r.Reach.From > r.Reach.To || r.Reach.From < day.Min-maxReach || r.Reach.To > day.Max+maxReach) {
			return fmt.Errorf("%s: the rows of hash range %d reach from day %d to day %d since 1970", r.Date, r.Range.Number, r.Reach.From, r.Reach.To)
		}
	}
	return nil
}
