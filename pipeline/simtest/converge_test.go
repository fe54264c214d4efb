package simtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sinks/publish"
	"daybook/sources/store/faultstest"
)

// calmDown ends the faults: all dumps arrive, all processes end, and all calls are
// delivered.
func (s *simulation) calmDown() error {
	s.faultRate = 0
	for s.dumps < len(s.world.dumps) {
		s.arrive()
	}
	for s.someRunning() != nil || len(s.late()) > 0 {
		if slot := s.someRunning(); slot != nil && s.rng.IntN(8) > 0 {
			s.resume(slot, faultstest.Outcome{})
		} else {
			s.deliverOne()
		}
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

// converge runs engines until there is nothing to do. Then everything has to be as if
// nothing had ever gone wrong.
func (s *simulation) converge() error {
	for round := 1; ; round++ {
		writes, err := s.undisturbed()
		if err != nil {
			return fmt.Errorf("run %d after the faults: %w", round, err)
		}
		if writes == 0 {
			break
		}
		if round == maxRounds {
			return fmt.Errorf("run %d after the faults still finds something to do", round)
		}
	}
	for _, check := range []func() error{s.planIsDone, s.asDelivered, s.asUndisturbed, s.nothingIsLeftOver} {
		if err := check(); err != nil {
			return fmt.Errorf("after the faults: %w", err)
		}
	}
	s.counts["converged"]++
	s.countPublished()
	return nil
}

// undisturbed runs an engine without faults, and counts what it writes.
func (s *simulation) undisturbed() (writes int, err error) {
	s.note("engine", "runs", "", "")
	result, err := s.builder(s.source, s.sink).Run(context.Background(), partition.Everything(), build.OnlyDue)
	if err == nil {
		err = result.Err()
	}
	writes = len(s.sink.changed)
	return writes, errors.Join(err, s.oracle.check())
}

func (s *simulation) planIsDone() error {
	reader := &catalog.Reader{Settings: s.settings(s.source, s.sink)}
	p, err := plan.Make(context.Background(), reader, partition.Everything())
	if err != nil {
		return err
	}
	for _, step := range p.Steps {
		if step.Status != plan.Fresh && step.Status != plan.Waiting {
			return fmt.Errorf("%s is %s: %s", step.ID, step.Status, strings.Join(step.Reasons, "; "))
		}
	}
	return nil
}

// asDelivered compares the rows of each day with those of everything that was
// delivered, wherever it lies: a session counts in full, however long it lives.
func (s *simulation) asDelivered() error {
	var lines lineSet
	for i := range s.world.dumps {
		d := &s.world.dumps[i]
		for _, line := range d.lines {
			if d.accepts(&s.world.lines[line]) {
				lines.add(line)
			}
		}
	}
	for dir, m := range s.oracle.published {
		if strings.HasPrefix(dir, publish.HistoryRoot) || strings.HasPrefix(dir, partition.MonthRoot) || m.Digest != nil {
			continue
		}
		rows, err := s.oracle.rows(m)
		if err != nil {
			return err
		}
		e, err := s.oracle.expectationOf(m, lines)
		if err != nil {
			return err
		}
		if !bytes.Equal(encodeRows(rows), s.oracle.expect(e)) {
			return fmt.Errorf("%s has %d rows, and they are not those of all that was delivered", dir, len(rows))
		}
		s.counts["row of all deliveries"] += len(rows)
	}
	return nil
}

// asUndisturbed compares with one run on a fresh store.
func (s *simulation) asUndisturbed() error {
	fresh := newBucket(nil)
	if s.image != nil {
		copyObjects(fresh, s.image.sink)
	}
	result, err := s.builder(s.source, fresh).Run(context.Background(), partition.Everything(), build.OnlyDue)
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		return err
	}
	want, err := view(fresh, nil)
	if err != nil {
		return err
	}
	got, err := view(s.sink, s.oracle.old)
	if err != nil {
		return err
	}
	for key, content := range want {
		if got[key] != content {
			return fmt.Errorf("%s is not what an undisturbed run makes", key)
		}
		delete(got, key)
	}
	for key := range got {
		return fmt.Errorf("%s is there, and an undisturbed run makes none", key)
	}
	return nil
}

// nothingIsLeftOver collects the garbage when all of it is old.
func (s *simulation) nothingIsLeftOver() error {
	s.now = s.now.Add(nightTime)
	s.note("collector", "runs", "", "")
	if _, err := publish.GC(context.Background(), s.sink, s.gcOptions(), nil); err != nil {
		return err
	}
	return errors.Join(s.oracle.check(), s.oracle.leftovers())
}

func (s *simulation) countPublished() {
	for dir, m := range s.oracle.published {
		switch {
		case strings.HasPrefix(dir, publish.HistoryRoot), m.Digest != nil:
			continue
		case strings.HasPrefix(dir, partition.MonthRoot):
			s.counts["published: months"]++
		default:
			s.counts["published: days"]++
		}
		s.counts["restated"] += m.Revision - 1
		if s.oracle.hasMoved(dir) {
			kind, _, _ := strings.Cut(dir, "/")
			s.counts["moved: "+map[string]string{"reports": "days", "reports_monthly": "months"}[kind]]++
		}
	}
}
