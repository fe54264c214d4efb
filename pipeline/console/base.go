package console

import (
	"net/http"
	"path"
	"regexp"
	"strings"
)

// Templates, redirects and paths in the code begin at the root of the console. These
// functions put the base path before them, at the edge; nothing else knows it.

// UnderBase answers requests below the base path, and requests from which the proxy has
// removed it. r.URL is without the base path from then on.
func UnderBase(base string, next http.Handler) http.Handler {
	if base == "" {
		return next
	}
	toBase := func(w http.ResponseWriter, r *http.Request, page string) {
		if r.URL.RawQuery != "" {
			page += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, base+page, http.StatusPermanentRedirect)
	}
	stripped := http.StripPrefix(base, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		within, below := strings.CutPrefix(r.URL.Path, base)
		below = below && (within == "" || within[0] == '/')
		escaped := r.URL.EscapedPath()
		if below {
			escaped = strings.TrimPrefix(escaped, base)
		}
		// The mux would redirect these to a path without the base path.
		if clean := cleaned(escaped); clean != escaped {
			toBase(w, r, clean)
			return
		}
		if below {
			stripped.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cleaned is a path without empty and dotted parts.
func cleaned(p string) string {
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// address matches the beginning of an address from the root in an attribute. Values and
// texts of pages have their quotes escaped, so nothing else looks like it.
var address = regexp.MustCompile(`( (?:href|src|action|formaction|data-href)=")/`)

// rebased is a page whose links are below the base path.
func (c *Console) rebased(page []byte) []byte {
	if c.BasePath == "" {
		return page
	}
	return address.ReplaceAll(page, []byte("${1}"+c.BasePath+"/"))
}

// redirect sends the browser to a page of the console.
func (c *Console) redirect(w http.ResponseWriter, r *http.Request, page string) {
	http.Redirect(w, r, c.BasePath+page, http.StatusSeeOther)
}
