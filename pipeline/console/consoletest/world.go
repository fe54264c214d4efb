// Package consoletest has a world for tests of the console: three reports with
// years of history, and partitions in every state.
//
// A [build.Builder] digests and publishes the last weeks from generated dumps,
// into a store in memory. One of these days is restated and has rejected lines. Earlier history is
// invented: the state says that it is published, but only the months' figures
// exist.
package consoletest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/states"
	"daybook/pipeline/settings"
	"daybook/pipeline/warehouse"
	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// Options say how large the world is.
type Options struct {
	Years          int // of invented history
	Days           int // that are really published
	SessionsPerDay int
}

// World is a [console.Service] that records actions.
type World struct {
	Now    time.Time
	Source *store.Memory
	Sink   store.Store
	Secret string // of the stores' credentials: no page may contain it

	settings *settings.Pipeline

	mu    sync.Mutex
	state *states.Snapshot
	runs  []runs.Record
	acts  []actions.Action
	fails error // of the next action
}

const template = "dumps/{yyyy}/{mm}/{dd}/"

// last is the last day of the world: a Friday.
var last = day.Date(2026, time.November, 20)

// New makes a world. wrap, if set, wraps the sink.
func New(ctx context.Context, o Options, wrap func(store.Store) store.Store) (*World, error) {
	now := time.Date(2026, time.November, 21, 7, 12, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	w := &World{Now: now, Source: store.NewMemory(clock), Sink: store.NewMemory(clock), Secret: "wJalrXUtnFEMI-bPxRfiCYEXAMPLEKEY"}
	w.Sink = bucket{w.Sink}
	if wrap != nil {
		w.Sink = wrap(w.Sink)
	}
	parsed, err := dump.ParseTemplate(template)
	if err != nil {
		return nil, err
	}
	w.settings = &settings.Pipeline{
		Source: w.Source, Dumps: dump.Sources{{Template: parsed}}, Lookback: 16, MaxRejected: 0.2, Sink: w.Sink, SinkAt: warehouse.Store{URL: w.Sink.URL(""), Region: "eu-west-1"}, Clock: clock, Budget: parallel.NewBudget(0, 0),
		Reports: []settings.Report{
			newReport("sessions", "Europe/Amsterdam", nil), newReport("emea_tier_1", "Europe/Amsterdam", []string{"EMEA/Tier 1"}),
			newReport("americas", "America/New_York", []string{"Americas"}),
		},
	}
	if err := w.publish(ctx, o); err != nil {
		return nil, err
	}
	w.state = &states.Snapshot{Time: now.Add(-20 * time.Second), Lease: states.Lease{Holder: "daybook-7d9f-x2x4q", Mine: true, Generation: 41, Since: now.Add(-33 * 24 * time.Hour)}}
	for i := range w.settings.Reports {
		rep, err := w.report(ctx, i, o)
		if err != nil {
			return nil, err
		}
		w.state.Reports = append(w.state.Reports, rep)
	}
	w.happenings()
	return w, nil
}

// bucket is a store whose addresses are those of a bucket.
type bucket struct{ store.Store }

func (bucket) URL(key string) string { return "s3://warehouse/daybook/" + key }

// Copy is a copy whose state can be changed alone. Both share the stored objects,
// which do not change.
func (w *World) Copy() *World {
	settings := *w.settings
	state := *w.Snapshot()
	return &World{Now: w.Now, Source: w.Source, Sink: w.Sink, Secret: w.Secret, settings: &settings, state: &state, runs: w.runs}
}

func newReport(name, zone string, groups []string) settings.Report {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC
	}
	unit := "the whole organisation"
	if groups != nil {
		unit = fmt.Sprintf("groups %q", groups)
	}
	return settings.Report{
		Definition: report.Definition{Name: name, Zone: loc, Unit: report.Unit{Groups: groups}},
		Hash:       "hash-of-" + name, SessionsCSV: name == "sessions", PickUp: time.Minute,
		Tools: map[string]string{"remote_control": "Remote control", "file_transfer": "File transfer", "reboot": "Reboot"},
		Text:  map[string]string{"timezone": zone, "language": "en", "unit": unit, "daily hours": "the whole day"},
	}
}

// publish publishes the last days. A late dump restates one of them.
func (w *World) publish(ctx context.Context, o Options) error {
	if o.Days == 0 {
		return nil
	}
	first := last - day.Day(o.Days) + 1
	if err := w.generate(ctx, 1, first, o.Days, o.SessionsPerDay, ""); err != nil {
		return err
	}
	if err := w.putRejects(ctx); err != nil {
		return err
	}
	if err := w.build(ctx, first, last); err != nil {
		return err
	}
	if err := w.generate(ctx, 2, last-2, 1, max(1, o.SessionsPerDay/40), "late-"); err != nil {
		return err
	}
	return w.build(ctx, max(first, last-4), last)
}

// rejectedLines are lines of a dump that are rejected, one of each common reason. The
// last one is markup, and longer than a page shows.
var rejectedLines = []string{
	`{"event_id":"r1","ts":"2026-11-18T09:00:00Z","session_id":7,"type":"status_changed","sta`,
	`{"event_id":"r2","ts":"2026-11-18T09:00:01Z","type":"status_changed","status":"active"}`,
	`{"event_id":"r3","ts":"18-11-2026 09:00","session_id":7,"type":"status_changed","status":"active"}`,
	`{"event_id":"r4","ts":"2026-11-18T09:00:02Z","session_id":7,"type":"screen_recorded"}`,
	`{"event_id":"r5","ts":"2026-06-18T09:00:02Z","session_id":7,"type":"status_changed","status":"active"}`,
	`<script>alert("` + strings.Repeat("é", 1000) + `")</script>`,
}

// putRejects puts a dump of rejected lines into the last day but two.
func (w *World) putRejects(ctx context.Context) error {
	text := strings.Join(rejectedLines, "\n") + "\n"
	_, err := w.Source.Put(ctx, "dumps/2026/11/18/bad.ndjson", strings.NewReader(text), int64(len(text)), store.Condition{})
	return err
}

func (w *World) build(ctx context.Context, from, to day.Day) error {
	result, err := (&build.Builder{Settings: w.settings}).Run(ctx, partition.Days(from, to), build.OnlyDue)
	if err != nil {
		return err
	}
	return result.Err()
}

// generate puts dumps into the source. Their names begin with prefix.
func (w *World) generate(ctx context.Context, seed uint64, from day.Day, days, sessions int, prefix string) error {
	_, err := generate.Write(ctx, generate.Options{
		Seed: seed, From: from, Days: days, SessionsPerDay: sessions, Template: w.settings.Dumps[0].Template, Codec: dump.Gzip,
	}, func(ctx context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		i := strings.LastIndexByte(key, '/') + 1
		_, err := w.Source.Put(ctx, key[:i]+prefix+key[i:], bytes.NewReader(b.Bytes()), int64(b.Len()), store.Condition{})
		return err
	})
	return err
}

// Snapshot implements console.Service.
func (w *World) Snapshot() *states.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// SetSnapshot changes the snapshot.
func (w *World) SetSnapshot(change func(*states.Snapshot)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := *w.state
	change(&next)
	w.state = &next
}

// Runs implements console.Service.
func (w *World) Runs(_ context.Context, n int) ([]runs.Record, error) {
	return w.runs[:min(n, len(w.runs))], nil
}

// Run implements console.Service.
func (w *World) Run(_ context.Context, id string) (*runs.Record, error) {
	i := slices.IndexFunc(w.runs, func(r runs.Record) bool { return r.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("run %s: %w", id, store.ErrNotFound)
	}
	return &w.runs[i], nil
}

// Act implements console.Service: it records the action.
func (w *World) Act(_ context.Context, a actions.Action) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails != nil {
		return w.fails
	}
	w.acts = append(w.acts, a)
	return nil
}

// Acts are the recorded actions.
func (w *World) Acts() []actions.Action {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.acts)
}

// Refuse makes all later actions fail with err.
func (w *World) Refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = err
}

// Settings implements console.Service.
func (w *World) Settings() *settings.Pipeline { return w.settings }

// Reader implements console.Service.
func (w *World) Reader() *catalog.Reader { return &catalog.Reader{Settings: w.settings} }

// Configuration is the text and hash that the console shows.
func (w *World) Configuration() (text, hash string) {
	return `source:
  store:
    url: s3://support-events/raw
    region: eu-west-1
    access_key_id: <redacted>
    secret_access_key_file: /run/secrets/source
  key: "{yyyy}/{mm}/{dd}/"
  lookback_days: 16
  max_rejected: 1%
sink:
  keep_revisions: 7d
  store:
    url: s3://warehouse/daybook
    endpoint: minio.example.com:9000
    addressing: path
    access_key_id: <redacted>
    secret_access_key: <redacted>
serve:
  listen: 127.0.0.1:8080
  interval: 1m
  lease: 1m
reports:
  - name: sessions
    timezone: Europe/Amsterdam
    language: en
    sessions_csv: true
    schedule:
      daily: {at: "02:00", grace: 30m, deadline: 4h}
      monthly: {at: "04:00", grace: 0s, deadline: 12h}
      catch_up: all
      max_age: 35d
`, "4f1d6c0e9a7b"
}
