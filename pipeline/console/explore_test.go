package console

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"daybook/pipeline/service/states"
)

// The pages show the same sessions as the figures of the days, and answer in every form.
func TestExploreCountsWhatTheFiguresCount(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	var figures struct {
		Figures struct {
			Total struct {
				Sessions, Legs int64
				Waiting        struct {
					Legs   int64
					Median int64 `json:"median_ms"`
				}
				WrapUp struct {
					Sum int64 `json:"sum_ms"`
				} `json:"wrap_up"`
			}
		}
	}
	decode(t, c, "/reports/sessions/2026-11-18?format=json", &figures)
	var explored struct {
		Answer struct {
			Total struct {
				Sessions   int64 `json:"sessions"`
				Legs       int64 `json:"legs"`
				LegWaiting struct {
					N      int64 `json:"n"`
					Median int64 `json:"median_ms"`
				} `json:"leg_waiting"`
				WrapUp struct {
					Sum int64 `json:"sum_ms"`
				} `json:"wrap_up"`
			}
		}
	}
	decode(t, c, "/reports/sessions/explore?period=day&at=2026-11-18&format=json", &explored)
	want, got := figures.Figures.Total, explored.Answer.Total
	if got.Sessions == 0 || got.Sessions != want.Sessions || got.Legs != want.Legs || got.LegWaiting.N != want.Waiting.Legs || got.WrapUp.Sum != want.WrapUp.Sum {
		t.Errorf("Explore has %+v, and the figures %+v", got, want)
	}
	if got.LegWaiting.Median/1000*1000 != want.Waiting.Median { // figures are whole seconds
		t.Errorf("the median is %d ms, and that of the figures %d", got.LegWaiting.Median, want.Waiting.Median)
	}
	var list struct{ Count int64 }
	decode(t, c, "/reports/sessions/sessions?at=2026-11-18&format=json", &list)
	if list.Count != want.Sessions {
		t.Errorf("the list has %d sessions, of %d", list.Count, want.Sessions)
	}
}

func decode(t *testing.T, c *Console, target string, v any) {
	t.Helper()
	rec := get(c, target)
	if rec.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s", target, rec.Code, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), v); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
}

// Every choice of the pages has a page, in valid HTML that the policy allows.
func TestQuestionPages(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	for target, says := range map[string]string{
		"/reports/sessions/explore": "Not picked up, share", "/reports/sessions/explore?period=day&by=hour": "by hour", "/reports/sessions/explore?period=week&at=2026-11-18&by=technician&sort=wrap_up_longest&show=wrap_up": "Wrap-up, longest",
		"/reports/sessions/explore?period=month&by=date&compare=last_year":                     "Nov 2026",
		"/reports/sessions/explore?period=quarter&by=channel&measure=work_p95":                 "Work, 95 %",
		"/reports/sessions/explore?period=year&by=status&measure=within&compare=none":          "of 324 days are published",
		"/reports/sessions/explore?period=range&from=2026-11-16&to=2026-11-18&by=type":         "16 Nov to 18 Nov 2026",
		"/reports/sessions/explore?period=day&group=EMEA&picked_up=no&status=Timed+out&type=-": "Remove all filters",
		"/reports/sessions/explore?period=day&technician=999999":                               "999999 (none in this period)",
		"/reports/sessions/explore?at=1999-01-01":                                              "0 of 7 days are published",
		"/reports/sessions/sessions":                                                           "sessions",
		"/reports/sessions/sessions?sort=wrap_up&order=up&picked_up=yes":                       "Wrap-up",
		"/reports/sessions/sessions?q=no+such+text":                                            "No session matches.",
		"/reports/sessions/sessions?period=week&page=2":                                        "51 to ",
		"/reports/americas/explore?period=day":                                                 "America/New_York",
	} {
		rec := get(c, target)
		if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), says) {
			t.Errorf("%s: status %d, or it does not say %q", target, rec.Code, says)
		}
		checkPage(t, w, rec)
	}
	for target, status := range map[string]int{
		"/reports/nowhere/explore": 404, "/reports/nowhere/sessions": 404, "/reports/nowhere/find?q=1": 404,
		"/reports/sessions/explore?by=mood": 400, "/reports/sessions/explore.csv?by=mood": 400, "/reports/sessions/sessions.xlsx?page=x": 400,
		"/reports/sessions/explore?%zz": 400, "/reports/sessions/find?q=+": 400, "/reports/sessions/find?q=77": 404,
	} {
		if rec := get(c, target); rec.Code != status {
			t.Errorf("%s: status %d, want %d", target, rec.Code, status)
		}
	}
}

// A report without published days has nothing to ask about, and no links to it.
func TestNothingToAskAbout(t *testing.T) {
	w := newWorld(t)
	w.SetSnapshot(func(s *states.Snapshot) { s.Reports = []states.Report{{Name: "sessions", Timezone: "UTC"}} })
	c := newConsole(t, w, nil)
	if rec := get(c, "/reports/sessions/explore"); rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "No day of sessions is published yet") {
		t.Errorf("status %d", rec.Code)
	}
	if strings.Contains(get(c, "/reports/sessions").Body.String(), "/explore") {
		t.Error("its page leads to Explore")
	}
}

// A period with more rows than the memory holds is refused with what to do.
func TestPeriodBeyondTheMemory(t *testing.T) {
	c := newConsole(t, newWorld(t), func(o *Options) { o.ExploreMemory = 2000 })
	rec := get(c, "/reports/sessions/explore?period=day")
	if rec.Code != http.StatusUnprocessableEntity || !strings.Contains(rec.Body.String(), "raise serve.explore_memory") {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
}

// A session is found by its id alone.
func TestFindWithoutADate(t *testing.T) {
	c := newConsole(t, newWorld(t), nil)
	id := firstSession(t, c)
	rec := get(c, "/reports/sessions/find?q="+id)
	to := rec.Header().Get("Location")
	if rec.Code != http.StatusSeeOther || !regexp.MustCompile(`^/reports/sessions/sessions/`+id+`\?date=2026-11-\d\d$`).MatchString(to) {
		t.Fatalf("status %d to %s", rec.Code, to)
	}
	for text, want := range map[string]string{
		"Ada K": "/reports/sessions/sessions?at=2026-11-20&period=month&q=Ada+K", "0": "/reports/sessions/sessions?at=2026-11-20&period=month&q=0",
	} {
		list := get(c, "/reports/sessions/find?"+url.Values{"q": {text}}.Encode())
		if got := list.Header().Get("Location"); list.Code != http.StatusSeeOther || got != want {
			t.Errorf("%q: status %d to %s, want %s", text, list.Code, got, want)
		}
	}
	unknown := get(c, "/reports/sessions/find?q=77")
	if unknown.Code != http.StatusNotFound || !strings.Contains(unknown.Body.String(), `action="/reports/sessions/find"`) {
		t.Errorf("an unknown session: status %d, or it offers no further search", unknown.Code)
	}
	none := get(c, "/reports/sessions/sessions?q=77").Body.String()
	if !strings.Contains(none, "/reports/sessions/find?q=77") || !strings.Contains(none, "period=quarter&amp;q=77") {
		t.Error("a list without a match offers no other search")
	}
	if page := get(c, to); page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "Session "+id) {
		t.Errorf("%s: status %d", to, page.Code)
	}
}

// Files have the lines of the page, with numbers that are numbers.
func TestFilesOfAnswers(t *testing.T) {
	c := newConsole(t, newWorld(t), nil)
	const query = "?period=day&at=2026-11-18&by=group"
	rec := get(c, "/reports/sessions/explore.csv"+query)
	rows, err := csv.NewReader(rec.Body).ReadAll()
	if err != nil || len(rows) < 3 || rows[0][0] != "Group" || rows[0][1] != "Sessions" {
		t.Fatalf("status %d, %v: %v", rec.Code, err, rows)
	}
	if name := rec.Header().Get("Content-Disposition"); name != `attachment; filename="sessions-2026-11-18-to-2026-11-18-by_group.csv"` {
		t.Errorf("its name is %s", name)
	}
	rec = get(c, "/reports/sessions/explore.xlsx"+query)
	book, err := excelize.OpenReader(bytes.NewReader(rec.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	sheet, err := book.GetRows("by_group", excelize.Options{RawCellValue: true})
	if err != nil || len(sheet) != len(rows) {
		t.Fatalf("the workbook has %d rows, and the CSV %d: %v", len(sheet), len(rows), err)
	}
	for i, heading := range rows[0] {
		if heading != "Sessions" && heading != "Not picked up, share" {
			continue
		}
		want, err := strconv.ParseFloat(rows[1][i], 64)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := strconv.ParseFloat(sheet[1][i], 64); err != nil || got != want {
			t.Errorf("%s is %q in the workbook, and %q in the CSV", heading, sheet[1][i], rows[1][i])
		}
	}
	about, err := book.GetRows("about")
	if err != nil || !slices.ContainsFunc(about, func(row []string) bool { return slices.Equal(row, []string{"From", "2026-11-18"}) }) {
		t.Errorf("the second sheet is %v: %v", about, err)
	}
	i := slices.Index(rows[0], "Not picked up, share")
	cell, err := excelize.CoordinatesToCellName(i+1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := book.GetCellValue("by_group", cell); err != nil || !strings.HasSuffix(shown, "%") {
		t.Errorf("the share is shown as %q: %v", shown, err)
	}
	rec = get(c, "/reports/sessions/sessions.csv?at=2026-11-18&sort=waiting")
	if rows, err = csv.NewReader(rec.Body).ReadAll(); err != nil || len(rows) < 50 || rows[0][0] != "Session ID" {
		t.Errorf("the list has %d rows: %v", len(rows), err)
	}
}

// While yesterday is not published, the list says which day it shows.
func TestTheListSaysWhichDayItShows(t *testing.T) {
	w := newWorld(t)
	w.Now = w.Now.AddDate(0, 0, 1) // the 21st is over, and not published
	c := newConsole(t, w, nil)
	if page := get(c, "/reports/sessions/sessions").Body.String(); !strings.Contains(page, "Sat 21 Nov 2026, yesterday, is not published yet") || !strings.Contains(page, "This is the last published day.") {
		t.Error("it shows another day than yesterday, and does not say so")
	}
	for _, target := range []string{"/reports/sessions/sessions?at=2026-11-20", "/reports/sessions/sessions?period=week"} {
		if page := get(c, target).Body.String(); strings.Contains(page, "yesterday") {
			t.Errorf("%s speaks of yesterday", target)
		}
	}
}
