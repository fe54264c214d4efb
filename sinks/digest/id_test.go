package digest

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The sizes of stored ids, and that they come back.
func TestIDs(t *testing.T) {
	const uuid = "01234567-89ab-cdef-0123-456789abcdef"
	for _, c := range []struct {
		id   string
		size int
	}{
		{"", 0}, {"00", 1}, {"0123456789abcdef", 8}, {uuid, 16}, {strings.ReplaceAll(uuid, "-", ""), 16},
		{"0", 1}, {"0123456789abcde", 15}, {"0123456789ABCDEF", 16}, {"0123456789abcdeg", 16}, // no even number of digits
		{strings.ToUpper(uuid), 36}, {uuid[:35], 35}, {uuid + "0", 37}, {uuid[:35] + "-", 36},
		{uuid[:8] + "0" + uuid[9:], 36}, {uuid[:7] + "-0" + uuid[9:], 36}, // dashes elsewhere
		{"\x00", 1}, {"é", 2},
	} {
		stored, _ := appendID(nil, c.id)
		if len(stored) != c.size {
			t.Errorf("%q takes %d bytes, want %d", c.id, len(stored), c.size)
		}
		checkID(t, c.id)
	}
}

func TestIDsComeBack(t *testing.T) {
	ids := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[0-9a-f]{0,40}`),
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[0-9a-g]{8}[-0][0-9a-f]{4}[-0][0-9a-f]{4}[-0][0-9a-f]{4}[-0][0-9A-f]{12}`),
	)
	rapid.Check(t, func(t *rapid.T) { checkID(t, ids.Draw(t, "id")) })
}

// checkID stores an id behind other bytes, and reads it back behind others.
func checkID(t interface{ Errorf(string, ...any) }, id string) {
	stored, form := appendID([]byte("before"), id)
	stored, ok := bytes.CutPrefix(stored, []byte("before"))
	got, err := decodeID([]byte("x"), form, stored)
	if !ok || err != nil || string(got) != "x"+id {
		t.Errorf("%q is stored as %x in form %d and comes back as %q (error: %v)", id, stored, form, got, err)
	}
	if len(id) > decodedSize(len(stored)) {
		t.Errorf("%q is longer than %d bytes", id, decodedSize(len(stored)))
	}
}

func TestDamagedIDs(t *testing.T) {
	for _, c := range []struct {
		form   uint8
		stored string
	}{{3, "0123"}, {0xff, ""}, {idUUID, ""}, {idUUID, "0123456789abcde"}, {idUUID, "0123456789abcdefg"}} {
		if id, err := decodeID(nil, c.form, []byte(c.stored)); err != errID {
			t.Errorf("%q of form %d is decoded as %q, error %v", c.stored, c.form, id, err)
		}
	}
}

// FuzzID takes ids that come back, and bytes that may be no ids.
func FuzzID(f *testing.F) {
	for form, s := range []string{"a", "0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdef", ""} {
		f.Add(uint8(form), s)
	}
	f.Fuzz(func(t *testing.T, form uint8, s string) {
		checkID(t, s)
		if id, err := decodeID(nil, form, []byte(s)); err == nil && len(id) > decodedSize(len(s)) {
			t.Errorf("%q of form %d is decoded as %d bytes", s, form, len(id))
		}
	})
}
