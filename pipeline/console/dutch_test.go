package console

import (
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"daybook/pipeline/words"
	"daybook/transform/report"
)

// spokenAttributes are the attributes of pages that people read or hear.
var spokenAttributes = []string{"aria-label", "title", "placeholder", "data-name"}

// textsOf are the texts of a page that people read, outside of code.
func textsOf(t *testing.T, page string) map[string]bool {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		if n.Type == html.ElementNode {
			if n.Data == "code" || n.Data == "pre" || n.Data == "style" || n.Data == "script" {
				return
			}
			for _, a := range n.Attr {
				if slices.Contains(spokenAttributes, a.Key) {
					texts[strings.TrimSpace(a.Val)] = true
				}
			}
		}
		if n.Type == html.TextNode {
			texts[strings.TrimSpace(n.Data)] = true
		}
		for child := range n.ChildNodes() {
			visit(child)
		}
	}
	visit(root)
	return texts
}

var aWord = regexp.MustCompile(`[\p{L}'’]+`)

// names are the parts of texts that no language changes: commands, names of files,
// columns, settings and the report that is called sessions.
var names = regexp.MustCompile(`daybook (?:7|[a-z]+)(?: --\S+(?: \S+)?)*|\S*[_/]\S*|\S+\.(?:csv|gz|parquet)|^sessions(?: \S+ · daybook| verkennen · daybook)?$|(?: van| over|voor|backfill) sessions`)

// englishWords are the words of the catalogue's English texts that no Dutch text has.
func englishWords() map[string]bool {
	some := map[string]bool{}
	catalogue := words.Catalogue()
	for english := range catalogue {
		for _, w := range aWord.FindAllString(english, -1) {
			some[strings.ToLower(w)] = true
		}
	}
	for _, dutch := range slices.AppendSeq([]string{"do"}, maps.Values(catalogue)) { // do: short for donderdag
		for _, w := range aWord.FindAllString(dutch, -1) {
			delete(some, strings.ToLower(w))
		}
	}
	return some
}

// data are parts of texts that come from outside: names of channels and tools, errors of
// stores and steps as the log has them, and values of an address.
var data = []string{
	"Everything that fits nowhere else", "File transfer", "answers 410 Gone", "unexpected EOF", "max_rejected allows", "1 step failed", "backfill sessions 2026-08-01", "Mogelijk zijn technician",
}

// No text of a Dutch page has an English word. Each kind of page is looked at, with errors
// and with actions.
func TestNoEnglishOnDutchPages(t *testing.T) {
	w := newWorld(t)
	session := firstSession(t, newConsole(t, w, nil))
	p := w.Settings()
	p.Reports = slices.Clone(p.Reports)
	for i := range p.Reports {
		p.Reports[i].Language = report.Dutch
	}
	c, some := newConsole(t, w, nil), englishWords()
	for _, target := range []string{
		"/", "/reports/sessions", "/reports/americas", "/reports/sessions/2026-11-20",
		"/reports/sessions/2026-10", "/reports/americas/2026-11-14", "/reports/americas/2026-11-19", "/reports/sessions/rejects/2026-11-18",
		"/reports/sessions/explore", "/reports/sessions/explore?by=mood", "/reports/sessions/sessions", "/reports/sessions/sessions?period=week&q=unknown",
		"/reports/sessions/sessions/" + session, "/reports/sessions/sessions/1", "/reports/sessions/find?id=77",
		"/runs", "/runs/20261120T013012Z-n1", "/schedule", "/configuration", "/login", "/nowhere", "/reports/nowhere",
	} {
		for text := range textsOf(t, get(c, target).Body.String()) {
			for _, word := range aWord.FindAllString(names.ReplaceAllString(text, " "), -1) {
				if some[strings.ToLower(word)] && !slices.ContainsFunc(data, func(d string) bool { return strings.Contains(text, d) }) {
					t.Errorf("%s: %q in %q", target, word, text)
				}
			}
		}
	}
}

// writers are the files whose texts pages show, and that know no language: the reasons of
// plans and schedules, the verdict, and alerts.
var writers = []string{
	"../../pipeline/schedule/decide.go", "../../pipeline/plan/affected.go", "../../pipeline/plan/days.go", "../../pipeline/plan/digests.go", "../../pipeline/plan/months.go",
	"../../pipeline/service/states/verdict.go", "../../pipeline/service/evaluation/describe.go", "../../pipeline/service/alerts/alerts.go", "../../pipeline/service/alerts/combine.go",
}

// A text that a page shows and another package writes, and the text of each problem, are
// recognised by the catalogue: as a whole, or as a part of a text.
func TestTextsOfOthersAreDutch(t *testing.T) {
	dutch, verb := words.In(report.Dutch), regexp.MustCompile(`%(?:\[\d\])?[a-z]`)
	some, keys := englishWords(), ""
	for key := range words.Catalogue() {
		keys += verb.ReplaceAllString(key, "%s") + "\n"
	}
	check := func(file string, n ast.Node) {
		e, ok := n.(ast.Expr)
		if !ok {
			return
		}
		text, ok := literal(e)
		if text = strings.Trim(text, " ;:,"); !ok || !strings.Contains(text, " ") || strings.HasPrefix(text, "unreachable") || strings.Contains(keys, verb.ReplaceAllString(strings.TrimSuffix(text, "; %s"), "%s")) {
			return
		}
		said := dutch.Say(verb.ReplaceAllString(text, "7"))
		for _, word := range aWord.FindAllString(names.ReplaceAllString(said, " "), -1) {
			if some[strings.ToLower(word)] {
				t.Errorf("%s: %q in %q", file, word, said)
				return
			}
		}
	}
	sources(t, func(file string, node ast.Node) {
		if slices.Contains(writers, file) {
			check(file, node)
			return
		}
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok {
			if id, ok := f.X.(*ast.Ident); ok && id.Name == "problem" {
				ast.Inspect(call, func(n ast.Node) bool { check(file, n); return true })
			}
		}
	})
}
