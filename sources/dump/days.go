package dump

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"daybook/transform/day"
)

// ListDays lists the dumps of the days from to to, as ListDay does for one,
// with so many lists under way at a time. A day without any may be missing.
//
// Of a month of which more than one day is asked for, all days are listed at
// once, where keys tell the month before the day: a request answers with a
// thousand keys, so that this takes fewer requests than a list for each day
// unless a day has thousands of dumps, and at worst lists thirty times as many
// keys as are asked for.
func ListDays(ctx context.Context, l Lister, t Template, from, to day.Day, atOnce int) (map[day.Day]Listing, error) {
	var mu sync.Mutex
	all := map[day.Day]Listing{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, prefix := range t.prefixes(from, to) {
		group.Go(func() error {
			for object, err := range l.List(ctx, prefix) {
				if err != nil {
					return fmt.Errorf("list the dumps of %s to %s: %w", from, to, err)
				}
				d, ok := t.Day(object.Key)
				if !ok || d < from || d > to {
					continue
				}
				mu.Lock()
				listing := all[d]
				listing.add(object)
				all[d] = listing
				mu.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return all, nil
}

// prefixes are what the keys of the dumps of some days begin with: no key has
// two of them.
func (t Template) prefixes(from, to day.Day) []string {
	month, _, _ := strings.Cut(string(t), "{dd}")
	byMonth := strings.Contains(month, "{yyyy}") && strings.Contains(month, "{mm}")
	var prefixes []string
	for d := from; d <= to; {
		last := min(d.Month().Last(), to)
		if byMonth && d < last {
			prefixes = append(prefixes, Template(month).Prefix(d))
			d = last + 1
			continue
		}
		prefixes = append(prefixes, t.Prefix(d))
		d++
	}
	return prefixes
}
