package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decoder reads a YAML document in three steps: nodes become plain values
// (nodes.go), the JSON schema checks the values (schema.go), and the values
// fill the types (this file). It goes on after a problem, so that it reports
// all of them; a value with a problem keeps its default.
type decoder struct {
	env      func(string) (string, bool)
	anchors  map[string]ast.Node
	places   map[string]*token.Position // of each value in the file, by path
	failed   map[string]bool            // paths of values with a problem
	problems []Problem
	values   int // read so far
}

func (d *decoder) report(at *token.Position, path, message string) {
	d.failed[path] = true
	d.problems = append(d.problems, Problem{Line: at.Line, Column: at.Column, Path: path, Message: message})
}

// place is the position of the value at path, or else that of the nearest value
// around it.
func (d *decoder) place(path string) *token.Position {
	for {
		if at, ok := d.places[path]; ok {
			return at
		}
		if path == "" {
			return &token.Position{Line: 1, Column: 1}
		}
		path = parent(path)
	}
}

// fill sets v from a plain value. It leaves v alone where the value has a
// problem that is reported already.
func (d *decoder) fill(v reflect.Value, value any, path string) {
	if d.failed[path] {
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if text, ok := value.(string); ok {
			if err := u.UnmarshalText([]byte(text)); err != nil {
				d.report(d.places[path], path, err.Error())
			}
		}
		return
	}
	switch value := value.(type) {
	case map[string]any:
		d.fillStruct(v, value, path)
	case []any:
		items := reflect.MakeSlice(v.Type(), len(value), len(value))
		for i, item := range value {
			if !isScalar(items.Index(i)) {
				setDefaults(items.Index(i))
			}
			d.fill(items.Index(i), item, fmt.Sprintf("%s[%d]", path, i))
		}
		v.Set(items)
	case bool:
		v.SetBool(value)
	case json.Number:
		n, err := value.Int64()
		if err != nil || v.OverflowInt(n) {
			d.report(d.places[path], path, fmt.Sprintf("%s is too large", value))
			return
		}
		v.SetInt(n)
	case string:
		if strings.ContainsFunc(value, isControl) {
			d.report(d.places[path], path, "contains a control character, such as a line break; remove it")
			return
		}
		v.SetString(value)
	}
}

// fillStruct sets the fields of a struct, or of the struct that v is to point
// at.
func (d *decoder) fillStruct(v reflect.Value, members map[string]any, path string) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
		setDefaults(v)
	}
	for i := range v.NumField() {
		name := fieldName(v.Type().Field(i))
		if value, ok := members[name]; ok {
			d.fill(v.Field(i), value, join(path, name))
		}
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// fieldName is the name of a field in the file.
func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

// defaultOf is the default in a field's tag, or the empty text.
func defaultOf(f reflect.StructField) string {
	tag := strings.ReplaceAll(f.Tag.Get("jsonschema"), `\,`, "\x00")
	for keyword := range strings.SplitSeq(tag, ",") {
		if value, ok := strings.CutPrefix(keyword, "default="); ok {
			return strings.ReplaceAll(value, "\x00", ",")
		}
	}
	return ""
}

// setDefaults fills a struct with the defaults of its fields, recursively.
func setDefaults(v reflect.Value) {
	for i := range v.NumField() {
		field := v.Field(i)
		if text := defaultOf(v.Type().Field(i)); text != "" {
			if err := setDefault(field, text); err != nil {
				panic(fmt.Sprintf("config: the default of %s: %s", v.Type().Field(i).Name, err)) // a mistake in a tag
			}
		} else if field.Kind() == reflect.Struct && !isScalar(field) {
			setDefaults(field)
		}
	}
}

func setDefault(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		v.SetInt(n)
		return err
	}
	v.SetString(text)
	return nil
}

// isScalar says whether v is written as one value, and not as a mapping or a
// list.
func isScalar(v reflect.Value) bool {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return true
	}
	return v.Kind() != reflect.Struct && v.Kind() != reflect.Slice && v.Kind() != reflect.Pointer
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// parent is the path of what holds the value at path.
func parent(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }
