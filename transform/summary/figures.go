package summary

import (
	"strconv"

	"daybook/transform/day"
	"daybook/transform/report"
)

// Figures are the measures of a partition as a whole, and by each of its keys.
// The lists are sorted by their keys: numbers by value, text by bytes, and an
// unknown key last.
type Figures struct {
	Total       Measures
	Technicians []Technician
	Groups      []Group
	Channels    []Channel
	Hours       []Hour // always 24
	Days        []Day  // of a month: each of its days; of a day: none
}

// Technician is the measures of the rows of one technician, by one name and of
// one group.
type Technician struct {
	ID    int64  `json:"id,omitempty"` // 0: no technician took the session
	Name  string `json:"name,omitempty"`
	Group string `json:"group,omitempty"`
	Measures
}

// Group is the measures of the rows of one technician group.
type Group struct {
	Name string `json:"name,omitempty"` // empty: unknown
	Measures
}

// Channel is the measures of the rows of one channel by one name.
type Channel struct {
	ID   int64  `json:"id,omitempty"` // 0: unknown
	Name string `json:"name,omitempty"`
	Measures
}

// Hour is the measures of the rows that start, or begin, in one local hour.
type Hour struct {
	Hour int `json:"hour"` // 0 to 23
	Measures
}

// Day is the measures of the rows of one date.
type Day struct {
	Date day.Day
	Measures
}

// Table is one summary, in the report's language. Cells are as people read
// them; nothing is quoted or escaped.
type Table struct {
	Name   string // total, by_technician, …
	Header []string
	Kinds  []report.Kind // of the columns: Integer, Duration, String or Date
	Rows   [][]string    // as long as Header; empty: unknown
}

// Tables are the figures as people read them, in a language.
func (f *Figures) Tables(l report.Language) []Table {
	total := newTable(l, "total")
	total.add(&f.Total)
	technicians := newTable(l, "by_technician", reportColumn("technician_id"), reportColumn("technician_name"), reportColumn("technician_group"))
	for i := range f.Technicians {
		t := &f.Technicians[i]
		technicians.add(&t.Measures, id(t.ID), t.Name, t.Group)
	}
	groups := newTable(l, "by_group", reportColumn("technician_group"))
	for i := range f.Groups {
		groups.add(&f.Groups[i].Measures, f.Groups[i].Name)
	}
	channels := newTable(l, "by_channel", reportColumn("channel_id"), reportColumn("channel_name"))
	for i := range f.Channels {
		c := &f.Channels[i]
		channels.add(&c.Measures, id(c.ID), c.Name)
	}
	hours := newTable(l, "by_hour", keyColumn{report.Text{"Hour", "Uur"}, report.Integer})
	for i := range f.Hours {
		hours.add(&f.Hours[i].Measures, strconv.Itoa(f.Hours[i].Hour))
	}
	tables := []Table{total, technicians, groups, channels, hours}
	if f.Days == nil {
		return tables
	}
	days := newTable(l, "by_day", keyColumn{report.Text{"Date", "Datum"}, report.Date})
	for i := range f.Days {
		days.add(&f.Days[i].Measures, f.Days[i].Date.String())
	}
	return append(tables, days)
}

// id is the cell of an id; an unknown one is empty.
func id(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// newTable makes a table without rows: its columns are the keys and then the
// measures.
func newTable(l report.Language, name string, keys ...keyColumn) Table {
	t := Table{Name: name}
	for _, k := range keys {
		t.Header = append(t.Header, k.heading[l])
		t.Kinds = append(t.Kinds, k.kind)
	}
	for i := range measureColumns {
		t.Header = append(t.Header, measureColumns[i].heading[l])
		t.Kinds = append(t.Kinds, measureColumns[i].kind)
	}
	return t
}

func (t *Table) add(m *Measures, keys ...string) {
	cells := append(make([]string, 0, len(t.Header)), keys...)
	for i := range measureColumns {
		cells = append(cells, measureColumns[i].cell(m))
	}
	t.Rows = append(t.Rows, cells)
}

// keyColumn is a column of a key.
type keyColumn struct {
	heading report.Text
	kind    report.Kind
}

// reportColumn is a key that is a column of the report.
func reportColumn(name string) keyColumn {
	for i := range report.Columns {
		if c := &report.Columns[i]; c.Name == name {
			return keyColumn{c.Heading, c.Kind}
		}
	}
	panic("summary: the report has no column " + name)
}
