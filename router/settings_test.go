package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"boxoffice.dev/pkg/config"
)

// A file is valid by the schema, which editors use, exactly if the router starts with it.
func TestSchemaAgreesWithRead(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	pages, supergraph := t.TempDir(), "\nsupergraph: ../schema/supergraph.graphql\n"
	if err := os.WriteFile(filepath.Join(pages, "index.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		valid bool
		text  string
	}{
		{true, "limit: {}"},
		{true, "limit: {depth: 1, body: 1}\nlive: {heartbeat: 1m30s, init_timeout: 0.5s}"},
		{true, "subgraph:\n  urls: {auth: 'http://127.0.0.1:1/graphql'}\n  breaker: {failures: 0, window: 1s}\n  wait: 0s\n  retries: 100"},
		{true, "introspection: true\nplayground: false\napq: false\ndocuments: []"},
		{true, "otel_traces_sampler_arg: 0.25\nlog_level: debug\nlog_format: text\nenvironment: development\nreload: 0s"},
		{true, "otel_traces_sampler_arg: 1\nservice_token: a-token-for-this-test-0123456789ab\nlisten_addr: ':4000'"},
		{true, "trusted_proxies:\n- 10.0.0.0/8\n- ::1/128\nallowed_origins: ['https://shop.example']\npages: {dir: " + pages + ", sources: []}"},
		{true, "subgraph: {timeouts: {auth: 1s}}"},
		{false, "subgraph: {timeouts: {auth: 1}}"},
		{false, "subgraph: {timeouts: [auth]}"},
		{false, "limits: {}"},
		{false, "limit: {dept: 1}"},
		{false, "limit: 1"},
		{false, "limit:"},
		{false, "limit: {depth: '1'}"},
		{false, "limit: {depth: 0}"},
		{false, "limit: {depth: 1.5}"},
		{false, "limit: {depth: null}"},
		{false, "subgraph: {retries: 101}"},
		{false, "subgraph: {timeout: 5}"},
		{false, "subgraph: {timeout: 5 s}"},
		{false, "subgraph: {timeout: '-5s'}"},
		{false, "subgraph: {breaker: {failures: many}}"},
		{false, "subgraph: {urls: {auth: 5}}"},
		{false, "subgraph: {urls: ['auth=http://127.0.0.1:1/']}"},
		{false, "subgraph_timeout: 5s"},
		{false, "SUPERGRAPH: a"},
		{false, "config: settings.yaml"},
		{false, "apq: 'true'"},
		{false, "apq: yes"},
		{false, "apq: 1"},
		{false, "log_level: loud"},
		{false, "log_format: 5"},
		{false, "environment: staging"},
		{false, "otel_traces_sampler_arg: 1.1"},
		{false, "otel_traces_sampler_arg: all"},
		{false, "documents: a.json"},
		{false, "documents: [5]"},
		{false, "documents: {a: b}"},
		{false, "service_token: short"},
		{false, "trusted_proxies: [true]"},
		{false, "- limit"},
	} {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			text := c.text
			if !strings.HasPrefix(text, "-") {
				text += supergraph
			}
			if err := validate(t, schema, text); (err == nil) != c.valid {
				t.Errorf("schema: %v", err)
			}
			file := filepath.Join(t.TempDir(), "settings.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Read[settings](program, []string{"CONFIG=" + file, "SERVICE_TOKEN=a-token-for-this-test-0123456789ab"}, nil); (err == nil) != c.valid {
				t.Errorf("router: %v", err)
			}
		})
	}
}

// The example is valid but for the files that it names, and its first line names the schema for editors.
func TestExample(t *testing.T) {
	t.Parallel()
	const example = "settings.example.yaml"
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, compile(t), string(text)); err != nil {
		t.Error(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if first != "# yaml-language-server: $schema=settings.schema.json" { // TestSettingsAreDocumented writes it
		t.Errorf("first line is %q", first)
	}
	cfg, err := config.Read[settings](program, []string{"CONFIG=" + example, "SERVICE_TOKEN=a-token-for-this-test-0123456789ab"}, nil)
	if err == nil || strings.Count(err.Error(), "\n"+example) > 1 || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("got %v, want only problems with supergraph and documents", err)
	}
	if cfg.Limits.Depth != 12 || cfg.Limits.Fields != 300 || !cfg.DocumentsOnly {
		t.Errorf("got %+v", cfg)
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema[settings](program)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("settings.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("settings.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate validates YAML against the schema.
func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}
