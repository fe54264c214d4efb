package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"daybook/config/userfile"
	"daybook/pipeline/deliver"
	"daybook/pipeline/service/controller"
	"daybook/pipeline/settings"
	"daybook/transform/day"
)

type deliverOptions struct {
	report  string
	date    string
	every   string
	name    string
	preview string
	send    bool

	day day.Day
}

func newDeliverCommand(a *app) *cobra.Command {
	var opts deliverOptions
	cmd := &cobra.Command{
		Use:   "deliver [--date DATE (--preview FILE | --send)]",
		Short: "Show the messages to people, write one to a file, or send one by hand",
		Long: `daybook serve sends the messages of a report's setting deliver. This command lists
the deliveries and the last message of each. With --date, it makes one message about
the day, week or month with that date, which has to be published:

--preview writes it to a file: an e-mail as mail programs open it, or with a name
that ends in .html its HTML, and a message to Slack or Teams as JSON. Nothing is sent.

--send sends it now. daybook serve does not know of it, and may send it, too.`,
		Example: `  daybook deliver
  daybook deliver --report sessions --date 2026-11-20 --preview mail.eml
  daybook deliver --report sessions --every week --date 2026-11-20 --send`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.validate(cmd); err != nil {
				return err
			}
			return runDeliver(cmd.Context(), a, &opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.report, "report", "", "only the deliveries of this report")
	flags.StringVar(&opts.every, "every", "", "only the deliveries of this period: day, week or month")
	flags.StringVar(&opts.name, "name", "", "only the delivery of this name, as listed")
	dayFlag(cmd, &opts.date, "date", "", "a date in the day, week or month that the message is about")
	flags.StringVar(&opts.preview, "preview", "", "write the message to this `file`; - is standard output")
	flags.BoolVar(&opts.send, "send", false, "send the message now")
	return cmd
}

func (o *deliverOptions) validate(cmd *cobra.Command) (err error) {
	if o.every != "" && !slices.Contains([]string{"day", "week", "month"}, o.every) {
		return usageError(cmd, "--every %q is not day, week or month", o.every)
	}
	if acts := o.preview != "" || o.send; acts != (o.date != "") || o.preview != "" && o.send {
		return usageError(cmd, "a message needs --date and either --preview or --send; without them the deliveries are listed")
	}
	if o.date != "" {
		if o.day, err = day.ParseEventDate(o.date); err != nil {
			return usageError(cmd, "--date: %s", err)
		}
	}
	return nil
}

func runDeliver(ctx context.Context, a *app, opts *deliverOptions) error {
	c, p, err := a.configured()
	if err != nil {
		return err
	}
	all, err := deliver.New(c)
	if err != nil {
		return codedError{err, exitUsage}
	}
	all = slices.DeleteFunc(all, func(d *deliver.Delivery) bool {
		return opts.report != "" && d.Report != opts.report || opts.every != "" && string(d.Every) != opts.every || opts.name != "" && d.Name != opts.name
	})
	if len(all) == 0 {
		return codedError{fmt.Errorf("no such delivery is configured; give the report an item in deliver, or list the deliveries: daybook deliver"), exitUsage}
	}
	if opts.date == "" {
		return a.listDeliveries(ctx, p, all)
	}
	if len(all) > 1 {
		var names []string
		for _, d := range all {
			names = append(names, d.Name)
		}
		return codedError{fmt.Errorf("%d deliveries match; choose one with --name: %s", len(all), strings.Join(names, ", ")), exitUsage}
	}
	period := deliver.PeriodOf(all[0].Every, opts.day)
	m, err := all[0].Compose(ctx, p, period, "by-hand-"+all[0].Report+"-"+period.String(), false)
	if err != nil {
		return fmt.Errorf("%w; build it with daybook run, or choose another --date", err)
	}
	if opts.send {
		if err := m.Send(ctx, p.Now()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.stdout, "sent %s of %s to %s\n", m.Period, all[0].Report, all[0].Destination())
		return err
	}
	return a.previewMessage(ctx, m, opts.preview, p.Now())
}

// previewMessage writes a message to a file, or to standard output.
func (a *app) previewMessage(ctx context.Context, m *deliver.Message, name string, now time.Time) error {
	write := func(w io.Writer) error { return m.Write(w, now) }
	if strings.EqualFold(filepath.Ext(name), ".html") {
		html, err := m.Content.HTML()
		if err != nil {
			return err
		}
		write = func(w io.Writer) error { _, err := io.WriteString(w, html); return err }
	}
	if name == "-" {
		return write(a.stdout)
	}
	f, err := userfile.Create(ctx, name)
	if err != nil {
		return err
	}
	err = write(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "wrote %s: %s\n", name, m.Content.Subject)
	return err
}

// listedDelivery is a delivery as the command lists it.
type listedDelivery struct {
	Name   string              `json:"name"`
	To     string              `json:"to"`
	Period string              `json:"period,omitempty"` // of the last message
	Last   *controller.Posting `json:"last,omitempty"`
}

// listDeliveries lists the deliveries, each with its last message.
func (a *app) listDeliveries(ctx context.Context, p *settings.Pipeline, all []*deliver.Delivery) error {
	state, _, err := controller.Read(ctx, p.Sink)
	if err != nil {
		return fmt.Errorf("read the state of daybook serve: %w", err)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, d := range all {
		l := listedDelivery{Name: d.Name, To: d.Destination()}
		if ledger := state.Deliveries[d.Name]; ledger != nil {
			l.Period, l.Last = ledger.Last()
		}
		if a.json {
			if err := json.NewEncoder(a.stdout).Encode(&l); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", l.Name, l.To, l.outcome())
	}
	return w.Flush()
}

// outcome says what became of the last message.
func (l *listedDelivery) outcome() string {
	switch {
	case l.Last == nil:
		return "no message yet"
	case l.Last.Outcome == controller.Sent:
		return l.Period + " sent " + l.Last.Ended.Format(time.RFC3339)
	case l.Last.Outcome == controller.GivenUp:
		return l.Period + " given up: " + l.Last.Error
	case l.Last.Error != "":
		return l.Period + " will be tried again: " + l.Last.Error
	}
	return l.Period + " is about to be sent"
}
