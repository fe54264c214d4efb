// Package replica holds what the parts of one replica of a service share: its name and
// log, the configuration in force, the lease, the lifecycle of its runs, and the store of
// the controller state. The sink is always that of the configuration in force.
package replica

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"daybook/pipeline/catalog"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/service/courier"
	"daybook/pipeline/service/metrics"
	"daybook/sinks/lease"
)

// Replica is what the parts of one replica share. Each part is safe for concurrent use.
type Replica struct {
	Name       string // in logs, the lease and run records
	Log        *slog.Logger
	Config     *ActiveConfig
	Cache      *catalog.Cache // of manifests
	Metrics    *metrics.Metrics
	Lease      *lease.Lease
	Life       *Lifecycle
	Controller *controller.Store
	Lineage    *courier.Courier
	LookNeeded Signal // a look should start before its next tick
}

// New makes a replica. It starts no work.
func New(name string, log *slog.Logger, reg prometheus.Registerer, c *Config) *Replica {
	active := new(ActiveConfig)
	active.Store(c)
	r := &Replica{
		Name: name, Log: log, Config: active, Cache: catalog.NewCache(), Metrics: metrics.New(reg),
		Life: newLifecycle(), Controller: controller.NewStore(active.Sink), LookNeeded: NewSignal(),
	}
	r.Lineage = courier.New(r.Controller, active.Sink)
	r.Lease = newLease(name, active, r.leaseChanged)
	return r
}

// leaseChanged starts a look as soon as this replica has got the lease.
func (r *Replica) leaseChanged(state lease.State) {
	if state.Mine {
		r.Log.Info("got the lease", "generation", state.Generation, "since", state.Since)
		r.LookNeeded.Send()
		return
	}
	r.Log.Info("lost or released the lease", "generation", state.Generation)
}

// Guarded is the job with a panic turned into an error, which is logged.
func (r *Replica) Guarded(name string, job func() error) func() error {
	return func() (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = fmt.Errorf("%v; this is a bug of daybook, please report it", value)
				r.Log.Error("a job panicked", "job", name, "error", err, "stack", string(debug.Stack()))
			}
		}()
		return job()
	}
}

// Signal wakes a goroutine. Signals sent before it wakes up count as one.
type Signal chan struct{}

// NewSignal makes a signal.
func NewSignal() Signal { return make(Signal, 1) }

// Send sends the signal. It does not wait.
func (s Signal) Send() {
	select {
	case s <- struct{}{}:
	default: // one is pending already
	}
}
