package simtest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"daybook/pipeline/partition"
	"daybook/pipeline/pipelinetest"
	"daybook/pipeline/settings"
	"daybook/sources/store"
	"daybook/transform/day"
	"daybook/transform/report"
)

// An image is the stores after weeks without events: a month is published when all
// its days are.
type image struct {
	reports      []settings.Report
	source, sink []stored
	end          day.Day // the first day after them
}

type stored struct {
	key  string
	body []byte
}

// emptyDay is the one day of an image that has a dump, which is empty.
var emptyDay = day.Date(2027, time.February, 1)

func newImage(t *testing.T) *image {
	t.Helper()
	img := &image{reports: twoReports(t), end: day.Date(2027, time.February, 27)}
	source, sink := store.NewMemory(nil), store.NewMemory(nil)
	pipelinetest.Put(t, source, pipelinetest.Template.Prefix(emptyDay)+"none.ndjson", "\n")
	s := &simulation{reports: img.reports}
	pipelinetest.Run(t, s.settings(source, sink), partition.Days(emptyDay, img.end-1))
	img.source, img.sink = storedIn(t, source), storedIn(t, sink)
	return img
}

// twoReports are reports whose days begin as far apart as days on Earth can.
func twoReports(t *testing.T) []settings.Report {
	t.Helper()
	reports := []settings.Report{
		{Definition: report.Definition{Name: "east"}, Hash: "a"},
		{Definition: report.Definition{Name: "west", Unit: report.Unit{Technicians: []int64{1}}}, Hash: "b", SessionsCSV: true},
	}
	for i, name := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		reports[i].Zone = pipelinetest.Zone(t, name)
	}
	return reports
}

func storedIn(t *testing.T, st store.Store) (objects []stored) {
	t.Helper()
	all := pipelinetest.Contents(t, st, true)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		objects = append(objects, stored{key, []byte(all[key])})
	}
	return objects
}

func (i *image) copyTo(source, sink *bucket) {
	copyObjects(source, i.source)
	copyObjects(sink, i.sink)
	sink.changed = nil // the oracle knows the empty days
}

func copyObjects(to *bucket, objects []stored) {
	for _, o := range objects {
		if _, err := to.Put(context.Background(), o.key, bytes.NewReader(o.body), int64(len(o.body)), store.Condition{}); err != nil {
			panic(err) // a store in memory takes everything
		}
	}
}
