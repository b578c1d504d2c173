package config

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

type fileSettings struct {
	Common
	File    File           `env:"CONFIG" flag:"FILE" help:"a file"`
	Token   Secret         `env:"TOKEN,required" help:"a credential"`
	Proxies []netip.Prefix `env:"PROXIES" help:"addresses"`
	Limits  struct {
		Depth int           `env:"DEPTH" envDefault:"15" min:"1" max:"99" help:"of fields"`
		Wait  time.Duration `env:"WAIT" envDefault:"5s" min:"1ms" help:"in a queue"`
	} `envPrefix:"LIMIT_"`
	Open   *bool                    `env:"OPEN" help:"for all users"`
	Rooms  map[string]time.Duration `env:"ROOMS" envKeyValSeparator:"=" min:"1s" help:"by name"`
	Colour string                   `env:"COLOUR" envDefault:"red" enum:"red,blue" help:"of everything"`
}

func (c fileSettings) Check() error {
	return testSettings{Common: c.Common, Proxies: c.Proxies, Open: c.Open}.Check()
}

// readFrom reads settings from a file with the text and from the environment.
func readFrom(t *testing.T, yaml string, running *fileSettings, environ ...string) (fileSettings, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(name, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Read(Program{Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:1"}}, append(environ, "CONFIG="+name), running)
	if err != nil {
		err = errorText(strings.ReplaceAll(err.Error(), name, "shop.yaml"))
	}
	return cfg, err
}

// errorText is an error without the folder of its file.
type errorText string

func (e errorText) Error() string { return string(e) }

func TestReadFromFile(t *testing.T) {
	t.Parallel()
	const all = `
token: ` + ownToken + `
proxies: [10.0.0.0/8, "::1/128"]
limit:
  depth: 3
  wait: 1m30s
open: true
otel_traces_sampler_arg: 0.5
rooms: {hall: 1s, "main stage": 2s}
`
	cfg, err := readFrom(t, all, nil)
	if err != nil || cfg.Limits.Depth != 3 || cfg.Limits.Wait != 90*time.Second || !*cfg.Open || cfg.TraceRatio != 0.5 || len(cfg.Proxies) != 2 ||
		!reflect.DeepEqual(cfg.Rooms, map[string]time.Duration{"hall": time.Second, "main stage": 2 * time.Second}) ||
		cfg.Token.Reveal() != ownToken || cfg.Colour != "red" || cfg.ListenAddr != "127.0.0.1:1" {
		t.Errorf("got %+v, %v", cfg, err)
	}
	cfg, err = readFrom(t, all, nil, "LIMIT_DEPTH=7", "ROOMS=", "COLOUR=blue")
	if err != nil || cfg.Limits.Depth != 7 || len(cfg.Rooms) != 2 || cfg.Colour != "blue" || cfg.Limits.Wait != 90*time.Second {
		t.Errorf("with variables: got %+v, %v", cfg, err)
	}
	for _, empty := range []string{"", "# comment\n", "---\n", "{}\n"} {
		if _, err := readFrom(t, empty, nil, "TOKEN="+ownToken); err != nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

func TestReadReturnsAllProblemsOfAFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, environ, want string }{
		{"unknown", "tokn: x\nlimit: {dept: 1, depth: 2}\nLIMIT_DEPTH: 3\nlimit_depth: 3\nconfig: x", "", `shop.yaml:1: tokn: unknown setting
shop.yaml:2: limit.dept: unknown setting
shop.yaml:3: LIMIT_DEPTH: unknown setting
shop.yaml:4: limit_depth: unknown setting
shop.yaml:5: config: unknown setting`},
		{"types", `log_level: 5
limit:
  depth: "3"
  wait: 3
open: yes
proxies: 10.0.0.0/8
rooms:
  hall: [1s]
  stage: soon
colour: |
  red
otel_traces_sampler_arg: half
read_timeout:
`, "", `shop.yaml:1: log_level: want text; put it in quotes
shop.yaml:3: limit.depth: want a whole number, got "3" in quotes
shop.yaml:4: limit.wait: want a duration such as 5s, got 3
shop.yaml:5: open: want true or false, got "yes"
shop.yaml:6: proxies: want a list, got "10.0.0.0/8"
shop.yaml:8: rooms.hall: want a duration such as 5s, got a list
shop.yaml:9: rooms.stage: want names, each with a duration such as 5s, got "stage=soon"
shop.yaml:10: colour: want red or blue, got "red\n"
shop.yaml:12: otel_traces_sampler_arg: want a number, got "half"
shop.yaml:13: read_timeout: want a duration such as 5s, got nothing`},
		{"values", "limit:\n  depth: 0\n  wait: 1us\nenvironment: staging\nproxies:\n- 10.0.0.0/8\n- x\n- a,b\nrooms: {a=b: 1s}\n", "LIMIT_DEPTH=many",
			`LIMIT_DEPTH: want a whole number, got "many"
shop.yaml:2: limit.depth: want at least 1, got 0
shop.yaml:3: limit.wait: want at least 1ms, got 1µs
shop.yaml:4: environment: want production or development, got "staging"
shop.yaml:7: proxies: netip.ParsePrefix("x"): no '/'
shop.yaml:8: proxies: must not contain a comma
shop.yaml:9: rooms.a=b: a name must not contain a comma or =`},
		{"values of a map", "rooms:\n  hall: 1ms\n  stage: 1s\n", "", "shop.yaml:2: rooms.hall: want at least 1s, got 1ms"},
		{"duplicates", "limit: {depth: 1}\ncolour: blue\nlimit: {wait: 1s}\ncolour: red\nrooms:\n  a: 1s\n  a: 2s\n", "",
			"shop.yaml:3: limit: duplicate of line 1\nshop.yaml:4: colour: duplicate of line 2\nshop.yaml:7: rooms.a: duplicate of line 6"},
		{"groups", "limit: 3\n", "", "shop.yaml:1: limit: want keys with values, got 3"},
		{"Check of an unset setting", "open: true\n", "", "PROXIES: must be set when OPEN is true"},
		{"Check of a setting in the file", "open: true\nproxies: []\n", "", "shop.yaml:2: proxies: must be set when OPEN is true"},
		{"list", "- limit\n", "", "shop.yaml:1: want keys with values, got a list"},
		{"anchors", "limit: &a {depth: 3}\n<<: *a\n", "", "shop.yaml:1: limit: want keys with values, got a YAML anchor, alias or tag\nshop.yaml:2: <<: unknown setting"},
		{"two documents", "colour: blue\n---\ncolour: red\n", "", "shop.yaml:3: want one YAML document"},
		{"invalid YAML", "limit:\n  depth: 3\n wait: 5s\n", "LIMIT_DEPTH=0", "LIMIT_DEPTH: want at least 1, got 0\nshop.yaml:3: value is not allowed in this context"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := readFrom(t, c.file, nil, "TOKEN="+ownToken, c.environ); text(err) != c.want {
				t.Errorf("got\n%v\nwant\n%s", err, c.want)
			}
		})
	}
	t.Run("secrets are not in errors", func(t *testing.T) {
		t.Parallel()
		for file, want := range map[string]string{
			"token: 1234567": "shop.yaml:1: token: want text; put it in quotes",
			"token: s3cr3t":  "shop.yaml:1: token: a secret has at least 32 characters, this one has 6",
			"token: development-service-token-0123456789": "shop.yaml:1: token: is an example from the repository; generate a secret, or set ENVIRONMENT=development",
			"": "TOKEN: must be set",
		} {
			if _, err := readFrom(t, file, nil); text(err) != want {
				t.Errorf("%s: got %v", file, err)
			}
		}
	})
	t.Run("missing file", func(t *testing.T) {
		t.Parallel()
		_, err := Read[fileSettings](Program{}, []string{"CONFIG=missing.yaml", "LIMIT_DEPTH=0"}, nil)
		if want := "CONFIG: open missing.yaml: no such file or directory\nLIMIT_DEPTH: want at least 1, got 0"; text(err) != want {
			t.Errorf("got %v", err)
		}
	})
}

func TestReadRejectsChangesThatNeedARestart(t *testing.T) {
	t.Parallel()
	running, err := readFrom(t, "read_timeout: 9s\nlimit: {depth: 2}\n", nil, "TOKEN="+ownToken)
	if err != nil {
		t.Fatal(err)
	}
	const changed = `
listen_addr: 127.0.0.1:1
log_level: debug
log_format: text
limit: {depth: 3}
environment: developmnt
`
	want := `READ_TIMEOUT: takes effect only after a restart
shop.yaml:4: log_format: takes effect only after a restart
shop.yaml:6: environment: want production or development, got "developmnt"`
	if _, err := readFrom(t, changed, &running, "TOKEN="+ownToken); text(err) != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	cfg, err := readFrom(t, "read_timeout: 9000ms\nlimit: {depth: 3}\nlog_level: debug\n", &running, "TOKEN="+ownToken)
	if err != nil || cfg.Limits.Depth != 3 || cfg.LogLevel != "debug" {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	var schema struct{ Properties map[string]any }
	if err := json.Unmarshal(Schema[fileSettings](Program{Name: "shop", Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:1"}}), &schema); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"token":       `{"description":"TOKEN: a credential","minLength":32,"type":"string"}`,
		"proxies":     `{"description":"PROXIES: addresses","items":{"type":"string"},"type":"array"}`,
		"rooms":       `{"additionalProperties":{"pattern":"^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$","type":"string"},"description":"ROOMS: by name; at least 1s","type":"object"}`,
		"colour":      `{"default":"red","description":"COLOUR: of everything","enum":["red","blue"],"type":"string"}`,
		"open":        `{"description":"OPEN: for all users","type":"boolean"}`,
		"listen_addr": `{"default":"127.0.0.1:1","description":"LISTEN_ADDR: host:port of the public listener [restart]","type":"string"}`,
		"limit": `{"additionalProperties":false,"properties":{"depth":{"default":15,"description":"LIMIT_DEPTH: of fields","maximum":99,"minimum":1,"type":"integer"},` +
			`"wait":{"default":"5s","description":"LIMIT_WAIT: in a queue; at least 1ms","pattern":"^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$","type":"string"}},"type":"object"}`,
		"config": `null`,
	} {
		if got, err := json.Marshal(schema.Properties[key]); err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v", key, got, err)
		}
	}
}

// FuzzFile checks that Read returns settings, or problems with a line, for any file.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"limit: {depth: 3, wait: 1m30s}\nproxies: [10.0.0.0/8]\nrooms:\n  hall: 1s\n", "token: |\n  a\n  b\n", "open: &a yes\nopen: *a\n", "? {a: 1}\n: - b\n", "%YAML 1.2\n---\na: !!str 5\n...\n", "\ufeffcolour: 'blue'\r\n", "limit: {depth: [1\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := readFrom(t, text, nil, "TOKEN="+ownToken)
		if err != nil && !strings.HasPrefix(err.Error(), "shop.yaml:") && !strings.HasPrefix(err.Error(), "PROXIES: ") {
			t.Errorf("%q: got %v", text, err)
		}
	})
}
