package dump

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"daybook/transform/day"
)

// ListDays lists the dumps of the days from from to to with at most atOnce
// listings at a time. Days without objects may be missing from the result.
//
// If the key template gives the month before the day, and more than one day of
// a month is asked for, one listing covers the whole month: a request returns a
// thousand keys, so this takes fewer requests unless a day has thousands of
// dumps. At worst it lists thirty times the keys needed.
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

// prefixes are the prefixes to list for some days. No key has two of them.
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
