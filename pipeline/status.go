package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"daybook/pipeline/words"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/shuffle"
)

// digestSteps are the digests that the target's days need.
func (o *observation) digestSteps() []Step {
	known := slices.Collect(maps.Keys(o.digests))
	for d, listing := range o.dumps {
		if len(listing.Dumps) > 0 {
			known = append(known, d)
		}
	}
	for id := range o.damages {
		if id.kind == Digest {
			known = append(known, id.first)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	steps := make([]Step, 0, len(known))
	for _, d := range known {
		s := Step{Kind: Digest, Partition: d.String(), period: dayPeriod(d), dumps: o.dumps[d].Dumps}
		s.Status, s.Reasons = Missing, []string{words.Count(len(s.dumps), "dump", "dumps") + " not digested yet"}
		if ref := o.digests[d]; ref != nil {
			s.compareWith(&ref.standing)
			s.keep = len(s.dumps) == 0
			s.Status, s.Reasons = digestStatus(ref, s.dumps, o.r.Lookback)
		}
		if damage := o.damage(s.id()); damage != "" && s.Status != Newer {
			s.Status, s.Reasons, s.damaged = Stale, append([]string{damage}, s.Reasons...), true
		}
		s.Failed = o.failed[failedKey(&s)]
		steps = append(steps, s)
	}
	return steps
}

// digestStatus compares a digest with the dumps of its day. A day whose dumps
// are all gone keeps its digest: sources do not keep dumps for ever.
func digestStatus(have *digestRef, dumps []dump.Dump, lookback int) (Status, []string) {
	if have.version > digest.Version {
		return Newer, []string{fmt.Sprintf("digest version %d is newer than this daybook's %d", have.version, digest.Version)}
	}
	if len(dumps) == 0 {
		return Fresh, nil
	}
	var reasons []string
	if have.version < digest.Version {
		reasons = append(reasons, fmt.Sprintf("digest version %d → %d", have.version, digest.Version))
	}
	added, changed, gone := compareInputs(have.inputs, dumpInputs(dumps))
	for _, c := range []struct {
		keys      []string
		one, many string
	}{{added, "new dump", "new dumps"}, {changed, "changed dump", "changed dumps"}, {gone, "vanished dump", "vanished dumps"}} {
		if len(c.keys) > 0 {
			reasons = append(reasons, fmt.Sprintf("%s on %s: %s", words.Count(len(c.keys), c.one, c.many), have.day, someNames(c.keys)))
		}
	}
	if have.daysLate > lookback {
		reasons = append(reasons, fmt.Sprintf("it has events of %d days before, and lookback_days is %d", have.daysLate, lookback))
	}
	if have.daysEarly > lookback {
		reasons = append(reasons, fmt.Sprintf("it has events of %d days after, and lookback_days is %d", have.daysEarly, lookback))
	}
	reached := int64(0)
	for _, l := range have.late {
		if l.DaysOff <= lookback {
			reached += l.Lines
		}
	}
	if reached > 0 {
		reasons = append(reasons, fmt.Sprintf("lookback_days %d now reaches %s that were out of reach", lookback, words.Count(reached, "line", "lines")))
	}
	if reasons != nil {
		return Stale, reasons
	}
	return Fresh, nil
}

// daySteps are the target's days of every report. pending are the digests that
// are to be made first; none when they have been.
func (o *observation) daySteps(ctx context.Context, pending map[day.Day]*Step, x *indexes) ([]Step, error) {
	steps := make([]Step, 0, len(o.r.Reports)*int(o.to-o.from+1))
	for i := range o.r.Reports {
		rep := &o.r.Reports[i]
		days := o.days(rep)
		for d := days.from; d <= days.to; d++ {
			s, err := o.dayStatus(ctx, rep, d, pending, x)
			if err != nil {
				return nil, err
			}
			steps = append(steps, s)
		}
	}
	return steps, nil
}

// dayStatus compares one day of a report with the digests of its window.
func (o *observation) dayStatus(ctx context.Context, rep *Report, d day.Day, pending map[day.Day]*Step, x *indexes) (Step, error) {
	s := Step{Kind: Day, Report: rep.Name, Partition: d.String(), rep: rep, period: dayPeriod(d)}
	s.Failed = o.failed[failedKey(&s)]
	damage := o.damage(s.id())
	have := o.day(rep, d)
	if have == nil {
		s.Status, s.Reasons = Missing, []string{cmp.Or(damage, firstPublication)}
		return s, nil
	}
	s.compareWith(&have.standing)
	s.Status = Fresh
	reasons, newer := definitionReasons(have, rep)
	if newer {
		s.Status, s.Reasons = Newer, reasons
		return s, nil
	}
	if damage != "" {
		reasons, s.damaged = append(reasons, damage), true
	}
	if p := pending[d]; p != nil {
		reasons = append(reasons, p.Reasons...)
	}
	for _, y := range daysOf(o.r.Window(d, d)) {
		if o.unreadable(y) { // to compare with the others would be to forget what it has
			s.Status, s.Reasons = Depends, []string{fmt.Sprintf("whether it changes depends on the digest of %s: %s", y, o.damage(digestID(y)))}
			return s, nil
		}
	}
	window := o.window(d)
	grown, other := window.changes(have)
	reasons = append(reasons, other...)
	if len(reasons) == 0 {
		for _, g := range grown {
			reason, err := o.touched(ctx, g, rep, d, x)
			if errors.Is(err, digest.ErrCorrupt) || errors.Is(err, store.ErrNotFound) {
				reason, err = fmt.Sprintf("what the digest of %s changes cannot be told: %v", g.day, err), nil
			}
			if err != nil {
				return s, err
			}
			if reason != "" {
				reasons = append(reasons, reason)
			}
		}
		if len(grown) > 0 && len(reasons) == 0 {
			s.refresh, s.window = true, window
		}
	}
	if len(reasons) == 0 {
		if reason := o.summaryReason(rep, Day, s.period, have); reason != "" {
			reasons, s.summaries = append(reasons, reason), true
		}
	}
	if len(reasons) > 0 {
		s.Status, s.Reasons = Stale, reasons
		return s, nil
	}
	for _, y := range daysOf(o.r.Window(d, d)) {
		if p := pending[y]; p != nil {
			s.Status = Depends
			s.Reasons = append(s.Reasons, fmt.Sprintf("whether it changes depends on the digest of %s: %s", y, strings.Join(p.Reasons, ", ")))
		}
	}
	return s, nil
}

const firstPublication = "not published yet"

// A touch is a stretch of time in which a session has events.
type touch struct {
	digest   day.Day
	from, to int64 // milliseconds, of the first and the last event
	session  int64
	reopened bool // they are of another digest than the one that touches
}

// touched says in words whether a digest that is new, or has grown, has events
// of sessions that can have rows of a day; empty if it has none.
func (o *observation) touched(ctx context.Context, g growth, rep *Report, d day.Day, x *indexes) (string, error) {
	touches, err := o.touches(ctx, g.digestRef, x)
	if err != nil {
		return "", err
	}
	from, to := instants(d, rep.Zone)
	var example *touch
	sessions := map[int64]struct{}{}
	for i := range touches {
		t := &touches[i]
		if t.to < from || t.from >= to {
			continue
		}
		sessions[t.session] = struct{}{}
		if example == nil || t.reopened && !example.reopened || t.reopened == example.reopened && t.session < example.session {
			example = t
		}
	}
	if example == nil {
		return "", nil
	}
	more := ""
	if n := len(sessions) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	switch {
	case g.day == d && g.reasons != nil:
		return strings.Join(g.reasons, "; "), nil
	case !g.isNew: // which of its events are new, nobody knows any more
		return fmt.Sprintf("session %d may have new events in the dumps of %s%s", example.session, g.day, more), nil
	case example.reopened:
		return fmt.Sprintf("session %d was reopened by %s%s", example.session, g.day, more), nil
	}
	return fmt.Sprintf("session %d came with the dumps of %s%s", example.session, g.day, more), nil
}

// touches are when the sessions of a digest have events, in it and in all
// others that share a day's window with it.
func (o *observation) touches(ctx context.Context, g *digestRef, x *indexes) ([]touch, error) {
	o.touchMu.Lock()
	defer o.touchMu.Unlock()
	o.mu.Lock()
	if o.touchesAt != o.generation {
		clear(o.touchesOf)
		o.touchesAt = o.generation
	}
	o.mu.Unlock()
	if kept, ok := o.touchesOf[g.fingerprint]; ok {
		return kept, nil
	}
	own, err := x.get(ctx, g, g.day)
	if err != nil {
		return nil, err
	}
	var touches []touch
	for _, y := range o.digestsOf(o.r.Window(o.r.Window(g.day, g.day))) {
		index := own
		if y.day != g.day {
			if index, err = x.get(ctx, y, g.day); err != nil {
				return nil, err
			}
		}
		both(own, index, func(e digest.Entry) {
			touches = append(touches, touch{y.day, e.First, e.Last, e.Session, y.day != g.day})
		})
	}
	o.touchesOf[g.fingerprint] = touches
	return touches, nil
}

// both calls f with b's entries of the sessions that a has, too.
func both(a, b *digest.Index, f func(digest.Entry)) {
	i := 0
	for j := range b.Len() {
		e := b.At(j)
		hash := shuffle.Hash(e.Session)
		for i < a.Len() && shuffle.Hash(a.At(i).Session) < hash {
			i++
		}
		if i == a.Len() {
			return
		}
		if a.At(i).Session == e.Session {
			f(e)
		}
	}
}

// readDaysOfMonths reads the days that the target's months need beyond the
// target's own.
func (o *observation) readDaysOfMonths(ctx context.Context) error {
	if o.target.all {
		return nil // all there is has been read
	}
	target := span{o.from, o.to}
	missing := func(rep *Report, d day.Day) bool { return !target.holds(d) && o.day(rep, d) == nil }
	for m := o.from.Month(); m <= o.to.Month(); m++ {
		of := span{m.First(), m.Last()}
		if !o.made(m) || target.holds(of.from) && target.holds(of.to) {
			continue
		}
		if err := o.readDays(ctx, of, missing); err != nil {
			return err
		}
	}
	return nil
}

// complete says whether a month is over, as far as the dumps tell: there are
// some of its last day, or of a later one.
func (o *observation) complete(m day.Month) bool { return o.target.month || o.newest >= m.Last() }

// made says whether a month of any report is made from its days: it is complete,
// or somebody wanted it before, and has it kept up to date.
func (o *observation) made(m day.Month) bool {
	published := func(rep Report) bool { return o.month(&rep, m) != nil }
	return o.complete(m) || slices.ContainsFunc(o.r.Reports, published)
}

// monthSteps are the target's months of every report. days are the steps of its
// days that are to be done first; none when they have been.
func (o *observation) monthSteps(days []Step) []Step {
	var steps []Step
	for i := range o.r.Reports {
		rep := &o.r.Reports[i]
		changing := map[day.Day]*Step{}
		for j := range days {
			if s := &days[j]; s.rep == rep && s.Status != Fresh && s.Status != Newer && !s.summaries {
				changing[s.period.from] = s
			}
		}
		target := o.days(rep)
		for m := target.from.Month(); m <= target.to.Month(); m++ {
			s := o.monthStatus(rep, m, changing)
			for d := m.First(); d < target.from && o.target.all; d++ {
				if o.day(rep, d) == nil {
					s.Early++
				}
			}
			steps = append(steps, s)
		}
	}
	return steps
}

// monthStatus compares one month of a report with its days.
func (o *observation) monthStatus(rep *Report, m day.Month, changing map[day.Day]*Step) Step {
	s := Step{Kind: Month, Report: rep.Name, Partition: m.String(), rep: rep, period: monthPeriod(m)}
	s.Failed = o.failed[failedKey(&s)]
	damage := o.damage(s.id())
	have := o.month(rep, m)
	if have != nil {
		s.compareWith(&have.standing)
	}
	if have == nil && !o.complete(m) {
		s.Status, s.Reasons = Waiting, []string{"there are no dumps of its last day yet"}
		return s
	}
	missing, changes := 0, 0
	for _, d := range daysOf(s.period.from, s.period.to) {
		switch {
		case changing[d] != nil:
			changes++
		case o.day(rep, d) == nil:
			missing++
		}
	}
	if missing > 0 {
		s.Status, s.Reasons = Waiting, []string{fmt.Sprintf("%d of its %d days are not published", missing, s.period.days())}
		return s
	}
	if have == nil {
		s.Status, s.Reasons = Missing, []string{cmp.Or(damage, firstPublication)}
		return s
	}
	reasons, newer := definitionReasons(have, rep)
	if newer {
		s.Status, s.Reasons = Newer, reasons
		return s
	}
	if damage != "" {
		reasons, s.damaged = append(reasons, damage), true
	}
	added, changed, gone := compareInputs(have.inputs(), o.monthInputs(rep, s.period))
	if restated := slices.Concat(added, changed, gone); len(restated) > 0 {
		reasons = append(reasons, "restated days: "+someNames(restated))
	}
	if len(reasons) == 0 {
		if reason := o.summaryReason(rep, Month, s.period, have); reason != "" {
			reasons, s.summaries = append(reasons, reason), true
		}
	}
	s.Status, s.Reasons = Fresh, reasons
	switch {
	case len(reasons) > 0:
		s.Status = Stale
	case changes > 0:
		s.Status, s.Reasons = Depends, []string{fmt.Sprintf("whether it changes depends on %s", words.Count(changes, "day", "days"))}
	}
	return s
}

// monthInputs are the days that a month is made from, by what they hold.
func (o *observation) monthInputs(rep *Report, p period) []publish.Input {
	var inputs []publish.Input
	for _, d := range daysOf(p.from, p.to) {
		if have := o.day(rep, d); have != nil {
			inputs = append(inputs, publish.Input{Key: dayDir(rep.Name, d), ETag: have.fingerprint, Size: have.bytes})
		}
	}
	return inputs
}
