// Package report turns the engine's legs into the rows of a report: the
// columns of REPORT.md with their headings, texts and lengths, the date and
// the unit a row belongs to, and the Arrow schema and record batches.
//
// REPORT.md, in this directory, has the rules for all values of the rows, and
// for the summaries beside them.
//
// There is one definition of the columns, [Columns]. The Arrow schema, the
// CSV headings, the JSON members, the audit of a published file, the schema
// page and its golden file are all read off it.
package report

import (
	"fmt"
	"strings"
	"time"

	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
)

// Unknown is a null in a time, duration or number of a [Row].
const Unknown = session.Unknown

// A Definition says which rows a report has and how its CSV is written.
type Definition struct {
	Name     string
	Zone     *time.Location
	Language Language
	Unit     Unit
	Hours    *Hours // nil: the whole day
	Labels   Labels
}

// Unit is a part of the organisation: a leg belongs to it if any of the
// selectors matches. Without selectors it is the whole organisation.
type Unit struct {
	Technicians []int64
	Groups      []string // a group A/B belongs to A, too
	Channels    []int64
}

// Hours are daily hours, half open, as local times of day. They cross
// midnight if From is after To.
type Hours struct {
	From, To time.Duration // since midnight by the clock
}

// Row is one row of a report. Times are milliseconds since the Unix epoch,
// durations milliseconds, [Unknown] where they are not known; an empty text
// is unknown.
type Row struct {
	StartTime, EndTime, LastActionTime int64

	TechnicianName  string
	TechnicianID    int64
	TechnicianEmail string

	SessionID   int64
	SessionType string
	Status      string

	Name               string
	CustomFields       [5]string
	TrackingID         string
	CustomerIP         string
	DeviceID           string
	ToolsUsed          string
	ResolvedUnresolved string
	ChannelID          int64
	ChannelName        string
	CallingCard        string

	ConnectingTime, WaitingTime, TotalTime, ActiveTime, WorkTime, HoldTime,
	TransferTime, RebootingTime, ReconnectingTime int64

	Platform        string
	BrowserType     string
	TechnicianGroup string

	TimeToFirstChat, WrapUpTime int64

	TransferredTo        string
	FirstChatMessageSent int64
	CustomerMessages     int64
	TechnicianMessages   int64
	SystemMessages       int64
	Leg                  int64
	Role                 string
	BeginTime            int64
	IsFinal              bool
	OtherTime            int64
	Anomalies            string
	ReportDate           day.Day
}

// Counts is what did not fit the columns of the rows made so far.
type Counts struct {
	Truncated int64 // texts cut to their column's length
	IPDropped int64 // customer IPs too long for theirs
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Truncated += o.Truncated
	c.IPDropped += o.IPDropped
}

// verdictsUntil is the first day on which the product kept no verdicts
// (REPORT.md, "Columns": resolved_unresolved).
var verdictsUntil = day.Date(2009, time.May, 1)

// Date is the report date of a leg: the local date of its start, or begin
// (REPORT.md, "Membership").
func (d *Definition) Date(l *session.Leg) day.Day {
	return day.Of(l.Dated(), d.Zone)
}

// Includes says whether a leg belongs to the report: to its unit, and to its
// daily hours.
func (d *Definition) Includes(s *session.Session, l *session.Leg) bool {
	return d.Unit.includes(s, l) && d.Hours.include(l.Dated(), d.Zone)
}

func (u *Unit) includes(s *session.Session, l *session.Leg) bool {
	if len(u.Technicians)+len(u.Groups)+len(u.Channels) == 0 {
		return true
	}
	for _, id := range u.Technicians {
		if l.Technician.ID == id {
			return true
		}
	}
	for _, id := range u.Channels {
		if s.Channel.ID == id {
			return true
		}
	}
	for _, g := range u.Groups {
		if rest, ok := strings.CutPrefix(l.Technician.Group, g); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

func (h *Hours) include(ms int64, zone *time.Location) bool {
	if h == nil {
		return true
	}
	t := time.UnixMilli(ms).In(zone)
	clock := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	if h.From < h.To {
		return h.From <= clock && clock < h.To
	}
	return h.From <= clock || clock < h.To
}

// Row makes r the row of one leg, and counts in c what did not fit. The row
// shares the strings of the session.
func (d *Definition) Row(r *Row, s *session.Session, l *session.Leg, c *Counts) {
	*r = Row{
		StartTime: l.Start, EndTime: l.End, LastActionTime: l.LastAction,
		TechnicianName: l.Technician.Name, TechnicianID: known(l.Technician.ID), TechnicianEmail: l.Technician.Email,
		SessionID: s.ID, SessionType: sessionTypes[s.Type][English], Status: statuses[l.Status][English],
		Name:         l.Details[event.DetailName],
		CustomFields: [5]string(l.Details[event.DetailCustomField1:]),
		TrackingID:   l.Details[event.DetailTrackingID],
		CustomerIP:   l.Details[event.DetailCustomerIP],
		DeviceID:     l.Details[event.DetailDeviceID],
		ToolsUsed:    strings.Join(l.Tools, ","),
		ChannelID:    known(s.Channel.ID), ChannelName: s.Channel.Name, CallingCard: s.CallingCard,
		ConnectingTime: l.Connecting, WaitingTime: l.Waiting, TotalTime: l.Total(), ActiveTime: l.Active,
		WorkTime: l.Work, HoldTime: l.Hold, TransferTime: l.Transfer, RebootingTime: l.Rebooting,
		ReconnectingTime: l.Reconnecting, OtherTime: l.Other,
		Platform:        l.Details[event.DetailPlatform],
		TechnicianGroup: l.Technician.Group,
		TimeToFirstChat: l.TimeToFirstChat, WrapUpTime: l.WrapUp,
		TransferredTo: l.TransferredTo, FirstChatMessageSent: l.FirstMessage,
		CustomerMessages: l.CustomerMessages, TechnicianMessages: l.TechnicianMessages, SystemMessages: l.SystemMessages,
		Leg: int64(l.Number), Role: l.Role.String(), BeginTime: l.Begin, IsFinal: l.Final,
		Anomalies:  s.Anomalies.String(),
		ReportDate: d.Date(l),
	}
	if s.Type == event.InstantChat {
		r.BrowserType = l.Details[event.DetailBrowserType]
	}
	if r.ReportDate < verdictsUntil {
		r.ResolvedUnresolved = resolutions[l.Verdict]
	}
	c.Add(r.fit())
}

// known maps an id that no event gave to a null.
func known(id int64) int64 {
	if id == 0 {
		return Unknown
	}
	return id
}

// fit cuts each text to its column's length in Unicode code points, and drops
// a customer IP that is too long: half an address is a wrong one.
func (r *Row) fit() (c Counts) {
	for i := range Columns {
		col := &Columns[i]
		if col.MaxLength == 0 {
			continue
		}
		text := col.text(r)
		cut := cutRunes(*text, col.MaxLength)
		switch {
		case len(cut) == len(*text):
		case text == &r.CustomerIP:
			*text = ""
			c.IPDropped++
		default:
			*text = cut
			c.Truncated++
		}
	}
	return c
}

// cutRunes returns the first n code points of s.
func cutRunes(s string, n int) string {
	if len(s) <= n {
		return s // no code point is shorter than a byte
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Compare orders rows as a partition holds them: by start (or begin), session
// and leg.
func Compare(a, b *Row) int {
	if x, y := a.Dated(), b.Dated(); x != y {
		return order(x, y)
	}
	if a.SessionID != b.SessionID {
		return order(a.SessionID, b.SessionID)
	}
	return order(a.Leg, b.Leg)
}

// Dated is the moment by which rows are sorted and dated: the start, or the
// begin of a row that has none.
func (r *Row) Dated() int64 {
	if r.StartTime != Unknown {
		return r.StartTime
	}
	return r.BeginTime
}

func order(a, b int64) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// Validate says what is wrong with a definition that the engine cannot see:
// labels that collide with each other or with another heading.
func (d *Definition) Validate() error {
	seen := map[string]string{}
	for _, h := range d.Headings() {
		folded := strings.ToLower(strings.TrimSpace(h.Text))
		if other, taken := seen[folded]; taken {
			return fmt.Errorf("report %s: the heading %q would stand for both %s and %s in a CSV; choose another label", d.Name, h.Text, other, h.Column)
		}
		seen[folded] = h.Column
	}
	return nil
}
