package main

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"daybook/transform/day"
)

// tableFiles is the files of a table's current snapshot.
type tableFiles struct {
	data    map[string]iceberg.DataFile // by location
	deletes []iceberg.DataFile          // of rows that another engine has deleted
}

// filesOf reads the files of a table's current snapshot.
func filesOf(ctx context.Context, t *table.Table) (tableFiles, error) {
	f := tableFiles{data: map[string]iceberg.DataFile{}}
	snapshot := t.CurrentSnapshot()
	if snapshot == nil {
		return f, nil
	}
	io, err := t.FS(ctx)
	if err != nil {
		return f, err
	}
	manifests, err := snapshot.Manifests(io)
	if err != nil {
		return f, err
	}
	for _, m := range manifests {
		for entry, err := range m.Entries(io, true) {
			if err != nil {
				return f, err
			}
			if file := entry.DataFile(); file.ContentType() == iceberg.EntryContentData {
				f.data[file.FilePath()] = file
			} else {
				f.deletes = append(f.deletes, file)
			}
		}
	}
	return f, nil
}

// difference is what has to be done to a table.
type difference struct {
	add, remove []iceberg.DataFile
	deletes     []iceberg.DataFile // deletions by other engines, to be undone
	files       int                // of the table afterwards
	rows        int64
}

// compare compares the files of a table with the published ones. A location never
// means two contents, as the names of parts contain hashes. Days whose manifest
// cannot be read stay as they are.
func compare(have tableFiles, want published, spec iceberg.PartitionSpec) (difference, error) {
	d := difference{deletes: have.deletes}
	for location, file := range have.data {
		if p, ok := want.parts[location]; ok {
			d.files++
			d.rows += p.rows
		} else if date, ok := dayOf(file); ok && want.damaged[date] != nil {
			d.files++
			d.rows += file.Count()
		} else {
			d.remove = append(d.remove, file)
		}
	}
	for location, p := range want.parts {
		if _, ok := have.data[location]; ok {
			continue
		}
		file, err := dataFile(p, spec)
		if err != nil {
			return d, err
		}
		d.add = append(d.add, file)
		d.files++
		d.rows += p.rows
	}
	byDay := func(a, b iceberg.DataFile) int { return strings.Compare(a.FilePath(), b.FilePath()) }
	slices.SortFunc(d.add, byDay)
	slices.SortFunc(d.remove, byDay)
	return d, nil
}

// dataFile describes a published file as Iceberg does.
func dataFile(p part, spec iceberg.PartitionSpec) (iceberg.DataFile, error) {
	b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentData, p.location, iceberg.ParquetFile,
		map[int]any{partitionFieldID: dateOf(p.day)}, nil, nil, p.rows, p.bytes)
	if err != nil {
		return nil, err
	}
	return b.Build(), nil
}

// dateOf is a day as Iceberg counts it, from 1970-01-01.
func dateOf(d day.Day) iceberg.Date { return iceberg.Date(d) }

// dayOf is the day of a file's partition.
func dayOf(file iceberg.DataFile) (day.Day, bool) {
	switch date := file.Partition()[partitionFieldID].(type) {
	case iceberg.Date:
		return day.Day(date), true
	case int32:
		return day.Day(date), true
	case int:
		return day.Day(date), true
	}
	return 0, false
}
