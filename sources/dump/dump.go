// Package dump says what dumps there are, and reads the lines in them
// (EVENTS.md, "Dumps").
//
// A dump is an object of newline-delimited JSON, plain, gzip or zstd. Its key
// holds the day on which the producer wrote it; a Template says how. ListDay
// lists the dumps of a day as they are at that moment, each with the ETag by
// which Open will insist on reading that version and no other. Find and
// OpenFile do the same for local files, which have neither days nor versions.
//
// A Reader hands out lines without looking into them: which are blank, too
// long or no event is for others to say. It ends in io.EOF only if the dump
// was read to its very end; anything else is an *Error, which names the dump
// and says how far reading came.
package dump

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"daybook/config"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Codec is how a dump is compressed.
type Codec uint8

// The codecs, each with the ending of names that stands for it.
const (
	Plain Codec = iota // none
	Gzip               // .gz; any number of members
	Zstd               // .zst; any number of frames
)

// String gives the codec's name.
func (c Codec) String() string { return [...]string{"plain text", "gzip", "zstd"}[c] }

// Extension gives the ending that a dump of this codec has after ".ndjson".
func (c Codec) Extension() string { return [...]string{"", ".gz", ".zst"}[c] }

// Names says how the names of dumps end, to people who have others.
const Names = "a dump's name ends in .ndjson, .jsonl or .json, plain or with .gz or .zst"

// IsName says whether a name is that of a dump.
func IsName(name string) bool {
	_, is := codecOf(name)
	return is
}

// codecOf tells the codec of a dump by its name, and whether it has the name
// of a dump at all.
func codecOf(name string) (codec Codec, isDump bool) {
	for _, c := range []Codec{Gzip, Zstd} {
		if stem, found := strings.CutSuffix(name, c.Extension()); found {
			name, codec = stem, c
			break
		}
	}
	for _, ext := range []string{".ndjson", ".jsonl", ".json"} {
		if strings.HasSuffix(name, ext) {
			return codec, true
		}
	}
	return Plain, false
}

// isControl says whether a last key segment, or a file's name, is that of a
// control file, which is never read.
func isControl(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
}

// Template is the beginning of the keys of a day's dumps.
type Template string

// ParseTemplate checks a template such as "raw/{yyyy}/{mm}/{dd}/" or
// "dt={yyyy}-{mm}-{dd}/" by the rules of [config.CheckKey].
func ParseTemplate(s string) (Template, error) {
	if err := config.CheckKey(s); err != nil {
		return "", fmt.Errorf("key template %w", err)
	}
	return Template(s), nil
}

// Prefix gives what the keys of d's dumps begin with.
func (t Template) Prefix(d day.Day) string {
	year, month, dom := d.UTC().Date()
	return strings.NewReplacer(
		"{yyyy}", fmt.Sprintf("%04d", year),
		"{mm}", fmt.Sprintf("%02d", month),
		"{dd}", fmt.Sprintf("%02d", dom),
	).Replace(string(t))
}

// Root is what the keys of all dumps begin with, whatever their day.
func (t Template) Root() string { return string(t[:strings.IndexByte(string(t), '{')]) }

// Day tells of which day a key under Root is, if it is one of any.
func (t Template) Day(key string) (day.Day, bool) {
	rest, date := string(t), [len("2006-01-02")]byte{4: '-', 7: '-'}
	for rest != "" {
		var found bool
		for placeholder, at := range placeholders {
			if strings.HasPrefix(rest, placeholder) {
				n := len(placeholder) - 2
				if len(key) < n {
					return 0, false
				}
				copy(date[at:], key[:n])
				key, rest, found = key[n:], rest[len(placeholder):], true
				break
			}
		}
		if !found {
			if key == "" || key[0] != rest[0] {
				return 0, false
			}
			key, rest = key[1:], rest[1:]
		}
	}
	d, err := day.Parse(string(date[:]))
	return d, err == nil
}

// placeholders are those of templates, and where each part stands in a date.
// Each has two characters more than what it stands for.
var placeholders = map[string]int{"{yyyy}": 0, "{mm}": 5, "{dd}": 8}

// Dump is one version of one dump in a store.
type Dump struct {
	Key   string
	ETag  string
	Size  int64 // bytes, as stored
	Codec Codec
}

// Listing is what lies under a day's prefix.
type Listing struct {
	Dumps   []Dump   // by key
	Unknown []string // keys that are neither a dump's nor a control file's, by key
}

// Lister is the part of a store that ListDay needs.
type Lister interface {
	List(ctx context.Context, prefix string) iter.Seq2[store.Object, error]
}

// ListDay lists the dumps of d, at any depth under its prefix. A day without
// any is not an error.
func ListDay(ctx context.Context, l Lister, t Template, d day.Day) (Listing, error) {
	var listing Listing
	for object, err := range l.List(ctx, t.Prefix(d)) {
		if err != nil {
			return Listing{}, fmt.Errorf("list the dumps of %s: %w", d, err)
		}
		listing.add(object)
	}
	return listing, nil
}

// ListAll lists the dumps of every day there is. Keys that are of no day are
// not looked at: the store may hold other things beside dumps.
func ListAll(ctx context.Context, l Lister, t Template) (map[day.Day]Listing, error) {
	all := map[day.Day]Listing{}
	for object, err := range l.List(ctx, t.Root()) {
		if err != nil {
			return nil, fmt.Errorf("list the dumps: %w", err)
		}
		if d, ok := t.Day(object.Key); ok {
			listing := all[d]
			listing.add(object)
			all[d] = listing
		}
	}
	return all, nil
}

func (l *Listing) add(object store.Object) {
	name := object.Key[strings.LastIndexByte(object.Key, '/')+1:]
	// Consoles mark an empty "directory" by an empty object.
	directory := name == "" && object.Size == 0
	if directory || isControl(name) {
		return
	}
	if codec, isDump := codecOf(name); isDump {
		l.Dumps = append(l.Dumps, Dump{Key: object.Key, ETag: object.ETag, Size: object.Size, Codec: codec})
	} else {
		l.Unknown = append(l.Unknown, object.Key)
	}
}
