package config

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// rules are what the tags of a field say about its values.
type rules struct {
	name      string
	preset    string // the default; empty where there is none
	required  bool
	enum      []string
	min, max  string // whole numbers; empty where there is no bound
	minLength int    // of a text, in characters
	maxLength int    // 0: no bound
	minItems  int    // of a list
	maxItems  int    // 0: no bound
}

// rulesOf reads a field's tags. What a list's tags say about values holds for
// its items.
func rulesOf(f reflect.StructField) rules {
	r := rules{}
	r.name, _, _ = strings.Cut(f.Tag.Get("yaml"), ",")
	tag := strings.ReplaceAll(f.Tag.Get("jsonschema"), `\,`, "\x00")
	for keyword := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(strings.ReplaceAll(keyword, "\x00", ","), "=")
		number, _ := strconv.Atoi(value)
		switch name {
		case "default":
			r.preset = value
		case "required":
			r.required = true
		case "enum":
			r.enum = append(r.enum, value)
		case "minimum":
			r.min = value
		case "maximum":
			r.max = value
		case "minLength":
			r.minLength = number
		case "maxLength":
			r.maxLength = number
		case "minItems":
			r.minItems = number
		case "maxItems":
			r.maxItems = number
		}
	}
	return r
}

// setDefaults fills a struct with the defaults of its fields, recursively.
func setDefaults(v reflect.Value) {
	for i := range v.NumField() {
		field := v.Field(i)
		r := rulesOf(v.Type().Field(i))
		if r.preset != "" {
			if message := parse(r.preset, field, &r); message != "" {
				panic(fmt.Sprintf("config: the default of %s: %s", r.name, message)) // a mistake in a tag
			}
		} else if field.Kind() == reflect.Struct && !isScalar(field) {
			setDefaults(field)
		}
	}
}

// isScalar says whether v is written as one value: not as a mapping or list.
func isScalar(v reflect.Value) bool {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return true
	}
	return v.Kind() != reflect.Struct && v.Kind() != reflect.Slice && v.Kind() != reflect.Pointer
}

// parse sets v from a text, or says why it cannot.
func parse(text string, v reflect.Value, r *rules) (message string) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return err.Error()
		}
		return ""
	}
	switch v.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Sprintf("%q is neither true nor false", text)
		}
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int64:
		return parseInteger(text, v, r)
	case reflect.String:
		if message := r.checkText(text); message != "" {
			return message
		}
		v.SetString(text)
	default:
		panic("config: no way to parse " + v.Type().String())
	}
	return ""
}

var integer = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

func parseInteger(text string, v reflect.Value, r *rules) (message string) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !integer.MatchString(text) || v.OverflowInt(n) {
		return fmt.Sprintf("%q is not a whole number in decimal digits", text)
	}
	least, hasLeast := bound(r.min)
	most, hasMost := bound(r.max)
	switch {
	case hasLeast && n < least || hasMost && n > most:
		if !hasMost {
			return fmt.Sprintf("%d is too small; the least is %d", n, least)
		}
		return fmt.Sprintf("%d is out of range; allowed is %d to %d", n, least, most)
	}
	v.SetInt(n)
	return ""
}

func bound(text string) (n int64, exists bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func (r *rules) checkText(text string) (message string) {
	length := utf8.RuneCountInString(text)
	switch {
	case len(r.enum) > 0 && !slices.Contains(r.enum, text):
		return fmt.Sprintf("%q is not allowed here; allowed are %s%s", text, enumerate(r.enum), suggestion(text, r.enum, `"`))
	case length < r.minLength:
		return "is empty; give it a value, or remove it"
	case r.maxLength > 0 && length > r.maxLength:
		return fmt.Sprintf("is %d characters long; the most is %d", length, r.maxLength)
	case strings.ContainsFunc(text, isControl):
		return "contains a control character, such as a line break; remove it"
	}
	return ""
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// enumerate lists names: "a", "b" and "c".
func enumerate(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " and " + quoted[last]
}

// decoder walks the tree of a YAML document along the types. It goes on after
// a problem, so that it finds all of them; the value concerned then keeps its
// default.
type decoder struct {
	env      func(string) (string, bool)
	anchors  map[string]ast.Node
	places   map[string]*token.Position // of each value in the file, by path
	failed   map[string]bool            // the paths whose values are of no use
	problems []Problem
}

func (d *decoder) report(at *token.Position, path, message string) {
	d.failed[path] = true
	d.problems = append(d.problems, Problem{Line: at.Line, Column: at.Column, Path: path, Message: message})
}

// place is where the value at path stands in the file, or, if it is not in the
// file, where the nearest value around it does.
func (d *decoder) place(path string) *token.Position {
	for path != "" {
		if at, ok := d.places[path]; ok {
			return at
		}
		path = parent(path)
	}
	return &token.Position{Line: 1, Column: 1}
}

// position is where a node begins.
func position(n ast.Node) *token.Position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return position(n.Values[0])
		}
	case *ast.MappingValueNode:
		return position(n.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position
	}
	return &token.Position{Line: 1, Column: 1}
}

// resolve gives what a node means: an anchor its value, and an alias that of
// its anchor. (YAML has no anchors of aliases, so that is all.) It reports
// what has no meaning here, and returns nil.
func (d *decoder) resolve(n ast.Node, path string) ast.Node {
	at := position(n)
	if anchor, ok := n.(*ast.AnchorNode); ok {
		n = anchor.Value
	}
	if alias, ok := n.(*ast.AliasNode); ok {
		name := alias.Value.GetToken().Value
		if n, ok = d.anchors[name]; !ok {
			d.report(at, path, fmt.Sprintf("there is no anchor &%s for the alias *%s", name, name))
			return nil
		}
	}
	switch n := n.(type) {
	case *ast.TagNode:
		d.report(at, path, fmt.Sprintf("the tag %s is not supported; remove it", n.Start.Value))
		return nil
	case nil, *ast.NullNode:
		d.report(at, path, "has no value; give it one, or remove it")
		return nil
	}
	return n
}

// value decodes n into v.
func (d *decoder) value(n ast.Node, path string, v reflect.Value, r *rules) {
	d.places[path] = position(n)
	if n = d.resolve(n, path); n == nil {
		return
	}
	switch {
	case isScalar(v):
		d.scalar(n, path, v, r)
	case v.Kind() == reflect.Slice:
		d.list(n, path, v, r)
	case v.Kind() == reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		setDefaults(target.Elem())
		d.mapping(n, path, target.Elem())
		v.Set(target)
	default:
		d.mapping(n, path, v)
	}
}

func (d *decoder) mapping(n ast.Node, path string, v reflect.Value) {
	values, ok := mappingValues(n)
	if !ok {
		d.report(d.places[path], path, fmt.Sprintf("must be a mapping of %s; this is %s", enumerate(memberNames(v.Type())), kindOf(n)))
		return
	}
	given := map[string]*token.Position{}
	var merged []*ast.MappingValueNode
	for _, value := range values {
		if _, isMerge := value.Key.(*ast.MergeKeyNode); isMerge {
			merged = append(merged, value)
			continue
		}
		d.member(value, path, v, given)
	}
	for _, value := range merged {
		d.merge(value, path, v, given)
	}
	for i := range v.NumField() {
		if r := rulesOf(v.Type().Field(i)); r.required && given[r.name] == nil {
			d.report(d.places[path], join(path, r.name), "is missing; it has no default")
		}
	}
}

// member decodes one member of a mapping; given are those decoded before.
func (d *decoder) member(value *ast.MappingValueNode, path string, v reflect.Value, given map[string]*token.Position) {
	at := position(value.Key)
	key, ok := keyOf(value.Key)
	if !ok {
		d.report(at, path, "the name of a member must be a plain word")
		return
	}
	memberPath := join(path, key)
	for i := range v.NumField() {
		r := rulesOf(v.Type().Field(i))
		if r.name != key {
			continue
		}
		if first := given[key]; first != nil {
			d.report(at, memberPath, fmt.Sprintf("is given twice, first on line %d; remove one", first.Line))
			return
		}
		given[key] = at
		d.value(value.Value, memberPath, v.Field(i), &r)
		return
	}
	names := memberNames(v.Type())
	hint := suggestion(key, names, "`")
	if hint == "" {
		hint = "; there are " + strings.Join(names, ", ")
	}
	d.report(at, memberPath, "there is no such setting"+hint)
	// What follows may be a secret under a wrong name.
	d.problems[len(d.problems)-1].shown = at.Column - 1 + utf8.RuneCountInString(value.Key.GetToken().Value) + len(":")
}

// merge decodes the members of a mapping given by << that are not given
// otherwise.
func (d *decoder) merge(value *ast.MappingValueNode, path string, v reflect.Value, given map[string]*token.Position) {
	n := d.resolve(value.Value, join(path, "<<"))
	if n == nil {
		return
	}
	values, ok := mappingValues(n)
	if !ok {
		d.report(position(value.Value), join(path, "<<"), "only one mapping can be merged, such as *store; this is "+kindOf(n))
		return
	}
	for _, value := range values {
		if key, ok := keyOf(value.Key); ok && given[key] != nil {
			continue
		}
		d.member(value, path, v, given)
	}
}

func (d *decoder) list(n ast.Node, path string, v reflect.Value, r *rules) {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		d.report(d.places[path], path, "must be a list; this is "+kindOf(n))
		return
	}
	switch count := len(sequence.Values); {
	case count < r.minItems:
		d.report(d.places[path], path, "is an empty list; give it an item, or remove it")
	case r.maxItems > 0 && count > r.maxItems:
		d.report(d.places[path], path, fmt.Sprintf("has %d items; the most is %d", count, r.maxItems))
	}
	items := reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values))
	for i, item := range sequence.Values {
		target := items.Index(i)
		if !isScalar(target) {
			setDefaults(target)
		}
		d.value(item, fmt.Sprintf("%s[%d]", path, i), target, r)
	}
	v.Set(items)
}

// scalar decodes a single value, in which variables are expanded.
func (d *decoder) scalar(n ast.Node, path string, v reflect.Value, r *rules) {
	at := d.places[path]
	text, isText, ok := scalarText(n)
	if !ok {
		message := fmt.Sprintf("must be %s; this is %s", wanted(v), kindOf(n))
		if mapping, ok := n.(*ast.MappingNode); ok && mapping.IsFlowStyle {
			message += " (put a value that begins with a brace in quotes)"
		}
		d.report(at, path, message)
		return
	}
	hasVariable := isText && strings.Contains(text, "$")
	if hasVariable {
		var problems []string
		text, problems = expand(text, d.env)
		for _, problem := range problems {
			d.report(at, path, problem)
		}
		if problems != nil {
			return
		}
	}
	_, isSecret := v.Addr().Interface().(*Secret)
	takesText := v.Kind() == reflect.String || isSecret
	_, takesAny := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case takesText && !isText:
		d.report(at, path, fmt.Sprintf("must be a text; this is %s: put it in quotes", kindOf(n)))
		return
	case !takesText && !takesAny && isText && !hasVariable:
		d.report(at, path, fmt.Sprintf("must be %s; this is a text", wanted(v)))
		return
	}
	if message := parse(text, v, r); message != "" {
		d.report(at, path, message)
	}
}

// wanted names the kind of value that v takes.
func wanted(v reflect.Value) string {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); !ok {
		switch v.Kind() {
		case reflect.Bool:
			return "true or false"
		case reflect.Int, reflect.Int64:
			return "a whole number"
		}
	}
	return "a text"
}

// kindOf names the kind of a node.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "a truth value"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	}
	return "a text"
}

// scalarText gives a single value as it is written, and whether YAML takes it
// for a text.
func scalarText(n ast.Node) (text string, isText, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true, true
	case *ast.LiteralNode:
		return n.Value.Value, true, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return strings.TrimSpace(n.GetToken().Value), false, true
	}
	return "", false, false
}

func mappingValues(n ast.Node) (values []*ast.MappingValueNode, ok bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func keyOf(n ast.MapKeyNode) (key string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.MappingKeyNode:
		if s, ok := n.Value.(*ast.StringNode); ok {
			return s.Value, true
		}
	}
	return "", false
}

func memberNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = rulesOf(t.Field(i)).name
	}
	return names
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// parent is the path of what holds the value at path.
func parent(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }
