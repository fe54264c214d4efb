package config

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:embed daybook.schema.json
var schemaText []byte

// Schema is the JSON schema of the configuration file, for editors. It accepts
// every file that [Load] accepts. Load checks more: relations between settings,
// names and notations.
func Schema() []byte { return slices.Clone(schemaText) }

// expandedSchema is the schema of a configuration whose variables are expanded.
// It says nothing of variables, so that its errors name what is wanted.
var expandedSchema = sync.OnceValue(compileSchema)

func compileSchema() *jsonschema.Schema {
	// An absolute URL: a relative name would depend on the working directory, which the
	// user of a service may be unable to read.
	const name = "file:///daybook.schema.json"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	compiler := jsonschema.NewCompiler()
	if err == nil {
		err = compiler.AddResource(name, withoutVariables(document))
	}
	if err != nil {
		panic("config: " + name + ": " + err.Error()) // the embedded file is wrong
	}
	return compiler.MustCompile(name)
}

// withoutVariables replaces each choice between a value and a variable by the
// value.
func withoutVariables(document any) any {
	switch node := document.(type) {
	case map[string]any:
		if choice, ok := node["anyOf"].([]any); ok && len(choice) == 2 && isVariable(choice[1]) {
			delete(node, "anyOf")
			maps.Copy(node, choice[0].(map[string]any))
		}
		for name, member := range node {
			node[name] = withoutVariables(member)
		}
	case []any:
		for i, item := range node {
			node[i] = withoutVariables(item)
		}
	}
	return document
}

func isVariable(node any) bool {
	reference, ok := node.(map[string]any)
	return ok && reference["$ref"] == "#/$defs/Variable"
}

// target follows references.
func target(s *jsonschema.Schema) *jsonschema.Schema {
	for s.Ref != nil {
		s = s.Ref
	}
	return s
}

func typesOf(s *jsonschema.Schema) []string {
	if s.Types == nil {
		return nil
	}
	return s.Types.ToStrings()
}

// hasNotation says whether a value is a text in a notation of its own, such as
// a size. Such a text may look like a number; a name may not.
func hasNotation(s *jsonschema.Schema) bool {
	return s.MinLength == nil && (s.Pattern != nil || s.Enum != nil || s.AnyOf != nil)
}

// at is the schema of the value at a location such as reports, 0, name.
func at(location []string) *jsonschema.Schema {
	s := target(expandedSchema())
	for _, name := range location {
		next := s.Properties[name]
		if next == nil {
			next = s.Items2020
		}
		s = target(next)
	}
	return s
}

// checkSchema reports what the schema says against a value.
func (d *decoder) checkSchema(value any) {
	var invalid *jsonschema.ValidationError
	if errors.As(expandedSchema().Validate(value), &invalid) {
		d.invalid(invalid)
	}
}

func (d *decoder) invalid(e *jsonschema.ValidationError) {
	path := ""
	for _, name := range e.InstanceLocation {
		if _, err := strconv.Atoi(name); err == nil {
			path += "[" + name + "]"
		} else {
			path = join(path, name)
		}
	}
	if d.failed[path] {
		return // it has a problem already
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		d.unknown(path, k.Properties, slices.Sorted(maps.Keys(at(e.InstanceLocation).Properties)))
	case *kind.Required:
		for _, name := range k.Missing {
			d.report(d.places[path], join(path, name), "is missing; it has no default")
		}
	case *kind.Pattern, *kind.AnyOf:
		// The decoding of the value says more about its notation.
	default:
		if message := inWords(k, at(e.InstanceLocation)); message != "" {
			d.report(d.place(path), path, message)
		}
		for _, cause := range e.Causes {
			d.invalid(cause)
		}
	}
}

// unknown reports names that no setting has.
func (d *decoder) unknown(path string, names, known []string) {
	for _, name := range names {
		hint := suggestion(name, known, "`")
		if hint == "" {
			hint = "; there are " + strings.Join(known, ", ")
		}
		at := d.places[join(path, name)]
		d.report(at, join(path, name), "there is no such setting"+hint)
		// The value may be a secret under a wrong name.
		d.problems[len(d.problems)-1].shown = at.Column - 1 + utf8.RuneCountInString(name) + len(":")
	}
}

// inWords says what is wrong with a value; empty: its causes say it.
func inWords(k jsonschema.ErrorKind, s *jsonschema.Schema) string {
	switch k := k.(type) {
	case *kind.Type:
		return typeInWords(k, s)
	case *kind.Enum:
		allowed := make([]string, len(k.Want))
		for i, want := range k.Want {
			allowed[i] = fmt.Sprint(want)
		}
		got := fmt.Sprint(k.Got)
		return fmt.Sprintf("%q is not allowed here; allowed are %s%s", got, enumerate(allowed), suggestion(got, allowed, `"`))
	case *kind.Minimum:
		return fmt.Sprintf("%s is too small; the least is %s", k.Got.RatString(), k.Want.RatString())
	case *kind.Maximum:
		return fmt.Sprintf("%s is too large; the most is %s", k.Got.RatString(), k.Want.RatString())
	case *kind.MinLength:
		return "is empty; give it a value, or remove it"
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters; the most is %d", k.Got, k.Want)
	case *kind.MinItems:
		return "is an empty list; give it an item, or remove it"
	case *kind.MaxItems:
		return fmt.Sprintf("has %d items; the most is %d", k.Got, k.Want)
	}
	return ""
}

// typeInWords says that a value has another type than the schema wants.
func typeInWords(k *kind.Type, s *jsonschema.Schema) string {
	got := map[string]string{
		"string": "a text", "number": "a number", "boolean": "a truth value", "array": "a list", "object": "a mapping",
	}[k.Got]
	switch want := k.Want[0]; want {
	case "object":
		return fmt.Sprintf("must be a mapping of %s; this is %s", enumerate(slices.Sorted(maps.Keys(s.Properties))), got)
	case "array":
		return "must be a list; this is " + got
	case "boolean":
		return "must be true or false; this is " + got
	case "integer":
		if k.Got == "number" {
			return "must be a whole number in decimal digits, such as 16"
		}
		return "must be a whole number; this is " + got
	}
	switch k.Got {
	case "object":
		return "must be a text; this is a mapping: put a text that begins with a brace in quotes"
	case "number", "boolean":
		return fmt.Sprintf("must be a text; this is %s: put it in quotes", got)
	}
	return "must be a text; this is " + got
}

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
