package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// The shuffle's temporary files and the digests store an event as its id, time,
// session, sequence number, type, code and technician id, which most events
// have, and a body: the members that few events have.
//
// The numbers of types, codes, details and body members are part of the format
// of digests (codes.golden). New numbers come after the old ones.

// Code is the value of the type's own code: a session type, status, signal,
// sender, resolution or actor. For types without a code it is 0.
func (e *Event) Code() uint8 {
	switch e.Type {
	case SessionCreated:
		return uint8(e.SessionType)
	case StatusChanged, ExportedRow:
		return uint8(e.Status)
	case Presence:
		return uint8(e.Signal)
	case ChatMessage:
		return uint8(e.Sender)
	case ResolutionSubmitted:
		return uint8(e.Resolution)
	case QueueRemoved:
		return uint8(e.By)
	}
	return 0
}

// SetCode is the inverse of Code. The meaning of the code depends on e.Type.
func (e *Event) SetCode(code uint8) {
	switch e.Type {
	case SessionCreated:
		e.SessionType = SessionType(code)
	case StatusChanged, ExportedRow:
		e.Status = Status(code)
	case Presence:
		e.Signal = Signal(code)
	case ChatMessage:
		e.Sender = Sender(code)
	case ResolutionSubmitted:
		e.Resolution = Resolution(code)
	case QueueRemoved:
		e.By = Actor(code)
	}
}

// Who is the id of the technician that the event names, as an object or by id
// alone; 0 if it names none.
func (e *Event) Who() int64 {
	if e.describes() {
		return e.Technician.ID
	}
	return e.TechnicianID
}

// SetWho is the inverse of Who.
func (e *Event) SetWho(id int64) {
	if e.describes() {
		e.Technician.ID = id
	} else {
		e.TechnicianID = id
	}
}

// describes reports whether the type has a technician object, not a
// technician_id.
func (e *Event) describes() bool {
	return e.Type == SessionCreated || e.Type == StatusChanged || e.Type == CollaborationStarted || e.Type == ExportedRow
}

// The members of a body. Each is its number followed by a text (its length and
// its bytes), a channel's id, or the details.
const (
	bodyTool = iota + 1
	bodyName
	bodyEmail
	bodyGroup
	bodyChannelID
	bodyChannelName
	bodyCallingCard
	bodyTransferred
	bodyDetails       // the bits of Given, and the text of each
	bodyTargetChannel // the id of the channel that bodyTransferred names
	bodyExported
)

// AppendBody appends the members of the event other than id, time, session,
// sequence number, type, code and technician id. It is empty for most events.
// Events with equal members have equal bodies.
func (e *Event) AppendBody(b []byte) []byte {
	b = appendMember(b, bodyTool, e.Tool)
	b = appendMember(b, bodyName, e.Technician.Name)
	b = appendMember(b, bodyEmail, e.Technician.Email)
	b = appendMember(b, bodyGroup, e.Technician.Group)
	if e.Channel.ID != 0 {
		b = binary.AppendUvarint(append(b, bodyChannelID), uint64(e.Channel.ID))
	}
	b = appendMember(b, bodyChannelName, e.Channel.Name)
	b = appendMember(b, bodyCallingCard, e.CallingCard)
	b = appendMember(b, bodyTransferred, e.TransferredTo.Name)
	if e.TransferredTo.Channel {
		b = binary.AppendUvarint(append(b, bodyTargetChannel), uint64(e.TransferredTo.ID))
	}
	b = appendMember(b, bodyExported, e.ExportedText())
	if d := e.Details; d != nil {
		b = binary.AppendUvarint(append(b, bodyDetails), uint64(d.Given))
		for i := range d.Value {
			if d.Given&(1<<i) != 0 {
				b = appendText(b, d.Value[i])
			}
		}
	}
	return b
}

func appendMember(b []byte, member byte, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(append(b, member), text)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

var errBody = errors.New("an event's body is damaged")

// Pool lends memory to events that are decoded and soon forgotten. The zero Pool
// is empty. A nil Pool gives memory away for good.
type Pool struct {
	details []*Details
	lent    int
}

// Reset takes back all that was lent since the last Reset.
func (p *Pool) Reset() {
	const most = 1 << 10 // kept; a session seldom has ten
	if len(p.details) > most {
		p.details = nil
	}
	p.lent = 0
}

// get returns empty Details.
func (p *Pool) get() *Details {
	if p == nil {
		return new(Details)
	}
	if p.lent == len(p.details) {
		p.details = append(p.details, new(Details))
	}
	d := p.details[p.lent]
	p.lent++
	*d = Details{}
	return d
}

// DecodeBody is the inverse of AppendBody. The event's texts share the memory
// of body; its Details are the pool's. It returns an error for bytes that are not
// a body.
func (e *Event) DecodeBody(body string, pool *Pool) error {
	for len(body) > 0 {
		member := body[0]
		body = body[1:]
		var err error
		switch member {
		case bodyTool:
			e.Tool, body, err = takeText(body)
		case bodyName:
			e.Technician.Name, body, err = takeText(body)
		case bodyEmail:
			e.Technician.Email, body, err = takeText(body)
		case bodyGroup:
			e.Technician.Group, body, err = takeText(body)
		case bodyChannelID:
			var id uint64
			id, body, err = takeUvarint(body)
			e.Channel.ID = int64(id)
		case bodyChannelName:
			e.Channel.Name, body, err = takeText(body)
		case bodyCallingCard:
			e.CallingCard, body, err = takeText(body)
		case bodyTransferred:
			e.TransferredTo.Name, body, err = takeText(body)
		case bodyTargetChannel:
			var id uint64
			id, body, err = takeUvarint(body)
			e.TransferredTo.Channel, e.TransferredTo.ID = true, int64(id)
		case bodyExported:
			var text string
			text, body, err = takeText(body)
			e.Exported = &text
		case bodyDetails:
			e.Details, body, err = takeDetails(body, pool)
		default:
			err = fmt.Errorf("%w: member %d", errBody, member)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func takeDetails(s string, pool *Pool) (*Details, string, error) {
	given, s, err := takeUvarint(s)
	if err != nil {
		return nil, "", err
	}
	if bits.Len64(given) > NumDetails {
		return nil, "", errBody
	}
	d := pool.get()
	d.Given = uint16(given)
	for i := range d.Value {
		if d.Given&(1<<i) == 0 {
			continue
		}
		if d.Value[i], s, err = takeText(s); err != nil {
			return nil, "", err
		}
	}
	return d, s, nil
}

func takeText(s string) (text, rest string, err error) {
	n, s, err := takeUvarint(s)
	if err != nil || n > uint64(len(s)) {
		return "", "", errBody
	}
	text, rest = s[:n], s[n:]
	if strings.IndexByte(text, 0) >= 0 { // in digests of version 2
		text = strings.ReplaceAll(text, "\x00", "\ufffd")
	}
	return text, rest, nil
}

func takeUvarint(s string) (n uint64, rest string, err error) {
	for i, shift := 0, uint(0); i < len(s) && shift < 64; i, shift = i+1, shift+7 {
		c := s[i]
		if n |= uint64(c&0x7f) << shift; c < 0x80 {
			return n, s[i+1:], nil
		}
	}
	return 0, "", errBody
}
