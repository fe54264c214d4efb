package digests

import (
	"cmp"
	"context"
	"math"
	"slices"

	"daybook/pipeline/catalog"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sinks/digest"
	"daybook/transform/day"
	"daybook/transform/shuffle"
)

// Follower follows sessions through the indexes of digests, from event to event, as
// far as their events lead (EVENTS.md, "How far a session reaches"). It reads only
// the indexes of digests that can hold further events.
type Follower struct {
	Settings *settings.Pipeline
	Catalog  *catalog.Catalog
	Indexes  *Indexes
	Range    shuffle.Range // of the sessions; the zero Range has all
	// Extend has the catalog know the digests of these days. It is called whenever
	// sessions reach further than before. nil: the catalog knows all that matter.
	Extend func(ctx context.Context, days partition.Period) error
}

// Seed is a session to follow, by its hash (shuffle.Hash), and a stretch of time, in
// milliseconds, in which it has events.
type Seed struct {
	Hash        uint64
	First, Last int64
}

// Match is an entry of an index that belongs to a session that was followed.
type Match struct {
	Session int // position in Followed.Hashes
	digest.Entry

	reached bool
}

// FollowedDigest is the matches of a digest, or of one of its hash ranges, in the order
// of their hashes.
type FollowedDigest struct {
	*catalog.Tables
	Tails
	Matches []Match
}

// Tails are the sizes of the footers of a digest's tables of events, in bytes.
type Tails struct{ Complete, Open int64 }

// Followed is how far sessions reach.
type Followed struct {
	Hashes  []uint64         // of the sessions, ascending
	Digests []FollowedDigest // with events of them, by day and hash range
	// Apart has the look-back, in days, that would join each session with a further
	// stretch of its events; 0 where none is known.
	Apart []uint16

	first, last []int64 // of each session, as far as it has been followed
}

// Stretch is the time from the first to the last event of all sessions, in
// milliseconds. ok is false without sessions.
func (f *Followed) Stretch() (first, last int64, ok bool) {
	if len(f.Hashes) == 0 {
		return 0, 0, false
	}
	return slices.Min(f.first), slices.Max(f.last), true
}

// States are the digests with events of the sessions, by day.
func (f *Followed) States() (w catalog.Window) {
	for i := range f.Digests {
		if of := f.Digests[i].Of; len(w) == 0 || w[len(w)-1] != of {
			w = append(w, of)
		}
	}
	return w
}

// Before finds, for sessions that begin at the given times in milliseconds, the
// look-backs that would join each with an earlier stretch of its events; 0 where none is
// known of. It looks as far back as three look-backs.
func (f *Follower) Before(ctx context.Context, seeds []Seed, of day.Day) ([]uint16, error) {
	s := newSearch(seeds, 0)
	apart := make([]uint16, len(s.Hashes))
	if len(apart) == 0 {
		return apart, nil
	}
	earliest, latest := slices.Min(s.first), slices.Max(s.first)
	days := partition.Reach(f.Settings.Lookback, earliest-3*partition.Silence(f.Settings.Lookback), latest)
	for _, d := range f.Catalog.Digests(days) {
		if d.First >= latest || d.Last < earliest-3*partition.Silence(f.Settings.Lookback) {
			continue
		}
		for _, t := range f.tables(d) {
			index, err := f.Indexes.Get(ctx, t, of)
			if err != nil {
				return nil, err
			}
			for _, m := range match(s.Hashes, index) {
				if gap := s.first[m.Session] - m.Last; gap > 0 {
					apart[m.Session] = nearer(apart[m.Session], gap)
				}
			}
		}
	}
	return apart, nil
}

// SeedsOf are all sessions of an index.
func SeedsOf(x *digest.Index) []Seed {
	seeds := make([]Seed, x.Len())
	for i := range seeds {
		e := x.At(i)
		seeds[i] = Seed{shuffle.Hash(e.Session), e.First, e.Last}
	}
	return seeds
}

// SeedsIn are the sessions that can have an event from one time to another, in
// milliseconds: [from, to). of is a day that they are wanted for.
func (f *Follower) SeedsIn(ctx context.Context, w catalog.Window, from, to int64, of day.Day) ([]Seed, error) {
	var seeds []Seed
	for _, d := range w {
		if d.Last < from || d.First >= to {
			continue
		}
		for _, t := range f.tables(d) {
			index, err := f.Indexes.Get(ctx, t, of)
			if err != nil {
				return nil, err
			}
			for i := index.From(f.Range.First()); i < index.Len(); i++ {
				e := index.At(i)
				hash := shuffle.Hash(e.Session)
				if hash > f.Range.Last() {
					break
				}
				if e.Last >= from && e.First < to {
					seeds = append(seeds, Seed{hash, e.First, e.Last})
				}
			}
		}
	}
	return seeds, nil
}

// tables are those of a digest that can have sessions of the follower's range.
func (f *Follower) tables(d *catalog.DigestState) (all []*catalog.Tables) {
	for _, t := range d.Tables {
		if t.Range.Overlaps(f.Range) {
			all = append(all, t)
		}
	}
	return all
}

// Follow follows the sessions of seeds, which it sorts. of is a day that they are
// wanted for.
func (f *Follower) Follow(ctx context.Context, seeds []Seed, of day.Day) (*Followed, error) {
	s := newSearch(seeds, partition.Silence(f.Settings.Lookback))
	for len(s.Hashes) > 0 {
		first, last, _ := s.Stretch()
		days := partition.Reach(f.Settings.Lookback, first, last)
		if f.Extend != nil {
			if err := f.Extend(ctx, days); err != nil {
				return nil, err
			}
		}
		var unread []*catalog.Tables
		for _, d := range f.Catalog.Digests(days) {
			if !s.read[d.Day] && s.canHold(d) {
				unread = append(unread, f.tables(d)...)
			}
		}
		if len(unread) == 0 {
			break
		}
		found := make([]FollowedDigest, len(unread))
		err := parallel.Each(ctx, len(unread), f.Settings.Budget.Workers, func(ctx context.Context, i int) error {
			index, err := f.Indexes.Get(ctx, unread[i], of)
			if err != nil {
				return err
			}
			found[i] = FollowedDigest{unread[i], Tails{index.TailSize(true), index.TailSize(false)}, match(s.Hashes, index)}
			return nil
		})
		if err != nil {
			return nil, err
		}
		s.add(found)
	}
	return s.finish(), nil
}

// search is the state of following sessions.
type search struct {
	Followed
	silence int64
	read    map[day.Day]bool
}

func newSearch(seeds []Seed, silence int64) *search {
	slices.SortFunc(seeds, func(a, b Seed) int { return cmp.Compare(a.Hash, b.Hash) })
	s := &search{silence: silence, read: map[day.Day]bool{}}
	for _, seed := range seeds {
		n := len(s.Hashes)
		if n > 0 && s.Hashes[n-1] == seed.Hash {
			s.first[n-1], s.last[n-1] = min(s.first[n-1], seed.First), max(s.last[n-1], seed.Last)
			continue
		}
		s.Hashes = append(s.Hashes, seed.Hash)
		s.first, s.last = append(s.first, seed.First), append(s.last, seed.Last)
	}
	return s
}

// canHold reports whether a digest can hold an event that belongs to a session, by
// the times of its events.
func (s *search) canHold(d *catalog.DigestState) bool {
	for i := range s.Hashes {
		if s.reaches(i, d.First, d.Last) {
			return true
		}
	}
	return false
}

// reaches reports whether events of a stretch can belong to a session.
func (s *search) reaches(i int, first, last int64) bool {
	return first <= s.last[i]+s.silence && last >= s.first[i]-s.silence
}

// add takes the matches of further digests, and extends the sessions by them until
// nothing changes.
func (s *search) add(found []FollowedDigest) {
	for _, d := range found {
		s.read[d.Of.Day] = true
	}
	s.Digests = append(s.Digests, found...)
	for changed := true; changed; {
		changed = false
		for _, d := range s.Digests {
			for j := range d.Matches {
				m := &d.Matches[j]
				if m.reached || !s.reaches(m.Session, m.First, m.Last) {
					continue
				}
				m.reached = true
				i := m.Session
				if m.First < s.first[i] || m.Last > s.last[i] {
					s.first[i], s.last[i] = min(s.first[i], m.First), max(s.last[i], m.Last)
					changed = true
				}
			}
		}
	}
}

// finish drops the matches that are out of reach, and notes the look-backs that would
// join them.
func (s *search) finish() *Followed {
	s.Apart = make([]uint16, len(s.Hashes))
	for i := range s.Digests {
		d := &s.Digests[i]
		for j := range d.Matches {
			if m := &d.Matches[j]; !m.reached {
				gap := max(m.First-s.last[m.Session], s.first[m.Session]-m.Last)
				s.Apart[m.Session] = nearer(s.Apart[m.Session], gap)
			}
		}
		d.Matches = slices.DeleteFunc(d.Matches, func(m Match) bool { return !m.reached })
	}
	s.Digests = slices.DeleteFunc(s.Digests, func(d FollowedDigest) bool { return len(d.Matches) == 0 })
	slices.SortFunc(s.Digests, func(a, b FollowedDigest) int {
		return cmp.Or(cmp.Compare(a.Of.Day, b.Of.Day), cmp.Compare(a.Range.Number, b.Range.Number))
	})
	return &s.Followed
}

// nearer is the smaller look-back: the one known, or the one that bridges a gap in
// milliseconds.
func nearer(known uint16, gap int64) uint16 {
	needed := LookbackFor(gap)
	if known == 0 || needed < known {
		return needed
	}
	return known
}

// LookbackFor is the look-back, in days, that bridges a silence in milliseconds.
func LookbackFor(gap int64) uint16 {
	const dayMillis = 24 * 60 * 60 * 1000
	return uint16(min((gap+dayMillis-1)/dayMillis, math.MaxUint16))
}

// match finds the entries of an index that are of sessions.
func match(hashes []uint64, x *digest.Index) []Match {
	var matches []Match
	if len(hashes) == 0 {
		return nil
	}
	next := 0
	for i := x.From(hashes[0]); i < x.Len(); i++ {
		e := x.At(i)
		hash := shuffle.Hash(e.Session)
		for next < len(hashes) && hashes[next] < hash {
			next++
		}
		if next == len(hashes) {
			break
		}
		if hashes[next] == hash {
			matches = append(matches, Match{Session: next, Entry: e})
		}
	}
	return matches
}
