package questions

import (
	"cmp"
	"net/url"
	"strconv"

	"daybook/pipeline/explore"
	"daybook/pipeline/words"
)

// Choice is a choice of a form.
type Choice struct {
	Value, Text string
	Selected    bool
	Link        string
}

// Field is a filter of the form.
type Field struct {
	Name, Label string
	Choices     []Choice // the first one is for all
}

// Form is the filters, with the values that the period has.
type Form struct {
	Fields []Field
}

// newForm makes the form of a page.
func newForm(a *Address, f *explore.Facets) Form {
	p := a.printer
	groups := []Choice{{Text: p.T("all groups")}}
	for _, g := range f.Groups {
		groups = append(groups, textChoice(p, explore.ByGroup, g))
	}
	technicians := []Choice{{Text: p.T("all technicians")}}
	for _, k := range f.Technicians {
		technicians = append(technicians, idChoice(k.ID, keyText(p, explore.ByTechnician, k)))
	}
	channels := []Choice{{Text: p.T("all channels")}}
	for i, ch := range f.Channels {
		if i > 0 && f.Channels[i-1].ID == ch.ID {
			continue // another name of the same channel
		}
		channels = append(channels, idChoice(ch.ID, keyText(p, explore.ByChannel, explore.Key{ID: ch.ID, Text: ch.Name})))
	}
	types := []Choice{{Text: p.T("all types")}}
	for _, t := range f.Types {
		types = append(types, textChoice(p, explore.ByType, t))
	}
	statuses := []Choice{{Text: p.T("all statuses")}}
	for _, s := range f.Statuses {
		statuses = append(statuses, textChoice(p, explore.ByStatus, s))
	}
	picked := []Choice{{Text: p.T("picked up or not")}, {Value: "yes", Text: p.T("picked up")}, {Value: "no", Text: p.T("not picked up")}}
	var form Form
	for i, choices := range [][]Choice{groups, technicians, channels, types, statuses, picked} {
		form.Fields = append(form.Fields, Field{filters[i].name, p.T(filters[i].label), choices})
	}
	for i := range form.Fields {
		form.Fields[i].choose(p, a.Value(form.Fields[i].Name))
	}
	return form
}

func textChoice(p words.Printer, by explore.Grouping, value string) Choice {
	return Choice{Value: cmp.Or(value, None), Text: keyText(p, by, explore.Key{Text: value})}
}

func idChoice(id int64, text string) Choice {
	if id == 0 {
		return Choice{Value: None, Text: text}
	}
	return Choice{Value: strconv.FormatInt(id, 10), Text: text}
}

// choose selects the choice with a value. A value that the period does not have is added:
// the form must not lose the filter.
func (f *Field) choose(p words.Printer, value string) {
	for i := range f.Choices {
		if f.Choices[i].Value == value {
			f.Choices[i].Selected = true
			return
		}
	}
	f.Choices = append(f.Choices, Choice{Value: value, Text: p.T("%s (none in this period)", value), Selected: true})
}

// Units are the kinds of periods, as links.
func (a *Address) Units() []Choice {
	all := make([]Choice, len(units))
	for i, u := range units {
		all[i] = Choice{u.Value, a.printer.T(u.Text), u.Value == string(a.Unit), a.OfUnit(u.Value)}
	}
	return all
}

// Wider are longer periods to search, as links. A day is in one of each.
func (a *Address) Wider() (all []Choice) {
	longer := false
	for _, u := range units {
		if u.Value == string(explore.Range) {
			break
		}
		if longer || a.IsRange() {
			all = append(all, Choice{u.Value, a.printer.T(u.Text), false, a.OfUnit(u.Value)})
		}
		longer = longer || u.Value == string(a.Unit)
	}
	return all
}

// Lookup is the address that finds a session of any date, if the search is an id; empty if
// it is none.
func (a *Address) Lookup() string {
	if id, err := strconv.ParseInt(a.Search, 10, 64); err != nil || id < 1 {
		return ""
	}
	return a.report + "/find?" + url.Values{"q": {a.Search}}.Encode()
}

// Comparisons are what the period can be compared with.
func (a *Address) Comparisons() []Choice {
	var all []Choice
	for i, value := range a.compared() {
		set := a.Value("compare")
		all = append(all, Choice{value, a.printer.T(comparisons[value]), set == value || set == "" && i == 0, a.Link("compare", value)})
	}
	return all
}

// GroupedBy are the groupings, as links.
func (a *Address) GroupedBy() []Choice {
	all := make([]Choice, len(explore.Groupings))
	for i, g := range explore.Groupings {
		all[i] = Choice{string(g), a.printer.T(groupings[g]), g == a.By, a.Link("by", string(g), "sort", "", "order", "")}
	}
	return all
}

// Tabs are the choices of columns, as links.
func (a *Address) Tabs() []Choice {
	all := make([]Choice, len(Tabs))
	for i, t := range Tabs {
		all[i] = Choice{t.ID, a.printer.T(t.Name), t.ID == a.Show, a.Link("show", t.ID, "sort", "", "order", "")}
	}
	return all
}

// IsRange says whether the period is from one day to another.
func (a *Address) IsRange() bool { return a.Unit == explore.Range }

// FromText and ToText are the days of the period, for the form.
func (a *Address) FromText() string { return a.Whole.From.String() }

// ToText is the last day of the period.
func (a *Address) ToText() string { return a.Whole.To.String() }
