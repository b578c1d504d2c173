package pages_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/pages"
)

// build is the build of a web page.
var build = map[string]string{
	"index.html":            "<!doctype html><title>shop</title>",
	"index.html.br":         "index.html as brotli",
	"theme.js":              "theme()",
	"assets/app-1a2b.js":    "app()",
	"assets/app-1a2b.js.br": "app() as brotli",
	"assets/app-1a2b.js.gz": "app() as gzip",
	"assets/font-3c.woff2":  "font",
}

func withPages(t *testing.T, sources ...pages.Source) gatewaytest.Option {
	t.Helper()
	dir := t.TempDir()
	for name, content := range build {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(cfg *gateway.Config) {
		cfg.Playground = true
		cfg.Pages = pages.Config{Dir: dir, Sources: sources}
	}
}

// get sends a GET request to the router.
func get(w *gatewaytest.World, method, path string, header ...string) *httptest.ResponseRecorder {
	r := w.Raw(method, path, nil, header...)
	r.RequestURI = ""
	rec := httptest.NewRecorder()
	w.Gateway.ServeHTTP(rec, r)
	return rec
}

const html = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestPagesAreServedBesideTheAPI(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, withPages(t))
	const forever, always = "public, max-age=31536000, immutable", "no-cache"
	for _, c := range []struct {
		name, method, path, accept, encoding string
		status                               int
		body, contentType, cache, encoded    string
	}{
		{"the page", "GET", "/", html, "", 200, "index.html", "text/html; charset=utf-8", always, ""},
		{"compressed", "GET", "/", html, "gzip, deflate, br", 200, "index.html.br", "text/html; charset=utf-8", always, "br"},
		{"an address that only the page knows", "GET", "/tickets/tkt_1", html, "", 200, "index.html", "text/html; charset=utf-8", always, ""},
		{"its headers", "HEAD", "/tickets/tkt_1", html, "", 200, "", "text/html; charset=utf-8", always, ""},
		{"such an address, asked for by no browser", "GET", "/tickets/tkt_1", "application/json", "", 404, "", "", "", ""},
		{"a file", "GET", "/theme.js", "*/*", "br", 200, "theme.js", "text/javascript; charset=utf-8", always, ""},
		{"a file that never changes", "GET", "/assets/app-1a2b.js", "*/*", "", 200, "assets/app-1a2b.js", "text/javascript; charset=utf-8", forever, ""},
		{"with the best compression", "GET", "/assets/app-1a2b.js", "*/*", "gzip, br", 200, "assets/app-1a2b.js.br", "text/javascript; charset=utf-8", forever, "br"},
		{"with the one that is taken", "GET", "/assets/app-1a2b.js", "*/*", "br;q=0, gzip", 200, "assets/app-1a2b.js.gz", "text/javascript; charset=utf-8", forever, "gzip"},
		{"a font", "GET", "/assets/font-3c.woff2", "*/*", "br", 200, "assets/font-3c.woff2", "font/woff2", forever, ""},
		{"a file that is gone", "GET", "/assets/app-0000.js", "*/*", "", 404, "", "", "", ""},
		{"such a file, opened by a person", "GET", "/assets/app-0000.js", html, "", 404, "", "", "", ""},
		{"what only compresses another file", "GET", "/assets/app-1a2b.js.br", "*/*", "", 404, "", "", "", ""},
		{"a folder", "GET", "/assets/", "*/*", "", 404, "", "", "", ""},
		{"another method", "POST", "/", html, "", 405, "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := get(w, c.method, c.path, "Accept", c.accept, "Accept-Encoding", c.encoding)
			header := got.Header()
			if got.Code != c.status || header.Get("X-Content-Type-Options") != "nosniff" {
				t.Fatalf("got %d %v", got.Code, header)
			}
			if c.status != http.StatusOK {
				return
			}
			if got.Body.String() != build[c.body] || header.Get("Content-Type") != c.contentType ||
				header.Get("Cache-Control") != c.cache || header.Get("Content-Encoding") != c.encoded {
				t.Errorf("got %q %v", got.Body, header)
			}
			if again := get(w, c.method, c.path, "Accept", c.accept, "Accept-Encoding", c.encoding, "If-None-Match", header.Get("ETag")); again.Code != http.StatusNotModified {
				t.Errorf("asked again with its ETag %q: got %d", header.Get("ETag"), again.Code)
			}
		})
	}
	t.Run("the API and the playground are where they were", func(t *testing.T) {
		if a := w.Query("{ __typename }", nil); a.Body != `{"data":{"__typename":"Query"}}` {
			t.Errorf("got %s", a.Body)
		}
		if got := get(w, "GET", "/playground/", "Accept", html); !strings.Contains(got.Body.String(), "playground.js") {
			t.Errorf("got %d %s", got.Code, got.Body)
		}
	})
}

func TestPageIsRestrictedToItsOrigin(t *testing.T) {
	t.Parallel()
	own := get(gatewaytest.New(t, withPages(t)), "GET", "/", "Accept", html).Header()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'self' data:; " +
			"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		"Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(self)",
		"Referrer-Policy":    "strict-origin-when-cross-origin",
	} {
		if got := own.Get(name); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", name, got, want)
		}
	}
	w := gatewaytest.New(t, withPages(t, "https://js.example.com", "https://*.example.com"))
	with := get(w, "GET", "/", "Accept", html).Header()
	for name, want := range map[string]string{
		"Content-Security-Policy": "script-src 'self' https://js.example.com https://*.example.com; connect-src 'self' https://js.example.com https://*.example.com; frame-src 'self' https://js",
		"Permissions-Policy":      `payment=(self "https://js.example.com")`,
	} {
		if got := with.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", name, got, want)
		}
	}
	for _, text := range []string{"http://js.example.com", "js.example.com", "https://*", "https://a.example/path", "https://a.example; script-src *", "'unsafe-inline'"} {
		if err := new(pages.Source).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken for a site", text)
		}
	}
}

func TestPlaygroundWithoutPages(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(cfg *gateway.Config) { cfg.Playground = true })
	if got := get(w, "GET", "/"); got.Code != http.StatusFound || got.Header().Get("Location") != "/playground/" {
		t.Errorf("got %d %v", got.Code, got.Header())
	}
	if got := get(w, "GET", "/other"); got.Code != http.StatusNotFound {
		t.Errorf("another address: got %d", got.Code)
	}
	if got := get(gatewaytest.New(t), "GET", "/"); got.Code != http.StatusNotFound {
		t.Errorf("with neither: got %d", got.Code)
	}
}
