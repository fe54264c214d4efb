package maintain

import (
	"bytes"
	"cmp"
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
	Lines    int64           `json:"lines"`    // in the dumps
	Dumps    []ReplayedDump  `json:"dumps"`    // one for each source of lines, in the order of the sources
	Rejected []StillRejected `json:"rejected"` // lines that are no events yet
}

// ReplayedDump is a dump of replayed lines.
type ReplayedDump struct {
	URL     string `json:"url"`
	Existed bool   `json:"existed"` // the same lines had been replayed before
}

// StillRejected is a line that is still no event.
type StillRejected struct {
	Line   int64  `json:"line"` // of the input, from 1
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// ReplayLine is a line to replay.
type ReplayLine struct {
	dump.Line
	Object string // the key of the dump that it comes from; empty: a file
}

// Replay writes those of the lines that are events into the source, as dumps of day
// d. If there are other lines, it writes nothing and lists them, unless partial is
// set. Blank lines are left out.
//
// A line belongs to the source of its dump: the map of that source makes an event of
// it, and it is written where and in the form that this source reads. The lines of a
// file, and those of a dump that no source takes any more, belong to the first source.
//
// The name of a dump is made from its content: replaying the same lines again
// changes nothing.
func Replay(ctx context.Context, s *settings.Pipeline, d day.Day, lines iter.Seq2[ReplayLine, error], partial bool) (*ReplayResult, error) {
	r := &replay{reach: extract.NewReach(d, s.Lookback), sources: map[*dump.Source]*replaySource{}}
	defer r.close()
	result := &ReplayResult{Dumps: []ReplayedDump{}, Rejected: []StillRejected{}}
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
		source, err := r.of(cmp.Or(s.Dumps.Of(line.Object), s.Dumps[0]))
		if err != nil {
			return nil, err
		}
		ok, reject := source.decode(line.Bytes)
		if ok {
			reject = r.reach.Filter(&source.event)
		}
		if reject.Reason != 0 {
			result.Rejected = append(result.Rejected, StillRejected{line.Number, reject.Reason.String(), reject.Detail})
			continue
		}
		if !ok {
			continue
		}
		if err := source.write(line.Bytes); err != nil {
			return nil, err
		}
	}
	if len(result.Rejected) > 0 && !partial {
		return result, nil
	}
	for _, of := range s.Dumps {
		source := r.sources[of]
		if source == nil || source.lines == 0 {
			continue
		}
		written, err := source.put(ctx, s, d)
		if err != nil {
			return nil, err
		}
		result.Lines += source.lines
		result.Dumps = append(result.Dumps, written)
	}
	return result, nil
}

// errExportReplayed refuses rows of exports.
var errExportReplayed = errors.New("the line is of an export of the report, and has no meaning without its headings; export the day again under the key of its dump, and run")

// replay holds the sources of the lines so far.
type replay struct {
	reach   *extract.Reach
	sources map[*dump.Source]*replaySource
}

// of is the state of a source, made at its first line.
func (r *replay) of(source *dump.Source) (*replaySource, error) {
	if known := r.sources[source]; known != nil {
		return known, nil
	}
	if source.Export != nil {
		return nil, errExportReplayed
	}
	accepted, err := spillfile.New()
	if err != nil {
		return nil, err
	}
	made := &replaySource{of: source, decoder: event.NewDecoder(), accepted: accepted}
	if source.Map != nil {
		made.mapper = source.Map.NewMapper()
	}
	r.sources[source] = made
	return made, nil
}

func (r *replay) close() {
	for _, source := range r.sources {
		source.accepted.Close()
	}
}

// replaySource decodes the lines of one source, and collects those that are events.
type replaySource struct {
	of       *dump.Source
	decoder  *event.Decoder
	mapper   *event.Mapper // nil: the source has no map
	event    event.Event   // of the last line
	accepted *spillfile.File
	lines    int64 // in accepted
}

// decode decodes a line. ok is false, and the reject is zero, if the map leaves the
// line out.
func (r *replaySource) decode(line []byte) (ok bool, reject event.Reject) {
	if r.mapper != nil {
		ok, reject = r.decoder.DecodeMapped(r.mapper, line, &r.event)
		return ok && reject.Reason == 0, reject
	}
	reject = r.decoder.Decode(line, &r.event)
	return reject.Reason == 0, reject
}

// write adds a line, or a document on one line: between its values, a line end is
// white space like any other.
func (r *replaySource) write(line []byte) error {
	text := bytes.ReplaceAll(line, []byte{'\n'}, []byte{' '})
	if r.of.Form == dump.Array {
		text = append([]byte(","), text...)
		if r.lines == 0 {
			text[0] = '['
		}
	}
	r.lines++
	_, err := r.accepted.Write(append(slices.Clone(text), '\n'))
	return err
}

// put writes the dump. If it exists already, it stays as it is: written again, it
// would count as a changed dump.
func (r *replaySource) put(ctx context.Context, s *settings.Pipeline, d day.Day) (ReplayedDump, error) {
	content := r.accepted
	if r.of.Form == dump.Array {
		if _, err := io.WriteString(content, "]\n"); err != nil {
			return ReplayedDump{}, err
		}
	}
	name, err := r.of.Names.Any("replay-" + content.SHA256()[:16])
	if err != nil {
		return ReplayedDump{}, err
	}
	key := r.of.Template.Prefix(d) + name
	written := ReplayedDump{URL: s.Source.URL(key)}
	body, object, err := s.Source.Open(ctx, key, 0, store.ToEnd, "")
	if err == nil {
		body.Close()
		written.Existed = object.Size == content.Size()
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) || written.Existed {
		return written, err
	}
	_, err = s.Source.Put(ctx, key, content, content.Size(), store.Condition{})
	return written, err
}

// RejectedDump reads the rejected lines of a dump day like a dump, for [Replay]: a
// newer decoder, or a longer look-back, may accept them.
func RejectedDump(ctx context.Context, s *settings.Pipeline, d day.Day) iter.Seq2[ReplayLine, error] {
	return func(yield func(ReplayLine, error) bool) {
		inspector := &inspect.Inspector{Settings: s}
		rejects, err := inspector.RejectsOf(ctx, d)
		if err != nil {
			yield(ReplayLine{}, err)
			return
		}
		if rejects == nil {
			return
		}
		number := int64(0)
		for line, err := range inspector.RejectedLines(ctx, rejects) {
			if err != nil {
				yield(ReplayLine{}, err)
				return
			}
			number++
			if !yield(ReplayLine{dump.Line{Number: number, Bytes: line.Raw}, line.Object}, nil) {
				return
			}
		}
	}
}
