package config

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Secret is a text that every printer, logger and encoder shows as
// "<redacted>", or as an empty text if it is empty.
type Secret struct {
	// A pointer: fmt prints a value in an unexported field without calling its
	// methods, and prints a pointer as an address.
	text *string

	shown string // instead of "<redacted>", for a secret of which a part may be shown
}

// redacted stands for a secret wherever one would be shown.
const redacted = "<redacted>"

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// showing is the same secret, shown as the given text.
func (s Secret) showing(shown string) Secret { return Secret{s.text, shown} }

// Reveal returns the secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero says whether the secret is empty; encoders then omit it.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal says whether o is the same secret.
func (s Secret) Equal(o Secret) bool { return s.Reveal() == o.Reveal() }

// String returns the text that all methods below show.
func (s Secret) String() string {
	switch {
	case s.IsZero():
		return ""
	case s.shown != "":
		return s.shown
	}
	return redacted
}

// GoString is the same as String.
func (s Secret) GoString() string { return s.String() }

// Format prints the same for every verb, because %x would reveal the secret.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue returns the text that slog handlers write.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the text that encoders of JSON and YAML write.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes any text.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// Percent is a share: 1% is 0.01.
type Percent float64

// percentDecimals is the number of decimals in a shown percentage.
const percentDecimals = 6

// MarshalText writes the share as a percentage.
func (p Percent) MarshalText() ([]byte, error) {
	text := strconv.FormatFloat(float64(p)*100, 'f', percentDecimals, 64)
	return []byte(strings.TrimRight(strings.TrimRight(text, "0"), ".") + "%"), nil
}

// UnmarshalText reads a percentage such as 1% or 0.5%.
func (p *Percent) UnmarshalText(text []byte) error {
	number, isPercentage := strings.CutSuffix(string(text), "%")
	plain := strings.Trim(number, "0123456789.") == "" // no sign, space, exponent or infinity
	share, err := strconv.ParseFloat(number, 64)
	if err != nil || !isPercentage || !plain || share > 100 {
		return fmt.Errorf("%q is not a percentage from 0%% to 100%%, such as 1%% or 0.5%%", text)
	}
	*p = Percent(share / 100)
	return nil
}

// Duration is a waiting time, written with its unit.
type Duration time.Duration

// The bounds of a duration. A shorter one has a wrong unit, most likely, and no
// wait here needs more than a day.
const (
	minDuration = Duration(time.Second)
	maxDuration = Duration(24 * time.Hour)
)

// MarshalText writes the duration in the largest unit that leaves a whole number.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(durationText(time.Duration(d))), nil
}

func durationText(d time.Duration) string {
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if d != 0 && d%u.length == 0 {
			return fmt.Sprintf("%d%s", d/u.length, u.name)
		}
	}
	return d.String()
}

// UnmarshalText reads a duration such as 90s or 1m30s.
func (d *Duration) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	if err != nil || Duration(t) < minDuration || Duration(t) > maxDuration {
		return fmt.Errorf("%q is not a duration from 1s to 24h, with its unit, such as 90s or 2m", text)
	}
	*d = Duration(t)
	return nil
}

// Span is the time between two moments of the calendar: 0 to 31 days.
type Span time.Duration

// maxSpan is a month.
const maxSpan = 31 * dayLength

var spanNotation = regexp.MustCompile(`^([0-9]+d|([0-9]+[hms])+)$`)

// MarshalText writes the span in the largest unit that leaves a whole number.
func (s Span) MarshalText() ([]byte, error) {
	if t := time.Duration(s); t > dayLength && t%dayLength == 0 {
		return fmt.Appendf(nil, "%dd", t/dayLength), nil
	}
	return []byte(durationText(time.Duration(s))), nil
}

// UnmarshalText reads a number of days, or a duration such as 0s, 90m or 1h30m.
func (s *Span) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 8)
		t = time.Duration(n) * dayLength
	}
	if err != nil || t < 0 || t > maxSpan || !spanNotation.Match(text) {
		return fmt.Errorf("%q is not a time from 0s to %dd, with its unit, such as 30m, 4h or 2d", text, maxSpan/dayLength)
	}
	*s = Span(t)
	return nil
}

// Retention is how long data is kept, in days or hours.
type Retention time.Duration

const dayLength = 24 * time.Hour

// maxRetention is ten years, in days.
const maxRetention = 3660

// MarshalText writes the time in days, or in hours if they are not whole days.
func (r Retention) MarshalText() ([]byte, error) {
	if t := time.Duration(r); t%dayLength != 0 {
		return fmt.Appendf(nil, "%dh", t/time.Hour), nil
	}
	return fmt.Appendf(nil, "%dd", time.Duration(r)/dayLength), nil
}

// UnmarshalText reads a number of days or hours, such as 7d or 36h.
func (r *Retention) UnmarshalText(text []byte) error {
	number, unit := string(text), time.Duration(0)
	if n, ok := strings.CutSuffix(number, "d"); ok {
		number, unit = n, dayLength
	} else if n, ok := strings.CutSuffix(number, "h"); ok {
		number, unit = n, time.Hour
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || unit == 0 || n == 0 || n > uint64(maxRetention*dayLength/unit) {
		return fmt.Errorf("%q is not a time from 1h to %dd, in whole days or hours, such as 7d or 36h", text, maxRetention)
	}
	*r = Retention(time.Duration(n) * unit)
	return nil
}

// Size is a number of bytes.
type Size int64

// sizeUnits are the units of a size, largest first.
var sizeUnits = [...]struct {
	bytes Size
	name  string
}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, ""}}

// MarshalText writes the size in the largest unit that leaves a whole number.
func (s Size) MarshalText() ([]byte, error) {
	for _, u := range sizeUnits {
		if s >= u.bytes && s%u.bytes == 0 {
			return fmt.Appendf(nil, "%d%s", s/u.bytes, u.name), nil
		}
	}
	return fmt.Appendf(nil, "%d", int64(s)), nil
}

// UnmarshalText reads a size such as 256MiB, 1GiB or 1073741824.
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 63)
		if err != nil || n > uint64(math.MaxInt64/u.bytes) {
			break
		}
		*s = Size(n) * u.bytes
		return nil
	}
	return fmt.Errorf("%q is not a size in whole bytes, KiB, MiB, GiB or TiB, such as 256MiB or 1GiB", text)
}

// TimeOfDay is a local time of day: the time since midnight on the clock.
type TimeOfDay time.Duration

// endOfDay is 24:00, the midnight at which a day ends.
const endOfDay = TimeOfDay(24 * time.Hour)

// MarshalText writes the time as HH:MM.
func (t TimeOfDay) MarshalText() ([]byte, error) {
	minutes := time.Duration(t) / time.Minute
	return fmt.Appendf(nil, "%02d:%02d", minutes/60, minutes%60), nil
}

// UnmarshalText reads a time from 00:00 to 24:00.
func (t *TimeOfDay) UnmarshalText(text []byte) error {
	if string(text) == "24:00" {
		*t = endOfDay
		return nil
	}
	clock, err := time.Parse("15:04", string(text))
	if err != nil || len(text) != len("15:04") {
		return fmt.Errorf("%q is not a time of day written HH:MM, such as 08:30", text)
	}
	*t = TimeOfDay(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute)
	return nil
}

// Delimiter separates the cells of a CSV file.
type Delimiter rune

// delimiters are the ones that spreadsheets know.
const delimiters = ",;|\t"

// MarshalText returns the delimiter.
func (d Delimiter) MarshalText() ([]byte, error) { return []byte(string(rune(d))), nil }

// UnmarshalText reads a delimiter.
func (d *Delimiter) UnmarshalText(text []byte) error {
	if len(text) != 1 || !strings.Contains(delimiters, string(text)) {
		return fmt.Errorf(`%q is not a delimiter; allowed are ",", ";", "|" and "\t"`, text)
	}
	*d = Delimiter(text[0])
	return nil
}
