package digest

import (
	"bytes"
	"context"
	"testing"

	"daybook/sources/generate"
	"daybook/transform/day"
	"daybook/transform/event"
	"daybook/transform/session"
)

// generated are the sessions of a generated day, in order; every fifteenth
// is open.
func generated(b *testing.B, perDay int) (sessions []told, events int64) {
	b.Helper()
	decoder := event.NewDecoder()
	options := generate.Options{Seed: 1, SessionsPerDay: perDay}
	for lines := range options.Sessions(day.Date(2026, 11, 18)) {
		var s []event.Event
		for _, l := range lines {
			var e event.Event
			if decoder.Decode([]byte(l.Text), &e).Reason == 0 {
				s = append(s, e)
			}
		}
		if s, _, _ = session.Order(b.Context(), s); len(s) > 0 {
			sessions = append(sessions, told{s, len(sessions)%15 > 0})
			events += int64(len(s))
		}
	}
	sortByHash(sessions)
	return sessions, events
}

// writeDay writes a digest of a day with that many events.
func writeDay(b *testing.B, sessions []told, events int64) (*files, Summary) {
	b.Helper()
	f := new(files)
	w, err := NewWriter(&f.complete, &f.open, &f.sessions, events)
	if err != nil {
		b.Fatal(err)
	}
	if err := appendIn(w, sessions, 100); err != nil {
		b.Fatal(err)
	}
	summary, err := w.Close(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return f, summary
}

// BenchmarkWrite also tells the sizes of the tables.
func BenchmarkWrite(b *testing.B) {
	sessions, events := generated(b, 8000)
	b.ReportAllocs()
	var f *files
	var summary Summary
	for b.Loop() {
		f, summary = writeDay(b, sessions, events)
	}
	perSecond(b, events)
	b.ReportMetric(float64(f.complete.Len())/float64(summary.Complete.Events), "complete-B/event")
	b.ReportMetric(float64(f.open.Len())/float64(summary.Open.Events), "open-B/event")
	b.ReportMetric(float64(f.sessions.Len())/float64(len(sessions)), "B/session")
}

func BenchmarkRead(b *testing.B) {
	sessions, n := generated(b, 8000)
	for i := range sessions {
		sessions[i].Complete = true
	}
	f, _ := writeDay(b, sessions, n)
	for name, ids := range map[string]bool{"with ids": true, "without": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var events []event.Event
			for b.Loop() {
				e := mustOpen(b, f.complete.Bytes(), true)
				for g := range e.Groups() {
					s, err := e.Open(g, ids)
					if err != nil {
						b.Fatal(err)
					}
					for _, ok := s.Next(); ok; _, ok = s.Next() {
						if events, err = s.Append(events[:0], ids); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			perSecond(b, n)
		})
	}
}

func BenchmarkReadIndex(b *testing.B) {
	sessions, events := generated(b, 8000)
	f, _ := writeDay(b, sessions, events)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadIndex(bytes.NewReader(f.sessions.Bytes()), int64(f.sessions.Len())); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, int64(len(sessions)))
}

func perSecond(b *testing.B, n int64) {
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}
