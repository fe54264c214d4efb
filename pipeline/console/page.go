package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"daybook/pipeline/console/access"
	"daybook/pipeline/console/problem"
	"daybook/pipeline/inspect"
	"daybook/pipeline/service/states"
	"daybook/sources/store"
)

//go:embed templates/* static/*
var files embed.FS

// page is the input of a template. Its JSON twin is the body.
type page struct {
	Template string // its file, without .html
	Title    string
	Section  string // of the navigation that it is in
	Body     any
	Twin     any  // the JSON twin, if it is not the body
	Live     bool // the script refreshes it

	frame
}

// frame is the input of the part that all pages share.
type frame struct {
	Now      time.Time
	State    *states.Snapshot
	Version  string
	JSON     string // address of the twin
	Actions  bool   // are possible after a login
	LoggedIn bool   // as an operator
	User     string // that the proxy names
	Role     access.Role
	Notice   string
}

var errNoPage = problem.NotFound("There is no such page.")

// page makes a handler from a function that makes a page.
func (c *Console) page(h func(*http.Request) (*page, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			c.showError(w, r, problem.New(http.StatusMethodNotAllowed, "This address only answers GET."))
			return
		}
		r, cancel := withTimeout(r)
		defer cancel()
		p, err := h(r)
		if err != nil {
			c.showError(w, r, err)
			return
		}
		c.write(w, r, http.StatusOK, p)
	})
}

// write renders a page or its twin completely before it sends the first byte, so
// that a failure becomes an error page.
func (c *Console) write(w http.ResponseWriter, r *http.Request, status int, p *page) {
	w.Header().Add("Vary", "Accept, Cookie")
	var b bytes.Buffer
	var err error
	if wantsJSON(r) {
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(&b)
		encoder.SetIndent("", "  ")
		if p.Twin == nil {
			p.Twin = p.Body
		}
		err = encoder.Encode(p.Twin)
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		p.frame = c.frame(r)
		if p.Role == access.None { // its frame says nothing of the reports
			p.Template, p.State = "refused", nil
		}
		err = pages[p.Template].ExecuteTemplate(&b, "frame", p)
	}
	if err != nil {
		c.Log.Error("a page could not be rendered", "path", r.URL.Path, "error", err)
		http.Error(w, "This page failed. The log has the reason.", http.StatusInternalServerError)
		return
	}
	body := b.Bytes()
	if !wantsJSON(r) {
		body = c.rebased(body)
	}
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		c.Log.Debug("a page could not be sent", "path", r.URL.Path, "error", err)
	}
}

func (c *Console) frame(r *http.Request) frame {
	caller := access.Of(r)
	return frame{
		Now: c.Now(), State: c.Service.Snapshot(), Version: c.Version, JSON: twin(r),
		Actions: c.mayAct(), LoggedIn: caller.Role == access.Operator, User: caller.User, Role: caller.Role, Notice: notices[r.URL.Query().Get("done")],
	}
}

// twin is the address of a page's JSON.
func twin(r *http.Request) string {
	query := r.URL.Query()
	query.Del("done")
	query.Set("format", "json")
	return r.URL.EscapedPath() + "?" + query.Encode()
}

// wantsJSON says whether a request is for the twin.
func wantsJSON(r *http.Request) bool {
	if format := r.URL.Query().Get("format"); format != "" {
		return format == "json"
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// errorBody is the body of an error page.
type errorBody struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
	Title  string `json:"-"`
}

// showError answers with an error page. Only a [problem.Error] has a text for people;
// other errors are logged, because stores name their addresses in them.
func (c *Console) showError(w http.ResponseWriter, r *http.Request, err error) {
	f := problemOf(err)
	if f.Status >= http.StatusInternalServerError {
		c.Log.Warn("a page failed", "path", r.URL.Path, "error", err)
	}
	c.write(w, r, f.Status, &page{
		Template: "error", Title: http.StatusText(f.Status),
		Body: errorBody{f.Status, f.Text, http.StatusText(f.Status)},
	})
}

func problemOf(err error) *problem.Error {
	var f *problem.Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, store.ErrNotFound), errors.Is(err, inspect.ErrUnpublished):
		return &problem.Error{Status: http.StatusNotFound, Text: "It is no longer there. A new revision may have replaced it: reload the page.", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &problem.Error{Status: http.StatusGatewayTimeout, Text: "The store took too long to answer. Try again in a moment.", Err: err}
	}
	return &problem.Error{Status: http.StatusBadGateway, Text: "The store could not be read. The log has the reason.", Err: err}
}

// pages are the templates by name, each with the shared parts.
var pages = parsePages()

func parsePages() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(functions).ParseFS(files, "templates/_*.html"))
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is valid
	}
	parsed := map[string]*template.Template{}
	for _, name := range names {
		base := strings.TrimSuffix(path.Base(name), ".html")
		if !strings.HasPrefix(base, "_") {
			parsed[base] = template.Must(template.Must(shared.Clone()).ParseFS(files, name))
		}
	}
	return parsed
}

// kinds are the content types of the static files.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// static are the embedded files by name.
var static = readStatic()

type staticFile struct {
	body []byte
	kind string
	hash string
}

func readStatic() map[string]staticFile {
	all := map[string]staticFile{}
	entries, err := files.ReadDir("static")
	if err != nil {
		panic(err) // they are embedded
	}
	for _, e := range entries {
		body, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		all[e.Name()] = staticFile{body, kinds[path.Ext(e.Name())], hex.EncodeToString(sum[:6])}
	}
	return all
}

// asset is the address of a static file. It changes with the content, so that
// browsers may cache it.
func asset(name string) string { return "/static/" + name + "?v=" + static[name].hash }

func serveStatic(w http.ResponseWriter, r *http.Request) {
	f, ok := static[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	if r.URL.Query().Get("v") == f.hash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(f.body) // the client has gone
}
