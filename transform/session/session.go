// Package session is the timing and status engine: it folds the events of one
// session into its legs, each technician's part in it, by the rules of
// transform/report/REPORT.md, which comments call REPORT.md for short.
//
// The fold is a pure function of the session's set of events. [Order] puts
// them in the contract's order and drops repeated deliveries; [Engine.Fold]
// then takes them one by one. Whatever order, object or day they came in, the
// legs are the same.
//
// Time here is whole milliseconds since the Unix epoch, and durations are
// whole milliseconds. Events of one millisecond happen in their order, but no
// time passes between them: the engine lets time pass only when it moves from
// one millisecond to a later one, and it is the state after the last event of
// a millisecond that the time until the next one is counted for.
package session

import (
	"math"

	"daybook/transform/event"
)

// EngineVersion counts the changes of what the engine makes of the same
// events. Published partitions name the version that made them.
const EngineVersion = 1

// Unknown stands for a time or duration that is not known.
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

// Session is what the engine makes of one session's events. Type, Channel and
// CallingCard hold for all of its legs.
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
	Technician event.Person // ID 0: nobody took it
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
	WrapUp          int64 // Unknown: not removed, or nobody wrote anything
	FirstMessage    int64 // the first message of its technician; Unknown: none

	CustomerMessages   int64
	TechnicianMessages int64
	SystemMessages     int64

	TransferredTo string
	Tools         []string // distinct, in order of first use
	Verdict       event.Resolution
	Details       [event.NumDetails]string // as they stood at its removal, or the latest
}

// Total is the leg's total time: active, hold, transfer, rebooting and
// reconnecting (REPORT.md, "Times of a leg", Total).
func (l *Leg) Total() int64 {
	return l.Active + l.Hold + l.Transfer + l.Rebooting + l.Reconnecting
}

// Dated is the moment that decides which date the leg belongs to: its start,
// or its begin if it never started (REPORT.md, "Membership").
func (l *Leg) Dated() int64 {
	if l.Start != Unknown {
		return l.Start
	}
	return l.Begin
}

// Anomaly is something that should not happen in a session, and does.
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
