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
	p.decoder = d
	event, ok, reject := p.scan(doc)
	switch {
	case !ok:
		return false, reject
	case p.of.outputs == nil:
		return true, d.Decode(doc[event.start():event.end()], e)
	}
	d.taken, d.scratch = 0, d.scratch[:0]
	if e.Type = p.knownKind(); e.Type != 0 {
		d.taken = 1 << fType
	}
	p.line = p.line[:0]
	for given := p.given; given != 0; given &= given - 1 {
		p.change(&p.of.outputs[bits.TrailingZeros64(given)])
	}
	if d.line, d.reject = p.line, (Reject{}); len(p.line) == 0 {
		d.line = doc
	}
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

// knownKind is the type of the event; 0: it has to be read as other members are.
func (p *Mapper) knownKind() Type {
	if n := len(p.kind); n > len(`""`) && p.kind[0] == '"' {
		return Type(lineTypeCodes.find(p.kind[1 : n-1]))
	}
	return 0
}

// change gives the decoder a member whose value is not as it is in the document.
func (p *Mapper) change(o *output) {
	d := p.decoder
	d.outer.seen &^= 1 << o.member // an earlier value of a repeated member
	if o.kind == asType && d.taken>>fType&1 != 0 {
		return
	}
	v, given := p.place(o)
	if !given {
		return
	}
	d.outer.set(o.member, v)
	if o.kind == asList {
		d.gaps = p.gaps
	}
	if o.kind == asObject && o.member == fTechnician {
		d.outer.known, _ = d.technicians.prefix(p.line[v.start():v.end()])
	}
}

// place is where the value of a member is: in the document, or after it in p.line.
func (p *Mapper) place(o *output) (v span, given bool) {
	if o.kind == asTime && o.only >= 0 && o.sources[0].time == textTime && p.of.zone == nil {
		if v, given = p.get(o.only); given && v.kind() == plainText && v.end()-v.start() > 10 && p.doc[v.start()+10] != ' ' {
			return v, true
		}
	}
	if len(p.line) == 0 {
		p.line = append(p.line, p.doc...)
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
	v, _ := p.decoder.value(p.line, from) // cannot fail: it is of the document, or was made here
	return v
}
