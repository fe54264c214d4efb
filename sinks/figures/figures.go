// Package figures writes and reads the file of figures that lies beside the CSV
// summaries of a published day or month (REPORT.md, "Figures"). Programs read
// it: numbers are counts or milliseconds, and names, dates and codes do not
// depend on the report's language.
//
// A file is one JSON object. The same figures give the same bytes. Its size has
// a limit, [MaxBytes]: each list has at most [MaxEntries] entries, those with
// the most legs, and says how many are left out.
package figures

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"daybook/transform/day"
	"daybook/transform/summary"
)

const (
	// Name is the file's name. No summary for people begins with an underscore.
	Name = "_figures.json"
	// Version is that of the format. It rises with each change of a member.
	Version = 1
	// MaxEntries is how many groups, technicians and channels a file lists.
	MaxEntries = 2000
	// MaxBytes is more than a file of names that fit their columns can have.
	MaxBytes = 24 << 20
)

// ErrInvalid is wrapped by the errors of a file that is not what [Encode]
// writes. Reading it again gives the same error.
var ErrInvalid = errors.New("it is no valid file of figures")

// File is the figures of one partition of a report.
type File struct {
	Report    string
	Partition string // 2026-11-20, or 2026-11
	summary.Figures
	Omitted Omitted
}

// Omitted counts the entries that a file leaves out.
type Omitted struct {
	Groups      int `json:"groups"`
	Technicians int `json:"technicians"`
	Channels    int `json:"channels"`
}

// document is a File as JSON.
type document struct {
	Version     int                  `json:"version"`
	Report      string               `json:"report"`
	Partition   string               `json:"partition"`
	Total       summary.Measures     `json:"total"`
	Days        []dated              `json:"days"`
	Hours       []summary.Hour       `json:"hours"`
	Groups      []summary.Group      `json:"groups"`
	Technicians []summary.Technician `json:"technicians"`
	Channels    []summary.Channel    `json:"channels"`
	Omitted     Omitted              `json:"omitted"`
}

type dated struct {
	Date string `json:"date"`
	summary.Measures
}

// Encode writes a file. Its only error is the one of w.
func Encode(w io.Writer, f *File) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(newDocument(f)); err != nil {
		return fmt.Errorf("write %s: %w", Name, err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", Name, err)
	}
	return nil
}

// MarshalJSON writes a file as a part of other JSON.
func (f *File) MarshalJSON() ([]byte, error) { return json.Marshal(newDocument(f)) }

// newDocument leaves out what does not fit, and counts it.
func newDocument(f *File) *document {
	d := &document{
		Version: Version, Report: f.Report, Partition: f.Partition, Total: f.Total,
		Days: []dated{}, Hours: f.Hours, Omitted: f.Omitted,
	}
	for i := range f.Days {
		d.Days = append(d.Days, dated{f.Days[i].Date.String(), f.Days[i].Measures})
	}
	d.Groups = largest(f.Groups, &d.Omitted.Groups, func(g *summary.Group) int64 { return g.Legs })
	d.Technicians = largest(f.Technicians, &d.Omitted.Technicians, func(t *summary.Technician) int64 { return t.Legs })
	d.Channels = largest(f.Channels, &d.Omitted.Channels, func(c *summary.Channel) int64 { return c.Legs })
	return d
}

// largest are the entries with the most legs, in their order. It adds the
// number of the others to omitted.
func largest[T any](all []T, omitted *int, legs func(*T) int64) []T {
	if len(all) <= MaxEntries {
		return append([]T{}, all...) // an empty list is not null
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(legs(&all[b]), legs(&all[a])), cmp.Compare(a, b)) })
	order = order[:MaxEntries]
	slices.Sort(order)
	some := make([]T, len(order))
	for i, at := range order {
		some[i] = all[at]
	}
	*omitted += len(all) - len(some)
	return some
}

// Decode reads a file, of which it keeps nothing. The error wraps [ErrInvalid],
// or is the one of r. At most [MaxBytes] are read into memory.
func Decode(r io.Reader) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%w: it is longer than %d MiB", ErrInvalid, MaxBytes>>20)
	}
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if version.Version != Version {
		return nil, fmt.Errorf("%w: its version is %d, and this daybook reads version %d", ErrInvalid, version.Version, Version)
	}
	var d document
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	f, err := d.file()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return f, nil
}

// file checks a document: no number is negative, there are 24 hours, and a
// month has all of its days.
func (d *document) file() (*File, error) {
	if negative(reflect.ValueOf(d).Elem()) {
		return nil, errors.New("a number is negative")
	}
	f := &File{Report: d.Report, Partition: d.Partition, Omitted: d.Omitted, Figures: summary.Figures{
		Total: d.Total, Hours: d.Hours, Groups: d.Groups, Technicians: d.Technicians, Channels: d.Channels,
	}}
	if len(d.Hours) != 24 {
		return nil, fmt.Errorf("it has %d hours", len(d.Hours))
	}
	for i := range d.Hours {
		if d.Hours[i].Hour != i {
			return nil, fmt.Errorf("hour %d stands in the place of hour %d", d.Hours[i].Hour, i)
		}
	}
	m, err := day.ParseMonth(d.Partition)
	if err != nil {
		if _, err := day.Parse(d.Partition); err != nil {
			return nil, fmt.Errorf("the partition %q is neither a day nor a month", d.Partition)
		}
		if len(d.Days) > 0 {
			return nil, fmt.Errorf("the day %s has a list of days", d.Partition)
		}
		return f, nil
	}
	if want := int(m.Last()-m.First()) + 1; len(d.Days) != want {
		return nil, fmt.Errorf("the month %s has %d days instead of %d", m, len(d.Days), want)
	}
	for i := range d.Days {
		date := m.First() + day.Day(i)
		if d.Days[i].Date != date.String() {
			return nil, fmt.Errorf("the day %q stands in the place of %s", d.Days[i].Date, date)
		}
		f.Days = append(f.Days, summary.Day{Date: date, Measures: d.Days[i].Measures})
	}
	return f, nil
}

// negative says whether there is a negative number anywhere in a value.
func negative(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		return v.Int() < 0
	case reflect.Struct:
		for i := range v.NumField() {
			if negative(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if negative(v.Index(i)) {
				return true
			}
		}
	}
	return false
}
