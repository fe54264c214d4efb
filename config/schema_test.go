package config_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"

	"daybook/config"
	"daybook/testdata/golden"
)

// generateSchema reads the schema off the types, their tags and their doc
// comments.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	r := jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true, FieldNameTag: "yaml",
		Mapper: scalarSchema,
	}
	if err := r.AddGoComments("daybook/config", "."); err != nil {
		t.Fatal(err)
	}
	schema := r.Reflect(&config.Config{})
	schema.Title = "daybook's configuration"
	schema.Definitions["Variable"] = &jsonschema.Schema{
		Type: "string", Pattern: `\$`, Description: "A value with variables: ${VAR} or ${VAR:-default}.",
	}
	// The reflector gives a choice of types no keywords.
	defaults := config.Default()
	describeSize(t, schema, "memory_budget", defaults.MemoryBudget, "67108864")
	describeSize(t, schema.Definitions["Source"], "max_session_size", defaults.Source.MaxSessionSize, "1048576")
	describeSize(t, schema.Definitions["Source"], "max_window", defaults.Source.MaxWindow, "8388608")
	allowVariables(schema)
	for _, definition := range schema.Definitions {
		allowVariables(definition)
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// describeSize sets the default of a size, and its least number of bytes.
func describeSize(t *testing.T, s *jsonschema.Schema, name string, preset config.Size, least json.Number) {
	t.Helper()
	property, ok := s.Properties.Get(name)
	text, err := preset.MarshalText()
	if !ok || err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	property.Default = string(text)
	property.AnyOf[1].Minimum = least
}

// scalarSchema describes the types that are written as one value.
func scalarSchema(typ reflect.Type) *jsonschema.Schema {
	switch typ {
	case reflect.TypeFor[config.Secret]():
		return &jsonschema.Schema{Type: "string"}
	case reflect.TypeFor[config.Percent]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9.]+%$`}
	case reflect.TypeFor[config.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ms|s|m|h))+$`}
	case reflect.TypeFor[config.Span]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+d|([0-9]+[hms])+)$`}
	case reflect.TypeFor[config.Retention]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9]+[dh]$`}
	case reflect.TypeFor[config.Size]():
		// A size without a unit is a number in YAML, too.
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string", Pattern: `^[0-9]+([KMGT]iB)?$`},
			{Type: "integer"},
		}}
	case reflect.TypeFor[config.TimeOfDay]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`}
	case reflect.TypeFor[config.Delimiter]():
		return &jsonschema.Schema{Type: "string", Enum: []any{",", ";", "|", "\t"}}
	}
	return nil
}

// allowVariables lets a variable stand where the schema asks for more than a
// text.
func allowVariables(s *jsonschema.Schema) {
	if s.Properties == nil {
		return
	}
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		pair.Value = orVariable(pair.Value)
		if items := pair.Value.Items; items != nil {
			pair.Value.Items = orVariable(items)
		}
	}
}

func orVariable(s *jsonschema.Schema) *jsonschema.Schema {
	isText := s.Type == "string" && s.Pattern == "" && s.Enum == nil && s.MaxLength == nil
	if isText || s.Type == "array" || s.Ref != "" {
		return s
	}
	literal := *s
	literal.Description, literal.Default = "", nil
	return &jsonschema.Schema{
		Description: s.Description, Default: s.Default,
		AnyOf: []*jsonschema.Schema{&literal, {Ref: "#/$defs/Variable"}},
	}
}

func TestSchemaIsUpToDate(t *testing.T) {
	golden.Check(t, "daybook.schema.json", string(generateSchema(t)))
}

func compileSchema(t *testing.T) *validate.Schema {
	t.Helper()
	document, err := validate.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := validate.NewCompiler()
	if err := compiler.AddResource("daybook.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("daybook.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestSchemaAgrees holds the schema against what Load says of the same files:
// good files are good, and bad files whose first line says "schema: rejects"
// are bad.
func TestSchemaAgrees(t *testing.T) {
	schema := compileSchema(t)
	for _, name := range glob(t, "*.yml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := readFile(t, name)
			if bytes.HasPrefix(data, []byte("# not YAML")) {
				if err := yaml.Unmarshal(data, new(any)); err == nil {
					t.Error("it is YAML")
				}
				return
			}
			var document any
			if err := yaml.UnmarshalWithOptions(data, &document, yaml.AllowDuplicateMapKey()); err != nil {
				t.Fatal(err)
			}
			if document == nil {
				document = map[string]any{}
			}
			text, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			value, err := validate.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			rejects := bytes.HasPrefix(data, []byte("# schema: rejects"))
			err = schema.Validate(value)
			switch {
			case rejects && err == nil:
				t.Error("the schema accepts it")
			case !rejects && err != nil:
				t.Error(err)
			}
			if rejects && strings.HasSuffix(name, ".good.yml") {
				t.Error("a good file says that the schema rejects it")
			}
		})
	}
}

// TestSampleIsComplete: full.good.yml, the reference of all settings, has or
// mentions each of them.
func TestSampleIsComplete(t *testing.T) {
	var schema struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	settings := slices.Collect(maps.Keys(schema.Properties))
	for _, definition := range schema.Defs {
		settings = slices.AppendSeq(settings, maps.Keys(definition.Properties))
	}
	sample := string(readFile(t, filepath.Join(testdata, "full.good.yml")))
	for _, name := range settings {
		// A secret is there under its own name or as a file.
		if stem := strings.TrimSuffix(name, "_file"); !strings.Contains(sample, stem+":") && !strings.Contains(sample, stem+"_file:") {
			t.Errorf("it says nothing of %s", name)
		}
	}
	if len(settings) < 30 {
		t.Errorf("the schema has only %d settings", len(settings))
	}
}

// A configuration is read also where the working directory is not.
func TestSchemaWithoutWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	config.CompileSchema() // panics if it needs the directory
}
