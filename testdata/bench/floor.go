package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"daybook/sources/dump"
)

// The stages of the floor, each with those before it: what any program in Go
// has to do with dumps of this form, and nothing else.
func floorStages() []string { return []string{"read", "lines", "tokens"} }

// floor says how far `daybook fold` is from doing nothing but reading.
func (b *bench) floor(ctx context.Context) error {
	month, err := b.data.month(ctx)
	if err != nil {
		return err
	}
	for _, codec := range codecs() {
		dumps := filepath.Join(month, string(repeated), codec.name)
		contenders := []contender{{name: "fold", command: b.fold(dumps, b.scratch("rows.parquet"), workers)}}
		for _, stage := range floorStages() {
			c, err := self("floor", stage, dumps)
			if err != nil {
				return err
			}
			contenders = append(contenders, contender{name: stage, command: c})
		}
		took, err := interleave(ctx, b.rounds, contenders...)
		if err != nil {
			return err
		}
		b.took(took["read"], "%s: read and decompress", codec.name)
		b.took(took["lines"], "%s: and find line ends", codec.name)
		b.took(took["tokens"], "%s: and scan tokens", codec.name)
		b.took(took["fold"], "%s: fold", codec.name)
		b.add("% of the speed to line ends", 100*ratio(took["lines"], took["fold"], usage.seconds), "%s: fold", codec.name)
		b.add("% of the speed to tokens", 100*ratio(took["tokens"], took["fold"], usage.seconds), "%s: fold", codec.name)
		if codec.name == "none" {
			b.atLeast(40)
		}
	}
	return nil
}

// runFloor is the process that does the stages up to args[0] on the dumps in
// the directory args[1], and prints what it counted.
func runFloor(args []string, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("%q: expected a stage and a directory of dumps", args)
	}
	stages := map[string]func(io.Reader) (int, error){"read": countBytes, "lines": countLines, "tokens": countTokens}
	stage, known := stages[args[0]]
	if !known {
		return fmt.Errorf("%q: the stages are %s", args[0], strings.Join(floorStages(), ", "))
	}
	files, _, err := dump.Find(args[1:])
	if err != nil {
		return err
	}
	var total atomic.Int64
	var group errgroup.Group
	group.SetLimit(workers)
	for _, file := range files {
		group.Go(func() error {
			n, err := throughFile(file, stage)
			total.Add(int64(n))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, total.Load())
	return err
}

func throughFile(name string, stage func(io.Reader) (int, error)) (n int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	switch filepath.Ext(name) {
	case ".gz":
		r, err := gzip.NewReader(f)
		if err != nil {
			return 0, err
		}
		return stage(r)
	case ".zst":
		r, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return 0, err
		}
		defer r.Close()
		return stage(r)
	}
	return stage(f)
}

// readSize is enough text for few calls, and stays in the processor's cache.
const readSize = 256 << 10

func countBytes(r io.Reader) (int, error) {
	buf, total := make([]byte, readSize), 0
	for {
		n, err := r.Read(buf)
		total += n
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func countLines(r io.Reader) (int, error) {
	return sumLines(r, func([]byte) int { return 1 })
}

func countTokens(r io.Reader) (int, error) { return sumLines(r, tokens) }

// sumLines adds up what count gives for each line.
func sumLines(r io.Reader, count func(line []byte) int) (int, error) {
	lines, total := bufio.NewReaderSize(r, readSize), 0
	var long []byte // the beginning of a line that is longer than the buffer
	for {
		line, err := lines.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			long = append(long, line...)
			continue
		}
		if len(long) > 0 {
			line, long = append(long, line...), nil
		}
		if len(line) > 0 {
			total += count(line)
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// tokens counts the strings, scalars and punctuation marks of a line of JSON.
// It checks nothing.
func tokens(line []byte) int {
	n := 0
	for i := 0; i < len(line); {
		switch line[i] {
		case ' ', '\t', '\r', '\n':
			i++
		case '{', '}', '[', ']', ':', ',':
			n, i = n+1, i+1
		case '"':
			n, i = n+1, stringEnd(line, i+1)
		default:
			n, i = n+1, scalarEnd(line, i+1)
		}
	}
	return n
}

// stringEnd gives where a string ends whose opening quote is before i.
func stringEnd(line []byte, i int) int {
	for {
		quote := bytes.IndexByte(line[i:], '"')
		if quote < 0 {
			return len(line)
		}
		backslashes := 0
		for end := i + quote; end-backslashes > i && line[end-backslashes-1] == '\\'; {
			backslashes++
		}
		i += quote + 1
		if backslashes%2 == 0 {
			return i
		}
	}
}

func scalarEnd(line []byte, i int) int {
	for i < len(line) {
		switch line[i] {
		case ' ', '\t', '\r', '\n', '}', ']', ',':
			return i
		}
		i++
	}
	return i
}
