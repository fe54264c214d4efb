package event

import (
	"testing"

	"pgregory.net/rapid"
)

func TestExported(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x Exported
		for _, n := range x.numbers() {
			*n = rapid.OneOf(rapid.Just(int64(Unknown)), rapid.Int64()).Draw(t, "number")
		}
		got, err := ParseExported(string(x.AppendText(nil)))
		if err != nil || got != x {
			t.Errorf("%v becomes %v, %v", x, got, err)
		}
	})
	for _, text := range []string{"", "1,2", string(new(Exported).AppendText(nil)) + ",1", "x" + string(new(Exported).AppendText(nil))} {
		if _, err := ParseExported(text); err == nil {
			t.Errorf("%q is no row", text)
		}
	}
}
