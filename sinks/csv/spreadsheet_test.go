//go:build spreadsheet

package csv_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"daybook/sinks/csv"
	"daybook/sinks/spreadsheettest"
	"daybook/transform/report"
	"daybook/transform/spill"
	"daybook/transform/summary"
)

// These tests open CSV files in LibreOffice, without a window, and look at what
// it makes of each cell.

// sheetRows are rows of five technicians, with names that begin as formulas do.
func sheetRows() []report.Row {
	names := []string{"=1+1", " +2", "\ufeff-3", "＝4", "Kok;=5", "Kok,@6", "Kok\t=7", "Kok|=8"}
	var rows []report.Row
	for i := range 40 {
		row := sampleRow()
		row.SessionID = int64(700 + i)
		row.TechnicianID, row.TechnicianName, row.TechnicianGroup = int64(1+i%5), names[i%5], names[i%8]
		row.TotalTime, row.WorkTime, row.ActiveTime = int64(i)*3_661_000, int64(i)*1_801_000, int64(i)*2_000_000
		rows = append(rows, row)
	}
	return rows
}

func summaries(t *testing.T, d *report.Definition, f csv.Format) map[string][]byte {
	t.Helper()
	a := summary.ForDay(d, spill.NewScratch(nil))
	rows := sheetRows()
	for i := range rows {
		if err := a.Add(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	figures, err := a.Figures()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, table := range figures.Tables(d.Language) {
		var file bytes.Buffer
		if err := csv.WriteTable(&file, f, &table); err != nil {
			t.Fatal(err)
		}
		files[table.Name+".csv"] = file.Bytes()
	}
	return files
}

// Columns that should add up do: in the spreadsheet, those of by_technician.csv
// give the one of total.csv.
func TestSpreadsheetSums(t *testing.T) {
	calc := spreadsheettest.New(t)
	total, work := 0.0, 0.0 // in seconds
	for _, row := range sheetRows() {
		total += float64(row.TotalTime / 1000)
		work += float64(row.WorkTime / 1000)
	}
	for _, c := range []struct {
		locale   spreadsheettest.Locale
		language report.Language
		format   csv.Format
		detect   bool
		unit     float64 // of durations, in seconds
	}{
		{spreadsheettest.American, report.English, csv.Format{}, true, 1},
		{spreadsheettest.American, report.English, csv.Format{Durations: csv.Seconds}, false, 1},
		{spreadsheettest.American, report.English, csv.Format{Durations: csv.Hours}, false, 3600},
		{spreadsheettest.Dutch, report.Dutch, csv.Format{Delimiter: ';', BOM: true}, true, 1},
		{spreadsheettest.Dutch, report.Dutch, csv.Format{Delimiter: ';', BOM: true, Durations: csv.Seconds}, false, 1},
		{spreadsheettest.Dutch, report.Dutch, csv.Format{Delimiter: ';', BOM: true, Durations: csv.Hours, DecimalComma: true}, false, 3600},
	} {
		t.Run(fmt.Sprintf("%s %s", c.locale.Name, c.format.Durations), func(t *testing.T) {
			d := definition(t)
			d.Language = c.language
			files := summaries(t, d, c.format)
			sheets := calc.OpenCSV(t, c.locale.Separator, c.locale, c.detect, files["total.csv"], files["by_technician.csv"])
			sums := map[string]float64{}
			for i, name := range []string{"total", "by_technician"} {
				for _, heading := range [][2]string{{"Total Time", "Totale tijd"}, {"Work Time", "Werktijd"}, {"Legs", "Deelsessies"}} {
					column := spreadsheettest.ColumnOf(t, sheets[i], heading[:]...)
					for _, row := range sheets[i][1:] {
						n, ok := row[column].Number()
						if !ok {
							t.Errorf("%s, %s: %+v does not add up", name, heading, row[column])
						}
						sums[name+" "+heading[0]] += n
					}
				}
			}
			tolerance := 0.5 / c.unit
			for of, want := range map[string]float64{"Total Time": total / c.unit, "Work Time": work / c.unit, "Legs": 40} {
				for _, name := range []string{"total", "by_technician"} {
					if got := sums[name+" "+of]; math.Abs(got-want) > tolerance+0.0005 {
						t.Errorf("%s of %s is %f in the spreadsheet; want %f", of, name, got, want)
					}
				}
			}
		})
	}
}

// Decimal hours with a point are no numbers in a Dutch spreadsheet, which is why
// there is DecimalComma.
func TestSpreadsheetDecimalPoint(t *testing.T) {
	file := summaries(t, definition(t), csv.Format{Delimiter: ';', Durations: csv.Hours})["total.csv"]
	sheet := spreadsheettest.New(t).OpenCSV(t, ';', spreadsheettest.Dutch, false, file)[0]
	cell := sheet[1][spreadsheettest.ColumnOf(t, sheet, "Total Time", "Totale tijd")]
	if n, ok := cell.Number(); ok {
		t.Errorf("%+v is the number %f", cell, n)
	}
}

// No cell is a formula, whichever separator the spreadsheet chooses.
func TestSpreadsheetFormulas(t *testing.T) {
	calc := spreadsheettest.New(t)
	if sheet := calc.OpenCSV(t, ',', spreadsheettest.American, false, []byte("a,=1+1\n"))[0]; sheet[0][1].Formula == "" {
		t.Fatalf("LibreOffice takes =1+1 for %+v, so this test finds nothing", sheet[0][1])
	}
	comma := summaries(t, definition(t), csv.Format{})["by_group.csv"]
	semicolon := summaries(t, definition(t), csv.Format{Delimiter: ';'})["by_group.csv"]
	for _, separator := range ",;\t|" {
		for i, sheet := range calc.OpenCSV(t, separator, spreadsheettest.Dutch, true, comma, semicolon) {
			for n, row := range sheet {
				for _, cell := range row {
					if cell.Formula != "" {
						t.Errorf("file %d, opened with %q: row %d: %q is the formula %s", i, separator, n, cell.Text, cell.Formula)
					}
				}
			}
		}
	}
}

// Times that are local are dates in a spreadsheet, with detection.
func TestSpreadsheetTimes(t *testing.T) {
	calc := spreadsheettest.New(t)
	for _, l := range []spreadsheettest.Locale{spreadsheettest.American, spreadsheettest.Dutch} {
		var file bytes.Buffer
		s, err := csv.NewSessions(&file, csv.Format{Delimiter: l.Separator, Times: csv.Local}, definition(t))
		if err != nil {
			t.Fatal(err)
		}
		row := sampleRow()
		if err := s.Add(&row); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		cell := calc.OpenCSV(t, l.Separator, l, true, file.Bytes())[0][1][0]
		if cell.Type != "date" || !strings.HasPrefix(cell.Date, "2026-11-20T09:15:02") {
			t.Errorf("%s: the start is %+v", l.Name, cell)
		}
	}
}
