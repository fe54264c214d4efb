package main

import (
	"archive/tar"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"daybook/config"
)

// The job for Spark, and how it is submitted.
var (
	//go:embed spark/job.py
	sparkJob []byte
	//go:embed spark/submit.md
	sparkSubmit []byte
)

func newSparkCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "spark",
		Short:   "Run on many machines, with Apache Spark",
		Example: `  daybook spark emit job`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSparkEmitCommand(a))
	return cmd
}

func newSparkEmitCommand(a *app) *cobra.Command {
	program := ""
	cmd := &cobra.Command{
		Use:   "emit DIR",
		Short: "Write the job for Apache Spark into a directory",
		Long: `Write a job for Apache Spark 4.1 or later into a directory:

  job.py       the driver and its tasks
  daybook.tgz  this program, which the executors run
  daybook.yml  the configuration: stores, reports and limits
  submit.md    how to submit it: standalone, YARN, Kubernetes, EMR, Dataproc, Databricks

The job does what 'daybook backfill' does, with the same published bytes. It ships
no secret: credentials come from the machine's role, the environment of the
executors, or files (access_key_id_file and so on).`,
		Example: `  daybook spark emit job
  daybook spark emit job --config daybook.yml --program daybook-linux-arm64`,
		Args: exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if program == "" && runtime.GOOS != "linux" {
				return usageError(cmd, "executors run Linux, and this program is for %s; give --program", runtime.GOOS)
			}
			return runSparkEmit(a, args[0], program)
		},
	}
	cmd.Flags().StringVar(&program, "program", "", "the daybook for the executors, if they have another processor (default: this program)")
	return cmd
}

func runSparkEmit(a *app, dir, program string) error {
	shipped, err := a.jobConfig()
	if err != nil {
		return err
	}
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"job.py": sparkJob, "submit.md": sparkSubmit, "daybook.yml": shipped} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	if err := writeArchive(filepath.Join(dir, "daybook.tgz"), program); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "the job is in %s; %s says how to submit it\n", dir, filepath.Join(dir, "submit.md"))
	return err
}

// jobConfig is the part of the configuration that the job needs, as executors can read
// it: with absolute paths and without secrets.
func (a *app) jobConfig() ([]byte, error) {
	named := *a
	if named.configFile == "" {
		named.configFile = defaultConfigFile
	}
	var err error
	if named.configFile, err = filepath.Abs(named.configFile); err != nil { // makes the paths in it absolute, too
		return nil, err
	}
	unread := func(string) ([]byte, error) { return []byte("unread"), nil } // the files are on the executors
	c, err := named.readConfig(unread)
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		name  string
		store *config.Store
	}{{"source", &c.Source.Store}, {"sink", &c.Sink.Store}} {
		for _, secret := range []struct {
			name, file string
			value      config.Secret
		}{
			{"access_key_id", s.store.AccessKeyIDFile, s.store.AccessKeyID},
			{"secret_access_key", s.store.SecretAccessKeyFile, s.store.SecretAccessKey},
			{"session_token", s.store.SessionTokenFile, s.store.SessionToken},
		} {
			if !secret.value.IsZero() && secret.file == "" {
				return nil, codedError{fmt.Errorf("%s.store.%s would be shipped to every executor: give %[2]s_file with a path on the executors, or leave it out and let the machines' role decide", s.name, secret.name), exitUsage}
			}
		}
	}
	defaults := config.Default()
	c.Serve, c.Iceberg = defaults.Serve, defaults.Iceberg // the job does not read them
	return c.Redacted(), nil
}

// writeArchive packs the program as daybook, executable. Equal programs give equal
// archives.
func writeArchive(name, program string) (err error) {
	in, err := os.Open(program)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	compressed := gzip.NewWriter(out)
	archive := tar.NewWriter(compressed)
	if err := archive.WriteHeader(&tar.Header{Name: "daybook", Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	if _, err := io.Copy(archive, in); err != nil {
		return fmt.Errorf("pack %s: %w", program, err)
	}
	return errors.Join(archive.Close(), compressed.Close())
}
