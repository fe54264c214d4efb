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
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"daybook/pipeline/console/access"
	"daybook/pipeline/console/problem"
	"daybook/pipeline/inspect"
	"daybook/pipeline/service/states"
	"daybook/pipeline/words"
	"daybook/sources/store"
	"daybook/transform/report"
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
	Language report.Language
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
		if p.Twin == nil {
			p.Twin = p.Body
		}
		err = writeTwin(&b, p.Twin, c.printer(r))
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		p.frame = c.frame(r)
		if p.Role == access.None { // its frame says nothing of the reports
			p.Template, p.State = "refused", nil
		}
		err = pages()[p.Language][p.Template].ExecuteTemplate(&b, "frame", p)
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

// spoken are the members of twins that hold texts for people.
var spoken = []string{"about", "cause_text", "detail", "do", "error", "failure", "label", "note", "problem", "reason", "reasons", "summary", "text", "title", "why"}

// writeTwin writes a twin as JSON. Its texts for people are in the language of the
// page; codes and the names of members are always the same.
func writeTwin(w io.Writer, twin any, p words.Printer) error {
	if p.Language != report.English {
		text, err := json.Marshal(twin)
		if err != nil {
			return err
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		twin = sayAll(value, false, p)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(twin)
}

// sayAll translates the texts in a JSON value. said is whether the value is a text for
// people.
func sayAll(value any, said bool, p words.Printer) any {
	switch v := value.(type) {
	case string:
		if said {
			return p.Say(v)
		}
	case []any:
		for i := range v {
			v[i] = sayAll(v[i], said, p)
		}
	case map[string]any:
		for name := range v {
			v[name] = sayAll(v[name], slices.Contains(spoken, name), p)
		}
	}
	return value
}

func (c *Console) frame(r *http.Request) frame {
	p := c.printer(r)
	caller := access.Of(r)
	return frame{
		Language: p.Language,
		Now:      c.Now(), State: c.Service.Snapshot(), Version: c.Version, JSON: twin(r),
		Actions: c.mayAct(), LoggedIn: caller.Role == access.Operator, User: caller.User, Role: caller.Role,
		Notice: p.T(notices[r.URL.Query().Get("done")]),
	}
}

// printer is that of a page's language: a report's pages have its language. Other
// pages have the one that all reports share, or else English.
func (c *Console) printer(r *http.Request) words.Printer {
	reports := c.Service.Settings().Reports
	shared := report.English
	mixed := false
	for i := range reports {
		switch {
		case reports[i].Name == r.PathValue("report"):
			return words.In(reports[i].Language)
		case i == 0:
			shared = reports[i].Language
		case shared != reports[i].Language:
			mixed = true
		}
	}
	if mixed {
		shared = report.English
	}
	return words.In(shared)
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
	Report string `json:"-"` // whose sessions the page offers to find; empty: none
}

// showError answers with an error page. Only a [problem.Error] has a text for people;
// other errors are logged, because stores name their addresses in them.
func (c *Console) showError(w http.ResponseWriter, r *http.Request, err error) {
	f := problemOf(err)
	if f.Status >= http.StatusInternalServerError {
		c.Log.Warn("a page failed", "path", r.URL.Path, "error", err)
	}
	if refuses(r, f.Status) {
		c.logRefusal(r, f.Text)
	}
	c.write(w, r, f.Status, &page{
		Template: "error", Title: http.StatusText(f.Status),
		Body: errorBody{f.Status, c.printer(r).Say(f.Text), http.StatusText(f.Status), c.reportOf(r)},
	})
}

// reportOf is the report that a request asks about; empty if none has the name.
func (c *Console) reportOf(r *http.Request) string {
	rep, err := findReport(c.Service.Snapshot(), r.PathValue("report"))
	if err != nil {
		return ""
	}
	return rep.Name
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

// pages are the templates by language and name, each with the shared parts. Commands
// without a console do not parse them.
var pages = sync.OnceValue(func() map[report.Language]map[string]*template.Template {
	return map[report.Language]map[string]*template.Template{
		report.English: parsePages(words.In(report.English)), report.Dutch: parsePages(words.In(report.Dutch)),
	}
})

func parsePages(p words.Printer) map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(functions(p)).ParseFS(files, "templates/_*.html"))
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
