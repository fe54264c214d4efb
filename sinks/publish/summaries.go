package publish

import (
	"fmt"
	"slices"

	"daybook/sinks/figures"
)

// Difference says in words why the summaries of a partition have to be written
// again: they are missing, they follow another definition, or the files in their
// directory (there) differ from those that were written. It is empty if they are
// as they should be. A nil s means that none were written.
func (s *Summaries) Difference(definition string, there []SummaryFile) string {
	switch {
	case s == nil:
		return "its summaries are missing"
	case s.Definition != definition:
		return "its summaries are those of an earlier definition"
	case IndexSummary(s.Files, figures.Name) < 0: // written by a daybook that had none
		return fmt.Sprintf("its summary %s is missing", figures.Name)
	}
	for _, f := range s.Files {
		switch i := IndexSummary(there, f.Name); {
		case i < 0:
			return fmt.Sprintf("its summary %s is missing", f.Name)
		case there[i] != f:
			return fmt.Sprintf("its summary %s is another than was written", f.Name)
		}
	}
	return ""
}

// IndexSummary is the index of the file with a name, or -1.
func IndexSummary(files []SummaryFile, name string) int {
	return slices.IndexFunc(files, func(f SummaryFile) bool { return f.Name == name })
}
