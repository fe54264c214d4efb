package pipeline

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"daybook/sinks/csv"
	"daybook/sinks/parquet"
	"daybook/sinks/publish"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/report"
	"daybook/transform/session"
	"daybook/transform/summary"
)

// partRows is how many rows one Parquet file holds at most: some 150 MB, so
// that warehouses that split work by files get files of a good size.
const partRows = 1 << 20

// Report is a report that a [Runner] builds.
type Report struct {
	report.Definition
	Hash        string // of the definition, as configured
	SessionsCSV bool   // also write the rows themselves as CSV
	CSV         csv.Format
}

// Runner builds reports from the dumps in one store into another.
type Runner struct {
	Source      store.Store
	Template    dump.Template
	Lookback    int // days
	MaxRejected float64
	Sink        store.Store
	Reports     []Report
	Workers     int // 0: GOMAXPROCS
	Progress    *Progress
}

// Target is what a run builds: days, or a month with each of its days.
type Target struct {
	period period
	month  bool
}

// DaysTarget is each of the days from to to.
func DaysTarget(from, to day.Day) Target {
	return Target{period: period{fmt.Sprintf("%s to %s", from, to), from, to}}
}

// DayTarget is one day.
func DayTarget(d day.Day) Target { return Target{period: dayPeriod(d)} }

// MonthTarget is a month and each of its days.
func MonthTarget(m day.Month) Target { return Target{period: monthPeriod(m), month: true} }

// Result is what a run came to.
type Result struct {
	Target     string            `json:"target"`
	Inputs     int               `json:"inputs"`
	InputBytes int64             `json:"input_bytes"`
	Unknown    []string          `json:"unknown"` // names under the days' prefixes that are no dumps
	Accounting event.Accounting  `json:"accounting"`
	Quarantine string            `json:"quarantine,omitempty"` // URL of the rejected lines
	Sessions   int64             `json:"sessions"`
	Anomalies  map[string]int64  `json:"anomalies"`
	Truncated  int64             `json:"truncated"`
	IPDropped  int64             `json:"ip_dropped"`
	Partitions []PartitionResult `json:"partitions"`
}

// PartitionResult is one partition after a run.
type PartitionResult struct {
	Report    string        `json:"report"`
	Partition string        `json:"partition"`
	State     publish.State `json:"state"`
	Revision  int           `json:"revision"`
	Rows      int64         `json:"rows"`
	Bytes     int64         `json:"bytes"`
	URL       string        `json:"url"`
}

// Run builds a target for every report. When it fails, what was published
// before is as it was, or was replaced as a whole; running again does the rest.
// A *TooManyRejects comes with the result so far, of which nothing was
// published but the quarantine.
func (r *Runner) Run(ctx context.Context, t Target) (*Result, error) {
	snapshot, err := r.Inputs(ctx, t.period.from, t.period.to)
	if err != nil {
		return nil, err
	}
	rejects, err := newRejectSpool(snapshot.names())
	if err != nil {
		return nil, err
	}
	defer rejects.Close()

	x := snapshot.Extraction(r)
	x.Rejects = rejects
	rows, outcome, counts, err := r.rows(ctx, x, t.period)
	result := snapshot.result(t, outcome, counts)
	if err == nil || errors.As(err, new(*TooManyRejects)) {
		// Kept also when the run fails for them: that is when people look.
		key := "_quarantine/" + strings.ReplaceAll(t.period.name, " ", "-") + ".ndjson"
		if outcome.Accounting.RejectedLines() > 0 {
			if perr := rejects.put(ctx, r.Sink, key); perr != nil {
				return result, perr
			}
			result.Quarantine = r.Sink.URL(key)
		} else {
			err = r.Sink.Delete(ctx, key) // those of an earlier run, since mended
		}
	}
	if err != nil {
		return result, err
	}
	for i := range r.Reports {
		partitions, err := r.publish(ctx, &r.Reports[i], t, rows[i], snapshot, outcome.Accounting)
		result.Partitions = append(result.Partitions, partitions...)
		if err != nil {
			return result, err
		}
	}
	return result, nil
}

// rows extracts the rows of every report in a period, sorted as in a
// partition.
func (r *Runner) rows(ctx context.Context, x *Extraction, p period) ([][]report.Row, Outcome, report.Counts, error) {
	type worker struct {
		rows   [][]report.Row // by report
		keeper rowKeeper
		counts report.Counts
	}
	workers := make([]worker, x.NumWorkers())
	for i := range workers {
		workers[i].rows = make([][]report.Row, len(r.Reports))
	}
	outcome, err := x.Sessions(ctx, func(w int, s *session.Session) {
		for i := range r.Reports {
			def, mine := &r.Reports[i].Definition, &workers[w]
			for j := range s.Legs {
				l := &s.Legs[j]
				if d := def.Date(l); d < p.from || d > p.to || !def.Includes(s, l) {
					continue
				}
				mine.rows[i] = append(mine.rows[i], mine.keeper.keep(def.Row(s, l, &mine.counts)))
			}
		}
	})
	if err != nil {
		return nil, outcome, report.Counts{}, err
	}
	rows := make([][]report.Row, len(r.Reports))
	var counts report.Counts
	for _, w := range workers {
		for i := range rows {
			rows[i] = append(rows[i], w.rows[i]...)
		}
		counts.Add(w.counts)
	}
	for i := range rows {
		slices.SortFunc(rows[i], func(a, b report.Row) int { return report.Compare(&a, &b) })
	}
	return rows, outcome, counts, nil
}

// publish publishes one report's rows of a target: its days side by side, and
// then its month.
func (r *Runner) publish(ctx context.Context, rep *Report, t Target, rows []report.Row, s *Snapshot, a event.Accounting) ([]PartitionResult, error) {
	byDay := make(map[day.Day][]report.Row, t.period.days())
	for i := range rows {
		byDay[rows[i].ReportDate] = append(byDay[rows[i].ReportDate], rows[i])
	}
	results := make([]PartitionResult, t.period.days(), t.period.days()+1)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit((&Extraction{Workers: r.Workers}).NumWorkers())
	for i := range results {
		group.Go(func() error {
			d := t.period.from + day.Day(i)
			var err error
			results[i], err = r.publishPartition(groupCtx, rep, dayPeriod(d), false, byDay[d], s, a)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return done(results), err
	}
	if !t.month {
		return results, nil
	}
	month, err := r.publishPartition(ctx, rep, t.period, true, rows, s, a)
	if err != nil {
		return results, err
	}
	return append(results, month), nil
}

// done leaves out partitions that nothing happened to.
func done(results []PartitionResult) []PartitionResult {
	return slices.DeleteFunc(results, func(p PartitionResult) bool { return p.State == "" })
}

// publishPartition writes, audits and publishes one partition, and then its
// summaries, which are computed from exactly its rows.
func (r *Runner) publishPartition(ctx context.Context, rep *Report, p period, month bool, rows []report.Row, s *Snapshot, a event.Accounting) (PartitionResult, error) {
	checks, err := runChecks(p, rows)
	if err != nil {
		return PartitionResult{}, fmt.Errorf("report %s: %w", rep.Name, err)
	}
	partition := publish.Partition{
		Dir: "reports/" + rep.Name + "/dt=" + p.name + "/",
		Manifest: publish.Manifest{
			Report: rep.Name, Partition: p.name, Reason: "run of " + p.name,
			Rows: int64(len(rows)), Inputs: s.manifest(), Accounting: a, Checks: checks,
			SchemaVersion: report.SchemaVersion, EngineVersion: session.EngineVersion, Definition: rep.Hash,
		},
	}
	if month {
		partition.Manifest.Report += "_monthly"
		partition.Dir = "reports/" + partition.Manifest.Report + "/month=" + p.name + "/"
	}
	if err := encode(&partition, rows); err != nil {
		return PartitionResult{}, fmt.Errorf("report %s, %s: %w", rep.Name, p.name, err)
	}
	manifest, state, err := publish.Publish(ctx, r.Sink, partition)
	if err != nil {
		return PartitionResult{}, err
	}
	if err := r.putSummaries(ctx, rep, p, month, rows); err != nil {
		return PartitionResult{}, err
	}
	result := PartitionResult{
		Report: manifest.Report, Partition: p.name, State: state, Revision: manifest.Revision,
		Rows: manifest.Rows, URL: r.Sink.URL(partition.Dir),
	}
	for _, part := range manifest.Parts {
		result.Bytes += part.Bytes
	}
	return result, nil
}

// encode writes a partition's rows into its files, and has each file read back
// by another library than the one that wrote it.
func encode(p *publish.Partition, rows []report.Row) error {
	for n := 0; n == 0 || len(rows) > 0; n++ { // a partition without rows has a file, too
		in := rows[:min(len(rows), partRows)]
		rows = rows[len(in):]
		part, err := parquet.Encode(in, map[string]string{
			"daybook.report":            p.Manifest.Report,
			"daybook.partition":         p.Manifest.Partition,
			"daybook.part":              strconv.Itoa(n),
			"daybook.schema_version":    strconv.Itoa(p.Manifest.SchemaVersion),
			"daybook.engine_version":    strconv.Itoa(p.Manifest.EngineVersion),
			"daybook.input_fingerprint": report.Fingerprint(in),
		})
		if err != nil {
			return err
		}
		if err := parquet.Audit(part.Bytes, parquet.Expect(in)); err != nil {
			return err
		}
		described := publish.Part{Rows: int64(len(in)), Bytes: int64(len(part.Bytes)), SHA256: hex.EncodeToString(part.SHA256[:])}
		if len(in) > 0 {
			described.MinTime, described.MaxTime = timeText(in[0].Dated()), timeText(in[len(in)-1].Dated())
		}
		p.Manifest.Parts = append(p.Manifest.Parts, described)
		p.Files = append(p.Files, part.Bytes)
	}
	return nil
}

func timeText(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// WriteCSV writes rows under a report's headings.
func WriteCSV(w io.Writer, f csv.Format, def *report.Definition, rows []report.Row) error {
	sessions, err := csv.NewSessions(w, f, def)
	if err != nil {
		return err
	}
	for i := range rows {
		if err := sessions.Add(&rows[i]); err != nil {
			return err
		}
	}
	return sessions.Flush()
}

// putSummaries writes the summaries of a partition (summary.md).
func (r *Runner) putSummaries(ctx context.Context, rep *Report, p period, month bool, rows []report.Row) error {
	kind, tables := "day", summary.ForDay(&rep.Definition)
	if month {
		kind, tables = "month", summary.ForMonth(&rep.Definition, p.from.Month())
	}
	for i := range rows {
		tables.Add(&rows[i])
	}
	dir := "summaries/" + rep.Name + "/" + kind + "/" + p.name + "/"
	put := func(name string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return fmt.Errorf("write %s: %w", r.Sink.URL(dir+name), err)
		}
		_, err := r.Sink.Put(ctx, dir+name, bytes.NewReader(b.Bytes()), int64(b.Len()), store.Condition{})
		return err
	}
	for _, table := range tables.Tables() {
		if err := put(table.File, func(w io.Writer) error { return csv.WriteTable(w, rep.CSV, &table) }); err != nil {
			return err
		}
	}
	if !rep.SessionsCSV {
		return r.Sink.Delete(ctx, dir+"sessions.csv") // that of an earlier definition
	}
	return put("sessions.csv", func(w io.Writer) error { return WriteCSV(w, rep.CSV, &rep.Definition, rows) })
}
