package config_test

import (
	"testing"
	"time"

	"daybook/config"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]config.Size{
		"0": 0, "1": 1, "1000": 1000, "3KiB": 3 << 10, "256MiB": 256 << 20, "1GiB": 1 << 30, "2TiB": 2 << 40,
		"9223372036854775807": 1<<63 - 1, "8388607TiB": 8388607 << 40,
	} {
		var s config.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: %d (%v), want %d", text, s, err, want)
		}
		if shown, err := s.MarshalText(); err != nil || string(shown) != text {
			t.Errorf("%q is shown as %q (%v)", text, shown, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "+1", "1.5GiB", "1 GiB", "1GB", "1gib", "1e9", "8388608TiB", "9223372036854775808", "0x10"} {
		if s := config.Size(7); s.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is taken for %d", text, s)
		} else if s != 7 {
			t.Errorf("%q, which is refused, changes the value", text)
		}
	}
}

func TestSpan(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]struct {
		length time.Duration
		shown  string
	}{
		"0s": {0, "0s"}, "0d": {0, "0s"}, "90s": {90 * time.Second, "90s"}, "30m": {30 * time.Minute, "30m"}, "1h30m": {90 * time.Minute, "90m"},
		"24h": {day, "24h"}, "1d": {day, "24h"}, "48h": {2 * day, "2d"}, "36h": {36 * time.Hour, "36h"}, "31d": {31 * day, "31d"},
	} {
		var s config.Span
		if err := s.UnmarshalText([]byte(text)); err != nil || time.Duration(s) != want.length {
			t.Errorf("%q: %s (%v), want %s", text, time.Duration(s), err, want.length)
		}
		if shown, err := s.MarshalText(); err != nil || string(shown) != want.shown {
			t.Errorf("%q is shown as %q (%v), want %q", text, shown, err, want.shown)
		}
	}
	for _, text := range []string{"", "0", "30", "-1m", "+1m", "1d12h", "1.5d", "32d", "745h", "1m ", "1us", "500ms", "0.5h", "99999999999d", "999999999999h"} {
		s := config.Span(7)
		if s.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is taken for %s", text, time.Duration(s))
		} else if s != 7 {
			t.Errorf("%q, which is refused, changes the value", text)
		}
	}
}

func TestRetention(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]struct {
		length time.Duration
		shown  string
	}{
		"1h": {time.Hour, "1h"}, "24h": {day, "1d"}, "36h": {36 * time.Hour, "36h"}, "7d": {7 * day, "7d"},
		"3660d": {3660 * day, "3660d"}, "87840h": {3660 * day, "3660d"},
	} {
		var r config.Retention
		if err := r.UnmarshalText([]byte(text)); err != nil || time.Duration(r) != want.length {
			t.Errorf("%q: %s (%v), want %s", text, time.Duration(r), err, want.length)
		}
		if shown, err := r.MarshalText(); err != nil || string(shown) != want.shown {
			t.Errorf("%q is shown as %q (%v), want %q", text, shown, err, want.shown)
		}
	}
	for _, text := range []string{"", "7", "d", "0d", "-1d", "1.5d", "1d12h", "3661d", "87841h", "60m", "99999999999d"} {
		var r config.Retention
		if r.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is taken for %s", text, time.Duration(r))
		}
	}
}
