// Package loads writes loader manifests: lists of a partition's files that loaders of
// warehouses read. A load of such a list takes the files of exactly one revision.
package loads

import (
	"bytes"
	"encoding/json"
)

// Format is the format of a loader manifest.
type Format string

// The formats.
const (
	// Redshift is the manifest of Redshift's COPY … MANIFEST: JSON with the URL and
	// length of each file.
	Redshift Format = "redshift"
	// URLs is a URL a line, as BigQuery's file sets take.
	URLs Format = "urls"
	// Hive is a URL a line, in a directory of its own for each partition, as Hive's
	// SymlinkTextInputFormat takes. Presto, Trino and Athena read it, too.
	Hive Format = "hive"
)

// Root is the prefix of all loader manifests.
const Root = "loads/"

// Prefix is what the keys of the manifests in a format begin with, for partitions
// whose directories begin with dirs.
func (f Format) Prefix(dirs string) string { return Root + string(f) + "/" + dirs }

// Key is the key of the manifest for the partition in dir, which ends in a slash:
//
//	loads/redshift/reports/sessions/dt=2026-11-20.json
//	loads/urls/reports/sessions/dt=2026-11-20.txt
//	loads/hive/reports/sessions/dt=2026-11-20/symlink.txt
func (f Format) Key(dir string) string {
	key := f.Prefix(dir)
	switch f {
	case Redshift:
		return key[:len(key)-1] + ".json"
	case URLs:
		return key[:len(key)-1] + ".txt"
	}
	return key + "symlink.txt"
}

// File is a file to load.
type File struct {
	URL   string
	Bytes int64
}

// Encode writes the loader manifest of some files.
func (f Format) Encode(files []File) []byte {
	if f == Redshift {
		return encodeRedshift(files)
	}
	var b bytes.Buffer
	for _, file := range files {
		b.WriteString(file.URL + "\n")
	}
	return b.Bytes()
}

// encodeRedshift writes the manifest that Redshift documents under "Using a manifest
// to specify data files". For Parquet, content_length is required; mandatory makes
// COPY fail if a file is missing.
func encodeRedshift(files []File) []byte {
	type meta struct {
		ContentLength int64 `json:"content_length"`
	}
	type entry struct {
		URL       string `json:"url"`
		Mandatory bool   `json:"mandatory"`
		Meta      meta   `json:"meta"`
	}
	entries := make([]entry, len(files))
	for i, file := range files {
		entries[i] = entry{file.URL, true, meta{file.Bytes}}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // URLs stay as they are
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(map[string][]entry{"entries": entries}); err != nil {
		panic(err) // JSON can hold texts and numbers
	}
	return b.Bytes()
}
