package api

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// The pages are built by make; without that there is only the placeholder, which says so.
//
//go:embed all:web/dist
var embedded embed.FS

func embeddedPages() (fs.FS, error) { return fs.Sub(embedded, "web/dist") }

// contentPolicy lets pages load only what this server sends. Media players feed themselves from blobs and run
// workers from them.
const contentPolicy = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'"

// page is one file of the application, whole in memory: the binary holds it anyway.
type page struct {
	body, gzipped []byte
	contentType   string
	etag          string
}

type pages struct {
	files map[string]page
	index page
}

func newPages(files fs.FS) (*pages, error) {
	p := &pages{files: make(map[string]page)}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if of, ok := strings.CutSuffix(name, ".gz"); ok {
			f := p.files[of]
			f.gzipped = body
			p.files[of] = f
			return nil
		}
		f := p.files[name]
		sum := sha256.Sum256(body)
		f.body, f.etag, f.contentType = body, `"`+hex.EncodeToString(sum[:12])+`"`, mime.TypeByExtension(path.Ext(name))
		p.files[name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the pages: %w", err)
	}
	index, ok := p.files["index.html"]
	if !ok {
		if index, ok = p.files["placeholder.html"]; !ok {
			return nil, fmt.Errorf("the pages hold neither index.html nor placeholder.html: run make build")
		}
	}
	p.index = index
	return p, nil
}

// ServeHTTP sends the file that the path names. Every other path gets the application, which has its own router;
// paths that it does not know are answered with 404 all the same.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "pages can only be read", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	h := w.Header()
	if f, ok := p.files[name]; ok && strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // the name holds the content's hash
		f.serve(w, r, http.StatusOK)
		return
	} else if ok && name != "index.html" {
		h.Set("Cache-Control", "no-cache")
		f.serve(w, r, http.StatusOK)
		return
	}
	if strings.HasPrefix(name, "assets/") {
		http.Error(w, "no such file: reload the page, the server has a newer one", http.StatusNotFound)
		return
	}
	code := http.StatusOK
	if !knownPage(r.URL.Path) {
		code = http.StatusNotFound
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	p.index.serve(w, r, code)
}

// knownPage reports whether the application's router has something to show at the path.
func knownPage(urlPath string) bool {
	switch urlPath {
	case "/", "/network", "/stake":
		return true
	}
	id, ok := strings.CutPrefix(urlPath, "/watch/")
	return ok && id != "" && !strings.Contains(id, "/")
}

func (f page) serve(w http.ResponseWriter, r *http.Request, code int) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	if code == http.StatusOK && r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.body
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = f.gzipped
		h.Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // whoever left does not need it
	}
}
