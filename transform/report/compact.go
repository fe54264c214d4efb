package report

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"daybook/transform/day"
)

// The compact form of a row is for rows that wait to be sorted: in memory,
// without pointers, or in a temporary file. No published file contains it, so it
// may change.
//
//	flag     1 byte   1 if the row is final
//	date     number   report date
//	begin    number   begin
//	times    number   other times, relative to begin
//	numbers  number   durations, ids and counts
//	lengths  uvarint  of the texts
//	texts             concatenated

// times are all times except the begin.
func (r *Row) times() [4]*int64 {
	return [...]*int64{&r.StartTime, &r.EndTime, &r.LastActionTime, &r.FirstChatMessageSent}
}

func (r *Row) numbers() [19]*int64 {
	return [...]*int64{
		&r.TechnicianID, &r.SessionID, &r.ChannelID, &r.Leg,
		&r.ConnectingTime, &r.WaitingTime, &r.TotalTime, &r.ActiveTime, &r.WorkTime, &r.HoldTime, &r.TransferTime,
		&r.RebootingTime, &r.ReconnectingTime, &r.OtherTime, &r.TimeToFirstChat, &r.WrapUpTime,
		&r.CustomerMessages, &r.TechnicianMessages, &r.SystemMessages,
	}
}

func (r *Row) texts() [24]*string {
	return [...]*string{
		&r.TechnicianName, &r.TechnicianEmail, &r.SessionType, &r.Status, &r.Name,
		&r.CustomFields[0], &r.CustomFields[1], &r.CustomFields[2], &r.CustomFields[3], &r.CustomFields[4],
		&r.TrackingID, &r.CustomerIP, &r.DeviceID, &r.ToolsUsed, &r.ResolvedUnresolved, &r.ChannelName, &r.CallingCard,
		&r.Platform, &r.BrowserType, &r.TechnicianGroup, &r.TransferredTo, &r.Role, &r.Anomalies,
		&r.CustomerAddress,
	}
}

// AppendCompact appends the compact form of the row.
func (r *Row) AppendCompact(b []byte) []byte {
	flag := byte(0)
	if r.IsFinal {
		flag = 1
	}
	b = append(b, flag)
	b = appendNumber(b, int64(r.ReportDate))
	b = appendNumber(b, r.BeginTime)
	for _, t := range r.times() {
		b = appendNumber(b, distance(*t, r.BeginTime))
	}
	for _, n := range r.numbers() {
		b = appendNumber(b, *n)
	}
	texts := r.texts()
	for _, t := range texts {
		b = binary.AppendUvarint(b, uint64(len(*t)))
	}
	for _, t := range texts {
		b = append(b, *t...)
	}
	return b
}

// distance is t - from. Unknown stays Unknown; no distance of valid times has
// that value.
func distance(t, from int64) int64 {
	if t == Unknown {
		return Unknown
	}
	return t - from
}

// appendNumber appends n as a zigzag uvarint plus one, so that small positive
// and negative numbers are short and Unknown, the least int64, is 0.
func appendNumber(b []byte, n int64) []byte {
	return binary.AppendUvarint(b, uint64(n<<1^n>>63)+1)
}

var errCompact = errors.New("the compact form of a row is damaged")

// DecodeCompact makes r the row of a compact form. The row's texts share its bytes,
// which must not change as long as the texts are used.
func (r *Row) DecodeCompact(b []byte) error {
	if len(b) == 0 || b[0] > 1 {
		return errCompact
	}
	c := compactReader{rest: b[1:]}
	r.IsFinal = b[0] == 1
	r.ReportDate = day.Day(c.number())
	r.BeginTime = c.number()
	for _, t := range r.times() {
		if *t = c.number(); *t != Unknown {
			*t += r.BeginTime
		}
	}
	for _, n := range r.numbers() {
		*n = c.number()
	}
	texts := r.texts()
	var lengths [len(texts)]uint64
	for i := range texts {
		lengths[i] = c.uvarint()
	}
	all := unsafe.String(unsafe.SliceData(c.rest), len(c.rest))
	for i, t := range texts {
		if lengths[i] > uint64(len(all)) {
			return errCompact
		}
		*t, all = all[:lengths[i]], all[lengths[i]:]
	}
	if c.damaged || all != "" {
		return errCompact
	}
	return nil
}

// compactReader reads numbers from a compact form.
type compactReader struct {
	rest    []byte
	damaged bool // a number was malformed
}

func (c *compactReader) uvarint() uint64 {
	if len(c.rest) > 0 && c.rest[0] < 0x80 { // most are small
		n := uint64(c.rest[0])
		c.rest = c.rest[1:]
		return n
	}
	n, size := binary.Uvarint(c.rest)
	if size <= 0 {
		c.damaged, c.rest = true, nil
		return 0
	}
	c.rest = c.rest[size:]
	return n
}

// number is the inverse of appendNumber.
func (c *compactReader) number() int64 {
	u := c.uvarint() - 1
	return int64(u>>1) ^ -int64(u&1)
}
