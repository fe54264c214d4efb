// Package deliver sends the figures of a published day, week or month to people: as an
// e-mail, or as a message to Slack or Microsoft Teams.
//
// A [Delivery] is one item of a report's setting deliver. [Delivery.Compose] reads the
// figures of a period and of the one that it is compared with, and makes the content of a
// message in the report's language. The formats show that content. When a delivery is due
// and whether it has been sent, the service knows (service/controller/ledger.go).
//
// Numbers are those of the published summaries. Those of a week are made from the rows of
// its seven days: sessions and percentiles of a week are no sums of its days'.
package deliver

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"daybook/config"
	"daybook/pipeline/settings"
	"daybook/pipeline/spillfile"
	"daybook/pipeline/words"
	"daybook/sinks/csv"
	"daybook/sinks/mail"
	"daybook/sinks/webhook"
	"daybook/sinks/xlsx"
	"daybook/transform/summary"
)

// Delivery is one item of a report's setting deliver.
type Delivery struct {
	Name   string // sessions/day/email; unique, the same after a restart, and not secret
	Report string
	Every  Every
	Again  bool // deliver a restated period again

	config    config.Delivery
	publicURL string       // of the console; may be empty
	server    *mail.Server // of an e-mail
	hook      *webhook.Hook
}

// New makes the deliveries of the configured reports.
func New(c *config.Config) ([]*Delivery, error) {
	var server *mail.Server
	var err error
	if c.Serve.SMTP != nil {
		if server, err = mail.New(c.Serve.SMTP); err != nil {
			return nil, fmt.Errorf("serve.%w", err)
		}
	}
	var all []*Delivery
	seen := map[string]int{}
	for i := range c.Reports {
		for _, item := range c.Reports[i].Deliver {
			d := &Delivery{Report: c.Reports[i].Name, Every: Every(item.Every), Again: item.Again, config: item, publicURL: c.Serve.PublicURL, server: server}
			d.Name = strings.Join([]string{d.Report, item.Every, item.Format}, "/")
			if seen[d.Name]++; seen[d.Name] > 1 {
				d.Name += fmt.Sprintf("#%d", seen[d.Name])
			}
			if item.Format != "email" {
				if d.hook, err = webhook.New(&config.Webhook{URL: item.URL}, nil); err != nil {
					return nil, fmt.Errorf("the delivery %s: %w", d.Name, err)
				}
			}
			all = append(all, d)
		}
	}
	return all, nil
}

// Format is email, slack or teams.
func (d *Delivery) Format() string { return d.config.Format }

// Message is the message of a delivery about one period.
type Message struct {
	ID      string // the same in every attempt
	Period  Period
	Content *Content

	attachments []mail.Attachment
	delivery    *Delivery
}

// Compose makes the message about a period. id is the message's, the same in every
// attempt. A restated message says that it replaces an earlier one.
func (d *Delivery) Compose(ctx context.Context, s *settings.Pipeline, p Period, id string, restated bool) (*Message, error) {
	r := s.Report(d.Report)
	if r == nil {
		return nil, fmt.Errorf("there is no report %s", d.Report)
	}
	now, err := read(ctx, s, r, p)
	if err != nil {
		return nil, err
	}
	against := p.Previous()
	if p.Every == Day && d.config.Against == "weekday" {
		against = PeriodOf(Day, p.From-7)
	}
	before, err := read(ctx, s, r, against)
	if err != nil && !errors.Is(err, ErrUnpublished) {
		return nil, err
	}
	m := &Message{ID: id, Period: p, delivery: d, Content: d.content(r, p, against, now, before)}
	w := writer{words.In(r.Language)}
	if restated {
		m.Content.Notes = append(m.Content.Notes, w.T("This replaces an earlier message: the period was restated."))
	}
	return m, m.attach(r, now)
}

// content makes what the message says. before is nil if nothing can be compared.
func (d *Delivery) content(r *settings.Report, p, against Period, now, before *summary.Figures) *Content {
	w := writer{words.In(r.Language)}
	c := &Content{
		Language: w.Code(), Report: r.Name, Period: p.String(), Title: words.Capital(w.period(p)),
		LinkText: w.T("Open the report"), Footer: w.T("Times are in %s. A leg is the part of one technician in a session: a session that was handed over has several.", r.Zone), GroupTitle: w.T("By group"),
		GroupHead: []string{w.T("Group"), w.T("Sessions"), w.T("Legs picked up"), w.T("Median waiting time of a leg"), w.T("Work time")},
	}
	c.Subject = w.T("%s, %s: %s", r.Name, w.period(p), w.Count(now.Total.Sessions, "session", "sessions"))
	if d.config.Subject != "" {
		c.Subject = strings.NewReplacer("{report}", r.Name, "{period}", w.period(p), "{sessions}", w.Thousands(now.Total.Sessions)).Replace(d.config.Subject)
	}
	var was *summary.Measures
	if before != nil {
		was = &before.Total
		c.Notes = append(c.Notes, w.T("Compared with %s", w.period(against))+".")
	} else {
		c.Notes = append(c.Notes, words.Capital(w.T("%s is not published, so nothing is compared.", w.period(against))))
	}
	c.Tiles = w.tiles(&now.Total, was)
	c.groups(w, now.Groups)
	if d.publicURL != "" {
		c.Link = d.publicURL + "/reports/" + url.PathEscape(r.Name)
		if p.Every != Week {
			c.Link += "/" + p.String()
		}
	}
	return c
}

// groups lists the groups with the most sessions.
func (c *Content) groups(w writer, all []summary.Group) {
	if len(all) < 2 {
		return
	}
	largest := slices.SortedStableFunc(slices.Values(all), func(a, b summary.Group) int { return cmp.Compare(b.Sessions, a.Sessions) })
	for i := range largest[:min(len(largest), maxGroups)] {
		g := &largest[i]
		waiting := int64(-1)
		if g.Waiting.Legs > 0 {
			waiting = g.Waiting.Median
		}
		c.Groups = append(c.Groups, []string{
			cmp.Or(g.Name, w.T("without a group")), w.Thousands(g.Sessions), w.Thousands(g.PickedUp), w.duration(waiting), w.duration(g.Work),
		})
	}
	if more := len(all) - maxGroups; more > 0 {
		c.Notes = append(c.Notes, w.T("%s more groups are in the summaries.", w.Thousands(int64(more))))
	}
}

// attach adds the summaries as files, unless they are larger than the limit.
func (m *Message) attach(r *settings.Report, f *summary.Figures) error {
	c := &m.delivery.config
	if c.Format != "email" || c.Attach == "none" {
		return nil
	}
	tables := f.Tables(r.Language)
	prefix := r.Name + "-" + m.Period.String()
	if c.Attach == "xlsx" {
		book, err := workbook(tables)
		if err != nil {
			return err
		}
		m.attachments = []mail.Attachment{{Name: prefix + ".xlsx", Type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Content: book}}
	} else {
		for i := range tables {
			var b bytes.Buffer
			if err := csv.WriteTable(&b, r.CSV, &tables[i]); err != nil {
				return err
			}
			m.attachments = append(m.attachments, mail.Attachment{Name: prefix + "-" + tables[i].Name + ".csv", Type: "text/csv", Content: b.Bytes()})
		}
	}
	size := 0
	for _, a := range m.attachments {
		size += len(a.Content)
	}
	if int64(size) > int64(c.MaxAttachment) {
		m.attachments = nil
		w := writer{words.In(r.Language)}
		m.Content.Notes = append(m.Content.Notes, w.T("The summaries take %s, more than the limit of %s, and are not attached.", w.Bytes(int64(size)), w.Bytes(int64(c.MaxAttachment))))
	}
	return nil
}

// workbook is the XLSX file of tables.
func workbook(tables []summary.Table) ([]byte, error) {
	scratch, err := spillfile.NewScratch()
	if err != nil {
		return nil, err
	}
	defer scratch.Close()
	var b bytes.Buffer
	err = xlsx.WriteTables(&b, scratch, tables)
	return b.Bytes(), err
}

// Send sends the message once. Errors that wrap mail.ErrRefused or webhook.ErrRefused are
// final.
func (m *Message) Send(ctx context.Context, now time.Time) error {
	d := m.delivery
	if d.server != nil && d.config.Format == "email" {
		e, err := m.email(now)
		if err != nil {
			return err
		}
		return d.server.Send(ctx, e)
	}
	body, err := m.chat()
	if err != nil {
		return err
	}
	return d.hook.Post(ctx, m.ID, body)
}

// Write writes the message as it would be sent: an e-mail as a file of mail programs, any
// other as JSON.
func (m *Message) Write(w io.Writer, now time.Time) error {
	if m.delivery.config.Format == "email" {
		e, err := m.email(now)
		if err != nil {
			return err
		}
		return m.delivery.server.Write(w, e)
	}
	body, err := m.chat()
	if err != nil {
		return err
	}
	_, err = w.Write(append(body, '\n'))
	return err
}

// email is the message as an e-mail.
func (m *Message) email(now time.Time) (*mail.Message, error) {
	html, err := m.Content.HTML()
	if err != nil {
		return nil, err
	}
	return &mail.Message{
		ID: m.ID, To: m.delivery.config.To, Subject: m.Content.Subject, Text: m.Content.Text(), HTML: html, Date: now, Attachments: m.attachments,
	}, nil
}

// chat is the message as JSON for Slack or Teams.
func (m *Message) chat() ([]byte, error) {
	if m.delivery.config.Format == "teams" {
		return json.Marshal(m.Content.teams())
	}
	return json.Marshal(m.Content.slack())
}

// Destination says where the message goes, without what is secret.
func (d *Delivery) Destination() string {
	if d.config.Format == "email" {
		return strings.Join(d.config.To, ", ")
	}
	return d.hook.Host()
}
