package console

import (
	"maps"
	"slices"

	"daybook/pipeline/settings"
)

// tool is a tool of the technician's console, as the legend below a table has it.
type tool struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// toolsOf are the tools of a report that have a name, by code.
func toolsOf(p *settings.Pipeline, report string) []tool {
	var all []tool
	for i := range p.Reports {
		if p.Reports[i].Name != report {
			continue
		}
		for _, code := range slices.Sorted(maps.Keys(p.Reports[i].Tools)) {
			all = append(all, tool{code, p.Reports[i].Tools[code]})
		}
	}
	return all
}
