package output

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"daybook/sinks/publish"
	"daybook/sources/store"
)

var errLost = errors.New("the connection was cut")

// losing is a store that loses the answers to puts: of some before they are applied,
// and of others after that.
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

// A summary whose put has no answer is looked up, and put again a few times. A file
// with other content is never replaced.
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
		file := inMemory("k", []byte(text))
		object, err := putSummary(t.Context(), sink, "k", &file, store.Condition{IfAbsent: true})
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || sink.puts != c.puts {
			t.Errorf("%s: %d puts, error %v; want %d, %v", c.name, sink.puts, err, c.puts, c.want)
		}
		if c.want != nil {
			continue
		}
		got, there := read(t, memory, "k")
		if got != text || object.ETag != there.ETag {
			t.Errorf("%s: %q is there as %s, and the put returned %s", c.name, got, there.ETag, object.ETag)
		}
	}
}

func put(t *testing.T, st store.Store, key, text string) {
	t.Helper()
	if _, err := st.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), store.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, st store.Store, key string) (string, store.Object) {
	t.Helper()
	body, object, err := st.Open(t.Context(), key, 0, store.ToEnd, "")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), object
}
