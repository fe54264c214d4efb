package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/sinks/publish"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// dumpsOf generates the dumps of some days, by key.
func dumpsOf(t testing.TB, o generate.Options) map[string][]byte {
	t.Helper()
	dumps := map[string][]byte{}
	o.Template = template
	_, err := generate.Write(t.Context(), o, func(_ context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		err := write(&b)
		dumps[key] = b.Bytes()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dumps
}

// putDumps stores those of the dumps that may be stored.
func putDumps(t testing.TB, st store.Store, dumps map[string][]byte, which func(key string) bool) {
	t.Helper()
	for key, b := range dumps {
		if which(key) {
			if _, err := st.Put(t.Context(), key, bytes.NewReader(b), int64(len(b)), store.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func everyKey(string) bool { return true }

// withheld says of some dumps that they turn up two days late.
func withheld(key string) bool {
	name := path.Base(key)
	return strings.HasPrefix(name, "part-09") || strings.HasPrefix(name, "part-14")
}

// Day after day, with dumps turning up late; the month at once; a backfill with
// four workers; and one in hardly any memory: the same bytes.
func TestEquivalence(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			from, to := day.Date(2026, time.November, 1), day.Date(2026, time.December, 3)
			month := from.Month()
			dumps := dumpsOf(t, generate.Options{Seed: seed, From: from, Days: int(to-from) + 1, SessionsPerDay: 15})
			all := store.NewMemory(nil)
			putDumps(t, all, dumps, everyKey)

			source, daily := store.NewMemory(nil), store.NewMemory(nil)
			r := newRunner(t, source, daily)
			r.MaxRejected = 1
			for d := from; d <= to; d++ {
				putDumps(t, source, dumps, func(key string) bool {
					of, _ := template.Day(key)
					return of == d && !withheld(key) || of == d-2 && withheld(key)
				})
				run(t, r, Everything())
			}
			putDumps(t, source, dumps, withheld)
			run(t, r, Everything())
			want := seen(t, daily)
			if restated := contents(t, daily, true); !slices.ContainsFunc(keys(restated), func(key string) bool { return strings.Contains(key, "-r4-") }) {
				t.Error("no day was restated so often that the days can be said to have come late")
			}

			runner := func(sink store.Store) *Runner {
				r := newRunner(t, all, sink)
				r.MaxRejected = 1
				return r
			}
			monthly := store.NewMemory(nil)
			run(t, runner(monthly), WholeMonth(month))
			sameContents(t, "the month at once", only(want, func(key string) bool { return !strings.Contains(key, "2026-12") }), seen(t, monthly))

			backfill := store.NewMemory(nil)
			r = runner(backfill)
			r.Workers, r.Memory = 4, 8<<30
			run(t, r, Days(from, to))
			sameContents(t, "a backfill with four workers", want, seen(t, backfill))

			frugal := store.NewMemory(nil)
			r = runner(frugal)
			r.Workers, r.Memory = 2, 1<<20
			run(t, r, Everything())
			sameContents(t, "a backfill in little memory", want, seen(t, frugal))
			sameContents(t, "all objects of both backfills", contents(t, backfill, false), contents(t, frugal, false))
		})
	}
}

func keys(m map[string]string) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

func only(m map[string]string, which func(key string) bool) map[string]string {
	some := map[string]string{}
	for key, text := range m {
		if which(key) {
			some[key] = text
		}
	}
	return some
}

// A backfill of years long gone: verdicts are in it up to and including
// 30 April 2009 on the report's own calendar, and not a day longer.
func TestHistory(t *testing.T) {
	from, to := day.Date(2008, time.November, 1), day.Date(2009, time.June, 30)
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	putDumps(t, source, dumpsOf(t, generate.Options{Seed: 3, From: from, Days: int(to-from) + 1, SessionsPerDay: 12}), everyKey)
	r := &Runner{Source: source, Template: template, Lookback: 16, MaxRejected: 1, Sink: sink}
	for name, zone := range map[string]string{"tokyo": "Asia/Tokyo", "los_angeles": "America/Los_Angeles"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		r.Reports = append(r.Reports, Report{Definition: report.Definition{Name: name, Zone: location}, Hash: name})
	}
	result := run(t, r, Days(from, to))
	if n := len(partitions(result)); n != 2*(242+8) {
		t.Errorf("%d partitions, want 242 days and 8 months of two reports", n)
	}
	for i := range r.Reports {
		name := r.Reports[i].Name
		verdicts := map[day.Day]int{}
		for _, dir := range []func(day.Day) string{
			func(d day.Day) string { return dayDir(name, d) }, func(d day.Day) string { return monthDir(name, d.Month()) },
		} {
			for d := from; d <= to; d++ {
				if strings.Contains(dir(d), "month=") && d != d.Month().First() {
					continue
				}
				base, err := publish.Read(t.Context(), sink, dir(d))
				if err != nil || base.Manifest == nil {
					t.Fatalf("%s: %v", dir(d), err)
				}
				for rows, err := range r.publishedRows(t.Context(), base.Manifest) {
					if err != nil {
						t.Fatal(err)
					}
					for _, row := range rows {
						if row.ResolvedUnresolved != "" {
							verdicts[row.ReportDate]++
						}
					}
				}
			}
		}
		last := day.Date(2009, time.April, 30)
		for d, n := range verdicts {
			if d > last {
				t.Errorf("%s: %d verdicts on %s", name, n, d)
			}
		}
		if verdicts[last] == 0 || len(verdicts) < 150 {
			t.Errorf("%s: %d verdicts on %s, and verdicts on %d days", name, verdicts[last], last, len(verdicts))
		}
	}
}

// counting counts the bytes that are read from a store, by what begins their
// key.
type counting struct {
	*store.Memory
	read map[string]int64
}

func (c *counting) Open(ctx context.Context, key string, offset, length int64, ifMatch string) (io.ReadCloser, store.Object, error) {
	body, object, err := c.Memory.Open(ctx, key, offset, length, ifMatch)
	if err != nil {
		return nil, object, err
	}
	return &countingBody{body, c, key}, object, nil
}

type countingBody struct {
	io.ReadCloser
	c   *counting
	key string
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.read[b.key] += int64(n)
	return n, err
}

// total is how much was read from keys that begin like this, and it starts
// anew.
func (c *counting) total() (n int64) {
	for _, bytes := range c.read {
		n += bytes
	}
	return n
}

// A day costs what its dumps cost: its run reads them, and of all that came
// before no more than 15 % as much. A new report costs no dumps at all.
func TestCost(t *testing.T) {
	const days = 61
	from := day.Date(2026, time.September, 1) // to 31 October, a Saturday
	last := from + days - 2                   // a Friday
	dumps := dumpsOf(t, generate.Options{Seed: 1, From: from, Days: days, SessionsPerDay: 400})
	source := &counting{store.NewMemory(nil), map[string]int64{}}
	sink := &counting{store.NewMemory(nil), map[string]int64{}}
	before := func(key string) bool { d, _ := template.Day(key); return d < last }
	ofLast := func(key string) bool { d, _ := template.Day(key); return d == last }
	putDumps(t, source, dumps, before)
	r := newRunner(t, source, sink)
	r.Reports, r.Workers = r.Reports[:1], 1 // one request at a time: counting is not for several
	run(t, r, Everything())

	putDumps(t, source, dumps, ofLast)
	bytes := int64(0)
	for key, b := range dumps {
		if ofLast(key) {
			bytes += int64(len(b))
		}
	}
	clear(source.read)
	clear(sink.read)
	run(t, r, Days(last, last))
	for key := range source.read {
		if !ofLast(key) {
			t.Errorf("%s was read", key)
		}
	}
	share := 100 * float64(sink.total()) / float64(bytes)
	t.Logf("%s has %d bytes of dumps; its run read %d bytes beside them, %.1f %%", last, bytes, sink.total(), share)
	if source.total() != bytes || share > 15 {
		t.Errorf("read %d of %d bytes of dumps, and %.1f %% as much beside", source.total(), bytes, share)
		for _, key := range slices.SortedFunc(mapsKeys(sink.read), func(a, b string) int { return int(sink.read[b] - sink.read[a]) })[:20] {
			t.Logf("%8d %s", sink.read[key], key)
		}
	}

	clear(source.read)
	r.Reports = append(r.Reports, reports(t)[1])
	if result := run(t, r, Everything()); len(result.Steps) < days-1 {
		t.Errorf("the new report got %d partitions", len(result.Steps))
	}
	if n := source.total(); n != 0 {
		t.Errorf("a new report read %d bytes of dumps", n)
	}
}

func mapsKeys(m map[string]int64) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}
