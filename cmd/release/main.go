// Command release makes what users install, from the sources of this repository:
// archives of static binaries, Debian and RPM packages, an OCI image, a Helm chart, an
// SBOM, and the checksums of all of it.
//
// The same commit gives the same bytes: all times are that of the commit, and each
// library is pinned in go.mod. Nothing is fetched but Go modules.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	r := release{platforms: platforms}
	var commit int64
	flag.StringVar(&r.version, "version", "", "the version, such as 0.3.0")
	flag.Int64Var(&commit, "time", 0, "the time of the commit, in seconds since 1970")
	flag.StringVar(&r.root, "root", ".", "the repository")
	flag.StringVar(&r.out, "out", "", "the directory to write to; it is emptied first")
	onlyHere := flag.Bool("only-here", false, "for the platform of this machine alone")
	flag.Parse()
	if *onlyHere {
		r.platforms = []platform{here}
	}
	r.modified = time.Unix(commit, 0).UTC()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := r.make(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is one version, and where its files are.
type release struct {
	version   string
	modified  time.Time // of all files
	platforms []platform
	root, out string
	work      string // a directory for what the artefacts are made of
}

// platforms are those that have a binary.
var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

type platform struct{ os, arch string }

// here is the platform of this machine. Its program writes its own documents.
var here = platform{runtime.GOOS, runtime.GOARCH}

func (p platform) String() string { return p.os + "_" + p.arch }

func (r *release) make(ctx context.Context) error {
	if r.version == "" || r.out == "" || r.modified.Unix() <= 0 {
		return fmt.Errorf("--version, --time and --out are required; make release gives them")
	}
	var err error
	if r.work, err = os.MkdirTemp("", "daybook-release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"binaries", r.binaries}, {"manual pages and completions", r.documents}, {"archives", r.archives},
		{"packages", r.packages}, {"image", r.image}, {"chart", r.chart}, {"SBOM", r.sbom}, {"checksums", r.checksums},
	} {
		fmt.Fprintln(os.Stderr, step.name)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// binary is the built program of a platform.
func (r *release) binary(p platform) string {
	name := "daybook"
	if p.os == "windows" {
		name += ".exe"
	}
	return filepath.Join(r.work, p.String(), name)
}

// artefact is the path of a file of the release.
func (r *release) artefact(name string) string { return filepath.Join(r.out, name) }

// source is the path of a file of the repository.
func (r *release) source(name string) string { return filepath.Join(r.root, filepath.FromSlash(name)) }
