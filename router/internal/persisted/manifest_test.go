package persisted_test

import (
	"maps"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/persisted"
)

// The example and its hash stand in GraphQL over HTTP, appendix Persisted Documents.
const (
	example     = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"
	exampleHash = "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e"
)

func TestManifests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		want       persisted.Manifest
	}{
		{
			"of GraphQL Code Generator", `{"sha256:` + exampleHash + `":"query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"}`,
			persisted.Manifest{exampleHash: example},
		},
		{
			"of GraphQL Code Generator with SHA-1", `{"4ed4ac7d2f0e3b1b57ff1d1b7bd7c3b4e6f1d1b7":"query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"}`,
			persisted.Manifest{exampleHash: example, "4ed4ac7d2f0e3b1b57ff1d1b7bd7c3b4e6f1d1b7": example},
		},
		{
			"of Apollo",
			`{"format":"apollo-persisted-query-manifest","version":1,"operations":[
			 {"id":"user/7","name":"User","type":"query","body":"query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"}]}`,
			persisted.Manifest{exampleHash: example, "user/7": example},
		},
		{"empty", `{}`, persisted.Manifest{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := persisted.Manifest{}
			if err := got.Read([]byte(c.file)); err != nil || !maps.Equal(got, c.want) {
				t.Errorf("got %v, %v\nwant %v", got, err, c.want)
			}
		})
	}
}

func TestAFaultyManifestIsRefusedWithAllItsFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		faults     []string
	}{
		{"no JSON", `x`, []string{"not a manifest"}},
		{"null", `null`, []string{"not a manifest"}},
		{"a list", `["{a}"]`, []string{"not a manifest"}},
		{"no documents", `{"a":1}`, []string{"not a manifest"}},
		{"a later version", `{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}`, []string{"version 2"}},
		{"wrong hashes", `{"sha256:abc":"{a}","sha256:def":"{b}"}`, []string{`"sha256:abc"`, `"sha256:def"`}},
		{"nothing in it", `{"":"{a}","b":""}`, []string{`""`, `"b"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := persisted.Manifest{}.Read([]byte(c.file))
			for _, fault := range c.faults {
				if err == nil || !strings.Contains(err.Error(), fault) {
					t.Errorf("got %v, want %s in it", err, fault)
				}
			}
		})
	}
	both := persisted.Manifest{}
	if err := both.Read([]byte(`{"a":"{a}"}`)); err != nil {
		t.Fatal(err)
	}
	if err := both.Read([]byte(`{"a":"{b}"}`)); err == nil {
		t.Error("two documents share an identifier")
	}
}
