package publish

import (
	"cmp"
	"fmt"
	"slices"

	"daybook/sinks/figures"
)

// Difference says in words why the summaries of a partition have to be written
// again: they are missing, they follow another definition or have other loader
// manifests than those with the keys loads, or the files that are there differ from
// those that were written. It is empty if they are as they should be. A nil s means
// that none were written.
func (s *Summaries) Difference(definition string, loads []string, there []SummaryFile) string {
	switch {
	case s == nil:
		return "its summaries are missing"
	case s.Definition != definition:
		return "its summaries are those of an earlier definition"
	case IndexSummary(s.Files, figures.Name) < 0: // written by a daybook that had none
		return fmt.Sprintf("its summary %s is missing", figures.Name)
	}
	for _, key := range loads {
		if IndexSummary(s.Loads, key) < 0 {
			return fmt.Sprintf("its loader manifest %s is missing", key)
		}
	}
	for _, f := range s.Loads {
		if !slices.Contains(loads, f.Name) {
			return fmt.Sprintf("its loader manifest %s is no longer configured", f.Name)
		}
	}
	return cmp.Or(differing("summary", s.Files, there), differing("loader manifest", s.Loads, there))
}

// differing says which of the files that were written differs from what is there.
func differing(what string, written, there []SummaryFile) string {
	for _, f := range written {
		switch i := IndexSummary(there, f.Name); {
		case i < 0:
			return fmt.Sprintf("its %s %s is missing", what, f.Name)
		case there[i] != f:
			return fmt.Sprintf("its %s %s is another than was written", what, f.Name)
		}
	}
	return ""
}

// All are the summaries and loader manifests; none for nil.
func (s *Summaries) All() []SummaryFile {
	if s == nil {
		return nil
	}
	return slices.Concat(s.Files, s.Loads)
}

// IndexSummary is the index of the file with a name, or -1.
func IndexSummary(files []SummaryFile, name string) int {
	return slices.IndexFunc(files, func(f SummaryFile) bool { return f.Name == name })
}
