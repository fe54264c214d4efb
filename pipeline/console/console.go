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
// A page shows one [states.Snapshot] of the service. Charts show the
// published figures, which [Console.Warm] keeps in an index. Explore and the list of
// sessions answer from the columns of published days, which they keep in memory. These
// pages and those of one partition or session read the store, and only files that
// manifests name.
//
// # Access
//
// Each route needs a role ([access.Role]). With [Options.Access], a trusted proxy's
// headers give it. Without, everyone who reaches the listener may look, and actions
// need a login with the token. Actions are POSTs from the console's own pages. No part of
// a request becomes a key of the store: reports are looked up in the state,
// partitions and session ids are parsed, and files are found in a manifest.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"golang.org/x/time/rate"

	"daybook/pipeline/catalog"
	"daybook/pipeline/console/access"
	"daybook/pipeline/console/guard"
	"daybook/pipeline/console/history"
	"daybook/pipeline/console/problem"
	"daybook/pipeline/explore"
	"daybook/pipeline/inspect"
	"daybook/pipeline/runs"
	"daybook/pipeline/service/actions"
	"daybook/pipeline/service/states"
	"daybook/pipeline/settings"
)

// Service is what the console shows. Its methods are safe for concurrent use.
type Service interface {
	// Snapshot is the latest one. The service never changes it.
	Snapshot() *states.Snapshot
	// Runs are the latest n past runs, the newest first.
	Runs(ctx context.Context, n int) ([]runs.Record, error)
	// Run reads the record of a run. The error of an unknown run wraps store.ErrNotFound.
	Run(ctx context.Context, id string) (*runs.Record, error)
	// Act starts an action, and returns before its end.
	Act(ctx context.Context, a actions.Action) error
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
	// BasePath is put before the path of every link, such as /daybook; empty: nothing is.
	BasePath string
	// Access returns the policy that gives requests their roles. nil, or a nil policy:
	// everyone may look, and a login permits actions.
	Access func() *access.Policy
	// AllowActions permits actions after a login with Token. An empty token
	// forbids them.
	AllowActions bool
	Token        string
	// Hosts are the host names that the console answers to, beside localhost and
	// IP addresses. Requests for other names are refused. None: all are answered.
	Hosts   []string
	Version string // of daybook
	// ExploreMemory is how many bytes of columns Explore keeps; 0 is
	// explore.DefaultMemory.
	ExploreMemory int64
	Now           func() time.Time // nil: time.Now
	Log           *slog.Logger     // of errors that pages do not show; nil: none
}

// Limits of the requests that are answered at the same time.
const (
	maxPages     = 64 // from memory
	maxReaders   = 8  // pages that read the store
	maxDownloads = 16
)

// Console is an http.Handler of the pages.
type Console struct {
	Options
	handler http.Handler
	routed  *routes
	index   *history.Index
	columns *explore.Cache
	guard   *guard.Guard
	keys    *guard.Keys
	logins  *guard.Logins
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
		index:   history.NewIndex(),
		columns: explore.NewCache(o.ExploreMemory),
		keys:    guard.NewKeys(o.Token),
		logins:  guard.NewLogins(),
		actions: rate.NewLimiter(rate.Every(actionEvery), actionBurst),
	}
	c.guard = &guard.Guard{Hosts: o.Hosts, Log: o.Log, Refuse: func(w http.ResponseWriter, r *http.Request, status int, text string) {
		c.showError(w, r, problem.New(status, text))
	}}
	c.routed = c.routes()
	c.handler = c.identified(c.guard.Protect(c.routed))
	return c
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// routes maps addresses to pages, with the role that each needs. Pages are compressed;
// downloads are streamed as they are.
func (c *Console) routes() *routes {
	all := newRoutes(c.refuse)
	memory, readers, downloads := make(guard.Slots, maxPages), make(guard.Slots, maxReaders), make(guard.Slots, maxDownloads)
	questions := make(guard.Slots, maxQuestions)
	show := func(pattern string, s guard.Slots, h func(*http.Request) (*page, error)) {
		all.add(pattern, access.Viewer, gzhttp.GzipHandler(c.guard.Limit(s, c.page(h))))
	}
	show("GET /{$}", memory, c.overview)
	show("GET /reports/{report}", memory, c.report)
	show("GET /reports/{report}/{partition}", readers, c.partition)
	show("GET /reports/{report}/sessions/{id}", readers, c.session)
	show("GET /reports/{report}/explore", questions, c.explore)
	show("GET /reports/{report}/sessions", questions, c.sessions)
	all.add("GET /reports/{report}/find", access.Viewer, c.guard.Limit(questions, http.HandlerFunc(c.find)))
	for name, tables := range map[string]tablesOf{"explore": c.exploreTables, "sessions": c.sessionsTables} {
		all.add("GET /reports/{report}/"+name+".csv", access.Viewer, c.guard.Limit(questions, c.asCSV(tables)))
		all.add("GET /reports/{report}/"+name+".xlsx", access.Viewer, c.guard.Limit(questions, c.asXLSX(tables)))
	}
	show("GET /reports/{report}/rejects/{day}", readers, c.rejects)
	show("GET /runs", readers, c.runs)
	show("GET /runs/{id}", readers, c.run)
	show("GET /schedule", memory, c.schedule)
	show("GET /configuration", memory, c.configuration)
	show("GET /login", memory, c.loginForm)
	show("/", memory, func(*http.Request) (*page, error) { return nil, errNoPage })
	all.add("GET /reports/{report}/session", access.Viewer, http.HandlerFunc(c.findSession))
	all.add("GET /static/{file}", access.None, gzhttp.GzipHandler(http.HandlerFunc(serveStatic)))
	all.add("GET /reports/{report}/{partition}/files/{file}", access.Viewer, c.guard.Limit(downloads, http.HandlerFunc(c.download)))
	all.add("GET /reports/{report}/{partition}/summaries/{file}", access.Viewer, c.guard.Limit(downloads, http.HandlerFunc(c.downloadSummary)))
	all.add("POST /login", access.Viewer, c.post(c.login))
	all.add("POST /logout", access.Viewer, c.post(c.logout))
	all.add("POST /actions/{verb}", access.Operator, c.post(c.act))
	return all
}

// warmEvery is how often the state is compared.
const warmEvery = 3 * time.Second

// Warm keeps the charts current until the context ends. It reads the figures of
// published partitions, the newest first, and reads a new revision again. Pages
// show what has been read so far.
func (c *Console) Warm(ctx context.Context) {
	var done *states.Snapshot
	for ctx.Err() == nil {
		if state := c.Service.Snapshot(); state != done {
			err := c.index.Follow(ctx, c.Service.Settings().Sink, state)
			if err == nil {
				done = state
			} else if ctx.Err() == nil {
				c.Log.Warn("figures for charts could not be read; they are tried again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(warmEvery):
		}
	}
}

// Filled says whether all figures of the last state are read.
func (c *Console) Filled() bool {
	known, wanted := c.index.Filling()
	return wanted > 0 && known == wanted
}

// findReport finds a configured report by its name.
func findReport(s *states.Snapshot, name string) (*states.Report, error) {
	for i := range s.Reports {
		if s.Reports[i].Name == name {
			return &s.Reports[i], nil
		}
	}
	return nil, problem.NotFound("There is no report %q.", name)
}

// withTimeout limits the time that a page may take.
func withTimeout(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	return r.WithContext(ctx), cancel
}

const pageTimeout = 30 * time.Second

// zone is a report's time zone.
func zone(rep *states.Report) *time.Location {
	if loc, err := time.LoadLocation(rep.Timezone); err == nil {
		return loc
	}
	return time.UTC // a checked configuration has no other names
}
