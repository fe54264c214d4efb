package schedule_test

import (
	"archive/zip"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as in main

	"pgregory.net/rapid"

	"daybook/config"
	"daybook/pipeline/partition"
	"daybook/pipeline/schedule"
	"daybook/transform/day"
)

func zone(t rapid.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// configured is the default schedule with other times of the drops.
func configured(daily, monthly time.Duration) config.Schedule {
	c := config.DefaultReport().Schedule
	c.Daily.At, c.Monthly.At = config.TimeOfDay(daily), config.TimeOfDay(monthly)
	return c
}

func clock(t testing.TB, hhmm string) time.Duration {
	t.Helper()
	var at config.TimeOfDay
	if err := at.UnmarshalText([]byte(hhmm)); err != nil {
		t.Fatal(err)
	}
	return time.Duration(at)
}

func parseDay(t testing.TB, s string) day.Day {
	t.Helper()
	d, err := day.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDrops: the drops of days, worked out by hand from the local clock. The last
// column is what the clock shows at that moment.
// It has more than 60 lines because it lists the changes of clocks.
func TestDrops(t *testing.T) {
	for _, c := range []struct {
		zone, day, at string
		drop          string // in UTC
		shows         string
	}{
		{"UTC", "2026-11-20", "02:00", "2026-11-21T02:00:00Z", "2026-11-21 02:00"},
		{"UTC", "2026-11-20", "00:00", "2026-11-21T00:00:00Z", "2026-11-21 00:00"},
		{"UTC", "2026-11-20", "23:59", "2026-11-21T23:59:00Z", "2026-11-21 23:59"},

		// The hour from 02:00 is skipped on 29 March 2026, and repeated on 25 October.
		{"Europe/Amsterdam", "2026-03-27", "02:30", "2026-03-28T01:30:00Z", "2026-03-28 02:30"},
		{"Europe/Amsterdam", "2026-03-28", "02:30", "2026-03-29T01:00:00Z", "2026-03-29 03:00"},
		{"Europe/Amsterdam", "2026-03-29", "02:30", "2026-03-30T00:30:00Z", "2026-03-30 02:30"},
		{"Europe/Amsterdam", "2026-10-24", "02:30", "2026-10-25T00:30:00Z", "2026-10-25 02:30"},
		{"Europe/Amsterdam", "2026-10-25", "02:30", "2026-10-26T01:30:00Z", "2026-10-26 02:30"},

		// Half an hour.
		{"Australia/Lord_Howe", "2026-10-03", "02:00", "2026-10-03T15:30:00Z", "2026-10-04 02:30"},
		{"Australia/Lord_Howe", "2026-04-04", "01:45", "2026-04-04T14:45:00Z", "2026-04-05 01:45"},
		{"Australia/Lord_Howe", "2026-04-04", "02:00", "2026-04-04T15:30:00Z", "2026-04-05 02:00"},

		// Skipped midnights.
		{"America/Havana", "2026-03-07", "00:00", "2026-03-08T05:00:00Z", "2026-03-08 01:00"},
		{"America/Santiago", "2026-09-05", "00:00", "2026-09-06T04:00:00Z", "2026-09-06 01:00"},
		{"America/Santiago", "2026-09-05", "00:30", "2026-09-06T04:00:00Z", "2026-09-06 01:00"},
		{"Africa/Cairo", "2026-04-23", "00:00", "2026-04-23T22:00:00Z", "2026-04-24 01:00"},
		{"Asia/Beirut", "2026-03-28", "00:00", "2026-03-28T22:00:00Z", "2026-03-29 01:00"},

		// Repeated midnights. In Havana the day is over at the first
		// one; in Santiago the clock goes back just before there is one.
		{"America/Havana", "2026-10-31", "00:00", "2026-11-01T04:00:00Z", "2026-11-01 00:00"},
		{"America/Santiago", "2026-04-04", "00:00", "2026-04-05T04:00:00Z", "2026-04-05 00:00"},
		// In St. John's, it went back from 00:01 to 23:01: the day was not over yet.
		{"America/St_Johns", "2010-11-06", "00:00", "2010-11-07T03:30:00Z", "2010-11-07 00:00"},
		{"America/St_Johns", "2010-11-06", "00:01", "2010-11-07T03:31:00Z", "2010-11-07 00:01"},

		// Skipped dates, and the dates around them.
		{"Pacific/Apia", "2011-12-28", "02:00", "2011-12-29T12:00:00Z", "2011-12-29 02:00"},
		{"Pacific/Apia", "2011-12-29", "02:00", "2011-12-30T10:00:00Z", "2011-12-31 00:00"},
		{"Pacific/Apia", "2011-12-30", "02:00", "2011-12-30T12:00:00Z", "2011-12-31 02:00"},
		{"Pacific/Apia", "2011-12-31", "02:00", "2011-12-31T12:00:00Z", "2012-01-01 02:00"},
		{"Pacific/Kwajalein", "1993-08-20", "02:00", "1993-08-21T12:00:00Z", "1993-08-22 00:00"},
		{"Pacific/Kwajalein", "1993-08-21", "02:00", "1993-08-21T14:00:00Z", "1993-08-22 02:00"},

		// A repeated date: at 15:30 on 19 October 1867, Sitka's clocks
		// went back to 15:30 on the 18th.
		{"America/Sitka", "1867-10-17", "02:00", "1867-10-17T11:01:13Z", "1867-10-18 02:00"},
		{"America/Sitka", "1867-10-18", "02:00", "1867-10-19T11:01:13Z", "1867-10-19 02:00"},
	} {
		z := zone(t, c.zone)
		p := partition.OfDay(parseDay(t, c.day))
		got := schedule.New(configured(clock(t, c.at), 0), z).Times(p).Drop
		if text := got.UTC().Format(time.RFC3339); text != c.drop {
			t.Errorf("%s, %s at %s: %s, want %s", c.zone, c.day, c.at, text, c.drop)
		}
		if shows := got.Format("2006-01-02 15:04"); shows != c.shows {
			t.Errorf("%s, %s at %s: the clock shows %s, want %s", c.zone, c.day, c.at, shows, c.shows)
		}
	}
}

// zones are the names of all time zones that this machine knows: those of the
// system's database and those of Go's.
func zones(t testing.TB) []string {
	t.Helper()
	names := map[string]bool{}
	if text, err := os.ReadFile("/usr/share/zoneinfo/tzdata.zi"); err == nil {
		for line := range strings.Lines(string(text)) {
			switch fields := strings.Fields(line); {
			case len(fields) > 1 && fields[0] == "Z": // a zone
				names[fields[1]] = true
			case len(fields) > 2 && fields[0] == "L": // another name for one
				names[fields[2]] = true
			}
		}
	}
	// The go command sets this for tests.
	if database, err := zip.OpenReader(filepath.Join(os.Getenv("GOROOT"), "lib", "time", "zoneinfo.zip")); err == nil {
		defer database.Close()
		for _, file := range database.File {
			if !file.FileInfo().IsDir() {
				names[file.Name] = true
			}
		}
	}
	if len(names) < 400 {
		t.Fatalf("found only %d time zones; is there a tzdata.zi, or a zoneinfo.zip in GOROOT/lib/time?", len(names))
	}
	return slices.Sorted(maps.Keys(names))
}

// A wall is a simulated wall clock that is read at every step and at every full
// hour.
type wall struct {
	zone *time.Location
	step int64 // seconds; a divisor of an hour
}

const (
	hour    = 60 * 60
	dayLong = 24 * hour
)

// shows is the time on the clock, counted in seconds as if it were UTC.
func (w wall) shows(t int64) int64 {
	_, offset := time.Unix(t, 0).In(w.zone).Zone()
	return t + int64(offset)
}

// drops returns the instants at which the days from first on drop, until an instant.
// It reads the clock from a moment on at which it shows the first day or an earlier
// one. Its rule is independent of the product: a day has dropped once the clock shows
// the time, or a later one, on the next date, or a later one; this does not count if
// the clock shows the day itself again afterwards.
func (w wall) drops(first day.Day, at time.Duration, from, until int64) map[day.Day]int64 {
	drops := map[day.Day]int64{}
	next := first
	look := func(t, shown int64) {
		for d := day.Day(floorDiv(shown, dayLong)); d < next && next > first; next-- {
			delete(drops, next-1)
		}
		for shown >= int64(next+1)*dayLong+int64(at/time.Second) {
			drops[next] = t
			next++
		}
	}
	before := w.shows(from)
	for t := from; t < until; t += hour {
		look(t, before)
		after := w.shows(t + hour)
		dropsNow := after >= int64(next+1)*dayLong+int64(at/time.Second)
		if after-before != hour || dropsNow { // otherwise no reading within the hour shows anything new
			for u := t; u < t+hour; u += w.step {
				look(u, w.shows(u))
			}
		}
		before = after
	}
	return drops
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// check compares the drops of a schedule with those of the wall clock, for every day
// and month from first on that has dropped until an instant.
func check(t rapid.TB, name string, at time.Duration, step int64, first day.Day, days int) {
	t.Helper()
	z := zone(t, name)
	s := schedule.New(configured(at, at), z)
	from := first.UTC().Unix() - dayLong // before the end of the first day in every zone
	until := (first + day.Day(days)).UTC().Unix()
	drops := wall{z, step}.drops(first, at, from, until)
	if len(drops) < days-3 {
		t.Errorf("%s: only %d of %d days have dropped", name, len(drops), days)
	}
	for d, want := range drops {
		periods := []partition.Period{partition.OfDay(d)}
		if d == d.Month().Last() {
			periods = append(periods, partition.OfMonth(d.Month()))
		}
		for _, p := range periods {
			if got := s.Times(p).Drop; got.Unix() != want {
				t.Errorf("%s: %s drops at %s, and by the clock on the wall at %s", name, p, got, time.Unix(want, 0).In(z))
			}
		}
	}
}

// TestDropsByTheWall: in every zone, for two future years and two past years with more
// oddities, the drops are those of the wall clock.
func TestDropsByTheWall(t *testing.T) {
	for _, name := range zones(t) {
		for _, at := range []string{"00:00", "02:30"} {
			check(t, name, clock(t, at), 60, day.Date(2026, 11, 1), 2*365)
			check(t, name, clock(t, at), 60, day.Date(2010, 3, 1), 2*365)
		}
	}
}

// TestAnyDropsByTheWall: the same for a few days of a random year.
func TestAnyDropsByTheWall(t *testing.T) {
	names := zones(t)
	// The last day of a leap year, far from all that is known of clocks.
	check(t, "Europe/Amsterdam", clock(t, "02:00"), 1, day.Date(2076, 12, 25), 14)
	rapid.Check(t, func(r *rapid.T) {
		first := rapid.Int32Range(int32(day.Date(1840, 1, 1)), int32(day.Date(2200, 1, 1))).Draw(r, "first day")
		at := rapid.IntRange(0, 24*60-1).Draw(r, "minutes")
		check(r, rapid.SampledFrom(names).Draw(r, "zone"), time.Duration(at)*time.Minute, 1, day.Day(first), 14)
	})
}

// TestOddDropsByTheWall reads each second where clocks were changed by days or odd
// seconds.
func TestOddDropsByTheWall(t *testing.T) {
	for _, c := range []struct{ zone, from string }{
		{"Asia/Manila", "1844-12-25"},       // without the 31st
		{"America/Sitka", "1867-10-12"},     // the 18th twice
		{"America/Juneau", "1867-10-12"},    // the 18th twice
		{"Pacific/Kwajalein", "1969-09-25"}, // the 30th twice
		{"Pacific/Kwajalein", "1993-08-15"}, // without the 21st
		{"Pacific/Enderbury", "1994-12-25"}, // without the 31st
		{"Pacific/Kiritimati", "1994-12-25"},
		{"Pacific/Apia", "1892-06-28"}, // 4 July twice
		{"Pacific/Apia", "2011-12-25"}, // without the 30th
		{"Pacific/Guam", "1844-12-25"},
		{"Europe/Amsterdam", "1937-06-25"}, // from 19:32 to 20 minutes ahead
		{"Africa/Monrovia", "1972-01-01"},  // 44:30 behind
		{"America/St_Johns", "1988-03-28"}, // two hours
		{"Antarctica/Troll", "2026-10-20"}, // two hours
		{"Antarctica/Casey", "2010-02-28"},
	} {
		for _, at := range []string{"00:00", "00:01", "02:00", "12:00", "15:45", "23:59"} {
			check(t, c.zone, clock(t, at), 1, parseDay(t, c.from), 14)
		}
	}
}
