// Package session is the timing and status engine. It folds the events of one
// session into legs: each leg is one technician's part in the session. The
// rules are in transform/report/REPORT.md (REPORT.md in comments).
//
// The fold is a pure function of the set of events. [Order] sorts the events
// and drops duplicates. [Engine.Fold] then applies them one by one. The order
// of input and the split into dumps and days do not change the legs.
//
// Times are whole milliseconds since the Unix epoch, durations are whole
// milliseconds. Events of one millisecond happen in their order, and no time
// passes between them. Time passes only between two milliseconds, and counts
// under the state after the last event of the earlier one.
package session

import (
	"math"

	"daybook/transform/event"
)

// EngineVersion rises with every change that gives other legs for the same
// events. The manifest of a partition names the version that made it.
//
// Version 2: the channel of a leg after a transfer to a channel.
const EngineVersion = 2

// Unknown is the value of a time or duration that is not known.
const Unknown = math.MinInt64

// Role is a technician's part in a session.
type Role uint8

// A session has one lead at a time, and any number of collaborators.
const (
	Lead Role = iota
	Collaborator
)

func (r Role) String() string {
	if r == Collaborator {
		return "collaborator"
	}
	return "lead"
}

// Session is the result of folding one session's events. Type and CallingCard
// apply to all of its legs. Channel is the channel in which it began.
type Session struct {
	ID          int64
	Type        event.SessionType
	Channel     event.Channel
	CallingCard string
	Anomalies   Anomalies
	LastEvent   int64 // the time of its last event
	Legs        []Leg // in order of opening: Legs[i] is leg number i
}

// Leg is one technician's part in a session (REPORT.md, "Legs" and "Times of
// a leg").
type Leg struct {
	Number     int
	Role       Role
	Technician event.Person // ID 0: not taken
	Status     event.Status // at its removal, or the current one
	Final      bool         // it was removed

	Begin      int64
	Start      int64 // Unknown: never picked up
	End        int64 // Unknown: not ended yet
	LastAction int64 // Unknown: being in action never ended

	Connecting   int64
	Waiting      int64
	Active       int64
	Hold         int64
	Transfer     int64
	Rebooting    int64
	Reconnecting int64
	Other        int64
	Work         int64

	TimeToFirstChat int64 // Unknown: no message, or a collaborator
	WrapUp          int64 // Unknown: not removed, or no message
	FirstMessage    int64 // the first message of its technician; Unknown: none

	CustomerMessages   int64
	TechnicianMessages int64
	SystemMessages     int64

	Channel       event.Channel // where it came from; ID 0: unknown
	TransferredTo string
	Tools         []string // distinct, in order of first use
	Verdict       event.Resolution
	Details       *[event.NumDetails]string // as they stood at its removal, or the latest; legs share them

	Exported *event.Exported // the row of an export that it is; nil: it is folded from events
}

// Total is the leg's total time: active, hold, transfer, rebooting and
// reconnecting (REPORT.md, "Times of a leg", Total), or what its export says.
func (l *Leg) Total() int64 {
	if l.Exported != nil {
		return l.Exported.Total
	}
	return l.Active + l.Hold + l.Transfer + l.Rebooting + l.Reconnecting
}

// Dated is the time that decides the leg's report date: its start, or its
// begin if it never started (REPORT.md, "Membership").
func (l *Leg) Dated() int64 {
	if l.Start != Unknown {
		return l.Start
	}
	return l.Begin
}

// Anomaly is a kind of contradiction in a session's events.
type Anomaly uint8

// The anomalies of REPORT.md, "Legs", in alphabetical order of their codes.
const (
	BadCollaboration Anomaly = iota
	DuplicateCreated
	MissingCreated
	NoSuchLeg
	Reopened
	StatusAfterEnd
	TechnicianMismatch
	NumAnomalies = iota
)

var anomalyCodes = [NumAnomalies]string{
	"bad_collaboration", "duplicate_created", "missing_created", "no_such_leg",
	"reopened", "status_after_end", "technician_mismatch",
}

func (a Anomaly) String() string { return anomalyCodes[a] }

// Anomalies counts a session's anomalies by kind.
type Anomalies [NumAnomalies]int64

// String lists the distinct codes in alphabetical order, joined by commas.
func (a *Anomalies) String() string {
	s := ""
	for code, n := range a {
		if n == 0 {
			continue
		}
		if s != "" {
			s += ","
		}
		s += anomalyCodes[code]
	}
	return s
}

// Add adds o's counts to a.
func (a *Anomalies) Add(o *Anomalies) {
	for i, n := range o {
		a[i] += n
	}
}
