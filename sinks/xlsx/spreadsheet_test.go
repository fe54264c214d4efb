//go:build spreadsheet

package xlsx

import (
	"math"
	"testing"

	"daybook/sinks/spreadsheettest"
	"daybook/transform/report"
)

// In LibreOffice the columns of a workbook add up to the totals, and no text is a
// formula. The sums are those of the rows.
func TestSpreadsheetWorkbooks(t *testing.T) {
	d := amsterdam(t)
	var rows []report.Row
	total, work := 0.0, 0.0
	for i := range int64(40) {
		row := sampleRow()
		row.SessionID, row.TechnicianID = i, 1+i%5
		row.TotalTime, row.WorkTime = i*3_661_000, i*1_801_000
		total, work = total+float64(row.TotalTime/1000), work+float64(row.WorkTime/1000)
		rows = append(rows, row)
	}
	office := spreadsheettest.New(t)
	sheets := append(office.OpenXLSX(t, tablesWorkbook(t, tablesOf(t, d, rows...))), office.OpenXLSX(t, sessionsWorkbook(t, d, rows...))...)
	if len(sheets) != 6 {
		t.Fatalf("the workbooks have %d sheets, want five summaries and the sessions", len(sheets))
	}
	for _, sheet := range sheets {
		sums := map[string]float64{}
		for _, heading := range []string{"Totale tijd", "Werktijd"} {
			column := spreadsheettest.ColumnOf(t, sheet.Rows, heading)
			for _, row := range sheet.Rows[1:] {
				n, ok := row[column].Number()
				if !ok {
					t.Errorf("%s, %s: %+v does not add up", sheet.Name, heading, row[column])
				}
				sums[heading] += n
			}
		}
		for heading, want := range map[string]float64{"Totale tijd": total, "Werktijd": work} {
			if math.Abs(sums[heading]-want) > 1 {
				t.Errorf("%s of %s adds up to %f s, want %f", heading, sheet.Name, sums[heading], want)
			}
		}
		for _, row := range sheet.Rows {
			for _, cell := range row {
				boolean := cell.Formula == "of:=TRUE()" || cell.Formula == "of:=FALSE()" // so LibreOffice stores it
				if cell.Formula != "" && !boolean {
					t.Errorf("%s: %q is the formula %s", sheet.Name, cell.Text, cell.Formula)
				}
			}
		}
	}
}
