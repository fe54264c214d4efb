package wide_test

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"daybook/pipeline/build"
	"daybook/pipeline/output"
	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/pipeline/wide"
	"daybook/pipeline/wide/wire"
	protocol "daybook/pipeline/worker"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// workers are all workers, by the first byte of a fuzzed input.
var workers = []worker{wide.Decode, wide.Digest, wide.Stitch, wide.Parts}

// wideDay are settings with a day of a digest of several hash ranges, and a stage of
// each kind with the rows between its workers.
type wideDay struct {
	*settings.Pipeline
	digests *wide.DigestStage
	days    *wide.DayStage
	events  []wire.Row        // to the first hash range
	rows    []wire.Row        // of the reports
	objects map[string]string // of the sink
}

func newWideDay(tb testing.TB) *wideDay {
	s := pipelinetest.Settings(tb, store.NewMemory(nil), store.NewMemory(nil))
	s.RangeEvents, s.FileRows, s.MaxRejected = 6, 2, 1
	pipelinetest.Put(tb, s.Source, "2026/11/20/a.ndjson", pipelinetest.SessionLines(1, 2, 3, 4, 5)+"no event\n")
	d := newDriver(tb, s)
	j := d.job(pipelinetest.Day)
	w := &wideDay{Pipeline: s, digests: wide.NewDigestStage([]*wide.DigestJob{j})}
	byPID := map[int32][]wire.Row{}
	for _, task := range w.digests.Decode {
		d.shuffle(byPID, d.run(wide.Decode, task, nil))
	}
	w.events = byPID[0]
	w.digests.Results = d.results(j)
	d.digest(pipelinetest.Day)
	jobs, err := d.builder().BeginDays(tb.Context(), pipelinetest.TheDay, build.All)
	if err != nil {
		tb.Fatal(err)
	}
	w.days = wide.NewDayStage(jobs)
	w.days.Stitched, w.rows = d.stitch(jobs[0])
	w.days.Parts, w.days.Results = d.parts(jobs[0], w.days.Stitched, w.rows)
	w.objects = pipelinetest.Contents(tb, s.Sink, true)
	return w
}

// tasks are a task of each worker, as JSON.
func (w *wideDay) tasks(tb testing.TB) [][]byte {
	return [][]byte{jsonOf(tb, w.digests.Decode[0]), jsonOf(tb, w.digests.Digest[0]), jsonOf(tb, w.days.Stitch[0]), jsonOf(tb, w.days.Parts[0])}
}

// rowsOf are the rows that a worker reads after its task.
func (w *wideDay) rowsOf(which int) []wire.Row {
	return [][]wire.Row{nil, w.events, nil, w.rows}[which]
}

// copied are the settings with a copy of the sink, which a fuzzed input may change. The
// days are not published in it, and a digest only if a stage needs it.
func (w *wideDay) copied(tb testing.TB, digests bool) *settings.Pipeline {
	s := *w.Pipeline
	s.Sink = store.NewMemory(nil)
	for key, text := range w.objects {
		if digests || !strings.HasPrefix(key, publish.ManifestRoot) {
			pipelinetest.Put(tb, s.Sink, key, text)
		}
	}
	return &s
}

// bounded fails if f allocates more than input may cost.
func bounded(tb testing.TB, input int, f func()) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(512<<20+1000*input); got > most {
		tb.Errorf("an input of %d bytes allocates %d bytes, and the most is %d", input, got, most)
	}
}

// work runs a worker on a stream. It writes a whole stream, or fails.
func (w *wideDay) work(t *testing.T, which int, stream []byte) {
	var out bytes.Buffer
	var err error
	s := w.copied(t, true)
	bounded(t, len(stream), func() { err = workers[which](t.Context(), s, bytes.NewReader(stream), &out) })
	if err != nil {
		return
	}
	r := wire.NewReader(&out)
	results := 0
	for {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("worker %d wrote a stream that is refused: %v", which, err)
		}
		if row.Kind == wire.Result || row.Kind == wire.Tally {
			results++
		}
	}
	if results != 1 {
		t.Errorf("worker %d gave %d results", which, results)
	}
}

// Any bytes give a whole stream or an error.
func FuzzWorkerStream(f *testing.F) {
	w := newWideDay(f)
	for which, task := range w.tasks(f) {
		var b bytes.Buffer
		if err := writeRows(&b, json.RawMessage(task), w.rowsOf(which)); err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(which), b.Bytes())
		f.Add(uint8(which), b.Bytes()[:b.Len()-100])
	}
	f.Add(uint8(0), []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F})
	f.Fuzz(func(t *testing.T, which uint8, stream []byte) { w.work(t, int(which)%len(workers), stream) })
}

// Any task, and any row after it, in a stream that is whole, give a whole stream or an
// error.
func FuzzWorkerTask(f *testing.F) {
	w := newWideDay(f)
	for which, task := range w.tasks(f) {
		f.Add(uint8(which), task, int32(0), int32(0), int32(0), int64(0), int64(0), []byte(nil), true)
		for _, row := range w.rowsOf(which) {
			payload, packed := row.Payload, row.Kind != wire.Tally
			if packed {
				unpacked, err := wire.Unpack(nil, row.Payload)
				if err != nil {
					f.Fatal(err)
				}
				payload = unpacked
			}
			f.Add(uint8(which), task, row.PID, int32(row.Kind), row.Day, row.Seq, row.N, payload, packed)
		}
	}
	for _, task := range []string{
		`{"Bits":-1}`, `{"Bits":62}`, `{"PID":2147483647}`, `{"Range":{"Bits":-1}}`, `{"Range":{"Number":-1}}`, `{"Skip":-1,"Rows":-1,"Least":1}`, `null`, `{"Day":2147483647}`,
	} {
		for which := range workers {
			f.Add(uint8(which), []byte(task), int32(0), int32(wire.Events), int32(0), int64(0), int64(0), []byte(nil), true)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, task []byte, pid, kind, day int32, seq, n int64, payload []byte, packed bool) {
		rows := []wire.Row{{Kind: wire.Task, Payload: task}}
		if packed {
			payload = wire.Pack(nil, payload)
		}
		if len(payload) > 0 {
			rows = append(rows, wire.Row{PID: pid, Kind: wire.Kind(kind), Day: day, Seq: seq, N: n, Payload: payload})
		}
		if int(which)%len(workers) == 1 { // a digest needs the tallies, which a single row cannot be
			for _, row := range w.events {
				if row.Kind == wire.Tally && wire.Kind(kind) != wire.Tally {
					rows = append(rows, row)
				}
			}
		}
		var b bytes.Buffer
		to := wire.NewWriter(&b)
		for _, row := range rows {
			if err := to.Write(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		w.work(t, int(which)%len(workers), b.Bytes())
	})
}

// FuzzCommitDigests commits any stage of digests: they are published or not.
func FuzzCommitDigests(f *testing.F) {
	w := newWideDay(f)
	f.Add(jsonOf(f, w.digests))
	for _, change := range []string{
		`"Bits": -1`, `"Bits": 62`, `"Number": -1`, `"Worst": null`, `"Bytes": 9223372036854775807`, `"Dumps": []`, `"Day": -2147483648`, `"Rejects": null`,
	} {
		f.Add(changed(jsonOf(f, w.digests), change))
	}
	f.Add([]byte(`{"jobs":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		stage := new(wide.DigestStage)
		if protocol.ReadStage(bytes.NewReader(text), stage) != nil {
			return
		}
		s := w.copied(t, false)
		bounded(t, len(text), func() {
			for _, j := range stage.Jobs {
				done, err := (&build.Builder{Settings: s}).CommitDigest(t.Context(), j, stage.Of(j))
				if err == nil && (done.Err == nil) != (done.State != "") {
					t.Errorf("%s: %+v", j.Day, done)
				}
			}
		})
	})
}

// FuzzCommitDays cuts and commits any stage of days. What is published is whole.
func FuzzCommitDays(f *testing.F) {
	w := newWideDay(f)
	f.Add(jsonOf(f, w.days))
	for _, change := range []string{
		`"Bits": -1`, `"Bits": 62`, `"Number": -1`, `"Rows": -1`, `"Rows": 9223372036854775807`, `"Bytes": 9223372036854775807`, `"Skip": -1`,
		`"From": -2147483648`, `"To": 2147483647`, `"Seen": null`, `"Counts": []`, `"Date": 2147483647`, `"PID": 2147483647`, `"Number": 2147483647`,
	} {
		f.Add(changed(jsonOf(f, w.days), change))
	}
	f.Add([]byte(`{"jobs":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		stage := new(wide.DayStage)
		if protocol.ReadStage(bytes.NewReader(text), stage) != nil {
			return
		}
		s := w.copied(t, true)
		bounded(t, len(text), func() {
			for _, j := range stage.Jobs {
				of := stage.Of(j)
				if _, err := (&build.Builder{Settings: s}).CommitDay(t.Context(), j, of.Stitched, of.Parts, of.Results); err != nil {
					return
				}
			}
			stage.Cut(output.FileRows(s))
		})
		for _, r := range s.Reports {
			base, err := publish.Read(t.Context(), s.Sink, partition.DayID(r.Name, pipelinetest.Day).Dir())
			if err != nil || base.Manifest == nil {
				continue
			}
			for _, part := range base.Manifest.Parts {
				if b, err := pipelinetest.ReadObject(t.Context(), s.Sink, part.Key); err != nil || pipelinetest.SHA256(b) != part.SHA256 {
					t.Errorf("the manifest of %s names %s: %v", r.Name, part.Key, err)
				}
			}
		}
	})
}

// changed is JSON with another value of the field that change gives, wherever it is.
func changed(text []byte, change string) []byte {
	name, _, _ := strings.Cut(change, ":")
	return regexp.MustCompile(name+`: ("[^"]*"|[-0-9]+|null)`).ReplaceAll(text, []byte(change))
}
