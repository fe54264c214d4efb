package dump

import (
	"fmt"
	"path"
	"strings"

	"daybook/config"
)

// Names says by the last part of a key which objects may be dumps. The zero Names
// takes what producers write:
//
//   - .ndjson, .jsonl and .json are dumps.
//   - .log, and names without an extension, are dumps if their content is JSON.
//
// Each may have .gz, .gzip, .zst or .zstd after it. Case does not matter.
type Names struct{ patterns []string }

// ParseNames reads source.names: a glob, or [config.AutoNames].
func ParseNames(glob string) (Names, error) {
	if glob == config.AutoNames {
		return Names{}, nil
	}
	patterns, err := config.Patterns(glob)
	return Names{patterns}, err
}

// Any makes a name of a dump from a stem.
func (n Names) Any(stem string) (string, error) {
	for _, ext := range []string{".ndjson", ".json", ".jsonl", ".log", ".txt", ""} {
		if n.of(stem+ext) == certain {
			return stem + ext, nil
		}
	}
	return "", fmt.Errorf("source.names takes no plain name such as %s.ndjson; add %.6s* to it", stem, stem)
}

// Compressed makes a name of a zstd dump from a stem. Where the names take none that says
// so, it is a plain one: the first bytes of a dump decide its codec.
func (n Names) Compressed(stem string) (string, error) {
	for _, ext := range []string{".ndjson.zst", ".json.zst", ".jsonl.zst"} {
		if n.of(stem+ext) == certain {
			return stem + ext, nil
		}
	}
	return n.Any(stem)
}

// likelihood is what a name says about an object.
type likelihood uint8

const (
	never    likelihood = iota // it is read for no day
	possible                   // it is a dump if its content is JSON
	certain                    // it is a dump
)

// TakenNames describes the names that the zero Names takes, for messages.
const TakenNames = "a dump's name ends in .ndjson, .jsonl, .json or .log, or has no extension; .gz, .gzip, .zst or .zstd may follow"

// IsName reports whether the zero Names takes a name.
func IsName(name string) bool { return Names{}.of(lastPart(name)) != never }

// of tells what a name says.
func (n Names) of(name string) likelihood {
	name = strings.ToLower(name)
	for _, pattern := range n.patterns {
		if ok, _ := path.Match(pattern, name); ok {
			return certain
		}
	}
	if n.patterns != nil || name == "" {
		return never
	}
	stem, compression := extension(name)
	switch compression {
	case "gz", "gzip", "zst", "zstd":
		name = stem
	}
	switch _, ext := extension(name); ext {
	case "ndjson", "jsonl", "json":
		return certain
	case "log", "":
		return possible
	}
	return never
}

// extension splits the extension off a name: a letter and at most seven more
// letters and digits, after the last dot. Generated names have dots, too, that
// other texts follow.
func extension(name string) (stem, ext string) {
	dot := strings.LastIndexByte(name, '.')
	ext = name[dot+1:]
	if dot < 0 || len(ext) == 0 || len(ext) > 8 || ext[0] < 'a' || ext[0] > 'z' {
		return name, ""
	}
	for _, c := range []byte(ext) {
		if !isDigit(c) && (c < 'a' || c > 'z') {
			return name, ""
		}
	}
	return name[:dot], ext
}

// isControl reports whether name, the last segment of a key or path, is that of
// a control file, which daybook ignores.
func isControl(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
}

// codecOf is the codec that a name tells.
func codecOf(name string) Codec {
	switch _, ext := extension(strings.ToLower(name)); ext {
	case "gz", "gzip":
		return Gzip
	case "zst", "zstd":
		return Zstd
	}
	return Plain
}
