package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"daybook/pipeline/build"
	"daybook/pipeline/console/calendar"
	"daybook/pipeline/console/consoletest"
	"daybook/pipeline/console/guard"
	"daybook/pipeline/console/history"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/states"
	"daybook/sinks/figures"
	"daybook/sinks/publish"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

const testToken = "a-token-that-is-long-enough-not-to-be-in-a-page-by-chance"

// byToken is the user of the tests' logins, at the address of httptest's requests.
var byToken = actions.User{User: actions.Token, Role: "operator", Address: "192.0.2.1"}

// watched is a store that remembers which keys it was asked for.
type watched struct {
	store.Store
	mu   sync.Mutex
	keys []string
}

func (w *watched) note(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys = append(w.keys, key)
}

func (w *watched) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	w.note(prefix)
	return w.Store.List(ctx, prefix)
}

func (w *watched) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	w.note(key)
	return w.Store.Open(ctx, key, offset, length, ifMatch)
}

// seen forgets, and returns, the keys so far.
func (w *watched) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := w.keys
	w.keys = nil
	return keys
}

// small is a world that takes a second to make.
var small = consoletest.Options{Years: 2, Days: 8, SessionsPerDay: 60}

// made is one that tests share: it is made once, and each takes a copy.
var made = sync.OnceValues(func() (*consoletest.World, error) {
	return consoletest.New(context.Background(), small, nil)
})

func newWorld(t testing.TB) *consoletest.World {
	t.Helper()
	w, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return w.Copy()
}

// newWatchedWorld is one of its own, whose store is watched.
func newWatchedWorld(t testing.TB) (*consoletest.World, *watched) {
	t.Helper()
	spy := new(watched)
	w, err := consoletest.New(t.Context(), small, func(s store.Store) store.Store {
		spy.Store = s
		return spy
	})
	if err != nil {
		t.Fatal(err)
	}
	spy.seen()
	return w, spy
}

// sharedIndex has the figures of the shared world, which take longer to read than most tests.
// Tests run one after another, so that each finds what Follow made of it.
var sharedIndex = history.NewIndex()

// newConsole is a console of a world, with its charts filled.
func newConsole(t testing.TB, w *consoletest.World, change func(*Options)) *Console {
	t.Helper()
	o := Options{
		Service: w, Configuration: w.Configuration, AllowActions: true, Token: testToken,
		Version: "v1.2.3", Now: func() time.Time { return w.Now },
	}
	if change != nil {
		change(&o)
	}
	c := New(o)
	if shared, err := made(); err == nil && w.Sink == shared.Sink {
		c.index = sharedIndex
	}
	if err := c.index.Follow(t.Context(), w.Settings().Sink, w.Snapshot()); err != nil {
		t.Fatal(err)
	}
	return c
}

func get(c http.Handler, target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for _, f := range change {
		f(r)
	}
	rec := httptest.NewRecorder()
	c.ServeHTTP(rec, r)
	return rec
}

func TestPagesSayWhatTheyAreAbout(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	session := firstSession(t, c)
	for _, tc := range []struct {
		target string
		status int
		says   []string
	}{
		{"/", 200, []string{"Of 3 reports, 1 set aside, 1 catching up, 1 fresh.", "9 of 14 steps", "emea_tier_1", "set aside", "This replica leads", "README.txt"}},
		{"/reports/sessions", 200, []string{"All that is due is published", "Technician groups", "Hours of the day", "EMEA/Tier 1", "Waiting time"}},
		{"/reports/sessions?year=2025", 200, []string{`aria-label="Thu 25 Dec 2025: empty, 0 rows"`, `aria-current="true">2025`}},
		{"/reports/sessions?year=all", 200, []string{"Nov 2026", "Mar 2024"}},
		{"/reports/sessions?year=1999", 404, []string{"no days in 1999"}},
		{"/reports/sessions?year=x", 400, []string{"Write the year as 2026"}},
		{"/reports/nothing", 404, []string{"There is no report"}},
		{"/reports/sessions/2026-11-18", 200, []string{"Every line accounted for", "what changed", "unique session and leg", "COPY INTO &#34;SESSIONS&#34;", "the digest of 2026-11-18", "First sessions", "There are no earlier figures", "<dt>remote_control</dt><dd>Remote control</dd>", "by_technician.csv"}},
		{"/reports/sessions/2026-11-20", 200, []string{"Compared with the same weekday a week earlier", `href="/reports/sessions/2026-11-13"`}},
		{"/reports/sessions/2026-11-18?diff=1..2", 200, []string{"What changed from revision 1 to 2"}},
		{"/reports/sessions/2026-11-18?diff=7..9", 404, []string{"is not kept"}},
		{"/reports/sessions/2026-11-18?diff=x", 400, []string{"1..2"}},
		{"/reports/americas/2026-11-14", 200, []string{"5 attempts failed", "Nothing is published yet"}},
		{"/reports/sessions/2026-11-99", 404, []string{"no partition"}},
		{"/reports/sessions/sessions/" + session + "?date=2026-11-18", 200, []string{"Timeline", "picked up", "How the numbers came to be", "<dt>reboot</dt><dd>Reboot</dd>", "Leg 0", "Derivation", "daybook explain --session " + session}},
		{"/reports/sessions/sessions/1?date=2026-11-18", 404, []string{"no session 1 within 32 days"}},
		{"/reports/sessions/sessions/1?date=x", 400, []string{"Give a date near the session"}},
		{"/reports/sessions/sessions/x", 404, []string{"whole number"}},
		{"/reports/sessions/rejects/2026-11-18", 200, []string{"By reason", "bad_json", "The line is no JSON object.", "What to do", "byte "}},
		{"/reports/sessions/rejects/2026-11-18?reason=bad_json", 200, []string{"Samples of bad_json", "All reasons"}},
		{"/reports/sessions/rejects/2026-11-18?reason=x", 400, []string{"no such reason"}},
		{"/reports/sessions/rejects/x", 404, []string{"Write the dump day"}},
		{"/reports/nothing/rejects/2026-11-18", 404, []string{"There is no report"}},
		{"/reports/americas/rejects/2026-11-19", 200, []string{"3 attempts failed", "unexpected EOF"}},
		{"/runs", 200, []string{"interrupted", "backfill sessions 2026-08-01", "0:19:00"}},
		{"/runs/" + w.Snapshot().Progress.Run, 404, nil},
		{"/runs/20261120T013012Z-n1", 200, []string{"the gzip stream is cut off", "failed"}},
		{"/runs/..%2f..%2fsecret", 404, []string{"There is no run"}},
		{"/schedule", 200, []string{"waits for its drop at", "Set aside", "again <time"}},
		{"/configuration", 200, []string{"lookback_days: 16", "4f1d6c0e9a7b", "&lt;redacted&gt;"}},
		{"/login", 200, []string{"Token"}},
		{"/nowhere", 404, []string{"no such page"}},
	} {
		t.Run(tc.target, func(t *testing.T) {
			rec := get(c, tc.target)
			if rec.Code != tc.status {
				t.Errorf("status %d, want %d", rec.Code, tc.status)
			}
			for _, text := range tc.says {
				if !strings.Contains(rec.Body.String(), text) {
					t.Errorf("it does not say %q", text)
				}
			}
			checkPage(t, w, rec)
		})
	}
}

// active matches what the policy forbids, and so must not be in a page.
var active = regexp.MustCompile(`(?i)\sstyle=|<style|<script(?:>|[^>]*>[^<])|\son[a-z]+=|javascript:`)

// checkPage holds what is so of every answer.
func checkPage(t *testing.T, w *consoletest.World, rec *httptest.ResponseRecorder) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": guard.Policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := rec.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	body := rec.Body.String()
	if strings.Contains(body, testToken) || strings.Contains(body, w.Secret) {
		t.Error("there is a secret in it")
	}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
		if found := active.FindString(body); found != "" {
			t.Errorf("the policy forbids %q", found)
		}
		if !strings.HasSuffix(strings.TrimSpace(body), "</html>") {
			t.Error("it is not a whole page")
		}
	}
}

// firstSession is a session of a day that is really published.
func firstSession(t testing.TB, c http.Handler) string {
	t.Helper()
	found := regexp.MustCompile(`/sessions/(\d+)\?date=2026-11-18`).FindStringSubmatch(get(c, "/reports/sessions/2026-11-18").Body.String())
	if found == nil {
		t.Fatal("the partition's page leads to no session")
	}
	return found[1]
}

func TestEveryPageHasATwinInJSON(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	for _, tc := range []struct{ target, member string }{
		{"/", "reports"}, {"/reports/sessions", "charts"}, {"/reports/sessions/2026-11-18", "manifest"},
		{"/reports/sessions/sessions/" + firstSession(t, c) + "?date=2026-11-18", "spans"},
		{"/runs", "runs"}, {"/runs/20261120T013012Z-n1", "steps"}, {"/schedule", "reports"}, {"/configuration", "hash"}, {"/login", "allowed"}, {"/nowhere", "error"},
	} {
		t.Run(tc.target, func(t *testing.T) {
			html := get(c, tc.target)
			link := regexp.MustCompile(`<a href="([^"]*)">This page as JSON`).FindStringSubmatch(html.Body.String())
			if link == nil {
				t.Fatal("the page has no link to its twin")
			}
			byLink := get(c, strings.ReplaceAll(link[1], "&amp;", "&"))
			byHeader := get(c, tc.target, func(r *http.Request) { r.Header.Set("Accept", "application/json") })
			for _, rec := range []*httptest.ResponseRecorder{byLink, byHeader} {
				if rec.Code != html.Code || rec.Header().Get("Content-Type") != "application/json" {
					t.Fatalf("status %d and %s; the page's is %d", rec.Code, rec.Header().Get("Content-Type"), html.Code)
				}
				var members map[string]json.RawMessage
				if err := json.Unmarshal(rec.Body.Bytes(), &members); err != nil {
					t.Fatal(err)
				}
				if _, ok := members[tc.member]; !ok {
					t.Errorf("it has no member %q", tc.member)
				}
				checkPage(t, w, rec)
			}
			if byLink.Body.String() != byHeader.Body.String() {
				t.Error("the link and the header give different answers")
			}
		})
	}
}

func TestCalendarTellsEveryStateByWordAndSign(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	all := get(c, "/reports/sessions?year=all").Body.String() + get(c, "/reports/emea_tier_1").Body.String() + get(c, "/reports/americas").Body.String()
	signs := map[string]bool{}
	for _, l := range calendar.Styles {
		cell := regexp.MustCompile(`<a class="cell ` + string(l.State) + `( late)?" href="[^"]*"(?: data-day="\d+")? aria-label="[^"]*: ` + l.Word + `[^"]*">` + regexp.QuoteMeta(l.Sign) + `</a>`)
		if l.State != states.Missing && !cell.MatchString(all) {
			t.Errorf("no cell is %s", l.Word)
		}
		if signs[l.Sign] {
			t.Errorf("two states have the sign %s", l.Sign)
		}
		signs[l.Sign] = true
		if !strings.Contains(all, `aria-hidden="true">`+strings.ReplaceAll(l.Sign, "+", "&#43;")+`</span>`+l.Word) {
			t.Errorf("the legend does not have %s", l.Word)
		}
	}
}

// No link leads to an error page: not to the next day, which nothing is known of,
// and not to a report that is no longer configured.
func TestLinksLeadToPages(t *testing.T) {
	w, err := consoletest.New(t.Context(), consoletest.Options{Days: 6, SessionsPerDay: 20}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.SetSnapshot(func(s *states.Snapshot) {
		s.Reports = s.Reports[:2] // past runs and alerts name the third one
		s.Alerts = append(s.Alerts, states.Alert{Kind: "late", Report: "removed", Partition: "2026-11-19", What: partition.Day})
	})
	c := newConsole(t, w, nil)
	links := regexp.MustCompile(`<a [^>]*href="(/[^"#]*)`)
	seen, queue := map[string]bool{"/": true}, []string{"/"}
	for len(queue) > 0 && len(seen) < 300 {
		target := queue[0]
		queue = queue[1:]
		rec := get(c, target)
		if rec.Code != 200 {
			t.Errorf("%s: status %d", target, rec.Code)
		}
		if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
			continue
		}
		for _, link := range links.FindAllStringSubmatch(rec.Body.String(), -1) {
			if to := strings.ReplaceAll(link[1], "&amp;", "&"); !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	for _, target := range []string{"/reports/sessions/2026-11-21", "/reports/sessions/2026-11-18", "/runs"} {
		if !seen[target] {
			t.Errorf("no link leads to %s", target)
		}
	}
}

// The command line can publish what the service does not list.
func TestPartitionThatTheStateDoesNotList(t *testing.T) {
	w := newWorld(t)
	w.SetSnapshot(func(s *states.Snapshot) {
		s.Reports = slices.Clone(s.Reports) // copies of a world share it
		s.Reports[0].Days = s.Reports[0].Days[len(s.Reports[0].Days)-1:]
	})
	c := newConsole(t, w, nil)
	for target, says := range map[string][]string{
		"/reports/sessions/2026-11-18":                     {"Every line accounted for", "revision 2", "restated", `rel="next">2026-11-20`},
		"/reports/sessions/2026-11-21":                     {"Nothing is published yet", "waits for its drop at", `rel="prev">← 2026-11-20`},
		"/reports/sessions/1999-01-01":                     {"Nothing is published yet", "daybook knows no dumps of it", "not published"},
		"/reports/sessions/1999-01":                        {"Nothing is published yet"},
		"/reports/sessions/2026-11-18/summaries/total.csv": {"Sessions,Legs"},
	} {
		rec := get(c, target)
		for _, text := range says {
			if rec.Code != 200 || !strings.Contains(rec.Body.String(), text) {
				t.Errorf("%s: status %d, or it does not say %q", target, rec.Code, text)
			}
		}
	}
	if rec := get(c, "/reports/sessions/1999-01-01/summaries/total.csv"); rec.Code != 404 || !strings.Contains(rec.Body.String(), "1999-01-01 is not published") {
		t.Errorf("a file of what is not published: status %d", rec.Code)
	}
}

// Steps that were not tried have not failed.
func TestRunTellsFailedStepsFromThoseThatWaited(t *testing.T) {
	run := runs.Record{Steps: []build.Done{
		{ID: partition.DigestID(day.Date(2026, 11, 19)), Error: "unexpected EOF"},
		{ID: idOf(t, "sessions", "2026-11-19"), Error: "waits for the digest of 2026-11-19: unexpected EOF", Waits: true},
		{ID: idOf(t, "sessions", "2026-11-18"), State: publish.Published},
	}}
	if l := newRunLine(run); l.Failed != 1 || l.Waited != 1 || l.Published != 1 {
		t.Errorf("%d failed, %d waited, %d published; want one each", l.Failed, l.Waited, l.Published)
	}
}

// The reason of a first revision says that it is the first, not how the partition
// was before.
func TestReasonOfTheFirstRevision(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	for _, target := range []string{"/reports/sessions/2026-11-17", "/reports/sessions/2026-11-18"} {
		page := get(c, target).Body.String()
		if !strings.Contains(page, "<p>first publication</p>") || strings.Contains(page, "not published yet") {
			t.Errorf("%s: another reason of revision 1", target)
		}
	}
}

// A day that was missed may be made in several ways: its page leaves them to the reasons.
func TestMissedDaySaysOnlyWhatIsTrue(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	w.SetSnapshot(func(s *states.Snapshot) {
		missed := states.Partition{
			ID: partition.DayID("sessions", day.Date(2026, 11, 20)), State: states.Missing, Drop: w.Now.Add(-10 * time.Hour), Deadline: w.Now.Add(-6 * time.Hour),
			Reasons: []string{"there are no dumps for this day or a later one", "it will be published when they arrive"},
		}
		s.Reports = []states.Report{{Name: "sessions", Timezone: "UTC", Days: []states.Partition{missed}}}
	})
	page := get(c, "/reports/sessions/2026-11-20").Body.String()
	for _, says := range []string{"it will be published when they arrive", "Daybook was not running when it fell due."} {
		if !strings.Contains(page, says) {
			t.Errorf("it does not say %q", says)
		}
	}
	for _, untrue := range []string{"backfill makes it", "Late after"} {
		if strings.Contains(page, untrue) {
			t.Errorf("it says %q", untrue)
		}
	}
}

func TestReportSaysWhichFiguresAreLeftOut(t *testing.T) {
	w, _ := newWatchedWorld(t)
	put(t, w.Sink, "summaries/sessions/day/2026-11-18/_figures.json", "no figures\n")
	c := newConsole(t, w, nil)
	const says = "2026-11-18: _figures.json is left out: it is no valid file of figures"
	if page := get(c, "/reports/sessions").Body.String(); !strings.Contains(page, says) || strings.Contains(page, "Reading figures") {
		t.Error("the page does not say it, or waits for it")
	}
	if page := get(c, "/reports/sessions?year=2025").Body.String(); strings.Contains(page, says) {
		t.Error("it says so of another year")
	}
}

// The headline of a day is its figures beside those of a week earlier.
func TestDayBeginsWithItsHeadline(t *testing.T) {
	c := newConsole(t, newWorld(t), nil)
	type total struct{ Sessions int64 }
	var now, before struct {
		Compared string `json:"compared_with"`
		Headline []struct{ Name, Value, Change string }
		Figures  struct{ Total total }
	}
	for target, twin := range map[string]any{"2026-11-20": &now, "2026-11-13": &before} {
		if err := json.Unmarshal(get(c, "/reports/sessions/"+target+"?format=json").Body.Bytes(), twin); err != nil {
			t.Fatal(err)
		}
	}
	n, b := now.Figures.Total.Sessions, before.Figures.Total.Sessions
	if n == 0 || b == 0 || now.Compared != "2026-11-13" || before.Compared != "" {
		t.Fatalf("%+v and %+v", now, before)
	}
	want := fmt.Sprintf("%.1f %%", math.Abs(float64(n-b))*100/float64(b))
	if tile := now.Headline[0]; tile.Name != "Sessions" || tile.Value != fmt.Sprint(n) || !strings.HasSuffix(tile.Change, want) {
		t.Errorf("%+v, want %d and %s", tile, n, want)
	}
	page := get(c, "/reports/sessions/2026-11-20").Body.String()
	at := -1
	for _, heading := range []string{"h-headline", "h-summaries", "h-rows", "h-quality", "h-checks", "h-law", "h-files"} {
		next := strings.Index(page, `id="`+heading+`"`)
		if next < at {
			t.Errorf("%s is not in its place", heading)
		}
		at = next
	}
}

// The page of rejected lines gives samples with their places, and shows them as text.
func TestRejectsOfADumpDay(t *testing.T) {
	c := newConsole(t, newWorld(t), nil)
	const target = "/reports/sessions/rejects/2026-11-18"
	var twin struct {
		Lines   int64
		Reasons []struct {
			Reason, About, Do string
			Lines             int64
		} `json:"rejected"`
		Samples []struct {
			Object, Reason, Raw string
			Line, Offset        int64
		}
	}
	if err := json.Unmarshal(get(c, target+"?format=json").Body.Bytes(), &twin); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, r := range twin.Reasons {
		counts[r.Reason] = r.Lines
		if r.About == "" || r.Do == "" {
			t.Errorf("%s has no advice", r.Reason)
		}
	}
	if want := map[string]int64{"bad_json": 2, "missing_field": 1, "bad_value": 1, "unknown_type": 1, "too_late": 1}; !maps.Equal(counts, want) || twin.Lines != 6 || len(twin.Samples) != 6 {
		t.Errorf("%v, %d lines and %d samples", counts, twin.Lines, len(twin.Samples))
	}
	if s := twin.Samples[1]; s.Object != "dumps/2026/11/18/bad.ndjson" || s.Line != 2 || s.Offset != 89 || !strings.Contains(s.Raw, `"r2"`) {
		t.Errorf("%+v", s) // the first line has 88 bytes, and its end one
	}
	page := get(c, target).Body.String()
	if strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;alert") || strings.Contains(page, strings.Repeat("é", 500)) {
		t.Error("a sample is not escaped, or not cut")
	}
	if some := get(c, target+"?reason=too_late").Body.String(); strings.Contains(some, "r2") || !strings.Contains(some, "r5") {
		t.Error("the samples of a reason are others")
	}
}

// With language: nl, the pages of a report and their twins are Dutch. A page of all
// reports is Dutch if all of them are.
func TestDutchPages(t *testing.T) {
	w := newWorld(t)
	set := func(all bool) {
		p := w.Settings()
		p.Reports = slices.Clone(p.Reports)
		for i := range p.Reports {
			if all || i == 0 {
				p.Reports[i].Language = report.Dutch
			}
		}
	}
	set(false)
	c := newConsole(t, w, nil)
	session := firstSession(t, c)
	if page := get(c, "/").Body.String(); !strings.Contains(page, `<html lang="en">`) || !strings.Contains(page, "Overview") {
		t.Error("the overview of reports in two languages is not English")
	}
	for target, says := range map[string][]string{
		"/reports/sessions":                        {`<html lang="nl">`, "Dagen en maanden", "Alles wat gepubliceerd moet zijn, is gepubliceerd.", "Technicusgroepen", "geen groep", "Wachttijd"},
		"/reports/sessions/2026-11-20":             {"Vergeleken met dezelfde weekdag een week eerder", "Aangenomen", "Kwaliteit", "Afgesloten door klant", "controles geslaagd"},
		"/reports/sessions/rejects/2026-11-18":     {"Per reden", "De regel is geen JSON-object.", "Wat te doen", "6 afgewezen regels"},
		"/reports/sessions/sessions/" + session:    {"aannam en", "Hoe de getallen tot stand kwamen", "Deelsessie 0", "Afrondingstijd", "de deelsessie werd geopend", "Sessie " + session},
		"/reports/sessions/2026-11-99":             {"Niet gevonden", "Naar het overzicht"},
		"/reports/sessions/2026-11-20?format=json": {`"Sessies"`, `"compared_with": "2026-11-13"`},
		"/reports/sessions?format=json":            {`"text": "Alles wat gepubliceerd moet zijn, is gepubliceerd.`, `"verdict": "fresh"`},
		"/reports/sessions/explore?picked_up=yes":  {"<h1>Verkennen</h1>", "Wachttijd, mediaan", "Alle filters verwijderen", "geen technicus", "Per groep", "tot en met", "Gelijktijdige sessies", "Gelijktijdige sessies, 0:00 tot en met 23:45; gemiddelde van ", "verkennen · daybook"},
		"/reports/sessions/explore?by=status":      {"Per status", "Afgesloten door klant"},
		"/reports/sessions/explore?by=mood":        {"De parameter by is", "Mogelijk zijn technician"},
		"/reports/sessions/explore.csv?by=group":   {"Groep", "Niet aangenomen, aandeel", "Wachttijd, mediaan"},
		"/reports/sessions/sessions":               {"<h1>Sessies</h1>", "Technicus", "Starttijd", "volgende", "Toepassen"},
		"/reports/sessions/sessions.csv":           {"Sessie-ID", "Tracking-ID", "Afgesloten door", "ja"},
		"/reports/sessions/find?q=77":              {"Geen gepubliceerde dag van sessions heeft een sessie 77."},
		"/reports/emea_tier_1/explore":             {`<html lang="en">`, "<h1>Explore</h1>"},
		"/reports/emea_tier_1":                     {`<html lang="en">`, "Days and months"},
	} {
		page := get(c, target).Body.String()
		for _, text := range says {
			if !strings.Contains(page, text) {
				t.Errorf("%s does not say %q", target, text)
			}
		}
	}
	set(true)
	for target, text := range map[string]string{"/": "Overzicht", "/runs": "Eerdere runs", "/schedule": "Uiterlijk", "/configuration": "Configuratie", "/login": "Inloggen"} {
		if page := get(c, target).Body.String(); !strings.Contains(page, `<html lang="nl">`) || !strings.Contains(page, text) {
			t.Errorf("%s is not Dutch", target)
		}
	}
}

// A report's page shows its own deliveries, each with its last message.
func TestReportShowsItsDeliveries(t *testing.T) {
	c := newConsole(t, newWorld(t), nil)
	for report, want := range map[string][]states.Delivery{
		"sessions": {{Name: "sessions/day/email", Period: "2026-11-20", Outcome: "sent"}, {Name: "sessions/month/slack"}},
		"americas": {{Name: "americas/week/teams", Period: "2026-W46", Outcome: "given up", Error: "hooks.example.com answers 410 Gone"}}, "emea_tier_1": {},
	} {
		var twin struct{ Deliveries []states.Delivery }
		if err := json.Unmarshal(get(c, "/reports/"+report+"?format=json").Body.Bytes(), &twin); err != nil {
			t.Fatal(err)
		}
		page := get(c, "/reports/"+report).Body.String()
		if len(twin.Deliveries) != len(want) || strings.Contains(page, "h-deliveries") != (len(want) > 0) {
			t.Fatalf("%s: %+v", report, twin.Deliveries)
		}
		for i, d := range twin.Deliveries {
			if w := want[i]; d.Name != w.Name || d.Period != w.Period || d.Outcome != w.Outcome || d.Error != w.Error {
				t.Errorf("%s: %+v, want %+v", report, d, w)
			}
			for _, text := range []string{d.Name, d.Period, d.Outcome, d.Error} {
				if !strings.Contains(page, text) {
					t.Errorf("the page of %s lacks %q", report, text)
				}
			}
		}
	}
}

// Alerts lead to their cause, and after a login to a retry.
func TestAlertsLeadToTheirCause(t *testing.T) {
	w := newWorld(t)
	w.SetSnapshot(func(s *states.Snapshot) {
		s.Reports = slices.Clone(s.Reports)
		s.Reports[2].Broken = []states.BrokenDay{{Day: "2026-11-19", Reason: "cut off"}}
		s.Alerts = append(slices.Clone(s.Alerts), states.Alert{Kind: "failed", Partition: "2026-11-19", What: partition.Digest, Since: w.Now},
			states.Alert{Kind: "late", Report: "americas", Partition: "2026-11-01 to 2026-11-14", What: partition.Day, Told: 3, Since: w.Now},
			states.Alert{Kind: "late", Report: "americas", Partition: "2026-11-18", What: partition.Day, Text: "2026-11-18 is late; waits for the digest of 2026-11-19, which failed", Since: w.Now})
	})
	c := newConsole(t, w, nil)
	page := get(c, "/").Body.String()
	for _, want := range []string{`href="/reports/americas/2026-11-14#cause"`, `href="/reports/americas/rejects/2026-11-19"`, `href="/reports/americas#h-causes"`, "Log in to retry"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, `class="retry"`) {
		t.Error("it offers actions without a login")
	}
	if n := strings.Count(page, `href="/reports/americas/rejects/2026-11-19"`); n != 3 { // with that of the world
		t.Errorf("%d alerts lead to the broken dump day, and three wait for it", n)
	}
	in := get(c, "/", func(r *http.Request) { r.AddCookie(login(t, c)) }).Body.String()
	if n := strings.Count(in, `class="retry"`); n != 5 { // each alert of the test, and those of the world
		t.Errorf("after a login, %d alerts can be retried", n)
	}
	if only := get(newConsole(t, w, func(o *Options) { o.AllowActions = false }), "/").Body.String(); strings.Contains(only, "Log in to retry") {
		t.Error("a console without actions offers them")
	}
	var twin struct{ Alerts []struct{ Cause string } }
	if err := json.Unmarshal(get(c, "/?format=json").Body.Bytes(), &twin); err != nil || twin.Alerts[0].Cause == "" {
		t.Errorf("%v, %+v", err, twin)
	}
}

// The tables of a partition's page are its figures, in the report's language.
func TestPartitionShowsItsFigures(t *testing.T) {
	w, _ := newWatchedWorld(t)
	c := newConsole(t, w, nil)
	const target = "/reports/sessions/2026-11-18"
	var twin struct {
		Figures struct {
			Partition string
			Total     struct{ Sessions, Legs int64 }
		}
	}
	if err := json.Unmarshal(get(c, target+"?format=json").Body.Bytes(), &twin); err != nil {
		t.Fatal(err)
	}
	total := twin.Figures.Total
	if twin.Figures.Partition != "2026-11-18" || total.Legs <= total.Sessions || total.Sessions == 0 {
		t.Errorf("its twin has %+v", twin.Figures)
	}
	if page := get(c, target).Body.String(); !strings.Contains(page, fmt.Sprintf("<tr class=\"num\"><td data-name=\"Sessions\">%d</td><td data-name=\"Legs\">%d</td>", total.Sessions, total.Legs)) {
		t.Error("the page's tables say something else than the figures")
	}
	key := partition.DayID("sessions", day.Date(2026, 11, 18)).SummaryDir() + figures.Name
	put(t, w.Sink, key, "{}")
	if page := get(c, target).Body.String(); !strings.Contains(page, "_figures.json cannot be shown: it is no valid file of figures") || !strings.Contains(page, "First sessions") {
		t.Error("the page does not say that they are invalid, or does not show the rest")
	}
	base, err := publish.Read(t.Context(), w.Sink, "reports/sessions/dt=2026-11-18/")
	if err != nil {
		t.Fatal(err)
	}
	next := *base.Manifest
	next.Summaries = &publish.Summaries{Definition: next.Summaries.Definition}
	if _, err := publish.Amend(t.Context(), w.Sink, "reports/sessions/dt=2026-11-18/", base, next); err != nil {
		t.Fatal(err)
	}
	if page := get(c, target).Body.String(); !strings.Contains(page, "Their figures are missing; the next rewrite of the summaries adds them.") {
		t.Error("the page does not say that they are missing")
	}
}

// An alert about many days leads to their report: there is no page of them.
func TestAlertLeadsToWhatItIsAbout(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	w.SetSnapshot(func(s *states.Snapshot) {
		s.Alerts = []states.Alert{
			{Kind: "late", Report: "sessions", Partition: "2026-11-19", What: partition.Day},
			{Kind: "late", Report: "americas", Partition: "2026-10-01 to 2026-11-18", What: partition.Day, Told: 49},
		}
	})
	page := get(c, "/").Body.String()
	for _, link := range []string{`href="/reports/sessions/2026-11-19">sessions 2026-11-19</a>`, `href="/reports/americas">americas 2026-10-01 to 2026-11-18</a>`} {
		if !strings.Contains(page, link) {
			t.Errorf("there is no %s", link)
		}
	}
}

func TestEmptyWorldHasPagesToo(t *testing.T) {
	w := newWorld(t)
	w.SetSnapshot(func(s *states.Snapshot) {
		*s = states.Snapshot{Reports: []states.Report{{Name: "sessions", Timezone: "UTC"}}}
	})
	c := newConsole(t, w, nil)
	for target, says := range map[string]string{
		"/": "No days yet", "/reports/sessions": "There are no days yet", "/schedule": "All due partitions are published",
	} {
		rec := get(c, target)
		if rec.Code != 200 || !strings.Contains(rec.Body.String(), says) {
			t.Errorf("%s: status %d, or it does not say %q", target, rec.Code, says)
		}
	}
	w.SetSnapshot(func(s *states.Snapshot) { *s = states.Snapshot{Problem: "s3://events: access denied"} })
	if body := get(c, "/").Body.String(); !strings.Contains(body, "access denied") || !strings.Contains(body, "No reports are configured") {
		t.Error("the overview does not say what is wrong")
	}
}

// Files of days and months can be downloaded, and nothing that a manifest names
// elsewhere.
func TestDownloadsLieInReports(t *testing.T) {
	for key, want := range map[string]bool{
		"reports/sessions/dt=2026-11-20/part-0-r1-ab.parquet":         true,
		"reports_monthly/sessions/month=2026-11/part-0-r1-ab.parquet": true,
		"reports/sessions_monthly/month=2026-11/part-0-r1-ab.parquet": true, // of version 0.1.0
		"state/digests/dt=2026-11-20/part-0-r1-ab.parquet":            false,
		"other/part-0-r1-ab.parquet":                                  false,
	} {
		got := partOf(&publish.Manifest{Parts: []publish.Part{{Key: key}}}, "part-0-r1-ab.parquet")
		if got.key != map[bool]string{true: key}[want] {
			t.Errorf("of %s: %q", key, got.key)
		}
	}
}

func TestDownloadIsWhatIsStored(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	shown, err := (&inspect.Inspector{Settings: w.Settings()}).Show(t.Context(), partition.DayID("sessions", day.Date(2026, 11, 18)))
	if err != nil {
		t.Fatal(err)
	}
	part := shown.Manifest.Parts[0]
	file := path.Base(part.Key)
	for _, tc := range []struct{ target, key, kind, name string }{
		{"/reports/sessions/2026-11-18/files/" + file, part.Key, "application/vnd.apache.parquet", "sessions-2026-11-18-" + file},
		{"/reports/sessions/2026-11-18/summaries/total.csv", "summaries/sessions/day/2026-11-18/total.csv", "text/csv; charset=utf-8", "sessions-2026-11-18-total.csv"},
		{"/reports/sessions/2026-11-18/summaries/_figures.json", "summaries/sessions/day/2026-11-18/_figures.json", "application/json", "sessions-2026-11-18-_figures.json"},
	} {
		body, _, err := w.Sink.Open(t.Context(), tc.key, 0, store.ToEnd, "")
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		rec := get(c, tc.target)
		if rec.Code != 200 || rec.Body.String() != string(want) {
			t.Errorf("%s: status %d and %d bytes; %d are stored", tc.target, rec.Code, rec.Body.Len(), len(want))
		}
		if kind, how := rec.Header().Get("Content-Type"), rec.Header().Get("Content-Disposition"); kind != tc.kind || how != `attachment; filename="`+tc.name+`"` {
			t.Errorf("%s: %s, %s", tc.target, kind, how)
		}
		checkPage(t, w, rec)
	}
	for _, target := range []string{
		"/reports/sessions/2026-11-18/files/_manifest.json", "/reports/sessions/2026-11-18/files/part-9.parquet",
		"/reports/sessions/2026-11-18/files/..%2f..%2f_manifest.json", "/reports/sessions/2026-11-18/summaries/by_day.csv",
		"/reports/sessions/2026-11-18/summaries/..%2f2026-11-17%2ftotal.csv", "/reports/americas/2026-11-14/files/" + file,
		"/reports/..%2f..%2fstate/2026-11-18/files/" + file,
	} {
		if rec := get(c, target); rec.Code != 404 {
			t.Errorf("%s: status %d, want 404", target, rec.Code)
		}
	}
}

func TestSearchLeadsToTheSession(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	for target, want := range map[string]string{
		"/reports/sessions/session?id=81&date=2026-11-18": "/reports/sessions/sessions/81?date=2026-11-18",
		"/reports/sessions/session?id=81&date=//evil":     "/reports/sessions/sessions/81?",
	} {
		rec := get(c, target)
		if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != want {
			t.Errorf("%s: status %d to %q, want %q", target, rec.Code, rec.Header().Get("Location"), want)
		}
	}
	for target, want := range map[string]int{"/reports/sessions/session?id=x": 400, "/reports/x/session?id=1": 404} {
		if rec := get(c, target); rec.Code != want {
			t.Errorf("%s: status %d, want %d", target, rec.Code, want)
		}
	}
}

// post posts a form from the console's own page.
func post(c http.Handler, target string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, f := range change {
		f(r)
	}
	rec := httptest.NewRecorder()
	c.ServeHTTP(rec, r)
	return rec
}

// login gives the cookie of a session.
func login(t testing.TB, c http.Handler, change ...func(*http.Request)) *http.Cookie {
	t.Helper()
	rec := post(c, "/login", url.Values{"token": {testToken}}, change...)
	cookies := rec.Result().Cookies()
	if rec.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("status %d and %d cookies", rec.Code, len(cookies))
	}
	return cookies[0]
}

func with(cookie *http.Cookie) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(cookie) }
}

func TestActionIsDoneForWhoLoggedIn(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	cookie := login(t, c)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure || cookie.MaxAge != sessionHours*3600 {
		t.Errorf("the cookie is %+v", cookie)
	}
	page := get(c, "/reports/americas/2026-11-14", with(cookie)).Body.String()
	for _, text := range []string{"Try again", "daybook backfill --from 2026-11-14 --to 2026-11-14 --only failed --report americas", "Build again", "Log out"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	rec := post(c, "/actions/retry", url.Values{"report": {"americas"}, "from": {"2026-11-14"}}, with(cookie))
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/reports/americas/2026-11-14?done=retry" {
		t.Fatalf("status %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	if acts := w.Acts(); len(acts) != 1 || acts[0] != (actions.Action{Verb: "retry", Report: "americas", From: "2026-11-14", By: byToken}) {
		t.Errorf("it asked for %+v", acts)
	}
	if page := get(c, rec.Header().Get("Location"), with(cookie)).Body.String(); !strings.Contains(page, notices["retry"]) {
		t.Error("the page does not say that it was asked for")
	}
	for _, tc := range []struct {
		verb, location string
		form           url.Values
	}{
		{"backfill", "/reports/sessions?done=backfill", url.Values{"report": {"sessions"}, "from": {"2026-01-01"}, "to": {"2026-02-01"}}},
		{"rebuild", "/reports/sessions/2026-10?done=rebuild", url.Values{"report": {"sessions"}, "from": {"2026-10"}}},
		{"run", "/?done=run", url.Values{"from": {"2026-11-20"}}},
	} {
		if rec := post(c, "/actions/"+tc.verb, tc.form, with(cookie)); rec.Header().Get("Location") != tc.location {
			t.Errorf("%s: status %d to %q, want %q", tc.verb, rec.Code, rec.Header().Get("Location"), tc.location)
		}
	}
}

// TestBrokenDumpDayIsRetried: the verdict, the link and the retry of a dump day that
// cannot be read.
func TestBrokenDumpDayIsRetried(t *testing.T) {
	w := newWorld(t)
	w.SetSnapshot(func(s *states.Snapshot) {
		for i := range s.Reports {
			if s.Reports[i].Name == "sessions" {
				s.Reports[i].Broken = []states.BrokenDay{{Day: "2026-11-17", Reason: "unexpected EOF"}, {Day: "2026-11-19", Reason: "gzip: invalid header"}}
			}
		}
	})
	c := newConsole(t, w, nil)
	cookie := login(t, c)
	if page := get(c, "/").Body.String(); !strings.Contains(page, "blocked") || !strings.Contains(page, "2026-11-17 (unexpected EOF)") {
		t.Error("the overview does not say what blocks the report")
	}
	page := get(c, "/reports/sessions", with(cookie)).Body.String()
	for _, text := range []string{
		"dump day 2026-11-19</span>: gzip: invalid header", "<strong>To do:</strong> replace the broken dumps",
		`<input type="hidden" name="kind" value="digest">`, `name="to" value="2026-11-19"`,
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the report's page does not say %q", text)
		}
	}
	rec := post(c, "/actions/retry", url.Values{"kind": {"digest"}, "from": {"2026-11-17"}, "to": {"2026-11-19"}}, with(cookie))
	if rec.Header().Get("Location") != "/?done=retry" {
		t.Fatalf("status %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	want := actions.Action{Verb: "retry", Kind: "digest", From: "2026-11-17", To: "2026-11-19", By: byToken}
	if acts := w.Acts(); len(acts) != 1 || acts[0] != want {
		t.Errorf("it asked for %+v, want %+v", acts, want)
	}
}

// Three causes of a verdict stand above the calendar. The others are folded into an
// element that the keyboard opens, whose label says how many they are.
func TestCausesAreFolded(t *testing.T) {
	for _, c := range []struct {
		broken int
		label  string // empty: nothing is folded
		folded int
		ends   string // of the folded list
	}{
		{1, "", 0, ""}, {3, "", 0, ""},
		{4, "1 more", 1, ""}, {10, "7 more", 7, ""},
		{12, "9 more", 7, "and 2 more"}, // a verdict lists ten causes
	} {
		w := newWorld(t)
		w.SetSnapshot(func(s *states.Snapshot) {
			for i := range s.Reports {
				s.Reports[i].Broken = nil
				for n := range c.broken {
					s.Reports[i].Broken = append(s.Reports[i].Broken, states.BrokenDay{Day: fmt.Sprintf("2026-11-%02d", n+1), Reason: "unexpected EOF"})
				}
			}
		})
		page := get(newConsole(t, w, nil), "/reports/sessions").Body.String()
		_, section, _ := strings.Cut(page, `aria-labelledby="h-causes"`)
		section, rest, _ := strings.Cut(section, "</section>")
		open, folded, isFolded := strings.Cut(section, "<details><summary>")
		if got, want := strings.Count(open, "dump day 2026-11-"), min(c.broken, 3); got != want {
			t.Errorf("of %d causes %d are open, want %d", c.broken, got, want)
		}
		if isFolded != (c.label != "") || !strings.HasPrefix(folded, c.label) || strings.Count(folded, "dump day 2026-11-") != c.folded || !strings.Contains(folded, c.ends) {
			t.Errorf("of %d causes these are folded: %s", c.broken, folded)
		}
		if !strings.Contains(rest, `id="calendar"`) {
			t.Error("the calendar does not follow the causes")
		}
	}
}

// An action is refused with its reason, and nothing is asked for. It has more than 60
// lines because it lists the requests that are refused.
func TestActionIsRefused(t *testing.T) {
	w := newWorld(t)
	allowed := newConsole(t, w, nil)
	cookie := login(t, allowed)
	form := url.Values{"report": {"americas"}, "from": {"2026-11-14"}}
	expired := *cookie
	expired.Value = allowed.keys.Issue(w.Now.Add(-time.Second))
	other := guard.NewKeys("another token")
	foreign := *cookie
	foreign.Value = other.Issue(w.Now.Add(time.Hour))
	forged := *cookie
	forged.Value = strings.Replace(cookie.Value, cookie.Value[:1], "9", 1)
	for name, tc := range map[string]struct {
		options func(*Options)
		form    url.Values
		change  func(*http.Request)
		status  int
		says    string
	}{
		"not allowed":          {func(o *Options) { o.AllowActions = false }, form, with(cookie), 403, "does not allow actions"},
		"no token configured":  {func(o *Options) { o.Token = "" }, form, with(cookie), 403, "does not allow actions"},
		"without a login":      {nil, form, func(*http.Request) {}, 403, "Log in first"},
		"an expired session":   {nil, form, with(&expired), 403, "Log in first"},
		"another token's":      {nil, form, with(&foreign), 403, "Log in first"},
		"a longer time put in": {nil, form, with(&forged), 403, "Log in first"},
		"an empty cookie":      {nil, form, with(&http.Cookie{Name: cookieName, Value: "."}), 403, "Log in first"},
		"from another site":    {nil, form, func(r *http.Request) { r.AddCookie(cookie); r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "another site"},
		"from another origin": {nil, form, func(r *http.Request) {
			r.AddCookie(cookie)
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "https://evil.example")
		}, 403, "another site"},
		"a report that is not":    {nil, url.Values{"report": {"../x"}, "from": {"2026-11-14"}}, with(cookie), 404, "no report"},
		"a day that is none":      {nil, url.Values{"report": {"americas"}, "from": {"2026-02-30"}}, with(cookie), 400, "first day"},
		"a day before all events": {nil, url.Values{"report": {"americas"}, "from": {"0001-01-01"}}, with(cookie), 400, "from 1990 to 2200"},
		"a last day that is none": {nil, url.Values{"report": {"americas"}, "from": {"2026-02-03"}, "to": {"x"}}, with(cookie), 400, "last day"},
		"an order upside down":    {nil, url.Values{"report": {"americas"}, "from": {"2026-02-03"}, "to": {"2026-02-01"}}, with(cookie), 400, "before"},
		"a month with an end":     {nil, url.Values{"report": {"americas"}, "from": {"2026-02"}, "to": {"2026-02-01"}}, with(cookie), 400, "first day"},
	} {
		t.Run(name, func(t *testing.T) {
			c := allowed
			if tc.options != nil {
				c = newConsole(t, w, tc.options)
			}
			rec := post(c, "/actions/retry", tc.form, tc.change)
			if rec.Code != tc.status || !strings.Contains(rec.Body.String(), tc.says) {
				t.Errorf("status %d, want %d and %q", rec.Code, tc.status, tc.says)
			}
			checkPage(t, w, rec)
		})
	}
	allowed.actions = rate.NewLimiter(rate.Inf, 0)
	w.Refuse(fmt.Errorf("%w: 2026-11-21 is not over", actions.ErrInvalid))
	if rec := post(allowed, "/actions/run", form, with(cookie)); rec.Code != 400 || !strings.Contains(rec.Body.String(), "Invalid action: 2026-11-21 is not over.") {
		t.Errorf("what the service refuses: status %d, %s", rec.Code, rec.Body)
	}
	w.Refuse(nil)
	if rec := post(allowed, "/actions/format", form, with(cookie)); rec.Code != 400 {
		t.Errorf("an unknown action: status %d", rec.Code)
	}
	if rec := post(allowed, "/actions/login", form, with(cookie)); rec.Code != 400 {
		t.Errorf("a notice that is no action: status %d", rec.Code)
	}
	if rec := get(allowed, "/actions/retry", with(cookie)); rec.Code != 404 {
		t.Errorf("an action by GET: status %d", rec.Code)
	}
	if acts := w.Acts(); len(acts) > 0 {
		t.Errorf("it did %+v", acts)
	}
}

func TestActionFormsAreThereOnlyForWhoLoggedIn(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	cookie := login(t, c)
	for _, target := range []string{"/reports/americas", "/reports/americas/2026-11-14"} {
		if strings.Contains(get(c, target).Body.String(), `action="/actions/`) {
			t.Errorf("%s has forms for everybody", target)
		}
		if !strings.Contains(get(c, target, with(cookie)).Body.String(), `action="/actions/`) {
			t.Errorf("%s has no forms for who logged in", target)
		}
	}
}

func TestServiceSaysWhyNot(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	cookie := login(t, c)
	for _, tc := range []struct {
		err    error
		status int
		says   string
	}{
		{errors.Join(actions.ErrInvalid, errors.New("2016-01-01 is out of reach")), 400, "2016-01-01 is out of reach"},
		{actions.ErrBusy, 429, "Too many actions"},
		{errors.New("put s3://AKIAEXAMPLE@bucket: denied"), 502, "The log has the reason"},
	} {
		w.Refuse(tc.err)
		rec := post(c, "/actions/run", url.Values{"report": {"americas"}, "from": {"2026-11-14"}}, with(cookie))
		if rec.Code != tc.status || !strings.Contains(rec.Body.String(), tc.says) || strings.Contains(rec.Body.String(), "AKIA") {
			t.Errorf("%v: status %d", tc.err, rec.Code)
		}
	}
}

// Failed logins are limited by address. The right token gets in all the same.
func TestFailedLoginsAreLimitedByAddress(t *testing.T) {
	w := newWorld(t)
	now := w.Now
	var log strings.Builder
	c := newConsole(t, w, func(o *Options) {
		o.Now, o.Log = func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil))
	})
	from := func(address string) func(*http.Request) {
		return func(r *http.Request) { r.RemoteAddr = address }
	}
	try := func(address string) int {
		rec := post(c, "/login", url.Values{"token": {testToken + "x"}}, from(address))
		if len(rec.Result().Cookies()) > 0 {
			t.Fatal("a wrong token logs in")
		}
		return rec.Code
	}
	for i := range guard.LoginBurst {
		// Ports and addresses of one IPv6 network are no addresses of their own.
		if code := try(fmt.Sprintf("[2001:db8:1:2::%x]:%d", i+1, 4000+i)); code != 403 {
			t.Fatalf("a wrong token: status %d", code)
		}
	}
	for range 100 {
		if code := try("[2001:db8:1:2::99]:1"); code != 429 {
			t.Fatalf("after %d wrong ones: status %d, want 429", guard.LoginBurst, code)
		}
	}
	if code := try("[2001:db8:1:3::1]:1"); code != 403 {
		t.Errorf("from another network: status %d, want 403", code)
	}
	login(t, c, from("[2001:db8:1:2::99]:1"))
	now = now.Add(guard.LoginEvery)
	if code := try("[2001:db8:1:2::1]:1"); code != 403 {
		t.Errorf("after a pause: status %d, want 403", code)
	}
	text := log.String()
	if n := strings.Count(text, `msg="login failed" reason="wrong token"`); n != guard.LoginBurst+guard.ExcessBurst+2 {
		t.Errorf("the log has %d failed logins:\n%s", n, text)
	}
	if !strings.Contains(text, "address=2001:db8:1:2::") || strings.Contains(text, testToken) {
		t.Errorf("the log names no address, or a token:\n%s", text)
	}
}

func TestActionsAreFew(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	cookie, form := login(t, c), url.Values{"from": {"2026-11-14"}}
	for range actionBurst {
		if rec := post(c, "/actions/run", form, with(cookie)); rec.Code != http.StatusSeeOther {
			t.Fatalf("status %d", rec.Code)
		}
	}
	if rec := post(c, "/actions/run", form, with(cookie)); rec.Code != 429 {
		t.Errorf("the %dth at once: status %d", actionBurst+1, rec.Code)
	}
}

func TestCookieIsSecureBehindTLS(t *testing.T) {
	w := newWorld(t)
	c := newConsole(t, w, nil)
	if !login(t, c, func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }).Secure {
		t.Error("behind a proxy with TLS the cookie is not Secure")
	}
	rec := post(c, "/logout", nil)
	if cookies := rec.Result().Cookies(); len(cookies) != 1 || cookies[0].MaxAge >= 0 || cookies[0].Value != "" {
		t.Errorf("logging out leaves %v", cookies)
	}
}

// TestLoggedInOnEveryReplica: behind one address, either may be asked.
func TestLoggedInOnEveryReplica(t *testing.T) {
	w := newWorld(t)
	cookie := login(t, newConsole(t, w, nil))
	if page := get(newConsole(t, w, nil), "/", with(cookie)).Body.String(); !strings.Contains(page, "Log out") {
		t.Error("another replica does not know the session")
	}
}

func put(t *testing.T, s store.Store, key, text string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// idOf is the day or month of a report.
func idOf(t *testing.T, report, name string) partition.ID {
	t.Helper()
	id, err := partition.Parse(report, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWarmEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	c := New(Options{Service: w})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Warm(ctx); close(done) }()
	cancel()
	<-done
}

// The page of a day says which sessions are told as several or have no rows, and what
// would change that.
func TestSessionsLeftOutAreTold(t *testing.T) {
	w := newWorld(t)
	id := partition.DayID("sessions", day.Date(2026, 11, 18))
	base, err := publish.Read(t.Context(), w.Sink, id.Dir())
	if err != nil {
		t.Fatal(err)
	}
	next, fold := *base.Manifest, *base.Manifest.Fold
	fold.Apart, fold.ApartLookback, fold.Oversized = 2, 20, 1
	next.Fold = &fold
	if _, err := publish.Amend(t.Context(), w.Sink, id.Dir(), base, next); err != nil {
		t.Fatal(err)
	}
	page := get(newConsole(t, w, nil), "/reports/sessions/2026-11-18").Body.String()
	for _, want := range []string{
		"2 sessions were silent for longer than the look-back, and told as several: <code>source.lookback_days: 20</code> joins them.",
		"1 session has more events than <code>source.max_session_size</code> allows, and no rows.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
