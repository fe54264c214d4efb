package loads_test

import (
	"testing"

	"daybook/sinks/loads"
)

func TestFormats(t *testing.T) {
	const dir = "reports/sessions/dt=2026-11-20/"
	files := []loads.File{{"s3://w/daybook/" + dir + "part-0.parquet", 17}, {"s3://w/a&b/part-1.parquet", 0}}
	for _, c := range []struct {
		format          loads.Format
		key, prefix     string
		text, textEmpty string
	}{
		{
			loads.Redshift, "loads/redshift/reports/sessions/dt=2026-11-20.json", "loads/redshift/reports/sessions/dt=",
			`{
  "entries": [
    {
      "url": "s3://w/daybook/reports/sessions/dt=2026-11-20/part-0.parquet",
      "mandatory": true,
      "meta": {
        "content_length": 17
      }
    },
    {
      "url": "s3://w/a&b/part-1.parquet",
      "mandatory": true,
      "meta": {
        "content_length": 0
      }
    }
  ]
}
`, "{\n  \"entries\": []\n}\n",
		},
		{
			loads.URLs, "loads/urls/reports/sessions/dt=2026-11-20.txt", "loads/urls/reports/sessions/dt=",
			"s3://w/daybook/reports/sessions/dt=2026-11-20/part-0.parquet\ns3://w/a&b/part-1.parquet\n", "",
		},
		{
			loads.Hive, "loads/hive/reports/sessions/dt=2026-11-20/symlink.txt", "loads/hive/reports/sessions/dt=",
			"s3://w/daybook/reports/sessions/dt=2026-11-20/part-0.parquet\ns3://w/a&b/part-1.parquet\n", "",
		},
	} {
		if got := c.format.Key(dir); got != c.key {
			t.Errorf("%s: the key is %s, want %s", c.format, got, c.key)
		}
		if got := c.format.Prefix("reports/sessions/dt="); got != c.prefix {
			t.Errorf("%s: the prefix is %s, want %s", c.format, got, c.prefix)
		}
		if got := string(c.format.Encode(files)); got != c.text {
			t.Errorf("%s: %q, want %q", c.format, got, c.text)
		}
		if got := string(c.format.Encode(nil)); got != c.textEmpty {
			t.Errorf("%s without files: %q, want %q", c.format, got, c.textEmpty)
		}
	}
}
