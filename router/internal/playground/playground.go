// Package playground serves an editor for trying out the API. It is embedded in the binary, loads nothing from other
// hosts and runs no inline scripts.
package playground

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// assets is written by `npm run build` in ui.
//
//go:embed assets/playground.js assets/playground.css
var assets embed.FS

// policy restricts the page to its own files and forbids framing it. Inline styles are allowed because the editor
// positions its lines with them.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Boxoffice API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/playground/%[2]s/playground.css">
<script src="/playground/%[1]s/playground.js" defer></script>
</head>
<body style="margin:0">
<div id="playground" style="height:100vh"></div>
</body>
</html>
`

// Path is the path of the page.
const Path = "/playground/"

// Register adds the editor to the mux. The page at Path is served to clients that accept HTML.
func Register(mux *http.ServeMux) {
	html := fmt.Sprintf(page, asset(mux, "playground.js", "text/javascript"), asset(mux, "playground.css", "text/css"))
	mux.HandleFunc("GET "+Path+"{$}", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache")
		header.Set("Vary", "Accept")
		fmt.Fprint(w, html)
	})
}

// asset serves a file below a name that changes with its content, and returns that name.
func asset(mux *http.ServeMux, name, contentType string) string {
	data, err := fs.ReadFile(assets, "assets/"+name)
	if err != nil { // it is embedded
		panic(err)
	}
	version := fmt.Sprintf("%x", sha256.Sum256(data))[:12]
	mux.HandleFunc("GET "+Path+version+"/"+name, func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", contentType+"; charset=utf-8")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Write(data) //nolint:errcheck // an error means that the client has gone
	})
	return version
}
