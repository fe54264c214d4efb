package plan

import (
	"fmt"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/partition"
	"daybook/pipeline/words"
	"daybook/sinks/digest"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Digests plans the digests that the target's days need.
func (p *Planner) Digests() []Step {
	days := p.catalog.DumpDays()
	steps := make([]Step, 0, len(days))
	for _, d := range days {
		steps = append(steps, p.Digest(d))
	}
	return steps
}

// Digest compares the digest of a dump day with its dumps.
func (p *Planner) Digest(d day.Day) Step {
	s := p.newStep(partition.DigestID(d), nil)
	s.Dumps = p.catalog.Dumps(d)
	if have := p.catalog.Digest(d); have == nil {
		s.setDue(Missing, Build, words.Count(len(s.Dumps), "dump", "dumps")+" not digested yet")
	} else {
		s.ManifestInfo = have.ManifestInfo
		switch status, reasons := DigestStatus(have, s.Dumps, p.settings.Lookback, p.settings.MaxSessionSize); {
		case status == Stale:
			s.setDue(Stale, Build, reasons...)
		default:
			s.set(status, reasons...)
			if len(s.Dumps) == 0 {
				s.Action = Keep
			}
		}
	}
	if damage := p.catalog.Damage(s.ID); damage != "" && s.Status != Newer {
		s.setDue(Stale, Restore, append([]string{damage}, s.Reasons...)...)
	}
	return s
}

// DigestStatus compares a digest with the dumps of its day. A digest whose dumps
// are all gone stays: sources keep dumps for a limited time.
func DigestStatus(have *catalog.DigestState, dumps []dump.Dump, lookback int, maxSession int64) (Status, []string) {
	if have.Version > digest.WideVersion {
		return Newer, []string{fmt.Sprintf("digest version %d is newer than this daybook's %d", have.Version, digest.WideVersion)}
	}
	if len(dumps) == 0 {
		return Fresh, nil
	}
	var reasons []string
	if have.Version < digest.Version {
		reasons = append(reasons, fmt.Sprintf("digest version %d → %d", have.Version, digest.Version))
	}
	changes := publish.CompareInputs(have.Inputs, digests.DumpInputs(dumps))
	copied := copiedDumps(have.Inputs, dumps, changes.Changed)
	for _, c := range []struct {
		keys      []string
		one, many string
	}{
		{changes.Added, "%s new dump on %s: %s", "%s new dumps on %s: %s"},
		{changes.Changed, "%s changed dump on %s: %s", "%s changed dumps on %s: %s"},
		{changes.Gone, "%s vanished dump on %s: %s", "%s vanished dumps on %s: %s"},
	} {
		format := c.many
		switch len(c.keys) {
		case 0:
			continue
		case 1:
			format = c.one
		}
		reasons = append(reasons, fmt.Sprintf(format, words.Thousands(len(c.keys)), have.Day, words.Names(c.keys)))
	}
	if copied > 0 {
		reasons = append(reasons, fmt.Sprintf("of the changed dumps, %s copied or restored, or had its attributes changed: size and time are the same", words.Count(copied, "was", "were")))
	}
	if have.Reading != digests.ReadingOf(dumps) {
		reasons = append(reasons, "source.map or source.form has changed")
	}
	reasons = append(reasons, lookbackReasons(have, lookback)...)
	if have.Oversized > 0 && (maxSession == 0 || maxSession > have.MaxSession) {
		reasons = append(reasons, fmt.Sprintf("max_session_size is larger than the %s that left out %s", words.Bytes(have.MaxSession), words.Count(have.Oversized, "session", "sessions")))
	}
	if reasons != nil {
		return Stale, reasons
	}
	return Fresh, nil
}

// copiedDumps counts the changed dumps that have the size and the time of before.
func copiedDumps(before []publish.Input, dumps []dump.Dump, changed []string) (n int) {
	if len(changed) == 0 {
		return 0
	}
	etags := make(map[string]string, len(before))
	for _, in := range before {
		etags[in.Key] = in.ETag
	}
	for _, d := range dumps {
		if etag := etags[d.Key]; etag != d.ETag && store.SameData(etag, d.ETag) {
			n++
		}
	}
	return n
}

// lookbackReasons says what another look-back changes in a digest.
func lookbackReasons(have *catalog.DigestState, lookback int) (reasons []string) {
	if have.DaysLate > lookback {
		reasons = append(reasons, fmt.Sprintf("it has events of %d days before, and lookback_days is %d", have.DaysLate, lookback))
	}
	if have.DaysEarly > lookback {
		reasons = append(reasons, fmt.Sprintf("it has events of %d days after, and lookback_days is %d", have.DaysEarly, lookback))
	}
	reached := int64(0)
	for _, l := range have.Late {
		if l.DaysOff <= lookback {
			reached += l.Lines
		}
	}
	if reached > 0 {
		reasons = append(reasons, fmt.Sprintf("lookback_days %d now reaches %s that were out of reach", lookback, words.Count(reached, "line", "lines")))
	}
	return reasons
}
