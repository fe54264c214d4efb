package generate

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"daybook/transform/day"
)

// line is the position of a line in a teller's text, with its dump day and kind.
type line struct {
	start, end int
	order      int64 // sort key: approximate arrival in microseconds since the Unix epoch
	day        day.Day
	kind       Kind
}

// teller writes the lines of one session after another.
type lineWriter struct {
	organisation *organisation
	source       *rand.PCG
	rand         *rand.Rand

	text  []byte // of all lines, unsorted
	lines []line

	// The current session.
	plan   plan
	format format
	now    int64 // microseconds since the Unix epoch
	seq    int64
	start  int // index in text of the current line

	date     day.Day // the last date written
	dateText []byte  // and its text
}

// format is the format of a session's producer.
type format struct {
	producer string
	digits   int    // of the fraction of a second
	zone     string // offset at the end of times
	offset   int64  // that offset in microseconds
	noSeq    bool   // no seq; times are distinct
	colon    string // between a member's name and its value
	comma    string // between members
	flip     bool   // the common members come last
	ascii    bool   // characters outside ASCII are escaped
	uuid     bool   // event ids are UUIDs
}

func newLineWriter(w *organisation) *lineWriter {
	t := &lineWriter{organisation: w, source: rand.NewPCG(0, 0)}
	t.rand = rand.New(t.source)
	return t
}

// reset discards all lines.
func (t *lineWriter) reset() {
	t.text = t.text[:0]
	t.lines = t.lines[:0]
}

// begin starts the session of p. Its lines do not depend on earlier sessions.
func (t *lineWriter) begin(p plan) {
	t.source.Seed(mix(t.organisation.seed), mix(uint64(p.id)))
	t.plan = p
	t.now = p.created * 1000
	t.seq = 0
	t.format = format{digits: 3, zone: "Z", colon: ":", comma: ",", producer: pick(t, producers)}
	switch n := t.rand.IntN(100); {
	case n < 4:
		t.format.digits = 6
		t.now += t.rand.Int64N(1000)
	case n < 7:
		t.format.digits = 9
		t.now += t.rand.Int64N(1000)
	case n < 9:
		t.format.digits = 0
	}
	switch n := t.rand.IntN(100); {
	case n < 5:
		t.format.zone, t.format.offset = "+01:00", 3600e6
	case n < 6:
		t.format.zone, t.format.offset = "-03:30", -12600e6
	case n < 7:
		t.format.zone = "+00:00"
	}
	t.format.noSeq = t.format.digits > 0 && t.chance(0.2)
	if t.chance(0.03) {
		t.format.colon, t.format.comma = ": ", ", "
	}
	t.format.flip = t.chance(0.03)
	t.format.ascii = t.chance(0.05)
	t.format.uuid = t.chance(0.05)
}

// chance is true with probability p.
func (t *lineWriter) chance(p float64) bool { return t.rand.Float64() < p }

func pick[T any](t *lineWriter, from []T) T { return from[t.rand.IntN(len(from))] }

// maxWait keeps a session within spanMillis.
const maxWait = 10 * time.Minute

// wait advances the time by an exponentially distributed duration with that mean.
func (t *lineWriter) wait(mean time.Duration) {
	ms := int64(t.rand.ExpFloat64() * float64(mean.Milliseconds()))
	t.now += min(ms, maxWait.Milliseconds()) * 1000
}

// beginEvent begins an event at the current time. The caller writes its members and
// calls endEvent.
func (t *lineWriter) beginEvent(kind string) {
	if t.format.noSeq {
		t.now += 1000
	}
	t.start = len(t.text)
	t.seq++
	t.text = append(t.text, '{')
	if t.format.flip {
		t.string("type", kind)
		return
	}
	t.common()
	t.string("type", kind)
}

// common writes the members that every event has, except the type.
func (t *lineWriter) common() {
	t.member("event_id")
	t.text = append(t.text, '"')
	id := t.rand.Uint64()
	for i := range 16 {
		if t.format.uuid && i >= 8 && i%4 == 0 {
			t.text = append(t.text, '-')
		}
		t.text = append(t.text, hexDigits[id>>(60-4*i)&15])
	}
	if t.format.uuid {
		t.text = append(t.text, "-a5c0-0123456789ab"...)
	}
	t.text = append(t.text, '"')
	t.member("ts")
	t.time()
	t.int("session_id", t.plan.id)
	if !t.format.noSeq {
		t.int("seq", t.seq)
	}
	t.int("v", 1) // dumps often have members that EVENTS.md does not define
	t.string("producer", t.format.producer)
}

// time writes the current time.
func (t *lineWriter) time() {
	const dayMicros = dayMillis * 1000
	at := t.now + t.format.offset
	if d := day.Day(at / dayMicros); d != t.date || t.dateText == nil {
		t.date = d
		t.dateText = append(append(t.dateText[:0], '"'), d.String()...)
	}
	b := append(t.text, t.dateText...)
	seconds := at % dayMicros / 1e6
	b = appendDigits(append(b, 'T'), seconds/3600, 2)
	b = appendDigits(append(b, ':'), seconds/60%60, 2)
	b = appendDigits(append(b, ':'), seconds%60, 2)
	switch micros := at % 1e6; t.format.digits {
	case 3:
		b = appendDigits(append(b, '.'), micros/1000, 3)
	case 6:
		b = appendDigits(append(b, '.'), micros, 6)
	case 9:
		b = append(appendDigits(append(b, '.'), micros, 6), "789"...)
	}
	t.text = append(append(b, t.format.zone...), '"')
}

// member begins a member of an object.
func (t *lineWriter) member(name string) {
	if t.text[len(t.text)-1] != '{' {
		t.text = append(t.text, t.format.comma...)
	}
	t.text = append(append(append(t.text, '"'), name...), '"')
	t.text = append(t.text, t.format.colon...)
}

func (t *lineWriter) string(name, value string) {
	t.member(name)
	t.text = appendString(t.text, value, t.format.ascii)
}

func (t *lineWriter) int(name string, value int64) {
	t.member(name)
	t.text = strconv.AppendInt(t.text, value, 10)
}

// json writes a member with a value in JSON.
func (t *lineWriter) json(name, value string) {
	t.member(name)
	t.text = append(t.text, value...)
}

// Probabilities for each event. About one line in a hundred is a duplicate, and
// one in two thousand is rejected.
const (
	outOfOrder   = 0.02
	lateIfLate   = 0.15 // for events of late sessions
	again        = 0.007
	againIfTwice = 0.08 // for events of sessions that are delivered twice
	broken       = 0.0005
	blank        = 0.0003
)

// endEvent ends the current event and chooses its delivery.
func (t *lineWriter) endEvent() {
	if t.format.flip {
		t.common()
	}
	t.text = append(t.text, '}')
	l := line{start: t.start, end: len(t.text), order: t.now, day: day.Day(t.now / (dayMillis * 1000)), kind: Event}
	if t.chance(outOfOrder) {
		l.order += t.rand.Int64N(240e6) - 120e6
	}
	if t.plan.late && t.chance(lateIfLate) {
		l.day += 1 + day.Day(t.rand.IntN(maxLateDays))
	}
	t.lines = append(t.lines, l)

	if t.chance(again) {
		d := l
		d.kind = Duplicate
		d.order += t.rand.Int64N(300e6)
		t.lines = append(t.lines, d)
	}
	if t.plan.twice && t.chance(againIfTwice) {
		t.copy(l, l.end-l.start-1)
		t.text = append(t.text, `,"redelivered":true}`...) // an undefined member
		d := t.last(l, Duplicate)
		d.day++
		t.lines = append(t.lines, d)
	}
	if t.chance(broken) {
		t.breakLine(l)
	}
	if t.chance(blank) {
		t.start = len(t.text)
		t.text = append(t.text, "  \t"[:t.rand.IntN(4)]...)
		t.lines = append(t.lines, t.last(l, Blank))
	}
}

// copy starts a line with the first n bytes of another.
func (t *lineWriter) copy(l line, n int) {
	t.start = len(t.text)
	t.text = append(t.text, t.text[l.start:l.start+n]...)
}

// last returns the line just written, with the order and day of like.
func (t *lineWriter) last(like line, kind Kind) line {
	like.start, like.end, like.kind = t.start, len(t.text), kind
	return like
}

// breakLine writes a copy of a line with one fault.
func (t *lineWriter) breakLine(l line) {
	whole := string(t.text[l.start : l.end-1]) // without its brace
	var text string
	switch t.rand.IntN(10) {
	case 0: // bad_json, as are the next three
		text = whole[:1+t.rand.IntN(len(whole)-1)]
	case 1:
		text = whole + "}" + whole + "}"
	case 2:
		text = whole + ",\"note\":\"\xff\xfe\"}"
	case 3:
		text = "[" + whole + "}]"
	case 4: // missing_field
		text = strings.Replace(whole, `"ts"`, `"time"`, 1) + "}"
	case 5:
		text = whole + `,"event_id":null}`
	case 6: // bad_value
		text = whole + `,"seq":1.5}`
	case 7:
		text = whole + `,"ts":"1850-02-30T25:00:00Z"}`
	case 8:
		text = whole + `,"session_id":"` + strconv.FormatInt(t.plan.id, 10) + `"}`
	case 9: // unknown_type
		text = whole + `,"type":"session_archived"}`
	}
	t.start = len(t.text)
	t.text = append(t.text, text...)
	t.lines = append(t.lines, t.last(l, Rejected))
}

// tooLong writes an event of more than 1 MiB for the last session.
func (t *lineWriter) tooLong() {
	t.now = t.plan.created * 1000
	t.start = len(t.text)
	t.text = append(t.text, '{')
	t.common()
	t.string("type", "chat_message")
	t.string("sender", "customer")
	t.string("text", strings.Repeat("All work and no play makes a dull line. ", 1<<20/40+1))
	t.text = append(t.text, '}')
	l := line{order: t.now, day: day.Day(t.plan.created / dayMillis)}
	t.lines = append(t.lines, t.last(l, Rejected))
}
