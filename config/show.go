package config

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml"
)

//go:embed daybook.schema.json
var schema []byte

// Schema is the JSON schema of the configuration file, for editors. It accepts
// whatever Load accepts; Load also checks what a schema cannot say.
func Schema() []byte { return slices.Clone(schema) }

// Redacted is the effective configuration as YAML: defaults are filled in,
// variables expanded, and secrets redacted. A secret from a file is shown as
// that file.
func (c *Config) Redacted() ([]byte, error) {
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
	text, err := yaml.MarshalWithOptions(&shown, yaml.Indent(2), yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("show the configuration: %w", err)
	}
	return text, nil
}

// Hash is the SHA-256, in hex, of what decides the rows and files of the
// report. It does not depend on the order in which the unit is listed, nor on
// stores and secrets. Published manifests hold it: a setting added here later
// must be left out of the JSON while it has its default.
func (r *Report) Hash() string {
	labels := r.Labels.CustomFields
	for len(labels) > 0 && labels[len(labels)-1] == "" {
		labels = labels[:len(labels)-1]
	}
	definition := struct {
		Name        string      `json:"name"`
		Timezone    string      `json:"timezone"`
		Language    string      `json:"language"`
		Technicians []int64     `json:"technicians,omitempty"`
		Groups      []string    `json:"groups,omitempty"`
		Channels    []int64     `json:"channels,omitempty"`
		NameLabel   string      `json:"name_label,omitempty"`
		FieldLabels []string    `json:"field_labels,omitempty"`
		DailyHours  *DailyHours `json:"daily_hours,omitempty"`
		SessionsCSV bool        `json:"sessions_csv"`
		Delimiter   Delimiter   `json:"delimiter"`
		BOM         bool        `json:"bom"`
	}{
		r.Name, r.Timezone, r.Language,
		slices.Sorted(slices.Values(r.Unit.Technicians)),
		slices.Sorted(slices.Values(r.Unit.Groups)),
		slices.Sorted(slices.Values(r.Unit.Channels)),
		r.Labels.Name, labels, r.DailyHours, r.SessionsCSV, r.CSV.Delimiter, r.CSV.BOM,
	}
	canonical, err := json.Marshal(definition)
	if err != nil {
		panic("config: a report that cannot be encoded: " + err.Error()) // texts and numbers always can
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
