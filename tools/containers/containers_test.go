// Package containers tests the Dockerfile and docker-compose.yml without a container engine: that they are well-formed
// and secure, and configure the services like tools/internal/stack.
package containers

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"boxoffice.dev/tools/internal/stack"
)

const operator = "boxofficectl" // the operator's tool

// secrets are the variables that an operator sets in production.
func secrets() map[string]string {
	s := map[string]string{
		"ENVIRONMENT":       "production",
		"SERVICE_TOKEN":     strings.Repeat("s", 32),
		"KEY_SECRET":        strings.Repeat("k", 32),
		"SIMULATOR_KEY":     strings.Repeat("p", 32),
		"POSTGRES_PASSWORD": "superuser",
		"RABBITMQ_PASSWORD": "rabbit",
	}
	for _, spec := range stack.Specs() {
		if spec.Database() {
			s[passwordOf(spec)] = "password-of-" + spec.Name
		}
	}
	return s
}

func passwordOf(spec stack.Spec) string { return strings.ToUpper(spec.Name) + "_DATABASE_PASSWORD" }

func root(t *testing.T) string {
	t.Helper()
	dir, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// load reads docker-compose.yml as Docker Compose does: it validates the schema, interpolates the environment and
// checks references.
func load(t *testing.T, environment map[string]string) *types.Project {
	t.Helper()
	var settings []string
	for name, value := range environment {
		settings = append(settings, name+"="+value)
	}
	dir := root(t)
	options, err := cli.NewProjectOptions([]string{filepath.Join(dir, "docker-compose.yml")},
		cli.WithWorkingDirectory(dir), cli.WithEnv(settings), cli.WithProfiles([]string{"operator"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func env(s types.ServiceConfig, name string) string {
	if v := s.Environment[name]; v != nil {
		return *v
	}
	return ""
}

func TestServices(t *testing.T) {
	t.Parallel()
	want := []string{"postgres", "rabbitmq", operator}
	for _, spec := range stack.Specs() {
		want = append(want, spec.Name)
	}
	slices.Sort(want)
	if got := load(t, nil).ServiceNames(); !slices.Equal(got, want) {
		t.Errorf("services %q, want %q", got, want)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	production := secrets()
	project := load(t, production)
	var subgraphs []string
	for _, spec := range stack.Specs() {
		if spec.Subgraph {
			subgraphs = append(subgraphs, spec.Name+"=http://"+spec.Name+":"+strconv.Itoa(spec.Port)+"/graphql")
		}
	}
	common := map[string]string{
		"AMQP_URL":      "amqp://boxoffice:" + production["RABBITMQ_PASSWORD"] + "@rabbitmq:5672/",
		"SERVICE_TOKEN": production["SERVICE_TOKEN"],
		"KEY_SECRET":    production["KEY_SECRET"],
		"JWKS_URL":      "http://auth:4001/.well-known/jwks.json",
		"SUBGRAPH_URLS": strings.Join(subgraphs, ","),
		"SUPERGRAPH":    "/schema/supergraph.graphql",
		"SIMULATOR_URL": "http://stripesim:4006",
		"SIMULATOR_KEY": production["SIMULATOR_KEY"],
		"WEBHOOK_URL":   "http://payments:4004/webhooks/stripe",
		"PUBLIC_URL":    "http://127.0.0.1:4006",
	}
	optional := []string{"ENVIRONMENT", "LOG_LEVEL", "LISTEN_ADDR", "ADMIN_ADDR", "HOLD", "OPERATORS", "PAYMENT_FAILURE", "PROCESSOR", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "PAYMENT_RETURN_URL",
		"PAGES_DIR", "PAGES_SOURCES", "DOCUMENTS"}
	for _, spec := range stack.Specs() {
		service := project.Services[spec.Name]
		for _, name := range spec.Needs {
			want := common[name]
			if name == "DATABASE_URL" {
				role := "boxoffice_" + spec.Name
				want = (&url.URL{
					Scheme: "postgres", User: url.UserPassword(role, "password-of-"+spec.Name),
					Host: "postgres:5432", Path: "/" + role, RawQuery: "sslmode=disable",
				}).String()
				if got := env(project.Services["postgres"], passwordOf(spec)); got != production[passwordOf(spec)] {
					t.Errorf("postgres: %s is %q, want %q", passwordOf(spec), got, production[passwordOf(spec)])
				}
			}
			if got := env(service, name); got != want || got == "" {
				t.Errorf("%s: %s is %q, want %q", spec.Name, name, got, want)
			}
		}
		for name := range service.Environment {
			if !slices.Contains(spec.Needs, name) && !slices.Contains(optional, name) {
				t.Errorf("%s: sets %s, which the stack does not", spec.Name, name)
			}
		}
		listen := ""
		if spec.Port != 0 {
			listen = ":" + strconv.Itoa(spec.Port)
		}
		if got := env(service, "LISTEN_ADDR"); got != listen {
			t.Errorf("%s: LISTEN_ADDR is %q, want %q", spec.Name, got, listen)
		}
		if got := env(service, "ENVIRONMENT"); got != "production" {
			t.Errorf("%s: ENVIRONMENT is %q, want production", spec.Name, got)
		}
	}
	rabbit := project.Services["rabbitmq"]
	if user, password := env(rabbit, "RABBITMQ_DEFAULT_USER"), env(rabbit, "RABBITMQ_DEFAULT_PASS"); user != "boxoffice" || password != "rabbit" {
		t.Errorf("rabbitmq: user %q, password %q, want boxoffice, rabbit", user, password)
	}
	for name, value := range project.Services[operator].Environment {
		of, isDatabase := strings.CutSuffix(name, "_DATABASE_URL")
		want := common[name]
		if isDatabase {
			want = env(project.Services[strings.ToLower(of)], "DATABASE_URL")
		}
		if name == "PAYMENTS_ADMIN_URL" {
			want = "http://payments" + env(project.Services["payments"], "ADMIN_ADDR")
		}
		if value == nil || *value != want {
			t.Errorf("%s: %s is %v, want %q", operator, name, value, want)
		}
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	const mark = "development-"
	for _, s := range load(t, secrets()).Services {
		for name, value := range s.Environment {
			if strings.Contains(*value, mark) {
				t.Errorf("%s: %s is still %q though every secret is set", s.Name, name, *value)
			}
		}
	}
	development := load(t, nil)
	for _, s := range development.Services {
		for name, value := range s.Environment {
			if strings.HasPrefix(name, "STRIPE_") && *value == "" {
				continue // the default is stripesim
			}
			if secret := regexp.MustCompile(`PASS|TOKEN|SECRET|SIMULATOR_KEY|DATABASE_URL|AMQP_URL`).MatchString(name); secret != strings.Contains(*value, mark) {
				t.Errorf("%s: the default of %s is %q, want %q in it only if it is secret", s.Name, name, *value, mark)
			}
		}
	}
	for service, name := range map[string]string{"auth": "KEY_SECRET", "router": "SERVICE_TOKEN", "payments": "SIMULATOR_KEY"} {
		if v := env(development.Services[service], name); len(v) < 32 {
			t.Errorf("the default of %s is %q, too short for the services", name, v)
		}
	}
}

func TestStartOrder(t *testing.T) {
	t.Parallel()
	project := load(t, nil)
	for _, spec := range stack.Specs() {
		var want, got []string
		if spec.Database() {
			want = append(want, "postgres")
		}
		if slices.Contains(spec.Needs, "AMQP_URL") {
			want = append(want, "rabbitmq")
		}
		if spec.Name == "router" {
			for _, other := range stack.Specs() {
				if other.Subgraph {
					want = append(want, other.Name)
				}
			}
		}
		for on, dependency := range project.Services[spec.Name].DependsOn {
			got = append(got, on)
			if dependency.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s depends on %s being %q, want healthy", spec.Name, on, dependency.Condition)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s depends on %q, want %q", spec.Name, got, want)
		}
	}
	for _, name := range []string{"postgres", "rabbitmq"} {
		if check := project.Services[name].HealthCheck; check == nil || len(check.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
	}
}

func TestIsolation(t *testing.T) {
	t.Parallel()
	project := load(t, nil)
	if !project.Networks["private"].Internal {
		t.Error("the private network is not internal")
	}
	for _, s := range project.Services {
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
			t.Errorf("%s: cap_drop %q, security_opt %q, privileged %v", s.Name, s.CapDrop, s.SecurityOpt, s.Privileged)
		}
		if !s.ReadOnly && s.Name != "rabbitmq" {
			t.Errorf("%s: file system is writable", s.Name)
		}
		if s.Build == nil && s.User == "" {
			t.Errorf("%s: runs as the default user of its image, which may be root", s.Name)
		}
		if host, _, ok := strings.Cut(s.Image, "/"); ok {
			t.Errorf("%s: image of the registry %s", s.Name, host)
		}
		networks := s.NetworksByPriority()
		port, outward := map[string]uint32{"router": 4000, "payments": 4004, "stripesim": 4006}[s.Name] // webhooks from Stripe; the bank's page
		if !outward {
			if !slices.Equal(networks, []string{"private"}) || len(s.Ports) > 0 {
				t.Errorf("%s: has networks %q and ports %v, want private and none", s.Name, networks, s.Ports)
			}
			continue
		}
		if len(s.Ports) != 1 || s.Ports[0].HostIP != "127.0.0.1" || s.Ports[0].Published != strconv.Itoa(int(port)) || s.Ports[0].Target != port {
			t.Errorf("%s: publishes %+v, want 127.0.0.1:%d only", s.Name, s.Ports, port)
		}
	}
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	project := load(t, nil)
	sql, err := os.ReadFile(project.Configs["databases"].File)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range stack.Specs() {
		if !spec.Database() {
			continue
		}
		role := "boxoffice_" + spec.Name
		want := `\getenv password ` + passwordOf(spec) + `
CREATE ROLE ` + role + ` LOGIN PASSWORD :'password';
CREATE DATABASE ` + role + ` OWNER ` + role + `;
REVOKE ALL ON DATABASE ` + role + ` FROM PUBLIC;
`
		if !strings.Contains(string(sql), want) {
			t.Errorf("databases.sql has no\n%s", want)
		}
	}
}

// dockerfile returns the instructions of the Dockerfile.
func dockerfile(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root(t), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	joined := strings.ReplaceAll(string(content), "\\\n", " ")
	return slices.DeleteFunc(strings.Split(joined, "\n"), func(line string) bool {
		return strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#")
	})
}

// copied returns the paths that the Dockerfile copies from the workspace.
func copied(t *testing.T) []string {
	t.Helper()
	var sources []string
	for _, line := range dockerfile(t) {
		if words := strings.Fields(line); words[0] == "COPY" && !strings.HasPrefix(words[1], "--from=") {
			sources = append(sources, words[1:len(words)-1]...)
		}
	}
	return sources
}

func TestImage(t *testing.T) {
	t.Parallel()
	lines := dockerfile(t)
	last := lines[slices.Index(lines, "FROM scratch AS image"):]
	for _, want := range []string{`USER 65532:65532`, `ENTRYPOINT ["/service"]`} {
		if !slices.Contains(last, want) {
			t.Errorf("the image has no %s: %q", want, last)
		}
	}
	if !slices.ContainsFunc(last, func(l string) bool {
		return strings.HasPrefix(l, "HEALTHCHECK ") && strings.HasSuffix(l, ` CMD ["/service", "healthcheck"]`)
	}) {
		t.Errorf("the image has no health check: %q", last)
	}
	project := load(t, nil)
	for _, s := range project.Services {
		if s.Build == nil {
			continue
		}
		service := s.Build.Args["SERVICE"]
		if service == nil || *service != s.Name {
			t.Errorf("%s is built with SERVICE %v", s.Name, service)
		}
		// Only the router's image has the storefront, in PAGES_DIR.
		pages, withPages := env(s, "PAGES_DIR"), s.Build.Target == "router"
		if withPages != (s.Name == "router") || withPages && !slices.ContainsFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, "RUN ") && strings.HasSuffix(l, "npm run build -- --outDir /out"+pages)
		}) {
			t.Errorf("%s is built as %q and serves %q", s.Name, s.Build.Target, pages)
		}
		if !slices.ContainsFunc(lines, func(l string) bool { return regexp.MustCompile(`[ |]` + s.Name + `[|)]`).MatchString(l) }) {
			t.Errorf("the Dockerfile cannot build %s", s.Name)
		}
		if s.HealthCheck != nil && s.Name != operator {
			t.Errorf("%s replaces the health check of its image", s.Name)
		}
	}
}

func TestBuildContext(t *testing.T) {
	t.Parallel()
	dir := root(t)
	ignore, err := os.ReadFile(filepath.Join(dir, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	sources := copied(t)
	for _, source := range sources {
		if _, err := os.Stat(filepath.Join(dir, source)); err != nil {
			t.Errorf("the Dockerfile copies a missing folder: %v", err)
		}
		if !slices.Contains(strings.Split(string(ignore), "\n"), "!"+source) {
			t.Errorf(".dockerignore excludes %s", source)
		}
	}
	packages := map[string]string{operator: "./tools/boxofficectl"}
	for _, spec := range stack.Specs() {
		packages[spec.Name] = spec.Package
	}
	for name, pkg := range packages {
		module, within := pkg, "."
		if rest, ok := strings.CutPrefix(pkg, "./subgraphs/"); ok {
			module, within = "subgraphs", "./"+rest
		} else if name == operator {
			module, within = "tools", "./boxofficectl"
		}
		list := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(dir, module), "list", "-deps", "-f",
			`{{if .Module}}{{if not .Module.Version}}{{.Dir}}{{else if .Module.Replace}}{{.Dir}}{{end}}{{end}}`, within)
		list.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
		list.Stderr = os.Stderr
		out, err := list.Output()
		if err != nil {
			t.Errorf("list dependencies of %s: %v", name, err)
			continue
		}
		for _, folder := range strings.Fields(string(out)) {
			relative, err := filepath.Rel(dir, folder)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(sources, func(s string) bool { return relative == s || strings.HasPrefix(relative, s+"/") }) {
				t.Errorf("%s depends on %s, which the Dockerfile does not copy", name, relative)
			}
		}
	}
}
