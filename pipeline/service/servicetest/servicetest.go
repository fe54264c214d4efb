// Package servicetest runs whole services in tests: over stores in memory, by the clock of
// a synctest bubble, with a hook that receives their events.
package servicetest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/config"
	"daybook/pipeline/build"
	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/pipeline/schedule"
	"daybook/pipeline/service"
	"daybook/pipeline/service/replica"
	"daybook/pipeline/service/states"
	"daybook/pipeline/settings"
	"daybook/sinks/publish"
	"daybook/sinks/webhook"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/report"
)

// Tick is the interval and the lease time in a world. It is long, as tests last up
// to ten days.
const Tick = config.Duration(5 * time.Minute)

// World is a source, a sink, and a hook that receives events. Its clock is that of the
// synctest bubble, which starts at midnight UTC on 1 January 2000.
type World struct {
	Source, Sink store.Store
	Config       *config.Config
	Log          *slog.Logger
	Refuses      func(webhook.Event) error // error of a delivery; nil: none fails

	mu     sync.Mutex
	events []webhook.Event
}

// New is a world with one report, sessions, in UTC, and without dumps.
func New() *World {
	c := config.Default()
	c.Source.LookbackDays, c.Source.MaxRejected = 2, 1
	c.Serve.Interval, c.Serve.Lease, c.Serve.RetryPause = Tick, Tick, 2*Tick
	return &World{Source: store.NewMemory(nil), Sink: store.NewMemory(nil), Config: c, Log: slog.New(slog.DiscardHandler)}
}

// Replica is a running service of a world.
type Replica struct {
	*service.Service
	registry *prometheus.Registry
	kill     context.CancelFunc // the context's end, as a signal's
	ended    chan error
}

// Settings is the configuration of a service of the world. The sink may be the
// world's with faults.
func (w *World) Settings(t testing.TB, sink store.Store) replica.Config {
	t.Helper()
	template, err := dump.ParseTemplate(w.Config.Source.Key)
	if err != nil {
		t.Fatal(err)
	}
	c := replica.Config{
		Pipeline: &settings.Pipeline{
			Source: w.Source, Dumps: dump.Sources{{Template: template}}, Lookback: w.Config.Source.LookbackDays, MaxRejected: float64(w.Config.Source.MaxRejected),
			Sink: sink, Budget: parallel.NewBudget(1, 0),
		},
		Schedules: map[string]*schedule.Schedule{}, Serve: w.Config.Serve,
		Hooks: []replica.Hook{{Name: "hook", Deliver: w.receive}},
	}
	for i := range w.Config.Reports {
		rep := &w.Config.Reports[i]
		zone, err := time.LoadLocation(rep.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		c.Pipeline.Reports = append(c.Pipeline.Reports, settings.Report{Definition: report.Definition{Name: rep.Name, Zone: zone}, Hash: rep.Hash(), Text: rep.Text()})
		c.Schedules[rep.Name] = schedule.New(rep.Schedule, zone)
	}
	return c
}

// Start serves until the test ends or the replica is stopped.
func (w *World) Start(t *testing.T, name string, sink store.Store) *Replica {
	t.Helper()
	return w.StartWith(t, name, w.Settings(t, sink))
}

// StartWith is Start with a configuration.
func (w *World) StartWith(t *testing.T, name string, c replica.Config) *Replica {
	t.Helper()
	r := &Replica{registry: prometheus.NewRegistry(), ended: make(chan error, 1)}
	var err error
	r.Service, err = service.New(service.Options{Config: c, Replica: name, Log: w.Log, Registerer: r.registry})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.kill = cancel
	go func() { r.ended <- r.Serve(ctx); close(r.ended) }()
	t.Cleanup(func() { cancel(); <-r.ended })
	return r
}

// Stop ends a replica as SIGTERM does, and returns what Serve returned.
func (r *Replica) Stop() error {
	r.kill()
	return <-r.ended
}

func (w *World) receive(_ context.Context, e *webhook.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Refuses != nil {
		if err := w.Refuses(*e); err != nil {
			return err
		}
	}
	w.events = append(w.events, *e)
	return nil
}

// News are the events received since the last call, sorted.
func (w *World) News() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, e := range w.events {
		lines = append(lines, e.Event+" "+e.Partition)
	}
	w.events = nil
	slices.Sort(lines)
	return lines
}

// SameNews compares the events received since the last call.
func (w *World) SameNews(t *testing.T, want ...string) {
	t.Helper()
	if got := w.News(); !slices.Equal(got, want) {
		t.Errorf("at %s the events are %q, want %q", time.Now().Format(time.DateTime), got, want)
	}
}

// LastText is the text of the last event.
func (w *World) LastText() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[len(w.events)-1].Text
}

// Dump writes a dump with one session for each id.
func (w *World) Dump(t *testing.T, key, date string, ids ...int) {
	t.Helper()
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, `{"event_id":"%[1]d-1","ts":"%[2]sT08:00:00Z","session_id":%[1]d,"type":"session_created","session_type":"applet"}
{"event_id":"%[1]d-2","ts":"%[2]sT08:01:00Z","session_id":%[1]d,"type":"status_changed","status":"active","technician":{"id":11,"name":"Ada Kok"}}
{"event_id":"%[1]d-3","ts":"%[2]sT08:05:00Z","session_id":%[1]d,"type":"status_changed","status":"closed_by_technician"}
`, id, date)
	}
	w.Put(t, key, b.String())
}

// Put writes an object of the source.
func (w *World) Put(t *testing.T, key, text string) {
	t.Helper()
	if _, err := w.Source.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// Days writes dumps of n days from 1 January on, with one session each.
func (w *World) Days(t *testing.T, n int) {
	for d := 1; d <= n; d++ {
		w.Dump(t, fmt.Sprintf("2000/01/%02d/a.ndjson", d), fmt.Sprintf("2000-01-%02d", d), d)
	}
}

// Broken is a dump that cannot be read, if its key ends in .gz.
const Broken = "\x1f\x8bno gzip"

// At waits until a moment of January 2000.
func At(t *testing.T, dayAndClock string) {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04:05", "2000-01-"+dayAndClock)
	if err != nil {
		t.Fatal(err)
	}
	if time.Until(moment) < 0 {
		t.Fatalf("it is %s already", time.Now())
	}
	time.Sleep(time.Until(moment))
	synctest.Wait()
}

// Manifest is the manifest of a day; nil if it is not published.
func (w *World) Manifest(t *testing.T, rep, date string) *publish.Manifest {
	t.Helper()
	base, err := publish.Read(t.Context(), w.Sink, "reports/"+rep+"/dt="+date+"/")
	if err != nil {
		t.Fatal(err)
	}
	return base.Manifest
}

// Wants compares the states of a report's days, by day of the month.
func (r *Replica) Wants(t *testing.T, rep string, want map[string]states.State) {
	t.Helper()
	for i := range r.Snapshot().Reports {
		if s := &r.Snapshot().Reports[i]; s.Name == rep {
			got := map[string]states.State{}
			for _, p := range s.Days {
				got[p.ID.Name()[len("2000-01-"):]] = p.State
			}
			for name, state := range want {
				if got[name] != state {
					t.Errorf("at %s %s %s is %q, want %q", time.Now().Format(time.DateTime), rep, name, got[name], state)
				}
			}
		}
	}
}

// Metric is the value of a gauge or counter whose labels have these values, in any order.
func (r *Replica) Metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(labels)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			slices.Sort(values)
			if f.GetName() == name && slices.Equal(values, labels) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue() // it is one of them
			}
		}
	}
	t.Fatalf("there is no %s of %q", name, labels)
	return 0
}

// Main runs the tests of a package. It first writes a file outside of any synctest bubble,
// as all later files share the channels that it makes.
func Main(m *testing.M) {
	w := New()
	const key, line = "2000/01/01/a.ndjson", `{"event_id":"1","ts":"2000-01-01T08:00:00Z","session_id":1,"type":"session_created","session_type":"applet"}`
	template, err := dump.ParseTemplate(w.Config.Source.Key)
	if err == nil {
		_, err = w.Source.Put(context.Background(), key, strings.NewReader(line), int64(len(line)), store.Condition{})
	}
	if err == nil {
		r := &settings.Pipeline{Source: w.Source, Sink: w.Sink, Dumps: dump.Sources{{Template: template}}, Lookback: 1, Budget: parallel.NewBudget(0, 0), Reports: []settings.Report{{Definition: report.Definition{Name: "first", Zone: time.UTC}}}}
		var result *build.Result
		if result, err = (&build.Builder{Settings: r}).Run(context.Background(), partition.Everything(), build.OnlyDue); err == nil {
			err = result.Err()
		}
	}
	if err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
