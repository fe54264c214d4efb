package browser

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/states"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The site and the browser that tests share. TestMain makes them.
var (
	site   *Site
	chrome *Browser
	axe    string
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	source, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "axe-core is missing: run make browser, which fetches it, or name axe.min.js in AXE:", err)
		return 1
	}
	axe = string(source)
	ctx := context.Background()
	if site, err = Serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer site.Close()
	if chrome, err = Start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer chrome.Close()
	return m.Run()
}

func open(t *testing.T, v View) *Tab {
	t.Helper()
	tab, err := chrome.Open(v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tab.Close)
	return tab
}

// do does things in a tab.
func do(t *testing.T, tab *Tab, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(tab, actions...); err != nil {
		t.Fatal(err)
	}
}

// ask evaluates an expression in a page.
func ask[T any](t *testing.T, tab *Tab, expression string) T {
	t.Helper()
	var v T
	do(t, tab, chromedp.Evaluate(expression, &v))
	return v
}

// visit goes to a page of the site, and waits for it.
func visit(target string) chromedp.Action {
	return chromedp.Tasks{chromedp.Navigate(site.URL + target), chromedp.WaitReady("main")}
}

// session is the address of a session's page: one with several legs.
func session(t *testing.T) string {
	t.Helper()
	tab := open(t, Desktop)
	do(t, tab, visit("/reports/sessions/2026-11-18"))
	return ask[string](t, tab, `[...document.querySelectorAll("#h-rows ~ * a, section[aria-labelledby=h-rows] a")].map(a => a.getAttribute("href")).find((h, i, all) => all.filter(x => x === h).length > 2)`)
}

// targets are all kinds of pages, and the states that they can be in.
func targets(t *testing.T) []string {
	return []string{
		"/", "/reports/sessions", "/reports/americas", "/reports/emea_tier_1?year=2021", "/reports/sessions/2026-11-18", "/reports/sessions/2026-11-18?diff=1..2",
		"/reports/sessions/2026-10", "/reports/americas/2026-11-14", "/reports/americas/2026-11-19", "/reports/sessions/2021-03-25", session(t), "/reports/sessions/rejects/2026-11-18",
		"/reports/sessions/explore", "/reports/sessions/explore?period=month&by=technician&show=wrap_up&sort=wrap_up_longest&measure=within&group=EMEA",
		"/reports/sessions/explore?period=range&from=2026-11-18&to=2026-11-18&by=hour&compare=none", "/reports/sessions/sessions", "/reports/sessions/sessions?period=week&q=Ada&page=2",
		"/runs", "/runs/20261120T013012Z-n1", "/schedule", "/configuration", "/login", "/nowhere",
	}
}

// finding is what axe finds wrong.
type finding struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// checkAccess holds the page that a tab is at against axe's rules.
func checkAccess(t *testing.T, tab *Tab) {
	t.Helper()
	var findings []finding
	do(t, tab, chromedp.Evaluate(axe, nil), chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`, &findings, awaited))
	for _, f := range findings {
		if f.Impact != "serious" && f.Impact != "critical" {
			continue
		}
		t.Errorf("axe: %s (%s), %d times; for example %s\n%s", f.Help, f.ID, len(f.Nodes), f.Nodes[0].HTML, f.Nodes[0].Summary)
	}
}

func TestPagesInEveryView(t *testing.T) {
	all := targets(t)
	for name, view := range map[string]View{"desktop": Desktop, "desktop, dark": DesktopDark, "phone": Phone} {
		t.Run(name, func(t *testing.T) {
			for _, target := range all {
				t.Run(target, func(t *testing.T) {
					tab := open(t, view)
					do(t, tab, visit(target))
					if wide := ask[int64](t, tab, `Math.max(document.documentElement.scrollWidth, ...[...document.querySelectorAll("main > *, main article, main section")].map(e => Math.ceil(e.getBoundingClientRect().right)))`); wide > view.Width {
						widest := ask[string](t, tab, fmt.Sprintf(`[...document.querySelectorAll("main *, header *, footer *")].filter(e => e.getBoundingClientRect().right > %d && !e.closest(".scroll, pre, .calendar a")).map(e => e.outerHTML.slice(0, 120)).slice(0, 3).join("\n")`, view.Width))
						t.Errorf("it is %d pixels wide, and the view %d; beyond it are\n%s", wide, view.Width, widest)
					}
					if title := ask[string](t, tab, `document.title`); !strings.HasSuffix(title, " · daybook") {
						t.Errorf("its title is %q", title)
					}
					checkAccess(t, tab)
					if problems := tab.Problems(); problems != nil {
						t.Errorf("it complains: %s", strings.Join(problems, "\n"))
					}
				})
			}
		})
	}
}

func TestColoursFollowTheScheme(t *testing.T) {
	light, dark := open(t, Desktop), open(t, DesktopDark)
	const luminance = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)`
	do(t, light, visit("/"))
	do(t, dark, visit("/"))
	if l, d := ask[int](t, light, luminance), ask[int](t, dark, luminance); l < 600 || d > 150 {
		t.Errorf("the background is %d in light and %d in dark, of 765", l, d)
	}
}

// TestKeyboard goes through the pages by the tab key. Every element with the focus
// shows it.
func TestKeyboard(t *testing.T) {
	const focused = `(() => { const e = document.activeElement, s = getComputedStyle(e); return e.tagName + " " + (e.getAttribute("href") || e.id || e.textContent.trim().slice(0, 30)) + "|" + (s.outlineStyle !== "none" || s.boxShadow !== "none") })()`
	for _, target := range []string{"/", "/reports/sessions", "/reports/sessions/2026-11-18"} {
		t.Run(target, func(t *testing.T) {
			tab := open(t, Desktop)
			do(t, tab, visit(target), chromedp.KeyEvent(kb.Tab))
			if first := ask[string](t, tab, focused); first != "A #main|true" {
				t.Errorf("the first stop is %s, and should be the way to the content", first)
			}
			for range 25 {
				do(t, tab, chromedp.KeyEvent(kb.Tab))
				if stop := ask[string](t, tab, focused); !strings.HasPrefix(stop, "BODY") && !strings.HasSuffix(stop, "|true") {
					t.Errorf("%s does not show that it has the focus", stop)
				}
			}
		})
	}
}

func TestArrowsMoveInTheCalendar(t *testing.T) {
	tab := open(t, Desktop)
	do(t, tab, visit("/reports/sessions"))
	if stops := ask[int](t, tab, `document.querySelectorAll(".calendar a:not([tabindex='-1'])").length`); stops != 1 {
		t.Errorf("the calendar has %d stops for the tab key", stops)
	}
	do(t, tab, chromedp.Focus(`.calendar a[href$="/2026-11-18"]`, chromedp.ByQuery))
	for _, step := range []struct{ key, want string }{
		{kb.ArrowRight, "/2026-11-19"}, {kb.ArrowDown, "/2026-10-19"}, {kb.ArrowLeft, "/2026-10-18"}, {kb.ArrowUp, "/2026-11-18"},
	} {
		do(t, tab, chromedp.KeyEvent(step.key))
		if at := ask[string](t, tab, `document.activeElement.getAttribute("href")`); !strings.HasSuffix(at, step.want) {
			t.Errorf("it is at %s, and should be at %s", at, step.want)
		}
	}
	if tip := ask[string](t, tab, `getComputedStyle(document.activeElement, "::after").content`); !strings.Contains(tip, "restated, revision 2") {
		t.Errorf("the day with the focus says %s", tip)
	}
}

// A phone shows each day of a month in its weekday's column, with its number: also
// of the month in which the report begins, on the 9th.
func TestPhoneCalendarHasTheRightDates(t *testing.T) {
	tab := open(t, Phone)
	do(t, tab, visit("/reports/emea_tier_1?year=2016"))
	wrong := ask[[]string](t, tab, `[...document.querySelectorAll(".calendar td:not(.whole) a")].filter(a => {
		const date = new Date(a.getAttribute("href").split("/").pop() + "T00:00:00Z"), grid = a.closest("tr").getBoundingClientRect(), cell = a.getBoundingClientRect();
		const column = Math.floor((cell.left + cell.width / 2 - grid.left) / grid.width * 7);
		return getComputedStyle(a, "::before").content !== JSON.stringify(String(date.getUTCDate())) || column !== (date.getUTCDay() + 6) % 7;
	}).map(a => a.getAttribute("href") + " shows " + getComputedStyle(a, "::before").content)`)
	if len(wrong) > 0 {
		t.Errorf("%d days are wrong; the first: %s", len(wrong), wrong[0])
	}
}

func TestActionNeedsTheToken(t *testing.T) {
	own, err := site.Copy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	tab := open(t, Desktop)
	goTo := func(target string) chromedp.Action {
		return chromedp.Tasks{chromedp.Navigate(own.URL + target), chromedp.WaitReady("main")}
	}
	do(t, tab, goTo("/reports/americas/2026-11-14"))
	if forms := ask[int](t, tab, `document.querySelectorAll("form.action").length`); forms != 0 {
		t.Errorf("there are %d actions for who is not logged in", forms)
	}
	var status int
	do(t, tab, chromedp.Evaluate(`fetch("/actions/retry", {method: "POST", body: new URLSearchParams({report: "americas", from: "2026-11-14"})}).then(r => r.status)`, &status, awaited))
	if status != 403 || len(own.World.Acts()) > 0 {
		t.Errorf("posted all the same: status %d, %v", status, own.World.Acts())
	}

	do(t, tab, goTo("/login"), chromedp.SendKeys("#token", "not it"+kb.Enter), chromedp.WaitVisible(`[role=alert]`))
	do(t, tab, chromedp.SendKeys("#token", Token+kb.Enter), chromedp.WaitVisible(`.notice`))
	if cookie := ask[string](t, tab, `document.cookie`); cookie != "" {
		t.Errorf("scripts can read the cookie: %s", cookie)
	}
	do(t, tab, goTo("/reports/americas/2026-11-14"))
	checkAccess(t, tab)
	do(t, tab, chromedp.Click(`form[action="/actions/retry"] button`), chromedp.WaitVisible(`.notice`))
	want := actions.Action{
		Verb: "retry", Report: "americas", From: "2026-11-14",
		By: actions.User{User: "token", Role: "operator", Address: "127.0.0.1"},
	}
	if acts := own.World.Acts(); !slices.Equal(acts, []actions.Action{want}) {
		t.Errorf("it asked for %v, want %v", acts, want)
	}
	do(t, tab, chromedp.Click(`form[action="/logout"] button`), chromedp.WaitVisible(`a[href="/login"]`))
}

// Questions of a manager take two clicks from the report's page.
func TestQuestionsTakeTwoClicks(t *testing.T) {
	tab := open(t, View{Width: 1280, Height: 900, NoScript: true})
	first := func() string {
		return ask[string](t, tab, `document.querySelector(".answers tbody tr").textContent.replace(/\s+/g, " ").trim()`)
	}
	click := func(text string) chromedp.Action {
		return chromedp.Tasks{chromedp.Click(`//main//*[not(contains(@class, "phone"))]/a[normalize-space()="`+text+`"]`, chromedp.BySearch), chromedp.WaitVisible(".answers")}
	}
	do(t, tab, visit("/reports/sessions"), click("Longest waits of 2026-11-20"))
	waits := ask[[]string](t, tab, `[...document.querySelectorAll(".found td[data-label=Waiting]")].map(e => e.firstChild.textContent.trim().padStart(8, "0"))`)
	if len(waits) < 10 || !slices.IsSortedFunc(waits, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("which sessions waited longest yesterday? %v", waits)
	}
	do(t, tab, visit("/reports/sessions"), click("Explore"), click("Wrap-up, longest"))
	if sorted := ask[string](t, tab, `document.querySelector("th[aria-sort=descending]").textContent.trim()`); sorted != "Wrap-up, longest" || first() == "" {
		t.Errorf("who had the longest wrap-up? The table is sorted by %s", sorted)
	}
	do(t, tab, visit("/reports/sessions"), click("Explore"))
	if text := ask[string](t, tab, `document.querySelector(".answers tbody").textContent`); !strings.Contains(text, "EMEA/Tier 1") || !strings.Contains(text, "(was ") {
		t.Error("how was last week's waiting by group, against the week before? It is not said")
	}
	do(t, tab, chromedp.Click(`.measures a[href*="measure=within"]`, chromedp.ByQuery), chromedp.WaitVisible(`.measures .selected a[href*="measure=within"]`), click("Hour"))
	if chart := ask[string](t, tab, `document.querySelector("#c-over").closest("figure").textContent`); !strings.Contains(chart, "Picked up within 1 min") || !strings.Contains(chart, "by hour") || !strings.Contains(chart, "14:00") {
		t.Errorf("what share was picked up in time, and when in the day was it worst? The chart says %q", chart)
	}
	pinned := ask[string](t, tab, `new URL(document.querySelector("a.share").href).search`)
	for _, part := range []string{"period=week", "at=2026-11-", "by=hour", "measure=within"} {
		if !strings.Contains(pinned, part) {
			t.Errorf("the link to the view is %s, and lacks %s", pinned, part)
		}
	}
}

// TestWithoutScript: everything is there, and can be done.
func TestWithoutScript(t *testing.T) {
	own, err := site.Copy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	tab := open(t, View{Width: 1280, Height: 900, NoScript: true})
	text := func(target string) (text string) {
		do(t, tab, chromedp.Navigate(own.URL+target), chromedp.Text("main", &text))
		return text
	}
	folded := func(target, under string) (text string) {
		do(t, tab, chromedp.Navigate(own.URL+target), chromedp.Click(`//summary[normalize-space()="`+under+`"]`, chromedp.BySearch), chromedp.Text("main", &text))
		return text
	}
	if got := folded("/reports/sessions/2026-11-18", "Snowflake"); !strings.Contains(got, `COPY INTO "SESSIONS"`) {
		t.Error("the statements of Snowflake cannot be unfolded")
	}
	for target, says := range map[string]string{
		"/": "9 of 14 steps", "/reports/sessions": "Hours of the day", "/reports/sessions/2026-11-18": "Load it", "/schedule": "waits for its drop at",
	} {
		if got := text(target); !strings.Contains(got, says) {
			t.Errorf("%s does not say %q", target, says)
		}
	}
	do(t, tab, chromedp.Navigate(own.URL+"/login"), chromedp.SendKeys("#token", Token+kb.Enter), chromedp.WaitVisible(".notice"),
		chromedp.Navigate(own.URL+"/reports/americas"), chromedp.Click(`form[action="/actions/backfill"] button`), chromedp.WaitVisible(".notice"))
	if acts := own.World.Acts(); len(acts) != 1 || acts[0].Verb != "backfill" {
		t.Errorf("it asked for %v", acts)
	}
}

func TestRefreshesWhatIsRunning(t *testing.T) {
	own, err := site.Copy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	tab := open(t, Desktop)
	do(t, tab, chromedp.Navigate(own.URL+"/"), chromedp.WaitReady("main"), chromedp.Evaluate(`window.stayed = true`, nil))
	own.World.SetSnapshot(func(s *states.Snapshot) { s.Progress.StepsDone = 13 })
	do(t, tab, chromedp.Poll(`document.querySelector("#running").textContent.includes("13 of 14 steps") && window.stayed`, nil, chromedp.WithPollingTimeout(5*time.Minute)))
	if problems := tab.Problems(); problems != nil {
		t.Errorf("it complains: %s", strings.Join(problems, "\n"))
	}
}

func TestSnippetsAreCopied(t *testing.T) {
	tab := open(t, Desktop)
	do(t, tab, visit("/reports/sessions/2026-11-18"))
	grant := browser.SetPermission(&browser.PermissionDescriptor{Name: "clipboard-write"}, browser.PermissionSettingGranted)
	do(t, tab, chromedp.ActionFunc(func(ctx context.Context) error {
		return grant.Do(ctx)
	}), chromedp.Evaluate(`navigator.clipboard.writeText = async (text) => { window.copied = text }`, nil),
		chromedp.Click(".loads summary", chromedp.ByQuery), chromedp.Click(".snippet .copy", chromedp.ByQuery))
	copied, shown := ask[string](t, tab, `window.copied`), ask[string](t, tab, `document.querySelector(".snippet code").textContent`)
	if copied != shown || !strings.HasPrefix(copied, "-- DuckDB: load report sessions: 2026-11-18,") || !strings.HasSuffix(copied, "\nCOMMIT;\n") {
		t.Errorf("it copied %q of %q", copied, shown)
	}
}

// awaited has an expression's promise waited for.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
