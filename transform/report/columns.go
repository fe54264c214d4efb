package report

import (
	"fmt"
	"time"

	"daybook/transform/day"
)

// Kind is the kind of a column's values. It decides how they are stored and
// written.
type Kind uint8

// The kinds of REPORT.md, "Columns".
const (
	Timestamp Kind = iota // whole milliseconds, stored as timestamp[us, UTC]
	Duration              // whole milliseconds, stored as int64
	Integer               // int64
	String                // UTF-8
	Boolean               // boolean
	Date                  // date32
	Decimal               // float64: of tables, not of columns of a report
	Share                 // float64, of 1: likewise
)

// Column defines one column of the report. Its kind decides which one of its
// four accessors is set.
type Column struct {
	Name      string // in Parquet and NDJSON
	Heading   Text   // in CSV; Definition.Headings applies the configured labels
	Kind      Kind
	Required  bool
	MaxLength int    // in Unicode code points; 0: no limit
	Since     int    // the first schema version that has the column; 0: the first one
	Doc       string // for the schema page

	number func(*Row) *int64
	text   func(*Row) *string
	flag   func(*Row) *bool
	date   func(*Row) *day.Day
	values []Text // the translated values
	label  func(*Labels) string
}

// FieldID is the column's Parquet field id: its position in the schema, from 1.
// It never changes, because new columns come at the end.
func (c *Column) FieldID() int {
	for i := range Columns {
		if &Columns[i] == c {
			return i + 1
		}
	}
	panic("report: a column outside the schema")
}

// Number is the row's value in a timestamp, duration or integer column.
// [Unknown] is null. Number panics for other kinds.
func (c *Column) Number(r *Row) int64 { return *c.number(r) }

// Text is the row's value in a string column. Empty is null.
func (c *Column) Text(r *Row) string { return *c.text(r) }

// Flag is the row's value in a boolean column.
func (c *Column) Flag(r *Row) bool { return *c.flag(r) }

// Values are the texts of a column that has a fixed set of them, by code; nil for any
// other column.
func (c *Column) Values() []Text { return c.values }

// Day is the row's value in a date column.
func (c *Column) Day(r *Row) day.Day { return *c.date(r) }

// SchemaVersion rises with every change of the schema.
//
// Version 2: customer_address.
const SchemaVersion = 2

// Columns are the columns of the report, in order (REPORT.md, "Columns").
// New columns come at the end. A column never moves, changes its type or is
// removed.
var Columns = []Column{
	timestamp("start_time", "Start Time", "Starttijd", func(r *Row) *int64 { return &r.StartTime },
		"When the session first was active with this technician. Null: never picked up."),
	timestamp("end_time", "End Time", "Eindtijd", func(r *Row) *int64 { return &r.EndTime },
		"When the session was last closed or timed out, or the technician's part was over."),
	timestamp("last_action_time", "Last Action Time", "Laatste actietijd", func(r *Row) *int64 { return &r.LastActionTime },
		"When the technician last stopped being in action."),
	text("technician_name", "Technician Name", "Naam van technicus", 128, func(r *Row) *string { return &r.TechnicianName },
		"As it was when the technician took the session."),
	integer("technician_id", "Technician ID", "Technicus-ID", func(r *Row) *int64 { return &r.TechnicianID },
		"Null: no technician took the session."),
	text("technician_email", "Technician Email", "E-mailadres van technicus", 128, func(r *Row) *string { return &r.TechnicianEmail },
		"As it was when the technician took the session."),
	required(integer("session_id", "Session ID", "Sessie-ID", func(r *Row) *int64 { return &r.SessionID },
		"With leg, the key of a row.")),
	valued(text("session_type", "Session Type", "Sessietype", 100, func(r *Row) *string { return &r.SessionType },
		"The technology at the customer's side."), sessionTypes[:]),
	required(valued(text("status", "Status", "Status", 64, func(r *Row) *string { return &r.Status },
		"The status when the technician's part was over, or the current status."), statuses[:])),
	labelled(text("name", "Name", "Naam", 128, func(r *Row) *string { return &r.Name },
		"The customer's name as entered. Its heading is configurable."),
		func(l *Labels) string { return l.Name }),
	custom(1), custom(2), custom(3), custom(4), custom(5),
	text("tracking_id", "Tracking ID", "Tracerings-ID", 256, func(r *Row) *string { return &r.TrackingID },
		"A key that the organisation chooses, for example of its CRM."),
	text("customer_ip", "Customer IP", "IP van klant", 15, func(r *Row) *string { return &r.CustomerIP },
		"Null if longer than the column: half an address is a wrong address."),
	text("device_id", "Device ID", "Apparaat-ID", 128, func(r *Row) *string { return &r.DeviceID },
		"The customer's device."),
	text("tools_used", "Incident Tools Used", "Gebruikte tool", maxToolsUsed, func(r *Row) *string { return &r.ToolsUsed },
		"Distinct codes in order of first use, joined by commas."),
	text("resolved_unresolved", "Resolved Unresolved", "Opgelost/onopgelost", 0, func(r *Row) *string { return &r.ResolvedUnresolved },
		"Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on."),
	integer("channel_id", "Channel ID", "Kanaal-ID", func(r *Row) *int64 { return &r.ChannelID },
		"The channel of the session, or to which it was transferred."),
	text("channel_name", "Channel Name", "Kanaalnaam", 64, func(r *Row) *string { return &r.ChannelName },
		"The channel of the session, or to which it was transferred."),
	text("calling_card", "Calling Card", "Calling Card", 64, func(r *Row) *string { return &r.CallingCard },
		"The Calling Card installer used."),
	duration("connecting_time_ms", "Connecting Time", "Verbindingstijd", func(r *Row) *int64 { return &r.ConnectingTime },
		"From begin to the first status other than Connecting. Collaborators: 0."),
	duration("waiting_time_ms", "Waiting Time", "Wachttijd", func(r *Row) *int64 { return &r.WaitingTime },
		"From the first Waiting before the start to the start. Collaborators: 0."),
	duration("total_time_ms", "Total Time", "Totale tijd", func(r *Row) *int64 { return &r.TotalTime },
		"Active, hold, transfer, rebooting and reconnecting time together."),
	duration("active_time_ms", "Active Time", "Actieve tijd", func(r *Row) *int64 { return &r.ActiveTime },
		"Time in status Active between start and end."),
	duration("work_time_ms", "Work Time", "Werktijd", func(r *Row) *int64 { return &r.WorkTime },
		"Active time with the link up, the technician available, the session's tab selected and the console in the foreground."),
	duration("hold_time_ms", "Hold Time", "Onderbrekingstijd", func(r *Row) *int64 { return &r.HoldTime },
		"Time in status On Hold between start and end."),
	duration("transfer_time_ms", "Time in Transfer", "Overdrachtstijd", func(r *Row) *int64 { return &r.TransferTime },
		"Time in status Transferring between start and end."),
	duration("rebooting_time_ms", "Rebooting Time", "Herstarttijd", func(r *Row) *int64 { return &r.RebootingTime },
		"Time in status Rebooting between start and end."),
	duration("reconnecting_time_ms", "Reconnecting Time", "Herverbindingstijd", func(r *Row) *int64 { return &r.ReconnectingTime },
		"Time in status Reconnecting between start and end."),
	text("platform", "Platform", "Platform", 20, func(r *Row) *string { return &r.Platform },
		"The customer's operating system."),
	text("browser_type", "Browser Type", "Browsertype", 0, func(r *Row) *string { return &r.BrowserType },
		"Instant Chat only: the browser in which the customer started it."),
	text("technician_group", "Technician Group", "Technicusgroep", 128, func(r *Row) *string { return &r.TechnicianGroup },
		"The technician's group at that time, as a path: A/B lies in A."),
	optional(duration("time_to_first_chat_ms", "Time to First Chat", "Tijd tot eerste chat", func(r *Row) *int64 { return &r.TimeToFirstChat },
		"From the first Waiting, or the begin, to the technician's first message. Collaborators: null.")),
	optional(duration("wrap_up_time_ms", "Wrap-up Time", "Afrondingstijd", func(r *Row) *int64 { return &r.WrapUpTime },
		"From the last customer or technician message to the end of the technician's part.")),
	text("transferred_to", "Transferred To", "Overgedragen aan", 128, func(r *Row) *string { return &r.TransferredTo },
		"The technician or channel the session was transferred to."),
	timestamp("first_chat_message_sent", "First Chat Message Sent", "Tijdstip eerste verstuurde chatbericht", func(r *Row) *int64 { return &r.FirstChatMessageSent },
		"The technician's first message."),
	required(integer("customer_messages", "Number of Customer Messages", "Aantal klantberichten", func(r *Row) *int64 { return &r.CustomerMessages },
		"While the technician had a part in the session.")),
	required(integer("technician_messages", "Number of Technician Messages", "Aantal technicusberichten", func(r *Row) *int64 { return &r.TechnicianMessages },
		"Those of this row's technician.")),
	required(integer("system_messages", "Number of System Messages", "Aantal systeemberichten", func(r *Row) *int64 { return &r.SystemMessages },
		"While the technician had a part in the session.")),
	required(integer("leg", "Leg", "Deelsessie", func(r *Row) *int64 { return &r.Leg },
		"0, 1, 2 … in order of opening. With session_id, the key of a row.")),
	required(text("role", "Role", "Rol", 0, func(r *Row) *string { return &r.Role },
		"lead or collaborator.")),
	required(timestamp("begin_time", "Begin Time", "Begintijd", func(r *Row) *int64 { return &r.BeginTime },
		"When the technician's part opened.")),
	required(Column{Name: "is_final", Heading: Text{"Final", "Definitief"}, Kind: Boolean, flag: func(r *Row) *bool { return &r.IsFinal },
		Doc: "The technician's part is over; false: the row may change."}),
	duration("other_time_ms", "Other Time", "Overige tijd", func(r *Row) *int64 { return &r.OtherTime },
		"Time between start and end in any other status."),
	text("anomalies", "Anomalies", "Afwijkingen", 0, func(r *Row) *string { return &r.Anomalies },
		"The session's anomalies: distinct codes in alphabetical order, joined by commas."),
	required(Column{Name: "report_date", Heading: Text{"Report Date", "Rapportdatum"}, Kind: Date, date: func(r *Row) *day.Day { return &r.ReportDate },
		Doc: "The local date of the start, or of the begin, in the report's time zone."}),
	since(2, text("customer_address", "Customer Address", "Klantadres", 45, func(r *Row) *string { return &r.CustomerAddress },
		"The customer's address in full, IPv6 too. Null if longer than the column.")),
}

func timestamp(name, en, nl string, number func(*Row) *int64, doc string) Column {
	return Column{Name: name, Heading: Text{en, nl}, Kind: Timestamp, number: number, Doc: doc}
}

func duration(name, en, nl string, number func(*Row) *int64, doc string) Column {
	return Column{Name: name, Heading: Text{en, nl}, Kind: Duration, Required: true, number: number, Doc: doc}
}

func integer(name, en, nl string, number func(*Row) *int64, doc string) Column {
	return Column{Name: name, Heading: Text{en, nl}, Kind: Integer, number: number, Doc: doc}
}

func text(name, en, nl string, maxLength int, text func(*Row) *string, doc string) Column {
	return Column{Name: name, Heading: Text{en, nl}, Kind: String, MaxLength: maxLength, text: text, Doc: doc}
}

func custom(n int) Column {
	c := text(fmt.Sprintf("custom_field_%d", n), fmt.Sprintf("Custom field %d", n), fmt.Sprintf("Aangepast veld %d", n), 64,
		func(r *Row) *string { return &r.CustomFields[n-1] },
		"The text entered in the custom field. Its heading is configurable.")
	return labelled(c, func(l *Labels) string { return l.CustomFields[n-1] })
}

func required(c Column) Column { c.Required = true; return c }

func since(version int, c Column) Column { c.Since = version; return c }

func optional(c Column) Column { c.Required = false; return c }

func valued(c Column, values []Text) Column { c.values = values; return c }

func labelled(c Column, label func(*Labels) string) Column { c.label = label; return c }

// Heading is the heading of a column in a report's CSV files.
type Heading struct{ Column, Text string }

// Headings returns the CSV headings of the report in order, in its language and
// with its labels.
func (d *Definition) Headings() []Heading {
	headings := make([]Heading, len(Columns))
	for i := range Columns {
		c := &Columns[i]
		headings[i] = Heading{c.Name, c.Heading[d.Language]}
		if c.label != nil {
			if l := c.label(&d.Labels); l != "" {
				headings[i].Text = l
			}
		}
	}
	return headings
}

// AppendCell appends the row's value in column c as in the report's CSV files,
// without quoting: times in the report's time zone, durations as H:MM:SS, values
// in its language, nothing for null.
func (d *Definition) AppendCell(b []byte, c *Column, r *Row) []byte {
	switch c.Kind {
	case Timestamp:
		if ms := c.Number(r); ms != Unknown {
			b = time.UnixMilli(ms).In(d.Zone).AppendFormat(b, "2006-01-02T15:04:05-07:00")
		}
	case Duration:
		if ms := c.Number(r); ms != Unknown {
			b = AppendDuration(b, ms)
		}
	case Integer:
		if n := c.Number(r); n != Unknown {
			b = fmt.Append(b, n)
		}
	case String:
		b = append(b, inLanguage(c.values, c.Text(r), d.Language)...)
	case Boolean:
		b = fmt.Append(b, c.Flag(r))
	case Date:
		b = append(b, c.Day(r).String()...)
	}
	return b
}

// AppendDuration appends milliseconds as H:MM:SS, rounded down. Hours do not
// wrap.
func AppendDuration(b []byte, ms int64) []byte {
	s := ms / 1000
	return fmt.Appendf(b, "%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// ParseDuration is the reverse of AppendDuration: the milliseconds of H:MM:SS.
func ParseDuration(text string) (ms int64, ok bool) {
	var hours, minutes, seconds int64
	if _, err := fmt.Sscanf(text, "%d:%2d:%2d", &hours, &minutes, &seconds); err != nil {
		return 0, false
	}
	return (hours*3600 + minutes*60 + seconds) * 1000, true
}
