package inspect

import (
	"context"
	"maps"
	"path"
	"slices"

	"daybook/pipeline/parallel"
	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/transform/day"
)

// Parts is a published partition of a report and its manifest.
type Parts struct {
	ID       partition.ID
	Manifest *publish.Manifest
}

// Listing is what lies in the directories of a report's days and months.
type Listing struct {
	Days   []day.Day      // that have Parquet files, published or not, in order
	Months []partition.ID // likewise

	// Superseded: files of more than one revision lie in a directory. Some are
	// superseded, or not yet committed. A reader that globs would read rows twice.
	Superseded bool
}

// List lists the days and months of a report.
func (in *Inspector) List(ctx context.Context, report string) (*Listing, error) {
	var listed [2]map[partition.ID]map[int]bool // the revisions of each partition
	err := parallel.Pair(in.Settings.Budget, func() (err error) {
		listed[0], err = in.revisions(ctx, report, partition.Day)
		return err
	}, func() (err error) {
		listed[1], err = in.revisions(ctx, report, partition.Month)
		return err
	})
	if err != nil {
		return nil, err
	}
	l := &Listing{Months: slices.SortedFunc(maps.Keys(listed[1]), partition.Compare)}
	for _, id := range slices.SortedFunc(maps.Keys(listed[0]), partition.Compare) {
		l.Days = append(l.Days, id.Day())
	}
	for _, partitions := range listed {
		for _, revisions := range partitions {
			l.Superseded = l.Superseded || len(revisions) > 1
		}
	}
	return l, nil
}

// revisions are those of the Parquet files in the directories of a report's days or
// months.
func (in *Inspector) revisions(ctx context.Context, report string, kind partition.Kind) (map[partition.ID]map[int]bool, error) {
	revisions := map[partition.ID]map[int]bool{}
	for object, err := range in.Settings.Sink.List(ctx, partition.Prefix(report, kind)) {
		if err != nil {
			return nil, err
		}
		dir, file := path.Split(object.Key)
		id, ok := partition.OfDir(dir)
		revision, isPart := publish.PartRevision(file)
		if !ok || !isPart {
			continue
		}
		if revisions[id] == nil {
			revisions[id] = map[int]bool{}
		}
		revisions[id][revision] = true
	}
	return revisions, nil
}

// CurrentMonths are those of the months whose rows are those of their days. A month is
// left out from the restatement of one of its days until it is made again.
func (in *Inspector) CurrentMonths(ctx context.Context, ids []partition.ID) ([]day.Month, error) {
	published, err := in.Published(ctx, ids)
	if err != nil {
		return nil, err
	}
	var dayIDs []partition.ID
	for _, month := range published {
		for _, d := range month.ID.Period.Days() {
			dayIDs = append(dayIDs, partition.DayID(month.ID.Report, d))
		}
	}
	days, err := in.Published(ctx, dayIDs)
	if err != nil {
		return nil, err
	}
	inputs := map[day.Month][]publish.Input{}
	for _, d := range days {
		m := d.ID.Day().Month()
		inputs[m] = append(inputs[m], publish.Input{Key: d.ID.Dir(), ETag: d.Manifest.Fingerprint(), Size: d.Manifest.PartsSize()})
	}
	var months []day.Month
	for _, month := range published {
		if m := month.ID.Month(); slices.Equal(month.Manifest.Inputs, inputs[m]) {
			months = append(months, m)
		}
	}
	return months, nil
}

// Published reads the manifests of partitions. Those that are not published are left
// out; the others keep their order.
func (in *Inspector) Published(ctx context.Context, ids []partition.ID) ([]Parts, error) {
	all := make([]Parts, len(ids))
	err := parallel.Each(ctx, len(ids), in.Settings.Budget.Requests(), func(ctx context.Context, i int) error {
		base, err := publish.Read(ctx, in.Settings.Sink, ids[i].Dir())
		all[i] = Parts{ids[i], base.Manifest}
		return err
	})
	return slices.DeleteFunc(all, func(p Parts) bool { return p.Manifest == nil }), err
}
