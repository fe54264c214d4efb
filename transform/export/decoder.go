package export

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
)

// A Decoder turns the lines of one export into events. It is not safe for concurrent
// use.
type Decoder struct {
	layout    *Layout
	splitter  splitter
	delivered day.Day
	views     bool
	clock     *clock

	text    []byte // of the line
	made    []byte // texts of the event that are not of the line
	cells   []string
	row     report.Row
	details event.Details
}

// NewDecoder makes a decoder of an export that was delivered on a dump day. With views,
// the events are valid only until its next call; else the caller may keep them.
func (l *Layout) NewDecoder(delivered day.Day, views bool) *Decoder {
	return &Decoder{
		layout: l, splitter: splitter{l.delimiter, l.IsQuoted()},
		delivered: delivered, views: views, clock: newClock(l.format.zone),
	}
}

// Decode reads a line, without its line ending, into e. ok is false, and the reject is
// zero, if the line holds no row: the line OK, and the headings. It reports the first
// fault in this order: TooLong; BadValue for bytes that are not UTF-8; BadColumns; then
// by column MissingField or BadValue.
func (d *Decoder) Decode(line []byte, e *event.Event) (ok bool, reject event.Reject) {
	*e = event.Event{}
	switch {
	case len(line) > event.MaxLine:
		return false, event.Reject{Reason: event.TooLong, Detail: fmt.Sprintf("%d bytes, more than %d", len(line), event.MaxLine)}
	case string(line) == d.layout.headings, string(bytes.TrimSpace(line)) == firstLine:
		return false, event.Reject{}
	case !utf8.Valid(line):
		return false, event.Reject{Reason: event.BadValue, Detail: "it is not UTF-8; export it again, or convert it with iconv"}
	}
	if reject := d.split(d.keep(line)); reject.Reason != 0 {
		return false, reject
	}
	if reject := d.read(); reject.Reason != 0 {
		return false, reject
	}
	reject = d.event(e)
	return reject.Reason == 0, reject
}

// keep is the line as a text that lives as long as the event. It has no U+0000, which
// databases refuse.
func (d *Decoder) keep(line []byte) string {
	if d.views {
		d.text = append(d.text[:0], line...)
	} else {
		d.text = bytes.Clone(line)
	}
	text := unsafe.String(unsafe.SliceData(d.text), len(d.text))
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "\ufffd")
	}
	return text
}

// split splits the line into one cell a column.
func (d *Decoder) split(line string) event.Reject {
	d.cells = d.splitter.split(d.cells[:0], line)
	want := len(d.layout.columns)
	if n := len(d.cells); n > want && (d.layout.closed || n == want+1) && isBlank(d.cells[n-1]) {
		d.cells = d.cells[:n-1] // a delimiter closes the line
	}
	switch {
	case len(d.cells) == want:
		return event.Reject{}
	case len(d.cells) > want:
		return d.join()
	}
	return event.Reject{Reason: event.BadColumns, Detail: fmt.Sprintf("%d cells, and %d columns have a heading", len(d.cells), want)}
}

// mostJoined is how many delimiters too many a row may have.
const mostJoined = 64

// join joins cells that a delimiter inside a text has split, if only one way to do so
// fits the columns: numbers, times, durations and fixed values show their places.
func (d *Decoder) join() event.Reject {
	columns := d.layout.columns
	more := len(d.cells) - len(columns)
	if more > mostJoined {
		return event.Reject{Reason: event.BadColumns, Detail: fmt.Sprintf("%d cells, and %d columns have a heading", len(d.cells), len(columns))}
	}
	// ways[c][j]: in how many ways the columns from c on take the cells from c+j on,
	// where j delimiters were inside of earlier texts. Two stand for many.
	ways := make([][mostJoined + 1]uint8, len(columns)+1)
	ways[len(columns)][more] = 1
	for c := len(columns) - 1; c >= 0; c-- {
		for j := 0; j <= more; j++ {
			if !isText(columns[c]) {
				if fits(columns[c], d.cells[c+j]) {
					ways[c][j] = ways[c+1][j]
				}
				continue
			}
			for k := j; k <= more && ways[c][j] < 2; k++ {
				ways[c][j] = min(2, ways[c][j]+ways[c+1][k])
			}
		}
	}
	switch ways[0][0] {
	case 0:
		return event.Reject{Reason: event.BadColumns, Detail: fmt.Sprintf("%d cells, and %d columns have a heading; with a delimiter inside a cell, no reading fits", len(d.cells), len(columns))}
	case 1:
		d.joinBy(ways, more)
		return event.Reject{}
	}
	return event.Reject{Reason: event.BadColumns, Detail: fmt.Sprintf("%d cells, and %d columns have a heading; with a delimiter inside a cell, several readings fit", len(d.cells), len(columns))}
}

// joinBy joins cells in the one way that fits.
func (d *Decoder) joinBy(ways [][mostJoined + 1]uint8, more int) {
	joined := make([]string, len(d.layout.columns))
	j := 0
	for c := range joined {
		k := j
		for isText(d.layout.columns[c]) && k < more && ways[c+1][k] == 0 {
			k++
		}
		joined[c] = strings.Join(d.cells[c+j:c+k+1], string(d.layout.delimiter))
		j = k
	}
	d.cells = append(d.cells[:0], joined...)
}

// isText reports whether any text fits a column.
func isText(column int) bool {
	return column == ignored || report.Columns[column].Kind == report.String && report.Columns[column].Values() == nil
}

// fits reports whether a cell can be that of a column that is no text.
func fits(column int, cell string) bool {
	c, cell := &report.Columns[column], strings.TrimSpace(cell)
	if cell == "" {
		return column != sessionIDColumn && column != statusColumn
	}
	ok := true
	switch c.Kind {
	case report.Timestamp:
		_, ok = parseTime(cell)
	case report.Duration:
		_, ok = parseDuration(cell)
	case report.Integer:
		_, ok = parseInteger(cell)
	case report.String:
		ok = code(column, cell) != 0
	}
	return ok
}

var (
	sessionIDColumn = columnOf("session_id")
	statusColumn    = columnOf("status")
	sessionTypes    = columnOf("session_type")
)

// codes are the codes of fixed values in any language, by column and text, as it is and
// in lower case.
var codes = func() map[int]map[string]int64 {
	all := map[int]map[string]int64{}
	for _, column := range []int{statusColumn, sessionTypes} {
		all[column] = map[string]int64{}
		for code, texts := range report.Columns[column].Values() {
			for _, text := range texts {
				if text != "" { // mostly it comes as it is
					all[column][text], all[column][strings.ToLower(text)] = int64(code), int64(code)
				}
			}
		}
	}
	return all
}()

// unknownRow is a row without any cells.
var unknownRow = func() (r report.Row) {
	for i := range report.Columns {
		c := &report.Columns[i]
		if c.Kind == report.Timestamp || !c.Required && (c.Kind == report.Integer || c.Kind == report.Duration) {
			c.SetNumber(&r, report.Unknown)
		}
	}
	r.TotalTime, r.ActiveTime = report.Unknown, report.Unknown
	return r
}()

// read reads the cells into the row.
func (d *Decoder) read() event.Reject {
	d.row = unknownRow
	for i, column := range d.layout.columns {
		if column == ignored {
			continue
		}
		c, cell := &report.Columns[column], d.cells[i]
		if c.Kind == report.String && c.Values() == nil {
			if isBlank(cell) {
				cell = ""
			}
			c.SetText(&d.row, cell)
			continue
		}
		if cell = strings.TrimSpace(cell); cell == "" {
			continue
		}
		var n int64
		ok := true
		expected := ""
		switch c.Kind {
		case report.Timestamp:
			var at moment
			if at, ok = parseTime(cell); ok {
				n, ok = d.clock.millis(at)
			}
			expected = "not a time such as 11/20/2026 9:15:02 AM, of the years 1990 to 2200"
		case report.Duration:
			n, ok = parseDuration(cell)
			expected = "not a duration such as 0:05:12"
		case report.Integer:
			n, ok = parseInteger(cell)
			expected = "not a whole number from 0"
		case report.String:
			// The row keeps the spelling, whose code is known.
			if ok = code(column, cell) != 0; ok {
				c.SetText(&d.row, cell)
				continue
			}
			expected = "not a value of the report"
		default:
			continue // dates and flags follow from the others
		}
		if !ok {
			return event.Reject{Reason: event.BadValue, Detail: fmt.Sprintf("%s %.40q: %s", c.Name, cell, expected)}
		}
		c.SetNumber(&d.row, n)
	}
	return event.Reject{}
}

// isBlank reports whether a cell has blanks alone.
func isBlank(cell string) bool { return cell == "" || cell[0] <= ' ' && strings.TrimSpace(cell) == "" }

// code returns the code of a fixed value, and 0 for an unknown value.
func code(column int, text string) int64 {
	if text == "" {
		return 0
	}
	if code, ok := codes[column][text]; ok {
		return code
	}
	return codes[column][strings.ToLower(text)]
}

// known is a number, or 0 for an unknown one.
func known(n int64) int64 {
	if n == report.Unknown {
		return 0
	}
	return n
}

// event makes the event of the row.
func (d *Decoder) event(e *event.Event) event.Reject {
	r := &d.row
	status := event.Status(code(statusColumn, r.Status))
	dated := r.StartTime
	if dated == report.Unknown {
		dated = begin(r)
	}
	switch {
	case r.SessionID < 1:
		return event.Reject{Reason: event.MissingField, Detail: "session_id is missing or 0"}
	case status == 0:
		return event.Reject{Reason: event.MissingField, Detail: "status is missing"}
	case dated == report.Unknown:
		return event.Reject{Reason: event.MissingField, Detail: "start_time is missing, and no other time of the row tells its date"}
	}
	x := event.Exported{
		Delivered: int64(d.delivered), SessionType: code(sessionTypes, r.SessionType), Verdict: verdict(r.ResolvedUnresolved),
		Start: r.StartTime, End: r.EndTime, LastAction: r.LastActionTime, FirstMessage: r.FirstChatMessageSent, Begin: begin(r),
		Connecting: r.ConnectingTime, Waiting: r.WaitingTime, Total: r.TotalTime, Active: r.ActiveTime, Work: r.WorkTime, Hold: r.HoldTime,
		Transfer: r.TransferTime, Rebooting: r.RebootingTime, Reconnecting: r.ReconnectingTime, Other: r.OtherTime,
		TimeToFirstChat: r.TimeToFirstChat, WrapUp: r.WrapUpTime,
		CustomerMessages: r.CustomerMessages, TechnicianMessages: r.TechnicianMessages, SystemMessages: r.SystemMessages,
	}
	active := "active_time"
	if x.Active == report.Unknown {
		x.Active, active = x.Work, "work_time" // at least
	}
	if x.Total == report.Unknown {
		x.Total = x.Active + x.Hold + x.Transfer + x.Rebooting + x.Reconnecting
	}
	if x.Work > x.Active {
		return event.Reject{Reason: event.BadValue, Detail: more("work_time", x.Work, "active_time", x.Active)}
	}
	if x.Active > x.Total {
		return event.Reject{Reason: event.BadValue, Detail: more(active, x.Active, "total_time", x.Total)}
	}
	if strings.EqualFold(r.Role, "collaborator") {
		x.Collaborator = 1
	}
	e.Type, e.SessionID, e.TS, e.Status, e.Tool = event.ExportedRow, r.SessionID, dated*1000, status, r.ToolsUsed
	e.Technician = event.Person{ID: known(r.TechnicianID), Name: r.TechnicianName, Email: r.TechnicianEmail, Group: r.TechnicianGroup}
	e.Channel = event.Channel{ID: known(r.ChannelID), Name: r.ChannelName}
	e.CallingCard, e.TransferredTo.Name = r.CallingCard, r.TransferredTo
	e.Details = d.detailsOf(r)
	e.Seq = precedence(&x, status)
	d.made = appendIdentity(d.made[:0], e)
	length := len(d.made)
	d.made = x.AppendText(d.made)
	made := unsafe.String(unsafe.SliceData(d.made), len(d.made))
	if !d.views {
		made = strings.Clone(made)
	}
	text := made[length:]
	e.ID, e.Exported = made[:length], &text
	return event.Reject{}
}

// more says that a time exceeds another one that has it as a part, in milliseconds.
func more(name string, part int64, of string, whole int64) string {
	return fmt.Sprintf("%s (%v) is more than %s (%v)", name, time.Duration(part)*time.Millisecond, of, time.Duration(whole)*time.Millisecond)
}

// begin is when the technician's part began: as given, or as far before a time of the
// row as the customer waited and connected.
func begin(r *report.Row) int64 {
	if r.BeginTime != report.Unknown {
		return r.BeginTime
	}
	for _, after := range []int64{r.StartTime, r.EndTime, r.FirstChatMessageSent, r.LastActionTime} {
		if after != report.Unknown {
			return after - r.WaitingTime - r.ConnectingTime
		}
	}
	return report.Unknown
}

func verdict(text string) int64 {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "resolved", "opgelost":
		return int64(event.Resolved)
	case "unresolved", "onopgelost":
		return int64(event.Unresolved)
	}
	return 0
}

// precedence orders the deliveries of one row: the first one counts. It is that of a
// session that is over, the earliest of these, or else the latest delivery.
func precedence(x *event.Exported, s event.Status) int64 {
	const latest = 1 << 30 // days
	if x.Open(s) {
		return latest - x.Delivered
	}
	return max(0, x.Delivered)
}

// appendIdentity appends the key of a row within its session: technician and start.
func appendIdentity(b []byte, e *event.Event) []byte {
	b = append(b, "row "...)
	if e.Technician.ID != 0 || e.Technician.Name == "" {
		b = strconv.AppendInt(b, e.Technician.ID, 10)
	} else {
		hash := fnv.New64a()
		hash.Write([]byte(e.Technician.Name))
		b = strconv.AppendUint(append(b, 'n'), hash.Sum64(), 16)
	}
	return strconv.AppendInt(append(b, ' '), e.TS/1000, 10)
}

// detailsOf are the details of the row.
func (d *Decoder) detailsOf(r *report.Row) *event.Details {
	to := &d.details
	if !d.views {
		to = new(event.Details)
	}
	*to = event.Details{Value: [event.NumDetails]string{
		event.DetailName: r.Name, event.DetailTrackingID: r.TrackingID, event.DetailCustomerIP: cmp.Or(r.CustomerAddress, r.CustomerIP),
		event.DetailDeviceID: r.DeviceID, event.DetailPlatform: r.Platform, event.DetailBrowserType: r.BrowserType,
	}}
	copy(to.Value[event.DetailCustomField1:], r.CustomFields[:])
	for i, v := range to.Value {
		if v != "" {
			to.Given |= 1 << i
		}
	}
	if to.Given == 0 {
		return nil
	}
	return to
}
