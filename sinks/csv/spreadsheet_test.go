//go:build spreadsheet

package csv_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"daybook/sinks/csv"
	"daybook/transform/report"
	"daybook/transform/spill"
	"daybook/transform/summary"
)

// These tests open CSV files in LibreOffice, without a window, and look at what
// it makes of each cell.

// locale is what a spreadsheet takes from the country of its user.
type locale struct {
	name      string
	language  int // LCID
	separator rune
}

var (
	american = locale{"American", 1033, ','}
	dutch    = locale{"Dutch", 1043, ';'}
)

// sheetCell is a cell as LibreOffice stores it.
type sheetCell struct {
	Type     string `xml:"value-type,attr"` // float, time, date, string or empty
	Value    string `xml:"value,attr"`
	Time     string `xml:"time-value,attr"` // PT100H01M01S
	Date     string `xml:"date-value,attr"`
	Formula  string `xml:"formula,attr"`
	Repeated int    `xml:"number-columns-repeated,attr"`
	Text     string `xml:"p"`
}

// number is the value of a cell that adds up: of a time, in seconds.
func (c *sheetCell) number() (float64, bool) {
	switch c.Type {
	case "float":
		v, err := strconv.ParseFloat(c.Value, 64)
		return v, err == nil
	case "time":
		d, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(c.Time, "PT")))
		return d.Seconds(), err == nil
	}
	return 0, false
}

// office is LibreOffice with a profile of its own.
type office struct{ profile string }

func newOffice(t *testing.T) office { return office{t.TempDir()} }

// open opens files, and returns the rows of each. detect is the option to detect
// special numbers, such as times, which people have to choose.
func (o office) open(t *testing.T, separator rune, l locale, detect bool, files ...[]byte) [][][]sheetCell {
	t.Helper()
	dir := t.TempDir()
	const quote, utf8 = '"', 76
	args := []string{"-env:UserInstallation=file://" + o.profile, "--headless",
		fmt.Sprintf("--infilter=CSV:%d,%d,%d,1,,%d,false,%t", separator, quote, utf8, l.language, detect),
		"--convert-to", "fods", "--outdir", dir}
	for i, file := range files {
		path := filepath.Join(dir, fmt.Sprintf("%d.csv", i))
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out, err := exec.Command("soffice", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s; install the Debian package libreoffice-calc-nogui", err, out)
	}
	var sheets [][][]sheetCell
	for i := range files {
		sheets = append(sheets, readSheet(t, filepath.Join(dir, fmt.Sprintf("%d.fods", i))))
	}
	return sheets
}

// readSheet reads the first table of a flat OpenDocument spreadsheet.
func readSheet(t *testing.T, path string) [][]sheetCell {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Rows []struct {
			Cells []sheetCell `xml:"table-cell"`
		} `xml:"body>spreadsheet>table>table-row"`
	}
	if err := xml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var rows [][]sheetCell
	for _, row := range document.Rows {
		var cells []sheetCell
		for _, c := range row.Cells {
			for range min(max(c.Repeated, 1), 100) {
				cells = append(cells, c)
			}
		}
		rows = append(rows, cells)
	}
	return rows
}

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
		files[table.File] = file.Bytes()
	}
	return files
}

// Columns that should add up do: in the spreadsheet, those of by_technician.csv
// give the one of total.csv.
func TestSpreadsheetSums(t *testing.T) {
	calc := newOffice(t)
	total, work := 0.0, 0.0 // in seconds
	for _, row := range sheetRows() {
		total += float64(row.TotalTime / 1000)
		work += float64(row.WorkTime / 1000)
	}
	for _, c := range []struct {
		locale   locale
		language report.Language
		format   csv.Format
		detect   bool
		unit     float64 // of durations, in seconds
	}{
		{american, report.English, csv.Format{}, true, 1},
		{american, report.English, csv.Format{Durations: csv.Seconds}, false, 1},
		{american, report.English, csv.Format{Durations: csv.Hours}, false, 3600},
		{dutch, report.Dutch, csv.Format{Delimiter: ';', BOM: true}, true, 1},
		{dutch, report.Dutch, csv.Format{Delimiter: ';', BOM: true, Durations: csv.Seconds}, false, 1},
		{dutch, report.Dutch, csv.Format{Delimiter: ';', BOM: true, Durations: csv.Hours, DecimalComma: true}, false, 3600},
	} {
		t.Run(fmt.Sprintf("%s %s", c.locale.name, c.format.Durations), func(t *testing.T) {
			d := definition(t)
			d.Language = c.language
			files := summaries(t, d, c.format)
			sheets := calc.open(t, c.locale.separator, c.locale, c.detect, files["total.csv"], files["by_technician.csv"])
			sums := map[string]float64{}
			for i, name := range []string{"total", "by_technician"} {
				for _, heading := range [][2]string{{"Total Time", "Totale tijd"}, {"Work Time", "Werktijd"}, {"Legs", "Deelsessies"}} {
					column := columnOf(t, sheets[i], heading)
					for _, row := range sheets[i][1:] {
						n, ok := row[column].number()
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

// columnOf is the column with a heading in one of the languages.
func columnOf(t *testing.T, sheet [][]sheetCell, heading [2]string) int {
	t.Helper()
	for i, cell := range sheet[0] {
		if cell.Text == heading[0] || cell.Text == heading[1] {
			return i
		}
	}
	t.Fatalf("there is no column %s", heading)
	return 0
}

// Decimal hours with a point are no numbers in a Dutch spreadsheet, which is why
// there is DecimalComma.
func TestSpreadsheetDecimalPoint(t *testing.T) {
	file := summaries(t, definition(t), csv.Format{Delimiter: ';', Durations: csv.Hours})["total.csv"]
	sheet := newOffice(t).open(t, ';', dutch, false, file)[0]
	cell := sheet[1][columnOf(t, sheet, [2]string{"Total Time", "Totale tijd"})]
	if n, ok := cell.number(); ok {
		t.Errorf("%+v is the number %f", cell, n)
	}
}

// No cell is a formula, whichever separator the spreadsheet chooses.
func TestSpreadsheetFormulas(t *testing.T) {
	calc := newOffice(t)
	if sheet := calc.open(t, ',', american, false, []byte("a,=1+1\n"))[0]; sheet[0][1].Formula == "" {
		t.Fatalf("LibreOffice takes =1+1 for %+v, so this test finds nothing", sheet[0][1])
	}
	comma := summaries(t, definition(t), csv.Format{})["by_group.csv"]
	semicolon := summaries(t, definition(t), csv.Format{Delimiter: ';'})["by_group.csv"]
	for _, separator := range ",;\t|" {
		for i, sheet := range calc.open(t, separator, dutch, true, comma, semicolon) {
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
	calc := newOffice(t)
	for _, l := range []locale{american, dutch} {
		var file bytes.Buffer
		s, err := csv.NewSessions(&file, csv.Format{Delimiter: l.separator, Times: csv.Local}, definition(t))
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
		cell := calc.open(t, l.separator, l, true, file.Bytes())[0][1][0]
		if cell.Type != "date" || !strings.HasPrefix(cell.Date, "2026-11-20T09:15:02") {
			t.Errorf("%s: the start is %+v", l.name, cell)
		}
	}
}
