package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"

	"daybook/pipeline/words"
	"daybook/transform/report"
)

// translators are the functions that take English texts, by how many follow their
// other arguments: p.T("…"), and p.Count(n, "one", "many").
var translators = map[string]bool{"T": true, "Count": true, "t": true, "plural": true}

// usedKeys are the texts that templates and Go files translate, each with a place.
func usedKeys(t *testing.T) map[string]string {
	t.Helper()
	keys := map[string]string{}
	for name, page := range pages()[report.English] {
		for _, tmpl := range page.Templates() {
			if tmpl.Tree != nil {
				walk(tmpl.Tree.Root, func(key string) { keys[key] = name + ".html" })
			}
		}
	}
	sources(t, func(file string, node ast.Node) {
		for _, text := range reasons(file, node) {
			keys[text] = file
		}
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return
		}
		name, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || name.Sel.Name != "T" && name.Sel.Name != "Count" {
			return
		}
		if id, ok := name.X.(*ast.Ident); ok && (id.Name == "words" || id.Name == "strings") {
			return // functions of packages
		}
		arguments := call.Args[:min(1, len(call.Args))]
		if name.Sel.Name == "Count" {
			arguments = call.Args[1:]
		}
		for _, a := range arguments {
			if text, ok := literal(a); ok {
				keys[text] = file
			}
		}
	})
	return keys
}

// reasons are the texts of a node that a session's explanation translates: why a time of a
// leg is what it is, and why the engine found an anomaly.
func reasons(file string, node ast.Node) (texts []string) {
	literals := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if text, ok := literal(e); ok {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	switch n := node.(type) {
	case *ast.FuncDecl:
		if strings.HasPrefix(file, "../../pipeline/inspect/explain/") && strings.HasPrefix(n.Name.Name, "why") {
			literals(n)
		}
	case *ast.CallExpr:
		if name, ok := n.Fun.(*ast.SelectorExpr); ok && name.Sel.Name == "anomaly" && strings.HasPrefix(file, "../../transform/session/") {
			literals(n)
		}
	case *ast.AssignStmt:
		if name, ok := n.Lhs[0].(*ast.Ident); ok && name.Name == "why" && strings.HasPrefix(file, "../../transform/session/") {
			literals(n)
		}
	}
	return texts
}

// walk finds the texts that a template translates.
func walk(node parse.Node, found func(string)) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				walk(child, found)
			}
		}
	case *parse.ActionNode:
		walk(n.Pipe, found)
	case *parse.IfNode:
		walkBranch(&n.BranchNode, found)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, found)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, found)
	case *parse.TemplateNode:
		walk(n.Pipe, found)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				walk(c, found)
			}
		}
	case *parse.CommandNode:
		function, _ := n.Args[0].(*parse.IdentifierNode)
		for i, a := range n.Args {
			if text, ok := a.(*parse.StringNode); ok && function != nil && translators[function.Ident] && (function.Ident == "plural" || i == 1) {
				found(text.Text)
			}
			walk(a, found)
		}
	}
}

func walkBranch(n *parse.BranchNode, found func(string)) {
	walk(n.Pipe, found)
	walk(n.List, found)
	walk(n.ElseList, found)
}

// sources visits the syntax of the product's Go files.
func sources(t *testing.T, visit func(file string, node ast.Node)) {
	t.Helper()
	for _, root := range []string{"../../pipeline", "../../transform", "../../config", "../../cmd/daybook"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				visit(path, n)
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// Every text that is translated is in the catalogue, with the verbs of its format.
func TestCatalogueHasEveryText(t *testing.T) {
	catalogue := words.Catalogue()
	verbs := regexp.MustCompile(`%(?:\[\d\])?[a-z]`)
	for key, place := range usedKeys(t) {
		if _, ok := catalogue[key]; !ok {
			t.Errorf("%s: the Dutch catalogue lacks %q", place, key)
		}
	}
	for english, dutch := range catalogue {
		if n, m := len(verbs.FindAllString(english, -1)), len(verbs.FindAllString(dutch, -1)); n != m || strings.TrimSpace(dutch) == "" {
			t.Errorf("%q has %d values, and its translation %q has %d", english, n, dutch, m)
		}
	}
}

// Every text in the catalogue is used: it is translated, it is a text of the product, or
// one file has all of its pieces, which it joins.
func TestCatalogueHasNoUnusedText(t *testing.T) {
	used := usedKeys(t)
	texts := map[string]bool{}
	for status := 400; status < 600; status++ {
		texts[http.StatusText(status)] = true // the titles of error pages
	}
	byFile := map[string]map[string]bool{}
	sources(t, func(file string, node ast.Node) {
		e, ok := node.(ast.Expr)
		if !ok {
			return
		}
		if text, ok := literal(e); ok {
			texts[text] = true
			if byFile[file] == nil {
				byFile[file] = map[string]bool{}
			}
			for _, piece := range pieces(text) {
				byFile[file][piece] = true
			}
		}
	})
	isUsed := func(key string) bool {
		if _, ok := used[key]; ok || texts[key] {
			return true
		}
		for _, has := range byFile {
			if !slices.ContainsFunc(pieces(key), func(piece string) bool { return !has[piece] }) {
				return true
			}
		}
		return false
	}
	for key := range words.Catalogue() {
		if !isUsed(key) {
			t.Errorf("the catalogue has %q, which is no text of the product", key)
		}
	}
	for _, key := range []string{"a text that no file has", "%s is late, and no file says so", "late or is"} {
		if isUsed(key) {
			t.Errorf("%q counts as a text of the product", key)
		}
	}
}

var betweenPieces = regexp.MustCompile(`%(?:\[\d\])?[a-z]|: |; |\. `)

// pieces are the parts of a text between its values and its clauses. Codes are written
// with spaces in texts.
func pieces(text string) []string {
	var some []string
	for _, piece := range betweenPieces.Split(strings.ToLower(strings.ReplaceAll(text, "_", " ")), -1) {
		if piece = strings.Trim(piece, " .;:,()"); piece != "" {
			some = append(some, piece)
		}
	}
	return some
}

// Templates take their texts from the catalogue: outside of their actions, they have
// no words but names and code.
func TestTemplatesHaveNoTextOfTheirOwn(t *testing.T) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	actions, code, tags := regexp.MustCompile(`\{\{.*?\}\}`), regexp.MustCompile(`(?s)<code.*?</code>|<!doctype html>`), regexp.MustCompile(`(?s)<[^>]*>`)
	spoken := regexp.MustCompile(`(?:aria-label|title|placeholder|data-name)="[^"]*?([A-Za-z]{2,})`)
	word := regexp.MustCompile(`[A-Za-z]{2,}`)
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := code.ReplaceAllString(actions.ReplaceAllString(string(body), ""), "")
		for _, m := range spoken.FindAllString(text, -1) {
			t.Errorf("%s: %s is in one language", name, m)
		}
		for _, found := range word.FindAllString(tags.ReplaceAllString(text, " "), -1) {
			if found != "daybook" {
				t.Errorf("%s: %q is in one language", name, found)
			}
		}
	}
}
