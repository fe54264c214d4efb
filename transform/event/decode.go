package event

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Decoder turns lines into events. It interns strings that repeat, so use
// one Decoder for many lines. It is not safe for concurrent use.
type Decoder struct {
	views       bool // events share the memory of their line and of the Decoder
	strings     interned
	technicians known
	ids         arena
	calendar    calendar
	slab        slab

	// The current line.
	line    []byte
	taken   uint32  // bit m: opening has put member m into the event
	outer   members // members of the line's object
	inner   members // members of a nested object
	reject  Reject  // the first fault
	scratch []byte  // the line's strings with escapes, unescaped
	gaps    uint8   // custom fields that a map has put null for, and that are not given, as bits
	open    []byte  // the open brackets of a skipped value
}

// NewDecoder returns a Decoder with empty tables.
func NewDecoder() *Decoder {
	return &Decoder{strings: interned{}, technicians: known{}}
}

// NewViewDecoder returns a Decoder whose events are valid only until its next
// call, and while their line does not change. It copies no texts, which saves a
// tenth of the time.
func NewViewDecoder() *Decoder {
	d := NewDecoder()
	d.views = true
	return d
}

// Decode reads a line, without its line ending, into e. It returns the zero
// Reject if the line is an event; otherwise e is the zero Event. The event
// shares no memory with the line and no mutable memory with the Decoder: the
// caller may keep it. Events of a [NewViewDecoder] share both.
//
// If a line has several faults, Decode reports the first in this order:
//
//  1. TooLong: it is longer than MaxLine.
//  2. BadJSON: it is not one JSON object in valid UTF-8. All parts are checked,
//     also those that have no meaning here. Test for blank lines with [Blank].
//  3. The first member that is missing (MissingField) or wrong (BadValue; for
//     an unlisted type, UnknownType). The order is that of EVENTS.md:
//     event_id, ts, session_id, seq, type, then the members of the type. The
//     members of a nested object come in its place.
func (d *Decoder) Decode(line []byte, e *Event) Reject {
	*e = Event{}
	if len(line) > MaxLine {
		return Reject{TooLong, fmt.Sprintf("%d bytes, more than %d", len(line), MaxLine)}
	}
	if at := d.scan(line, e); at < 0 {
		*e = Event{}
		return Reject{BadJSON, notJSON(line, ^at)}
	}
	d.line, d.reject = line, Reject{}
	d.envelope(e)
	if d.reject.Reason == 0 {
		d.body(e)
	}
	d.line = nil // it belongs to the caller
	if d.reject.Reason != 0 {
		*e = Event{}
	}
	return d.reject
}

// Blank reports whether a line is empty or JSON white space alone.
func Blank(line []byte) bool { return space(line, 0) == len(line) }

// scan checks the grammar of the whole line. It decodes the usual first members
// into e and leaves the spans of all others in d.outer.
func (d *Decoder) scan(line []byte, e *Event) int {
	d.taken, d.outer.seen, d.scratch = 0, 0, d.scratch[:0]
	i := d.opening(line, e)
	if i > 0 {
		i = d.members(line, space(line, i), &d.outer)
	} else {
		i = space(line, 0)
		if i == len(line) || line[i] != '{' {
			return ^i
		}
		i = d.object(line, i, &d.outer)
	}
	if i < 0 {
		return i
	}
	if i = space(line, i); i < len(line) {
		return ^i
	}
	return i
}

// The limits that EVENTS.md sets.
const (
	maxEventID = 64 // bytes
	maxTool    = 32 // code points
)

// envelope decodes the members that every event has, except those that opening
// has decoded.
func (d *Decoder) envelope(e *Event) {
	m := &d.outer
	left := ^d.taken | m.seen // the last of a repeated member counts
	if left>>fEventID&1 != 0 {
		if id, ok := d.required(m, fEventID); ok {
			if len(id) > maxEventID {
				d.fail(BadValue, m, fEventID, "longer than 64 bytes")
			}
			e.ID = d.unique(id)
		}
	}
	if left>>fTS&1 != 0 {
		if s, ok := d.required(m, fTS); ok {
			if e.TS, ok = d.calendar.parseTime(s); !ok {
				d.fail(BadValue, m, fTS, "not an RFC 3339 time of the years 1990 to 2200")
			}
		}
	}
	if left>>fSessionID&1 != 0 {
		e.SessionID = d.id(m, fSessionID, true)
	}
	if left>>fSeq&1 != 0 {
		e.Seq = d.atLeast(m, fSeq, 0)
	}
	if left>>fType&1 != 0 {
		if s, ok := d.required(m, fType); ok {
			if e.Type = Type(lineTypeCodes.find(s)); e.Type == 0 {
				d.fail(UnknownType, m, fType, "not an event type")
			}
		}
	}
}

// body decodes the members of the event's type, in the order of EVENTS.md,
// "Types".
func (d *Decoder) body(e *Event) {
	m := &d.outer
	switch e.Type {
	case SessionCreated:
		e.SessionType = SessionType(d.code(fSessionType, sessionTypeCodes))
		d.technician(&e.Technician, false)
		e.Channel = d.channel()
		e.CallingCard = d.repeated(d.optional(m, fCallingCard))
		e.Details = d.details(false)
	case DetailsChanged:
		if m.seen&detailMembers == 0 {
			d.fail(MissingField, m, fName, "missing, like every other detail: give at least one")
		}
		e.Details = d.details(true)
	case StatusChanged:
		e.Status = Status(d.code(fStatus, statusCodes))
		d.technician(&e.Technician, false)
		e.TransferredTo = d.transferredTo()
	case CollaborationStarted:
		d.technician(&e.Technician, true)
	case CollaborationEnded:
		e.TechnicianID = d.id(m, fTechnicianID, true)
	case Presence:
		e.Signal = Signal(d.code(fState, signalCodes))
		e.TechnicianID = d.id(m, fTechnicianID, false)
	case ChatMessage:
		e.Sender = Sender(d.code(fSender, senderCodes))
		e.TechnicianID = d.id(m, fTechnicianID, false)
	case ToolUsed:
		if tool, ok := d.required(m, fTool); ok {
			if utf8.RuneCount(tool) > maxTool {
				d.fail(BadValue, m, fTool, "longer than 32 characters")
			}
			e.Tool = d.repeated(tool)
		}
		e.TechnicianID = d.id(m, fTechnicianID, false)
	case ResolutionSubmitted:
		e.Resolution = Resolution(d.code(fResolution, resolutionCodes))
		e.TechnicianID = d.id(m, fTechnicianID, false)
	case QueueRemoved:
		e.By = Actor(d.code(fBy, removedByCodes))
		e.TechnicianID = d.id(m, fTechnicianID, false)
	}
}

// technician decodes the member technician into p, which is zero.
func (d *Decoder) technician(p *Person, required bool) {
	v, ok := d.enter(fTechnician, required)
	if !ok {
		return
	}
	if d.outer.known != nil {
		*p = *d.outer.known
		return
	}
	p.ID = d.id(&d.inner, fID, true)
	p.Name = d.strings.get(d.optional(&d.inner, fName))
	p.Email = d.strings.get(d.optional(&d.inner, fEmail))
	p.Group = d.strings.get(d.optional(&d.inner, fGroup))
	if d.reject.Reason == 0 {
		d.technicians.add(d.raw(v), *p)
	}
}

// channel decodes the member channel.
func (d *Decoder) channel() Channel {
	if _, ok := d.enter(fChannel, false); !ok {
		return Channel{}
	}
	return Channel{
		ID:   d.id(&d.inner, fID, true),
		Name: d.repeated(d.optional(&d.inner, fName)),
	}
}

// transferredTo decodes the member transferred_to. An id that no channel can
// have is unknown; the id of a technician has no use.
func (d *Decoder) transferredTo() (to Target) {
	if _, ok := d.enter(fTransferredTo, false); !ok {
		return Target{}
	}
	m := &d.inner
	switch kind := d.optional(m, fKind); string(kind) {
	case "", "technician":
	case "channel":
		to.Channel = true
	default:
		d.fail(BadValue, m, fKind, "neither technician nor channel")
	}
	switch v, ok := m.get(fID); {
	case ok && v.kind() != integer:
		d.fail(BadValue, m, fID, "not an integer")
	case ok && to.Channel:
		if id, fits := natural(d.line, v.start(), v.end()); fits {
			to.ID = id
		}
	}
	name, _ := d.required(m, fName)
	to.Name = d.repeated(name)
	return to
}

// enter scans the nested object of member f into d.inner, unless it is a known
// technician. It returns false if there is no object.
func (d *Decoder) enter(f member, required bool) (span, bool) {
	v, ok := d.outer.get(f)
	switch {
	case !ok && required:
		d.fail(MissingField, &d.outer, f, "missing")
	case ok && v.kind() != object:
		d.fail(BadValue, &d.outer, f, "not an object")
		return v, false
	case ok && (f != fTechnician || d.outer.known == nil):
		d.inner.path = memberNames[f] + "."
		d.object(d.line, v.start(), &d.inner) // cannot fail: skip has checked it
	}
	return v, ok
}

// detailMembers are the members that give details.
const detailMembers uint32 = 1<<fName | 1<<fTrackingID | 1<<fCustomerIP | 1<<fDeviceID | 1<<fPlatform |
	1<<fBrowserType | 1<<fCustomFields

// details decodes the details; nil if none are given. With clear, null and ""
// are given values that clear a detail; otherwise they count as absent.
func (d *Decoder) details(clear bool) *Details {
	if d.outer.seen&detailMembers == 0 {
		return nil
	}
	details := d.slab.get()
	set := func(i int, value string) {
		if clear || value != "" {
			details.Given |= 1 << i
			details.Value[i] = value
		}
	}
	for i := range DetailCustomField1 {
		f := fName + member(i)
		if !d.outer.has(f) {
			continue
		}
		if s := d.optional(&d.outer, f); f == fPlatform || f == fBrowserType {
			set(i, d.repeated(s))
		} else {
			set(i, d.unique(s))
		}
	}
	if d.outer.has(fCustomFields) {
		d.customFields(set)
	}
	if details.Given == 0 && !clear {
		return nil
	}
	if !d.views {
		d.slab.keep()
	}
	return details
}

// customFields decodes the custom fields.
func (d *Decoder) customFields(set func(i int, value string)) {
	v := d.outer.span[fCustomFields]
	if v.kind() == null {
		for i := DetailCustomField1; i < NumDetails; i++ {
			set(i, "")
		}
		return
	}
	if v.kind() != array {
		d.fail(BadValue, &d.outer, fCustomFields, "not an array")
		return
	}
	i, n := space(d.line, v.start()+1), 0
	for d.line[i] != ']' {
		element, end := d.value(d.line, i)
		if n == NumDetails-DetailCustomField1 {
			d.fail(BadValue, &d.outer, fCustomFields, "more than 5 elements")
			return
		}
		switch gap := d.gaps&(1<<n) != 0; {
		case gap:
		case element.kind() <= escapedText:
			set(DetailCustomField1+n, d.repeated(d.text(element)))
		case element.kind() == null:
			set(DetailCustomField1+n, "")
		default:
			d.fail(BadValue, &d.outer, fCustomFields, "an element that is neither a string nor null")
		}
		n++
		if i = space(d.line, end); d.line[i] == ',' {
			i = space(d.line, i+1)
		}
	}
}

// get returns a member's span, and false if it is absent or null.
func (m *members) get(f member) (span, bool) {
	return m.span[f], m.has(f) && m.span[f].kind() != null
}

// unique is a string of the event that is unlikely to repeat.
func (d *Decoder) unique(text []byte) string {
	if d.views {
		return view(text)
	}
	return d.ids.get(text)
}

// repeated is a string of the event that is likely to repeat.
func (d *Decoder) repeated(text []byte) string {
	if d.views {
		return view(text)
	}
	return d.strings.get(text)
}

// required decodes a string that must be present and not empty. The bytes are
// valid until the next line; the same holds for optional.
func (d *Decoder) required(m *members, f member) ([]byte, bool) {
	v, ok := m.get(f)
	switch {
	case ok && v.kind() == plainText && v.start() < v.end(): // nearly always
		return d.raw(v), true
	case !ok:
		d.fail(MissingField, m, f, "missing")
	case v.kind() > escapedText:
		d.fail(BadValue, m, f, "not a string")
	case v.start() == v.end():
		d.fail(BadValue, m, f, "empty")
	default:
		return d.text(v), true
	}
	return nil, false
}

// optional decodes a string; empty if it is absent.
func (d *Decoder) optional(m *members, f member) []byte {
	v, ok := m.get(f)
	if ok && v.kind() > escapedText {
		d.fail(BadValue, m, f, "not a string")
		return nil
	}
	if !ok {
		return nil
	}
	return d.text(v)
}

// text returns a string's value, valid until the next line.
func (d *Decoder) text(v span) []byte {
	s := d.raw(v)
	if v.kind() == escapedText {
		return d.unescaped(s)
	}
	return s
}

// unescaped is the value of a scanned string, valid until the next line.
func (d *Decoder) unescaped(s []byte) []byte {
	start := len(d.scratch)
	d.scratch = unescape(d.scratch, s)
	return d.scratch[start:]
}

func (d *Decoder) raw(v span) []byte { return d.line[v.start():v.end()] }

// code decodes a required member of the line whose value is one of codes.
func (d *Decoder) code(f member, codes *codes) int {
	s, ok := d.required(&d.outer, f)
	if !ok {
		return 0
	}
	i := codes.find(s)
	if i == 0 {
		d.fail(BadValue, &d.outer, f, "not one of "+strings.Join(codes.names[1:], ", "))
	}
	return i
}

// id decodes an integer of at least 1; 0 if it is absent.
func (d *Decoder) id(m *members, f member, required bool) int64 {
	if _, ok := m.get(f); !ok {
		if required {
			d.fail(MissingField, m, f, "missing")
		}
		return 0
	}
	return d.atLeast(m, f, 1)
}

// atLeast decodes an integer from min (0 or more) to 2^63-1; 0 if it is absent.
func (d *Decoder) atLeast(m *members, f member, min int64) int64 {
	v, ok := m.get(f)
	if !ok {
		return 0
	}
	if v.kind() == integer {
		if n, ok := natural(d.line, v.start(), v.end()); ok && n >= min {
			return n
		}
	}
	d.fail(BadValue, m, f, "not an integer from "+strconv.FormatInt(min, 10)+" to 9223372036854775807")
	return 0
}

// natural returns the value of the scanned integer line[i:end], and whether it
// lies in 0 to 2^63-1.
func natural(line []byte, i, end int) (int64, bool) {
	if line[i] == '-' {
		return 0, string(line[i:end]) == "-0"
	}
	if end-i > len("9223372036854775807") {
		return 0, false
	}
	n := uint64(0) // holds any 19 digits
	if first := (end - i) % 8; i+first >= 8 {
		// The number of digits is made a multiple of eight: the first digits are
		// read as the end of a word whose other bytes are made zero.
		i += first
		n = eightDigits((word(line, i-8) ^ zeros) >> (64 - 8*first) << (64 - 8*first))
	}
	for ; end-i >= 8; i += 8 {
		n = n*1e8 + eightDigits(word(line, i)^zeros)
	}
	for ; i < end; i++ { // too near the beginning of the line for a word
		n = n*10 + uint64(line[i]-'0')
	}
	return int64(n), int64(n) >= 0
}

// fail records a fault, unless an earlier one is recorded.
func (d *Decoder) fail(reason Reason, m *members, f member, what string) {
	if d.reject.Reason != 0 {
		return
	}
	detail := m.path + memberNames[f] + ": " + what
	if v, ok := m.get(f); ok {
		if v.kind() <= escapedText {
			v = newSpan(v.kind(), v.start()-1, v.end()+1) // the quotes
		}
		detail += ": " + excerpt(d.raw(v))
	}
	d.reject = Reject{reason, detail}
}

// notJSON describes the fault at index i of a line that is not a JSON object.
func notJSON(line []byte, i int) string {
	if i == len(line) {
		return fmt.Sprintf("not one JSON object: it ends too early, after byte %d", i)
	}
	return fmt.Sprintf("not one JSON object: unexpected %s at byte %d", excerpt(line[i:]), i+1)
}

// excerpt is the start of b in printable characters.
func excerpt(b []byte) string {
	const most = 40 // bytes
	var s strings.Builder
	for i := 0; i < len(b); {
		if i >= most {
			s.WriteString("…")
			break
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&s, `\x%02x`, b[i])
		case !strconv.IsPrint(r):
			fmt.Fprintf(&s, `\u%04x`, r)
		default:
			s.WriteRune(r)
		}
		i += n
	}
	return s.String()
}
