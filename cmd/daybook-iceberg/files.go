package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	iceio "github.com/apache/iceberg-go/io"

	"daybook/config"
	"daybook/sources/store"
)

// files is the file system in which the Iceberg library keeps the tables'
// metadata. It is made of daybook's stores, so that retries, time limits,
// credentials and durable writes are those of daybook. Files are read and written
// as a whole: metadata are small.
type files struct {
	ctx  context.Context
	open func(location string) (st store.Store, key string, err error)
}

var (
	_ iceio.WriteFileIO = files{}
	_ iceio.ReadFileIO  = files{}
)

// registerFiles makes the library use daybook's stores for every location. The
// settings are those of the sink, except for what a catalog gives out.
func registerFiles(sink *config.Store) {
	stores := &metadataStores{sink: *sink, open: map[config.Store]store.Store{}}
	factory := func(ctx context.Context, _ *url.URL, given map[string]string) (iceio.IO, error) {
		return files{ctx, func(location string) (store.Store, string, error) { return stores.at(location, given) }}, nil
	}
	for _, scheme := range []string{"", "file", "s3", "s3a"} {
		iceio.Unregister(scheme)
		iceio.Register(scheme, factory)
	}
}

// metadataStores opens the stores of metadata, each once.
type metadataStores struct {
	sink config.Store
	mu   sync.Mutex
	open map[config.Store]store.Store
}

// at is the store of a location, and the key in it. given are the properties of the
// catalog and the table; a REST catalog may give out credentials in them.
func (m *metadataStores) at(location string, given map[string]string) (store.Store, string, error) {
	scheme, rest, found := strings.Cut(location, "://")
	if !found {
		scheme, rest = "file", strings.TrimPrefix(location, "file:")
	}
	settings, key := config.Store{}, ""
	switch scheme {
	case "file":
		settings.URL, key = path.Dir(rest), path.Base(rest)
	case "s3", "s3a":
		var bucket string
		bucket, key, _ = strings.Cut(rest, "/")
		settings = m.bucket(bucket, given)
	default:
		return nil, "", fmt.Errorf("%s: metadata can be in s3:// and file:// locations only", location)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if st := m.open[settings]; st != nil {
		return st, key, nil
	}
	st, err := openStore(&settings, true)
	if err == nil && scheme != "file" {
		m.open[settings] = st
	}
	return st, key, err
}

// bucket is the settings of a bucket.
func (m *metadataStores) bucket(name string, given map[string]string) config.Store {
	s := m.sink
	if !strings.HasPrefix(s.URL, "s3://") {
		s = config.Store{TLS: true, Addressing: "auto", StallTimeout: s.StallTimeout, MaxAttempts: s.MaxAttempts}
	}
	s.URL = "s3://" + name
	if endpoint := given[iceio.S3EndpointURL]; endpoint != "" {
		s.Endpoint = endpoint
		s.TLS = !strings.HasPrefix(endpoint, "http://")
	}
	if region := given[iceio.S3Region]; region != "" {
		s.Region = region
	}
	if id := given[iceio.S3AccessKeyID]; id != "" {
		s.AccessKeyID = config.NewSecret(id)
		s.SecretAccessKey = config.NewSecret(given[iceio.S3SecretAccessKey])
		s.SessionToken = config.NewSecret(given[iceio.S3SessionToken])
	}
	return s
}

// Open reads a file.
func (f files) Open(name string) (iceio.File, error) {
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &file{Reader: bytes.NewReader(data), name: path.Base(name)}, nil
}

// ReadFile reads a file.
func (f files) ReadFile(name string) ([]byte, error) {
	st, key, err := f.open(name)
	if err != nil {
		return nil, err
	}
	body, object, err := st.Open(f.ctx, key, 0, store.ToEnd, "")
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNoBucket) {
		return nil, fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data := bytes.NewBuffer(make([]byte, 0, object.Size+bytes.MinRead))
	if _, err := data.ReadFrom(body); err != nil {
		return nil, err
	}
	return data.Bytes(), nil
}

// Create starts a file that is stored when it is closed.
func (f files) Create(name string) (iceio.FileWriter, error) {
	return &newFile{put: func(data []byte) error { return f.WriteFile(name, data) }}, nil
}

// WriteFile stores a file. It is durable when WriteFile returns nil.
func (f files) WriteFile(name string, data []byte) error {
	st, key, err := f.open(name)
	if err == nil {
		_, err = st.Put(f.ctx, key, bytes.NewReader(data), int64(len(data)), store.Condition{})
	}
	return err
}

// Remove removes a file. It keeps the first metadata file of each table: when the
// answer to a table's creation is lost, the library removes that file, although the
// catalog may name it.
func (f files) Remove(name string) error {
	if strings.HasPrefix(path.Base(name), "00000-") && strings.HasSuffix(name, ".metadata.json") {
		return nil
	}
	st, key, err := f.open(name)
	if err == nil {
		err = st.Delete(f.ctx, key)
	}
	return err
}

// file is a file that was read.
type file struct {
	*bytes.Reader
	name string
}

func (f *file) Close() error               { return nil }
func (f *file) Stat() (fs.FileInfo, error) { return f, nil }
func (f *file) Name() string               { return f.name }
func (f *file) Mode() fs.FileMode          { return 0o444 }
func (f *file) ModTime() time.Time         { return time.Time{} }
func (f *file) IsDir() bool                { return false }
func (f *file) Sys() any                   { return nil }

// newFile is a file that is being written.
type newFile struct {
	bytes.Buffer
	put func([]byte) error
}

// Close stores the file.
func (f *newFile) Close() error { return f.put(f.Bytes()) }

// ReadFrom appends what r yields.
func (f *newFile) ReadFrom(r io.Reader) (int64, error) { return f.Buffer.ReadFrom(r) }
