package partition_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/transform/day"
)

var (
	theDay   = day.Date(2026, time.November, 20)
	theMonth = day.MonthOf(2026, time.November)
)

// Every identity has its names and places, and can be read back.
func TestID(t *testing.T) {
	for _, c := range []struct {
		id                                                partition.ID
		name, text, key, dir, summaries, failure, dataset string
	}{
		{partition.DigestID(theDay), "2026-11-20", "digest 2026-11-20", "digest//2026-11-20",
			"state/digests/dt=2026-11-20/", "", "state/failed/digest/-/2026-11-20.json", ""},
		{partition.DayID("sessions", theDay), "2026-11-20", "day 2026-11-20 of sessions", "day/sessions/2026-11-20",
			"reports/sessions/dt=2026-11-20/", "summaries/sessions/day/2026-11-20/", "state/failed/day/sessions/2026-11-20.json", "sessions"},
		{partition.MonthID("sessions", theMonth), "2026-11", "month 2026-11 of sessions", "month/sessions/2026-11",
			"reports_monthly/sessions/month=2026-11/", "summaries/sessions/month/2026-11/", "state/failed/month/sessions/2026-11.json", "sessions_monthly"},
	} {
		if c.id.Name() != c.name || c.id.String() != c.text || c.id.Dir() != c.dir || c.id.ManifestKey() != "_manifests/"+strings.TrimSuffix(c.dir, "/")+".json" || c.id.FailureKey() != c.failure {
			t.Errorf("%s: %s, %s, %s, %s", c.id, c.id.Name(), c.id.Dir(), c.id.ManifestKey(), c.id.FailureKey())
		}
		if c.summaries != "" && (c.id.SummaryDir() != c.summaries || c.id.Dataset() != c.dataset) {
			t.Errorf("%s: %s, %s", c.id, c.id.SummaryDir(), c.id.Dataset())
		}
		if of, ok := partition.OfDir(c.dir); !ok || of != c.id {
			t.Errorf("%s is of %s", c.dir, of)
		}
		if parsed, err := partition.Parse(c.id.Report, c.name); err != nil || parsed != c.id {
			t.Errorf("%q of %q is %s: %v", c.name, c.id.Report, parsed, err)
		}
		text, err := json.Marshal(map[partition.ID]int{c.id: 1})
		if err != nil || string(text) != `{"`+c.key+`":1}` {
			t.Errorf("%s as JSON: %s, %v", c.id, text, err)
		}
		var back map[partition.ID]int
		if err := json.Unmarshal(text, &back); err != nil || back[c.id] != 1 {
			t.Errorf("%s from JSON: %v, %v", text, back, err)
		}
	}
}

func TestNoID(t *testing.T) {
	for _, dir := range []string{
		"", "reports/", "reports/sessions/", "reports/sessions/dt=2026-11-20", "reports/sessions/dt=2026-11-31/", "reports/sessions/month=2026-11/",
		"reports/sessions/2026-11-20/", "reports_monthly/sessions/dt=2026-11-20/", "reports/sessions/x/dt=2026-11-20/", "summaries/sessions/day/2026-11-20/",
		"state/digests/dt=2026-11/", "state/failed/dt=2026-11-20/", "_quarantine/dt=2026-11-20/",
	} {
		if id, ok := partition.OfDir(dir); ok {
			t.Errorf("%s is of %s", dir, id)
		}
	}
	for _, c := range []struct{ report, name string }{
		{"sessions", ""}, {"sessions", "2026"}, {"sessions", "2026-11-31"}, {"sessions", "2026-13"}, {"", "2026-11"}, {"", "today"},
	} {
		if id, err := partition.Parse(c.report, c.name); err == nil {
			t.Errorf("%q of %q is %s", c.name, c.report, id)
		}
	}
	for _, text := range []string{
		"", "day", "day/sessions", "day//2026-11-20", "day/sessions/2026-11", "month/sessions/2026-11-20", "month//2026-11",
		"digest/sessions/2026-11-20", "week/sessions/2026-11-20", "day/sessions/2026-11-20/x",
	} {
		var id partition.ID
		if err := id.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, id)
		}
	}
}

// Digests come first, then days, then months; among those, reports and then periods.
func TestCompare(t *testing.T) {
	want := []partition.ID{
		partition.DigestID(theDay), partition.DigestID(theDay + 1),
		partition.DayID("a", theDay), partition.DayID("a", theDay+1), partition.DayID("b", theDay),
		partition.MonthID("a", theMonth), partition.MonthID("b", theMonth-1),
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, partition.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPeriod(t *testing.T) {
	m := partition.OfMonth(theMonth)
	if m.NumDays() != 30 || len(m.Days()) != 30 || m.Days()[29].String() != "2026-11-30" || m.String() != "2026-11" {
		t.Errorf("%s has %d days: %v", m, m.NumDays(), m.Days())
	}
	for d, want := range map[day.Day]bool{m.From - 1: false, m.From: true, m.To: true, m.To + 1: false} {
		if m.Contains(d) != want {
			t.Errorf("%s in %s: %t", d, m, m.Contains(d))
		}
	}
	for _, c := range []struct {
		target partition.Target
		want   string
	}{
		{partition.Everything(), "everything"},
		{partition.Days(theDay, theDay), "2026-11-20"},
		{partition.Days(theDay, theDay+1), "2026-11-20 to 2026-11-21"},
		{partition.WholeMonth(theMonth), "2026-11"},
	} {
		if c.target.String() != c.want {
			t.Errorf("%q, want %q", c.target, c.want)
		}
	}
}

// The current month ends yesterday. What names its days does not.
func TestUntil(t *testing.T) {
	month := partition.WholeMonth(theMonth)
	first, last := month.Range.From, month.Range.To
	for _, c := range []struct {
		target partition.Target
		until  day.Day
		want   string // empty: no day is left
	}{
		{month, first - 1, ""},
		{month, first, "2026-11-01"},
		{month, last - 1, "2026-11-01 to 2026-11-29"},
		{month, last, "2026-11"},
		{month, last + 1, "2026-11"},
		{partition.Days(first, last), first, "2026-11-01 to 2026-11-30"},
		{partition.Everything(), first, "everything"},
	} {
		got, ok := c.target.Until(c.until)
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%s until %s: %s, %t; want %q", c.target, c.until, got, ok, c.want)
		}
	}
}

// The look-back is in dates of UTC, and a local date lies on two of them.
func TestWindow(t *testing.T) {
	p := partition.OfDay(theDay)
	if w := partition.Window(2, p); w.From.String() != "2026-11-15" || w.To.String() != "2026-11-25" {
		t.Errorf("the window is %s to %s", w.From, w.To)
	}
	if n := partition.Needed(2, p); n.From.String() != "2026-11-15" || n.To.String() != "2026-11-21" {
		t.Errorf("needed are %s to %s", n.From, n.To)
	}
}

func TestOwnerDir(t *testing.T) {
	if dir := partition.OwnerDir(partition.QuarantineDir(theDay)); dir != partition.DigestID(theDay).Dir() {
		t.Errorf("the owner of rejected lines is %s", dir)
	}
	if dir := partition.OwnerDir("reports/sessions/dt=2026-11-20/"); dir != "reports/sessions/dt=2026-11-20/" {
		t.Errorf("the owner of a day's parts is %s", dir)
	}
}

// All moments of a date lie in its interval, which is longer than 24 hours by at most
// the change of the clock.
func TestInstants(t *testing.T) {
	const minute = 60 * 1000
	for _, c := range []struct {
		zone, date string
		minutes    int // of the date
		change     int // of the clock, in minutes
	}{
		{"UTC", "2026-11-20", 24 * 60, 0},
		{"Europe/Amsterdam", "2026-11-20", 24 * 60, 0},
		{"Europe/Amsterdam", "2026-10-25", 25 * 60, 60},
		{"Europe/Amsterdam", "2026-03-29", 23 * 60, 60},
		{"Asia/Kolkata", "2026-11-20", 24 * 60, 0},
		{"Pacific/Kiritimati", "2026-11-20", 24 * 60, 0},
		{"Pacific/Pago_Pago", "2026-11-20", 24 * 60, 0},
		{"Pacific/Apia", "2011-12-30", 0, 24 * 60}, // left out when the date line moved
		{"America/Sao_Paulo", "2018-02-17", 25 * 60, 60},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		d, err := day.Parse(c.date)
		if err != nil {
			t.Fatal(err)
		}
		from, to := partition.Instants(d, zone)
		minutes := 0
		for at := d.UTC().UnixMilli() - 48*60*minute; at < d.UTC().UnixMilli()+72*60*minute; at += minute {
			if day.Of(at, zone) != d {
				continue
			}
			minutes++
			if at < from || at >= to {
				t.Errorf("%s in %s: %s is outside", c.date, c.zone, time.UnixMilli(at).UTC())
			}
		}
		if length := int(to-from) / minute; minutes != c.minutes || length < minutes || length > 24*60+c.change {
			t.Errorf("%s in %s has %d minutes, want %d, and its interval has %d", c.date, c.zone, minutes, c.minutes, length)
		}
	}
}
