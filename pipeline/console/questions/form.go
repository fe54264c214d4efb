package questions

import (
	"fmt"
	"strconv"

	"daybook/pipeline/explore"
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
	groups := []Choice{{Text: "all groups"}}
	for _, g := range f.Groups {
		groups = append(groups, textChoice(g, unknowns[explore.ByGroup]))
	}
	technicians := []Choice{{Text: "all technicians"}}
	for _, k := range f.Technicians {
		technicians = append(technicians, idChoice(k.ID, keyText(explore.ByTechnician, k)))
	}
	channels := []Choice{{Text: "all channels"}}
	for i, ch := range f.Channels {
		if i > 0 && f.Channels[i-1].ID == ch.ID {
			continue // another name of the same channel
		}
		channels = append(channels, idChoice(ch.ID, keyText(explore.ByChannel, explore.Key{ID: ch.ID, Text: ch.Name})))
	}
	types := []Choice{{Text: "all types"}}
	for _, t := range f.Types {
		types = append(types, textChoice(t, unknowns[explore.ByType]))
	}
	statuses := []Choice{{Text: "all statuses"}}
	for _, s := range f.Statuses {
		statuses = append(statuses, textChoice(s, unknowns[explore.ByStatus]))
	}
	picked := []Choice{{Text: "picked up or not"}, {Value: "yes", Text: "picked up"}, {Value: "no", Text: "not picked up"}}
	form := Form{[]Field{
		{"group", "Group", groups}, {"technician", "Technician", technicians}, {"channel", "Channel", channels},
		{"type", "Session type", types}, {"status", "Status", statuses}, {"picked_up", "Pick-up", picked},
	}}
	for i := range form.Fields {
		form.Fields[i].choose(a.Value(form.Fields[i].Name))
	}
	return form
}

func textChoice(value, unknown string) Choice {
	if value == "" {
		return Choice{Value: None, Text: unknown}
	}
	return Choice{Value: value, Text: value}
}

func idChoice(id int64, text string) Choice {
	if id == 0 {
		return Choice{Value: None, Text: text}
	}
	return Choice{Value: strconv.FormatInt(id, 10), Text: text}
}

// choose selects the choice with a value. A value that the period does not have is added:
// the form must not lose the filter.
func (f *Field) choose(value string) {
	for i := range f.Choices {
		if f.Choices[i].Value == value {
			f.Choices[i].Selected = true
			return
		}
	}
	f.Choices = append(f.Choices, Choice{Value: value, Text: fmt.Sprintf("%s (none in this period)", value), Selected: true})
}

// Units are the kinds of periods, as links.
func (a *Address) Units() []Choice {
	all := make([]Choice, len(units))
	for i, u := range units {
		all[i] = Choice{u.Value, u.Text, u.Value == string(a.Unit), a.OfUnit(u.Value)}
	}
	return all
}

// Comparisons are what the period can be compared with.
func (a *Address) Comparisons() []Choice {
	all := make([]Choice, len(comparisons))
	for i, c := range comparisons {
		value := a.Value("compare")
		all[i] = Choice{c.Value, c.Text, c.Value == value || value == "" && i == 0, a.Link("compare", c.Value)}
	}
	return all
}

// GroupedBy are the groupings, as links.
func (a *Address) GroupedBy() []Choice {
	all := make([]Choice, len(explore.Groupings))
	for i, g := range explore.Groupings {
		all[i] = Choice{string(g), groupings[g], g == a.By, a.Link("by", string(g), "sort", "", "order", "")}
	}
	return all
}

// Tabs are the choices of columns, as links.
func (a *Address) Tabs() []Choice {
	all := make([]Choice, len(Tabs))
	for i, t := range Tabs {
		all[i] = Choice{t.ID, t.Name, t.ID == a.Show, a.Link("show", t.ID)}
	}
	return all
}

// IsRange says whether the period is from one day to another.
func (a *Address) IsRange() bool { return a.Unit == explore.Range }

// FromText and ToText are the days of the period, for the form.
func (a *Address) FromText() string { return a.Whole.From.String() }

// ToText is the last day of the period.
func (a *Address) ToText() string { return a.Whole.To.String() }
