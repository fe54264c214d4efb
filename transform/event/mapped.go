package event

import "math/bits"

// DecodeMapped decodes the session event that a map makes of a document, as Decode
// does with the line of [Mapper.Apply]. It scans the document once: the values that
// stay as they are need no line. ok is false, and the reject is zero, if the map leaves
// the document out. Unlike the line, it leaves custom fields as they are that the
// document does not give before one that it gives. Events of a [NewViewDecoder] are valid until the next call of
// either.
func (d *Decoder) DecodeMapped(p *Mapper, doc []byte, e *Event) (ok bool, reject Reject) {
	*e = Event{}
	p.scanner.technicians = d.technicians
	event, ok, reject := p.scan(doc)
	switch {
	case !ok:
		return false, reject
	case p.of.outputs == nil:
		return true, d.Decode(doc[event.start():event.end()], e)
	}
	d.taken, d.outer.seen, d.outer.known, d.scratch = 0, 0, nil, d.scratch[:0]
	p.line = append(p.line[:0], doc...) // values that change are written after it
	for given := p.given; given != 0; given &= given - 1 {
		o := &p.of.outputs[bits.TrailingZeros64(given)]
		if o.only >= 0 && p.seen[o.only] != p.number { // it was in an object that is repeated
			continue
		}
		v, given := p.place(o)
		if !given {
			continue
		}
		d.outer.set(o.member, v)
		if o.kind == asList {
			d.gaps = p.gaps
		}
		if o.member == fTechnician && v.kind() == object {
			d.outer.known = d.knownAs(p, v)
		}
	}
	d.line, d.reject = p.line, Reject{}
	d.envelope(e)
	if d.reject.Reason == 0 {
		d.body(e)
	}
	d.line, d.gaps = nil, 0
	if d.reject.Reason != 0 {
		*e = Event{}
	}
	return true, d.reject
}

// knownAs is the known technician of an object; nil: it is not known.
func (d *Decoder) knownAs(p *Mapper, v span) *Person {
	if found := p.scanner.outer.known; found != nil {
		return found
	}
	known, n := d.technicians.prefix(p.line[v.start():v.end()])
	if n < v.end()-v.start() {
		return nil
	}
	return known
}

// place is where the value of a member is: in the document, or after it in p.line.
func (p *Mapper) place(o *output) (v span, given bool) {
	if o.only >= 0 && o.sources[0].codes == nil {
		switch v = p.spans[o.only]; {
		case v.kind() == null && (o.kind == asText || o.kind == asIs):
			return v, true
		case v.kind() == null:
			return 0, false
		case o.kind == asIs, o.kind == asText && v.kind() <= escapedText, o.kind == asInteger && v.kind() == integer,
			o.kind == asTime && o.sources[0].time == textTime && p.of.zone == nil && v.kind() == plainText && v.end()-v.start() > 10 && p.doc[v.start()+10] != ' ':
			return v, true
		}
	}
	from := len(p.line)
	if !p.output(o) {
		p.line = p.line[:from]
		if o.kind != asObject && p.isNull(o.sources) {
			return newSpan(null, from, from), true
		}
		return 0, false
	}
	return p.written(from), true
}

// written is the value that was written from an index of p.line on.
func (p *Mapper) written(from int) span {
	end := len(p.line)
	if p.line[from] == '"' {
		k := plainText
		for _, c := range p.line[from+1 : end-1] {
			if c == '\\' {
				k = escapedText
			}
		}
		return newSpan(k, from+1, end-1)
	}
	v, _ := p.scanner.value(p.line, from) // cannot fail: it is of the document, or was made here
	return v
}
