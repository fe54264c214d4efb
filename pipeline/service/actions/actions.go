// Package actions parses what users ask for in the console: run, rebuild, backfill and
// retry. The command line has the same actions. Package service carries them out. An action
// that is not valid has the error ErrInvalid, with the reason.
package actions

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"daybook/pipeline/partition"
	"daybook/pipeline/settings"
	"daybook/pipeline/words"
	"daybook/transform/day"
)

// ErrInvalid means that an action is not valid.
var ErrInvalid = errors.New("invalid action")

// ErrBusy means that too many actions wait already.
var ErrBusy = errors.New("too many actions are waiting; try again when one has finished")

// Action is a request of a user.
type Action struct {
	Verb   string         `json:"verb"`
	Kind   partition.Kind `json:"kind,omitempty"`   // digest: retry only the digests of the dump days; empty: all kinds
	Report string         `json:"report,omitempty"` // empty: all
	From   string         `json:"from"`             // a day, or a month
	To     string         `json:"to,omitempty"`     // a day; empty: only From
	By     User           `json:"-"`
}

// User is who asks for an action.
type User struct {
	User    string // as the proxy names it; "token": a login with the token
	Role    string
	Address string // the peer of the connection
}

// Token is the user of a login with the token.
const Token = "token"

// ErrUnrecorded means that the audit log could not be written, and that nothing was done.
var ErrUnrecorded = errors.New("the audit log in the sink cannot be written, so nothing was done; try again when the sink works")

// The verbs of actions.
const (
	Run      = "run"      // build missing and stale partitions
	Rebuild  = "rebuild"  // build fresh partitions, too
	Backfill = "backfill" // run over a range of days
	Retry    = "retry"    // try failed partitions now, also those set aside
)

// Request is a parsed action.
type Request struct {
	from, to day.Day
	month    bool               // from and to are one whole month
	digests  bool               // only the digests of these dump days
	reports  []settings.Report  // that are asked for
	settings *settings.Pipeline // of all reports
}

// Pipeline is the settings with the reports that are asked for.
func (r *Request) Pipeline() *settings.Pipeline {
	p := *r.settings
	p.Reports = r.reports
	return &p
}

// Target is the days to build. A month ends yesterday. The error, which wraps ErrInvalid,
// says that no day of the month is over, or that a day is not: its dumps are still to
// come.
func (r *Request) Target() (partition.Target, error) {
	if end := r.settings.EndOf(r.to); !r.month && r.settings.Now().Before(end) {
		return partition.Target{}, fmt.Errorf("%w: %s is not over; it ends at %s (%s); choose an earlier day",
			ErrInvalid, r.to, end.Format("15:04 on 2006-01-02"), end.Location())
	}
	if !r.month {
		return partition.Days(r.from, r.to), nil
	}
	target, ok := partition.WholeMonth(r.from.Month()).Until(r.settings.Yesterday())
	if !ok {
		return target, fmt.Errorf("%w: no day of %s is over; name the days to build them all the same", ErrInvalid, target)
	}
	return target, nil
}

// Covers reports whether the request includes a partition. It includes a digest if
// one of its days needs the digest.
func (r *Request) Covers(id partition.ID) bool {
	days := partition.Period{From: r.from, To: r.to}
	if r.digests {
		return id.Kind == partition.Digest && days.Contains(id.Day())
	}
	if id.Kind == partition.Digest {
		return r.settings.Needed(days).Contains(id.Day())
	}
	return r.has(id.Report) && id.Period.To >= r.from && id.Period.From <= r.to
}

func (r *Request) has(report string) bool {
	return slices.ContainsFunc(r.reports, func(rep settings.Report) bool { return rep.Name == report })
}

// Parse checks an action against the configured reports. The error wraps ErrInvalid.
func (a *Action) Parse(p *settings.Pipeline) (*Request, error) {
	r, err := a.parse(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return r, nil
}

func (a *Action) parse(p *settings.Pipeline) (*Request, error) {
	r := &Request{reports: p.Reports, settings: p}
	switch a.Verb {
	case Run, Rebuild, Backfill, Retry:
	default:
		return nil, fmt.Errorf("there is no action %q; use run, rebuild, backfill or retry", words.Shortened(a.Verb, 32))
	}
	switch r.digests = a.Kind == partition.Digest; {
	case a.Kind != "" && !r.digests:
		return nil, fmt.Errorf("there is no action on the kind %q; use digest, or give a report", words.Shortened(string(a.Kind), 32))
	case r.digests && a.Verb != Retry:
		return nil, fmt.Errorf("%s makes reports; a digest can only be retried", a.Verb)
	case r.digests && a.Report != "":
		return nil, errors.New("a digest belongs to no report; leave the report out")
	}
	if a.Report != "" {
		i := slices.IndexFunc(p.Reports, func(rep settings.Report) bool { return rep.Name == a.Report })
		if i < 0 {
			return nil, fmt.Errorf("there is no report %q", words.Shortened(a.Report, 64))
		}
		r.reports = p.Reports[i : i+1]
	}
	if m, err := day.ParseEventMonth(a.From); err == nil && a.To == "" {
		r.from, r.to, r.month = m.First(), m.Last(), true
		return r, nil
	}
	var err error
	if r.from, err = day.ParseEventDate(a.From); err != nil {
		return nil, err
	}
	r.to = r.from
	if a.To != "" {
		if r.to, err = day.ParseEventDate(a.To); err != nil {
			return nil, err
		}
	}
	if r.to < r.from {
		return nil, fmt.Errorf("%s is before %s", r.to, r.from)
	}
	return r, nil
}

// String is the action as the run records show it.
func (a *Action) String() string {
	parts := []string{a.Verb}
	if a.Kind != "" {
		parts = append(parts, string(a.Kind))
	}
	if a.Report != "" {
		parts = append(parts, a.Report)
	}
	parts = append(parts, a.From)
	if a.To != "" && a.To != a.From {
		parts = append(parts, "to", a.To)
	}
	return strings.Join(parts, " ")
}

// Trigger is the action with its user, if that one is known.
func (a *Action) Trigger() string {
	if a.By.User == "" || a.By.User == Token {
		return a.String()
	}
	return a.String() + " by " + a.By.User
}
