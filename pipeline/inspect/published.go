package inspect

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

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

// Days lists the days of a report that have files, in order.
func (in *Inspector) Days(ctx context.Context, report string) ([]day.Day, error) {
	ids, err := in.withFiles(ctx, report, partition.Day)
	days := make([]day.Day, len(ids))
	for i, id := range ids {
		days[i] = id.Day()
	}
	return days, err
}

// Months lists the months of a report whose rows are those of their days, in order. A
// month is left out from the restatement of one of its days until it is made again.
func (in *Inspector) Months(ctx context.Context, report string) ([]day.Month, error) {
	ids, err := in.withFiles(ctx, report, partition.Month)
	if err != nil {
		return nil, err
	}
	return in.CurrentMonths(ctx, ids)
}

// CurrentMonths are those of the months whose rows are those of their days.
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

// Superseded reports whether files of more than one revision lie in a directory of the
// report's days or months: some are superseded, or not yet committed. A reader that
// globs would read rows twice.
func (in *Inspector) Superseded(ctx context.Context, report string) (bool, error) {
	for _, kind := range []partition.Kind{partition.Day, partition.Month} {
		revisions := map[string]int{} // by directory
		for object, err := range in.Settings.Sink.List(ctx, partition.Prefix(report, kind)) {
			if err != nil {
				return false, err
			}
			dir := path.Dir(object.Key)
			revision, isPart := publish.PartRevision(object.Key)
			if one, known := revisions[dir]; isPart && known && one != revision {
				return true, nil
			} else if isPart {
				revisions[dir] = revision
			}
		}
	}
	return false, nil
}

// withFiles lists the partitions of a report that have Parquet files, published or
// not, in order.
func (in *Inspector) withFiles(ctx context.Context, report string, kind partition.Kind) ([]partition.ID, error) {
	prefix := partition.Prefix(report, kind)
	found := map[partition.ID]bool{}
	for object, err := range in.Settings.Sink.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		name, file, _ := strings.Cut(strings.TrimPrefix(object.Key, prefix), "/")
		p, err := partition.ParsePeriod(kind, name)
		if err == nil && strings.HasSuffix(file, ".parquet") {
			found[partition.ID{Report: report, Kind: kind, Period: p}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), partition.Compare), nil
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
