// Package states says how every report stands: the partitions with their states, the
// verdict on each report, open alerts, and the work under way. It holds plain data and
// pure functions. The console, the metrics, /readyz, the webhooks and daybook plan all
// read it.
//
// Times are instants; a zero time stands for an unknown one. Sizes are in bytes. Reasons
// and failures are texts for people.
package states

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/sources/dump"
)

// Snapshot is what a replica knew at one moment. It is immutable and may be kept.
type Snapshot struct {
	Time     time.Time   `json:"time"`    // when the last look began; zero before the first
	Problem  string      `json:"problem"` // error of the last look; empty if it succeeded
	Lease    Lease       `json:"lease"`
	Reports  []Report    `json:"reports"`  // in the order of the configuration
	Digests  []Partition `json:"digests"`  // by day
	Running  []Running   `json:"running"`  // on this replica, in order of their start
	Progress Progress    `json:"progress"` // of the run under way on this replica
	Alerts   []Alert     `json:"alerts"`   // open ones, oldest first

	Deliveries []Delivery `json:"deliveries,omitempty"` // to people, by name

	TooLate []catalog.Late `json:"too_late"`
	Unknown []string       `json:"unknown"`         // objects under the days' prefixes that are not dumps
	Unread  dump.Unread    `json:"unread,omitzero"` // objects that look like dumps and are read for no day
}

// Delivery is the last message that a delivery to people has posted.
type Delivery struct {
	Name     string    `json:"name"`             // such as sessions/day/email: the report, how often, the form
	Period   string    `json:"period,omitempty"` // that the message is about; empty: none was posted yet
	Revision string    `json:"revision,omitempty"`
	Posted   time.Time `json:"posted,omitzero"`
	Outcome  string    `json:"outcome,omitempty"` // sent or given up; empty while it is tried
	Ended    time.Time `json:"ended,omitzero"`
	Error    string    `json:"error,omitempty"` // of the last attempt
}

// Of says whether the delivery is of a report.
func (d *Delivery) Of(report string) bool { return strings.HasPrefix(d.Name, report+"/") }

// Lease says which replica holds the lease.
type Lease struct {
	Holder     string    `json:"holder"` // a replica's name; empty: none
	Mine       bool      `json:"mine"`
	Generation int64     `json:"generation"`
	Since      time.Time `json:"since"` // some replica has been alive without a break since
}

// Report is one report and its partitions.
type Report struct {
	Name      string            `json:"name"`
	Timezone  string            `json:"timezone"`
	Verdict   Verdict           `json:"verdict"`
	Settings  map[string]string `json:"settings"` // its definition, by setting
	Days      []Partition       `json:"days"`     // oldest first, without gaps
	Months    []Partition       `json:"months"`   // oldest first, without gaps
	NextDay   Drop              `json:"next_day"` // the next drop that is not published
	NextMonth Drop              `json:"next_month"`
	Broken    []BrokenDay       `json:"broken_dump_days,omitempty"` // that it needs, by day
}

// Drop says when a partition is published.
type Drop struct {
	Partition string    `json:"partition"`
	At        time.Time `json:"at"`       // when it drops
	First     time.Time `json:"first"`    // when it is first published, a grace later
	Deadline  time.Time `json:"deadline"` // after which it is late
	Why       string    `json:"why"`      // why it is due or is not
}

// State is the state of a partition.
type State string

// The states.
const (
	Missing   State = "missing"   // no replica was running when it fell due, and catch_up leaves it out; its reasons say what to do
	Waiting   State = "waiting"   // for its drop, its grace, or its days
	Queued    State = "queued"    // the next run builds it
	Building  State = "running"   // it is being built
	Published State = "published" // for the first time, and fresh
	Restated  State = "restated"  // again, and fresh
	Stale     State = "stale"     // published, and its inputs have changed
	Failed    State = "failed"    // the last attempt failed; another one follows
	SetAside  State = "set_aside" // it failed too often; no attempt follows
	Empty     State = "empty"     // published and fresh, without rows
)

// All are all states.
var All = []State{Missing, Waiting, Queued, Building, Published, Restated, Stale, Failed, SetAside, Empty}

// Fresh reports whether a partition in this state is published and up to date.
func (s State) Fresh() bool { return s == Published || s == Restated || s == Empty }

// Partition is a day or month of a report, or the digest of a dump day.
type Partition struct {
	ID        partition.ID `json:"-"`
	State     State        `json:"state"`
	Late      bool         `json:"late,omitempty"` // its deadline has passed, and it is not published
	Reasons   []string     `json:"reasons,omitempty"`
	Revision  int          `json:"revision,omitempty"` // 0: not published
	Rows      int64        `json:"rows,omitempty"`
	Sessions  int64        `json:"sessions,omitempty"`
	Bytes     int64        `json:"bytes,omitempty"`
	Published time.Time    `json:"published,omitzero"` // time of this revision
	Drop      time.Time    `json:"drop,omitzero"`
	Deadline  time.Time    `json:"deadline,omitzero"`
	Failure   string       `json:"failure,omitempty"`  // error of the last attempt
	Attempts  int          `json:"attempts,omitempty"` // failed ones in a row
	Again     time.Time    `json:"again,omitzero"`     // when it is retried
}

// Name is the day or month: 2026-11-20, or 2026-11.
func (p Partition) Name() string { return p.ID.Name() }

// MarshalJSON writes the ID as kind and name. The report is the one that lists the
// partition.
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

// MarshalJSON writes the ID as kind, report and partition.
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

// Progress is the progress of the run under way, or zero.
type Progress struct {
	Run       string `json:"run,omitempty"`
	Steps     int64  `json:"steps"`
	StepsDone int64  `json:"steps_done"`
	Bytes     int64  `json:"bytes"`
	BytesRead int64  `json:"bytes_read"`
	Lines     int64  `json:"lines"`
}

// Alert is a problem that is open. If many partitions of a report are late or
// fail, one alert combines them; its Partition is "first to last".
type Alert struct {
	ID        string         `json:"id"`
	Kind      string         `json:"kind"` // one of those below
	Report    string         `json:"report,omitempty"`
	Partition string         `json:"partition"`
	What      partition.Kind `json:"what"`
	Text      string         `json:"text"`
	Since     time.Time      `json:"since"`
	Told      int            `json:"told,omitempty"` // of a combined alert: how many partitions the last event named; 0: not combined
}

// The kinds of alerts.
const (
	AlertLate     = "late"
	AlertFailed   = "failed"
	AlertSetAside = "set_aside"
)

// Series is all partitions of one kind of a report.
type Series struct {
	Report string
	Kind   partition.Kind
}

// SeriesOf is the series of a partition.
func SeriesOf(id partition.ID) Series { return Series{id.Report, id.Kind} }

// NewSnapshot is the snapshot before the first look.
func NewSnapshot(reports []settings.Report) *Snapshot {
	s := &Snapshot{Reports: []Report{}, Digests: []Partition{}, Running: []Running{}, Alerts: []Alert{}, TooLate: []catalog.Late{}, Unknown: []string{}}
	for i := range reports {
		rep := &reports[i]
		s.Reports = append(s.Reports, Report{Name: rep.Name, Timezone: rep.Zone.String(), Settings: rep.Text, Days: []Partition{}, Months: []Partition{}})
		s.Reports[i].Verdict = VerdictOf(&s.Reports[i])
	}
	return s
}

// MarkRunning sets the state of the partitions that are being built. It copies
// what other snapshots share.
func (s *Snapshot) MarkRunning() {
	if len(s.Running) == 0 {
		return
	}
	s.Reports, s.Digests = slices.Clone(s.Reports), slices.Clone(s.Digests)
	for i := range s.Reports {
		s.Reports[i].Days, s.Reports[i].Months = slices.Clone(s.Reports[i].Days), slices.Clone(s.Reports[i].Months)
	}
	for i := range s.Running {
		if p := s.Find(s.Running[i].ID); p != nil {
			p.State = Building
		}
	}
}

// Find returns a partition; nil if the snapshot does not have it.
func (s *Snapshot) Find(id partition.ID) *Partition {
	partitions := s.Digests
	if id.Kind != partition.Digest {
		i := slices.IndexFunc(s.Reports, func(rep Report) bool { return rep.Name == id.Report })
		if i < 0 {
			return nil
		}
		if partitions = s.Reports[i].Days; id.Kind == partition.Month {
			partitions = s.Reports[i].Months
		}
	}
	i := slices.IndexFunc(partitions, func(p Partition) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &partitions[i]
}
