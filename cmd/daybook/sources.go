package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"daybook/config"
	"daybook/sources/dump"
	"daybook/transform/event"
	"daybook/transform/export"
)

// newSources turns the settings of the dumps into what reads them.
func newSources(c *config.Config) (dump.Sources, error) {
	var all dump.Sources
	for _, kind := range c.Kinds() {
		source := &dump.Source{MaxWindow: int64(c.Source.MaxWindow), Reading: kind.Reading()}
		var err error
		if source.Template, err = dump.ParseTemplate(kind.Key); err != nil {
			return nil, err
		}
		if source.Names, err = dump.ParseNames(kind.Names); err != nil {
			return nil, err
		}
		if source.Form, err = dump.ParseForm(kind.Form); err != nil {
			return nil, err
		}
		if source.Map, err = newMap(kind.Map); err != nil {
			return nil, fmt.Errorf("the map of the dumps %s: %w", kind.Key, err)
		}
		if kind.Kind == config.KindReport {
			if source.Export, err = newExportFormat(&kind); err != nil {
				return nil, fmt.Errorf("the exports %s: %w", kind.Key, err)
			}
		}
		all = append(all, source)
	}
	return all, nil
}

// newExportFormat compiles the settings of exports of the report.
func newExportFormat(kind *config.Dumps) (*export.Format, error) {
	zone, err := time.LoadLocation(kind.Timezone)
	if err != nil {
		return nil, err
	}
	var headings []export.Heading
	for _, item := range kind.Columns {
		text, column, _ := config.CutColumn(item)
		headings = append(headings, export.Heading{Text: text, Column: column})
	}
	return export.NewFormat(zone, headings)
}

// newMap compiles source.map; nil without one.
func newMap(c *config.Map) (*event.Map, error) {
	if c == nil {
		return nil, nil
	}
	rules := &event.Rules{Envelope: c.Envelope, Keep: c.Others == "keep"}
	var noZone error
	if c.Timezone != "" {
		rules.Zone, noZone = time.LoadLocation(c.Timezone)
	}
	for _, m := range c.Members {
		rules.Members = append(rules.Members, event.Rule(m))
	}
	compiled, err := event.NewMap(rules)
	return compiled, errors.Join(noZone, err)
}

// checkDumps finds what is wrong with the maps and the columns of all dumps.
func checkDumps(c *config.Config) (problems []config.Problem) {
	check := func(path string, m *config.Map, columns []string) {
		_, err := newMap(m)
		var faults event.MapError
		errors.As(err, &faults) // the other error is that of the time zone, which config checks
		for _, f := range faults {
			if f.Path == "members" && slices.ContainsFunc(m.Members, func(m config.MapMember) bool { return m.To == "" }) {
				continue // an item lacks its to, which may be the one that every event needs
			}
			problems = append(problems, config.Problem{Path: path + ".map." + f.Path, Message: f.Message})
		}
		for i, item := range columns {
			_, column, ok := config.CutColumn(item)
			if err := export.CheckColumn(column); ok && err != nil {
				problems = append(problems, config.Problem{Path: fmt.Sprintf("%s.columns[%d]", path, i), Message: err.Error()})
			}
		}
	}
	check("source", c.Source.Map, c.Source.Columns)
	for i := range c.Sources {
		check(fmt.Sprintf("sources[%d]", i), c.Sources[i].Map, c.Sources[i].Columns)
	}
	return problems
}
