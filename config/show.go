package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Redacted is the effective configuration as YAML: defaults are filled in,
// variables expanded, and secrets redacted. A secret from a file is shown as
// that file, and of a webhook's URL the host is shown.
func (c *Config) Redacted() []byte {
	shown := *c
	for _, s := range []*Store{&shown.Source.Store, &shown.Sink.Store} {
		if s.AccessKeyIDFile != "" {
			s.AccessKeyID = Secret{}
		}
		if s.SecretAccessKeyFile != "" {
			s.SecretAccessKey = Secret{}
		}
		if s.SessionTokenFile != "" {
			s.SessionToken = Secret{}
		}
	}
	shown.Serve.Webhooks = slices.Clone(c.Serve.Webhooks)
	for i := range shown.Serve.Webhooks {
		w := &shown.Serve.Webhooks[i]
		if w.URLFile != "" {
			w.URL = Secret{}
		}
		if w.SecretFile != "" {
			w.Secret = Secret{}
		}
	}
	var b strings.Builder
	writeMembers(&b, "", "", reflect.ValueOf(&shown).Elem())
	return []byte(b.String())
}

// writeMembers writes a struct as the members of a block mapping, the first one
// behind lead and the others behind indent. Empty members without a default
// are left out.
func writeMembers(b *strings.Builder, lead, indent string, v reflect.Value) {
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		field := v.Field(i)
		if options == "omitempty" && isEmpty(field) {
			continue
		}
		fmt.Fprintf(b, "%s%s:", lead, name)
		lead = indent
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		switch {
		case isScalar(field):
			fmt.Fprintf(b, " %s\n", scalarYAML(field))
		case field.Kind() == reflect.Struct:
			b.WriteByte('\n')
			writeMembers(b, indent+"  ", indent+"  ", field)
		case field.Type().Elem().Kind() == reflect.Struct:
			b.WriteByte('\n')
			for i := range field.Len() {
				writeMembers(b, indent+"  - ", indent+"    ", field.Index(i))
			}
		default:
			items := make([]string, field.Len())
			for i := range items {
				items[i] = scalarYAML(field.Index(i))
			}
			fmt.Fprintf(b, " [%s]\n", strings.Join(items, ", "))
		}
	}
}

func isEmpty(v reflect.Value) bool {
	if s, ok := v.Interface().(Secret); ok {
		return s.IsZero()
	}
	return v.IsZero()
}

// plain matches texts that need no quotes wherever they stand, and are no
// numbers, truth values or nulls.
var plain = regexp.MustCompile(`^[A-Za-z./][A-Za-z0-9_./-]*(://?[A-Za-z0-9_./-]+)?$`)

// scalarYAML writes a value as Load reads it again. What was expanded must not
// be taken for a variable.
func scalarYAML(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool, reflect.Int:
		return fmt.Sprint(v.Interface())
	case reflect.Int64:
		if _, isText := v.Interface().(encoding.TextMarshaler); !isText {
			return fmt.Sprint(v.Interface())
		}
	}
	text := v.String()
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		marshaled, _ := m.MarshalText() // of this package's types, none fails
		text = string(marshaled)
	}
	if text == redacted || plain.MatchString(text) && !isReserved(text) {
		return text
	}
	// What JSON quotes is a double-quoted YAML text, too.
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(strings.ReplaceAll(text, "$", "$$")) // a text can be encoded, and a buffer written
	return strings.TrimSuffix(quoted.String(), "\n")
}

// isReserved says whether YAML, of whatever version, may take a plain text for
// something else.
func isReserved(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null", ".inf", ".nan":
		return true
	}
	return strings.Trim(text, "0123456789.eE_") == ""
}
