// Package dump finds dumps and reads their events (EVENTS.md, "Dumps").
//
// A dump is an object of JSON: plain, gzip or zstd, with one event a line, as
// documents back to back, or in arrays ([Form]). Its key contains the day on which
// the producer wrote it, as a [Template] describes. A [Source] says which objects
// are dumps and how they are read. [ListDay] lists the current dumps of a day with
// their ETags; [Open] reads exactly that version. [Find] and [OpenFile] do the same
// for local files, which have neither days nor ETags.
//
// A [Reader] delivers lines, or documents, without parsing them: event.Decode
// decides which are events. It ends in io.EOF only when the whole dump was read.
// Any other error is an [*Error], which names the dump and the position.
package dump

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/export"
)

// Codec is the compression of a dump.
type Codec uint8

// The codecs, with their usual file extensions.
const (
	Plain Codec = iota // no extension
	Gzip               // .gz; any number of members
	Zstd               // .zst; any number of frames
)

// String is the name of the codec.
func (c Codec) String() string { return [...]string{"plain text", "gzip", "zstd"}[c] }

// Extension is the part of a dump's name after ".ndjson".
func (c Codec) Extension() string { return [...]string{"", ".gz", ".zst"}[c] }

// Source says which objects are dumps, and how they are read. It never changes,
// and any number of goroutines may share it. The zero Source takes no keys; the
// other fields are then the defaults of the configuration.
type Source struct {
	Template  Template
	Names     Names
	Form      Form
	MaxWindow int64          // bytes that a zstd frame may require; 0: DefaultWindow
	Map       *event.Map     // makes session events of the dumps' documents; nil: they are session events
	Export    *export.Format // of dumps that hold rows of the report; nil: they hold events
	Reading   string         // identifies Form, Map and Export; empty: by default
}

// Sources are all that a store has. A key belongs to the first one that takes it.
type Sources []*Source

// Dump is one version of a dump in a store.
type Dump struct {
	Key  string
	ETag string
	Size int64   // bytes, as stored
	Of   *Source `json:"-"` // nil: the zero Source

	// Possible says that its name alone does not make it a dump. Opening it fails
	// with ErrForeign if its content is not JSON.
	Possible bool
}

// Named is the codec that the name of the dump tells. Its first bytes decide.
func (d *Dump) Named() Codec { return codecOf(lastPart(d.Key)) }

// Listing holds the objects under a day's prefix, except control files.
type Listing struct {
	Dumps   []Dump   // by key
	Unknown []string // other keys, which are not read, by key: with another name, a name that is not UTF-8 (escaped), or not a file
}

// Lister is the part of store.Store that ListDay needs.
type Lister interface {
	List(ctx context.Context, prefix string) iter.Seq2[store.Object, error]
}

// of finds the source and the dump day of a key. With a date that does not exist,
// or without a source, ok is false.
func (s Sources) of(key string) (source *Source, d day.Day, ok bool) {
	for _, source := range s {
		if d, ok := source.Template.Day(key); ok {
			return source, d, true
		}
	}
	return nil, 0, false
}

// Of finds the source that takes a key. Without one it returns nil.
func (s Sources) Of(key string) *Source {
	source, _, _ := s.of(key)
	return source
}

// ListDay lists the dumps of d at any depth under its prefix. A day without
// dumps gives an empty listing.
func ListDay(ctx context.Context, l Lister, s Sources, d day.Day) (Listing, error) {
	days, err := listPrefixes(ctx, l, s, d, d, 1)
	if err != nil {
		return Listing{}, fmt.Errorf("list the dumps of %s: %w", d, err)
	}
	return days[d], nil
}

// ListDays lists the dumps of the days from from to to with at most atOnce
// listings at a time. Days without objects may be missing from the result.
//
// If a key template gives the month before the day, and more than one day of
// a month is asked for, one listing covers the whole month: a request returns a
// thousand keys, so this takes fewer requests unless a day has thousands of
// dumps. At worst it lists thirty times the keys needed.
func ListDays(ctx context.Context, l Lister, s Sources, from, to day.Day, atOnce int) (map[day.Day]Listing, error) {
	days, err := listPrefixes(ctx, l, s, from, to, atOnce)
	if err != nil {
		return nil, fmt.Errorf("list the dumps of %s to %s: %w", from, to, err)
	}
	return days, nil
}

func listPrefixes(ctx context.Context, l Lister, s Sources, from, to day.Day, atOnce int) (map[day.Day]Listing, error) {
	var prefixes []string
	for _, source := range s {
		prefixes = append(prefixes, source.Template.prefixesOf(from, to)...)
	}
	prefixes = distinct(prefixes)
	parts := make([]days, len(prefixes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, prefix := range prefixes {
		parts[i] = days{}
		group.Go(func() error {
			for object, err := range l.List(ctx, prefix) {
				if err != nil {
					return err
				}
				if source, d, ok := s.of(object.Key); ok && from <= d && d <= to {
					parts[i].add(d, source, object)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := days{}
	for _, part := range parts {
		for d, listing := range part {
			whole := all[d]
			whole.Dumps, whole.Unknown = append(whole.Dumps, listing.Dumps...), append(whole.Unknown, listing.Unknown...)
			all[d] = whole
		}
	}
	all.sort()
	return all, nil
}

// days are listings by dump day.
type days map[day.Day]Listing

func (a days) add(d day.Day, source *Source, object store.Object) {
	listing := a[d]
	listing.add(source, object)
	a[d] = listing
}

// sort orders what several prefixes gave.
func (a days) sort() {
	for d := range a {
		slices.SortFunc(a[d].Dumps, func(x, y Dump) int { return strings.Compare(x.Key, y.Key) })
		slices.Sort(a[d].Unknown)
	}
}

func (l *Listing) add(source *Source, object store.Object) {
	name := lastPart(object.Key)
	// Web consoles create an empty object to show a directory.
	directory := name == "" && object.Size == 0
	if directory || isControl(name) {
		return
	}
	if text := unreadable(object); text != "" {
		l.Unknown = append(l.Unknown, text)
		return
	}
	if is := source.Names.of(name); is == never && source.Names.patterns != nil {
		l.Unknown = append(l.Unknown, object.Key+LeftOut)
	} else if is == never {
		l.Unknown = append(l.Unknown, object.Key)
	} else {
		l.Dumps = append(l.Dumps, Dump{Key: object.Key, ETag: object.ETag, Size: object.Size, Of: source, Possible: is == possible})
	}
}

// InArchive is an object of an archive, whose key may have any shape, as a dump of the
// source. ok is false for control files, and for objects that the default names do not
// take or that cannot be read.
func (s *Source) InArchive(object store.Object) (d Dump, ok bool) {
	name := lastPart(object.Key)
	is := Names{}.of(name)
	if isControl(name) || is == never || unreadable(object) != "" {
		return d, false
	}
	return Dump{Key: object.Key, ETag: object.ETag, Size: object.Size, Of: s, Possible: is == possible}, true
}

// LeftOut follows the key of an object that the setting leaves out, in Unknown.
const LeftOut = " (source.names leaves it out)"

// The other notes that follow a key in Unknown.
const (
	notRegular = "not a regular file)"
	notUTF8    = " (the name is not UTF-8)"
)

// WhyUnknown says in words why a file or an object that is listed as unknown is not read.
func WhyUnknown(listed string) string {
	switch {
	case strings.HasSuffix(listed, LeftOut):
		return "change source.names to take it"
	case strings.HasSuffix(listed, notRegular):
		return "a dump is a regular file"
	case strings.HasSuffix(listed, notUTF8):
		return "rename it"
	}
	return TakenNames
}

// lastPart is the part of a key after the last slash.
func lastPart(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// unreadable names an object that cannot be read under its key; empty: it can.
func unreadable(object store.Object) string {
	switch {
	case object.Special != "":
		return object.Key + " (" + object.Special + ", " + notRegular
	case !utf8.ValidString(object.Key): // JSON could not name it as an input
		return escaped(object.Key)
	}
	return ""
}

// escaped shows a name that is not UTF-8.
func escaped(name string) string {
	quoted := strconv.Quote(name)
	return quoted[1:len(quoted)-1] + notUTF8
}
