package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

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

// resolve replaces an anchor by its value and an alias by the value of its
// anchor. YAML has no anchors of aliases, so one step is enough. A node without
// a meaning in a configuration is reported; the result is then nil.
func (d *decoder) resolve(n ast.Node, path string) ast.Node {
	at := position(n)
	if anchor, ok := n.(*ast.AnchorNode); ok {
		n = anchor.Value
	}
	if alias, ok := n.(*ast.AliasNode); ok {
		name := alias.Value.GetToken().Value
		if n, ok = d.anchors[name]; !ok {
			d.report(at, path, fmt.Sprintf("the alias *%s has no anchor &%s", name, name))
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

// value turns a node into a plain value, as the validator of the schema takes
// it: map[string]any, []any, string, bool or json.Number. It notes the position
// of every value. s is the schema of the value; a node of another kind than s
// wants becomes an empty value of its kind, so that an alias cannot multiply
// what nothing reads. A value with a problem is nil.
func (d *decoder) value(n ast.Node, path string, s *jsonschema.Schema) any {
	d.places[path] = position(n)
	if !d.countValue(path) {
		return nil
	}
	if n = d.resolve(n, path); n == nil {
		return nil
	}
	s = target(s)
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		if s.Properties == nil {
			return map[string]any{}
		}
		return d.mapping(n, path, s)
	case *ast.SequenceNode:
		items := []any{}
		if s.Items2020 != nil {
			for i, item := range n.Values {
				if d.values > maxValues {
					break
				}
				items = append(items, d.value(item, fmt.Sprintf("%s[%d]", path, i), s.Items2020))
			}
		}
		return items
	}
	return d.scalar(n, path, s)
}

// mapping turns a mapping into its members. The members of a merged mapping
// come last and replace none.
func (d *decoder) mapping(n ast.Node, path string, s *jsonschema.Schema) map[string]any {
	members := map[string]any{}
	given := map[string]*token.Position{}
	values, _ := mappingValues(n)
	var merged []ast.Node
	for _, value := range values {
		if _, isMerge := value.Key.(*ast.MergeKeyNode); isMerge {
			merged = append(merged, value.Value)
			continue
		}
		d.member(value, path, s, members, given)
	}
	for _, value := range merged {
		if d.values > maxValues {
			break
		}
		d.merge(value, path, s, members, given)
	}
	return members
}

// member adds one member of a mapping; given holds where each was given first.
func (d *decoder) member(value *ast.MappingValueNode, path string, s *jsonschema.Schema, members map[string]any, given map[string]*token.Position) {
	at := position(value.Key)
	key, ok := keyOf(value.Key)
	if !ok {
		d.report(at, path, "the name of a setting must be a plain word")
		return
	}
	memberPath := join(path, key)
	if first := given[key]; first != nil {
		d.report(at, memberPath, fmt.Sprintf("is given twice, first on line %d; remove one", first.Line))
		return
	}
	given[key] = at
	if of := s.Properties[key]; of != nil {
		members[key] = d.value(value.Value, memberPath, of)
		return
	}
	d.places[memberPath] = at
	members[key] = nil // the schema refuses the name
}

// merge adds the members of the mapping that << names, except those that are
// given already.
func (d *decoder) merge(n ast.Node, path string, s *jsonschema.Schema, members map[string]any, given map[string]*token.Position) {
	at, mergePath := position(n), join(path, "<<")
	if n = d.resolve(n, mergePath); n == nil {
		return
	}
	values, ok := mappingValues(n)
	if !ok {
		d.report(at, mergePath, "must be the alias of a mapping, such as *store; this is "+kindOf(n))
		return
	}
	for _, value := range values {
		if key, ok := keyOf(value.Key); !ok || given[key] == nil {
			d.member(value, path, s, members, given)
		}
	}
}

// integer matches the one notation of whole numbers: decimal digits, as many
// as an int64 may need.
var integer = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,18})$`)

// otherNumber stands for a number in any other notation.
const otherNumber = json.Number("0.5")

// scalar turns a single value into a text, a truth value or a number, and
// expands its variables.
func (d *decoder) scalar(n ast.Node, path string, s *jsonschema.Schema) any {
	text, isText, ok := scalarText(n)
	if !ok {
		d.report(d.places[path], path, "must be a single value, a list or a mapping")
		return nil
	}
	isVariable := isText && strings.Contains(text, "$")
	if isVariable {
		var problems []string
		text, problems = expand(text, d.env)
		for _, problem := range problems {
			d.report(d.places[path], path, problem)
		}
		if problems != nil {
			return nil
		}
	}
	types := typesOf(s)
	_, isBool := n.(*ast.BoolNode)
	isBool = isBool || isVariable && slices.Contains(types, "boolean")
	isNumber := !isText && !isBool || isVariable && slices.Contains(types, "integer")
	switch {
	case isBool && (text == "true" || text == "false"):
		return text == "true"
	case isNumber && hasNotation(s):
		return text // such as 1048576 for a size
	case isNumber && integer.MatchString(text):
		return json.Number(text)
	case isNumber && !isText:
		return otherNumber
	}
	return text
}

// kindOf names the kind of a node.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	}
	return "a single value"
}

// scalarText gives a single value as it is written, and whether YAML reads it
// as a text.
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

// anchorCollector notes the value of each anchor in a document.
type anchorCollector struct{ *decoder }

func (c anchorCollector) Visit(n ast.Node) ast.Visitor {
	if anchor, ok := n.(*ast.AnchorNode); ok && anchor.Name != nil {
		name := anchor.Name.GetToken().Value
		if _, taken := c.anchors[name]; taken {
			c.report(position(anchor), "", fmt.Sprintf("the anchor &%s is defined twice", name))
		}
		c.anchors[name] = anchor.Value
	}
	return c
}
