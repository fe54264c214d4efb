package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Where the image has its certificates, and the user that it runs as.
const (
	certificates = "etc/ssl/certs/ca-certificates.crt"
	imageUser    = "65532:65532"
)

// image writes an OCI archive with an image for each Linux architecture: the program,
// the certificates of public authorities, and a directory for temporary files. The time
// zones are part of the program.
func (r *release) image(context.Context) error {
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range r.platforms {
		if p.os != "linux" {
			continue
		}
		image, err := r.imageOf(p)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.os, Architecture: p.arch}},
		})
	}
	dir := filepath.Join(r.work, "image")
	path, err := layout.Write(dir, mutate.IndexMediaType(empty.Index, types.OCIImageIndex))
	if err != nil {
		return err
	}
	name := map[string]string{"org.opencontainers.image.ref.name": r.version}
	if err := path.AppendIndex(index, layout.WithAnnotations(name)); err != nil {
		return err
	}
	files, err := filesUnder(dir, "")
	if err != nil {
		return err
	}
	archive, err := tarred(files, r.modified)
	if err != nil {
		return err
	}
	return os.WriteFile(r.artefact("daybook_"+r.version+"_oci.tar"), archive, 0o644)
}

func (r *release) imageOf(p platform) (v1.Image, error) {
	program, err := os.ReadFile(r.binary(p))
	if err != nil {
		return nil, err
	}
	data, err := tarred([]file{
		{"etc/passwd", 0o644, []byte("daybook:x:65532:65532::/var/lib/daybook:/sbin/nologin\n")},
		{certificates, 0o644, authorities()},
		{"tmp", fs.ModeDir | fs.ModeSticky | 0o777, nil},
		{"usr/bin/daybook", 0o755, program},
	}, r.modified)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.Append(image, mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: r.modified}, CreatedBy: "make release"},
	}); err != nil {
		return nil, err
	}
	config := &v1.ConfigFile{
		OS: p.os, Architecture: p.arch, Created: v1.Time{Time: r.modified},
		Config: v1.Config{
			User: imageUser, WorkingDir: "/", Entrypoint: []string{"/usr/bin/daybook"}, Cmd: []string{"--help"},
			Env: []string{"PATH=/usr/bin", "SSL_CERT_FILE=/" + certificates},
			Labels: map[string]string{
				"org.opencontainers.image.title": "daybook", "org.opencontainers.image.version": r.version,
				"org.opencontainers.image.description": summary,
			},
		},
	}
	made, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config.RootFS, config.History = made.RootFS, made.History
	return mutate.ConfigFile(image, config)
}

// authorities are the certificates of public authorities, as Mozilla trusts them.
func authorities() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil { // a file cannot tell constraints
			pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // into a buffer
		}
	}
	return b.Bytes()
}
