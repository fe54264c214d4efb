package explore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// query computes the answer to a question over a view.
type query struct {
	*view
	*Question
	bins  []Bin
	binOf []int32 // of each day of the period
	keys  []Key
	keyOf [][]int32 // of each day: the key of each code of the grouping
	lines [][]int32 // of each day: the key of each row; unselected if it is not selected
}

const unselected = -1

// answer computes an answer with so many goroutines.
func (v *view) answer(ctx context.Context, q *Question, workers int) (*Answer, error) {
	if v.rows > math.MaxInt32 {
		return nil, errTooMany
	}
	u := &query{view: v, Question: q, lines: make([][]int32, len(v.days))}
	u.makeBins()
	u.makeKeys()
	slots := make([]Stats, 1+len(u.bins)+len(u.keys))
	loads := newLoader(q)
	counted, err := u.count(ctx, workers, len(slots), loads)
	if err != nil {
		return nil, err
	}
	var shared []sessionPlace
	for _, c := range counted {
		for i := range c.slots {
			slots[i].add(&c.slots[i])
		}
		shared = append(shared, c.shared...)
	}
	u.distinct(slots, shared)
	err = parallel.Share(ctx, workers, len(distributed), func(ctx context.Context, next func() (int, bool)) error {
		return u.distribute(ctx, slots, next)
	})
	if err != nil {
		return nil, err
	}
	a := &Answer{Total: slots[0], Load: loads.load(), Facets: v.facets(), Legs: int64(v.legs()), Days: v.to - v.from, Bins: u.bins}
	for i := range a.Bins {
		a.Bins[i].Stats = slots[1+i]
	}
	for i, k := range u.keys {
		s := slots[1+len(u.bins)+i]
		if s.Legs > 0 || q.By == ByHour || q.By == ByDate {
			a.Lines = append(a.Lines, Line{k, s})
		}
	}
	slices.SortStableFunc(a.Lines, func(a, b Line) int { return compareKeys(q.By, a.Key, b.Key) })
	return a, nil
}

// compareKeys orders lines as the summaries do: numbers, then texts by bytes, unknown
// last.
func compareKeys(by Grouping, a, b Key) int {
	unknown := func(k Key) bool { return k.ID == 0 && k.Text == "" }
	if by == ByHour || by == ByDate || unknown(a) == unknown(b) {
		return cmp.Or(cmp.Compare(a.ID, b.ID), strings.Compare(a.Text, b.Text))
	}
	if unknown(a) {
		return 1
	}
	return -1
}

// makeBins makes the bins of the period: hours if it is one day.
func (u *query) makeBins() {
	if u.Period.Len() == 1 {
		for hour := range 24 {
			u.bins = append(u.bins, Bin{Hour: hour, Days: u.Period})
		}
		return
	}
	bins := u.Period.Bins()
	for _, b := range bins {
		u.bins = append(u.bins, Bin{Days: b})
	}
	u.binOf = binOf(u.Period, bins)
}

// bin is the bin of a row.
func (u *query) bin(c *columns, row int) int32 {
	if u.binOf == nil {
		return int32(c.quarter[row] / 4)
	}
	return u.binOf[c.date-u.Period.From]
}

// makeKeys makes the lines of the answer, of the values that each day has.
func (u *query) makeKeys() {
	u.keyOf = make([][]int32, len(u.days))
	numbers := map[Key]int32{}
	number := func(k Key) int32 {
		if _, ok := numbers[k]; !ok {
			numbers[k] = int32(len(u.keys))
			u.keys = append(u.keys, k)
		}
		return numbers[k]
	}
	switch u.By {
	case ByHour:
		for hour := range int64(24) {
			number(Key{ID: hour})
		}
	case ByDate:
		for d := u.Period.From; d <= u.Period.To; d++ {
			number(Key{ID: int64(d)})
		}
	}
	for i, c := range u.inside() {
		of := &u.keyOf[i]
		switch u.By {
		case ByTechnician:
			for code, id := range c.technician.values {
				n := number(Key{ID: id})
				if c.names[code] != "" {
					u.keys[n].Text = c.names[code]
				}
				*of = append(*of, n)
			}
		case ByChannel:
			for _, ch := range c.channel.values {
				*of = append(*of, number(Key{ch.ID, ch.Name}))
			}
		case ByGroup, ByStatus, ByType:
			values, _ := u.texts(c)
			for _, text := range values {
				*of = append(*of, number(Key{Text: text}))
			}
		}
	}
}

// texts are the values and the codes of a grouping by text.
func (u *query) texts(c *columns) (values []string, codes []uint32) {
	switch u.By {
	case ByGroup:
		return c.group.values, c.group.codes
	case ByStatus:
		return c.status.values, c.status.codes
	}
	return c.kind.values, c.kind.codes
}

// codes are the codes of the rows of a day by the grouping; nil by hour and by date.
func (u *query) codes(c *columns) []uint32 {
	switch u.By {
	case ByTechnician:
		return c.technician.codes
	case ByChannel:
		return c.channel.codes
	case ByHour, ByDate:
		return nil
	}
	_, codes := u.texts(c)
	return codes
}

// counts is what one goroutine counts of its days.
type counts struct {
	slots  []Stats        // the total, the bins, the keys
	shared []sessionPlace // the selected legs of sessions with several legs
}

// sessionPlace is where a leg of a session counts.
type sessionPlace struct{ session, bin, key int32 }

// count selects rows, and counts them.
func (u *query) count(ctx context.Context, workers, slots int, loads *loader) ([]*counts, error) {
	all := make([]*counts, max(1, min(workers, len(u.days))))
	err := parallel.Each(ctx, len(all), workers, func(ctx context.Context, w int) error {
		all[w] = &counts{slots: make([]Stats, slots)}
		marks := loads.worker()
		for i := w; i < len(u.days); i += len(all) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if u.from <= i && i < u.to {
				u.countDay(i, all[w], marks)
			} else {
				u.markDay(i, marks)
			}
		}
		loads.merge(marks)
		return nil
	})
	return all, err
}

// countDay counts the selected rows of a day.
func (u *query) countDay(i int, into *counts, marks *marks) {
	c, first, sessions := u.days[i], u.first[i], u.sessions[i]
	s := newSelector(&u.Filter, c)
	codes, keyOf, keys := u.codes(c), u.keyOf[i], into.slots[1+len(u.bins):]
	lines := make([]int32, c.rows)
	target := u.Target.Milliseconds()
	date := int32(c.date - u.Period.From)
	for row := range lines {
		number := sessions[c.sessions[row]]
		f := &u.facts[number]
		if !s.selects(row, f) {
			lines[row] = unselected
			continue
		}
		key := date
		switch {
		case codes != nil:
			key = keyOf[codes[row]]
		case u.By == ByHour:
			key = int32(c.quarter[row] / 4)
		}
		lines[row] = key
		bin := u.bin(c, row)
		one := Stats{Legs: 1, Active: c.at(active, row), Hold: c.at(hold, row), Transfer: c.at(transfer, row)}
		if c.flags[row]&isTransferred != 0 {
			one.Transferred = 1
		}
		if int(f.head) == first+row {
			one.head(f, target)
		}
		if f.legs == 1 {
			one.Sessions = 1
		} else {
			into.shared = append(into.shared, sessionPlace{number, bin, key})
		}
		into.slots[0].add(&one)
		into.slots[1+bin].add(&one)
		keys[key].add(&one)
		marks.add(c, row)
	}
	u.lines[i] = lines
}

// markDay marks the selected rows of a day outside of the period: they may last into it.
func (u *query) markDay(i int, marks *marks) {
	c, sessions := u.days[i], u.sessions[i]
	s := newSelector(&u.Filter, c)
	for row := range c.rows {
		if s.selects(row, &u.facts[sessions[c.sessions[row]]]) {
			marks.add(c, row)
		}
	}
}

// head counts a session at its head leg.
func (s *Stats) head(f *fact, target int64) {
	switch {
	case !f.started:
		s.NotPickedUp = 1
		return
	case f.state != pickedUp: // it was picked up before the period
		return
	}
	s.PickedUp = 1
	if target > 0 && f.waiting <= target {
		s.Within = 1
	}
}

// distinct counts the sessions with several legs: once for each bin and key.
func (u *query) distinct(slots []Stats, places []sessionPlace) {
	// A session and its place are one number, because numbers sort fast.
	packed := make([]uint64, len(places))
	each := func(of func(sessionPlace) int) {
		for i, p := range places {
			packed[i] = uint64(p.session)<<32 | uint64(of(p))
		}
		slices.Sort(packed)
		for i, p := range packed {
			if i == 0 || packed[i-1] != p {
				slots[uint32(p)].Sessions++
			}
		}
	}
	each(func(sessionPlace) int { return 0 })
	each(func(p sessionPlace) int { return 1 + int(p.bin) })
	each(func(p sessionPlace) int { return 1 + len(u.bins) + int(p.key) })
}

// distribute fills in the distributions of all slots, one after the other.
func (u *query) distribute(ctx context.Context, slots []Stats, next func() (int, bool)) error {
	legs := u.legs()
	samples, spare := make([]sample, legs), make([]sample, legs)
	for which, ok := next(); ok; which, ok = next() {
		n := 0
		for i, c := range u.inside() {
			if err := ctx.Err(); err != nil {
				return err
			}
			n += u.collect(which, i, c, samples[n:])
		}
		sorted := sortSamples(samples[:n], spare[:n])
		of := make([]*Distribution, len(slots))
		for i := range slots {
			of[i] = distributed[which].of(&slots[i])
		}
		fill(of, len(u.bins), sorted)
	}
	return nil
}

// collect collects the values of the selected rows of a day, and returns how many
// there are.
func (u *query) collect(which, i int, c *columns, into []sample) int {
	value, first, sessions, n := distributed[which].value, u.first[i], u.sessions[i], 0
	for row, key := range u.lines[i] {
		if key == unselected {
			continue
		}
		f := &u.facts[sessions[c.sessions[row]]]
		if int(f.head) != first+row {
			f = nil
		}
		if v, ok := value(c, row, f); ok {
			into[n] = sample{v, u.bin(c, row), key}
			n++
		}
	}
	return n
}

// selector says which rows of a day a filter selects: by their codes.
type selector struct {
	by       [][]bool
	codes    [][]uint32
	pickedUp *bool
}

func newSelector(f *Filter, c *columns) *selector {
	s := &selector{pickedUp: f.PickedUp}
	add := func(codes []uint32, n int, matches func(i int) bool) {
		allowed := make([]bool, n)
		for i := range allowed {
			allowed[i] = matches(i)
		}
		s.by, s.codes = append(s.by, allowed), append(s.codes, codes)
	}
	if f.Technician != nil {
		add(c.technician.codes, len(c.technician.values), func(i int) bool { return c.technician.values[i] == *f.Technician })
	}
	if f.Group != nil {
		add(c.group.codes, len(c.group.values), func(i int) bool { return within(c.group.values[i], *f.Group) })
	}
	if f.Channel != nil {
		add(c.channel.codes, len(c.channel.values), func(i int) bool { return c.channel.values[i].ID == *f.Channel })
	}
	if f.Type != nil {
		add(c.kind.codes, len(c.kind.values), func(i int) bool { return c.kind.values[i] == *f.Type })
	}
	if f.Status != nil {
		add(c.status.codes, len(c.status.values), func(i int) bool { return c.status.values[i] == *f.Status })
	}
	return s
}

func (s *selector) selects(row int, f *fact) bool {
	for i, allowed := range s.by {
		if !allowed[s.codes[i][row]] {
			return false
		}
	}
	return s.pickedUp == nil || *s.pickedUp == f.started
}

// facets are the values of the period's columns.
func (v *view) facets() Facets {
	technicians, groups, channels := map[int64]string{}, map[string]bool{}, map[Channel]bool{}
	kinds, statuses := map[string]bool{}, map[string]bool{}
	for _, c := range v.inside() {
		for code, id := range c.technician.values {
			if name := c.names[code]; name != "" || technicians[id] == "" {
				technicians[id] = name
			}
		}
		for _, g := range c.group.values {
			groups[g] = true
			for i, r := range g {
				if r == '/' && i > 0 {
					groups[g[:i]] = true
				}
			}
		}
		for _, ch := range c.channel.values {
			channels[ch] = true
		}
		for _, k := range c.kind.values {
			kinds[k] = true
		}
		for _, s := range c.status.values {
			statuses[s] = true
		}
	}
	f := Facets{Groups: sortedTexts(groups), Types: sortedTexts(kinds), Statuses: sortedTexts(statuses)}
	for id, name := range technicians {
		f.Technicians = append(f.Technicians, Key{id, name})
	}
	slices.SortFunc(f.Technicians, func(a, b Key) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)), cmp.Compare(a.ID, b.ID))
	})
	for ch := range channels {
		f.Channels = append(f.Channels, ch)
	}
	slices.SortFunc(f.Channels, func(a, b Channel) int { return cmp.Or(cmp.Compare(a.ID, b.ID), strings.Compare(a.Name, b.Name)) })
	return f
}

func sortedTexts(all map[string]bool) []string {
	texts := make([]string, 0, len(all))
	for t := range all {
		texts = append(texts, t)
	}
	slices.Sort(texts)
	return texts
}

// Date is the key of a line by date.
func (k Key) Date() day.Day { return day.Day(k.ID) }

// startOf is the first quarter of an hour that a clock shows on a day.
func startOf(d day.Day, zone *time.Location) time.Time {
	at, _ := partition.Instants(d, zone)
	at -= at % quarterMillis
	for day.Of(at, zone) < d {
		at += quarterMillis
	}
	return time.UnixMilli(at).In(zone)
}
