package event

import (
	"bytes"
	"time"
)

// A Mapper applies a [Map] to one document after the other.
type Mapper struct {
	of      *Map
	decoder *Decoder         // whose grammar it uses, and which gets the members that stay as they are
	found   []found          // by slot
	usual   []order          // by slot, and after those by foreign name
	foreign map[string]*node // names that no rule has
	number  int              // of the document
	given   uint64           // the outputs that may have a value, as bits
	kind    []byte           // the document's type in JSON; nil: it has none
	doc     []byte
	line    []byte
	gaps    uint8  // of the last list of custom fields: those that are not given, as bits
	text    []byte // unescaped
	date    dateText
}

// found is the value at a place.
type found struct {
	value    span
	document int // that has it: its number
}

// order is what stood at a place in the last document that had it. Producers write the
// same members in the same order: comparing with that expectation is several times as
// fast as looking up a name.
type order struct {
	first *node // of the members of an object
	next  *node // after a member
}

// maxForeign is the number of names without a rule that a mapper knows.
const maxForeign = 100

// NewMapper makes a mapper.
func (m *Map) NewMapper() *Mapper {
	return &Mapper{of: m, decoder: NewDecoder(), found: make([]found, m.slots), usual: make([]order, m.slots, m.slots+maxForeign), foreign: map[string]*node{}}
}

// Apply makes the line of a session event of a document. The line is valid until the
// next call; [Decoder.Decode] says whether it is an event. ok is false, and the line
// is empty, if the map leaves the document out. A document that is too long, or not a
// JSON object, is rejected.
func (p *Mapper) Apply(doc []byte) (line []byte, ok bool, reject Reject) {
	event, ok, reject := p.scan(doc)
	switch {
	case !ok:
		return nil, false, reject
	case p.of.outputs == nil:
		return doc[event.start():event.end()], true, Reject{}
	}
	p.line = append(p.line[:0], '{')
	p.members(p.of.outputs, true)
	p.line = append(bytes.TrimSuffix(p.line, []byte{','}), '}')
	return p.line, true, Reject{}
}

// scan finds what the rules name in a document, and the type of the event. ok is false
// if the document is rejected or left out. event is where the event is.
func (p *Mapper) scan(doc []byte) (event span, ok bool, reject Reject) {
	if len(doc) > MaxLine {
		return 0, false, tooLong(doc)
	}
	p.number++
	p.decoder.outer.seen, p.decoder.outer.known = 0, nil
	p.doc, p.given = doc, p.of.always
	i := space(doc, 0)
	if i == len(doc) || doc[i] != '{' {
		return 0, false, Reject{BadJSON, notJSON(doc, i)}
	}
	begin := i
	if i = p.object(p.of.root, i); i >= 0 {
		if end := space(doc, i); end < len(doc) {
			i = ^end
		}
	}
	if i < 0 {
		return 0, false, Reject{BadJSON, notJSON(doc, ^i)}
	}
	p.keep(p.of.root, newSpan(object, begin, i))
	event, has := p.get(p.of.envelope)
	if !has || event.kind() != object {
		return 0, false, Reject{MissingField, "the document has no object where source.map.envelope says"}
	}
	p.kind = nil
	if s := p.choose(p.of.kind); s != nil {
		p.kind = p.value(s)
	}
	return event, string(p.kind) != `"`+ignoredType+`"`, Reject{}
}

func tooLong(doc []byte) Reject {
	var e Event
	return new(Decoder).Decode(doc, &e)
}

func (p *Mapper) keep(n *node, v span) {
	p.found[n.slot] = found{v, p.number}
	if n.copied>>v.kind()&1 != 0 {
		p.decoder.outer.set(n.member, v)
	} else {
		p.given |= n.feeds
	}
}

// get is the value of a slot; false if the document has none, or null.
func (p *Mapper) get(slot int) (span, bool) {
	return p.found[slot].value, p.found[slot].document == p.number && p.found[slot].value.kind() != null
}

// object scans the object that opens at doc[i], whose members n names.
func (p *Mapper) object(n *node, i int) int {
	doc := p.doc
	if i = space(doc, i+1); i < len(doc) && doc[i] == '}' {
		return i + 1
	}
	usual := &p.usual[n.slot].first
	for {
		child := *usual
		if child != nil && child.label.isAt(doc, i) {
			i = space(doc, i+len(child.label.text))
		} else {
			var label []byte
			if label, i = p.label(i); i < 0 {
				return i
			}
			if child = n.find(label); child == nil {
				child = p.other(label)
			}
			if child != nil {
				*usual = child
			}
		}
		if i = p.member(child, i); i < 0 {
			return i
		}
		if child != nil {
			usual = &p.usual[child.slot].next
		}
		if i = space(doc, i); i == len(doc) {
			return ^i
		}
		switch doc[i] {
		case ',':
			i = space(doc, i+1)
		case '}':
			return i + 1
		default:
			return ^i
		}
	}
}

// other is the place of a name that no rule has; nil: the mapper knows too many, or the
// name is long.
func (p *Mapper) other(name []byte) *node {
	n := p.foreign[string(name)]
	if n == nil && len(p.foreign) < maxForeign && len(name) <= maxInternedLen {
		n = &node{slot: len(p.usual), label: newLabel(string(name))}
		p.foreign[string(name)] = n
		p.usual = append(p.usual, order{})
	}
	return n
}

// member scans the value at doc[i], and keeps it at n if a rule names that.
func (p *Mapper) member(n *node, i int) (end int) {
	doc := p.doc
	if n == nil || n.slot >= p.of.slots || i == len(doc) {
		_, end = p.decoder.value(doc, i)
		return end
	}
	var v span
	switch c := doc[i]; {
	case c == '"': // nearly always
		var k kind
		end, k = text(doc, i+1)
		v, end = newSpan(k, i+1, end), after(end)
	case isDigit(c):
		var k kind
		k, end = number(doc, i)
		v = newSpan(k, i, end)
	case c == '{' && n.children != nil:
		if p.found[n.slot].document == p.number { // the object is repeated: the last one counts
			p.forget(n)
		}
		end = p.object(n, i)
		v = newSpan(object, i, end)
	case c == '{' && n.member == fTechnician:
		v, end = p.decoder.person(doc, i, &p.decoder.outer)
	default:
		v, end = p.decoder.value(doc, i)
	}
	if end < 0 {
		return end
	}
	if n.children != nil && v.kind() != object {
		p.forget(n)
	}
	p.keep(n, v)
	return end
}

// forget drops the members of an object.
func (p *Mapper) forget(n *node) {
	for _, child := range n.children {
		p.found[child.slot].document = 0
		p.decoder.outer.seen &^= 1 << child.member
		p.forget(child)
	}
}

// label scans a member's name, its colon and white space, and returns the index of
// its value.
func (p *Mapper) label(i int) ([]byte, int) {
	doc := p.doc
	if i == len(doc) || doc[i] != '"' {
		return nil, ^i
	}
	from, k := i+1, plainText
	end := plain(doc, from)
	if end == len(doc) || doc[end] != '"' {
		if end, k = text(doc, end); end < 0 {
			return nil, end
		}
	}
	label := doc[from:end]
	if k == escapedText {
		label = unescape(nil, label)
	}
	i = space(doc, end+1)
	if i == len(doc) || doc[i] != ':' {
		return nil, ^i
	}
	return label, space(doc, i+1)
}

// choose finds the first source that applies.
func (p *Mapper) choose(sources []*source) *source {
	for _, s := range sources {
		if s.slot >= 0 {
			if _, ok := p.get(s.slot); !ok {
				continue
			}
		}
		if p.holds(s.when) {
			return s
		}
	}
	return nil
}

func (p *Mapper) holds(when []condition) bool {
	for i := range when {
		w := &when[i]
		v, ok := p.get(w.slot)
		if ok && !w.exists {
			ok = string(p.textOf(v)) == w.value
		}
		if ok == w.absent {
			return false
		}
	}
	return true
}

// textOf is a text, or the notation of another value; valid until the next call.
func (p *Mapper) textOf(v span) []byte {
	raw := p.doc[v.start():v.end()]
	if v.kind() == escapedText {
		p.text = unescape(p.text[:0], raw)
		return p.text
	}
	return raw
}

// value is a value of which only the JSON text matters.
func (p *Mapper) value(s *source) []byte {
	if s.slot < 0 {
		return s.constant
	}
	if s.codes != nil {
		if i := s.values.find(p.textOf(p.found[s.slot].value)); i >= 0 {
			return s.codes[i]
		}
	}
	return p.quoted(p.found[s.slot].value)
}

// quoted is a value as it is in the document.
func (p *Mapper) quoted(v span) []byte {
	if v.kind() <= escapedText {
		return p.doc[v.start()-1 : v.end()+1]
	}
	return p.doc[v.start():v.end()]
}

// members writes those members that have a value, each with a comma after it. With
// nulls, it also writes those that are null: they may clear a detail.
func (p *Mapper) members(outputs []output, nulls bool) (some bool) {
	for i := range outputs {
		o := &outputs[i]
		if o.only >= 0 && p.found[o.only].document != p.number { // nearly always
			continue
		}
		before := len(p.line)
		p.line = append(p.line, o.open...)
		switch {
		case p.output(o):
			some = true
			p.line = append(p.line, ',')
		case nulls && p.isNull(o.sources):
			p.line = append(p.line[:before+len(o.open)], "null,"...)
		default:
			p.line = p.line[:before]
		}
	}
	return some
}

// isNull reports whether the document has null for a member.
func (p *Mapper) isNull(sources []*source) bool {
	for _, s := range sources {
		if s.slot >= 0 && p.found[s.slot].document == p.number && p.found[s.slot].value.kind() == null && p.holds(s.when) {
			return true
		}
	}
	return false
}

// output writes a value; false: the document has no value.
func (p *Mapper) output(o *output) bool {
	switch o.kind {
	case asObject:
		p.line = append(p.line, '{')
		some := p.members(o.members, false)
		p.line = append(bytes.TrimSuffix(p.line, []byte{','}), '}')
		return some
	case asList:
		return p.list(o.members)
	}
	var s *source
	switch {
	case o.kind == asType:
		p.line = append(p.line, p.kind...)
		return p.kind != nil
	case o.only >= 0 && p.found[o.only].document == p.number && p.found[o.only].value.kind() != null: // nearly always
		s = o.sources[0]
	default:
		if s = p.choose(o.sources); s == nil {
			return false
		}
	}
	if s.slot < 0 {
		p.line = append(p.line, s.constant...)
		return true
	}
	v := p.found[s.slot].value
	if s.codes != nil {
		if i := s.values.find(p.textOf(v)); i >= 0 {
			p.code(o.kind, s.codes[i])
			return true
		}
	}
	switch o.kind {
	case asTime:
		p.time(s.time, v)
	case asInteger:
		p.integer(v)
	case asIs:
		p.line = append(p.line, p.quoted(v)...)
	default:
		p.texts(v)
	}
	return true
}

// Kept are the numbers, from 1, of the custom fields for which the last line has a null
// although the document does not give them: they stay as they are.
func (p *Mapper) Kept() (numbers []int) {
	for i := range 5 {
		if p.gaps&(1<<i) != 0 {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// list writes the custom fields up to the last one that is given. It notes those before
// it that are not given: the list has null for them, which would clear a field.
func (p *Mapper) list(fields []output) bool {
	p.line = append(p.line, '[')
	p.gaps = 0
	end := 0
	for i := range fields {
		switch before := len(p.line); {
		case p.output(&fields[i]):
			end = len(p.line)
		case p.isNull(fields[i].sources):
			p.line = append(p.line[:before], "null"...)
			end = len(p.line)
		default:
			p.line = append(p.line[:before], "null"...)
			p.gaps |= 1 << i
		}
		p.line = append(p.line, ',')
	}
	if end == 0 {
		return false
	}
	p.line = append(p.line[:end], ']')
	return true
}

// code writes a code, which is in quotes unless it is a number.
func (p *Mapper) code(kind valueKind, code []byte) {
	if kind != asInteger && code[0] != '"' {
		p.line = append(append(append(p.line, '"'), code...), '"')
		return
	}
	p.line = append(p.line, code...)
}

// texts writes a text. Numbers and truth values get quotes: other programs write ids
// as numbers.
func (p *Mapper) texts(v span) {
	switch v.kind() {
	case integer, decimal, boolean:
		p.line = append(p.line, '"')
		p.line = append(p.line, p.doc[v.start():v.end()]...)
		p.line = append(p.line, '"')
	default:
		p.line = append(p.line, p.quoted(v)...)
	}
}

// integer writes a number. A text of digits loses its quotes and leading zeros.
func (p *Mapper) integer(v span) {
	raw := p.doc[v.start():v.end()]
	if v.kind() == plainText && len(raw) > 0 && digits(raw, 0) == len(raw) {
		for len(raw) > 1 && raw[0] == '0' {
			raw = raw[1:]
		}
		p.line = append(p.line, raw...)
		return
	}
	p.line = append(p.line, p.quoted(v)...)
}

// time writes a time of the notation as RFC 3339. What is not of the notation is
// written as it is, and then rejected.
func (p *Mapper) time(notation timeNotation, v span) {
	raw := p.doc[v.start():v.end()]
	if notation == textTime {
		if v.kind() != plainText || !p.local(raw) {
			p.line = append(p.line, p.quoted(v)...)
		}
		return
	}
	if v.kind() > decimal || v.kind() == escapedText {
		p.line = append(p.line, p.quoted(v)...)
		return
	}
	micros, ok := epoch(raw, notation)
	if !ok {
		p.texts(v)
		return
	}
	p.line = append(p.line, '"')
	p.line = p.date.append(p.line, micros)
	p.line = append(p.line, '"')
}

// local writes a time that has a blank for its T, or no offset. It is false for
// others.
func (p *Mapper) local(raw []byte) bool {
	const clock = len("2006-01-02T15:04:05")
	if len(raw) < clock {
		return false
	}
	end := clock
	if end < len(raw) && (raw[end] == '.' || raw[end] == ',') {
		for end++; end < len(raw) && isDigit(raw[end]); end++ {
		}
	}
	hasT := raw[10]|0x20 == 't'
	if !hasT && raw[10] != ' ' {
		return false
	}
	offset := bytes.TrimLeft(raw[end:], " ")
	if hasT && len(offset) > 0 {
		return false
	}
	if len(offset) > 0 {
		p.line = append(p.line, '"')
		p.line = append(append(p.line, raw[:10]...), 'T')
		p.line = append(append(p.line, raw[11:end]...), offset...)
		p.line = append(p.line, '"')
		return true
	}
	if p.of.zone == nil {
		return false
	}
	var c calendar
	whole := make([]byte, 0, 32)
	whole = append(append(append(whole, raw[:10]...), 'T'), raw[11:clock]...)
	if end > clock {
		whole = append(append(whole, '.'), raw[clock+1:end]...)
	}
	micros, ok := c.parseTime(append(whole, 'Z'))
	if !ok {
		return false
	}
	p.line = append(p.line, '"')
	p.line = p.date.append(p.line, inZone(micros, p.of.zone))
	p.line = append(p.line, '"')
	return true
}

// inZone is the instant at which the clocks of a zone show a time, given as if it were
// UTC. Of two such instants, when clocks are set back, it is the first. A time that
// clocks skip is counted on from before the change.
func inZone(micros int64, zone *time.Location) int64 {
	const day = secondsPerDay * microsPerSecond
	_, before := time.UnixMicro(micros - day).In(zone).Zone()
	_, after := time.UnixMicro(micros + day).In(zone).Zone()
	first := micros - int64(before)*microsPerSecond
	if before == after {
		return first
	}
	if _, then := time.UnixMicro(first).In(zone).Zone(); then == before {
		return first
	}
	second := micros - int64(after)*microsPerSecond
	if _, then := time.UnixMicro(second).In(zone).Zone(); then == after {
		return second
	}
	return first
}

// epoch reads a count since 1970, which may have a fraction, in microseconds.
func epoch(raw []byte, notation timeNotation) (micros int64, ok bool) {
	unit := [...]int64{epochSeconds: 1e6, epochMillis: 1e3, epochMicros: 1}[notation]
	i, n := 0, int64(0)
	for ; i < len(raw) && isDigit(raw[i]); i++ {
		if n = n*10 + int64(raw[i]-'0'); n > 1<<53 {
			return 0, false
		}
	}
	if i == 0 || n > 7_300_000_000*1_000_000/unit { // later than the year 2200
		return 0, false
	}
	micros = n * unit
	if i == len(raw) {
		return micros, true
	}
	if raw[i] != '.' {
		return 0, false
	}
	for i++; i < len(raw) && isDigit(raw[i]); i++ {
		unit /= 10
		micros += int64(raw[i]-'0') * unit
	}
	return micros, i == len(raw)
}

// dateText writes times. It keeps the date of the last one.
type dateText struct {
	day  int64 // since 1970, and one more: the zero value has no text
	text [len("2006-01-02T")]byte
}

// append writes a time from 1970 on as RFC 3339 in UTC, with microseconds.
func (t *dateText) append(line []byte, micros int64) []byte {
	seconds := micros / microsPerSecond
	if micros%microsPerSecond < 0 {
		seconds--
	}
	day := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		day--
	}
	if day+1 != t.day {
		t.day = day + 1
		time.Unix(seconds, 0).UTC().AppendFormat(t.text[:0], "2006-01-02T")
	}
	rest, fraction := int(seconds-day*secondsPerDay), int(micros-seconds*microsPerSecond)
	line = append(line, t.text[:]...)
	line = append(appendTwo(line, rest/3600), ':')
	line = append(appendTwo(line, rest/60%60), ':')
	line = append(appendTwo(line, rest%60), '.')
	line = appendTwo(appendTwo(appendTwo(line, fraction/10_000), fraction/100%100), fraction%100)
	return append(line, 'Z')
}

func appendTwo(line []byte, n int) []byte { return append(line, byte('0'+n/10), byte('0'+n%10)) }
