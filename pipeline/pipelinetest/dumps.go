package pipelinetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"daybook/sources/dump"
	"daybook/sources/generate"
	"daybook/sources/store"
	"daybook/transform/day"
)

// Put stores an object.
func Put(tb testing.TB, st store.Store, key, text string) {
	tb.Helper()
	if _, err := st.Put(tb.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		tb.Fatal(err)
	}
}

// Delete removes an object.
func Delete(tb testing.TB, st store.Store, key string) {
	tb.Helper()
	if err := st.Delete(tb.Context(), key); err != nil {
		tb.Fatal(err)
	}
}

// session is the three events of a session of 2026-11-20.
const session = `{"event_id":"%[1]d-1","ts":"2026-11-20T08:00:00Z","session_id":%[1]d,"type":"session_created","session_type":"applet"}` + "\n" +
	`{"event_id":"%[1]d-2","ts":"2026-11-20T08:01:00Z","session_id":%[1]d,"type":"status_changed","status":"active","technician":{"id":11,"name":"Ada Kok","group":"EMEA"}}` + "\n" +
	`{"event_id":"%[1]d-3","ts":"2026-11-20T08:05:00Z","session_id":%[1]d,"type":"status_changed","status":"closed_by_technician"}` + "\n"

// SessionLines are the lines of sessions of 2026-11-20, three for each.
func SessionLines(ids ...int) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, session, id)
	}
	return b.String()
}

// Dumps generates dumps, by key.
func Dumps(tb testing.TB, o generate.Options) map[string]string {
	tb.Helper()
	dumps := map[string]string{}
	o.Template = Template
	_, err := generate.Write(tb.Context(), o, func(_ context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		err := write(&b)
		dumps[key] = b.String()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return dumps
}

// PutDumps stores the selected dumps.
func PutDumps(tb testing.TB, st store.Store, dumps map[string]string, selected func(key string) bool) {
	tb.Helper()
	for key, text := range dumps {
		if selected(key) {
			Put(tb, st, key, text)
		}
	}
}

// Every selects all keys.
func Every(string) bool { return true }

// Generate fills a store with the dumps of six days up to 2026-11-21.
func Generate(tb testing.TB, st store.Store, codec dump.Codec) {
	tb.Helper()
	PutDumps(tb, st, Dumps(tb, generate.Options{
		Seed: 7, From: day.Date(2026, time.November, 16), Days: 6, SessionsPerDay: 150, Codec: codec,
	}), Every)
}
