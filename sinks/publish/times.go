package publish

import "time"

// TimeLayout is how manifests write times: RFC 3339 with milliseconds.
const TimeLayout = "2006-01-02T15:04:05.000Z07:00"

// TimeText writes a time, in milliseconds since the Unix epoch, as manifests do:
// in UTC.
func TimeText(ms int64) string { return time.UnixMilli(ms).UTC().Format(TimeLayout) }
