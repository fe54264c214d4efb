package maintain

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"slices"

	"daybook/pipeline/extract"
	"daybook/pipeline/inspect"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
)

// ReplayResult is what a replay came to.
type ReplayResult struct {
	Lines    int64           `json:"lines"`         // in the dump
	URL      string          `json:"url,omitempty"` // of the dump; empty: nothing was written
	Existed  bool            `json:"existed"`       // the same lines had been replayed before
	Rejected []StillRejected `json:"rejected"`      // lines that are no events yet
}

// StillRejected is a line that is still no event.
type StillRejected struct {
	Line   int64  `json:"line"` // of the input, from 1
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Replay writes those of the lines that are events into the source, as a dump of day
// d. If there are other lines, it writes nothing and lists them, unless partial is
// set. Blank lines are left out.
//
// The lines are those of the first source: its map makes events of them, and they
// are written in a form that it reads.
//
// The name of the dump is made from its content: replaying the same lines again
// changes nothing.
func Replay(ctx context.Context, s *settings.Pipeline, d day.Day, lines iter.Seq2[dump.Line, error], partial bool) (*ReplayResult, error) {
	if s.Dumps[0].Export != nil {
		return nil, errors.New("the first source holds exports of the report, whose lines have no meaning without their headings; export the days again under the keys of their dumps, and run")
	}
	accepted, err := spillfile.New()
	if err != nil {
		return nil, err
	}
	defer accepted.Close()
	result := &ReplayResult{Rejected: []StillRejected{}}
	decoder, reach, source := event.NewDecoder(), extract.NewReach(d, s.Lookback), s.Dumps[0]
	var mapper *event.Mapper
	if source.Map != nil {
		mapper = source.Map.NewMapper()
	}
	var e event.Event
	for line, err := range lines {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if event.Blank(line.Bytes) {
			continue
		}
		text, reject := line.Bytes, event.Reject{}
		if mapper != nil {
			var ok bool
			if text, ok, reject = mapper.Apply(text); !ok && reject.Reason == 0 {
				continue
			}
		}
		if reject.Reason == 0 {
			reject = decoder.Decode(text, &e)
		}
		if reject.Reason == 0 {
			reject = reach.Filter(&e)
		}
		if reject.Reason != 0 {
			result.Rejected = append(result.Rejected, StillRejected{line.Number, reject.Reason.String(), reject.Detail})
			continue
		}
		if err := writeReplayed(accepted, source.Form, result.Lines, line.Bytes); err != nil {
			return nil, err
		}
		result.Lines++
	}
	if source.Form == dump.Array && result.Lines > 0 {
		if _, err := io.WriteString(accepted, "]\n"); err != nil {
			return nil, err
		}
	}
	if result.Lines == 0 || len(result.Rejected) > 0 && !partial {
		result.Lines = 0
		return result, nil
	}
	result.URL, result.Existed, err = putReplay(ctx, s, d, accepted)
	return result, err
}

// writeReplayed writes a line, or a document on one line: between its values, a line
// end is white space like any other.
func writeReplayed(w io.Writer, form dump.Form, before int64, line []byte) error {
	text := bytes.ReplaceAll(line, []byte{'\n'}, []byte{' '})
	if form == dump.Array {
		text = append([]byte(","), text...)
		if before == 0 {
			text[0] = '['
		}
	}
	_, err := w.Write(append(slices.Clone(text), '\n'))
	return err
}

// putReplay writes the dump. If it exists already, it stays as it is: written again,
// it would count as a changed dump.
func putReplay(ctx context.Context, s *settings.Pipeline, d day.Day, content *spillfile.File) (url string, existed bool, err error) {
	name, err := s.Dumps[0].Names.Any("replay-" + content.SHA256()[:16])
	if err != nil {
		return "", false, err
	}
	key := s.Dumps[0].Template.Prefix(d) + name
	url = s.Source.URL(key)
	body, object, err := s.Source.Open(ctx, key, 0, store.ToEnd, "")
	if err == nil {
		body.Close()
		existed = object.Size == content.Size()
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) || existed {
		return url, existed, err
	}
	_, err = s.Source.Put(ctx, key, content, content.Size(), store.Condition{})
	return url, false, err
}

// RejectedDump reads the rejected lines of a dump day like a dump, for [Replay]: a
// newer decoder, or a longer look-back, may accept them.
func RejectedDump(ctx context.Context, s *settings.Pipeline, d day.Day) iter.Seq2[dump.Line, error] {
	return func(yield func(dump.Line, error) bool) {
		inspector := &inspect.Inspector{Settings: s}
		rejects, err := inspector.RejectsOf(ctx, d)
		if err != nil {
			yield(dump.Line{}, err)
			return
		}
		if rejects == nil {
			return
		}
		number := int64(0)
		for line, err := range inspector.RejectedLines(ctx, rejects) {
			if err != nil {
				yield(dump.Line{}, err)
				return
			}
			number++
			if !yield(dump.Line{Number: number, Bytes: line.Raw}, nil) {
				return
			}
		}
	}
}
