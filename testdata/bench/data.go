package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/transform/event"
)

// The month that is folded, as 31 days of some 24 objects: with 6,700 sessions
// on a working day they hold 5.6 million events, at size 1.
const (
	monthFrom     = "2026-10-01"
	monthDays     = 31
	monthSessions = 6_700
)

// content is which of the generated lines a set of dumps holds. Rejected and
// blank lines are in neither, for DuckDB would have to be told what is wrong
// with them, and neither are those with half a surrogate pair, which DuckDB
// takes for no JSON: both programs get the same lines, all of which are events.
type content string

const (
	repeated content = "repeated" // events as they were delivered, one in a hundred more than once
	unique   content = "unique"   // each event once
)

func contents() []content { return []content{repeated, unique} }

// The codecs in which each set is stored, by the names that `daybook generate`
// knows them by, with the ends of their files' names.
type codec struct{ name, extension string }

func codecs() []codec { return []codec{{"none", ""}, {"gzip", ".gz"}, {"zstd", ".zst"}} }

// data makes what is measured, and keeps it for the next time.
type data struct {
	dir    string
	binary string // of daybook
	size   float64
	log    io.Writer
}

// scaled gives n at the size that is measured, and at least 1.
func (d *data) scaled(n int) int { return max(1, int(float64(n)*d.size)) }

// once makes a directory by way of a temporary one, unless it was made before.
// Its name says what is in it, so that another size is another directory.
func (d *data) once(name string, fill func(dir string) error) (string, error) {
	dir := filepath.Join(d.dir, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	fmt.Fprintf(d.log, "generating %s\n", dir)
	unfinished := dir + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return "", err
	}
	if err := os.MkdirAll(unfinished, 0o777); err != nil {
		return "", err
	}
	if err := fill(unfinished); err != nil {
		return "", fmt.Errorf("make %s: %w", dir, err)
	}
	return dir, os.Rename(unfinished, dir)
}

// statsName is where it is kept what was generated: no name of a dump.
const statsName = "_generated.json"

// generated gives a directory of dumps as daybook generates them.
func (d *data) generated(ctx context.Context, from string, days, sessionsPerDay int, codec string) (dir string, stats generate.Stats, err error) {
	name := fmt.Sprintf("generated-%s-%d-days-%d-sessions-%s", from, days, sessionsPerDay, codec)
	dir, err = d.once(name, func(dir string) error {
		return d.generate(ctx, dir, from, days, sessionsPerDay, codec)
	})
	if err != nil {
		return "", generate.Stats{}, err
	}
	text, err := os.ReadFile(filepath.Join(dir, statsName))
	if err == nil {
		err = json.Unmarshal(text, &stats)
	}
	return dir, stats, err
}

func (d *data) generate(ctx context.Context, dir, from string, days, sessionsPerDay int, codec string) error {
	u, err := measure(ctx, d.binary, "generate", "--quiet", "--json", "--out", dir, "--from", from, "--days", strconv.Itoa(days),
		"--sessions-per-day", strconv.Itoa(sessionsPerDay), "--codec", codec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, statsName), []byte(u.stdout), 0o666)
}

// month gives the directory with the month's dumps, of each content and codec:
// dir/<content>/<codec>/2026/10/01/part-07.ndjson.gz.
func (d *data) month(ctx context.Context) (string, error) {
	sessions := d.scaled(monthSessions)
	return d.once(fmt.Sprintf("month-%d-sessions", sessions), func(dir string) error {
		all := filepath.Join(dir, "all")
		if err := d.generate(ctx, all, monthFrom, monthDays, sessions, "none"); err != nil {
			return err
		}
		// In a process of its own, for what is measured later is said to have
		// needed no less memory than this one.
		if _, err := measureSelf(ctx, "derive", all, dir); err != nil {
			return err
		}
		return os.RemoveAll(all)
	})
}

// runDerive is the process that makes a month's sets, args[1], of all the
// lines that were generated, args[0].
func runDerive(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%q: expected the generated dumps, and where to", args)
	}
	files, _, err := dump.Find(args[:1])
	if err != nil {
		return err
	}
	decoder, seen, seed := event.NewDecoder(), make(map[uint64]struct{}), maphash.MakeSeed()
	for _, file := range files {
		texts := make(map[content][]byte)
		err := eachLine(ctx, file, func(line []byte) error {
			var e event.Event
			if event.Blank(line) || decoder.Decode(line, &e).Reason != 0 || halfSurrogate(line) {
				return nil
			}
			texts[repeated] = append(append(texts[repeated], line...), '\n')
			id := maphash.Bytes(seed, append(binary.LittleEndian.AppendUint64(nil, uint64(e.SessionID)), e.ID...))
			if _, again := seen[id]; !again {
				seen[id] = struct{}{}
				texts[unique] = append(append(texts[unique], line...), '\n')
			}
			return nil
		})
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(args[0], file)
		if err != nil {
			return err
		}
		group, _ := errgroup.WithContext(ctx)
		group.SetLimit(workers)
		for _, content := range contents() {
			for _, codec := range codecs() {
				group.Go(func() error {
					name := filepath.Join(args[1], string(content), codec.name, rel) + codec.extension
					return writeCompressed(name, texts[content], codec.name)
				})
			}
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func eachLine(ctx context.Context, file string, use func(line []byte) error) error {
	r, err := dump.OpenFile(ctx, file, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		line, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = use(line.Bytes)
		}
		if err != nil {
			return err
		}
	}
}

// halfSurrogate says whether a line of JSON has an escape of one half of a
// surrogate pair without the other, which decoders replace by U+FFFD.
func halfSurrogate(line []byte) bool {
	if !bytes.Contains(bytes.ToLower(line), []byte(`\ud`)) {
		return false
	}
	var v any
	if json.Unmarshal(line, &v) != nil {
		return false
	}
	text, err := json.Marshal(v)
	return err == nil && bytes.Contains(text, []byte(string(utf8.RuneError)))
}

func writeCompressed(name string, text []byte, codec string) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var w io.WriteCloser
	switch codec {
	case "gzip":
		w = gzip.NewWriter(f)
	case "zstd":
		if w, err = zstd.NewWriter(f, zstd.WithEncoderConcurrency(1)); err != nil {
			return err
		}
	default:
		_, err = f.Write(text)
		return err
	}
	_, err = w.Write(text)
	return errors.Join(err, w.Close())
}
