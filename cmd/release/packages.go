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
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

const summary = "session reports from dumps of support-session events"

const maintainer = "The daybook developers <daybook@example.com>"

// both are the formats of a file that has no format of its own.
const both = ""

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
		Maintainer: maintainer, Description: description, MTime: r.modified,
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
	if format == "rpm" {
		info.License = "Apache-2.0" // a field that Debian does not have
	}
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
	add := func(source, destination, format string) {
		all = append(all, &files.Content{Source: source, Destination: destination, Packager: format, FileInfo: &files.ContentFileInfo{Mode: 0o644, MTime: r.modified}})
	}
	add(r.source("config/packaging/daybook.yml"), "/etc/daybook/daybook.yml", both)
	all[0].Type = files.TypeConfigNoReplace
	if err := r.packageDocuments(add); err != nil {
		return nil, err
	}
	dir := filepath.Join(r.work, "completions")
	add(filepath.Join(dir, "daybook.bash"), "/usr/share/bash-completion/completions/daybook", both)
	add(filepath.Join(dir, "_daybook"), "/usr/share/zsh/vendor-completions/_daybook", "deb")
	add(filepath.Join(dir, "_daybook"), "/usr/share/zsh/site-functions/_daybook", "rpm")
	add(filepath.Join(dir, "daybook.fish"), "/usr/share/fish/vendor_completions.d/daybook.fish", both)
	pages, err := filesUnder(filepath.Join(r.work, "man"), "")
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		zipped := filepath.Join(r.work, page.name+".gz")
		if err := writeGzip(zipped, page.data); err != nil {
			return nil, err
		}
		add(zipped, "/usr/share/man/man1/"+page.name+".gz", both)
	}
	for _, name := range []string{"daybook.service", "daybook-run.service", "daybook-run.timer"} {
		unit, err := r.unit(name)
		if err != nil {
			return nil, err
		}
		add(unit, path.Join("/usr/lib/systemd/system", name), both)
	}
	return all, nil
}

// packageDocuments adds the documents, each under the name that its distributions
// prescribe.
func (r *release) packageDocuments(add func(source, destination, format string)) error {
	const doc = "/usr/share/doc/daybook/"
	add(r.source("README.md"), doc+"README.md", both)
	add(r.source("CHANGELOG.md"), doc+"CHANGELOG.md", "rpm")
	add(r.source("LICENSE"), "/usr/share/licenses/daybook/LICENSE", "rpm")
	add(r.source("config/packaging/copyright"), doc+"copyright", "deb")
	add(r.source("config/packaging/lintian-overrides"), "/usr/share/lintian/overrides/daybook", "deb")
	changes, err := os.ReadFile(r.source("CHANGELOG.md"))
	if err != nil {
		return err
	}
	packaged := fmt.Sprintf("daybook (%s-1) stable; urgency=medium\n\n  * New version: see changelog.gz.\n\n -- %s  %s\n",
		r.version, maintainer, r.modified.Format(time.RFC1123Z))
	for name, text := range map[string][]byte{"changelog.gz": changes, "changelog.Debian.gz": []byte(packaged)} {
		zipped := filepath.Join(r.work, name)
		if err := writeGzip(zipped, text); err != nil {
			return err
		}
		add(zipped, doc+name, "deb")
	}
	return nil
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
