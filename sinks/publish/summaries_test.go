package publish_test

import (
	"testing"

	"daybook/sinks/publish"
)

func TestSummariesDifference(t *testing.T) {
	a := publish.SummaryFile{Name: "by_hour.csv", Bytes: 10, ETag: "1"}
	b := publish.SummaryFile{Name: "_figures.json", Bytes: 20, ETag: "2"}
	written := &publish.Summaries{Definition: "d", Files: []publish.SummaryFile{a, b}}
	load := publish.SummaryFile{Name: "loads/urls/x.txt", Bytes: 30, ETag: "3"}
	loading := &publish.Summaries{Definition: "d", Files: []publish.SummaryFile{a, b}, Loads: []publish.SummaryFile{load}}
	for _, c := range []struct {
		name       string
		summaries  *publish.Summaries
		definition string
		loads      []string
		there      []publish.SummaryFile
		want       string
	}{
		{"none written", nil, "d", nil, nil, "its summaries are missing"},
		{"as written, in another order", written, "d", nil, []publish.SummaryFile{b, a}, ""},
		{"beside other files", written, "d", nil, []publish.SummaryFile{b, a, {Name: "notes.txt"}}, ""},
		{"other definition", written, "e", nil, []publish.SummaryFile{a, b}, "its summaries are those of an earlier definition"},
		{"without figures", &publish.Summaries{Definition: "d", Files: []publish.SummaryFile{a}}, "d", nil, []publish.SummaryFile{a, b}, "its summary _figures.json is missing"},
		{"one is gone", written, "d", nil, []publish.SummaryFile{b}, "its summary by_hour.csv is missing"},
		{"another size", written, "d", nil, []publish.SummaryFile{{Name: "by_hour.csv", Bytes: 11, ETag: "1"}, b}, "its summary by_hour.csv is another than was written"},
		{"another ETag", written, "d", nil, []publish.SummaryFile{a, {Name: "_figures.json", Bytes: 20, ETag: "3"}}, "its summary _figures.json is another than was written"},
		{"a loader manifest", loading, "d", []string{load.Name}, []publish.SummaryFile{a, b, load}, ""},
		{"a new loader manifest", written, "d", []string{load.Name}, []publish.SummaryFile{a, b}, "its loader manifest loads/urls/x.txt is missing"},
		{"a lost loader manifest", loading, "d", []string{load.Name}, []publish.SummaryFile{a, b}, "its loader manifest loads/urls/x.txt is missing"},
		{"another loader manifest", loading, "d", []string{load.Name}, []publish.SummaryFile{a, b, {Name: load.Name, Bytes: 30, ETag: "4"}}, "its loader manifest loads/urls/x.txt is another than was written"},
		{"no loader manifests any more", loading, "d", nil, []publish.SummaryFile{a, b}, "its loader manifest loads/urls/x.txt is no longer configured"},
	} {
		if got := c.summaries.Difference(c.definition, c.loads, c.there); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTimeText(t *testing.T) {
	for ms, want := range map[int64]string{
		0:       "1970-01-01T00:00:00.000Z",
		-1:      "1969-12-31T23:59:59.999Z",
		3601002: "1970-01-01T01:00:01.002Z",
	} {
		if got := publish.TimeText(ms); got != want {
			t.Errorf("TimeText(%d) is %s, want %s", ms, got, want)
		}
	}
}
