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

// Redacted is the effective configuration as YAML, with defaults and expanded
// variables. Secrets are redacted: a secret from a file shows the file's name, a
// webhook's URL shows its host.
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
	if shown.Iceberg.TokenFile != "" {
		shown.Iceberg.Token = Secret{}
	}
	if shown.Iceberg.CredentialFile != "" {
		shown.Iceberg.Credential = Secret{}
	}
	if l := c.Lineage; l != nil && l.APIKeyFile != "" {
		shown.Lineage = new(*l)
		shown.Lineage.APIKey = Secret{}
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
	if s := c.Serve.SMTP; s != nil && s.PasswordFile != "" {
		shown.Serve.SMTP = new(*s)
		shown.Serve.SMTP.Password = Secret{}
	}
	shown.Reports = slices.Clone(c.Reports)
	for i := range shown.Reports {
		r := &shown.Reports[i]
		r.Deliver = slices.Clone(r.Deliver)
		for j := range r.Deliver {
			if r.Deliver[j].URLFile != "" {
				r.Deliver[j].URL = Secret{}
			}
		}
	}
	var b strings.Builder
	writeMembers(&b, "", "", reflect.ValueOf(&shown).Elem())
	return []byte(b.String())
}

// writeMembers writes a struct as the members of a block mapping. Lines start
// with indent, the first line with lead. It omits empty members without a
// default.
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

// plain matches texts that YAML reads as texts without quotes, except reserved
// words.
var plain = regexp.MustCompile(`^[A-Za-z./][A-Za-z0-9_./-]*(://?[A-Za-z0-9_./-]+)?$`)

// scalarYAML writes a value that [Load] reads as the same value. It escapes
// dollar signs, because variables are expanded already.
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
		marshaled, _ := m.MarshalText() // never fails for the types of this package
		text = string(marshaled)
	}
	if text == redacted || plain.MatchString(text) && !isReserved(text) {
		return text
	}
	// A JSON text is a double-quoted YAML text, too.
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(strings.ReplaceAll(text, "$", "$$")) // never fails: a text, into a buffer
	return strings.TrimSuffix(quoted.String(), "\n")
}

// isReserved says whether some version of YAML reads a plain text as another
// type.
func isReserved(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null", ".inf", ".nan":
		return true
	}
	return strings.Trim(text, "0123456789.eE_") == ""
}
