package event

// Time reads only the time of a line, in microseconds since 1970: other members may
// be missing or wrong. ok is false for a line that is too long, is no JSON object, or
// has no readable time.
func (d *Decoder) Time(line []byte) (micros int64, ok bool) {
	var e Event
	if len(line) > MaxLine || d.scan(line, &e) < 0 {
		return 0, false
	}
	if d.taken>>fTS&1 != 0 && d.outer.seen>>fTS&1 == 0 { // of a repeated member the last counts
		return e.TS, true
	}
	v, given := d.outer.get(fTS)
	return d.timeAt(line, v, given)
}

// TimeMapped is Time for the event that a map makes of a document. Events that the map
// leaves out have a time, too.
func (d *Decoder) TimeMapped(p *Mapper, doc []byte) (micros int64, ok bool) {
	event, _, reject := p.scan(doc)
	if reject.Reason != 0 {
		return 0, false
	}
	if p.of.outputs == nil {
		return d.Time(doc[event.start():event.end()])
	}
	p.line = append(p.line[:0], doc...)
	for i := range p.of.outputs {
		if o := &p.of.outputs[i]; o.member == fTS {
			v, given := p.place(o)
			return d.timeAt(p.line, v, given && v.kind() != null)
		}
	}
	return 0, false
}

// timeAt parses a time that lies in a line.
func (d *Decoder) timeAt(line []byte, v span, given bool) (micros int64, ok bool) {
	if !given || v.kind() > escapedText {
		return 0, false
	}
	d.line, d.scratch = line, d.scratch[:0]
	micros, ok = d.calendar.parseTime(d.text(v))
	d.line = nil
	return micros, ok
}
