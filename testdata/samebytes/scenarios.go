package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// stage is where a scenario plays: a directory with the dumps, and a sink and a
// configuration for each program.
type stage struct {
	name         string
	dir          string
	older, newer string // the programs
	results      []result
}

// site is a program at work on a configuration and its sink.
type site struct {
	program, config, sink string
}

func (s *site) run(ctx context.Context, args ...string) ([]byte, error) {
	if s.config != "" {
		args = append(args, "--config", s.config)
	}
	out, err := exec.CommandContext(ctx, s.program, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("%s %s: %w\n%s", s.program, strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}

// sites are those of the old and the new program, which both read dumps/ and
// make the reports of a configuration's text.
func (s *stage) sites(reports string) (older, newer *site, err error) {
	site := func(program, name string) *site {
		config := filepath.Join(s.dir, name+".yml")
		text := fmt.Sprintf("source:\n  store: {url: dumps}\n  max_rejected: 100%%\nsink:\n  store: {url: %s}\n%s", name, reports)
		err = errors.Join(err, os.WriteFile(config, []byte(text), 0o666))
		return &site{program, config, filepath.Join(s.dir, name)}
	}
	return site(s.older, "old"), site(s.newer, "new"), err
}

// compare adds how two sinks compare.
func (s *stage) compare(compared, older, newer string) error {
	a, err := readTree(older, published...)
	if err != nil {
		return err
	}
	b, err := readTree(newer, published...)
	if err != nil {
		return err
	}
	r := result{scenario: s.name, compared: compared}
	r.compare(a, b)
	s.results = append(s.results, r)
	return nil
}

// resume has the new program continue in the old one's sink, for some spans of
// days as arguments, and compares: the sink before and after, and the plan.
// Afterwards the sink is like that of the new program.
func (s *stage) resume(ctx context.Context, older, newer *site, spans [][]string) (*site, error) {
	if err := s.compare("old and new", older.sink, newer.sink); err != nil {
		return nil, err
	}
	resumed := &site{s.newer, older.config, older.sink}
	below := append([]string{"state/digests/"}, published...)
	before, err := readTree(older.sink, below...)
	if err != nil {
		return nil, err
	}
	for _, span := range spans {
		if _, err := resumed.run(ctx, append([]string{"run"}, span...)...); err != nil {
			return nil, err
		}
	}
	after, err := readTree(older.sink, below...)
	if err != nil {
		return nil, err
	}
	r := result{scenario: s.name, compared: "old, and continued by new"}
	r.compareUntouched(before, after)
	for _, span := range spans {
		if err := resumed.planned(ctx, &r, span); err != nil {
			return nil, err
		}
	}
	s.results = append(s.results, r)
	return resumed, s.compare("continued and new", resumed.sink, newer.sink)
}

// planned adds each step of a plan that is due or blocked. It leaves out fresh steps, and
// months that wait.
func (s *site) planned(ctx context.Context, r *result, span []string) error {
	out, err := s.run(ctx, append([]string{"plan", "--json"}, span...)...)
	if err != nil {
		return err
	}
	var plan struct {
		Steps []struct {
			Kind, Report, Partition, Status string
			Reasons                         []string
		}
	}
	if err := json.Unmarshal(out, &plan); err != nil {
		return fmt.Errorf("plan --json: %w", err)
	}
	fresh := 0
	for _, step := range plan.Steps {
		switch {
		case step.Status == "fresh":
			fresh++
		case step.Status != "waiting" || step.Kind != "month":
			r.differ("plan: %s %s %s is %s: %s", step.Kind, step.Report, step.Partition, step.Status, strings.Join(step.Reasons, "; "))
		}
	}
	if fresh == 0 {
		r.differ("plan: nothing is fresh")
	}
	return nil
}

// everything is one span, for run and plan: all there is.
var everything = [][]string{nil}

// demo compares what 'daybook demo' leaves.
func demo(ctx context.Context, s *stage) error {
	at := func(program, name string) (*site, error) {
		dir := filepath.Join(s.dir, name)
		_, err := (&site{program: program}).run(ctx, "demo", "--dir", dir)
		return &site{program, filepath.Join(dir, "daybook.yml"), filepath.Join(dir, "out")}, err
	}
	older, err := at(s.older, "old")
	if err != nil {
		return err
	}
	newer, err := at(s.newer, "new")
	if err != nil {
		return err
	}
	_, err = s.resume(ctx, older, newer, everything)
	return err
}

const monthReports = `reports:
  - {name: sessions, sessions_csv: true}
  - name: helpdesk
    timezone: Europe/Amsterdam
    language: nl
    csv: {delimiter: ";", bom: true}
    labels: {name: Klant, custom_fields: [Ticket, Afdeling]}
    sessions_csv: true
  - {name: night, timezone: America/St_Johns, daily_hours: {from: "20:30", to: "06:00"}}
  - {name: unit, timezone: Pacific/Auckland, unit: {technicians: [1001, 1002], groups: [EMEA], channels: [501]}, csv: {delimiter: "\t"}}
`

// month plays 40 nights around a November: every night the day's dumps arrive,
// some late, and both programs run. After the change of the program some more
// arrive.
// It has more than 60 lines because it is one story, night after night.
func month(ctx context.Context, s *stage) error {
	const (
		from  = "2025-10-25"
		days  = 40
		stock = "stock"
	)
	maker := &site{program: s.newer}
	_, err := maker.run(ctx, "generate", "--out", filepath.Join(s.dir, stock), "--from", from, "--days", strconv.Itoa(days), "--sessions-per-day", "50")
	if err != nil {
		return err
	}
	first, err := time.Parse(time.DateOnly, from)
	if err != nil {
		return err
	}
	older, newer, err := s.sites(monthReports)
	if err != nil {
		return err
	}
	arrivals := map[int][]string{} // night, from 0 on, to keys
	for day := range days {
		dir := first.AddDate(0, 0, day).Format("2006/01/02")
		names, err := filepath.Glob(filepath.Join(s.dir, stock, dir, "*"))
		if err != nil {
			return err
		}
		slices.Sort(names)
		for i, name := range names {
			night := min(day+late(day, i, len(names)), days)
			arrivals[night] = append(arrivals[night], dir+"/"+filepath.Base(name))
		}
	}
	arrive := func(night int) error {
		for _, key := range arrivals[night] {
			if err := link(filepath.Join(s.dir, stock, key), filepath.Join(s.dir, "dumps", key)); err != nil {
				return err
			}
		}
		return nil
	}
	for night := range days {
		if err := arrive(night); err != nil {
			return err
		}
		for _, site := range []*site{older, newer} {
			if _, err := site.run(ctx, "run"); err != nil {
				return err
			}
		}
	}
	resumed, err := s.resume(ctx, older, newer, everything)
	if err != nil {
		return err
	}
	if err := arrive(days); err != nil {
		return err
	}
	before, err := readTree(newer.sink, published...)
	if err != nil {
		return err
	}
	for _, site := range []*site{resumed, newer} {
		if _, err := site.run(ctx, "run"); err != nil {
			return err
		}
	}
	after, err := readTree(newer.sink, published...)
	if err != nil {
		return err
	}
	changes := new(result)
	changes.compare(before, after)
	if len(changes.differences) == 0 {
		return errors.New("the dumps that came last changed nothing")
	}
	return s.compare("both, after more dumps", resumed.sink, newer.sink)
}

// late is how many nights a dump is late, the i-th of n of a day. Every fourth
// day misses one dump for three nights; every ninth day is late as a whole; a
// dump of the 20th day and one of the last but one come after everything else.
func late(day, i, n int) int {
	switch {
	case (day == 20 || day == 38) && i == n/2:
		return 40
	case day%9 == 5:
		return 1
	case day%4 == 2 && i == n/3:
		return 3
	}
	return 0
}

func link(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return os.Link(from, to)
}

// workedCase is what is read of a file in testdata/cases.
type workedCase struct {
	Timezone string         `yaml:"timezone"`
	Report   map[string]any `yaml:"report"`
	Events   string         `yaml:"events"`
}

var (
	sessionID = regexp.MustCompile(`"session_id":(\d+)`)
	eventDate = regexp.MustCompile(`"ts":"(\d{4})-(\d{2})-(\d{2})T`)
)

// worked makes one dump of each worked case and day, and builds for all of them
// each definition that a case has, in English and in Dutch. Sessions are
// numbered anew, so that no two cases share one.
func worked(ctx context.Context, s *stage, dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%s holds no cases", dir)
	}
	definitions := []string{"{timezone: UTC", "{timezone: Europe/Amsterdam", "{timezone: America/Havana"}
	dates := map[string]bool{}
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		c := workedCase{Timezone: "UTC"}
		if err := yaml.Unmarshal(b, &c); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		settings, err := definitionOf(c)
		if err != nil {
			return err
		}
		if !slices.Contains(definitions, settings) {
			definitions = append(definitions, settings)
		}
		if err := s.dumpCase(i, name, c.Events, dates); err != nil {
			return err
		}
	}
	var reports strings.Builder
	reports.WriteString("reports:\n")
	for i, settings := range definitions {
		fmt.Fprintf(&reports, "  - %s, name: case_%d, sessions_csv: true}\n", settings, i)
		fmt.Fprintf(&reports, "  - %s, name: zaak_%d, sessions_csv: true, language: nl, csv: {delimiter: \";\"}}\n", settings, i)
	}
	older, newer, err := s.sites(reports.String())
	if err != nil {
		return err
	}
	spans, err := spansAround(dates)
	if err != nil {
		return err
	}
	for _, span := range spans {
		for _, site := range []*site{older, newer} {
			if _, err := site.run(ctx, append([]string{"run"}, span...)...); err != nil {
				return err
			}
		}
	}
	_, err = s.resume(ctx, older, newer, spans)
	return err
}

// definitionOf is the beginning of a report's settings, as a YAML mapping.
func definitionOf(c workedCase) (string, error) {
	settings := "{timezone: " + c.Timezone
	for _, name := range []string{"unit", "daily_hours"} {
		if value, ok := c.Report[name]; ok {
			b, err := json.Marshal(value) // JSON is YAML, too
			if err != nil {
				return "", err
			}
			settings += ", " + name + ": " + string(b)
		}
	}
	return settings, nil
}

// dumpCase puts each line of a case into the dump of its date. A line without
// one goes with the line before it.
func (s *stage) dumpCase(number int, name, events string, dates map[string]bool) error {
	const perCase = 1000 // more than any case has sessions
	date, lines := "2026-11-20", map[string]string{}
	for line := range strings.Lines(events) {
		if m := eventDate.FindStringSubmatch(line); m != nil {
			date = strings.Join(m[1:], "-")
		}
		line = sessionID.ReplaceAllStringFunc(line, func(member string) string {
			id, err := strconv.Atoi(strings.TrimPrefix(member, `"session_id":`))
			if err != nil || id >= perCase {
				return member // a case about the id itself
			}
			return fmt.Sprintf(`"session_id":%d`, number*perCase+id)
		})
		lines[date] += line
	}
	for date, text := range lines {
		dates[date] = true
		key := filepath.Join(s.dir, "dumps", strings.ReplaceAll(date, "-", "/"), strings.TrimSuffix(filepath.Base(name), ".yaml")+".ndjson")
		if err := os.MkdirAll(filepath.Dir(key), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(key, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// spansAround are arguments for run and plan: each date with the day before
// and the day after it, since zones on both sides of UTC count some of its hours
// to these.
func spansAround(dates map[string]bool) ([][]string, error) {
	var spans [][]string
	for date := range dates {
		d, err := time.Parse(time.DateOnly, date)
		if err != nil {
			return nil, err
		}
		spans = append(spans, []string{"--from", d.AddDate(0, 0, -1).Format(time.DateOnly), "--to", d.AddDate(0, 0, 1).Format(time.DateOnly)})
	}
	slices.SortFunc(spans, slices.Compare)
	return spans, nil
}
