package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binaries builds the program for all platforms, static and without paths of this
// machine.
func (r *release) binaries(ctx context.Context) error {
	for _, p := range r.platforms {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
			"-ldflags", "-s -w -buildid= -X main.version="+r.version, "-o", r.binary(p), "./cmd/daybook")
		cmd.Dir = r.root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+p.os, "GOARCH="+p.arch, "GOAMD64=v1", "GOARM64=v8.0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build for %s: %w\n%s", p, err, text)
		}
	}
	return nil
}

// completions are the shells' scripts, by the name under which packages install them.
var completions = []struct{ shell, file string }{
	{"bash", "daybook.bash"}, {"zsh", "_daybook"}, {"fish", "daybook.fish"}, {"powershell", "daybook.ps1"},
}

// documents has the program of this machine write its manual pages and completions.
func (r *release) documents(ctx context.Context) error {
	program := r.binary(here)
	man := exec.CommandContext(ctx, program, "man", "--dir", filepath.Join(r.work, "man"))
	man.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.modified.Unix())) // the month that a page names
	if err := man.Run(); err != nil {
		return fmt.Errorf("daybook man: %w", err)
	}
	dir := filepath.Join(r.work, "completions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, c := range completions {
		script, err := exec.CommandContext(ctx, program, "completion", c.shell).Output()
		if err != nil {
			return fmt.Errorf("daybook completion %s: %w", c.shell, err)
		}
		if err := os.WriteFile(filepath.Join(dir, c.file), script, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sbom lists the modules of the program, as CycloneDX. All platforms have the same.
func (r *release) sbom(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "tool", "cyclonedx-gomod", "bin", "-json", "-noserial", "-notimestamp",
		"-version", "v"+r.version, "-output", "-", r.binary(r.platforms[0]))
	cmd.Dir = r.source("cmd/release")
	var text, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, &errs)
	}
	return os.WriteFile(r.artefact("daybook_"+r.version+"_sbom.cdx.json"), text.Bytes(), 0o644)
}

// checksums writes the SHA-256 of each artefact, as sha256sum checks them.
func (r *release) checksums(context.Context) error {
	entries, err := os.ReadDir(r.out) // in the order of the names
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, e := range entries {
		data, err := os.ReadFile(r.artefact(e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(r.artefact("SHA256SUMS"), sums.Bytes(), 0o644)
}
