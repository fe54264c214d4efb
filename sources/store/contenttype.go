package store

import "path"

// contentTypes are the types of the files that daybook writes, by the extension of
// their keys: browsers and loaders decide by them what an object is.
var contentTypes = map[string]string{
	".parquet": "application/vnd.apache.parquet",
	".json":    "application/json",
	".ndjson":  "application/x-ndjson",
	".csv":     "text/csv; charset=utf-8",
	".txt":     "text/plain; charset=utf-8",
	".xlsx":    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// ContentType is the media type of the object with a key.
func ContentType(key string) string {
	if known := contentTypes[path.Ext(key)]; known != "" {
		return known
	}
	return "application/octet-stream"
}
