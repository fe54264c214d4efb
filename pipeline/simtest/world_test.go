package simtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/pipelinetest"
	"daybook/transform/day"
	"daybook/transform/event"
)

// lookback is the look-back of simulated runs, in days: windows are smaller than the
// world.
const lookback = 2

// A world is what a producer delivers: the events of a handful of sessions over a few
// days, and the dumps that hold them, in the order in which they arrive.
type world struct {
	first, last day.Day
	lines       []worldLine // of all dumps; at most 64
	dumps       []worldDump
}

// worldLine is a line with an event. Two lines may be of one event: then they have the
// same id.
type worldLine struct {
	text  string
	event event.Event
}

type worldDump struct {
	key   string
	day   day.Day
	lines []int // of the world; some of them more than once
	noise []string
}

// lineSet is a set of lines of a world.
type lineSet uint64

func (s lineSet) has(line int) bool           { return s&(1<<line) != 0 }
func (s *lineSet) add(line int)               { *s |= 1 << line }
func (s lineSet) contains(other lineSet) bool { return other&^s == 0 }

const maxLines = 64

// newWorld makes the world of a seed: from three to six dump days.
func newWorld(rng *rand.Rand, first day.Day) *world {
	w := &world{first: first}
	w.last = w.first + pick[day.Day](rng, 2, 2, 2, 2, 3, 3, 4, 5)
	for session := range 2 + rng.IntN(4) {
		w.addSession(rng, int64(1000+session))
	}
	w.deliver(rng, []day.Day{0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3})
	return w
}

// longDays is how many days the session of a long world lives.
const longDays = 60

// newLongWorld makes a world of 61 dump days. One of its sessions lives for 60 days:
// both its silences and the lateness of its dumps go up to the look-back.
func newLongWorld(rng *rand.Rand, first day.Day) *world {
	const session = 999
	w := &world{first: first, last: first + longDays}
	at, end := w.first.UTC().Add(time.Duration(rng.Int64N(int64(20*time.Hour)))), w.last.UTC()
	for n := 0; ; n++ {
		last := end.Sub(at) < lookback*24*time.Hour
		status := statuses[rng.IntN(len(statuses)-1)]
		if last {
			status = closed
		}
		w.addEvent(session, n, at, status)
		if last {
			break
		}
		at = at.Add(pick(rng, lookback*24*time.Hour, lookback*24*time.Hour, lookback*24*time.Hour-time.Minute, 40*time.Hour))
	}
	for session := range 2 {
		w.addSession(rng, int64(1000+session))
	}
	w.deliver(rng, []day.Day{0, 0, 1, lookback, lookback})
	return w
}

// closed is the status that ends a session. The others can come at any time.
const closed = "closed_by_technician"

var statuses = []string{"connecting", "waiting", "active", "active", "on_hold", "transferring", "disconnected", closed}

// addSession adds the events of one session. It begins on any of the world's days,
// often close to midnight, and goes on for minutes or days.
func (w *world) addSession(rng *rand.Rand, session int64) {
	day := w.first.UTC().AddDate(0, 0, rng.IntN(int(w.last-w.first)+1))
	at := day.Add(time.Duration(rng.Int64N(int64(24 * time.Hour))))
	if rng.IntN(3) == 0 {
		at = day.Add(23*time.Hour + time.Duration(rng.Int64N(int64(time.Hour))))
	}
	events := 3 + rng.IntN(6)
	for n := range events {
		status := statuses[rng.IntN(len(statuses))]
		if n == events-1 && rng.IntN(3) > 0 {
			status = closed
		}
		w.addEvent(session, n, at, status)
		if rng.IntN(12) == 0 {
			// A copy with an earlier time: the earlier one counts.
			w.addEvent(session, n, at.Add(-time.Duration(rng.Int64N(int64(30*time.Hour)))), status)
		}
		at = at.Add(pick(rng, time.Second, 3*time.Minute, time.Hour, 7*time.Hour, 30*time.Hour))
		if at.After((w.last + 1).UTC()) {
			return
		}
	}
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func (w *world) addEvent(session int64, n int, at time.Time, status string) {
	if len(w.lines) == maxLines {
		return
	}
	kind := fmt.Sprintf(`"status_changed","status":%q`, status)
	switch {
	case n == 0:
		kind = `"session_created","session_type":"applet"`
	case status == "active" && n%2 == 0:
		kind = `"chat_message","sender":"customer"`
	}
	line := worldLine{text: fmt.Sprintf(`{"event_id":"%d-%d","ts":%q,"session_id":%d,"type":%s,"technician":{"id":%d,"name":"T"},"technician_id":%d}`,
		session, n, at.Format(time.RFC3339Nano), session, kind, 1+session%2, 1+session%2)}
	if reject := event.NewDecoder().Decode([]byte(line.text), &line.event); reject.Reason != 0 {
		panic(reject.Detail + ": " + line.text) // this file is wrong
	}
	w.lines = append(w.lines, line)
}

// deliver deals the lines out to dumps: each so many days late, some to several, and
// some beyond the look-back.
func (w *world) deliver(rng *rand.Rand, late []day.Day) {
	const perDay = 2
	dumps := make([]worldDump, perDay*(int(w.last-w.first)+1))
	for i := range dumps {
		d := &dumps[i]
		d.day = w.first + day.Day(i/perDay)
		d.key = fmt.Sprintf("%s%d.ndjson", pipelinetest.Template.Prefix(d.day), i%perDay)
	}
	dumpOf := func(d day.Day) *worldDump {
		d = min(max(d, w.first), w.last)
		return &dumps[perDay*int(d-w.first)+rng.IntN(perDay)]
	}
	for i := range w.lines {
		own := day.Of(w.lines[i].event.Millis(), time.UTC)
		for again := true; again; again = rng.IntN(6) == 0 {
			d := dumpOf(own + pick(rng, late...))
			d.lines = append(d.lines, i)
		}
	}
	for i := range dumps {
		d := &dumps[i]
		if rng.IntN(6) == 0 {
			d.noise = append(d.noise, "nonsense")
		}
		// The first and the last day always have a dump: all others are between them.
		if edge := i == 0 || i == len(dumps)-1; edge || len(d.lines)+len(d.noise) > 0 {
			w.dumps = append(w.dumps, *d)
		}
	}
	// They arrive roughly in order.
	arrival := map[string]int{}
	for i, d := range w.dumps {
		arrival[d.key] = i + rng.IntN(len(w.dumps))/pick(rng, 1, 2, 4)
	}
	slices.SortStableFunc(w.dumps, func(a, b worldDump) int { return arrival[a.key] - arrival[b.key] })
}

// body is the content of a dump. An empty dump is one blank line.
func (w *world) body(d *worldDump) []byte {
	var b bytes.Buffer
	for _, i := range d.lines {
		b.WriteString(w.lines[i].text + "\n")
	}
	b.WriteString(strings.Join(d.noise, "\n") + "\n")
	return b.Bytes()
}

// accepts reports whether the look-back of the dump's day reaches a line.
func (d *worldDump) accepts(l *worldLine) bool {
	off := day.Of(l.event.Millis(), time.UTC) - d.day
	return off >= -lookback && off <= lookback
}

// String lists the dumps of the world in the order of their arrival, with their lines.
func (w *world) String() string {
	var b strings.Builder
	for i := range w.dumps {
		d := &w.dumps[i]
		fmt.Fprintf(&b, "%s\n", d.key)
		for _, line := range d.lines {
			note := ""
			if !d.accepts(&w.lines[line]) {
				note = "  (out of reach)"
			}
			fmt.Fprintf(&b, "  %2d %s%s\n", line, w.lines[line].text, note)
		}
		for _, line := range d.noise {
			fmt.Fprintf(&b, "     %s\n", line)
		}
	}
	return b.String()
}
