package lineage

import "testing"

// Datasets have the names of the naming conventions: s3://bucket and the key, file and the
// path.
func TestDatasetNames(t *testing.T) {
	for _, c := range []struct{ url, namespace, name string }{
		{"s3://acme/daybook/reports/sessions/", "s3://acme", "daybook/reports/sessions"},
		{"gs://acme/reports/sessions/", "gs://acme", "reports/sessions"},
		{"s3://acme/", "s3://acme", "/"},
		{"s3://acme", "s3://acme", "/"},
		{"file:///srv/out/reports/sessions/", "file", "/srv/out/reports/sessions"},
		{"file:///srv/my dumps", "file", "/srv/my dumps"},
		{`file://C:\data\out`, "file", "C:/data/out"},
	} {
		if got := datasetAt(c.url); got.Namespace != c.namespace || got.Name != c.name {
			t.Errorf("%s is %s %s, want %s %s", c.url, got.Namespace, got.Name, c.namespace, c.name)
		}
	}
}
