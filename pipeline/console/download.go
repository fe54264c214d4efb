package console

import (
	"context"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline"
	"daybook/pipeline/service"
	"daybook/sinks/figures"
	"daybook/sources/store"
)

// openWhole opens an object to be read to its end.
func openWhole(ctx context.Context, sink store.Store, key string) (io.ReadCloser, store.Object, error) {
	return sink.Open(ctx, key, 0, store.ToEnd, "")
}

// download streams a file of a partition: one that its manifest names.
func (c *Console) download(w http.ResponseWriter, r *http.Request) {
	c.stream(w, r, "application/vnd.apache.parquet", func(shown *pipeline.Shown, _ *service.Report, file string) string {
		for _, part := range shown.Manifest.Parts {
			if path.Base(part.Key) == file && strings.HasPrefix(part.Key, "reports/") { // where all parts of reports lie
				return part.Key
			}
		}
		return ""
	})
}

// downloadSummary streams a summary that the manifest names.
func (c *Console) downloadSummary(w http.ResponseWriter, r *http.Request) {
	kind := "text/csv; charset=utf-8"
	if r.PathValue("file") == figures.Name {
		kind = "application/json"
	}
	c.stream(w, r, kind, func(shown *pipeline.Shown, rep *service.Report, file string) string {
		if s := shown.Manifest.Summaries; s != nil {
			for _, f := range s.Files {
				if f.Name == file {
					return pipeline.SummaryKey(rep.Name, shown.Kind, shown.Manifest.Partition, f.Name)
				}
			}
		}
		return ""
	})
}

// stream sends an object whose key find has found.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, kind string, find func(*pipeline.Shown, *service.Report, string) string) {
	rep, p, _, _, err := c.partitionOf(r)
	if err == nil && p.Revision == 0 {
		err = notFound("There is nothing published of %s yet.", p.Name)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	runner := c.Service.Runner()
	soon, cancel := limited(r)
	defer cancel()
	shown, err := runner.Show(soon.Context(), rep.Name, p.Name)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	file := r.PathValue("file")
	key := find(shown, rep, file)
	if key == "" {
		c.fail(w, r, notFound("%s has no such file. It may have been replaced: look again.", p.Name))
		return
	}
	ctx, giveUp := context.WithCancel(r.Context())
	defer giveUp()
	stalled := time.AfterFunc(streamTimeout, giveUp)
	defer stalled.Stop()
	body, object, err := openWhole(ctx, runner.Sink, key)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	defer body.Close()
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.FormatInt(object.Size, 10))
	h.Set("Content-Disposition", `attachment; filename="`+downloadName(rep.Name, p.Name, path.Base(key))+`"`)
	h.Set("ETag", strconv.Quote(object.ETag))
	if r.Method == http.MethodHead {
		return
	}
	if err := copyStream(w, body, stalled); err != nil {
		// The size was promised: who gets less knows that it is not all.
		c.Log.Warn("a download broke off", "path", r.URL.Path, "error", err)
	}
}

// downloadName tells files of different partitions apart in one folder. Names in
// the sink are letters, digits, dashes, dots and underscores; anything else is
// not passed on in a header.
func downloadName(report, partition, file string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '_'
	}, report+"-"+partition+"-"+file)
}

// copyStream copies as long as the next piece comes, and is taken, within the
// time for it. What comes too late has stalled end it.
func copyStream(w http.ResponseWriter, body io.Reader, stalled *time.Timer) error {
	deadlines := http.NewResponseController(w)
	const piece = 1 << 20
	for {
		stalled.Reset(streamTimeout)
		_ = deadlines.SetWriteDeadline(time.Now().Add(streamTimeout)) // not every writer has one
		_, err := io.CopyN(w, body, piece)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
