// Package console has daybook's web pages: the state of every report, the runs,
// and the alerts.
//
// The server renders pages with html/template and draws charts as SVG. Pages
// work without JavaScript. The script refreshes running work, keeps relative
// times current, moves the focus in a calendar by arrow keys, and copies
// snippets. All files are embedded. Each page has a JSON twin, which is the value
// that its template gets: ?format=json, or an Accept header.
//
// # Sources
//
// A page shows one snapshot of the service's [service.State]. Charts show the
// published figures, which [Console.Warm] keeps in an index. Only the pages of
// one partition or session read the store, and only files that manifests name.
//
// # Access
//
// Everybody who reaches the listener may read. Actions must be allowed, and need
// a login with the token; they are POSTs from the console's own pages. No part of
// a request becomes a key of the store: reports are looked up in the state,
// partitions and session ids are parsed, and files are found in a manifest.
package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"golang.org/x/time/rate"

	"daybook/pipeline/catalog"
	"daybook/pipeline/inspect"
	"daybook/pipeline/service"
	"daybook/pipeline/settings"
)

// Service is what the console shows. Its methods are safe for concurrent use.
type Service interface {
	// State is the latest snapshot. The service never changes it.
	State() *service.State
	// Runs are the latest n past runs, the newest first.
	Runs(ctx context.Context, n int) ([]service.Run, error)
	// Run is one of them. The error wraps store.ErrNotFound if there is none.
	Run(ctx context.Context, id string) (*service.Run, error)
	// Act starts an action, and returns before its end.
	Act(ctx context.Context, a service.Action) error
	// Settings are the stores and the reports of the current configuration.
	Settings() *settings.Pipeline
	// Reader reads catalogs with the manifests that the service remembers.
	Reader() *catalog.Reader
}

// Options configure a console.
type Options struct {
	Service Service
	// Configuration returns the effective configuration without secrets, and its hash.
	Configuration func() (text, hash string)
	// AllowActions permits actions after a login with Token. An empty token
	// forbids them.
	AllowActions bool
	Token        string
	// Hosts are the host names that the console answers to, beside localhost and
	// IP addresses. Requests for other names are refused. None: all are answered.
	Hosts   []string
	Version string           // of daybook
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // of errors that pages do not show; nil: none
}

// Console is an http.Handler of the pages.
type Console struct {
	Options
	handler http.Handler
	index   *index
	keys    *keys
	logins  *attempts
	actions *rate.Limiter // of all callers together
}

// inspector reads what is published, by the current configuration.
func (c *Console) inspector() *inspect.Inspector {
	return &inspect.Inspector{Settings: c.Service.Settings()}
}

// New makes a console. Its charts are empty until [Console.Warm] runs.
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
		logins:  newAttempts(),
		actions: rate.NewLimiter(rate.Every(actionEvery), actionBurst),
	}
	c.handler = c.guard(c.routes())
	return c
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// routes maps addresses to pages. Pages are compressed; downloads are streamed as
// they are.
func (c *Console) routes() http.Handler {
	pages := http.NewServeMux()
	memory, readers, downloads := make(slots, maxPages), make(slots, maxReaders), make(slots, maxDownloads)
	show := func(pattern string, s slots, h func(*http.Request) (*page, error)) {
		pages.Handle(pattern, c.limit(s, c.page(h)))
	}
	show("GET /{$}", memory, c.overview)
	show("GET /reports/{report}", memory, c.report)
	show("GET /reports/{report}/{partition}", readers, c.partition)
	show("GET /reports/{report}/sessions/{id}", readers, c.session)
	show("GET /runs", readers, c.runs)
	show("GET /runs/{id}", readers, c.run)
	show("GET /schedule", memory, c.schedule)
	show("GET /configuration", memory, c.configuration)
	show("GET /login", memory, c.loginForm)
	show("/", memory, func(*http.Request) (*page, error) { return nil, errNoPage })
	pages.HandleFunc("GET /reports/{report}/session", c.findSession)
	pages.HandleFunc("GET /static/{file}", serveStatic)

	all := http.NewServeMux()
	all.Handle("/", gzhttp.GzipHandler(pages))
	all.Handle("GET /reports/{report}/{partition}/files/{file}", c.limit(downloads, http.HandlerFunc(c.download)))
	all.Handle("GET /reports/{report}/{partition}/summaries/{file}", c.limit(downloads, http.HandlerFunc(c.downloadSummary)))
	all.Handle("POST /login", c.post(c.login))
	all.Handle("POST /logout", c.post(c.logout))
	all.Handle("POST /actions/{verb}", c.post(c.act))
	return all
}

// findReport finds a configured report by its name.
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
	return time.UTC // a checked configuration has no other names
}

func notFound(format string, args ...any) error {
	return &pageError{http.StatusNotFound, fmt.Sprintf(format, args...), nil}
}
