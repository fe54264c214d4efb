package csv

import (
	"slices"
	"strings"
	"testing"

	"daybook/transform/summary"
)

func TestReaderReadsWhatWasWritten(t *testing.T) {
	table := &summary.Table{Header: []string{`Group; "team"`, "Sessions"}, Rows: [][]string{{"A;B", "7"}}, Text: []bool{true, false}}
	for _, f := range []Format{{}, {BOM: true}, {Delimiter: ';', BOM: true}, {Delimiter: '\t'}} {
		var b strings.Builder
		if err := WriteTable(&b, f, table); err != nil {
			t.Fatal(err)
		}
		got, err := f.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || !slices.EqualFunc(got, [][]string{table.Header, table.Rows[0]}, slices.Equal[[]string]) {
			t.Errorf("%+v: %q, %v", f, got, err)
		}
	}
}
