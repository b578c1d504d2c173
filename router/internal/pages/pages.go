// Package pages serves the build of a web page on the origin of the API, so that its cookies are first-party and no
// request crosses sites. The build is read once and served from memory: a request cannot name any other file, and
// replacing the build never shows a mixture of two.
package pages

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config configures the build that is served.
type Config struct {
	Dir     string   `env:"DIR" help:"folder of a web page's build to serve beside the API: index.html, and assets/ with files named by their content; unset: none"`
	Sources []Source `env:"SOURCES" help:"other sites from which the page may load scripts and frames, and to which it may send requests: https://js.stripe.com,https://*.js.stripe.com,…"`
}

// Check returns an error when Dir is set and holds no build.
func (c Config) Check() error {
	if c.Dir == "" {
		return nil
	}
	if info, err := os.Stat(path.Join(c.Dir, index)); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("PAGES_DIR: %s has no %s", c.Dir, index)
	}
	return nil
}

// Source is a site as Content-Security-Policy names it, such as https://*.example.com.
type Source string

var source = regexp.MustCompile(`^https://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d+)?$`)

// UnmarshalText accepts https://host, with *. before the host for all its subdomains.
func (s *Source) UnmarshalText(text []byte) error {
	if !source.Match(text) {
		return fmt.Errorf("want a site such as https://js.example.com or https://*.example.com, got %q", text)
	}
	*s = Source(text)
	return nil
}

const (
	index  = "index.html"
	hashed = "/assets/" // files whose names change with their content
)

// file is one file of the build.
type file struct {
	contentType  string
	cacheControl string
	plain        variant
	compressed   []variant // the best first
}

type variant struct {
	encoding string
	content  []byte
	etag     string
}

func newVariant(encoding string, content []byte) variant {
	return variant{encoding, content, fmt.Sprintf(`"%x"`, sha256.Sum256(content))[:18] + `"`}
}

// encodings are those that builds compress files with, and how the names of such files end.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// types of files that Go does not know everywhere.
var types = map[string]string{
	".ico": "image/x-icon", ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2",
}

type handler struct {
	files   map[string]*file // by the path of their URL
	headers map[string]string
}

// New reads the build and returns its handler.
func New(cfg Config) (http.Handler, error) {
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open pages: %w", err)
	}
	defer root.Close()
	contents := map[string][]byte{}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			contents[name], err = fs.ReadFile(root.FS(), name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read pages: %w", err)
	}
	if contents[index] == nil {
		return nil, errors.New("read pages: missing " + index)
	}
	h := &handler{files: map[string]*file{}, headers: headers(cfg.Sources)}
	for name, content := range contents {
		if slices.ContainsFunc(encodings, func(e struct{ name, suffix string }) bool {
			return strings.HasSuffix(name, e.suffix) && contents[strings.TrimSuffix(name, e.suffix)] != nil
		}) {
			continue // a compressed variant of another file
		}
		f := &file{contentType: contentType(name), cacheControl: "no-cache", plain: newVariant("", content)}
		if strings.HasPrefix("/"+name, hashed) {
			f.cacheControl = "public, max-age=31536000, immutable"
		}
		for _, e := range encodings {
			if packed := contents[name+e.suffix]; packed != nil {
				f.compressed = append(f.compressed, newVariant(e.name, packed))
			}
		}
		h.files["/"+name] = f
	}
	h.files["/"] = h.files["/"+index]
	return h, nil
}

func contentType(name string) string {
	extension := path.Ext(name)
	if known := types[extension]; known != "" {
		return known
	}
	if known := mime.TypeByExtension(extension); known != "" {
		return known
	}
	return "application/octet-stream"
}

// headers returns the security headers, which restrict the page to its own origin and the sources.
func headers(sources []Source) map[string]string {
	var also, payment string
	for _, s := range sources {
		also += " " + string(s)
		if !strings.Contains(string(s), "*") { // Permissions-Policy has no wildcards
			payment += fmt.Sprintf(` "%s"`, s)
		}
	}
	return map[string]string{
		"Content-Security-Policy": "default-src 'self'; script-src 'self'" + also + "; connect-src 'self'" + also + "; frame-src 'self'" + also +
			"; img-src 'self' data:" + also + "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		"Permissions-Policy":         "camera=(), geolocation=(), microphone=(), payment=(self" + payment + ")",
		"Referrer-Policy":            "strict-origin-when-cross-origin",
		"Cross-Origin-Opener-Policy": "same-origin",
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	f := h.files[r.URL.Path]
	if f == nil {
		// The page routes its other addresses itself. Only requests for HTML get the page, so that a script
		// that was removed is not answered with HTML.
		if strings.HasPrefix(r.URL.Path, hashed) || !strings.Contains(r.Header.Get("Accept"), "text/html") {
			http.NotFound(w, r)
			return
		}
		f = h.files["/"]
	}
	for name, value := range h.headers {
		header.Set(name, value)
	}
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", f.cacheControl)
	header.Set("Vary", "Accept, Accept-Encoding")
	v := f.plain
	for _, c := range f.compressed {
		if accepts(r.Header.Values("Accept-Encoding"), c.encoding) {
			v = c
			header.Set("Content-Encoding", c.encoding)
			break
		}
	}
	header.Set("ETag", v.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(v.content))
}

var refused = regexp.MustCompile(`^\s*q=0(\.0*)?\s*$`)

// accepts reports whether a client names the encoding and does not refuse it.
func accepts(lines []string, encoding string) bool {
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			return !refused.MatchString(params)
		}
	}
	return false
}
