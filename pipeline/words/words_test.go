package words_test

import (
	"strings"
	"testing"

	"daybook/pipeline/words"
)

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 123_456: "123,456", 1_234_567: "1,234,567",
		-123: "-123", -1234: "-1,234", -123_456: "-123,456", -1 << 63: "-9,223,372,036,854,775,808",
	} {
		if got := words.Thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 rows", 1: "1 row", 2: "2 rows", 1200: "1,200 rows", -1: "-1 rows"} {
		if got := words.Count(n, "row", "rows"); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 59_200: "59.2 kB", 1_234_567: "1.2 MB", 5e9: "5.0 GB", 5e12: "5.0 TB", 5e15: "5.0 PB", 9e18: "9.0 EB",
	} {
		if got := words.Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// A text is cut between two characters.
func TestShortened(t *testing.T) {
	const most = 1000
	long := strings.Repeat("é", most)
	if got := words.Shortened(long, most); len(got) > most+len("…") || !strings.HasPrefix(long, strings.TrimSuffix(got, "…")) {
		t.Errorf("%d bytes", len(got))
	}
}
