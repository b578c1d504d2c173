// Package deps checks the imports between packages. In a workspace, Go lets any module import any other, even without a
// requirement, so only this test keeps the services apart. Go's test cache does not see what is checked here: run it
// with -count=1, as `make test` does.
package deps

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const org = "boxoffice.dev/"

// pkg is one package of the workspace, from `go list -json`.
type pkg struct {
	ImportPath string
	Dir        string
	Name       string
	GoFiles    []string
	Imports    []string // by product code
	Deps       []string // by product code, directly or not
	// By tests:
	TestImports, XTestImports []string
}

func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, org) }

func (p pkg) allImports() []string { return slices.Concat(p.Imports, p.TestImports, p.XTestImports) }

// homes lists the packages that may import a library, as a regular expression for the whole import path without
// boxoffice.dev/. Packages in tools may import any library.
var homes = []struct{ library, home string }{
	{"github.com/99designs/gqlgen", graph + "|subgraphs/internal/gqlserver(/gqltest)?"},
	{"github.com/ThreeDotsLabs/", "pkg/broker"},
	{"github.com/rabbitmq/", "pkg/broker"},
	{"github.com/golang-jwt/", "pkg/identity"},
	{"github.com/coder/websocket", "router/internal/(stream|gatewaytest)"},
	{"github.com/sony/gobreaker/", "router/internal/upstream"},
	{"github.com/vektah/gqlparser/", graph + "|subgraphs/internal/gqlserver|router/internal/.*"},
	{"github.com/stripe/", "subgraphs/payments/internal/stripe"},
	{"github.com/jackc/pgx/", domain + "|subgraphs/stripesim/simulator|pkg/(postgres|postgres/pgtest|outbox|inbox|service)"},
	{"database/sql", "pkg/postgres"},
	{"github.com/pressly/goose/", "pkg/postgres"},
	{"github.com/caarlos0/env/", "pkg/config|router/internal/gatewaytest"},
	{"github.com/goccy/go-yaml", "pkg/config"},
	{"go.jetify.com/typeid", "pkg/id"},
	{"golang.org/x/text/currency", "pkg/money"},
	{"go.opentelemetry.io/", "pkg/(server|logging|tracing|correlation|events|broker)|router/internal/upstream"},
	{"github.com/exaring/otelpgx", "pkg/postgres"},
	{"github.com/prometheus/", "pkg/(metrics|server|events|broker|outbox|postgres)|subgraphs/internal/gqlserver|router/internal/.*"},
	{"golang.org/x/crypto/argon2", "subgraphs/auth/internal/password"},
}

const (
	graph  = `subgraphs/\w+/internal/graph(/.*)?`
	domain = `(subgraphs/(auth|tickets|orders)|expiration)/internal/[a-fh-z]\w*` + // any package but graph; patterns have no negation
		`|subgraphs/payments/internal/payment`
	processor = `subgraphs/payments/internal/stripe` // the connection to the card processor
	shared    = `subgraphs/internal/\w+(/gqltest)?`
)

// layers lists which of our packages a package may import besides its own subpackages. The first entry that matches
// the importing package applies.
var layers = []struct{ who, may string }{
	// Auth's domain issues the tokens that identity verifies.
	{`subgraphs/auth/internal/[a-fh-z]\w*`, `pkg/(apperr|correlation|events|id|identity|postgres|worker)|subgraphs/internal/page|subgraphs/auth/internal/[a-fh-z]\w*`},
	{domain, `pkg/(apperr|correlation|events|id|inbox|limit|money|outbox|postgres|worker)|subgraphs/internal/(page|signal)`},
	{processor, `pkg/(apperr|correlation|events|id|money)|subgraphs/payments/internal/payment`},
	{`subgraphs/stripesim(/.*)?`, `pkg/(config|postgres|server|service|worker)|subgraphs/stripesim/simulator`},
	{graph, `pkg/(apperr|events|id|identity|money)|subgraphs/internal/(gqlserver|page)|` + graph + `|` + domain},
	{shared, `pkg/(apperr|config|correlation|id|identity|money|sse)|subgraphs/internal/(gqlserver|page)`},
	{`pkg(/.*)?`, `pkg/.*`},
	{`subgraphs/\w+`, `pkg/.*|` + shared + `|` + graph + `|` + domain + `|` + processor},
	{`expiration`, `pkg/.*|` + domain},
	{`router(/.*)?`, `pkg/(apperr|config|correlation|id|identity|limit|logging|metrics|server|sse)|router/.*`},
	{`tools(/.*)?`, `pkg/.*|tools/.*`}, // they run services as binaries
}

// services match the packages of a service; none imports a package of another.
var services = regexp.MustCompile(`^(subgraphs/(?:auth|tickets|orders|payments)|expiration|router)(?:/|$)`)

func TestEachLibraryHasOneHome(t *testing.T) {
	t.Parallel()
	for _, p := range workspace(t) {
		if strings.HasPrefix(p.path(), "tools/") {
			continue
		}
		for _, h := range homes {
			if whole(h.home).MatchString(p.path()) {
				continue
			}
			for _, i := range p.Imports {
				if i == strings.TrimSuffix(h.library, "/") || strings.HasPrefix(i, h.library) {
					t.Errorf("%s imports %s, whose home is %s", p.path(), i, h.home)
				}
			}
		}
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	for _, p := range workspace(t) {
		layer := slices.IndexFunc(layers, func(l struct{ who, may string }) bool { return whole(l.who).MatchString(p.path()) })
		if layer < 0 {
			t.Errorf("%s belongs to no layer", p.path())
			continue
		}
		may := whole(layers[layer].may)
		for _, i := range p.Imports {
			own, ours := strings.CutPrefix(i, org)
			if ours && !may.MatchString(own) && !strings.HasPrefix(own, p.path()+"/") {
				t.Errorf("%s imports %s, but may import only %s", p.path(), own, layers[layer].may)
			}
		}
	}
}

func TestServicesDoNotMeet(t *testing.T) {
	t.Parallel()
	for _, p := range workspace(t) {
		self := services.FindStringSubmatch(p.path())
		for _, i := range p.allImports() {
			other := services.FindStringSubmatch(strings.TrimPrefix(i, org))
			if other != nil && (self == nil || self[1] != other[1]) {
				t.Errorf("%s imports %s", p.path(), i)
			}
		}
	}
}

func TestDomainsAreFreeOfHTTPAndTheProcess(t *testing.T) {
	t.Parallel()
	for _, p := range workspace(t) {
		if !whole(domain).MatchString(p.path()) {
			continue
		}
		for _, i := range p.Imports {
			if i == "net/http" || i == "os" || strings.HasPrefix(i, "os/") || i == "flag" {
				t.Errorf("%s imports %s", p.path(), i)
			}
		}
	}
}

// No binary links the libraries of another kind of service, or test code.
func TestBinariesLinkOnlyTheirOwnKind(t *testing.T) {
	t.Parallel()
	foreign := []struct{ who, never string }{
		{`router|expiration`, `github.com/99designs/gqlgen.*`},
		{`router`, `github.com/(jackc|ThreeDotsLabs|rabbitmq)/.*|boxoffice\.dev/router/internal/\w+test`},
		{`subgraphs/\w+|router|expiration`, `testing|net/http/httptest`},
	}
	for _, p := range workspace(t) {
		if p.Name != "main" {
			continue
		}
		for _, f := range foreign {
			if !whole(f.who).MatchString(p.path()) {
				continue
			}
			never := whole(f.never)
			for _, d := range p.Deps {
				if never.MatchString(d) {
					t.Errorf("the binary of %s is linked with %s", p.path(), d)
				}
			}
		}
	}
}

// Only a main package reads the environment, by way of pkg/config, pkg/server and pkg/tracing; pgtest does for tests.
func TestOnlyMainReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	may := whole(`pkg/(config|server|tracing)|pkg/postgres/pgtest|tools/.*`)
	reads := map[string]bool{"Getenv": true, "LookupEnv": true, "Environ": true, "ExpandEnv": true, "Setenv": true}
	for _, p := range workspace(t) {
		if p.Name == "main" || may.MatchString(p.path()) {
			continue
		}
		for _, name := range p.GoFiles {
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := selector.X.(*ast.Ident); ok && (x.Name == "os" || x.Name == "syscall") && reads[selector.Sel.Name] {
					t.Errorf("%s: %s.%s", files.Position(n.Pos()), x.Name, selector.Sel.Name)
				}
				return true
			})
		}
	}
}

// workspace returns every package of the workspace.
func workspace(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Dir,Name,GoFiles,Imports,Deps,TestImports,XTestImports", "work")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("decode go list: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

// whole matches the pattern against a whole string.
func whole(pattern string) *regexp.Regexp { return regexp.MustCompile("^(?:" + pattern + ")$") }
