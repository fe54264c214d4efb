// Package spreadsheettest opens files in LibreOffice, without a window, and gives
// what it makes of each cell. It needs the Debian package libreoffice-calc-nogui.
package spreadsheettest

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Locale is what a spreadsheet takes from the country of its user.
type Locale struct {
	Name      string
	Language  int  // LCID
	Separator rune // of CSV files
}

// The locales of the tests.
var (
	American = Locale{"American", 1033, ','}
	Dutch    = Locale{"Dutch", 1043, ';'}
)

// Cell is a cell as LibreOffice stores it.
type Cell struct {
	Type     string `xml:"value-type,attr"` // float, time, date, string or empty
	Value    string `xml:"value,attr"`
	Time     string `xml:"time-value,attr"` // PT100H01M01S
	Date     string `xml:"date-value,attr"`
	Formula  string `xml:"formula,attr"`
	Repeated int    `xml:"number-columns-repeated,attr"`
	Text     string `xml:"p"`
}

// Number is the value of a cell that adds up: of a time, in seconds.
func (c *Cell) Number() (float64, bool) {
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

// Office is LibreOffice with a profile of its own.
type Office struct{ profile string }

// New makes a profile for the test.
func New(t *testing.T) Office { return Office{t.TempDir()} }

// OpenCSV opens CSV files, and returns the rows of each. detect is the option to
// detect special numbers, such as times, which people have to choose.
func (o Office) OpenCSV(t *testing.T, separator rune, l Locale, detect bool, files ...[]byte) (sheets [][][]Cell) {
	t.Helper()
	const quote, utf8 = '"', 76
	filter := fmt.Sprintf("--infilter=CSV:%d,%d,%d,1,,%d,false,%t", separator, quote, utf8, l.Language, detect)
	for _, book := range o.open(t, ".csv", []string{filter}, files) {
		sheets = append(sheets, book[0].Rows)
	}
	return sheets
}

// Sheet is a sheet of a workbook.
type Sheet struct {
	Name string
	Rows [][]Cell
}

// OpenXLSX opens a workbook.
func (o Office) OpenXLSX(t *testing.T, workbook []byte) []Sheet {
	t.Helper()
	return o.open(t, ".xlsx", nil, [][]byte{workbook})[0]
}

// open converts files, all with one name extension, and reads their sheets.
func (o Office) open(t *testing.T, extension string, filter []string, files [][]byte) (books [][]Sheet) {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"-env:UserInstallation=file://" + o.profile, "--headless"}, filter...)
	args = append(args, "--convert-to", "fods", "--outdir", dir)
	for i, file := range files {
		path := filepath.Join(dir, strconv.Itoa(i)+extension)
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out, err := exec.Command("soffice", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s; install the Debian package libreoffice-calc-nogui", err, out)
	}
	for i := range files {
		books = append(books, readSheets(t, filepath.Join(dir, strconv.Itoa(i)+".fods")))
	}
	return books
}

// readSheets reads the tables of a flat OpenDocument spreadsheet.
func readSheets(t *testing.T, path string) (sheets []Sheet) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Tables []struct {
			Name string `xml:"name,attr"`
			Rows []struct {
				Cells []Cell `xml:"table-cell"`
			} `xml:"table-row"`
		} `xml:"body>spreadsheet>table"`
	}
	if err := xml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	for _, table := range document.Tables {
		sheet := Sheet{Name: table.Name}
		for _, row := range table.Rows {
			var cells []Cell
			for _, c := range row.Cells {
				for range min(max(c.Repeated, 1), 100) {
					cells = append(cells, c)
				}
			}
			if slices.ContainsFunc(cells, func(c Cell) bool { return c.Type != "" }) { // not the rest of the sheet
				sheet.Rows = append(sheet.Rows, cells)
			}
		}
		sheets = append(sheets, sheet)
	}
	return sheets
}

// ColumnOf is the column of a sheet with one of the headings.
func ColumnOf(t *testing.T, rows [][]Cell, headings ...string) int {
	t.Helper()
	for i, cell := range rows[0] {
		if slices.Contains(headings, cell.Text) {
			return i
		}
	}
	t.Fatalf("no column is headed %q", headings)
	return 0
}
