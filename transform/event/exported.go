package event

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Unknown is the value of a time or duration of an [Exported] row that is not known.
const Unknown = math.MinInt64

// Exported holds the cells of a row of an export of the report (EXPORTS.md) for which
// an event has no other member. Times are milliseconds since the Unix epoch, durations
// milliseconds.
type Exported struct {
	Delivered    int64 // the dump day, as days since the Unix epoch
	SessionType  int64 // a SessionType
	Verdict      int64 // a Resolution
	Collaborator int64 // 1: the technician collaborated

	Start, End, LastAction, FirstMessage, Begin int64 // may be Unknown, except Begin

	Connecting, Waiting, Total, Active, Work, Hold, Transfer, Rebooting, Reconnecting, Other int64

	TimeToFirstChat, WrapUp                              int64 // Unknown
	CustomerMessages, TechnicianMessages, SystemMessages int64
}

// numbers lists the numbers in the order of their text, which is part of the format of
// digests.
func (x *Exported) numbers() [24]*int64 {
	return [...]*int64{
		&x.Delivered, &x.SessionType, &x.Verdict, &x.Collaborator,
		&x.Start, &x.End, &x.LastAction, &x.FirstMessage, &x.Begin,
		&x.Connecting, &x.Waiting, &x.Total, &x.Active, &x.Work, &x.Hold, &x.Transfer, &x.Rebooting, &x.Reconnecting, &x.Other,
		&x.TimeToFirstChat, &x.WrapUp, &x.CustomerMessages, &x.TechnicianMessages, &x.SystemMessages,
	}
}

// Open reports whether the session was not over when a row with a status was exported.
func (x *Exported) Open(s Status) bool {
	return x.End == Unknown && !s.Ending() && s != Transferred
}

// AppendText appends the numbers as decimals with commas between them; nothing stands
// for an unknown one. It is text, because the members of events are.
func (x *Exported) AppendText(b []byte) []byte {
	for i, n := range x.numbers() {
		if i > 0 {
			b = append(b, ',')
		}
		if *n != Unknown {
			b = strconv.AppendInt(b, *n, 10)
		}
	}
	return b
}

var errExported = errors.New("a row of an export is damaged")

// ParseExported is the inverse of AppendText.
func ParseExported(text string) (x Exported, err error) {
	for i, n := range x.numbers() {
		cell, rest, more := strings.Cut(text, ",")
		if more == (i+1 == len(x.numbers())) {
			return x, errExported
		}
		*n, text = Unknown, rest
		if cell == "" {
			continue
		}
		if *n, err = strconv.ParseInt(cell, 10, 64); err != nil {
			return x, errExported
		}
	}
	return x, nil
}
