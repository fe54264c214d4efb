package partitions

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"daybook/pipeline/inspect"
	"daybook/pipeline/words"
	"daybook/transform/day"
	"daybook/transform/event"
)

// Limits of the page of rejected lines. It reads the beginning of the kept lines, until
// one of these is reached.
const (
	mostReadLines = 20_000
	mostReadBytes = 32 << 20
	mostSamples   = 50
	mostEach      = 4 // samples of a dump's lines of one reason, where no reason is chosen
	mostObjects   = 10
	mostRaw       = 400 // characters of a line
)

// Rejects are the rejected lines of a dump day.
type Rejects struct {
	Day     string        `json:"dump_day"`
	Refused bool          `json:"refused"` // there were too many: the reports lack the day's dumps as they are now
	URL     string        `json:"url,omitempty"`
	Reason  string        `json:"reason,omitempty"` // that samples are of; empty: of all
	Lines   int64         `json:"lines"`
	Reasons []reasonCount `json:"rejected"`
	Partial bool          `json:"partial"` // the counts are of the lines that were read
	Read    int64         `json:"lines_read"`
	More    bool          `json:"more_lines"` // there are lines that were not read
	Objects []objectCount `json:"objects"`    // with most of the lines that were read
	Samples []sample      `json:"samples"`    // those of the objects with most lines first
}

// objectCount is how many rejected lines a dump has.
type objectCount struct {
	Object string `json:"object"`
	Lines  int64  `json:"lines"`
}

// objectCounts are the dumps by their lines, most first.
func objectCounts(lines map[string]int64) []objectCount {
	all := make([]objectCount, 0, len(lines))
	for object, n := range lines {
		all = append(all, objectCount{object, n})
	}
	slices.SortFunc(all, func(a, b objectCount) int {
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), strings.Compare(a.Object, b.Object))
	})
	return all
}

// reasonCount is how many lines have a reason.
type reasonCount struct {
	Reason string `json:"reason"`
	Lines  int64  `json:"lines"`
	About  string `json:"about,omitempty"`
	Do     string `json:"do,omitempty"` // what the reader can do about it
}

func reasonCounts(rejected map[string]int64) []reasonCount {
	var all []reasonCount
	for _, reason := range slices.Sorted(maps.Keys(rejected)) {
		all = append(all, reasonCount{Reason: reason, Lines: rejected[reason]})
	}
	return all
}

// sample is a rejected line.
type sample struct {
	Object string `json:"object"`
	Line   int64  `json:"line"`
	Offset int64  `json:"offset"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Raw    string `json:"raw"` // cut, as text
}

// KnownReason says whether a word is a reason for rejecting a line.
func KnownReason(word string) bool {
	return slices.ContainsFunc(event.Reasons(), func(r event.Reason) bool { return r.String() == word })
}

// ReadRejects reads the beginning of a dump day's rejected lines, with samples of one
// reason, or of all reasons if it is empty.
func ReadRejects(ctx context.Context, in *inspect.Inspector, d day.Day, reason string, p words.Printer) (*Rejects, error) {
	b := &Rejects{Day: d.String(), Reason: reason, Reasons: []reasonCount{}, Samples: []sample{}}
	kept, err := in.FindRejects(ctx, d)
	if err != nil || kept == nil {
		return b, err
	}
	b.Refused, b.URL = kept.Refused, kept.URL
	type place struct{ reason, object string }
	read, objects, sampled, bytes := map[string]int64{}, map[string]int64{}, map[place]int{}, 0
	for line, err := range in.RejectedLines(ctx, kept) {
		if err != nil {
			return nil, err
		}
		if b.Read == mostReadLines || bytes >= mostReadBytes {
			b.More = true
			break
		}
		b.Read++
		bytes += len(line.Raw)
		name := line.Reason.String()
		read[name]++
		objects[line.Object]++
		at := place{name, line.Object}
		if len(b.Samples) < mostSamples && (name == reason || reason == "" && sampled[at] < mostEach) {
			sampled[at]++
			b.Samples = append(b.Samples, sample{line.Object, line.Number, line.Offset, name, line.Detail, printable(line.Raw)})
		}
	}
	all := objectCounts(objects)
	b.Objects = all[:min(len(all), mostObjects)]
	slices.SortStableFunc(b.Samples, func(x, y sample) int {
		return cmp.Or(cmp.Compare(objects[y.Object], objects[x.Object]), strings.Compare(x.Object, y.Object))
	})
	counts := kept.Rejected
	if counts == nil { // of a refused day
		counts, b.Partial = read, b.More
	}
	b.Reasons = reasonCounts(counts)
	for i := range b.Reasons {
		r := &b.Reasons[i]
		b.Lines += r.Lines
		r.About, r.Do = advice(r.Reason, p)
	}
	return b, nil
}

// advice says what a reason means, and what to do about it (EVENTS.md, "What becomes
// of each line").
func advice(reason string, p words.Printer) (about, do string) {
	switch reason {
	case event.BadJSON.String():
		return p.T("The line is no JSON object."), p.T("Ask the sender for the dump again: it may be cut off or damaged. Single lines can be repaired and replayed.")
	case event.TooLong.String():
		return p.T("The line is longer than an event may be."), p.T("Look for a missing line break in the dump, and have it delivered again.")
	case event.MissingField.String():
		return p.T("A field that an event needs is missing."), p.T("Tell the sender which field is missing. With foreign events, set it in source.map.")
	case event.BadValue.String():
		return p.T("A field has a value that it cannot have."), p.T("Compare the value with the contract of events. With foreign events, translate it in source.map.")
	case event.UnknownType.String():
		return p.T("The type of the event is unknown."), p.T("Check whether the sender has a new type. Such lines do no harm to the other events.")
	case event.TooLate.String():
		return p.T("The event is older than the look-back allows."), p.T("Raise source.lookback_days to take such events, or leave them out.")
	case event.TooEarly.String():
		return p.T("The event is later than its dump day and the look-back allow."), p.T("Check the clock of the sender and the date in the dump’s key.")
	}
	return "", ""
}

// printable is the beginning of a line as text.
func printable(raw []byte) string {
	text := strings.ToValidUTF8(string(raw[:min(len(raw), utf8.UTFMax*mostRaw)]), "�")
	if runes := []rune(text); len(runes) > mostRaw {
		return string(runes[:mostRaw]) + "…"
	}
	return text
}
