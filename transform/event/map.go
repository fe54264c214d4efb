package event

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rules say how a document of another program becomes a session event
// (EVENTS.md). The configuration describes each of them, as source.map.
type Rules struct {
	Envelope string
	Zone     *time.Location // of times without an offset; nil: they stay as they are, and are rejected
	Keep     bool           // the other members of the event
	Members  []Rule         // nil: the event is a session event already
}

// Rule says where one member of the session event comes from.
type Rule struct {
	To, From, Value string
	Codes           []string
	Time            string
	When            []string
}

// A Map is rules that were checked and compiled. It never changes, and any number of
// goroutines may share it: each has a [Mapper] of its own.
type Map struct {
	root     *node // of the document
	envelope int   // slot of the event
	slots    int
	zone     *time.Location
	kind     []*source // that may give the type
	outputs  []output  // nil: the event is copied as it is
	always   uint64    // the outputs that have a value in any document, as bits
}

// node is a place in a document.
type node struct {
	slot     int // where its value is kept
	label    label
	feeds    uint64 // the outputs that its value may be a part of, as bits
	member   member // of the event, whose only source this is
	copied   uint8  // the kinds of values that become the member as they are, as bits
	names    names  // of the children
	children []*node
}

// find is the child with a name; nil: it has no such child.
func (n *node) find(name []byte) *node {
	if i := n.names.find(name); i >= 0 {
		return n.children[i]
	}
	return nil
}

// index makes the tables of a node and of all below it.
func (n *node) index() {
	n.names.index()
	for _, child := range n.children {
		child.index()
	}
}

// label is a name as documents mostly have it: in quotes, with a colon after it. The
// words are those of its first and its last eight bytes, which take much less time to
// compare than a text.
type label struct {
	text        string
	first, last uint64
	mask        uint64 // of first, in a label of less than eight bytes
}

func newLabel(name string) label {
	text := string(quote(name)) + ":"
	l := label{text: text, mask: 1<<(8*len(text)) - 1}
	if len(text) > 8 {
		l.last = word([]byte(text), len(text)-8)
	}
	l.first = word([]byte(text+"        "), 0) & l.mask
	return l
}

// isAt reports whether a document goes on with the label at i, and has more after it.
func (l *label) isAt(doc []byte, i int) bool {
	n := len(l.text)
	if len(doc)-i <= max(n, 8) || word(doc, i)&l.mask != l.first {
		return false
	}
	return n <= 8 || word(doc, i+n-8) == l.last && (n <= 16 || string(doc[i:i+n]) == l.text)
}

// names finds texts by a hash of them, several times as fast as a map.
type names struct {
	all   []string
	table []int32 // by hash: the index of a text in all, and one more; or 0
}

// find is the index of a text; -1: it is not among them.
func (n *names) find(text []byte) int {
	if len(n.table) == 0 {
		return -1
	}
	mask := len(n.table) - 1
	for h := hash(text) & mask; n.table[h] != 0; h = (h + 1) & mask {
		if i := n.table[h] - 1; n.all[i] == string(text) {
			return int(i)
		}
	}
	return -1
}

func hash(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	return len(text) + int(text[0])<<2 + int(text[len(text)-1])<<4 + int(text[len(text)/2])<<1
}

// index makes the table once all texts are known.
func (n *names) index() {
	if len(n.all) == 0 {
		return
	}
	size := 4
	for size < 4*len(n.all) {
		size *= 2
	}
	n.table = make([]int32, size)
	for i, text := range n.all {
		h := hash([]byte(text)) & (size - 1)
		for n.table[h] != 0 {
			h = (h + 1) & (size - 1)
		}
		n.table[h] = int32(i + 1)
	}
}

// output is a member of the session event, or of one of its objects.
type output struct {
	open    string    // what is written before the value: the name, in quotes, and a colon
	member  member    // of the event
	kind    valueKind // of the value
	sources []*source // the first that applies counts
	only    int       // the slot of the only source, if it has no conditions; else -1
	members []output  // of an object, or of the custom fields
}

// valueKind is how a value is written.
type valueKind uint8

const (
	asText valueKind = iota
	asInteger
	asTime
	asType // a text, which is found out first
	asIs
	asObject // of members
	asList   // of members
)

// copied are the kinds of values, as bits, that need no change for a member.
var copied = [...]uint8{
	asText:    1<<plainText | 1<<escapedText | 1<<null,
	asInteger: 1 << integer,
	asIs:      1<<numKinds - 1,
	asList:    0,
}

// source is a compiled rule.
type source struct {
	slot     int      // -1: a constant
	constant []byte   // in JSON
	values   names    // that have a code
	codes    [][]byte // of the values, in JSON
	time     timeNotation
	when     []condition
}

type timeNotation uint8

const (
	textTime timeNotation = iota // RFC 3339, or like it
	epochSeconds
	epochMillis
	epochMicros
)

// condition is a part of when.
type condition struct {
	slot   int
	absent bool   // it must be absent, or have another value
	exists bool   // any value is meant
	value  string // that is meant
}

// ignoredType is the type of events that a map leaves out.
const ignoredType = "ignore"

// target is a member that a rule may give.
type target struct {
	name  string
	kind  valueKind
	codes *codes // nil: any text
}

// targets are the members that a rule may give, in the order in which they are
// written: the usual one, which the decoder reads fastest.
var targets = []target{
	{"event_id", asText, nil}, {"ts", asTime, nil}, {"session_id", asInteger, nil}, {"seq", asInteger, nil}, {"type", asType, lineTypeCodes},
	{"session_type", asText, sessionTypeCodes},
	{"technician", asIs, nil}, {"technician.id", asInteger, nil}, {"technician.name", asText, nil}, {"technician.email", asText, nil}, {"technician.group", asText, nil},
	{"channel", asIs, nil}, {"channel.id", asInteger, nil}, {"channel.name", asText, nil},
	{"calling_card", asText, nil}, {"status", asText, statusCodes},
	{"transferred_to", asIs, nil}, {"transferred_to.kind", asText, nil}, {"transferred_to.id", asInteger, nil}, {"transferred_to.name", asText, nil},
	{"technician_id", asInteger, nil}, {"state", asText, signalCodes}, {"sender", asText, senderCodes}, {"tool", asText, nil},
	{"resolution", asText, resolutionCodes}, {"by", asText, removedByCodes},
	{"name", asText, nil}, {"tracking_id", asText, nil}, {"customer_ip", asText, nil}, {"device_id", asText, nil},
	{"platform", asText, nil}, {"browser_type", asText, nil}, {"custom_fields", asIs, nil},
	{"custom_fields.1", asText, nil}, {"custom_fields.2", asText, nil}, {"custom_fields.3", asText, nil}, {"custom_fields.4", asText, nil}, {"custom_fields.5", asText, nil},
}

// MapFault is what is wrong with a value of the rules.
type MapFault struct {
	Path    string // of the value in source.map, such as members[2].codes[0]
	Message string
}

// MapError holds all faults of rules, at least one.
type MapError []MapFault

func (e MapError) Error() string {
	texts := make([]string, len(e))
	for i, fault := range e {
		texts[i] = fault.Path + ": " + fault.Message
	}
	return strings.Join(texts, "\n")
}

// NewMap checks and compiles rules. Every error is a [MapError].
func NewMap(r *Rules) (*Map, error) {
	c := &compiler{rules: r, root: &node{slot: -1}}
	m := &Map{root: c.root, zone: r.Zone}
	m.envelope = c.slot("envelope", "/"+r.Envelope)
	given := map[string][]*source{}
	if r.Members != nil {
		for i := range r.Members {
			rule := &r.Members[i]
			given[rule.To] = append(given[rule.To], c.rule(fmt.Sprintf("members[%d]", i), rule))
		}
		c.complete(given)
	}
	if c.faults != nil {
		return nil, c.faults
	}
	if r.Members != nil {
		m.kind, m.outputs = given["type"], outputs(given)
	}
	m.slots = len(c.nodes)
	for i := range m.outputs {
		m.always |= c.feed(&m.outputs[i], 1<<i)
	}
	for i := range m.outputs {
		if o := &m.outputs[i]; o.only >= 0 && o.sources[0].codes == nil && c.nodes[o.only].feeds == 1<<i {
			n := c.nodes[o.only]
			n.member, n.copied = o.member, copied[o.kind]
		}
	}
	m.root.index()
	return m, nil
}

// complete checks that an event can come of the rules, and adds the members that
// are kept.
func (c *compiler) complete(given map[string][]*source) {
	for i := range c.rules.Members {
		to := c.rules.Members[i].To
		if object, _, isMember := strings.Cut(to, "."); isMember && given[object] != nil {
			c.fault(fmt.Sprintf("members[%d].to", i), "%s is a part of %s, which another item gives; remove one", to, object)
		}
	}
	if c.rules.Keep {
		for _, target := range targets {
			inside := func(name string) bool { return strings.HasPrefix(name, target.name+".") }
			if strings.Contains(target.name, ".") || given[target.name] != nil || slices.ContainsFunc(keys(given), inside) {
				continue
			}
			given[target.name] = []*source{{slot: c.slot("others", target.name)}}
		}
	}
	for _, name := range []string{"event_id", "ts", "session_id", "type"} {
		if given[name] == nil {
			c.fault("members", "has no item for %s, which every event needs; add {to: %[1]s, from: …}", name)
		}
	}
}

func keys(given map[string][]*source) []string {
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	return names
}

// outputs orders the compiled rules as they are written.
func outputs(given map[string][]*source) (all []output) {
	for _, target := range targets {
		sources := given[target.name]
		if sources == nil {
			continue
		}
		object, member, isMember := strings.Cut(target.name, ".")
		if !isMember {
			all = append(all, output{open: `"` + target.name + `":`, kind: target.kind, member: lookup([]byte(target.name)), sources: sources, only: only(sources)})
			continue
		}
		kind, open := asObject, `"`+member+`":`
		if object == "custom_fields" {
			kind, open = asList, ""
		}
		if n := len(all); n == 0 || all[n-1].open != `"`+object+`":` {
			all = append(all, output{open: `"` + object + `":`, kind: kind, member: lookup([]byte(object)), only: -1})
		}
		last := &all[len(all)-1]
		for kind == asList && len(last.members) < int(member[0]-'1') { // fields before it that are not given
			last.members = append(last.members, output{kind: asText, only: -1})
		}
		last.members = append(last.members, output{open: open, kind: target.kind, sources: sources, only: only(sources)})
	}
	return all
}

// feed notes an output, a bit, at the places that it takes values from. It returns the
// bit if the output takes a constant, too; else 0.
func (c *compiler) feed(o *output, bit uint64) (always uint64) {
	for _, s := range o.sources {
		if s.slot < 0 {
			always = bit
		} else {
			c.nodes[s.slot].feeds |= bit
		}
	}
	for i := range o.members {
		always |= c.feed(&o.members[i], bit)
	}
	return always
}

// only is the slot of the only source, if it has no conditions; else -1.
func only(sources []*source) int {
	if len(sources) == 1 && sources[0].when == nil {
		return sources[0].slot
	}
	return -1
}

// compiler collects the places of a document that rules name, and the faults of rules.
type compiler struct {
	rules  *Rules
	root   *node
	nodes  []*node // by slot
	faults MapError
}

func (c *compiler) fault(path, format string, args ...any) {
	c.faults = append(c.faults, MapFault{path, fmt.Sprintf(format, args...)})
}

// slot is where the value at a path in the document is kept. The path is relative to the
// envelope, or begins with a slash. A backslash before a dot makes the dot a part of a
// name. at is the place of the path among the rules.
func (c *compiler) slot(at, path string) int {
	names := splitPath(strings.TrimPrefix(path, "/"))
	if slices.Contains(names, "") {
		c.fault(at, "the path %q has an empty name; write it as agent.id", strings.TrimPrefix(path, "/"))
		return -1
	}
	if !strings.HasPrefix(path, "/") {
		names = append(splitPath(c.rules.Envelope), names...)
	}
	n := c.root
	for _, name := range names {
		i := slices.Index(n.names.all, name)
		if i < 0 {
			i = len(n.names.all)
			n.names.all = append(n.names.all, name)
			n.children = append(n.children, &node{slot: -1, label: newLabel(name)})
		}
		c.keep(n)
		n = n.children[i]
	}
	c.keep(n)
	return n.slot
}

// keep gives a node a slot.
func (c *compiler) keep(n *node) {
	if n.slot < 0 {
		n.slot = len(c.nodes)
		c.nodes = append(c.nodes, n)
	}
}

func splitPath(path string) []string {
	if path == "" {
		return nil
	}
	names := strings.Split(strings.ReplaceAll(path, `\.`, "\x00"), ".")
	for i := range names {
		names[i] = strings.ReplaceAll(names[i], "\x00", ".")
	}
	return names
}

// rule compiles one rule, whose place is at.
func (c *compiler) rule(at string, r *Rule) *source {
	s := &source{slot: -1, time: c.notation(at+".time", r.Time)}
	to := target{kind: asIs}
	if i := slices.IndexFunc(targets, func(t target) bool { return t.name == r.To }); i >= 0 {
		to = targets[i]
		if r.Time != "" && to.kind != asTime {
			c.fault(at+".time", "is about ts alone; remove it")
		}
		if r.Value != "" {
			s.constant = c.constant(at+".value", r.Value, &to)
		}
	} else {
		c.fault(at+".to", "%q is no member that a map can give; there are %s", r.To, targetNames())
	}
	if r.Value == "" {
		from, place := r.From, at+".from"
		if from == "" {
			from, place = r.To, at+".to"
		}
		s.slot = c.slot(place, from)
	} else {
		for _, other := range []struct {
			name  string
			given bool
		}{{"from", r.From != ""}, {"codes", r.Codes != nil}, {"time", r.Time != ""}} {
			if other.given {
				c.fault(at+"."+other.name, "means nothing beside value, a constant; remove one")
			}
		}
	}
	c.codes(at+".codes", s, r, &to)
	for i, text := range r.When {
		s.when = append(s.when, c.condition(fmt.Sprintf("%s.when[%d]", at, i), text))
	}
	return s
}

func targetNames() string {
	names := make([]string, len(targets))
	for i := range targets {
		names[i] = targets[i].name
	}
	return strings.Join(names, ", ")
}

// constant writes a constant as JSON.
func (c *compiler) constant(at, value string, target *target) []byte {
	switch target.kind {
	case asIs:
		c.fault(at, "%s is an object or a list; give its members, such as technician.id", target.name)
	case asInteger:
		number := []byte(value)
		if digits(number, 0) != len(number) || len(number) > 1 && number[0] == '0' {
			c.fault(at, "%q is no whole number", value)
		}
		return number
	}
	c.checkCode(at, value, target)
	return quote(value)
}

func (c *compiler) notation(at, name string) timeNotation {
	switch name {
	case "", "rfc3339":
	case "epoch_s":
		return epochSeconds
	case "epoch_ms":
		return epochMillis
	case "epoch_us":
		return epochMicros
	default:
		c.fault(at, "%q is no notation of times; write rfc3339, epoch_s, epoch_ms or epoch_us", name)
	}
	return textTime
}

// codes reads the codes of a rule, each as value=code.
func (c *compiler) codes(at string, s *source, r *Rule, target *target) {
	for i, text := range r.Codes {
		at := fmt.Sprintf("%s[%d]", at, i)
		end := strings.LastIndexByte(text, '=')
		if end < 0 {
			c.fault(at, "the code %q has no =; write value=code", text)
			continue
		}
		value, code := text[:end], text[end+1:]
		c.checkCode(at, code, target)
		if slices.Contains(s.values.all, value) {
			c.fault(at, "the value %q has two codes; remove one", value)
		}
		written := quote(code)
		if target.codes == nil && digits([]byte(code), 0) == len(code) {
			written = []byte(code) // an id; as a text it is written with quotes
		}
		s.values.all, s.codes = append(s.values.all, value), append(s.codes, written)
	}
	s.values.index()
}

// checkCode refuses a code that EVENTS.md does not have.
func (c *compiler) checkCode(at, code string, target *target) {
	if target.codes == nil || target.codes.find([]byte(code)) != 0 || target.kind == asType && code == ignoredType {
		return
	}
	list := strings.Join(target.codes.names[1:], ", ")
	if target.kind == asType {
		list += ", " + ignoredType
	}
	c.fault(at, "%q is no code of %s; there are %s", code, target.name, list)
}

// condition compiles a=b, a!=b, a or !a.
func (c *compiler) condition(at, text string) condition {
	path, value, hasValue := strings.Cut(text, "=")
	w := condition{value: value, exists: !hasValue}
	if hasValue {
		path, w.absent = strings.CutSuffix(path, "!")
	} else {
		path, w.absent = strings.CutPrefix(path, "!")
	}
	if path == "" || path == "/" {
		c.fault(at, "the condition %q has no path; write it as kind=call, kind!=call, kind or !kind", text)
		return w
	}
	w.slot = c.slot(at, path)
	return w
}

// quote writes a text as JSON.
func quote(text string) []byte {
	quoted := []byte{'"'}
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			quoted = append(quoted, '\\', byte(r))
		case r < ' ':
			quoted = fmt.Appendf(quoted, `\u%04x`, r)
		default:
			quoted = append(quoted, string(r)...)
		}
	}
	return append(quoted, '"')
}
