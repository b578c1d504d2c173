package playground_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"

	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/playground"
	"boxoffice.dev/router/internal/supergraph"
)

const schema = "../../../schema/supergraph.graphql"

// TestTabsFitTheSchema: what the playground offers can be executed, with its example variables.
func TestTabsFitTheSchema(t *testing.T) {
	t.Parallel()
	sdl, err := os.ReadFile(schema)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Parse(string(sdl))
	if err != nil {
		t.Fatal(err)
	}
	documents, err := operation.New(operation.Config{SDL: graph.ClientSDL, Limits: env.Must(env.ParseAs[operation.Limits]())})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("operations/*.graphql")
	if err != nil || len(files) != 8 {
		t.Fatalf("got %d operations, want one for each step of the journey: %v", len(files), err)
	}
	page, err := os.ReadFile("ui/playground.jsx")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a file of the test
		if err != nil {
			t.Fatal(err)
		}
		var variables operation.Variables
		if line, _, _ := strings.Cut(string(text), "\n"); strings.HasPrefix(line, "# ") {
			var ok bool
			if variables, ok = operation.ReadVariables([]byte(line[2:])); !ok {
				t.Errorf("%s: the variables are not JSON", file)
			}
		}
		op, err := documents.Prepare(string(text), "")
		if err == nil {
			_, err = documents.Check(op, variables)
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !strings.Contains(string(page), file) {
			t.Errorf("%s is not on the page", file)
		}
		name := regexp.MustCompile(`(?:query|mutation) \w+`).FindString(string(text))
		script, err := os.ReadFile("assets/playground.js")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(script), name) {
			t.Errorf("%s: %q is not in the built script: npm run build", file, name)
		}
	}
}

func TestThePageNeedsNoOtherHostAndNoInlineScript(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	playground.Register(mux)
	get := func(path, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	}
	page := get("/playground/", "text/html,application/xhtml+xml,*/*;q=0.8")
	if page.Code != http.StatusOK {
		t.Fatalf("got %d", page.Code)
	}
	policy := page.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	html := page.Body.String()
	if strings.Contains(html, "http://") || strings.Contains(html, "https://") || regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(html) {
		t.Errorf("the page loads from elsewhere or has an inline script:\n%s", html)
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllStringSubmatch(html, -1) {
		if got := get(m[1], "*/*"); got.Code != http.StatusOK || got.Body.Len() < 1000 || got.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %d with %d bytes", m[1], got.Code, got.Body.Len())
		}
	}
	for _, c := range []struct{ path, accept string }{{"/playground/", "application/json"}, {"/playground/", ""}, {"/playground/other", "text/html"}} {
		if got := get(c.path, c.accept); got.Code != http.StatusNotFound {
			t.Errorf("%s for %q: got %d", c.path, c.accept, got.Code)
		}
	}
}
