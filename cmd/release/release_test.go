//go:build unix

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

const version = "1.2.3"

// made makes the release for this platform from the repository at root.
func made(t *testing.T, root string) *release {
	t.Helper()
	r := &release{version: version, modified: time.Unix(1_790_000_000, 0).UTC(), platforms: []platform{here}, root: root, out: t.TempDir()}
	if err := r.make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// The same commit gives the same bytes: in another directory, time zone and umask, and
// at another time. What it gives opens.
func TestRelease(t *testing.T) {
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r := made(t, repository)
	t.Run("package", func(t *testing.T) { checkPackage(t, r) })
	t.Run("image", func(t *testing.T) { checkImage(t, r) })
	t.Run("chart", func(t *testing.T) { checkChart(t, r) })

	elsewhere := filepath.Join(t.TempDir(), "else where")
	copyRepository(t, repository, elsewhere)
	t.Setenv("TZ", "Pacific/Chatham")
	defer syscall.Umask(syscall.Umask(0o077))
	again := made(t, elsewhere)
	want, got := artefacts(t, r), artefacts(t, again)
	if len(want) < 6 {
		t.Fatalf("a release of %d files", len(want))
	}
	for name, data := range want {
		if !bytes.Equal(got[name], data) {
			t.Errorf("%s has other bytes when it is made again", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s is in the second release alone", name)
	}
}

func artefacts(t *testing.T, r *release) map[string][]byte {
	t.Helper()
	all, err := filesUnder(r.out, "")
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string][]byte{}
	for _, f := range all {
		contents[f.name] = f.data
	}
	return contents
}

// copyRepository copies the files that git knows.
func copyRepository(t *testing.T, from, to string) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = from
	names, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) { // removed, and not yet committed
			continue
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// checkPackage unpacks the Debian package, and has the shells and man read their files.
func checkPackage(t *testing.T, r *release) {
	deb, tree := r.artefact("daybook_"+version+"-1_"+here.arch+".deb"), t.TempDir()
	output(t, "dpkg-deb", "--extract", deb, tree)
	if conf := output(t, "dpkg-deb", "--info", deb, "conffiles"); conf != "/etc/daybook/daybook.yml\n" {
		t.Errorf("the configuration files are %q", conf)
	}
	for name, mode := range map[string]fs.FileMode{
		"usr/bin/daybook": 0o755, "etc/daybook/daybook.yml": 0o644, "usr/lib/systemd/system/daybook.service": 0o644,
		"usr/lib/systemd/system/daybook-run.service": 0o644, "usr/lib/systemd/system/daybook-run.timer": 0o644,
		"usr/share/man/man1/daybook-run.1.gz": 0o644, "usr/share/doc/daybook/copyright": 0o644,
		"usr/share/zsh/vendor-completions/_daybook": 0o644, "usr/share/fish/vendor_completions.d/daybook.fish": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(tree, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want the mode %v", name, info, err, mode)
		}
	}
	program := filepath.Join(tree, "usr/bin/daybook")
	if text := output(t, program, "version"); !strings.HasPrefix(text, "daybook "+version+" ") {
		t.Errorf("the program says %q", text)
	}
	output(t, program, "config", "check", filepath.Join(tree, "etc/daybook/daybook.yml"))
	output(t, "bash", "-n", filepath.Join(tree, "usr/share/bash-completion/completions/daybook"))
	for _, script := range []string{"preinst", "postinst", "prerm", "postrm"} {
		text, err := exec.CommandContext(t.Context(), "dpkg-deb", "--info", deb, script).Output()
		if err != nil {
			continue // the package has no such script
		}
		sh := exec.CommandContext(t.Context(), "sh", "-n")
		sh.Stdin = bytes.NewReader(text)
		if text, err := sh.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, text)
		}
	}
}

// checkImage reads the image back with all its digests.
func checkImage(t *testing.T, r *release) {
	dir := t.TempDir()
	output(t, "tar", "-xf", r.artefact("daybook_"+version+"_oci.tar"), "-C", dir)
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	layers, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(layers, func(layer string) bool {
		names, err := exec.CommandContext(t.Context(), "tar", "-tvzf", layer).Output()
		return err == nil && strings.Contains(string(names), "drwxrwxrwt 0/0") && strings.Contains(string(names), "usr/bin/daybook")
	}) {
		t.Error("no layer has the program and a directory for temporary files")
	}
}

// checkChart looks for the version of the release in the chart and in its program.
func checkChart(t *testing.T, r *release) {
	chart := output(t, "tar", "-xzOf", r.artefact("daybook-"+version+".tgz"), "daybook/Chart.yaml")
	for _, line := range []string{"\nversion: " + version + " ", "\nappVersion: " + version + "\n"} {
		if !strings.Contains(chart, line) {
			t.Errorf("the chart has no %q:\n%s", line, chart)
		}
	}
}

// output runs a program that must succeed.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, &stdout, &stderr)
	}
	return stdout.String()
}
