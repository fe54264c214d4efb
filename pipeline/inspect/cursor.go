package inspect

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/partition"
	"daybook/transform/day"
)

// Cursor is a moment in the history of what is published: [Inspector.Changes] says
// what has changed since. The zero Cursor is before everything.
type Cursor struct {
	at time.Time // the newest manifest there was, by the store's clock

	// The days and months that were published, by report and kind. nil: unknown.
	had map[set]spans
}

// set is the days or the months of a report.
type set struct {
	report string
	kind   partition.Kind
}

// spans are sorted, separate intervals of days or months, by their numbers.
type spans []span

type span struct{ first, last int }

// add adds a number that is larger than all that were added before.
func (s spans) add(n int) spans {
	if last := len(s) - 1; last >= 0 && s[last].last+1 == n {
		s[last].last = n
		return s
	}
	return append(s, span{n, n})
}

func (s spans) has(n int) bool {
	_, found := slices.BinarySearchFunc(s, n, func(x span, n int) int {
		switch {
		case x.last < n:
			return -1
		case x.first > n:
			return 1
		}
		return 0
	})
	return found
}

// number is the number of a day or a month.
func number(id partition.ID) int {
	if id.Kind == partition.Month {
		return int(id.Month())
	}
	return int(id.Day())
}

// numbered is the inverse of number.
func (s set) numbered(n int) partition.ID {
	if s.kind == partition.Month {
		return partition.MonthID(s.report, day.Month(n))
	}
	return partition.DayID(s.report, day.Day(n))
}

// Empty reports whether the cursor knows of no published day or month: there was
// none, or it was made of a date.
func (c *Cursor) Empty() bool { return len(c.had) == 0 }

// had notes which partitions are published. ids are sorted.
func had(ids []partition.ID) map[set]spans {
	all := map[set]spans{}
	for _, id := range ids {
		in := set{id.Report, id.Kind}
		all[in] = all[in].add(number(id))
	}
	return all
}

// cursorPrefix tells a cursor from a time, and its version from later ones.
const cursorPrefix = "c1."

// cursorText is the JSON in the text of a cursor.
type cursorText struct {
	At  int64      `json:"at"` // ms
	Had []setSpans `json:"had"`
}

type setSpans struct {
	Report string         `json:"report"`
	Kind   partition.Kind `json:"kind"`
	Spans  [][2]int       `json:"spans"`
}

// String is the text that ParseCursor reads.
func (c *Cursor) String() string {
	text := cursorText{At: c.at.UnixMilli(), Had: []setSpans{}}
	for in, all := range c.had {
		s := setSpans{Report: in.report, Kind: in.kind}
		for _, x := range all {
			s.Spans = append(s.Spans, [2]int{x.first, x.last})
		}
		text.Had = append(text.Had, s)
	}
	slices.SortFunc(text.Had, func(a, b setSpans) int {
		return strings.Compare(a.Report+"/"+string(a.Kind), b.Report+"/"+string(b.Kind))
	})
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // JSON can hold numbers and names
	}
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads a cursor as String writes it, or a date or a time in UTC.
func ParseCursor(text string) (Cursor, error) {
	if d, err := day.Parse(text); err == nil {
		return Cursor{at: d.UTC()}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return Cursor{at: at}, nil
	}
	encoded, ok := strings.CutPrefix(text, cursorPrefix)
	b, err := base64.RawURLEncoding.DecodeString(encoded)
	var read cursorText
	if ok && err == nil && json.Unmarshal(b, &read) == nil {
		if c, ok := read.cursor(); ok {
			return c, nil
		}
	}
	return Cursor{}, fmt.Errorf("%q is neither a cursor, as daybook changes prints it at its end, nor a date such as 2026-11-20, nor a time such as 2026-11-20T06:00:00Z", text)
}

// cursor is the cursor that String wrote; ok is false if it can have written no such.
func (t *cursorText) cursor() (c Cursor, ok bool) {
	c = Cursor{at: time.UnixMilli(t.At), had: map[set]spans{}}
	for _, s := range t.Had {
		in := set{s.Report, s.Kind}
		latest, known := map[partition.Kind]int{partition.Day: int(lastDay), partition.Month: int(lastDay.Month())}[s.Kind]
		if !known || s.Report == "" || c.had[in] != nil {
			return c, false
		}
		before := -latest // no partition is so early
		for _, x := range s.Spans {
			if x[0] <= before || x[1] < x[0] || x[1] > latest {
				return c, false
			}
			c.had[in], before = append(c.had[in], span{x[0], x[1]}), x[1]
		}
	}
	return c, true
}

// lastDay is the last day that a partition's name can have.
var lastDay = day.Date(9999, time.December, 31)
