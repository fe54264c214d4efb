// Package warehouse writes the statements with which data teams load published
// reports: the table (ddl), its reload (load), its update by key (merge), and a
// view of the files (view), for each of the [Engines].
//
// It makes text only: from the columns of a report, the place of the sink and the
// published partitions. The text of an engine is in templates/, one file each; its
// first comment says what the engine limits. engines.go has what differs between
// dialects: types, quotes, and where an engine finds the files.
//
// Rules that all engines share:
//
//   - A load names the files of the manifests, so that it reads one revision of
//     each partition, even while one is published.
//   - What it replaces is removed and loaded in one transaction, or by one atomic
//     statement: a load may be repeated and interrupted.
//   - A partition is the rows of its dates, so a month replaces its days.
//   - Columns are matched by name, or by the field id. A file without a column
//     that was appended later has nulls there. Redshift matches by position.
//   - A view reads the files by pattern: complete months, and the days after them.
//     It names the files instead where superseded ones may lie beside them.
//   - A partition without files was removed: its rows are removed, too.
//   - Names of daybook's own begin with an underscore, as no report's name does.
package warehouse

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/transform/day"
	"daybook/transform/report"
)

// Verb is what statements do.
type Verb string

// The verbs.
const (
	DDL   Verb = "ddl"   // create the table, or add the columns that it lacks
	Load  Verb = "load"  // replace the rows of partitions
	View  Verb = "view"  // show the files as they are
	Merge Verb = "merge" // change, add and remove the rows of partitions by key
)

// Verbs lists them.
var Verbs = []Verb{DDL, Load, View, Merge}

// Key is the columns that identify a row of a report.
var Key = []string{"report_date", "session_id", "leg"}

// Partition is a published day or month.
type Partition struct {
	ID    partition.ID
	Files []string // the keys of its parts; none: it was removed
	Rows  int64
}

// PartitionOf is a partition as its manifest describes it.
func PartitionOf(id partition.ID, m *publish.Manifest) Partition {
	p := Partition{ID: id, Rows: m.Rows}
	for _, part := range m.Parts {
		p.Files = append(p.Files, part.Key)
	}
	return p
}

// Request is what statements are about.
type Request struct {
	Report     string
	Schema     string      // of the table: a schema or data set; empty: the session's
	Table      string      // empty: named like the report
	Store      Store       // the sink
	Role       string      // Redshift's IAM role; empty: the cluster's default role
	Partitions []Partition // to load or merge, or those whose files a view names; no two have a day in common
	All        bool        // Partitions are everything that is published
	Months     []day.Month // that are published, in order; for a view that reads by pattern
}

// ViewTable is the name of the view of the current state.
func (r *Request) ViewTable() string { return cmp.Or(r.Table, r.Report) + "_current" }

//go:embed templates/*.tmpl
var files embed.FS

// templates are the statements of all engines. A name is one like duckdb.tmpl/load.
var templates = parseTemplates()

func parseTemplates() map[string]*template.Template {
	all := map[string]*template.Template{}
	for i := range Engines {
		e := &Engines[i]
		name := e.template + ".tmpl"
		all[e.Name] = template.Must(template.New(name).Funcs(e.funcs()).ParseFS(files, slices.Concat([]string{"templates/remove.tmpl"}, e.shared, []string{"templates/" + name})...))
	}
	return all
}

// Statements returns the statements of a verb for an engine, as lines. An error
// says what to change in the request.
func Statements(e *Engine, verb Verb, r *Request) (string, error) {
	d, err := newData(e, verb, r)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for _, note := range d.notes() {
		b.WriteString(e.Comment(note))
	}
	if (verb == Load || verb == Merge) && len(d.Partitions) == 0 {
		return b.String(), nil
	}
	name := string(verb)
	if (verb == Load || verb == Merge) && len(d.Keys()) == 0 {
		name = "remove"
	}
	if err := templates[e.Name].ExecuteTemplate(&b, name, d); err != nil {
		return "", err
	}
	return tidy(b.String()), nil
}

// tidy removes the empty lines and trailing spaces that a template leaves.
func tidy(text string) string {
	lines := strings.Split(text, "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// data is what the templates read.
type data struct {
	*Request
	engine  *Engine
	verb    Verb
	root    string   // of the sink, as the engine names it
	setThis []string // what is to be set before the statements run

	Columns []Column
	Ranges  []Range // of the dates that are replaced
}

// Column is a column of the report in an engine.
type Column struct {
	*report.Column
	Type  string
	types *types
}

// Appended says that the first version of the schema did not have the column.
func (c Column) Appended() bool { return c.Since > 1 }

// IsKey says that the column is one of [Key].
func (c Column) IsKey() bool { return slices.Contains(Key, c.Name) }

// IsText says that the column holds text.
func (c Column) IsText() bool { return c.Kind == report.String }

// IsTime says that the column holds a timestamp.
func (c Column) IsTime() bool { return c.Kind == report.Timestamp }

// Range is days from one to another, the last one included.
type Range struct{ From, To day.Day }

// FromMonth is the first month of whole months.
func (r Range) FromMonth() string { return r.From.Month().String() }

// ToMonth is the last month.
func (r Range) ToMonth() string { return r.To.Month().String() }

func newData(e *Engine, verb Verb, r *Request) (*data, error) {
	d := &data{Request: r, engine: e, verb: verb}
	for i := range report.Columns {
		c := &report.Columns[i]
		d.Columns = append(d.Columns, Column{c, e.typeOf(c), &e.types})
	}
	if most := e.longestName; most > 0 && len(d.name()) > most {
		return nil, fmt.Errorf("%s allows %d bytes in a name, and %q has %d; name the table with --table", e.Title, most, d.name(), len(d.name()))
	}
	if e.blocks && strings.Contains(r.Schema+" "+r.Table+" "+r.Store.Root, "$$") {
		return nil, fmt.Errorf("%s's statements are between $$, so that no name can have $$; choose others for --schema, --table and --root", e.Title)
	}
	if verb == DDL && e.ddlWithoutFiles {
		return d, nil
	}
	var err error
	if d.root, d.setThis, err = e.root(&r.Store); err != nil {
		return nil, err
	}
	for _, p := range r.Partitions {
		if e.ByDay && !r.All && p.ID.Kind == partition.Month {
			return nil, fmt.Errorf("%s loads a month by its days: %s", e.Title, p.ID)
		}
		d.Ranges = append(d.Ranges, Range{p.ID.Period.From, p.ID.Period.To})
	}
	d.Ranges = join(d.Ranges)
	return d, nil
}

// join orders ranges and joins those without a day between them.
func join(ranges []Range) (joined []Range) {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
	for _, r := range ranges {
		if n := len(joined); n > 0 && r.From <= joined[n-1].To+1 {
			joined[n-1].To = max(joined[n-1].To, r.To)
		} else {
			joined = append(joined, r)
		}
	}
	return joined
}

// notes are the comments that the statements begin with.
func (d *data) notes() []string {
	what := map[Verb]string{
		DDL: "create the table of report ", Load: "load report ", View: "show the files of report ", Merge: "merge report ",
	}[d.verb] + d.Report
	if d.verb == Load || d.verb == Merge {
		what += ": " + d.What()
	}
	notes := []string{d.engine.Title + ": " + what}
	for _, s := range d.setThis {
		notes = append(notes, "set this: "+s)
	}
	if d.verb == View && d.Named() && !d.engine.viewsTable {
		notes = append(notes, "The view names the files of this moment: make it again after each change.")
	}
	return notes
}

// What names the partitions in words: "2026-11-20, 1,234 rows".
func (d *data) What() string {
	if len(d.Partitions) == 0 {
		return "nothing has changed"
	}
	first, last := d.Partitions[0].ID, d.Partitions[len(d.Partitions)-1].ID
	if d.All { // months come before the days outside of them
		for _, p := range d.Partitions {
			if p.ID.Period.From < first.Period.From {
				first = p.ID
			}
			if p.ID.Period.To > last.Period.To {
				last = p.ID
			}
		}
	}
	what := first.Name()
	switch {
	case d.All:
		what = "everything from " + first.Name() + " to " + last.Name()
	case len(d.Partitions) == 2:
		what += " and " + last.Name()
	case len(d.Partitions) > 2:
		what += fmt.Sprintf(" to %s, %d partitions", last.Name(), len(d.Partitions))
	}
	return fmt.Sprintf("%s, %d rows", what, d.Rows())
}

// Named says that a view names its files: superseded ones may lie beside them.
func (d *data) Named() bool { return len(d.Partitions) > 0 }

// Rows is how many rows the partitions have.
func (d *data) Rows() (rows int64) {
	for _, p := range d.Partitions {
		rows += p.Rows
	}
	return rows
}

// name is the table's name without its schema.
func (d *data) name() string { return cmp.Or(d.Request.Table, d.Report) }

// schema is the table's schema; empty: the session's.
func (d *data) schema() string { return cmp.Or(d.Request.Schema, d.engine.schema) }

// Table is the table as statements name it.
func (d *data) Table() string { return d.qualified(d.engine.catalog, d.name()) }

// Own is a table of daybook's own: a stage, or a description of files.
func (d *data) Own(suffix string) string {
	return d.qualified(d.engine.filesCatalog, d.OwnName(suffix))
}

// Temp is the name of a temporary table, which has no schema.
func (d *data) Temp(suffix string) string { return d.engine.quote(d.OwnName(suffix)) }

// ViewName is the view as statements name it.
func (d *data) ViewName() string { return d.qualified(d.engine.filesCatalog, d.ViewTable()) }

// qualified is a name with its catalog and schema, if there are any.
func (d *data) qualified(catalog, name string) string {
	var names []string
	for _, n := range []string{catalog, d.schema(), name} {
		if n != "" {
			names = append(names, d.engine.quote(n))
		}
	}
	return strings.Join(names, ".")
}

// Files are the files to load, as the engine names them.
func (d *data) Files() (urls []string) {
	for _, key := range d.Keys() {
		urls = append(urls, d.root+key)
	}
	return urls
}

// Keys are the keys of the files to load.
func (d *data) Keys() (keys []string) {
	for _, p := range d.Partitions {
		keys = append(keys, p.Files...)
	}
	return keys
}

func (d *data) keysOf(kind partition.Kind) (keys []string) {
	for _, p := range d.Partitions {
		if p.ID.Kind == kind {
			keys = append(keys, p.Files...)
		}
	}
	return keys
}

// At is a key or a pattern of keys as the engine names it.
func (d *data) At(key string) string { return d.root + key }

// DaysPrefix is what the keys of the report's days begin with.
func (d *data) DaysPrefix() string { return partition.Prefix(d.Report, partition.Day) }

// MonthsPrefix is what the keys of the report's months begin with.
func (d *data) MonthsPrefix() string { return partition.Prefix(d.Report, partition.Month) }

// Folder is the directory of a prefix that ends in dt= or month=.
func (d *data) Folder(prefix string) string { return prefix[:strings.LastIndexByte(prefix, '/')+1] }

// Complete are the stretches of published months.
func (d *data) Complete() []Range {
	var ranges []Range
	for _, m := range d.Months {
		ranges = append(ranges, Range{m.First(), m.Last()})
	}
	return join(ranges)
}

// LoadedMonths are the months that have a day which is replaced.
func (d *data) LoadedMonths() (months []Range) {
	for _, r := range d.Ranges {
		for m := r.From.Month(); m <= r.To.Month(); m++ {
			if n := len(months); n == 0 || months[n-1].From != m.First() {
				months = append(months, Range{m.First(), m.Last()})
			}
		}
	}
	return months
}
