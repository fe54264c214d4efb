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
		{uuid, 16}, {"", 1}, {"00", 2}, {"0123456789abcdef", 9}, {strings.ReplaceAll(uuid, "-", ""), 17},
		{"0", 2}, {"0123456789abcde", 16}, {"0123456789ABCDEF", 17}, {"0123456789abcdeg", 17}, // no even number of digits
		{strings.ToUpper(uuid), 37}, {uuid[:35], 36}, {uuid + "0", 38}, {uuid[:35] + "-", 37},
		{uuid[:8] + "0" + uuid[9:], 37}, {uuid[:7] + "-0" + uuid[9:], 37}, // dashes elsewhere
		{"\x00", 2}, {"é", 3},
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

// checkID stores an id behind other bytes, and reads it back behind others, and
// before some.
func checkID(t interface{ Errorf(string, ...any) }, id string) {
	stored, form := appendID([]byte("before"), id)
	stored, ok := bytes.CutPrefix(stored, []byte("before"))
	rest := values{data: append(bytes.Clone(stored), "after"...)}
	got := decodeID([]byte("x"), form, &rest)
	if !ok || rest.bad || string(rest.data) != "after" || string(got) != "x"+id {
		t.Errorf("%q is stored as %x in form %d and comes back as %q (and then %q)", id, stored, form, got, rest.data)
	}
	if size := decodedSize(len(stored), 1); len(id) > size {
		t.Errorf("%q is longer than %d bytes", id, size)
	}
}

func TestDamagedIDs(t *testing.T) {
	for _, c := range []struct {
		form   uint8
		stored string
	}{{3, "0123"}, {0xff, ""}, {idText, ""}, {idText, "\x02a"}, {idHex, "\x80"}, {idHex, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}, {idUUID, ""}, {idUUID, "0123456789abcde"}} {
		stored := values{data: []byte(c.stored)}
		if id := decodeID(nil, c.form, &stored); !stored.bad {
			t.Errorf("%q of form %d is decoded as %q", c.stored, c.form, id)
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
		stored := values{data: []byte(s)}
		if id := decodeID(nil, form, &stored); !stored.bad && len(id) > decodedSize(len(s), 1) {
			t.Errorf("%q of form %d is decoded as %d bytes", s, form, len(id))
		}
	})
}
