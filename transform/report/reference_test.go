package report_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"daybook/transform/event"
	"daybook/transform/internal/hostile"
	"daybook/transform/internal/reference"
	"daybook/transform/report"
	"daybook/transform/session"
)

// rowsOf folds events, which may be of several sessions, into a report's rows
// by session and leg, in the form of the reference.
func rowsOf(events []event.Event, def *report.Definition) (rows []reference.Row, got reference.Result) {
	bySession := map[int64][]event.Event{}
	for _, e := range events {
		bySession[e.SessionID] = append(bySession[e.SessionID], e)
	}
	ids := make([]int64, 0, len(bySession))
	for id := range bySession {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	got.Anomalies = map[string]int{}
	var engine session.Engine
	var counts report.Counts
	for _, id := range ids {
		unique, duplicates, err := session.Order(context.Background(), bySession[id])
		if err != nil {
			panic(err)
		}
		s, err := engine.Fold(context.Background(), unique, nil)
		if err != nil {
			panic(err)
		}
		for i := range s.Legs {
			if def.Includes(s, &s.Legs[i]) {
				var r report.Row
				def.Row(&r, s, &s.Legs[i], &counts)
				rows = append(rows, asMap(&r))
			}
		}
		got.Duplicates += duplicates
		for code, n := range s.Anomalies {
			if n > 0 {
				got.Anomalies[session.Anomaly(code).String()] += int(n)
			}
		}
	}
	got.Truncated, got.IPDropped = int(counts.Truncated), int(counts.IPDropped)
	return rows, got
}

// asMap writes a row as the reference does.
func asMap(r *report.Row) reference.Row {
	m := reference.Row{}
	for i := range report.Columns {
		c := &report.Columns[i]
		m[c.Name] = nil
		switch c.Kind {
		case report.String:
			if s := c.Text(r); s != "" {
				m[c.Name] = s
			}
		case report.Boolean:
			m[c.Name] = c.Flag(r)
		case report.Date:
			m[c.Name] = c.Day(r).String()
		default:
			if n := c.Number(r); n != report.Unknown {
				m[c.Name] = n
			}
		}
	}
	return m
}

// The engine agrees with the reference, which follows REPORT.md alone and in
// another way, on sessions that no product would produce.
func TestAgreesWithTheReference(t *testing.T) {
	zone, err := time.LoadLocation("America/St_Johns") // half an hour off the others
	if err != nil {
		t.Fatal(err)
	}
	def := &report.Definition{Name: "test", Zone: zone}
	prefer := func(a, b *event.Event) bool { return session.Compare(*a, *b) < 0 }
	for seed := range uint64(6000) {
		r := rand.New(rand.NewPCG(seed, 3))
		events := hostile.Session(r, 1)
		if seed%60 == 0 { // many legs, which take the reference long
			events = hostile.Crowd(r, 1, 20+r.IntN(150))
		}
		want := reference.Build(slices.Clone(events), zone, prefer)
		rows, got := rowsOf(events, def)
		diff := cmp.Diff(want.Rows, rows)
		want.Rows = nil
		diff += cmp.Diff(want, got)
		if diff != "" {
			for _, e := range events {
				t.Logf("%+v", e)
			}
			t.Fatalf("seed %d: the engine's rows (+) differ from the reference's (-):\n%s", seed, diff)
		}
	}
}
