// Package console is daybook's web pages: what every report looks like, what is
// under way, and what of it people should know.
//
// Pages are made on the server by html/template, with charts in SVG made here,
// and work without JavaScript; the little there is of it refreshes what is
// running, keeps relative times current, lets arrow keys move in a calendar and
// copies snippets. All files are embedded. Each page has a twin in JSON, the
// very value that its template is given: ?format=json, or an Accept header.
//
// # What pages are made of
//
// How things are is the service's [service.State], one snapshot for a page. The
// numbers of charts are the published summaries, which [Console.Warm] keeps in
// an index. Only the pages of one partition or session ask the store, and only
// for what manifests name.
//
// # Who may do what
//
// Everybody whom the listener reaches may look. Actions are there only if they
// are allowed, for who has logged in with the token; they are POSTs, from the
// console's own pages. No part of a request reaches the store: reports are
// looked up in the state, partitions and session ids are parsed, and files are
// found by name in a manifest.
package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"golang.org/x/time/rate"

	"daybook/pipeline"
	"daybook/pipeline/service"
)

// Service is what the console shows. All its methods may be called at the same
// time.
type Service interface {
	// State is what is known at the moment; it does not change any more.
	State() *service.State
	// Runs are at most n runs of the past, the newest first.
	Runs(ctx context.Context, n int) ([]service.Run, error)
	// Run is one of them; the error wraps store.ErrNotFound if there is none.
	Run(ctx context.Context, id string) (*service.Run, error)
	// Act does what people ask for, or begins to: it does not wait for the end.
	Act(ctx context.Context, a service.Action) error
	// Runner has the stores and the reports, as they are configured now.
	Runner() *pipeline.Runner
}

// Options say what a console shows, and to whom.
type Options struct {
	Service Service
	// Configuration gives the effective one, without secrets, and its hash.
	Configuration func() (text, hash string)
	// AllowActions lets who knows Token do things. Without a token nobody may.
	AllowActions bool
	Token        string
	// Hosts are the names that browsers may call the console by, beside
	// localhost and addresses: a page of another name, made to point here, is
	// refused. None: every name is taken.
	Hosts   []string
	Version string           // of daybook
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // of what went wrong for want of a page to say it; nil: nothing
}

// Console is the pages, as an http.Handler.
type Console struct {
	Options
	handler http.Handler
	index   *index
	keys    *keys
	logins  *rate.Limiter // of all callers together
	actions *rate.Limiter // likewise
}

// New makes a console. Call Warm to have its charts filled.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Console{
		Options: o,
		index:   newIndex(),
		keys:    newKeys(o.Token),
		logins:  rate.NewLimiter(rate.Every(loginEvery), loginBurst),
		actions: rate.NewLimiter(rate.Every(actionEvery), actionBurst),
	}
	c.handler = c.guard(c.routes())
	return c
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// routes are the pages. What is downloaded is streamed, and not compressed once
// more.
func (c *Console) routes() http.Handler {
	pages := http.NewServeMux()
	show := func(pattern string, h func(*http.Request) (*page, error)) {
		pages.Handle(pattern, c.page(h))
	}
	show("GET /{$}", c.overview)
	show("GET /reports/{report}", c.report)
	show("GET /reports/{report}/{partition}", c.partition)
	show("GET /reports/{report}/sessions/{id}", c.session)
	show("GET /runs", c.runs)
	show("GET /runs/{id}", c.run)
	show("GET /schedule", c.schedule)
	show("GET /configuration", c.configuration)
	show("GET /login", c.loginForm)
	show("/", func(*http.Request) (*page, error) { return nil, errNoPage })
	pages.HandleFunc("GET /reports/{report}/session", c.findSession)
	pages.HandleFunc("GET /static/{file}", serveStatic)

	all := http.NewServeMux()
	all.Handle("/", gzhttp.GzipHandler(pages))
	all.HandleFunc("GET /reports/{report}/{partition}/files/{file}", c.download)
	all.HandleFunc("GET /reports/{report}/{partition}/summaries/{file}", c.downloadSummary)
	all.Handle("POST /login", c.post(c.login))
	all.Handle("POST /logout", c.post(c.logout))
	all.Handle("POST /actions/{verb}", c.post(c.act))
	return all
}

// findReport finds a configured report. The name is compared, and goes nowhere.
func findReport(s *service.State, name string) (*service.Report, error) {
	for i := range s.Reports {
		if s.Reports[i].Name == name {
			return &s.Reports[i], nil
		}
	}
	return nil, notFound("There is no report %q.", name)
}

// zone is a report's time zone.
func zone(rep *service.Report) *time.Location {
	if loc, err := time.LoadLocation(rep.Timezone); err == nil {
		return loc
	}
	return time.UTC // the configuration was checked: only a state that is made up has others
}

func notFound(format string, args ...any) error {
	return &failure{http.StatusNotFound, fmt.Sprintf(format, args...), nil}
}
