// Package dump finds dumps and reads their lines (EVENTS.md, "Dumps").
//
// A dump is an object of newline-delimited JSON: plain, gzip or zstd. Its key
// contains the day on which the producer wrote it, as a [Template] describes.
// [ListDay] lists the current dumps of a day with their ETags; [Open] reads
// exactly that version. [Find] and [OpenFile] do the same for local files,
// which have neither days nor ETags.
//
// A [Reader] delivers lines without parsing them: event.Decode decides which
// are events. It ends in io.EOF only when the whole dump was read. Any other
// error is an [*Error], which names the dump and the position.
package dump

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"daybook/config"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Codec is the compression of a dump.
type Codec uint8

// The codecs, with their file extensions.
const (
	Plain Codec = iota // no extension
	Gzip               // .gz; any number of members
	Zstd               // .zst; any number of frames
)

// String is the name of the codec.
func (c Codec) String() string { return [...]string{"plain text", "gzip", "zstd"}[c] }

// Extension is the part of a dump's name after ".ndjson".
func (c Codec) Extension() string { return [...]string{"", ".gz", ".zst"}[c] }

// Names describes the names of dumps, for messages about other names.
const Names = "a dump's name ends in .ndjson, .jsonl or .json, plain or with .gz or .zst"

// IsName reports whether name is the name of a dump.
func IsName(name string) bool {
	_, is := codecOf(name)
	return is
}

// codecOf derives the codec from a name, and reports whether it is the name of
// a dump.
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

// isControl reports whether name, the last segment of a key or path, is that of
// a control file, which daybook ignores.
func isControl(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
}

// Template is the prefix of the keys of a day's dumps, with placeholders.
type Template string

// ParseTemplate checks a template such as "raw/{yyyy}/{mm}/{dd}/" or
// "dt={yyyy}-{mm}-{dd}/" by the rules of [config.CheckKey].
func ParseTemplate(s string) (Template, error) {
	if err := config.CheckKey(s); err != nil {
		return "", fmt.Errorf("key template %w", err)
	}
	return Template(s), nil
}

// Prefix is the prefix of the keys of d's dumps.
func (t Template) Prefix(d day.Day) string {
	year, month, dom := d.UTC().Date()
	return strings.NewReplacer(
		"{yyyy}", fmt.Sprintf("%04d", year),
		"{mm}", fmt.Sprintf("%02d", month),
		"{dd}", fmt.Sprintf("%02d", dom),
	).Replace(string(t))
}

// Root is the prefix that the dumps of all days share.
func (t Template) Root() string { return string(t[:strings.IndexByte(string(t), '{')]) }

// Day is the dump day of a key under Root; ok is false for keys of no day.
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

// placeholders maps each placeholder to the place of its value in a date. A
// placeholder is two characters longer than its value.
var placeholders = map[string]int{"{yyyy}": 0, "{mm}": 5, "{dd}": 8}

// Dump is one version of a dump in a store.
type Dump struct {
	Key   string
	ETag  string
	Size  int64 // bytes, as stored
	Codec Codec
}

// Listing holds the objects under a day's prefix, except control files.
type Listing struct {
	Dumps   []Dump   // by key
	Unknown []string // other keys, which are not read, by key: with another name, a name that is not UTF-8 (escaped), or not a file
}

// Lister is the part of store.Store that ListDay needs.
type Lister interface {
	List(ctx context.Context, prefix string) iter.Seq2[store.Object, error]
}

// ListDay lists the dumps of d at any depth under its prefix. A day without
// dumps gives an empty listing.
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

// ListAll lists the dumps of all days. It ignores keys of no day: the store may
// hold other objects, too.
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
	// Web consoles create an empty object to show a directory.
	directory := name == "" && object.Size == 0
	if directory || isControl(name) {
		return
	}
	switch {
	case object.Special != "":
		l.Unknown = append(l.Unknown, object.Key+" ("+object.Special+")")
		return
	case !utf8.ValidString(object.Key): // JSON could not name it as an input
		l.Unknown = append(l.Unknown, escaped(object.Key))
		return
	}
	if codec, isDump := codecOf(name); isDump {
		l.Dumps = append(l.Dumps, Dump{Key: object.Key, ETag: object.ETag, Size: object.Size, Codec: codec})
	} else {
		l.Unknown = append(l.Unknown, object.Key)
	}
}

// escaped shows a name that is not UTF-8.
func escaped(name string) string {
	quoted := strconv.Quote(name)
	return quoted[1:len(quoted)-1] + " (the name is not UTF-8)"
}
