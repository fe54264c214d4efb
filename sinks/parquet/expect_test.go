package parquet

import (
	"fmt"
	"testing"

	"daybook/transform/report"
)

// Rows that differ in one column alone have different fingerprints, and so have rows
// in another order. The split into calls changes nothing.
func TestFingerprint(t *testing.T) {
	seen := map[string]string{}
	note := func(what string, rows ...report.Row) {
		f := expect(rows).Fingerprint()
		if other, taken := seen[f]; taken || len(f) != FingerprintSize {
			t.Errorf("%s has the fingerprint %q, and so has %q", what, f, other)
		}
		seen[f] = what
	}
	note("no row")
	note("the empty row", report.Row{})
	for i := range report.Columns {
		c := &report.Columns[i]
		var r report.Row
		switch c.Kind {
		case report.String:
			c.SetText(&r, "x")
		case report.Boolean:
			c.SetFlag(&r, true)
		case report.Date:
			c.SetDay(&r, 1)
		default:
			c.SetNumber(&r, 1)
			note(c.Name, r)
			c.SetNumber(&r, report.Unknown)
		}
		note(fmt.Sprint(c.Name, " otherwise"), r)
	}
	rows := sample(600)
	note("two rows", rows[0], rows[1])
	note("two rows exchanged", rows[1], rows[0])
	split := NewExpectation()
	for _, some := range [][]report.Row{rows[:1], nil, rows[1:400], rows[400:]} {
		split.Add(some)
	}
	if got, want := split.Fingerprint(), expect(rows).Fingerprint(); got != want {
		t.Errorf("in several calls: %s, want %s", got, want)
	}
}
