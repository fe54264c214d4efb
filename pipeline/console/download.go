package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"daybook/pipeline/console/guard"
	"daybook/pipeline/console/problem"
	"daybook/pipeline/inspect"
	"daybook/pipeline/partition"
	"daybook/sinks/publish"
	"daybook/sources/store"
)

// download streams a Parquet file that the partition's manifest names.
func (c *Console) download(w http.ResponseWriter, r *http.Request) {
	c.stream(w, r, func(shown *inspect.Shown, file string) string { return partKey(shown.Manifest, file) })
}

// partKey is the key of a file of a day or a month; empty if the manifest has no such
// file in the places of reports.
func partKey(m *publish.Manifest, file string) string {
	for _, part := range m.Parts {
		inReports := strings.HasPrefix(part.Key, partition.ReportRoot) || strings.HasPrefix(part.Key, partition.MonthRoot)
		if path.Base(part.Key) == file && inReports {
			return part.Key
		}
	}
	return ""
}

// downloadSummary streams a summary that the manifest names.
func (c *Console) downloadSummary(w http.ResponseWriter, r *http.Request) {
	c.stream(w, r, func(shown *inspect.Shown, file string) string {
		if s := shown.Manifest.Summaries; s != nil {
			for _, f := range s.Files {
				if f.Name == file {
					return shown.ID.SummaryDir() + f.Name
				}
			}
		}
		return ""
	})
}

// stream sends the object whose key find returns; an empty key is not found.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, find func(*inspect.Shown, string) string) {
	at, err := c.locate(r)
	if err != nil {
		c.showError(w, r, err)
		return
	}
	rep, p := at.report, at.partition
	in := c.inspector()
	soon, cancel := withTimeout(r)
	defer cancel()
	shown, err := in.Show(soon.Context(), p.ID)
	if errors.Is(err, inspect.ErrUnpublished) {
		err = problem.NotFound("%s is not published.", p.Name())
	}
	if err != nil {
		c.showError(w, r, err)
		return
	}
	file := r.PathValue("file")
	key := find(shown, file)
	if key == "" {
		c.showError(w, r, problem.NotFound("%s has no such file. It may have been replaced: reload the page.", p.Name()))
		return
	}
	ctx, giveUp := context.WithCancel(r.Context())
	defer giveUp()
	stalled := time.AfterFunc(guard.StreamTimeout, giveUp)
	defer stalled.Stop()
	body, object, err := in.Settings.Sink.Open(ctx, key, 0, store.ToEnd, "")
	if err != nil {
		c.showError(w, r, err)
		return
	}
	defer body.Close()
	h := w.Header()
	h.Set("Content-Type", store.ContentType(key))
	h.Set("Content-Length", strconv.FormatInt(object.Size, 10))
	h.Set("Content-Disposition", `attachment; filename="`+downloadName(rep.Name, p.Name(), path.Base(key))+`"`)
	h.Set("ETag", strconv.Quote(object.ETag))
	if r.Method == http.MethodHead {
		return
	}
	if err := copyStream(w, body, stalled); err != nil {
		// The client has the promised size, and notices that bytes are missing.
		c.Log.Warn("a download broke off", "path", r.URL.Path, "error", err)
	}
}

// downloadName is unique over partitions. Characters that names in the sink never
// have are replaced, so that none of them reaches a header.
func downloadName(report, partition, file string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '_'
	}, report+"-"+partition+"-"+file)
}

// copyStream copies in pieces. Each piece must be read and written within
// guard.StreamTimeout; stalled ends the copy otherwise.
func copyStream(w http.ResponseWriter, body io.Reader, stalled *time.Timer) error {
	deadlines := http.NewResponseController(w)
	const piece = 1 << 20
	for {
		stalled.Reset(guard.StreamTimeout)
		_ = deadlines.SetWriteDeadline(time.Now().Add(guard.StreamTimeout)) // test recorders have none
		_, err := io.CopyN(w, body, piece)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
