package explore

import (
	"context"
	"fmt"
	"math"
	"time"

	"daybook/pipeline/format"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
	"daybook/transform/session"
)

// columns is the rows of one published day in compact form, in their order. It is
// never changed once it is made.
type columns struct {
	date day.Day
	rows int

	ids      []int64 // the distinct sessions, in order of their first row
	sessions []int32 // of each row: its index in ids

	technician texts[int64] // by id
	names      []string     // of the technicians, by code: the last one that is known
	group      texts[string]
	channel    texts[Channel]
	kind       texts[string]
	status     texts[string]

	leg     []int32
	flags   []flag
	quarter []uint8 // of the hour of the local start or begin: 0 to 95

	numbers [numNumbers]numbers
}

// number is a column of numbers.
type number int

const (
	begin number = iota // Unix milliseconds, like start and end
	start
	end
	connecting // durations are milliseconds
	waiting
	total
	active
	work
	hold
	transfer
	other
	wrapUp
	firstChat
	numNumbers
)

// at is a number of a row, or absent.
func (c *columns) at(n number, row int) int64 { return c.numbers[n].at(row) }

// Channel identifies a channel: by both, as in by_channel.csv (REPORT.md, "Summaries").
type Channel struct {
	ID   int64 // 0: unknown
	Name string
}

// flag is the yes and no of a row.
type flag uint8

const (
	isLead flag = 1 << iota
	isFinal
	isStarted
	isTransferred // its status is Transferred
)

// texts is a column with few distinct values: a code for each row.
type texts[T comparable] struct {
	values []T
	codes  []uint32
	known  map[T]uint32 // while it is made
}

func (t *texts[T]) add(v T) uint32 {
	code, ok := t.known[v]
	if !ok {
		if t.known == nil {
			t.known = map[T]uint32{}
		}
		code = uint32(len(t.values))
		t.values = append(t.values, v)
		t.known[v] = code
	}
	t.codes = append(t.codes, code)
	return code
}

// numbers is a column of numbers, as differences from a base. They take 4 bytes as
// long as all are within 24 days of it.
type numbers struct {
	base   int64
	narrow []int32
	wide   []int64 // takes the place of narrow
}

// absent is the null of a column.
const absent = math.MinInt64

func (n *numbers) add(v int64) {
	if v == report.Unknown {
		v = absent
	}
	if n.wide == nil {
		switch d := v - n.base; {
		case v == absent:
			n.narrow = append(n.narrow, math.MinInt32)
			return
		case d > math.MinInt32 && d <= math.MaxInt32:
			n.narrow = append(n.narrow, int32(d))
			return
		}
		n.wide = make([]int64, len(n.narrow), max(cap(n.narrow), 16))
		for i := range n.narrow {
			n.wide[i] = n.at(i)
		}
		n.narrow = nil
	}
	n.wide = append(n.wide, v)
}

// at is the number of a row, or absent.
func (n *numbers) at(i int) int64 {
	if n.wide != nil && n.narrow == nil {
		return n.wide[i]
	}
	if v := n.narrow[i]; v != math.MinInt32 {
		return n.base + int64(v)
	}
	return absent
}

func (n *numbers) size() int64 { return int64(4*cap(n.narrow) + 8*cap(n.wide)) }

// rowSize is about how many bytes a row takes, with its share of a session.
const rowSize = 125

// needed are the columns that are read.
var needed = map[string]bool{
	"start_time": true, "end_time": true, "begin_time": true, "technician_name": true, "technician_id": true, "session_id": true,
	"session_type": true, "status": true, "channel_id": true, "channel_name": true, "connecting_time_ms": true, "waiting_time_ms": true,
	"total_time_ms": true, "active_time_ms": true, "work_time_ms": true, "hold_time_ms": true, "transfer_time_ms": true,
	"technician_group": true, "time_to_first_chat_ms": true, "wrap_up_time_ms": true, "leg": true, "role": true, "is_final": true, "other_time_ms": true,
}

// readColumns reads a published day.
func readColumns(ctx context.Context, f format.Format, sink store.Store, m *publish.Manifest, date day.Day, zone *time.Location) (*columns, error) {
	b := newBuilder(date, zone, int(m.Rows))
	for batch, err := range format.Rows(ctx, f, sink, m, func(c *report.Column) bool { return needed[c.Name] }) {
		if err != nil {
			return nil, err
		}
		for i := range batch {
			b.add(&batch[i])
		}
		if b.rows > math.MaxInt32 {
			return nil, fmt.Errorf("%s has more rows than Explore reads", date)
		}
	}
	return b.finish(), nil
}

// builder makes columns of rows.
type builder struct {
	*columns
	index map[int64]int32 // of ids
	clock clock
}

func newBuilder(date day.Day, zone *time.Location, rows int) *builder {
	base := date.UTC().UnixMilli()
	b := &builder{columns: &columns{date: date}, index: make(map[int64]int32, rows), clock: clock{zone: zone}}
	b.numbers[begin].base, b.numbers[start].base, b.numbers[end].base = base, base, base
	for i := range b.numbers {
		b.numbers[i].narrow = make([]int32, 0, rows)
	}
	b.sessions, b.leg = make([]int32, 0, rows), make([]int32, 0, rows)
	b.flags, b.quarter = make([]flag, 0, rows), make([]uint8, 0, rows)
	for _, codes := range []*[]uint32{&b.technician.codes, &b.group.codes, &b.channel.codes, &b.kind.codes, &b.status.codes} {
		*codes = make([]uint32, 0, rows)
	}
	return b
}

var (
	leadRole    = session.Lead.String()
	transferred = "Transferred"
)

func (b *builder) add(r *report.Row) {
	i, ok := b.index[r.SessionID]
	if !ok {
		i = int32(len(b.ids))
		b.index[r.SessionID] = i
		b.ids = append(b.ids, r.SessionID)
	}
	b.sessions = append(b.sessions, i)
	technician := b.technician.add(known(r.TechnicianID))
	if int(technician) == len(b.names) {
		b.names = append(b.names, "")
	}
	if r.TechnicianName != "" && r.TechnicianID != report.Unknown {
		b.names[technician] = r.TechnicianName
	}
	b.group.add(r.TechnicianGroup)
	b.channel.add(Channel{known(r.ChannelID), r.ChannelName})
	b.kind.add(r.SessionType)
	b.status.add(r.Status)
	b.leg = append(b.leg, int32(min(r.Leg, math.MaxInt32)))
	var f flag
	at := r.BeginTime
	if r.Role == leadRole {
		f |= isLead
	}
	if r.IsFinal {
		f |= isFinal
	}
	if r.Status == transferred {
		f |= isTransferred
	}
	if r.StartTime != report.Unknown {
		f |= isStarted
		at = r.StartTime
	}
	b.flags = append(b.flags, f)
	b.quarter = append(b.quarter, b.clock.quarter(at))
	for n, v := range [numNumbers]int64{
		begin: r.BeginTime, start: r.StartTime, end: r.EndTime, connecting: r.ConnectingTime, waiting: r.WaitingTime, total: r.TotalTime,
		active: r.ActiveTime, work: r.WorkTime, hold: r.HoldTime, transfer: r.TransferTime, other: r.OtherTime, wrapUp: r.WrapUpTime, firstChat: r.TimeToFirstChat,
	} {
		b.numbers[n].add(v)
	}
	b.rows++
}

// known makes 0 of an unknown id; ids are positive.
func known(id int64) int64 {
	if id == report.Unknown {
		return 0
	}
	return id
}

func (b *builder) finish() *columns {
	b.technician.known, b.group.known, b.channel.known, b.kind.known, b.status.known = nil, nil, nil, nil, nil
	return b.columns
}

// size is about how many bytes the columns take.
func (c *columns) size() int64 {
	size := int64(8*cap(c.ids) + 4*cap(c.sessions) + 4*cap(c.leg) + cap(c.flags) + cap(c.quarter))
	for i := range c.numbers {
		size += c.numbers[i].size()
	}
	size += int64(4 * (cap(c.technician.codes) + cap(c.group.codes) + cap(c.channel.codes) + cap(c.kind.codes) + cap(c.status.codes)))
	for _, all := range [][]string{c.names, c.group.values, c.kind.values, c.status.values} {
		for _, s := range all {
			size += int64(len(s)) + 16
		}
	}
	for _, ch := range c.channel.values {
		size += int64(len(ch.Name)) + 24
	}
	return size + 1024
}

// clock finds the local quarter of an hour. Times that follow each other are mostly
// within the same one.
type clock struct {
	zone     *time.Location
	from, to int64 // of the last quarter
	last     uint8
}

const quarterMillis = 15 * 60 * 1000

func (c *clock) quarter(ms int64) uint8 {
	if ms < c.from || ms >= c.to {
		at := time.UnixMilli(ms).In(c.zone)
		c.last = uint8(at.Hour()*4 + at.Minute()/15)
		// Clocks change on the minute: only times of the same minute share a quarter for sure.
		c.from = ms - int64(at.Second())*1000 - int64(at.Nanosecond()/1e6)
		c.to = c.from + 60_000
	}
	return c.last
}
