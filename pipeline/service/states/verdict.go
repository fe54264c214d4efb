package states

import (
	"fmt"
	"strings"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/words"
)

// Verdict sums up a report in one word: the worst of the states of its partitions,
// and the one thing to do about it. The console, the metrics, /readyz, the webhooks
// and daybook plan show the same one.
type Verdict struct {
	Word   Word    `json:"verdict"`
	Level  Level   `json:"level"`
	Text   string  `json:"text"`             // one or two sentences
	Do     string  `json:"do,omitempty"`     // what the user has to do; empty: nothing
	Causes []Cause `json:"causes,omitempty"` // what it rests on, oldest first; at most maxCauses
	Count  int     `json:"count,omitempty"`  // of all causes
}

// Word is the kind of a verdict.
type Word string

// The words, from the worst to the best. The first four need a user.
const (
	VerdictBlocked      Word = "blocked"       // by broken dump days
	VerdictSetAside     Word = "set_aside"     // partitions failed too often
	VerdictNotPublished Word = "not_published" // nothing ever was, and the schedule leaves out what there is
	VerdictLate         Word = "late"          // partitions are unpublished after their deadline
	VerdictMissed       Word = "missed"        // the schedule leaves out partitions between published ones
	VerdictFailed       Word = "failed"        // the last attempt at a partition failed; another one follows
	VerdictCatchingUp   Word = "catching_up"   // partitions are about to be built
	VerdictWaiting      Word = "waiting"       // for the first dumps or the first drop
	VerdictFresh        Word = "fresh"         // all that is due is published
)

// Words are all words, from the worst to the best.
var Words = []Word{
	VerdictBlocked, VerdictSetAside, VerdictNotPublished, VerdictLate, VerdictMissed, VerdictFailed,
	VerdictCatchingUp, VerdictWaiting, VerdictFresh,
}

// String is the word for people.
func (w Word) String() string { return strings.ReplaceAll(string(w), "_", " ") }

// Level is the severity of a verdict.
type Level string

// The levels.
const (
	Bad  Level = "bad"  // red
	Busy Level = "busy" // blue
	Good Level = "good" // green
)

// Level is the level of all verdicts with this word.
func (w Word) Level() Level {
	switch w {
	case VerdictFresh:
		return Good
	case VerdictCatchingUp, VerdictWaiting:
		return Busy
	}
	return Bad
}

// Cause is a partition or a dump day that a verdict rests on.
type Cause struct {
	Kind      partition.Kind `json:"kind"` // of a dump day: digest
	Partition string         `json:"partition"`
	Reason    string         `json:"reason,omitempty"`
}

const (
	maxCauses      = 10  // in a verdict
	namedCauses    = 3   // in its text
	maxCauseReason = 200 // bytes of a reason in the text
)

// String is the verdict in a line.
func (v Verdict) String() string { return v.Word.String() + ": " + v.Why() }

// Why is the text, and what to do.
func (v Verdict) Why() string {
	if v.Do == "" {
		return v.Text
	}
	return v.Text + " To do: " + v.Do
}

// ReportVerdict is the verdict on a report.
type ReportVerdict struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
}

// Verdicts are the verdicts on all reports.
func (s *Snapshot) Verdicts() []ReportVerdict {
	all := make([]ReportVerdict, len(s.Reports))
	for i := range s.Reports {
		all[i] = ReportVerdict{s.Reports[i].Name, s.Reports[i].Verdict}
	}
	return all
}

// BrokenDay is a dump day whose digest cannot be made, and that the report needs.
type BrokenDay struct {
	Day      string    `json:"day"`
	Reason   string    `json:"reason"`
	SetAside bool      `json:"set_aside,omitempty"` // it failed too often; a retry tries it again
	Again    time.Time `json:"again,omitzero"`      // when it is retried; zero: the next run tries it, or no run does
	Newer    bool      `json:"newer,omitempty"`     // a newer daybook made it, and this one cannot
}

// VerdictOf sums up a report. It uses the name, the partitions, the broken days and
// the next drop.
func VerdictOf(rep *Report) Verdict {
	f := findingsOf(rep)
	for _, word := range Words {
		if !f.applies(word) {
			continue
		}
		v := Verdict{Word: word, Level: word.Level(), Text: f.text(word), Do: f.remedy(word)}
		for _, p := range f.by[word] {
			v.addCause(Cause{p.ID.Kind, p.Name(), reasonOf(p)})
		}
		if word == VerdictBlocked {
			for i := range rep.Broken {
				v.addCause(Cause{partition.Digest, rep.Broken[i].Day, rep.Broken[i].Reason})
			}
		}
		return v
	}
	panic("unreachable: every report is at least fresh")
}

func (v *Verdict) addCause(c Cause) {
	if v.Count++; len(v.Causes) < maxCauses {
		v.Causes = append(v.Causes, c)
	}
}

// findings are the partitions of a report by what they contribute to its verdict.
type findings struct {
	rep       *Report
	by        map[Word][]*Partition
	published bool         // something is
	history   []*Partition // missing ones before the first published one
}

func findingsOf(rep *Report) *findings {
	f := &findings{rep: rep, by: map[Word][]*Partition{}}
	for _, all := range [][]Partition{rep.Days, rep.Months} {
		begun := false
		for i := range all {
			p := &all[i]
			begun = begun || p.Revision > 0
			f.add(p, begun)
		}
		f.published = f.published || begun
	}
	if !f.published {
		f.by[VerdictNotPublished], f.history = f.history, nil
	}
	return f
}

// add files a partition. begun says that it or an earlier one is published.
func (f *findings) add(p *Partition, begun bool) {
	var word Word
	switch {
	case p.State == SetAside:
		word = VerdictSetAside
	case p.Late:
		word = VerdictLate
	case p.State == Missing && !begun:
		f.history = append(f.history, p)
		return
	case p.State == Missing:
		word = VerdictMissed
	case p.State == Failed:
		word = VerdictFailed
	case p.State == Queued, p.State == Building, p.State == Stale:
		word = VerdictCatchingUp
	default:
		return
	}
	f.by[word] = append(f.by[word], p)
}

// applies reports whether a word is true of the report.
func (f *findings) applies(word Word) bool {
	switch word {
	case VerdictBlocked:
		return len(f.rep.Broken) > 0
	case VerdictWaiting:
		return !f.published
	case VerdictFresh:
		return true
	}
	return len(f.by[word]) > 0
}

// predicates follow the number of partitions in a verdict's text.
var predicates = map[Word][2]string{ // of one, and of several
	VerdictSetAside:     {"failed too often and is set aside", "failed too often and are set aside"},
	VerdictNotPublished: {"is left to a backfill", "are left to a backfill"},
	VerdictLate:         {"is late", "are late"},
	VerdictMissed:       {"was missed and is left to a backfill", "were missed and are left to a backfill"},
	VerdictFailed:       {"failed and will be retried", "failed and will be retried"},
	VerdictCatchingUp:   {"is about to be built", "are about to be built"},
}

// text says what is the case, and how many partitions are in a bad state otherwise.
func (f *findings) text(word Word) string {
	sentences := []string{f.main(word)}
	for _, other := range Words {
		if other != word && other.Level() == Bad && len(f.by[other]) > 0 {
			sentences = append(sentences, f.sentence(other)+".")
		}
	}
	if len(f.history) > 0 && word == VerdictFresh {
		sentences = append(sentences, partitionsText(f.history)+" before the first publication: not published.")
	}
	return strings.Join(sentences, " ")
}

// main is the sentence of the word itself.
func (f *findings) main(word Word) string {
	switch word {
	case VerdictBlocked:
		return brokenText(f.rep.Broken)
	case VerdictNotPublished:
		return "Nothing was ever published; " + f.sentence(word) + "."
	case VerdictWaiting:
		return f.waitingText()
	case VerdictFresh:
		return "All that is due is published."
	case VerdictCatchingUp:
		return f.sentence(word) + "."
	}
	return f.sentence(word) + reasonText(reasonOf(f.by[word][0]), len(f.by[word]) > 1) + "."
}

// waitingText says what a report without published partitions waits for.
func (f *findings) waitingText() string {
	if len(f.rep.Days) == 0 {
		return "There are no dumps yet that it could be made of."
	}
	if why := f.rep.NextDay.Why; why != "" {
		return fmt.Sprintf("Nothing is published yet; %s %s.", f.rep.NextDay.Partition, why)
	}
	return "Nothing is published yet."
}

// sentence says what is the case with the partitions of a word: "2026-11-20 is
// late".
func (f *findings) sentence(word Word) string {
	all := f.by[word]
	predicate := predicates[word][1]
	if len(all) == 1 {
		predicate = predicates[word][0]
	}
	return partitionsText(all) + " " + predicate
}

// partitionsText is "2026-11-20", or "184 days and 6 months (2026-05-01 to
// 2026-10-31)".
func partitionsText(all []*Partition) string {
	if len(all) == 1 {
		return all[0].Name()
	}
	days, months := 0, 0
	for _, p := range all {
		if p.ID.Kind == partition.Month {
			months++
		} else {
			days++
		}
	}
	var counts []string
	if days > 0 {
		counts = append(counts, words.Count(days, "day", "days"))
	}
	if months > 0 {
		counts = append(counts, words.Count(months, "month", "months"))
	}
	of := rangeOf(all)
	return fmt.Sprintf("%s (%s to %s)", strings.Join(counts, " and "), of.From, of.To)
}

// rangeOf is the days from the first to the last of the partitions.
func rangeOf(all []*Partition) partition.Period {
	days := all[0].ID.Period
	for _, p := range all {
		days.From, days.To = min(days.From, p.ID.Period.From), max(days.To, p.ID.Period.To)
	}
	return days
}

// brokenText names the first broken dump days, each with its reason.
func brokenText(broken []BrokenDay) string {
	text := "Blocked by " + words.Count(len(broken), "broken dump day", "broken dump days") + ": "
	for i := range broken {
		if i == namedCauses {
			text += fmt.Sprintf("; and %d more", len(broken)-i)
			break
		}
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%s (%s)", broken[i].Day, words.Shortened(broken[i].Reason, maxCauseReason))
	}
	return text + "."
}

func reasonText(reason string, oneOfMany bool) string {
	switch {
	case reason == "":
		return ""
	case oneOfMany:
		return "; the first one: " + words.Shortened(reason, maxCauseReason)
	}
	return ": " + words.Shortened(reason, maxCauseReason)
}

// reasonOf is why a partition is in its state.
func reasonOf(p *Partition) string {
	switch {
	case p.Failure != "":
		return p.Failure
	case len(p.Reasons) > 0:
		return p.Reasons[0]
	}
	return ""
}

// remedy is the one thing to do; empty if the service does it.
func (f *findings) remedy(word Word) string {
	switch word {
	case VerdictBlocked:
		return f.brokenRemedy()
	case VerdictSetAside:
		days := rangeOf(f.by[word])
		return fmt.Sprintf("mend the cause, then Retry in the console, or %s", f.command("backfill", days))
	case VerdictNotPublished, VerdictMissed:
		return f.command("backfill", rangeOf(f.by[word]))
	case VerdictLate:
		return f.lateRemedy()
	case VerdictFresh:
		if len(f.history) > 0 {
			return f.command("backfill", rangeOf(f.history)) + ", if they are wanted"
		}
	}
	return ""
}

// brokenRemedy depends on the broken days that need a user most.
func (f *findings) brokenRemedy() string {
	newer, retried := true, true
	for i := range f.rep.Broken {
		b := &f.rep.Broken[i]
		newer = newer && b.Newer
		retried = retried && (b.Newer || !b.Again.IsZero())
	}
	switch {
	case newer:
		return "upgrade daybook: a newer one has made the digests of these days"
	case retried:
		return "replace the broken dumps; they are retried anyway"
	}
	return "replace the broken dumps, which are then tried again; or Retry in the console, or daybook run"
}

// lateRemedy depends on why partitions are late: what can be built from the dumps that
// are there comes before what has none. Those that the next run builds need nothing
// else: their reason names it.
func (f *findings) lateRemedy() string {
	var missing []*Partition
	queued, waiting := false, ""
	for _, p := range f.by[VerdictLate] {
		switch {
		case p.State == Missing:
			missing = append(missing, p)
		case p.State == Queued:
			queued = true
		case p.State == Waiting && p.ID.Kind == partition.Day && waiting == "":
			waiting = "deliver the dumps of " + p.Name() + " or of a later day"
		}
	}
	switch {
	case len(missing) > 0:
		return f.command("backfill", rangeOf(missing))
	case queued && waiting != "":
		return "daybook run, unless daybook serve is running; then " + waiting
	}
	return waiting
}

func (f *findings) command(verb string, days partition.Period) string {
	return fmt.Sprintf("daybook %s --from %s --to %s --report %s", verb, days.From, days.To, f.rep.Name)
}
