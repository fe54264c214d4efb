package generate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"daybook/sources/dump"
	"daybook/transform/day"
	"daybook/transform/event"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// monday is the first day of most tests.
var monday = day.Date(2026, time.November, 2)

func options(days, sessionsPerDay int) Options {
	return Options{Seed: 7, From: monday, Days: days, SessionsPerDay: sessionsPerDay, Template: "raw/{yyyy}/{mm}/{dd}/"}
}

// written keeps what Write writes.
func written(t *testing.T, o Options) (map[string][]byte, Stats) {
	t.Helper()
	objects := map[string][]byte{}
	var mu sync.Mutex
	stats, err := Write(t.Context(), o, func(_ context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		err := write(&b)
		mu.Lock()
		defer mu.Unlock()
		if objects[key] != nil {
			t.Errorf("%s is written twice", key)
		}
		objects[key] = b.Bytes()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return objects, stats
}

func hashes(objects map[string][]byte) map[string][32]byte {
	sums := map[string][32]byte{}
	for key, b := range objects {
		sums[key] = sha256.Sum256(b)
	}
	return sums
}

func TestEqualOptionsGiveEqualBytes(t *testing.T) {
	for _, codec := range []dump.Codec{dump.Plain, dump.Gzip, dump.Zstd} {
		o := options(3, 60)
		o.Codec = codec
		first, _ := written(t, o)
		o.Workers = 3
		second, _ := written(t, o)
		if diff := cmp.Diff(hashes(first), hashes(second)); diff != "" {
			t.Errorf("%s: the second time is different:\n%s", codec, diff)
		}
		o.Seed++
		other, _ := written(t, o)
		if cmp.Equal(hashes(first), hashes(other)) {
			t.Errorf("%s: another seed gives the same bytes", codec)
		}
	}
}

func TestADayDoesNotDependOnLaterDays(t *testing.T) {
	few, _ := written(t, options(3, 60))
	many, _ := written(t, options(6, 60))
	for key, b := range few {
		if !bytes.Equal(many[key], b) {
			t.Errorf("%s is different if more days follow", key)
		}
	}
	if len(many) <= len(few) {
		t.Errorf("%d objects for six days, %d for three", len(many), len(few))
	}
}

// Write writes the lines of the sessions, each once, under the day
// that each names.
func TestDumpsHoldTheSessions(t *testing.T) {
	o := options(20, 40) // long enough for the longest break
	objects, stats := written(t, o)
	want := map[string]int{}
	counted := Stats{Objects: int64(len(objects))}
	for d := o.From; d < o.From+day.Day(o.Days); d++ {
		for session := range o.Sessions(d) {
			for _, l := range session {
				if l.Day >= o.From+day.Day(o.Days) {
					continue
				}
				want[l.Day.String()+" "+l.Text]++
				counted.Lines++
				switch l.Kind {
				case Event:
					counted.Events++
				case Duplicate:
					counted.Duplicates++
				case Rejected:
					counted.Rejected++
				case Blank:
					counted.Blank++
				}
			}
		}
	}
	key := regexp.MustCompile(`^raw/(\d{4})/(\d{2})/(\d{2})/part-\d{2}\.ndjson$`)
	got := map[string]int{}
	for name, b := range objects {
		m := key.FindStringSubmatch(name)
		if m == nil {
			t.Fatalf("key %s", name)
		}
		counted.Bytes += int64(len(b))
		for _, l := range linesOf(t, b) {
			got[m[1]+"-"+m[2]+"-"+m[3]+" "+l]++
		}
	}
	if !maps.Equal(want, got) {
		t.Errorf("%d different lines in the dumps, %d in the sessions, or other ones", len(got), len(want))
	}
	if diff := cmp.Diff(counted, stats); diff != "" {
		t.Errorf("stats (-counted +reported):\n%s", diff)
	}
}

// linesOf reads a dump.
func linesOf(t *testing.T, stored []byte) []string {
	t.Helper()
	r, err := dump.OpenFile(context.Background(), dump.Stdin, bytes.NewReader(stored))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var lines []string
	for {
		l, err := r.Next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(l.Bytes))
	}
}

func TestCodecs(t *testing.T) {
	o := options(1, 50)
	plain, _ := written(t, o)
	for _, codec := range []dump.Codec{dump.Gzip, dump.Zstd} {
		o.Codec = codec
		packed, stats := written(t, o)
		var lines int64
		for key, b := range plain {
			stored, exists := packed[key+codec.Extension()]
			if !exists {
				t.Errorf("%s: no %s", codec, key+codec.Extension())
				continue
			}
			got := linesOf(t, stored)
			lines += int64(len(got))
			if diff := cmp.Diff(linesOf(t, b), got); diff != "" {
				t.Errorf("%s: %s is not the plain one:\n%s", codec, key, diff)
			}
		}
		if lines != stats.Lines {
			t.Errorf("%s: %d lines, reported as %d", codec, lines, stats.Lines)
		}
	}
}

// fault is what is wrong with a line by EVENTS.md, as far as a generated line
// can be: "" for nothing.
func fault(text string) string {
	var e map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) || d.Decode(&e) != nil {
		return "bad_json"
	}
	if len(text) > event.MaxLine {
		return "too_long"
	}
	for _, name := range []string{"event_id", "ts", "session_id", "type"} {
		if e[name] == nil {
			return "missing_field"
		}
	}
	id, _ := e["event_id"].(string)
	ts, _ := e["ts"].(string)
	session, _ := e["session_id"].(json.Number)
	_, tsErr := time.Parse(time.RFC3339Nano, ts)
	n, sessionErr := session.Int64()
	var seqErr error
	if seq, given := e["seq"]; given {
		_, seqErr = seq.(json.Number).Int64()
	}
	if len(id) < 1 || len(id) > 64 || tsErr != nil || sessionErr != nil || n < 1 || seqErr != nil {
		return "bad_value"
	}
	kind, _ := e["type"].(string)
	for _, known := range event.Types() {
		if known.String() == kind {
			return ""
		}
	}
	return "unknown_type"
}

// The decoder accepts or rejects each line as the generator says, and 2,000 sessions
// have every kind of event and of defect.
// It has more than 60 lines because each line of a session is checked in all respects.
func TestVocabulary(t *testing.T) {
	o := options(1, 2000)
	seen := map[string]int{} // `member=value`, kinds and faults
	ids := map[string]bool{}
	var lines int
	for session := range o.Sessions(monday) {
		clear(ids)
		for _, l := range session {
			lines++
			f := fault(l.Text)
			switch l.Kind {
			case Blank:
				if strings.TrimSpace(l.Text) != "" {
					t.Fatalf("not blank: %q", l.Text)
				}
				seen["blank"]++
				continue
			case Rejected:
				if f == "" {
					t.Fatalf("nothing is wrong with the rejected line %s", l.Text)
				}
				seen["rejected"]++
				seen[f]++
				continue
			}
			if f != "" {
				t.Fatalf("%s: %s", f, l.Text)
			}
			var e map[string]any
			if err := json.Unmarshal([]byte(l.Text), &e); err != nil {
				t.Fatal(err)
			}
			id := e["event_id"].(string)
			if ids[id] != (l.Kind == Duplicate) {
				t.Fatalf("kind %d, and its event id was there: %v: %s", l.Kind, ids[id], l.Text)
			}
			ids[id] = true
			if l.Kind == Duplicate {
				seen["duplicate"]++
			}
			if ts, _ := time.Parse(time.RFC3339Nano, e["ts"].(string)); day.Of(ts.UnixMilli(), time.UTC) < l.Day {
				seen["in a later dump"]++
			} else if day.Of(ts.UnixMilli(), time.UTC) > l.Day {
				t.Fatalf("in the dump of %s, before it happened: %s", l.Day, l.Text)
			}
			countTraits(seen, e)
		}
	}
	for _, what := range vocabulary() {
		if seen[what] == 0 {
			t.Errorf("2,000 sessions without: %s", what)
		}
	}
	if share := float64(seen["duplicate"]) / float64(lines); share < 0.005 || share > 0.015 {
		t.Errorf("%.2f %% of the lines are duplicates; want about 1 %%", share*100)
	}
	if share := float64(seen["rejected"]) / float64(lines); share > 0.001 {
		t.Errorf("%.3f %% of the lines are rejected; want about 0.05 %%", share*100)
	}
	if perSession := lines / o.SessionsPerDay; perSession < 25 || perSession > 40 {
		t.Errorf("%d lines a session; want about 33", perSession)
	}
}

// countTraits counts the values of an event that the vocabulary names.
func countTraits(seen map[string]int, e map[string]any) {
	for _, member := range []string{"type", "session_type", "status", "state", "sender", "resolution", "by", "tool"} {
		if v, given := e[member]; given {
			seen[member+"="+v.(string)]++
		}
	}
	if ip, _ := e["customer_ip"].(string); len(ip) > 15 {
		seen["IPv6"]++
	}
	if name, _ := e["name"].(string); utf8.RuneCountInString(name) > 128 {
		seen["long name"]++
	}
	if id, given := e["tracking_id"]; given && id == nil {
		seen["tracking id cleared"]++
	}
	if to, given := e["transferred_to"].(map[string]any); given {
		seen["transferred to a "+to["kind"].(string)]++
	}
	if who, given := e["technician"].(map[string]any); given {
		if name, _ := who["name"].(string); utf8.RuneCountInString(name) > 128 {
			seen["long technician"]++
		}
		if who["name"] == nil {
			seen["technician by id"]++
		}
	}
	fields, _ := e["custom_fields"].([]any)
	for _, field := range fields {
		value, _ := field.(string)
		switch {
		case field == nil:
			seen["field null"]++
		case strings.HasPrefix(value, "="):
			seen["field formula"]++
		case strings.Contains(value, "\uFFFD"):
			seen["field with half a pair"]++
		case utf8.RuneCountInString(value) > 64:
			seen["long field"]++
		case len(value) > utf8.RuneCountInString(value):
			seen["field not ASCII"]++
		}
	}
}

// vocabulary is what 2,000 sessions have: lines of each kind, faults, and values.
func vocabulary() []string {
	want := []string{
		"blank", "rejected", "duplicate", "in a later dump", "bad_json", "missing_field", "bad_value", "unknown_type",
		"IPv6", "long name", "tracking id cleared", "transferred to a technician", "transferred to a channel",
		"long technician", "technician by id", "field null", "field formula", "field with half a pair", "long field", "field not ASCII",
		"sender=customer", "sender=technician", "sender=system", "resolution=resolved", "resolution=unresolved",
		"by=technician", "by=administrator", "by=timeout",
	}
	for _, v := range event.Types() {
		want = append(want, "type="+v.String())
	}
	for _, v := range event.SessionTypes() {
		want = append(want, "session_type="+v.String())
	}
	for _, v := range event.Statuses() {
		want = append(want, "status="+v.String())
	}
	for _, v := range event.Signals() {
		want = append(want, "state="+v.String())
	}
	for _, v := range tools {
		want = append(want, "tool="+v)
	}
	return want
}

// Verdicts are common before May 2009 and rare, but not unheard of, after.
func TestVerdicts(t *testing.T) {
	verdicts := func(d day.Day) (n int) {
		for session := range options(1, 500).Sessions(d) {
			for _, l := range session {
				if l.Kind == Event && strings.Contains(l.Text, "resolution_submitted") {
					n++
				}
			}
		}
		return n
	}
	before, after := verdicts(day.Date(2009, time.April, 1)), verdicts(day.Date(2009, time.June, 3))
	if before < 300 || after == 0 || after > 50 {
		t.Errorf("%d verdicts in 500 sessions before May 2009, %d after", before, after)
	}
}

// A session's lines lie within what its plan says; otherwise the dumps of some
// days would lack them.
func TestPlansHold(t *testing.T) {
	w := newOrganisation(3, 200)
	writer := newLineWriter(w)
	longest := day.Day(0)
	for n := range 4000 {
		d := monday + day.Day(n/200)
		p := w.plan(d, n%200)
		if p.created/dayMillis != int64(d) {
			t.Fatalf("session %d of %s begins on %s", n, d, day.Day(p.created/dayMillis))
		}
		if p.last > d+reachDays {
			t.Fatalf("session %d of %s may have lines until %s, beyond reach", n, d, p.last)
		}
		writer.reset()
		writer.writeSession(p)
		for _, l := range writer.lines {
			if l.day < d || l.day > p.last {
				t.Fatalf("session %d of %s has a line on %s; its plan ends on %s", n, d, l.day, p.last)
			}
			longest = max(longest, l.day-d)
		}
	}
	if longest < maxBreakDays {
		t.Errorf("the longest of 4,000 sessions lasts %d days", longest)
	}
}

func TestTooLongLine(t *testing.T) {
	for sessions, want := range map[int]int{tooLongFrom: 1, tooLongFrom / 2: 0} {
		objects, _ := written(t, options(2, sessions))
		var long int
		for _, b := range objects {
			for _, l := range linesOf(t, b) {
				if len(l) > event.MaxLine {
					if f := fault(l); f != "too_long" {
						t.Errorf("a line of %d bytes is %q", len(l), f)
					}
					long++
				}
			}
		}
		if long != want {
			t.Errorf("%d sessions a day: %d lines are too long, want %d", sessions, long, want)
		}
	}
}

// Objects look like those of different producers.
func TestObjectsDiffer(t *testing.T) {
	objects, _ := written(t, options(10, 20))
	var marks, cuts, crlf, plain int
	for _, b := range objects {
		if bytes.HasPrefix(b, []byte("\ufeff")) {
			marks++
		}
		if len(b) > 0 && b[len(b)-1] != '\n' {
			cuts++
		}
		if bytes.Contains(b, []byte("}\r\n")) {
			crlf++
		} else {
			plain++
		}
	}
	if marks == 0 || cuts == 0 || crlf == 0 || plain < crlf {
		t.Errorf("of %d objects: %d byte order marks, %d without a last terminator, %d with CRLF", len(objects), marks, cuts, crlf)
	}
}

// Sessions begin when people work, by the clocks of central Europe.
func TestShapeOfDays(t *testing.T) {
	w := newOrganisation(1, 10_000)
	hours := func(d day.Day) (n [24]int) {
		for i := range w.count(d) {
			n[(w.plan(d, i).timeOfDay()+centralEuropeanOffset(d))/hourMillis%24]++
		}
		return n
	}
	winter, summer, saturday := hours(monday), hours(day.Date(2026, time.July, 6)), hours(monday+5)
	for name, h := range map[string][24]int{"winter": winter, "summer": summer} {
		if peak := slices.Max(h[:]); h[10] != peak || h[3]*20 > peak {
			t.Errorf("sessions by the hour in %s: %v", name, h)
		}
	}
	sum := func(h [24]int) (n int) {
		for _, c := range h {
			n += c
		}
		return n
	}
	if sum(winter) != 10_000 || sum(saturday) != 4_000 {
		t.Errorf("%d sessions on a Monday, %d on a Saturday", sum(winter), sum(saturday))
	}
}

func TestCentralEuropeanOffset(t *testing.T) {
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	for d := day.Date(1996, time.January, 1); d < day.Date(2030, time.January, 1); d++ {
		_, seconds := d.UTC().Add(12 * time.Hour).In(amsterdam).Zone()
		if want := int64(seconds) * 1000; centralEuropeanOffset(d) != want {
			t.Fatalf("%s: %d ms, want %d", d, centralEuropeanOffset(d), want)
		}
	}
}

// Memory holds a slice of a part, not a part or a day.
func TestMemoryIsBounded(t *testing.T) {
	o := options(1, 20_000)
	var written, most int64
	_, err := Write(t.Context(), o, func(_ context.Context, _ string, write func(io.Writer) error) error {
		return write(writerFunc(func(p []byte) (int, error) {
			if written/(4<<20) != (written+int64(len(p)))/(4<<20) {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, int64(m.HeapAlloc))
			}
			written += int64(len(p))
			return len(p), nil
		}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if written < 100<<20 {
		t.Fatalf("%d MB are too few to tell", written>>20)
	}
	if most > 40<<20 {
		t.Errorf("%d MB in memory for %d MB of text", most>>20, written>>20)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestWriteFails(t *testing.T) {
	full := errors.New("full")
	for _, codec := range []dump.Codec{dump.Plain, dump.Gzip, dump.Zstd} {
		o := options(3, 50)
		o.Codec = codec
		_, err := Write(t.Context(), o, func(_ context.Context, _ string, write func(io.Writer) error) error {
			return write(writerFunc(func([]byte) (int, error) { return 0, full }))
		})
		if !errors.Is(err, full) || !strings.Contains(err.Error(), "raw/2026/11/02/part-") {
			t.Errorf("%s: a full disk: %v", codec, err)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	var calls int
	_, err := Write(ctx, options(3, 50), func(_ context.Context, _ string, write func(io.Writer) error) error {
		calls++
		cancel()
		return write(io.Discard)
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("cancelled: %v after %d objects", err, calls)
	}
}

func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"generate 0 days: give 1 to 73200":                                                                      func(o *Options) { o.Days = 0 },
		"generate 0 sessions a day: give 1 to 99999999":                                                         func(o *Options) { o.SessionsPerDay = 0 },
		"generate days from 1989-12-31 to 1989-12-31: give days of the years 1990 to 2199":                      func(o *Options) { o.From = day.Date(1989, time.December, 31) },
		fmt.Sprintf("generate days from 2199-12-31 to 2200-01-01: give days of the years %d to %d", 1990, 2199): func(o *Options) { o.From, o.Days = day.Date(2199, time.December, 31), 2 },
	} {
		o := options(1, 1)
		change(&o)
		if _, err := Write(t.Context(), o, nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAppendString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, ascii := rapid.String().Draw(t, "s"), rapid.Bool().Draw(t, "ascii")
		b := appendString(nil, s, ascii)
		var back string
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Fatalf("%q is written %s, and read as %q (%v)", s, b, back, err)
		}
		if ascii && strings.ContainsFunc(string(b), func(r rune) bool { return r > 127 }) {
			t.Fatalf("%s is not ASCII", b)
		}
	})
}
