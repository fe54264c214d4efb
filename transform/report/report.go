// Package report turns the engine's legs into the rows of a report. It defines
// the columns with their headings, texts and lengths, the date and unit of a
// row, and the Arrow schema and record batches.
//
// REPORT.md, in this directory, has the rules for all values of the rows and of
// the summaries.
//
// [Columns] is the one definition of the columns. The Arrow schema, the CSV
// headings, the JSON members, the audit of a published file and the schema page
// are derived from it.
package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
)

// Unknown is the null of a time, duration or number in a [Row].
const Unknown = session.Unknown

// A Definition defines which rows a report has and how its CSV is written.
type Definition struct {
	Name     string
	Zone     *time.Location
	Language Language
	Unit     Unit
	Hours    *Hours // nil: the whole day
	Labels   Labels
}

// Unit is a part of the organisation. A leg belongs to it if any selector
// matches. Without selectors it is the whole organisation.
type Unit struct {
	Technicians []int64
	Groups      []string // a group A/B belongs to A, too
	Channels    []int64
}

// Hours are the daily hours [From, To) as local times of day. They cross
// midnight if From is after To.
type Hours struct {
	From, To time.Duration // clock time since midnight
}

// Row is one row of a report. Times are milliseconds since the Unix epoch,
// durations milliseconds. Unknown numbers are [Unknown], unknown texts empty.
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
	CustomerAddress      string
}

// Counts counts the values that did not fit their columns.
type Counts struct {
	Truncated int64 // texts cut to their column's length
	IPDropped int64 // customer IPs longer than their column
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Truncated += o.Truncated
	c.IPDropped += o.IPDropped
}

// verdictsUntil is the first day without verdicts (REPORT.md, "Columns":
// resolved_unresolved).
var verdictsUntil = day.Date(2009, time.May, 1)

// Date is the report date of a leg: the local date of its start, or begin
// (REPORT.md, "Membership").
func (d *Definition) Date(l *session.Leg) day.Day {
	return day.Of(l.Dated(), d.Zone)
}

// Includes reports whether a leg belongs to the report's unit and daily hours.
func (d *Definition) Includes(s *session.Session, l *session.Leg) bool {
	return d.Unit.Includes(l) && d.Hours.include(l.Dated(), d.Zone)
}

// Includes reports whether a leg belongs to the unit.
func (u *Unit) Includes(l *session.Leg) bool {
	if len(u.Technicians)+len(u.Groups)+len(u.Channels) == 0 {
		return true
	}
	for _, id := range u.Technicians {
		if l.Technician.ID == id {
			return true
		}
	}
	for _, id := range u.Channels {
		if l.Channel.ID == id {
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

// Row sets r to the row of one leg, and counts in c the values that did not
// fit. The row shares the strings of the session.
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
		ToolsUsed:    joinTools(l.Tools),
		ChannelID:    known(l.Channel.ID), ChannelName: l.Channel.Name, CallingCard: s.CallingCard,
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
		ReportDate: d.Date(l), CustomerAddress: l.Details[event.DetailCustomerIP],
	}
	if s.Type == event.InstantChat {
		r.BrowserType = l.Details[event.DetailBrowserType]
	}
	if r.ReportDate < verdictsUntil {
		r.ResolvedUnresolved = resolutions[l.Verdict]
	}
	c.Add(r.fit())
}

// maxToolsUsed is the length of the column tools_used in code points.
const maxToolsUsed = 128

// joinTools joins tools with commas. It stops where fit cuts the text anyway: a
// leg can have hundreds of thousands of tools.
func joinTools(tools []string) string {
	size := 0
	for i, tool := range tools {
		if size += len(tool) + len(","); size > utf8.UTFMax*maxToolsUsed+len(",") {
			return strings.Join(tools[:i+1], ",")
		}
	}
	return strings.Join(tools, ",")
}

// known maps the id 0, which means not given, to Unknown.
func known(id int64) int64 {
	if id == 0 {
		return Unknown
	}
	return id
}

// fit cuts each text to its column's length in Unicode code points. A customer
// IP that is too long becomes unknown: half an address is a wrong address.
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
		case text == &r.CustomerAddress: // customer_ip has counted it
			*text = ""
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
		return s // every code point has at least one byte
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Compare orders rows as in a partition: by start (or begin), session and leg.
func Compare(a, b *Row) int {
	if x, y := a.Dated(), b.Dated(); x != y {
		return order(x, y)
	}
	if a.SessionID != b.SessionID {
		return order(a.SessionID, b.SessionID)
	}
	return order(a.Leg, b.Leg)
}

// Dated is the time by which rows are sorted and dated: the start, or the begin
// of a row without a start.
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

// Validate returns an error if a label collides with another label or heading.
func (d *Definition) Validate() error {
	seen := map[string]string{}
	for _, h := range d.Headings() {
		folded := strings.ToLower(strings.TrimSpace(h.Text))
		if other, taken := seen[folded]; taken {
			return fmt.Errorf("report %s: the heading %q names both %s and %s in the CSV files; choose another label", d.Name, h.Text, other, h.Column)
		}
		seen[folded] = h.Column
	}
	return nil
}
