package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// settings are the part of a report's configuration that decides its rows and
// files, in canonical form: lists are sorted, empty settings are omitted.
// Published manifests hold the hash of the JSON, so a new setting must be
// omitted while it has its default.
type settings struct {
	Name        string      `json:"name"`
	Timezone    string      `json:"timezone"`
	Language    string      `json:"language"`
	Technicians []int64     `json:"technicians,omitempty"`
	Groups      []string    `json:"groups,omitempty"`
	Channels    []int64     `json:"channels,omitempty"`
	NameLabel   string      `json:"name_label,omitempty"`
	FieldLabels []string    `json:"field_labels,omitempty"`
	DailyHours  *hoursOfDay `json:"daily_hours,omitempty"`
	SessionsCSV bool        `json:"sessions_csv"`
	Delimiter   Delimiter   `json:"delimiter"`
	BOM         bool        `json:"bom"`
	Durations   string      `json:"durations,omitempty"` // empty: clock
	Times       string      `json:"times,omitempty"`     // empty: offset
	XLSX        bool        `json:"xlsx,omitempty"`
}

type hoursOfDay struct {
	From TimeOfDay `json:"from"`
	To   TimeOfDay `json:"to"`
}

func (r *Report) settings() *settings {
	labels := r.Labels.CustomFields
	for len(labels) > 0 && labels[len(labels)-1] == "" {
		labels = labels[:len(labels)-1]
	}
	return &settings{
		r.Name, r.Timezone, r.Language,
		slices.Sorted(slices.Values(r.Unit.Technicians)),
		slices.Sorted(slices.Values(r.Unit.Groups)),
		slices.Sorted(slices.Values(r.Unit.Channels)),
		r.Labels.Name, labels, (*hoursOfDay)(r.DailyHours), r.SessionsCSV, r.CSV.Delimiter, r.CSV.BOM,
		unless(defaultDurations, r.CSV.Durations), unless(defaultTimes, r.CSV.Times), r.XLSX,
	}
}

// The notations that the hash leaves out: reports had them before there was a
// choice.
const (
	defaultDurations = "clock"
	defaultTimes     = "offset"
)

// unless is a value, or empty if it is the default.
func unless(preset, value string) string {
	if value == preset {
		return ""
	}
	return value
}

// Reading identifies how the dumps are read; empty: as session events, whose form their
// beginning decides. It is that of an item of Kinds. Digests note it, so that a change makes them stale.
func (d *Dumps) Reading() string {
	if d.Kind != KindReport && d.Map == nil && (d.Form == "auto" || d.Form == "lines") {
		return ""
	}
	canonical, err := json.Marshal(struct {
		Form     string
		Map      *Map
		Timezone string   `json:",omitempty"`
		Columns  []string `json:",omitempty"`
	}{d.Form, d.Map, d.Timezone, d.Columns})
	if err != nil {
		panic("config: encode a map: " + err.Error()) // texts always can be encoded
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:8])
}

// Hash is the SHA-256, in hex, of the settings that decide the report's rows and
// files. The order of the unit's lists, the stores and the secrets do not change
// it.
func (r *Report) Hash() string {
	canonical, err := json.Marshal(r.settings())
	if err != nil {
		panic("config: encode a report: " + err.Error()) // texts and numbers always can be encoded
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// Text gives the hashed settings in words, by setting, without the name. Of two
// reports of one name, the texts are equal exactly if the hashes are equal.
func (r *Report) Text() map[string]string {
	s := r.settings()
	text := map[string]string{
		"timezone":     s.Timezone,
		"language":     s.Language,
		"unit":         s.unit(),
		"labels":       s.labels(),
		"daily hours":  s.hours(),
		"sessions_csv": strconv.FormatBool(s.SessionsCSV),
		"csv":          s.csv(),
	}
	if s.XLSX { // manifests from before the setting lack it
		text["xlsx"] = "true"
	}
	return text
}

func (s *settings) unit() string {
	var selectors []string
	add := func(format string, values []string) {
		if len(values) > 0 {
			selectors = append(selectors, fmt.Sprintf(format, strings.Join(values, ", ")))
		}
	}
	add("technicians %s", eachText(s.Technicians, "%d"))
	add("groups %s", eachText(s.Groups, "%q"))
	add("channels %s", eachText(s.Channels, "%d"))
	if selectors == nil {
		return "the whole organisation"
	}
	return strings.Join(selectors, "; ")
}

func (s *settings) labels() string {
	var labels []string
	if s.NameLabel != "" {
		labels = append(labels, fmt.Sprintf("name %q", s.NameLabel))
	}
	for i, label := range s.FieldLabels {
		if label != "" {
			labels = append(labels, fmt.Sprintf("custom_field_%d %q", i+1, label))
		}
	}
	if labels == nil {
		return "those of the language"
	}
	return strings.Join(labels, ", ")
}

func (s *settings) hours() string {
	if s.DailyHours == nil {
		return "the whole day"
	}
	return timeText(s.DailyHours.From) + " to " + timeText(s.DailyHours.To)
}

func (s *settings) csv() string {
	text := fmt.Sprintf("delimiter %q", rune(s.Delimiter))
	if s.BOM {
		text += ", byte order mark"
	}
	if s.Durations != "" {
		text += ", durations in " + s.Durations
	}
	if s.Times != "" {
		text += ", " + s.Times + " times"
	}
	return text
}

func eachText[T any](values []T, format string) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprintf(format, v)
	}
	return texts
}
