package main

import (
	"context"
	"errors"

	"github.com/apache/iceberg-go/table"
)

// expire removes the snapshots of a table that are older than they are kept, except
// those that a branch or a tag names, and then the metadata files that only they
// need. Data files stay: they are daybook's. It returns the number of snapshots.
//
// The library's own expiry would remove the data files, too, and refuses tables
// with gc.enabled=false; so this commits the same update without it.
func (s *syncer) expire(ctx context.Context, t *table.Table) (int, error) {
	old := s.expired(t.Metadata())
	if len(old) == 0 {
		return 0, nil
	}
	ids := make([]int64, len(old))
	for i := range old {
		ids[i] = old[i].SnapshotID
	}
	requirements := []table.Requirement{table.AssertTableUUID(t.Metadata().TableUUID())}
	for name, ref := range t.Metadata().Refs() {
		requirements = append(requirements, table.AssertRefSnapshotID(name, &ref.SnapshotID))
	}
	after, _, err := s.catalog.CommitTable(ctx, t.Identifier(), requirements, []table.Update{table.NewRemoveSnapshotsUpdate(ids, false)})
	if err != nil {
		return 0, err
	}
	return len(ids), removeMetadata(ctx, t, old, after.Snapshots())
}

// expired are the snapshots that are older than they are kept.
func (s *syncer) expired(m table.Metadata) []table.Snapshot {
	named := map[int64]bool{}
	for _, ref := range m.Refs() {
		named[ref.SnapshotID] = true
	}
	var old []table.Snapshot
	limit := s.now().Add(-s.keep).UnixMilli()
	for _, snapshot := range m.Snapshots() {
		if snapshot.TimestampMs < limit && !named[snapshot.SnapshotID] {
			old = append(old, snapshot)
		}
	}
	return old
}

// removeMetadata removes the manifests of expired snapshots, except those of the
// snapshots that remain. If the process stops here, some files are left over, which
// no reader looks at.
func removeMetadata(ctx context.Context, t *table.Table, expired, remaining []table.Snapshot) error {
	io, err := t.FS(ctx)
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, snapshot := range remaining {
		manifests, err := snapshot.Manifests(io)
		if err != nil {
			return err
		}
		needed[snapshot.ManifestList] = true
		for _, m := range manifests {
			needed[m.FilePath()] = true
		}
	}
	var errs []error
	for _, snapshot := range expired {
		manifests, err := snapshot.Manifests(io)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, m := range manifests {
			if path := m.FilePath(); !needed[path] {
				needed[path] = true // remove it once
				errs = append(errs, io.Remove(path))
			}
		}
		if !needed[snapshot.ManifestList] {
			errs = append(errs, io.Remove(snapshot.ManifestList))
		}
	}
	return errors.Join(errs...)
}
