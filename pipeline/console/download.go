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
	c.stream(w, r, func(shown *inspect.Shown, file string) named { return partOf(shown.Manifest, file) })
}

// named is a file that a manifest names; without a key it names none.
type named struct {
	key   string
	bytes int64
}

// partOf is a file of a day or a month, in the places of reports.
func partOf(m *publish.Manifest, file string) named {
	for _, part := range m.Parts {
		inReports := strings.HasPrefix(part.Key, partition.ReportRoot) || strings.HasPrefix(part.Key, partition.MonthRoot)
		if path.Base(part.Key) == file && inReports {
			return named{part.Key, part.Bytes}
		}
	}
	return named{}
}

// downloadSummary streams a summary that the manifest names.
func (c *Console) downloadSummary(w http.ResponseWriter, r *http.Request) {
	c.stream(w, r, func(shown *inspect.Shown, file string) named {
		if s := shown.Manifest.Summaries; s != nil {
			for _, f := range s.Files {
				if f.Name == file {
					return named{shown.ID.SummaryDir() + f.Name, f.Bytes}
				}
			}
		}
		return named{}
	})
}

// stream sends the file that find returns. The client is told its size also where the
// store does not know it: otherwise a download that breaks off looks complete.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, find func(*inspect.Shown, string) named) {
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
	found := find(shown, file)
	if found.key == "" {
		c.showError(w, r, problem.NotFound("%s has no such file. It may have been replaced: reload the page.", p.Name()))
		return
	}
	ctx, giveUp := context.WithCancel(r.Context())
	defer giveUp()
	stalled := time.AfterFunc(guard.StreamTimeout, giveUp)
	defer stalled.Stop()
	body, object, err := in.Settings.Sink.Open(ctx, found.key, 0, store.ToEnd, "")
	if err != nil {
		c.showError(w, r, err)
		return
	}
	defer body.Close()
	size := object.Size
	if size == store.UnknownSize {
		size = found.bytes
	}
	h := w.Header()
	h.Set("Content-Type", store.ContentType(found.key))
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Content-Disposition", `attachment; filename="`+downloadName(rep.Name, p.Name(), path.Base(found.key))+`"`)
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
