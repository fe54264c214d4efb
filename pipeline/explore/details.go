package explore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"daybook/pipeline/format"
	"daybook/pipeline/parallel"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// details is the texts by which people look for the sessions of a day: a customer's name
// and a tracking id for each row.
type details struct {
	date     day.Day
	sessions []int64
	texts    string   // those of all rows
	ends     []uint32 // in texts: of the name and of the tracking id of each row
}

func (d *details) add(r *report.Row, texts *strings.Builder) {
	d.sessions = append(d.sessions, r.SessionID)
	texts.WriteString(r.Name)
	d.ends = append(d.ends, uint32(texts.Len()))
	texts.WriteString(r.TrackingID)
	d.ends = append(d.ends, uint32(texts.Len()))
}

// at is the name and the tracking id of a row.
func (d *details) at(row int) (name, tracking string) {
	from := uint32(0)
	if row > 0 {
		from = d.ends[2*row-1]
	}
	return d.texts[from:d.ends[2*row]], d.texts[d.ends[2*row]:d.ends[2*row+1]]
}

// contains says whether one of the texts of a row contains a text in lower case.
func (d *details) contains(row int, needle string) bool {
	name, tracking := d.at(row)
	return strings.Contains(strings.ToLower(name), needle) || strings.Contains(strings.ToLower(tracking), needle)
}

// of is the name and the tracking id of a session: of its first rows in which they are
// known.
func (d *details) of(session int64) (name, tracking string) {
	for row, id := range d.sessions {
		if id != session {
			continue
		}
		n, t := d.at(row)
		if name == "" {
			name = n
		}
		if tracking == "" {
			tracking = t
		}
	}
	return name, tracking
}

func (d *details) size() int64 { return int64(len(d.texts) + 8*cap(d.sessions) + 4*cap(d.ends) + 256) }

var detailColumns = map[string]bool{"session_id": true, "name": true, "tracking_id": true}

func readDetails(ctx context.Context, f format.Format, sink store.Store, m *publish.Manifest, date day.Day) (*details, error) {
	d := &details{date: date, sessions: make([]int64, 0, m.Rows), ends: make([]uint32, 0, 2*m.Rows)}
	var texts strings.Builder
	for batch, err := range format.Rows(ctx, f, sink, m, func(c *report.Column) bool { return detailColumns[c.Name] }) {
		if err != nil {
			return nil, err
		}
		for i := range batch {
			d.add(&batch[i], &texts)
		}
		if texts.Len() > mostTexts {
			return nil, fmt.Errorf("%s has more texts than a search takes", date)
		}
	}
	d.texts = texts.String()
	return d, nil
}

// mostTexts is the bytes of texts that the ends of a day can tell.
const mostTexts = 1 << 31

// details reads the details of days that are published. All of them together have to fit
// into the memory of the cache.
func (x *Explorer) details(ctx context.Context, zone *time.Location, days []Day) ([]*details, error) {
	all := make([]*details, len(days))
	var bytes atomic.Int64
	err := parallel.Each(ctx, len(days), requests, func(ctx context.Context, i int) error {
		k := keyOf(&days[i], zone)
		k.zone = "details"
		if all[i], _ = x.Cache.take(k).(*details); all[i] != nil {
			return nil
		}
		base, err := publish.Read(ctx, x.Sink, days[i].ID.Dir())
		if err != nil || base.Manifest == nil {
			return err
		}
		read, err := readDetails(ctx, x.format(), x.Sink, base.Manifest, days[i].ID.Day())
		if err != nil {
			return fmt.Errorf("%s of %s: %w", days[i].ID.Name(), days[i].ID.Report, err)
		}
		if bytes.Add(read.size()) > x.Cache.most {
			return &TooLargeError{}
		}
		all[i] = read
		x.Cache.put(k, read, read.size())
		return nil
	})
	some := all[:0]
	for _, d := range all {
		if d != nil {
			some = append(some, d)
		}
	}
	return some, err
}

// ErrNoSession is a session id that no published row has.
var ErrNoSession = errors.New("no published row has this session")

// Find finds the latest day of days with a row of a session. Of each day it reads the
// footer, and the session ids only if the footer's statistics allow it.
func (x *Explorer) Find(ctx context.Context, zone *time.Location, days []Day, session int64) (day.Day, error) {
	const chunk = 64 // days whose answers are waited for before earlier ones are looked at
	for len(days) > 0 {
		some := days[max(0, len(days)-chunk):]
		days = days[:len(days)-len(some)]
		has := make([]bool, len(some))
		err := parallel.Each(ctx, len(some), requests, func(ctx context.Context, i int) (err error) {
			has[i], err = x.has(ctx, zone, &some[i], session)
			return err
		})
		if err != nil {
			return 0, err
		}
		for i := len(some) - 1; i >= 0; i-- {
			if has[i] {
				return some[i].ID.Day(), nil
			}
		}
	}
	return 0, ErrNoSession
}

// has says whether a day has a row of a session.
func (x *Explorer) has(ctx context.Context, zone *time.Location, d *Day, session int64) (bool, error) {
	if c, ok := x.Cache.take(keyOf(d, zone)).(*columns); ok {
		for _, id := range c.ids {
			if id == session {
				return true, nil
			}
		}
		return false, nil
	}
	base, err := publish.Read(ctx, x.Sink, d.ID.Dir())
	if err != nil || base.Manifest == nil {
		return false, err
	}
	for _, part := range base.Manifest.Parts {
		found, err := x.partHas(ctx, part, session)
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

func (x *Explorer) partHas(ctx context.Context, part publish.Part, session int64) (bool, error) {
	object := format.Object(ctx, x.Sink, part, false)
	f := x.format()
	if _, ok := f.(format.Parquet); ok {
		may, err := parquet.MayHold(object, part.Bytes, "session_id", session)
		if err != nil || !may {
			return false, err
		}
	}
	for batch, err := range f.Rows(object, part.Bytes, func(c *report.Column) bool { return c.Name == "session_id" }) {
		if err != nil {
			return false, err
		}
		for i := range batch {
			if batch[i].SessionID == session {
				return true, nil
			}
		}
	}
	return false, nil
}
