package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"daybook/pipeline/catalog"
	"daybook/pipeline/partition"
	"daybook/pipeline/plan"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/transform/event"
)

// Only selects which steps of a plan are built.
type Only string

// The selections. OnlyDue is everything that is missing or stale.
const (
	OnlyDue     Only = ""
	OnlyMissing Only = "missing"
	OnlyStale   Only = "stale"
	OnlyFailed  Only = "failed" // due, and failed at the last attempt
	OnlyAll     Only = "all"    // what is fresh, too, from its dumps on
)

func (o Only) selects(s *plan.Step) bool {
	switch o {
	case OnlyMissing:
		return s.Status == plan.Missing
	case OnlyStale:
		return s.Status == plan.Stale
	case OnlyFailed:
		return s.Due() && s.Failed != ""
	case OnlyAll:
		return s.Due() || s.Status == plan.Fresh && s.Action != plan.Keep
	}
	return s.Due()
}

// Result is what a run came to.
type Result struct {
	Target     string           `json:"target"`
	Steps      []Done           `json:"steps"` // in the order of a plan
	Fresh      int              `json:"fresh"` // steps that were fresh already
	Dumps      int              `json:"dumps"` // that were read
	DumpBytes  int64            `json:"dump_bytes"`
	Accounting event.Accounting `json:"accounting"` // of these dumps
	TooLate    []catalog.Late   `json:"too_late"`
	Unknown    []string         `json:"unknown"`         // as in a plan
	Forms      map[string]int   `json:"forms,omitempty"` // of these dumps, those that are documents or arrays
	Unread     dump.Unread      `json:"unread,omitzero"` // likewise

	// Unpacked is why the copies of the manifests could not be stored: the next run reads
	// more manifests one by one.
	Unpacked error `json:"-"`

	// NoDumps is how many of the steps that were done are days without dumps of their
	// own: their rows come from the dumps of other days.
	NoDumps int `json:"days_without_dumps"`

	// Empty are the days that were published without rows, and of whose own dumps
	// none has a line. Unfed says that no day of the target has such a line: the
	// target, or the place of the dumps, may be wrong.
	Empty []string `json:"empty_days,omitempty"`
	Unfed bool     `json:"target_has_no_lines,omitempty"`

	Waiting []Waiting `json:"waiting,omitempty"` // months that are not complete yet
}

// Waiting is a month that cannot be built yet.
type Waiting struct {
	Report string `json:"report"`
	Month  string `json:"partition"`
	Why    string `json:"why"`
}

// add adds a step that was done, and what it read.
func (r *Result) add(d Done) {
	r.Steps = append(r.Steps, d)
	if read := d.Read; read != nil {
		r.Dumps += read.Dumps
		r.DumpBytes += read.Bytes
		r.Accounting.Add(&read.Accounting)
		for form, n := range read.Forms {
			if r.Forms == nil {
				r.Forms = map[string]int{}
			}
			r.Forms[form] += n
		}
	}
}

func (r *Result) addWaiting(s *plan.Step) {
	r.Waiting = append(r.Waiting, Waiting{s.ID.Report, s.ID.Name(), strings.Join(s.Reasons, "; ")})
}

// Failed reports whether a step failed.
func (r *Result) Failed() bool {
	return slices.ContainsFunc(r.Steps, func(d Done) bool { return d.Err != nil })
}

// Err joins the errors of all steps.
func (r *Result) Err() error {
	var errs []error
	for i := range r.Steps {
		errs = append(errs, r.Steps[i].Err)
	}
	return errors.Join(errs...)
}

// Done is a step that was done, or failed.
type Done struct {
	ID         partition.ID
	State      publish.State // or Mended; empty if it failed
	Reason     string
	Revision   int
	Rows       int64 // digests: sessions
	Bytes      int64
	URL        string
	Warnings   []string // checks that failed, and do not block
	Apart      Apart
	Oversized  int64  // sessions that are too large, and have no rows
	Quarantine string // URL of the rejected lines; empty if there are none
	Error      string // Err in words
	Waits      bool   // it was not tried, because it needs a step that failed; Error says which
	Err        error  // why it failed; nil if it did not, or if the record was read back

	Manifest *publish.Manifest // of a day or month that is published now; nil if the record was read back
	Read     *Read             // by a digest, to the end of its dumps; likewise
}

// Read is what a step read.
type Read struct {
	Dumps      int              `json:"dumps"`
	Bytes      int64            `json:"bytes"`
	Accounting event.Accounting `json:"accounting"`
	Forms      map[string]int   `json:"forms,omitempty"` // of these dumps, those that are documents or arrays
}

// Apart counts sessions that are told as several, since they are silent for longer than
// the look-back.
type Apart struct {
	Sessions int64 `json:"sessions"`
	Lookback int   `json:"lookback_days"` // that would join all of them
}

// doneRecord is the form of Done in JSON.
type doneRecord struct {
	Kind       partition.Kind `json:"kind"`
	Report     string         `json:"report,omitempty"`
	Partition  string         `json:"partition"`
	State      publish.State  `json:"state"`
	Reason     string         `json:"reason"`
	Revision   int            `json:"revision,omitempty"`
	Rows       int64          `json:"rows"`
	Bytes      int64          `json:"bytes"`
	URL        string         `json:"url,omitempty"`
	Warnings   []string       `json:"warnings,omitempty"`
	Apart      Apart          `json:"apart,omitzero"`
	Oversized  int64          `json:"oversized_sessions,omitempty"`
	Quarantine string         `json:"quarantine,omitempty"`
	Error      string         `json:"error,omitempty"`
	Waits      bool           `json:"waits,omitempty"`
}

// MarshalJSON writes the step as `daybook run --json` and records of runs have it.
func (d Done) MarshalJSON() ([]byte, error) {
	return json.Marshal(doneRecord{
		d.ID.Kind, d.ID.Report, d.ID.Name(), d.State, d.Reason, d.Revision, d.Rows, d.Bytes,
		d.URL, d.Warnings, d.Apart, d.Oversized, d.Quarantine, d.Error, d.Waits,
	})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Done) UnmarshalJSON(text []byte) error {
	var r doneRecord
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	period, err := partition.ParsePeriod(r.Kind, r.Partition)
	if err != nil {
		return err
	}
	*d = Done{
		ID:    partition.ID{Report: r.Report, Kind: r.Kind, Period: period},
		State: r.State, Reason: r.Reason, Revision: r.Revision, Rows: r.Rows, Bytes: r.Bytes,
		URL: r.URL, Warnings: r.Warnings, Apart: r.Apart, Oversized: r.Oversized, Quarantine: r.Quarantine, Error: r.Error, Waits: r.Waits,
	}
	return nil
}

// describe fills in which step was done, and why.
func (d *Done) describe(s *plan.Step) {
	d.ID = s.ID
	if d.Err != nil {
		d.Error = d.Err.Error()
		d.Waits = errors.As(d.Err, new(*Blocked))
	}
	switch {
	case d.Reason != "":
	case d.Err != nil: // nothing was published, so the reasons of the plan still hold
		d.Reason = strings.Join(s.Reasons, "; ")
	default:
		d.Reason = s.Cause()
	}
}

// Mended is the state of a partition whose damaged files have been put again; its
// content is unchanged.
const Mended publish.State = "mended"

// Blocked is why a step was not tried: it needs something that failed.
type Blocked struct{ By, Why string }

func (b *Blocked) Error() string { return fmt.Sprintf("waits for %s: %s", b.By, b.Why) }
