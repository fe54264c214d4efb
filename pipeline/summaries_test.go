package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"daybook/sinks/publish"
	"daybook/sources/store"
)

var errLost = errors.New("the connection was cut")

// losing loses the answers to puts: of some before they are applied, and of one
// after.
type losing struct {
	store.Store
	before, after, puts int
}

func (l *losing) Put(ctx context.Context, key string, body io.ReaderAt, size int64, cond store.Condition) (store.Object, error) {
	l.puts++
	if l.before > 0 {
		l.before--
		return store.Object{}, errLost
	}
	object, err := l.Store.Put(ctx, key, body, size, cond)
	if l.after > 0 && err == nil {
		l.after--
		return store.Object{}, errLost
	}
	return object, err
}

// A summary whose put has no answer is looked for, and put again a few times;
// one of other content is never replaced.
func TestPutSummaryWithoutAnAnswer(t *testing.T) {
	const text = "Sessions\r\n1\r\n"
	for _, c := range []struct {
		name          string
		there         string // before
		before, after int
		puts          int
		want          error
	}{
		{"answered", "", 0, 0, 1, nil},
		{"applied", "", 0, 1, 1, nil},
		{"not applied", "", 1, 0, 2, nil},
		{"not applied, and then applied", "", 1, 1, 2, nil},
		{"not applied for long", "", 3, 0, 3, errLost},
		{"the same is there", text, 0, 0, 1, nil},
		{"something else is there", "else", 0, 0, 1, publish.ErrRaced},
		{"not applied, and something else is there", "else", 1, 0, 2, publish.ErrRaced},
	} {
		memory := store.NewMemory(nil)
		if c.there != "" {
			put(t, memory, "k", c.there)
		}
		sink := &losing{Store: memory, before: c.before, after: c.after}
		r := newRunner(t, memory, sink)
		object, err := r.putSummary(t.Context(), "k", &summaryFile{"k", strings.NewReader(text), int64(len(text))}, store.Condition{IfAbsent: true})
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || sink.puts != c.puts {
			t.Errorf("%s: %d puts, error %v; want %d, %v", c.name, sink.puts, err, c.puts, c.want)
		}
		if c.want != nil {
			continue
		}
		body, there, err := memory.Open(t.Context(), "k", 0, store.ToEnd, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, []byte(text)) || object.ETag != there.ETag {
			t.Errorf("%s: %q is there as %s, and %s was told (error: %v)", c.name, got, there.ETag, object.ETag, err)
		}
	}
}
