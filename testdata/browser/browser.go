// Package browser looks at the console in a real browser: Chromium, without a
// window. What is looked at is the world of consoletest: three reports with ten
// years of history, and partitions in every state.
//
// It is a module of its own, so that nothing of a browser is among daybook's
// dependencies. make browser runs the tests, and make screenshots the program
// in shots.
package browser

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"daybook/pipeline/console"
	"daybook/pipeline/console/consoletest"
)

// Token is what the console lets people log in with.
const Token = "open sesame, but longer"

// Site is a console that is served, of a world.
type Site struct {
	World *consoletest.World
	URL   string

	console *console.Console
	server  *httptest.Server
	stop    context.CancelFunc
}

// Serve makes a world and serves its console.
func Serve(ctx context.Context) (*Site, error) {
	w, err := consoletest.New(ctx, consoletest.Options{Years: 10, Days: 51, SessionsPerDay: 300}, nil)
	if err != nil {
		return nil, err
	}
	return serve(ctx, w)
}

func serve(ctx context.Context, w *consoletest.World) (*Site, error) {
	c := console.New(console.Options{
		Service: w, Configuration: w.Configuration, AllowActions: true, Token: Token, Version: "v0.2.0",
		Now: func() time.Time { return w.Now },
	})
	warm, stop := context.WithCancel(ctx)
	go c.Warm(warm)
	for deadline := time.Now().Add(time.Minute); !c.Filled(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stop()
			return nil, fmt.Errorf("the charts are not filled after a minute")
		}
	}
	server := httptest.NewServer(c)
	return &Site{World: w, URL: server.URL, console: c, server: server, stop: stop}, nil
}

// Copy serves a copy of the world, to be changed.
func (s *Site) Copy(ctx context.Context) (*Site, error) { return serve(ctx, s.World.Copy()) }

// Close stops serving.
func (s *Site) Close() {
	s.stop()
	s.server.Close()
}

// Browser is a Chromium that has been started.
type Browser struct {
	ctx   context.Context
	close []context.CancelFunc
}

// Start starts the Chromium that CHROMIUM names, or the one on the path.
func Start(ctx context.Context) (*Browser, error) {
	path := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); path == "" && err == nil {
			path = found
		}
	}
	if path == "" {
		return nil, fmt.Errorf("there is no Chromium; install Debian's package chromium, or name another one in CHROMIUM")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // its sandbox does not work for root, as in containers
	}
	allocator, closeAllocator := chromedp.NewExecAllocator(ctx, options...)
	browser, closeBrowser := chromedp.NewContext(allocator)
	b := &Browser{browser, []context.CancelFunc{closeBrowser, closeAllocator}}
	if err := chromedp.Run(browser); err != nil {
		b.Close()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return b, nil
}

// Close ends it.
func (b *Browser) Close() {
	for _, c := range b.close {
		c()
	}
}

// View is how a tab looks at pages.
type View struct {
	Width, Height int64
	Scale         float64 // pixels of the picture to one of the page; 0: 1
	Dark, Phone   bool
	NoScript      bool
}

// The views that pages are held against.
var (
	Desktop     = View{Width: 1280, Height: 900}
	DesktopDark = View{Width: 1280, Height: 900, Dark: true}
	Phone       = View{Width: 390, Height: 844, Phone: true}
)

// Tab is a tab of its own, with cookies of its own.
type Tab struct {
	context.Context
	close context.CancelFunc

	mu       sync.Mutex
	problems []string
}

// Open opens a tab. What a page complains about, such as a script's error or
// something that the policy forbids, is kept for Problems.
func (b *Browser) Open(v View) (*Tab, error) {
	id, err := b.window()
	if err != nil {
		return nil, err
	}
	ctx, stop := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	timed, cancel := context.WithTimeout(ctx, 10*time.Minute) // on a busy machine, a page takes more than one
	t := &Tab{Context: timed, close: func() { cancel(); stop() }}
	chromedp.ListenTarget(ctx, t.listen)
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	err = chromedp.Run(t, network.Enable(), log.Enable(), runtime.Enable(),
		emulation.SetDeviceMetricsOverride(v.Width, v.Height, max(v.Scale, 1), v.Phone),
		emulation.SetTouchEmulationEnabled(v.Phone),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		emulation.SetScriptExecutionDisabled(v.NoScript))
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// window opens a window whose cookies are its own.
func (b *Browser) window() (id target.ID, err error) {
	executor := cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)
	profile, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(executor)
	if err != nil {
		return "", fmt.Errorf("open a window: %w", err)
	}
	id, err = target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(executor)
	if err != nil {
		return "", fmt.Errorf("open a window: %w", err)
	}
	return id, nil
}

// Close closes the tab.
func (t *Tab) Close() { t.close() }

func (t *Tab) listen(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		t.problems = append(t.problems, "exception: "+e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			t.problems = append(t.problems, "console: an error")
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork { // a page's status is asked for
			t.problems = append(t.problems, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	}
}

// Problems are what pages complained about since the last call.
func (t *Tab) Problems() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	problems := t.problems
	t.problems = nil
	return problems
}
