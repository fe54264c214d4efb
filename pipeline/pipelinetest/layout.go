package pipelinetest

import (
	"bytes"
	"context"
	"encoding/json"
	"path"

	"daybook/sinks/publish"
	"daybook/sources/store"
)

// MoveBack gives a sink the layout of version 0.1.0. It returns the directories of the
// partitions by the keys of their manifests in that layout.
func MoveBack(ctx context.Context, sink store.Store) (dirs map[string]string, err error) {
	var keys []string
	for object, err := range sink.List(ctx, publish.ManifestRoot) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, object.Key)
	}
	dirs = map[string]string{}
	for _, key := range keys {
		dir, ok := publish.ManifestDir(key)
		if !ok {
			continue
		}
		if err := moveBack(ctx, sink, dir); err != nil {
			return nil, err
		}
		dirs[publish.OldManifestKey(dir)] = dir
	}
	return dirs, nil
}

func moveBack(ctx context.Context, sink store.Store, dir string) error {
	base, err := publish.Read(ctx, sink, dir)
	if err != nil {
		return err
	}
	for i := range base.Manifest.Parts {
		part := &base.Manifest.Parts[i]
		content, err := ReadObject(ctx, sink, part.Key)
		if err != nil {
			return err
		}
		old := publish.OldDir(path.Dir(part.Key)+"/") + path.Base(part.Key)
		if err := move(ctx, sink, part.Key, old, content); err != nil {
			return err
		}
		part.Key = old
	}
	text, err := json.Marshal(base.Manifest)
	if err != nil {
		return err
	}
	return move(ctx, sink, base.Key, publish.OldManifestKey(dir), text)
}

// move deletes an object and puts its new content under another key.
func move(ctx context.Context, sink store.Store, from, to string, content []byte) error {
	if err := sink.Delete(ctx, from); err != nil {
		return err
	}
	_, err := sink.Put(ctx, to, bytes.NewReader(content), int64(len(content)), store.Condition{})
	return err
}
