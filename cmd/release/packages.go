package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

const summary = "session reports from dumps of support-session events"

const description = summary + `
daybook reads raw dumps of support-session events from S3 or a directory, runs
them through a timing and status engine, and publishes each day and month as
audited files: partitioned Parquet for warehouses, CSV and XLSX for people.

The package has a service with a console, a timer for nightly runs, and a
command for everything by hand.`

// packages makes the Debian and RPM packages of each Linux architecture.
func (r *release) packages(context.Context) error {
	contents, err := r.packageContents()
	if err != nil {
		return err
	}
	for _, p := range r.platforms {
		if p.os != "linux" {
			continue
		}
		for _, format := range []string{"deb", "rpm"} {
			if err := r.packageOf(p, format, contents); err != nil {
				return fmt.Errorf("%s for %s: %w", format, p, err)
			}
		}
	}
	return nil
}

// tools are the packages with useradd, by format.
var tools = map[string]string{"deb": "passwd", "rpm": "shadow-utils"}

func (r *release) packageOf(p platform, format string, contents files.Contents) error {
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	program := &files.Content{Source: r.binary(p), Destination: "/usr/bin/daybook", FileInfo: &files.ContentFileInfo{Mode: 0o755, MTime: r.modified}}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "daybook", Arch: p.arch, Platform: p.os, Version: r.version, Release: "1", Section: "utils", Priority: "optional",
		Maintainer: "The daybook developers <daybook@example.com>", Description: description, License: "Apache-2.0", MTime: r.modified,
		Overridables: nfpm.Overridables{
			Contents: append(files.Contents{program}, contents...),
			Depends:  []string{tools[format]},
			Scripts: nfpm.Scripts{
				PostInstall: r.source("config/packaging/postinstall.sh"),
				PreRemove:   r.source("config/packaging/preremove.sh"),
				PostRemove:  r.source("config/packaging/postremove.sh"),
			},
			Deb: nfpm.Deb{Compression: "gzip"},
			RPM: nfpm.RPM{Compression: "gzip", BuildHost: "localhost"},
		},
	})
	name := packager.ConventionalFileName(info)
	out, err := os.Create(r.artefact(name))
	if err != nil {
		return err
	}
	defer out.Close()
	if err := packager.Package(info, out); err != nil {
		return err
	}
	return out.Close()
}

// packageContents are the files of a package beside the program.
func (r *release) packageContents() (files.Contents, error) {
	var all files.Contents
	add := func(source, destination, kind string, mode os.FileMode) {
		all = append(all, &files.Content{Source: source, Destination: destination, Type: kind, FileInfo: &files.ContentFileInfo{Mode: mode, MTime: r.modified}})
	}
	add(r.source("config/packaging/daybook.yml"), "/etc/daybook/daybook.yml", files.TypeConfigNoReplace, 0o644)
	for _, name := range []string{"README.md", "CHANGELOG.md"} {
		add(r.source(name), "/usr/share/doc/daybook/"+name, "", 0o644)
	}
	add(r.source("LICENSE"), "/usr/share/doc/daybook/copyright", "", 0o644)
	dir := filepath.Join(r.work, "completions")
	add(filepath.Join(dir, "daybook.bash"), "/usr/share/bash-completion/completions/daybook", "", 0o644)
	for _, zsh := range []struct{ format, dir string }{{"deb", "vendor-completions"}, {"rpm", "site-functions"}} {
		add(filepath.Join(dir, "_daybook"), path.Join("/usr/share/zsh", zsh.dir, "_daybook"), "", 0o644)
		all[len(all)-1].Packager = zsh.format
	}
	add(filepath.Join(dir, "daybook.fish"), "/usr/share/fish/vendor_completions.d/daybook.fish", "", 0o644)
	pages, err := filesUnder(filepath.Join(r.work, "man"), "")
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		zipped := filepath.Join(r.work, page.name+".gz")
		if err := writeGzip(zipped, page.data); err != nil {
			return nil, err
		}
		add(zipped, "/usr/share/man/man1/"+page.name+".gz", "", 0o644)
	}
	for _, name := range []string{"daybook.service", "daybook-run.service", "daybook-run.timer"} {
		unit, err := r.unit(name)
		if err != nil {
			return nil, err
		}
		add(unit, path.Join("/usr/lib/systemd/system", name), "", 0o644)
	}
	return all, nil
}

// unit makes the unit of a package from the example, which is for a program that was
// copied by hand.
func (r *release) unit(name string) (string, error) {
	data, err := os.ReadFile(r.source("config/examples/systemd/" + name))
	if err != nil {
		return "", err
	}
	text := string(data)
	if strings.HasSuffix(name, ".service") {
		for _, c := range []struct{ old, new string }{
			{"/usr/local/bin/", "/usr/bin/"},
			{"DynamicUser=yes\n", "User=daybook\nGroup=daybook\nStateDirectory=daybook\nStateDirectoryMode=0750\nWorkingDirectory=/var/lib/daybook\n"},
			// One configuration serves both units, and commands by hand.
			{"LoadCredential=warehouse:/etc/daybook/secrets/warehouse\n", ""},
			{"/run/credentials/" + name, "/etc/daybook/secrets"},
			{"# Only root can", "# Only root and the group daybook can"},
		} {
			if !strings.Contains(text, c.old) {
				return "", fmt.Errorf("config/examples/systemd/%s has no %q to replace", name, c.old)
			}
			text = strings.ReplaceAll(text, c.old, c.new)
		}
	}
	_, units, _ := strings.Cut(text, "\n[Unit]")
	made := filepath.Join(r.work, name)
	return made, os.WriteFile(made, []byte("# Part of the package daybook. systemctl edit changes it.\n\n[Unit]"+units), 0o644)
}

func writeGzip(name string, data []byte) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}
