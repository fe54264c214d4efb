package dump

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Survey is what the keys of a store look like.
type Survey struct {
	Listed   int64    // objects that were looked at
	Whole    bool     // they are all that there are
	Kinds    []Kind   // the most frequent first; at most maxKinds
	Examples []string // the first keys, at most MaxExamples
}

// Kind is the objects whose keys have one template.
type Kind struct {
	Template Template
	Names    string // a glob for source.names; empty: the default takes them
	Dumps    []Dump // the first, up to maxKept
	Objects  int64
}

const (
	maxKinds  = 5  // more of them have a * where their keys differ
	maxKept   = 10 // dumps of a kind
	maxListed = 10_000
)

// Look guesses templates for the first objects of a store.
func Look(ctx context.Context, l Lister) (*Survey, error) {
	s := &Survey{Whole: true}
	var taken, others []Kind // by names that the default takes, and by other extensions
	for object, err := range l.List(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("list the store: %w", err)
		}
		if s.Listed == maxListed {
			s.Whole = false
			break
		}
		name := lastPart(object.Key)
		if name == "" || isControl(name) || unreadable(object) != "" {
			continue
		}
		s.Listed++
		if len(s.Examples) < MaxExamples {
			s.Examples = append(s.Examples, object.Key)
		}
		template, ok := Guess(object.Key)
		if !ok {
			continue
		}
		d := Dump{Key: object.Key, ETag: object.ETag, Size: object.Size}
		if is := (Names{}).of(name); is != never {
			d.Possible = is == possible
			taken = note(taken, template, "", d)
		} else {
			others = note(others, template, "*"+strings.ToLower(path.Ext(name)), d)
		}
	}
	if taken == nil {
		taken = others
	}
	s.Kinds = merge(taken)
	slices.SortStableFunc(s.Kinds, func(a, b Kind) int { return int(b.Objects - a.Objects) })
	s.Kinds = s.Kinds[:min(len(s.Kinds), maxKinds)]
	return s, nil
}

// note counts a dump of a kind.
func note(kinds []Kind, t Template, names string, d Dump) []Kind {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Template == t && k.Names == names })
	if i < 0 {
		i = len(kinds)
		kinds = append(kinds, Kind{Template: t, Names: names})
	}
	k := &kinds[i]
	if k.Objects++; len(k.Dumps) < maxKept {
		k.Dumps = append(k.Dumps, d)
	}
	return kinds
}

// merge puts a star where the templates of too many kinds differ. Kinds whose
// templates have another number of segments stay apart.
func merge(kinds []Kind) []Kind {
	if len(kinds) <= maxKinds {
		return kinds
	}
	var merged []Kind
	for _, k := range kinds {
		i := slices.IndexFunc(merged, func(m Kind) bool { _, ok := join(m.Template, k.Template); return ok && m.Names == k.Names })
		if i < 0 {
			merged = append(merged, k)
			continue
		}
		m := &merged[i]
		m.Template, _ = join(m.Template, k.Template)
		m.Objects += k.Objects
		m.Dumps = append(m.Dumps, k.Dumps...)
		m.Dumps = m.Dumps[:min(len(m.Dumps), maxKept)]
	}
	return merged
}

// join is a template that takes the keys of both. Before the date, a star stands for
// what differs; the date and what follows it must be the same.
func join(a, b Template) (Template, bool) {
	from, to := strings.Split(string(a), "/"), strings.Split(string(b), "/")
	if len(from) != len(to) {
		return "", false
	}
	for i, segment := range from {
		if segment == to[i] {
			continue
		}
		before, date, dated := strings.Cut(segment, "{")
		otherBefore, otherDate, otherDated := strings.Cut(to[i], "{")
		if dated != otherDated || date != otherDate || before == "" || otherBefore == "" {
			return "", false
		}
		from[i] = "*"
		if dated {
			from[i] += "{" + date
		}
	}
	t, err := ParseTemplate(strings.Join(from, "/"))
	return t, err == nil
}
