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
	File   string // total.csv, …
	Header []string
	Text   []bool     // which columns hold text that someone entered
	Rows   [][]string // as long as Header
}

// Tables are the figures as people read them, in a language.
func (f *Figures) Tables(l report.Language) []Table {
	total := newTable(l, "total.csv")
	total.add(&f.Total)
	technicians := newTable(l, "by_technician.csv", numberColumn("technician_id"), textColumn("technician_name"), textColumn("technician_group"))
	for i := range f.Technicians {
		t := &f.Technicians[i]
		technicians.add(&t.Measures, id(t.ID), t.Name, t.Group)
	}
	groups := newTable(l, "by_group.csv", textColumn("technician_group"))
	for i := range f.Groups {
		groups.add(&f.Groups[i].Measures, f.Groups[i].Name)
	}
	channels := newTable(l, "by_channel.csv", numberColumn("channel_id"), textColumn("channel_name"))
	for i := range f.Channels {
		c := &f.Channels[i]
		channels.add(&c.Measures, id(c.ID), c.Name)
	}
	hours := newTable(l, "by_hour.csv", keyColumn{heading: report.Text{"Hour", "Uur"}})
	for i := range f.Hours {
		hours.add(&f.Hours[i].Measures, strconv.Itoa(f.Hours[i].Hour))
	}
	tables := []Table{total, technicians, groups, channels, hours}
	if f.Days == nil {
		return tables
	}
	days := newTable(l, "by_day.csv", keyColumn{heading: report.Text{"Date", "Datum"}})
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
func newTable(l report.Language, file string, keys ...keyColumn) Table {
	t := Table{File: file}
	for _, k := range keys {
		t.Header = append(t.Header, k.heading[l])
		t.Text = append(t.Text, k.text)
	}
	for i := range measureColumns {
		t.Header = append(t.Header, measureColumns[i].heading[l])
		t.Text = append(t.Text, false)
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
	text    bool
}

// numberColumn and textColumn are under the heading of the report's column.
func numberColumn(column string) keyColumn { return keyColumn{heading: heading(column)} }

func textColumn(column string) keyColumn { return keyColumn{heading: heading(column), text: true} }

func heading(column string) report.Text {
	for i := range report.Columns {
		if report.Columns[i].Name == column {
			return report.Columns[i].Heading
		}
	}
	panic("summary: the report has no column " + column)
}
