package plan

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"daybook/pipeline/catalog"
	"daybook/pipeline/digests"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/transform/day"
)

// A stretch is the time from the first to the last event that a session has in one
// digest.
type stretch struct {
	from, to int64 // milliseconds
	session  int64
	reopened bool // the events are in another digest than the new ones
}

// affectedCache keeps the stretches of the sessions of changed digests.
type affectedCache struct {
	mu         sync.Mutex
	stretches  map[string][]stretch // by the digest's fingerprint
	generation int                  // of the catalog's digests that they are of
}

// affectedBy says in words whether a digest that is new or has grown has events of
// sessions that can have rows on a day; empty if it has none.
func (p *Planner) affectedBy(ctx context.Context, g growth, rep *settings.Report, d day.Day) (string, error) {
	stretches, err := p.stretchesOf(ctx, g.DigestState)
	if err != nil {
		return "", err
	}
	from, to := partition.Instants(d, rep.Zone)
	var example *stretch
	sessions := map[int64]struct{}{}
	for i := range stretches {
		s := &stretches[i]
		if s.to < from || s.from >= to {
			continue
		}
		sessions[s.session] = struct{}{}
		if example == nil || s.reopened && !example.reopened || s.reopened == example.reopened && s.session < example.session {
			example = s
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
	case g.Day == d && g.Reasons != nil:
		return strings.Join(g.Reasons, "; "), nil
	case !g.isNew: // which of its events are new is not known any more
		return fmt.Sprintf("session %d may have new events in the dumps of %s%s", example.session, g.Day, more), nil
	case example.reopened:
		return fmt.Sprintf("session %d was reopened by %s%s", example.session, g.Day, more), nil
	}
	return fmt.Sprintf("session %d came with the dumps of %s%s", example.session, g.Day, more), nil
}

// stretchesOf gives the stretches of the sessions of a digest: in it, and in all other
// digests that they reach.
func (p *Planner) stretchesOf(ctx context.Context, g *catalog.DigestState) ([]stretch, error) {
	a := &p.affected
	a.mu.Lock()
	defer a.mu.Unlock()
	if generation := p.catalog.Generation(); a.stretches == nil || a.generation != generation {
		a.stretches, a.generation = map[string][]stretch{}, generation
	}
	if kept, ok := a.stretches[g.Fingerprint]; ok {
		return kept, nil
	}
	var stretches []stretch
	for _, own := range g.Tables {
		index, err := p.indexes.Get(ctx, own, g.Day)
		if err != nil {
			return nil, err
		}
		f := digests.Follower{Settings: p.settings, Catalog: p.catalog, Indexes: p.indexes, Range: own.Range}
		followed, err := f.Follow(ctx, digests.SeedsOf(index), g.Day)
		if err != nil {
			return nil, err
		}
		for _, d := range followed.Digests {
			for _, m := range d.Matches {
				stretches = append(stretches, stretch{m.First, m.Last, m.Entry.Session, d.Of.Day != g.Day})
			}
		}
	}
	a.stretches[g.Fingerprint] = stretches
	return stretches, nil
}
