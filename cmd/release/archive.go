package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// file is a file of an archive.
type file struct {
	name string
	mode fs.FileMode
	data []byte
}

// archives packs each binary with its documents: zip for Windows, tar for the others.
func (r *release) archives(context.Context) error {
	shared, err := r.sharedFiles()
	if err != nil {
		return err
	}
	for _, p := range r.platforms {
		program, err := os.ReadFile(r.binary(p))
		if err != nil {
			return err
		}
		dir := "daybook_" + r.version + "_" + p.String()
		files := append([]file{{filepath.Base(r.binary(p)), 0o755, program}}, shared...)
		for i := range files {
			files[i].name = path.Join(dir, files[i].name)
		}
		name, pack := dir+".tar.gz", gzipped
		if p.os == "windows" {
			name, pack = dir+".zip", zipped
		}
		data, err := pack(files, r.modified)
		if err != nil {
			return err
		}
		if err := os.WriteFile(r.artefact(name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sharedFiles are the documents, manual pages and completions of each archive.
func (r *release) sharedFiles() ([]file, error) {
	var files []file
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE"} {
		data, err := os.ReadFile(r.source(name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{name, 0o644, data})
	}
	for _, dir := range []string{"completions", "man"} {
		inside, err := filesUnder(filepath.Join(r.work, dir), dir)
		if err != nil {
			return nil, err
		}
		files = append(files, inside...)
	}
	return files, nil
}

// filesUnder reads the files of a directory, in the order of their names. Their names
// begin with as.
func filesUnder(dir, as string) (files []file, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		files = append(files, file{path.Join(as, name), 0o644, data})
		return err
	})
	return files, err
}

// tarred is a tar of files that belong to root.
func tarred(files []file, modified time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: int64(f.mode.Perm()), Size: int64(len(f.data)), ModTime: modified, Typeflag: tar.TypeReg}
		if f.mode.IsDir() {
			h.Typeflag = tar.TypeDir
			h.Name += "/"
		}
		if f.mode&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func gzipped(files []file, modified time.Time) ([]byte, error) {
	data, err := tarred(files, modified)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func zipped(files []file, modified time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: modified}
		h.SetMode(f.mode)
		to, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := to.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
