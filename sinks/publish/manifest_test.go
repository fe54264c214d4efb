package publish

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"daybook/sources/store"
	"daybook/transform/event"
)

func hash(digit string) string { return strings.Repeat(digit, 64) }

// A manifest says the same after it was written and read.
func TestManifestRoundTrip(t *testing.T) {
	m := fullManifest()
	for v, i := reflect.ValueOf(m), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the test leaves %s empty", v.Type().Field(i).Name)
		}
	}
	text := m.encode()
	got, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*got, m) {
		t.Errorf("got  %+v\nwant %+v", *got, m)
	}
	if !strings.Contains(string(text), `"work <= active"`) {
		t.Errorf("the text is not for people: %s", text)
	}
}

// Damage of any single bit shows, or changes nothing that the manifest says.
func TestFlippedBits(t *testing.T) {
	m := fullManifest()
	text := m.encode()
	refused := 0
	for i := range text {
		for bit := range 8 {
			text[i] ^= 1 << bit
			got, err := decode(text)
			if err != nil {
				refused++
			} else if !reflect.DeepEqual(*got, m) {
				t.Errorf("bit %d of byte %d: %s", bit, i, text[max(0, i-20):min(len(text), i+20)])
			}
			text[i] ^= 1 << bit
		}
	}
	// Only the name of the checksum may change without notice.
	if taken, most := len(text)*8-refused, len("checksum")*8; taken > most {
		t.Errorf("%d flipped bits were taken, more than the %d of the checksum's name", taken, most)
	}
}

// A checksum in another place, or of another text, is as wrong as other digits.
func TestWrongChecksums(t *testing.T) {
	m := fullManifest()
	text := string(m.encode())
	start := strings.LastIndex(text, checksumStart)
	for name, damaged := range map[string]string{
		"other digits":   text[:start] + checksumStart + hash("0") + checksumEnd,
		"short":          text[:start] + checksumStart + hash("0")[1:] + checksumEnd,
		"on one line":    strings.ReplaceAll(text, "\n", " "),
		"first":          `{"checksum": "` + hash("0") + `",` + text[1:start] + manifestEnd,
		"rows":           strings.Replace(text, `"rows": 5`, `"rows": 6`, 1),
		"a later member": strings.TrimSuffix(text, manifestEnd) + `, "x": 1` + manifestEnd,
		"bytes after":    text + "\n",
	} {
		if damaged == text {
			t.Fatalf("%s: nothing is damaged", name)
		}
		if _, err := decode([]byte(damaged)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	if _, err := decode([]byte(text[:start] + manifestEnd)); err != nil {
		t.Errorf("a manifest of a version without checksums: %v", err)
	}
}

// Without a checksum, the times tell: none may be on a date that the content
// cannot have.
func TestImpossibleTimes(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"digest, century":       {`"min_time": "2026-11-16`, `"min_time": "0026-11-16`, "digest: the times from 0026-11-16T00:00:00.000Z to 2026-11-25T23:59:59.999Z are not within the dates from 2026-11-16 to 2026-11-25"},
		"digest, a day early":   {`"min_time": "2026-11-16`, `"min_time": "2026-11-15`, "are not within the dates"},
		"digest, a day late":    {`"max_time": "2026-11-25`, `"max_time": "2026-11-26`, "are not within the dates"},
		"digest, far ahead":     {`"max_time": "2026-11-25`, `"max_time": "6026-11-25`, "are not within the dates"},
		"digest, no time":       {`"max_time": "2026-11-25`, `"max_time": "2026-11:25`, `digest: max_time: "2026-11:25T23:59:59.999Z" is not a time`},
		"digest, order":         {`"max_time": "2026-11-25`, `"max_time": "2026-11-15`, "is after max_time"},
		"digest, reach":         {`"max_days_late": 4`, `"max_days_late": 3`, "are not within the dates"},
		"digest, negative":      {`"max_days_late": 4`, `"max_days_late": -4`, "both are between 0 and 77065"},
		"digest, large":         {`"max_days_early": 5`, `"max_days_early": 99999999`, "both are between 0 and 77065"},
		"digest, partition":     {`"partition": "2026-11-20"`, `"partition": "2026-11"`, `partition: "2026-11" is not a date`},
		"digest, other day":     {`"partition": "2026-11-20"`, `"partition": "0026-11-20"`, "are not within the dates"},
		"late, century":         {`"date": "2026-11-13"`, `"date": "0026-11-13"`, "digest.late: 0026-11-13 is 730492 days from 2026-11-20, not 7"},
		"late, no date":         {`"date": "2026-11-13"`, `"date": "2026-11"`, `digest.late: "2026-11" is not a date`},
		"part, century":         {`"min_time": "2026-11-18`, `"min_time": "2006-11-18`, "parts: number 0: the times from"},
		"part of no day at all": {`"max_time": "2026-11-21`, `"max_time": "2026-11-31`, "parts: number 0: max_time:"},
	} {
		m := fullManifest()
		text := string(m.encode())
		text = text[:strings.LastIndex(text, checksumStart)] + manifestEnd
		if !strings.Contains(text, c.old) {
			t.Fatalf("%s: there is no %s in %s", name, c.old, text)
		}
		_, err := decode([]byte(strings.Replace(text, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want one with %q", name, err, c.want)
		}
	}
}

// A report's rows are on its dates in some zone, so up to a day away in UTC.
func TestTimesOfReports(t *testing.T) {
	for _, c := range []struct {
		partition, min, max string
		valid               bool
	}{
		{"2026-11-20", "2026-11-19T10:00:00.000Z", "2026-11-20T09:59:59.999Z", true},  // UTC+14
		{"2026-11-20", "2026-11-20T12:00:00.000Z", "2026-11-21T11:59:59.999Z", true},  // UTC-12
		{"2026-11-20", "2026-11-18T23:59:59.999Z", "2026-11-20T09:59:59.999Z", false}, // two days before
		{"2026-11-20", "2026-11-20T00:00:00.000Z", "2026-11-22T00:00:00.000Z", false}, // two days after
		{"2026-11", "2026-10-31T10:00:00.000Z", "2026-12-01T11:59:59.999Z", true},
		{"2026-11", "2026-10-30T23:59:59.999Z", "2026-11-30T00:00:00.000Z", false},
		{"2026-11", "2026-11-01T00:00:00.000Z", "2026-12-02T00:00:00.000Z", false},
		{"1989-12-31", "1989-12-31T00:00:00.000Z", "1989-12-31T00:00:00.000Z", false},
		{"2201-01-01", "2201-01-01T00:00:00.000Z", "2201-01-01T00:00:00.000Z", false},
		{"2026-11-20", "", "", true},
		{"2026-11-20", "2026-11-20T00:00:00.000Z", "", false},
		{"20-11-2026", "2026-11-20T00:00:00.000Z", "2026-11-20T00:00:00.000Z", false},
	} {
		m := Manifest{Report: "sessions", Partition: c.partition, Revision: 1, Parts: []Part{{Key: "k", SHA256: hash("a"), MinTime: c.min, MaxTime: c.max}}}
		if _, err := decode(m.encode()); (err == nil) != c.valid {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// fullManifest is one with a value in every field.
func fullManifest() Manifest {
	return Manifest{
		Report: "sessions", Partition: "2026-11-20", Revision: 3, Reason: "late dump", PublishedAt: "2026-11-21T03:00:12.345Z", Attempt: "A", Previous: 2,
		Rows:       5,
		Parts:      []Part{{Key: "k", Rows: 5, Bytes: 6, SHA256: hash("a"), MinTime: "2026-11-18T00:00:00.000Z", MaxTime: "2026-11-21T23:59:59.999Z"}},
		Inputs:     []Input{{Key: "i", ETag: "e", Size: 7}},
		Accounting: event.Accounting{Lines: 3, Accepted: 1, Blank: 1, Rejected: map[string]int64{"bad_json": 1}},
		Checks:     []Check{{Name: "work <= active", Severity: Block, Passed: true, Detail: "d"}},

		SchemaVersion: 8, EngineVersion: 9, Definition: "f", DefinitionText: map[string]string{"unit": "minutes"},
		Summaries: &Summaries{Definition: "f", Files: []SummaryFile{{Name: "n", Bytes: 1, ETag: "e"}}},
		Seen:      &Seen{Lookback: 16, From: "2026-11-03", Fingerprints: []string{"0123456789abcdef", ""}},
		Fold:      &FoldInfo{Sessions: 1, Events: 2, Duplicates: 3, Anomalies: map[string]int64{"a": 4}, Truncated: 5, IPDropped: 6},
		Digest: &DigestInfo{Version: 1, Events: 2, Sessions: 3, MinTime: "2026-11-16T00:00:00.000Z", MaxTime: "2026-11-25T23:59:59.999Z", MaxDaysLate: 4, MaxDaysEarly: 5,
			Late: []LateLines{{Date: "2026-11-13", Reason: "too_late", Lines: 6, DaysOff: 7}}, GrownFrom: []string{"g"}},
	}
}

// Empty lists are lists, for those who read manifests in other languages.
func TestEmptyManifest(t *testing.T) {
	var members map[string]any
	if err := json.Unmarshal(new(Manifest).encode(), &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"parts", "inputs", "checks"} {
		if list, ok := members[name].([]any); !ok || len(list) != 0 {
			t.Errorf("%s is %v", name, members[name])
		}
	}
	for _, name := range []string{"report", "fold", "digest", "definition_text", "previous_revision"} {
		if v, ok := members[name]; ok {
			t.Errorf("%s is %v, want none", name, v)
		}
	}
}

func TestFingerprint(t *testing.T) {
	a := Manifest{Revision: 1, Parts: []Part{{Key: "a", Rows: 1, SHA256: hash("a")}, {Key: "b", Rows: 2, SHA256: hash("b")}}}
	same := Manifest{Revision: 2, Reason: "r", Parts: []Part{{Key: "c", Rows: 1, SHA256: hash("a")}, {Key: "d", Rows: 2, SHA256: hash("b")}}}
	if a.Fingerprint() != same.Fingerprint() || len(a.Fingerprint()) != 32 {
		t.Errorf("fingerprints %s and %s of the same content", a.Fingerprint(), same.Fingerprint())
	}
	for name, parts := range map[string][]Part{
		"none":  nil,
		"fewer": a.Parts[:1],
		"rows":  {{Rows: 1, SHA256: hash("a")}, {Rows: 3, SHA256: hash("b")}},
		"bytes": {{Rows: 1, SHA256: hash("a")}, {Rows: 2, SHA256: hash("c")}},
		"order": {a.Parts[1], a.Parts[0]},
	} {
		if other := (&Manifest{Parts: parts}); other.Fingerprint() == a.Fingerprint() {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
}

// What is no manifest is told, with the key and what is wrong.
func TestBadManifests(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                                    "unexpected end of JSON input",
		``:                                     "unexpected end of JSON input",
		`null`:                                 "revision: it is 0, and must be at least 1",
		`[]`:                                   "cannot unmarshal array",
		`{"revision":1}x`:                      "invalid character 'x' after top-level value",
		`{"revision":-1}`:                      "revision: it is -1, and must be at least 1",
		`{"revision":1,"published_at":"noon"}`: `published_at: "noon" is not a time such as `,
		`{"revision":"1"}`:                     "revision: unexpected string",
		`{"revision":1,"rows":1.5}`:            "rows: unexpected number 1.5",
		`{"revision":1,"parts":[{"key":"a","rows":"5"}]}`:                              "parts.rows: unexpected string",
		`{"revision":1,"parts":[{"key":"a","sha256":"abc"}]}`:                          "parts: number 0 needs a key, a size and a SHA-256 of 64 hex digits",
		`{"revision":1,"parts":[{"bytes":1,"sha256":"` + hash("a") + `"}]}`:            "parts: number 0 needs ",
		`{"revision":1,"parts":[{"key":"a","bytes":-1,"sha256":"` + hash("a") + `"}]}`: "parts: number 0 needs ",
		`{"revision":1,"accounting":{"rejected":{"bad_json":"many"}}}`:                 "accounting.rejected",
	} {
		st := store.NewMemory(nil)
		if _, err := st.Put(t.Context(), ManifestKey(dir), strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		_, err := Read(t.Context(), st, dir)
		if err == nil || !strings.HasPrefix(err.Error(), "mem://_manifests/reports/sessions/dt=2026-11-20.json is not a manifest: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant … %s", text, err, want)
		}
	}
}

// A newer version may write more than this one knows.
func TestUnknownMembers(t *testing.T) {
	m, err := decode([]byte(`{"revision":2,"lease":{"generation":5},"parts":[{"key":"a","sha256":"` + hash("a") + `","crc":1}]}`))
	if err != nil || m.Revision != 2 || m.Parts[0].Key != "a" {
		t.Errorf("%+v, %v", m, err)
	}
}

// testdata/compat holds manifests as earlier versions wrote them, with all but
// two of their inputs left out.
func TestOldManifests(t *testing.T) {
	files, err := filepath.Glob("testdata/compat/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := decode(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := m.Accounting.Check(); err != nil || m.Accounting.Lines == 0 {
			t.Errorf("%s: %d lines, %v", name, m.Accounting.Lines, err)
		}
		if revision, ok := PartRevision(m.Parts[0].Key); !ok || revision != m.Revision || len(m.Inputs) != 2 || len(m.Checks) != 4 ||
			m.Report == "" || m.Partition == "" || m.Attempt == "" || m.Definition == "" || m.EngineVersion != 1 {
			t.Errorf("%s: %+v", name, m)
		}
		// Nothing that it said is lost.
		var then, now map[string]any
		if err := json.Unmarshal(text, &then); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(m.encode(), &now); err != nil {
			t.Fatal(err)
		}
		delete(now, "checksum") // which they did not have
		if !reflect.DeepEqual(then, now) {
			t.Errorf("%s: it is %v, and was %v", name, now, then)
		}
	}
}

// FuzzManifest: any bytes are refused, or are a manifest that is the same after
// it was written and read again.
func FuzzManifest(f *testing.F) {
	m := fullManifest()
	sealed := string(m.encode())
	f.Add([]byte(sealed))
	f.Add([]byte(sealed[:strings.LastIndex(sealed, checksumStart)] + manifestEnd))
	f.Add([]byte(`{"revision":1}`))
	f.Add([]byte(`{"revision":1,"checksum":""}`))
	f.Add([]byte(`{"revision":1,"partition":"2026-11-20","digest":{"min_time":"0026-11-20T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decode(text)
		if err != nil {
			return
		}
		again, err := decode(m.encode())
		if err != nil {
			t.Fatalf("%s was taken, and then refused: %v", text, err)
		}
		if got, want := again.encode(), m.encode(); string(got) != string(want) {
			t.Errorf("%s\nis then %s", want, got)
		}
	})
}
