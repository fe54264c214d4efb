package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"daybook/config"
	"daybook/pipeline/words"
	"daybook/sources/dump"
	"daybook/sources/store"
	"daybook/transform/event"
	"daybook/transform/export"
)

type initOptions struct {
	from, endpoint, region, file string
}

func newConfigInitCommand(a *app) *cobra.Command {
	var opts initOptions
	cmd := &cobra.Command{
		Use:   "init [--from URL] [--file FILE]",
		Short: "Look at a store and write a configuration for it",
		Long: `Look at the objects of a store, guess which of them are dumps and how they are
read, and write a commented configuration. It looks at no more than the first
10,000 keys and the beginning of a few objects.

Credentials come from the environment or the machine, as for daybook run. The
file must not exist yet; - writes to standard output.`,
		Example: `  daybook config init --from s3://acme-dumps/support
  daybook config init --from s3://dumps --endpoint http://minio.example.org:9000
  daybook config init --from ./dumps --file -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runConfigInit(cmd.Context(), a, &opts) },
	}
	cmd.Flags().StringVar(&opts.from, "from", config.DefaultSource, "the store: s3://bucket/prefix, or a directory")
	cmd.Flags().StringVar(&opts.endpoint, "endpoint", "", "host and port of an S3 server other than Amazon's")
	cmd.Flags().StringVar(&opts.region, "region", "", "the bucket's region")
	cmd.Flags().StringVar(&opts.file, "file", defaultConfigFile, "the file to write, or - for standard output")
	return cmd
}

func runConfigInit(ctx context.Context, a *app, opts *initOptions) error {
	if opts.file != "-" {
		if _, err := os.Lstat(opts.file); err == nil {
			return codedError{fmt.Errorf("%s exists already; move it away, or choose another --file", opts.file), exitUsage}
		}
	}
	c := config.Default()
	s := &c.Source.Store
	s.URL, s.Endpoint, s.Region, s.MaxAttempts = opts.from, opts.endpoint, opts.region, probeAttempts
	if host, plain := strings.CutPrefix(s.Endpoint, "http://"); plain {
		s.Endpoint, s.TLS = host, false
	}
	st, err := a.openStore(s, false)
	if err != nil {
		return codedError{err, exitUsage}
	}
	survey, err := dump.Look(ctx, st)
	if err != nil {
		return err
	}
	found, err := tryKinds(ctx, st, survey)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errNoKinds(st, survey)
	}
	text := initText(opts, survey, found)
	if opts.file == "-" {
		_, err := io.WriteString(a.stdout, text)
		return err
	}
	if err := writeNew(opts.file, text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s: written; %s\nNext: daybook config check --online shows what it takes; daybook run builds the reports.\n", opts.file, foundText(found))
	return err
}

// writeNew writes a file that does not exist yet.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// errNoKinds shows real keys.
func errNoKinds(st store.Store, survey *dump.Survey) error {
	if survey.Listed == 0 {
		return fmt.Errorf("%s has no objects; write dumps into it first, or correct --from", st.URL(""))
	}
	return fmt.Errorf("no object under %s is a dump with a date in its key; its keys are such as %q; the day on which a dump was written must be in its key", st.URL(""), survey.Examples)
}

// triedKind is a kind of dumps, and what the first of them hold.
type triedKind struct {
	dump.Kind
	how    string // such as "documents in gzip"
	reject string // why the first documents are no session events; empty: they are
	tried  int    // dumps that could be read
	failed string // the error of the last dump that could not be read
	export bool   // they are exports of the report
}

// maxTried is how many dumps of a kind are opened, and how many of their documents
// are decoded.
const (
	maxTried     = 3
	maxDocuments = 20
)

// tryKinds opens the first dumps of each kind. It leaves out kinds of which no object
// is a dump.
func tryKinds(ctx context.Context, st store.Store, survey *dump.Survey) ([]triedKind, error) {
	var found []triedKind
	for _, kind := range survey.Kinds {
		k := triedKind{Kind: kind}
		if k.Names != "" { // other names: their content has to show that they are dumps
			for i := range k.Dumps {
				k.Dumps[i].Possible = true
			}
		}
		for _, d := range kind.Dumps[:min(len(kind.Dumps), maxTried)] {
			switch err := k.try(ctx, st, d); {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case errors.Is(err, dump.ErrForeign) && k.Names != "":
				k.tryExport(ctx, st, d)
			case errors.Is(err, dump.ErrForeign):
			case err != nil:
				k.failed = err.Error()
			}
		}
		if k.tried > 0 || k.failed != "" {
			found = append(found, k)
		}
	}
	return found, nil
}

// try decodes the beginning of a dump.
func (k *triedKind) try(ctx context.Context, st store.Store, d dump.Dump) error {
	reader, err := dump.Open(ctx, st, d)
	if err != nil {
		return err
	}
	defer reader.Close()
	k.tried++
	how := reader.Form().String()
	if codec := reader.Codec(); codec != dump.Plain {
		how += " in " + codec.String()
	}
	if !strings.Contains(k.how, how) {
		k.how = strings.TrimPrefix(k.how+", "+how, ", ")
	}
	decoder := event.NewDecoder()
	var e event.Event
	for range maxDocuments {
		line, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if reject := decoder.Decode(line.Bytes, &e); reject.Reason != 0 && !event.Blank(line.Bytes) && k.reject == "" {
			k.reject = fmt.Sprintf("%s, %s: %s", reject.Reason, d.Key, reject.Detail)
		}
	}
	return nil
}

// tryExport looks whether an object whose content is no JSON is an export of the report.
func (k *triedKind) tryExport(ctx context.Context, st store.Store, d dump.Dump) {
	format, err := export.NewFormat(time.UTC, nil)
	if err != nil {
		return
	}
	d.Of, d.Possible = &dump.Source{Export: format}, false
	reader, err := dump.Open(ctx, st, d)
	if err != nil {
		return
	}
	reader.Close()
	k.tried++
	k.export = true
}

// foundText sums up what was found.
func foundText(found []triedKind) string {
	texts := make([]string, len(found))
	for i, k := range found {
		texts[i] = fmt.Sprintf("%s under %s", words.Count(k.Objects, "dump", "dumps"), k.Template)
		switch {
		case k.export:
			texts[i] += " with rows of the report; set timezone to that of the account"
		case k.reject != "":
			texts[i] += " whose documents are no session events; complete map in the file first"
		}
	}
	return strings.Join(texts, ", ")
}

// initText is the configuration.
func initText(opts *initOptions, survey *dump.Survey, found []triedKind) string {
	var b strings.Builder
	looked := "all"
	if !survey.Whole {
		looked = "the first"
	}
	fmt.Fprintf(&b, `# Written by daybook config init, which looked at %s %s of the store.
# daybook config check --online shows what this file takes. README.md describes all
# settings; daybook config show prints them.

source:
  store:
    url: %s
`, looked, words.Count(survey.Listed, "object", "objects"), yamlText(opts.from))
	if opts.endpoint != "" {
		fmt.Fprintf(&b, "    endpoint: %s\n", yamlText(opts.endpoint))
	}
	if opts.region != "" {
		fmt.Fprintf(&b, "    region: %s\n", yamlText(opts.region))
	}
	if len(found) == 1 && !found[0].export {
		b.WriteString("\n")
		found[0].write(&b, "  ", "  ")
	} else {
		b.WriteString("\n# An object belongs to the first one that takes its key.\nsources:\n")
		for i := range found {
			found[i].write(&b, "  - ", "    ")
		}
	}
	b.WriteString(`
# Where the reports go.
sink:
  store:
    url: ./out

# reports: the default is one report named sessions, in UTC, of the whole organisation
`)
	return b.String()
}

// write writes the settings of a kind; lead begins the first of them.
func (k *triedKind) write(b *strings.Builder, lead, indent string) {
	fmt.Fprintf(b, "%s# %s such keys, such as\n%s# %s\n", indent, words.Count(k.Objects, "object has", "objects have"), indent, commentText(k.Dumps[0].Key))
	fmt.Fprintf(b, "%skey: %s\n", lead, yamlText(string(k.Template)))
	if k.export {
		fmt.Fprintf(b, "%[1]s# Exports of the report. Their times are on the clock of the account.\n%[1]skind: report\n%[1]stimezone: UTC\n", indent)
		return
	}
	if k.Names != "" {
		fmt.Fprintf(b, "%snames: %s\n", indent, yamlText(k.Names))
	}
	if k.how != "" {
		fmt.Fprintf(b, "%s# The beginning of each dump decides its form. Found: %s.\n%sform: auto\n", indent, k.how, indent)
	}
	if k.failed != "" {
		fmt.Fprintf(b, "%s# One of them could not be read: %s\n", indent, commentText(k.failed))
	}
	if k.reject != "" {
		fmt.Fprintf(b, `%[1]s# These documents are no session events (EVENTS.md):
%[1]s# %[2]s
%[1]s# Say how they become session events; daybook config try FILE shows the outcome.
%[1]s# map:
%[1]s#   members:
%[1]s#     - {to: event_id, from: id}
%[1]s#     - {to: ts, from: time}
%[1]s#     - {to: session_id, from: session.id}
%[1]s#     - {to: type, from: kind, codes: [Chat=chat_message]}
`, indent, commentText(k.reject))
	}
}

// yamlText writes a text in quotes, with $ escaped: it begins variables.
func yamlText(text string) string {
	return strings.ReplaceAll(fmt.Sprintf("%q", text), "$", "$$")
}

// commentText is a text on one line.
func commentText(text string) string {
	quoted := fmt.Sprintf("%q", text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
