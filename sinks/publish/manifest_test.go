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
	m := Manifest{
		Report: "sessions", Partition: "2026-11-20", Revision: 3, Reason: "late dump", Attempt: "A", Previous: 2,
		Rows:       5,
		Parts:      []Part{{Key: "k", Rows: 5, Bytes: 6, SHA256: hash("a"), MinTime: "x", MaxTime: "y"}},
		Inputs:     []Input{{Key: "i", ETag: "e", Size: 7}},
		Accounting: event.Accounting{Lines: 3, Accepted: 1, Blank: 1, Rejected: map[string]int64{"bad_json": 1}},
		Checks:     []Check{{Name: "work <= active", Severity: Block, Passed: true, Detail: "d"}},

		SchemaVersion: 8, EngineVersion: 9, Definition: "f", DefinitionText: map[string]string{"unit": "minutes"},
		Summaries: &Summaries{Definition: "f", Files: []SummaryFile{{Name: "n", Bytes: 1, ETag: "e"}}},
		Fold:      &FoldInfo{Sessions: 1, Events: 2, Duplicates: 3, Anomalies: map[string]int64{"a": 4}, Truncated: 5, IPDropped: 6},
		Digest: &DigestInfo{Version: 1, Events: 2, Sessions: 3, MinTime: "x", MaxTime: "y", MaxDaysLate: 4, MaxDaysEarly: 5,
			Late: []LateLines{{Date: "2026-01-01", Reason: "too_late", Lines: 6, DaysOff: 7}}, GrownFrom: []string{"g"}},
	}
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
		`{`:                         "unexpected end of JSON input",
		``:                          "unexpected end of JSON input",
		`null`:                      "revision: it is 0, and must be at least 1",
		`[]`:                        "cannot unmarshal array",
		`{"revision":1}x`:           "invalid character 'x' after top-level value",
		`{"revision":-1}`:           "revision: it is -1, and must be at least 1",
		`{"revision":"1"}`:          "revision: unexpected string",
		`{"revision":1,"rows":1.5}`: "rows: unexpected number 1.5",
		`{"revision":1,"parts":[{"key":"a","rows":"5"}]}`:                              "parts.rows: unexpected string",
		`{"revision":1,"parts":[{"key":"a","sha256":"abc"}]}`:                          "parts: number 0 needs a key, a size and a SHA-256 of 64 hex digits",
		`{"revision":1,"parts":[{"bytes":1,"sha256":"` + hash("a") + `"}]}`:            "parts: number 0 needs ",
		`{"revision":1,"parts":[{"key":"a","bytes":-1,"sha256":"` + hash("a") + `"}]}`: "parts: number 0 needs ",
		`{"revision":1,"accounting":{"rejected":{"bad_json":"many"}}}`:                 "accounting.rejected",
	} {
		st := store.NewMemory(nil)
		if _, err := st.Put(t.Context(), dir+ManifestName, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
			t.Fatal(err)
		}
		_, err := Read(t.Context(), st, dir)
		if err == nil || !strings.HasPrefix(err.Error(), "mem://"+dir+"_manifest.json is not a manifest: ") || !strings.Contains(err.Error(), want) {
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
		if revision, ok := partRevision(m.Parts[0].Key); !ok || revision != m.Revision || len(m.Inputs) != 2 || len(m.Checks) != 4 ||
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
		if !reflect.DeepEqual(then, now) {
			t.Errorf("%s: it is %v, and was %v", name, now, then)
		}
	}
}
