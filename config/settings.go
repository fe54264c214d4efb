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

// settings are what decides the rows and files of a report, in one form for
// all ways to write the same: lists are sorted, and what is not given is left
// out. Published manifests hold the hash of their JSON: a setting added here
// later must be left out of it while it has its default.
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
	}
}

// Hash is the SHA-256, in hex, of what decides the rows and files of the
// report. It does not depend on the order in which the unit is listed, nor on
// stores and secrets.
func (r *Report) Hash() string {
	canonical, err := json.Marshal(r.settings())
	if err != nil {
		panic("config: a report that cannot be encoded: " + err.Error()) // texts and numbers always can
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// Text says in words what Hash is the hash of, by setting: but for the name,
// which is where the report lies. Reports with equal hashes have equal texts,
// and where the hashes differ, so does a text.
func (r *Report) Text() map[string]string {
	s := r.settings()
	return map[string]string{
		"timezone":     s.Timezone,
		"language":     s.Language,
		"unit":         s.unit(),
		"labels":       s.labels(),
		"daily hours":  s.hours(),
		"sessions_csv": strconv.FormatBool(s.SessionsCSV),
		"csv":          s.csv(),
	}
}

func (s *settings) unit() string {
	var selectors []string
	add := func(name string, values []string) {
		if len(values) > 0 {
			selectors = append(selectors, name+" "+strings.Join(values, ", "))
		}
	}
	add("technicians", eachText(s.Technicians, "%d"))
	add("groups", eachText(s.Groups, "%q"))
	add("channels", eachText(s.Channels, "%d"))
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
	return text
}

func eachText[T any](values []T, format string) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprintf(format, v)
	}
	return texts
}
