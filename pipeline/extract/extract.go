// Package extract reads dumps: it decodes their lines into events, groups the
// events by session, keeps the rejected lines and counts the progress.
//
// Workers take separate dumps while there are enough, and share dumps after that:
// a worker reads a block of lines and decodes it while another worker reads the
// next block. So a single large dump is decoded on all cores, with one block in
// memory for each worker (read.go). The events of a session are then brought
// together by package shuffle, within the memory budget (sessions.go).
package extract

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"

	"daybook/pipeline/words"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
)

// Input is a dump to be read.
type Input struct {
	Name  string // in messages and manifests
	Store string // URL of its store; empty: it is a local file
	Size  int64  // stored bytes; 0 if unknown
	Open  func(context.Context) (*dump.Reader, error)
	Map   *event.Map // of its documents; nil: they are session events
	Day   day.Day    // the dump day; the delivery of rows of an export
}

// Inputs are the dumps of a store, named by their URLs.
func Inputs(source store.Store, dumps []dump.Dump) []Input {
	inputs := make([]Input, len(dumps))
	for i, d := range dumps {
		inputs[i] = Input{
			Name: source.URL(d.Key), Store: source.URL(""),
			Size: d.Size,
			Open: func(ctx context.Context) (*dump.Reader, error) { return dump.Open(ctx, source, d) },
		}
		if d.Of != nil {
			inputs[i].Map = d.Of.Map
			inputs[i].Day, _ = d.Of.Template.Day(d.Key)
		}
	}
	return inputs
}

// Reject is a rejected line. It is valid only during the call that it is passed to.
type Reject struct {
	Line dump.Line
	event.Reject
}

// RejectSink receives the rejected lines. Those of one input come in order, several
// in a call, and the calls do not overlap. Calls for different inputs do.
type RejectSink interface {
	Reject(input int, lines []Reject) error
}

// Extraction is what is read, and how.
type Extraction struct {
	Inputs  []Input
	Workers int        // 0: GOMAXPROCS
	Rejects RejectSink // nil: rejected lines are only counted
	// MaxRejected is the share of lines that may be rejected. With more, Sessions
	// and Sorted fail with *TooManyRejects before they pass a session on.
	MaxRejected float64
	// MemoryBudget is how many bytes of events are held in memory; the others go
	// to temporary files. 0: no limit. Package shuffle describes what it needs
	// beside them.
	MemoryBudget int64
	// Silence is the longest time in milliseconds between consecutive events of one
	// session: after a longer one, Sessions passes on another session. 0: no limit.
	Silence int64
	// MaxSession is the size of the largest session that is passed on, as
	// event.Event.Size reckons it. Larger ones are counted and named. 0: no limit.
	MaxSession int64
	// RangeBits is the number of bits of the hash ranges that Sorted tells apart.
	RangeBits int
	// Filter, if it is set, may reject events. All workers call it at the same time.
	Filter   func(*event.Event) event.Reject
	Progress *Progress // nil: progress is not counted
	// Opened, if it is set, learns the form of each input. Unread, if it is set, learns
	// of each input whose content shows that it is no dump (dump.ErrForeign); it has no
	// lines then. Without it, such an input is an error. Calls may overlap.
	Opened func(input int, form dump.Form)
	Unread func(input int, why error)
}

// NumWorkers is the number of workers.
func (x *Extraction) NumWorkers() int {
	if x.Workers > 0 {
		return x.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Outcome counts what the inputs held.
type Outcome struct {
	Accounting event.Accounting
	Anomalies  session.Anomalies
	Sessions   int64           // without the oversized ones
	Oversized  event.Oversized // sessions that were not passed on
	Worst      *RejectCause    // the input with the most rejected lines; nil if there are none
}

// TooManyRejects says that more lines were rejected than MaxRejected allows.
type TooManyRejects struct {
	Rejected, Lines int64
	Events          int64   // that were not rejected
	Allowed         float64 // share of the lines
	Cause           RejectCause
}

// RejectCause is the input with the most rejected lines, and the most frequent reason
// for which they were rejected.
type RejectCause struct {
	Input           string // name
	Rejected, Lines int64  // of the input
	Reason          event.Reason
	Count           int64  // of the lines that were rejected for the reason
	Line            int64  // number of the first of them
	Offset          int64  // of its first byte in the decompressed text
	Unit            string // line or document
	Detail          string // of the first of them
	Store           string // URL of the store of the input; empty: it is a local file
}

func (c *RejectCause) String() string {
	them := ""
	if c.Count < c.Rejected {
		them = fmt.Sprintf(", %s of them", words.Thousands(c.Count))
	}
	unit := cmp.Or(c.Unit, "line")
	text := fmt.Sprintf("%s of %s %ss of %s were rejected%s as %s, the first in %s %s",
		words.Thousands(c.Rejected), words.Thousands(c.Lines), unit, c.Input, them, c.Reason, unit, words.Thousands(c.Line))
	if unit != "line" {
		text += fmt.Sprintf(", at byte %d", c.Offset)
	}
	if c.Detail != "" {
		text += ": " + c.Detail
	}
	return text
}

// split names the command that re-files an input most of whose lines are too late.
func (c *RejectCause) split() string {
	if c.Reason != event.TooLate || 2*c.Count <= c.Lines || c.Store == "" {
		return ""
	}
	return fmt.Sprintf("; if it is an archive, re-file it by the days of its events: daybook split %s --to %s; and then remove it from the source",
		words.Shell(c.Input), words.Shell(strings.TrimRight(c.Store, "/")))
}

func (e *TooManyRejects) Error() string {
	text := fmt.Sprintf("%s; of all lines of the day, %s of %s (%.2f %%) were rejected, and source.max_rejected allows %.2f %%; nothing was published",
		&e.Cause, words.Thousands(e.Rejected), words.Thousands(e.Lines), 100*float64(e.Rejected)/float64(e.Lines), 100*e.Allowed)
	text += e.Cause.split()
	if e.Events == 0 {
		return text // there is nothing to publish with any setting
	}
	enough := (1000*e.Rejected + e.Lines - 1) / e.Lines // in tenths of a per cent, rounded up
	return text + fmt.Sprintf("; write the dump again, or, to publish the day without these lines, set source.max_rejected: %d.%d%%", enough/10, enough%10)
}
