package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// DefaultSource and DefaultSink are the URLs of the stores without a
	// configuration.
	DefaultSource = "./dumps"
	DefaultSink   = "./out"
)

// Default is the configuration that an empty file gives. Its paths are
// relative to the working directory.
func Default() *Config {
	c := &Config{}
	setDefaults(reflect.ValueOf(c).Elem())
	c.Source.Store.URL = DefaultSource
	c.Sink.Store.URL = DefaultSink
	c.Reports = []Report{DefaultReport()}
	return c
}

// DefaultReport is a report with all defaults.
func DefaultReport() Report {
	var r Report
	setDefaults(reflect.ValueOf(&r).Elem())
	return r
}

// LoadFile reads a configuration file, with the variables of env. Problems of
// its content are an [*Error].
func LoadFile(name string, env func(string) (string, bool)) (*Config, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Load(name, data, env, os.ReadFile)
}

// Load reads a configuration from the content of a file. Messages show the name.
// Relative paths in the file are relative to the name's folder; the result holds
// the joined paths. Variables come from env, secrets in files from readFile. The checks
// know rules of other packages. Every error is an [*Error].
func Load(name string, data []byte, env func(string) (string, bool), readFile func(string) ([]byte, error), checks ...Check) (*Config, error) {
	c := Default()
	d := &decoder{env: env, anchors: map[string]ast.Node{}, places: map[string]*token.Position{}, failed: map[string]bool{}}
	d.document(data, c)
	v := validator{decoder: d, undecoded: maps.Clone(d.failed), folder: filepath.Dir(name), readFile: readFile}
	v.config(c)
	v.undecoded = maps.Clone(d.failed)
	for _, check := range checks {
		for _, p := range check(c) {
			v.problem(p.Path, "%s", p.Message)
		}
	}
	if len(d.problems) > 0 {
		return nil, newError(name, data, d.problems)
	}
	return c, nil
}

// A Check finds problems by their Path and Message. Values with other problems have
// their defaults.
type Check func(*Config) []Problem

// document parses the file and decodes its only document into c.
func (d *decoder) document(data []byte, c *Config) {
	start := &token.Position{Line: 1, Column: 1}
	switch {
	case len(data) > maxSize:
		d.report(start, "", fmt.Sprintf("the file has %d bytes; a configuration has %d at most; is it another file?", len(data), maxSize))
		return
	case !utf8.Valid(data):
		d.report(invalidAt(data), "", "the file is not UTF-8 text")
		return
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // the parser counts CRLF twice
	tokens := lexer.Tokenize(string(data))
	if !d.checkTokens(tokens) {
		return
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err, data)
		return
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if _, isDirective := doc.Body.(*ast.DirectiveNode); isDirective || doc.Body == nil {
			continue
		}
		if body != nil {
			d.report(position(doc.Body), "", "the file has a second document; a configuration has one")
			return
		}
		body = doc.Body
	}
	if _, isNull := body.(*ast.NullNode); isNull || body == nil {
		return // only comments: all defaults
	}
	ast.Walk(anchorCollector{d}, body)
	value := d.value(body, "", expandedSchema())
	d.checkSchema(value)
	d.fill(reflect.ValueOf(c).Elem(), value, "")
}

// unquoted matches a line with a value such as {yyyy}/{mm}/{dd}/, which YAML
// reads as a mapping followed by other text.
var unquoted = regexp.MustCompile(`:[ \t]+[\[{][^,:]*[\]}][^ \t,}\]]`)

// syntax reports an error of the parser.
func (d *decoder) syntax(err error, data []byte) {
	at, message := &token.Position{Line: 1, Column: 1}, err.Error()
	var positioned yaml.Error
	if errors.As(err, &positioned) {
		message = positioned.GetMessage()
		if t := positioned.GetToken(); t != nil && t.Position != nil {
			at = t.Position
		}
	}
	if lines := sourceLines(data); at.Line <= len(lines) && unquoted.MatchString(lines[at.Line-1]) {
		message += "; put a value that begins with a brace or bracket in quotes"
	}
	d.report(at, "", "not YAML: "+message)
}

// invalidAt is the position of the first byte that is not UTF-8.
func invalidAt(data []byte) *token.Position {
	at := &token.Position{Line: 1, Column: 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		at.Column++
		if r == '\n' {
			at.Line++
			at.Column = 1
		}
		data = data[size:]
	}
	return at
}
