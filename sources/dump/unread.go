package dump

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"daybook/sources/store"
	"daybook/transform/day"
)

// Unread counts the objects that look like dumps and are read for no day.
type Unread struct {
	Objects  int64    `json:"objects"`
	Examples []Object `json:"examples,omitempty"` // at most MaxExamples, of different shapes
}

// Object is an object that is read for no day.
type Object struct {
	Key      string `json:"key"`
	Why      string `json:"why"`
	Template string `json:"template,omitempty"` // that would take it; empty: none is known
}

// MaxExamples is how many unread objects are named.
const MaxExamples = 3

// String says it in words, for people.
func (u *Unread) String() string {
	switch u.Objects {
	case 0:
		return "every object that looks like a dump is read"
	case 1:
		return "1 object looks like a dump and is read for no day: " + u.list()
	}
	return fmt.Sprintf("%d objects look like dumps and are read for no day, such as %s", u.Objects, u.list())
}

func (u *Unread) list() string {
	texts := make([]string, len(u.Examples))
	for i, o := range u.Examples {
		texts[i] = o.String()
	}
	return strings.Join(texts, "; ")
}

// String names the object, the reason, and the template that would take it.
func (o Object) String() string {
	text := o.Key + " (" + o.Why
	if o.Template != "" {
		text += "; source.key: \"" + o.Template + "\" would take it"
	}
	return text + ")"
}

// Note counts an object.
func (u *Unread) Note(o Object) {
	u.Objects++
	alike := func(e Object) bool { return e.Template == o.Template && (o.Template != "" || e.Why == o.Why) }
	if len(u.Examples) < MaxExamples && !slices.ContainsFunc(u.Examples, alike) {
		u.Examples = append(u.Examples, o)
	}
}

// Add adds the objects of o.
func (u *Unread) Add(o *Unread) {
	u.Objects += o.Objects
	for _, example := range o.Examples {
		if len(u.Examples) < MaxExamples {
			u.Examples = append(u.Examples, example)
		}
	}
}

// All is what a listing of all days found.
type All struct {
	Days map[day.Day]Listing
	// Unread are the objects that look like dumps and have no day; nil if not all
	// objects of the store were listed.
	Unread  *Unread
	Matches []Match // by source
}

// Match is the dumps of a source.
type Match struct {
	Dumps int64
	First Dump
}

// Under reports which keys of a store lie in another one, by their URLs: one bucket
// may hold both the dumps and the reports.
func Under(outer, inner string) func(key string) bool {
	prefix, within := strings.CutPrefix(strings.TrimSuffix(inner, "/")+"/", strings.TrimSuffix(outer, "/")+"/")
	return func(key string) bool { return within && prefix != "" && strings.HasPrefix(key, prefix) }
}

// maxSample is how many keys Sample looks at: ten requests to S3.
const maxSample = 10_000

// Sample is what the first objects of a store are, if no dumps were found.
func Sample(ctx context.Context, l Lister, s Sources, ignore func(key string) bool) (unread Unread, err error) {
	listed := 0
	for object, err := range l.List(ctx, "") {
		if err != nil {
			return unread, fmt.Errorf("list the store: %w", err)
		}
		if listed++; listed > maxSample {
			break
		}
		if _, _, ok := s.of(object.Key); ok || ignore(object.Key) {
			continue
		}
		if o, looks := s.unread(object); looks {
			unread.Note(o)
		}
	}
	return unread, nil
}

// Roots are the prefixes under which all dumps lie.
func (s Sources) Roots() []string {
	roots := make([]string, len(s))
	for i, source := range s {
		roots[i] = source.Template.Root()
	}
	return distinct(roots)
}

// ListAll lists the dumps of all days. With whole, it lists all objects of the
// store, and counts those that look like dumps and have no day. It takes no notice
// of the keys that ignore selects.
func ListAll(ctx context.Context, l Lister, s Sources, whole bool, ignore func(key string) bool) (*All, error) {
	roots := s.Roots()
	if whole {
		roots = []string{""}
	}
	all, found := &All{Matches: make([]Match, len(s))}, days{}
	if len(roots) == 1 && roots[0] == "" {
		all.Unread = &Unread{}
	}
	for _, root := range roots {
		for object, err := range l.List(ctx, root) {
			if err != nil {
				return nil, fmt.Errorf("list the dumps: %w", err)
			}
			source, d, ok := s.of(object.Key)
			switch {
			case ok:
				found.add(d, source, object)
			case all.Unread != nil && (ignore == nil || !ignore(object.Key)):
				if o, looks := s.unread(object); looks {
					all.Unread.Note(o)
				}
			}
		}
	}
	found.sort()
	all.Days = found
	for i, source := range s {
		for _, listing := range found {
			all.Matches[i].add(source, listing.Dumps)
		}
	}
	return all, nil
}

// add counts those dumps that are of the source.
func (m *Match) add(source *Source, dumps []Dump) {
	for _, d := range dumps {
		if d.Of == source {
			if m.Dumps++; m.Dumps == 1 || d.Key < m.First.Key {
				m.First = d
			}
		}
	}
}

// unread says why an object has no day; looks is false if it does not look like a
// dump. A name that alone makes no dump needs a date in the key.
func (s Sources) unread(object store.Object) (o Object, looks bool) {
	name := lastPart(object.Key)
	if name == "" || isControl(name) {
		return o, false
	}
	is := never
	for _, source := range s {
		is = max(is, source.Names.of(name))
	}
	o.Key = object.Key
	if text := unreadable(object); text != "" {
		o.Key = text
	}
	if at, fits := s.impossible(object.Key); fits {
		o.Why = at.String() + " does not exist"
		return o, is > never
	}
	template, dated := Guess(object.Key)
	if dated {
		o.Why, o.Template = "its key has another shape than source.key", string(template)
	} else {
		o.Why = "its key has no date that a source.key could take"
	}
	return o, is == certain || is == possible && dated
}

// impossible finds the date of a key that has the shape of a template, and a date
// that does not exist.
func (s Sources) impossible(key string) (at moment, fits bool) {
	for _, source := range s {
		if at, fits := source.Template.match(key); fits {
			return at, true
		}
	}
	return at, false
}

// Dates in keys: with a separator, which may begin the next segment and name what
// follows (/month=), or eight digits in a row.
var (
	separated = regexp.MustCompile(`(?:^|[^0-9])((?:19|20|21)[0-9]{2})([-_.]|/(?:[A-Za-z_]+[=-])?)([0-9]{1,2})([-_.]|/(?:[A-Za-z_]+[=-])?)([0-9]{1,2})(?:[^0-9]|$)`)
	compact   = regexp.MustCompile(`(?:^|[^0-9])((?:19|20|21)[0-9]{2})()([0-9]{2})()([0-9]{2})(?:[^0-9]|$)`)
)

// Guess makes a template of the first date in a key; ok is false if it finds none.
func Guess(key string) (t Template, ok bool) {
	first := -1
	for _, form := range []*regexp.Regexp{separated, compact} {
		at := form.FindStringSubmatchIndex(key)
		if at == nil || first >= 0 && at[2] >= first {
			continue
		}
		text := key[:at[2]] + "{yyyy}" + key[at[4]:at[5]] + "{mm}" + key[at[8]:at[9]] + "{dd}"
		if rest := key[at[11]:]; strings.HasPrefix(rest, "/") {
			text += "/"
		} else if form == separated && at[11]-at[10] == 1 && rest != "" {
			text += rest[:1]
		}
		guess, err := ParseTemplate(text)
		if err != nil {
			continue
		}
		if _, fits := guess.Day(key); fits {
			t, ok, first = guess, true, at[2]
		}
	}
	return t, ok
}
