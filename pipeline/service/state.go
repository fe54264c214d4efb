package service

import (
	"encoding/json"
	"time"

	"daybook/pipeline/build"
	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/transform/event"
)

// State is what the service knew at one moment. It does not change any more,
// and may be kept.
type State struct {
	Time     time.Time      `json:"time"`     // of the last look at source and sink; zero before the first
	Problem  string         `json:"problem"`  // why the last look failed; empty if it did not
	Lease    Lease          `json:"lease"`    // who works
	Reports  []Report       `json:"reports"`  // in the order of the configuration
	Digests  []Partition    `json:"digests"`  // by day
	Running  []Running      `json:"running"`  // here, in the order of their beginning
	Progress Progress       `json:"progress"` // of the run under way
	Alerts   []Alert        `json:"alerts"`   // open ones, the oldest first
	TooLate  []catalog.Late `json:"too_late"`
	Unknown  []string       `json:"unknown"` // names under the days' prefixes that are no dumps
}

// Lease is who holds the lease.
type Lease struct {
	Holder     string    `json:"holder"` // a replica's name; empty: nobody
	Mine       bool      `json:"mine"`
	Generation int64     `json:"generation"`
	Since      time.Time `json:"since"` // the service has been alive since, on whichever replica
}

// Report is one report and its partitions.
type Report struct {
	Name      string            `json:"name"`
	Timezone  string            `json:"timezone"`
	Settings  map[string]string `json:"settings"` // its definition in words, by name
	Days      []Partition       `json:"days"`     // oldest first, without gaps
	Months    []Partition       `json:"months"`   // oldest first, without gaps
	NextDay   Drop              `json:"next_day"` // the next drop that is not published
	NextMonth Drop              `json:"next_month"`
}

// Drop is when a partition is to be published.
type Drop struct {
	Partition string    `json:"partition"`
	At        time.Time `json:"at"`       // of the drop
	First     time.Time `json:"first"`    // and of its first publication, a grace later
	Deadline  time.Time `json:"deadline"` // after which it is late
	Why       string    `json:"why"`      // it is due or is not, in words
}

// PartitionState is how a partition is, in one word.
type PartitionState string

// The states.
const (
	Missing   PartitionState = "missing"   // nobody was running when it fell due, and no run makes it; its reasons say what does
	Waiting   PartitionState = "waiting"   // for its drop, its grace, or its days
	Queued    PartitionState = "queued"    // the next run makes it
	Building  PartitionState = "running"   // it is being made
	Published PartitionState = "published" // for the first time, and fresh
	Restated  PartitionState = "restated"  // more than once, and fresh
	Stale     PartitionState = "stale"     // published, and its inputs have changed
	Failed    PartitionState = "failed"    // the last attempt did, and there will be another
	SetAside  PartitionState = "set_aside" // it failed too often
	Empty     PartitionState = "empty"     // published and fresh, without rows
)

// Partition is a day or month of a report, or the digest of a dump day.
type Partition struct {
	ID        partition.ID   `json:"-"`
	State     PartitionState `json:"state"`
	Late      bool           `json:"late,omitempty"` // its deadline has passed, and it is not published
	Reasons   []string       `json:"reasons,omitempty"`
	Revision  int            `json:"revision,omitempty"` // of what is published; 0: nothing
	Rows      int64          `json:"rows,omitempty"`
	Sessions  int64          `json:"sessions,omitempty"`
	Bytes     int64          `json:"bytes,omitempty"`
	Published time.Time      `json:"published,omitzero"` // when its revision was
	Drop      time.Time      `json:"drop,omitzero"`
	Deadline  time.Time      `json:"deadline,omitzero"`
	Failure   string         `json:"failure,omitempty"`  // of the last attempt
	Attempts  int            `json:"attempts,omitempty"` // that failed in a row
	Again     time.Time      `json:"again,omitzero"`     // when it is tried again
}

// Name is the day or month: 2026-11-20, or 2026-11.
func (p Partition) Name() string { return p.ID.Name() }

// MarshalJSON writes the partition with its identity in words; its report is the
// one that it is listed under.
func (p Partition) MarshalJSON() ([]byte, error) {
	type fields Partition
	return json.Marshal(struct {
		Kind partition.Kind `json:"kind"`
		Name string         `json:"name"`
		fields
	}{p.ID.Kind, p.ID.Name(), fields(p)})
}

// Running is a step under way.
type Running struct {
	ID     partition.ID
	Run    string // its id
	Reason string
	Begun  time.Time
}

// MarshalJSON writes the step with its identity in words.
func (r Running) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Run       string         `json:"run"`
		Kind      partition.Kind `json:"kind"`
		Report    string         `json:"report,omitempty"`
		Partition string         `json:"partition"`
		Reason    string         `json:"reason"`
		Begun     time.Time      `json:"begun"`
	}{r.Run, r.ID.Kind, r.ID.Report, r.ID.Name(), r.Reason, r.Begun})
}

// Progress is how far the run under way is. All are zero if there is none.
type Progress struct {
	Run       string `json:"run,omitempty"`
	Steps     int64  `json:"steps"`
	StepsDone int64  `json:"steps_done"`
	Bytes     int64  `json:"bytes"`
	BytesRead int64  `json:"bytes_read"`
	Lines     int64  `json:"lines"`
}

// Alert is something that people should know until it is over. Where many
// partitions of a report are late, or fail, it is of them combineEvents, and names
// the first and the last one.
type Alert struct {
	ID        string         `json:"id"`
	Kind      string         `json:"kind"` // late, failed or set_aside
	Report    string         `json:"report,omitempty"`
	Partition string         `json:"partition"`
	What      partition.Kind `json:"what"`
	Text      string         `json:"text"`
	Since     time.Time      `json:"since"`
	Told      int            `json:"told,omitempty"` // how many there were when people were told last; 0: it is of one
}

// Run is one run of the past: who did what, and what came of it.
type Run struct {
	ID         string           `json:"id"`
	Replica    string           `json:"replica"`
	Trigger    string           `json:"trigger"` // schedule, or an action in words
	Begun      time.Time        `json:"begun"`
	Ended      time.Time        `json:"ended"`
	Outcome    string           `json:"outcome"` // done, failed or interrupted
	Error      string           `json:"error,omitempty"`
	Steps      []build.Done     `json:"steps"`
	Accounting event.Accounting `json:"accounting"`
}

// Action is something that people ask the service to do, as the command line
// can, too.
type Action struct {
	Verb   string `json:"verb"`
	Report string `json:"report,omitempty"` // empty: all
	From   string `json:"from"`             // a day, or a month
	To     string `json:"to,omitempty"`     // a day; empty: only From
}

// The verbs of actions.
const (
	VerbRun      = "run"      // build what is missing or stale
	VerbRebuild  = "rebuild"  // build also what is fresh
	VerbBackfill = "backfill" // run, of a range of days
	VerbRetry    = "retry"    // try again what failed or was set aside
)
