// Package schema has the tests of the contract in schema/: that the generated files are fresh, that
// the subgraphs agree, that everything is explained, and that no change for clients goes unrecorded.
package schema

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

const folder = "../../schema"

// install lets one script at a time run, because the first one installs the packages.
var install sync.Mutex

// run runs a script of tools/compose on a schema folder and returns its output.
func run(t *testing.T, script, folder string) (output string, err error) {
	t.Helper()
	install.Lock()
	defer install.Unlock()
	out, err := exec.CommandContext(t.Context(), "../compose/run", script, folder).CombinedOutput()
	return string(out), err
}

// copied returns a copy of the schema folder that a test may change.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// edit replaces the one place in a file where old stands.
func edit(t *testing.T, dir, name, old, replacement string) {
	t.Helper()
	text := read(t, dir, name)
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%s has %q %d times, want once", name, old, n)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(text, old, replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGeneratedFilesAreFresh(t *testing.T) {
	t.Parallel()
	dir := copied(t)
	if out, err := run(t, "compose.mjs", dir); err != nil {
		t.Fatalf("compose: %v\n%s", err, out)
	}
	for _, name := range []string{"supergraph.graphql", "api.graphql"} {
		if read(t, dir, name) != read(t, folder, name) {
			t.Errorf("schema/%s is not what the subgraphs compose to; run `make schema`", name)
		}
	}
}

func TestAPIShowsClientsNothingOfTheMachinery(t *testing.T) {
	t.Parallel()
	api := load(t, "api.graphql")
	for _, d := range api.Directives {
		t.Errorf("it defines @%s", d.Name)
	}
	for _, d := range api.Definitions {
		if strings.Contains(d.Name, "__") || strings.HasPrefix(d.Name, "_") {
			t.Errorf("it has the type %s", d.Name)
		}
	}
}

func TestCompositionRefusesContradictions(t *testing.T) {
	t.Parallel()
	dir := copied(t)
	edit(t, dir, "tickets.graphqls", "type Money @shareable", "type Money")
	out, err := run(t, "compose.mjs", dir)
	if err == nil || !strings.Contains(out, "Money.minorUnits") {
		t.Errorf("got %v, want a failure that names Money.minorUnits\n%s", err, out)
	}
}

func TestChangesForClientsAreRecorded(t *testing.T) {
	t.Parallel()
	if out, err := run(t, "diff.mjs", folder); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// release makes the schema in dir the released one, and returns a function that writes the section Unreleased.
func release(t *testing.T, dir string) (unreleased func(text string)) {
	t.Helper()
	if out, err := run(t, "compose.mjs", dir); err != nil {
		t.Fatalf("compose: %v\n%s", err, out)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("released.graphql", read(t, dir, "supergraph.graphql"))
	return func(text string) {
		write("CHANGELOG.md", "# Changes\n\n## Unreleased\n\n"+text+"\n## Before\n\n- `Old` entry\n")
	}
}

func TestDiffRequiresEveryChangeToBeRecorded(t *testing.T) {
	t.Parallel()
	dir := copied(t)
	edit(t, dir, "orders.graphqls", "\n  heldByViewer: Boolean!", "\n  heldByViewer: Boolean! @deprecated(reason: \"A test.\")")
	unreleased := release(t, dir)
	unreleased("")
	if out, err := run(t, "diff.mjs", dir); err != nil {
		t.Fatalf("no difference: %v\n%s", err, out)
	}

	edit(t, dir, "orders.graphqls", "\n  heldByViewer: Boolean! @deprecated(reason: \"A test.\")", "\n  heldByBuyer: Boolean!")
	edit(t, dir, "tickets.graphqls", "union WithdrawTicketError =", "union WithdrawTicketError = ValidationError |")
	if out, err := run(t, "compose.mjs", dir); err != nil {
		t.Fatalf("compose: %v\n%s", err, out)
	}
	const lists = `Breaking: 1
  TicketReservation.heldByViewer: Field 'heldByViewer' (deprecated) was removed from object type 'TicketReservation'
Dangerous: 1
  WithdrawTicketError: Member 'ValidationError' was added to Union type 'WithdrawTicketError'
Safe: 1
  TicketReservation.heldByBuyer: Field 'heldByBuyer' was added to object type 'TicketReservation'
Described differently: none
`
	const dangerous, safe = "- `WithdrawTicketError` may be a ValidationError\n", "- `TicketReservation` has heldByBuyer\n"
	const breaking = "- BREAKING: `TicketReservation.heldByViewer` is gone, because of a test\n"
	union := regexp.MustCompile(`(?m)^union (WithdrawTicketError = .*) \| ValidationError$`).FindStringSubmatch(read(t, dir, "api.graphql"))[1]
	exact := "\n```diff\n+ TicketReservation.heldByBuyer: Boolean!\n- TicketReservation.heldByViewer: Boolean! @deprecated(reason: \"A test.\")\n" +
		"- " + union + "\n+ " + union + " | ValidationError\n```\n"
	for _, tt := range []struct {
		name, entries, complaint string
	}{
		{"all recorded", breaking + dangerous + safe + exact, ""},
		{"nothing recorded", "", "breaks clients and is not recorded: Field 'heldByViewer'"},
		{"breaking not called so", strings.Replace(breaking, "BREAKING: ", "", 1) + dangerous + safe + exact, "breaks clients and is not recorded: Field 'heldByViewer'"},
		{"breaking named only by its type", "- BREAKING: `TicketReservation` is different\n" + dangerous + safe + exact, "breaks clients and is not recorded: Field 'heldByViewer'"},
		{"dangerous missing", breaking + safe + exact, "not recorded: Member 'ValidationError'"},
		{"safe missing", breaking + dangerous + exact, "not recorded: Field 'heldByBuyer'"},
		{"too much recorded", breaking + dangerous + safe + "- `Order.colour` is new\n" + exact, "there is no such change: `Order.colour` is new"},
		{"exact lines missing", breaking + dangerous + safe, "block lacks:\n    + TicketReservation.heldByBuyer: Boolean!"},
		{"another change of what is recorded", breaking + dangerous + safe + strings.Replace(exact, "heldByBuyer: Boolean!", "heldByBuyer: Boolean", 1),
			"lines that are not true:\n    + TicketReservation.heldByBuyer: Boolean\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			unreleased(tt.entries)
			out, err := run(t, "diff.mjs", dir)
			if failed := err != nil; failed != (tt.complaint != "") {
				t.Errorf("got %v\n%s", err, out)
			}
			if !strings.HasPrefix(out, lists) || !strings.Contains(out, tt.complaint) {
				t.Errorf("got\n%s\nwant\n%s… %s", out, lists, tt.complaint)
			}
		})
	}
}

func TestDiffFindsWhatTypesDoNotShow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file, old, replacement, want string
	}{
		{"a field requires a signed-in viewer", "tickets.graphqls", "): TicketConnection\n\n", "): TicketConnection @authenticated\n\n",
			"breaks clients and is not recorded: Access to 'Query.tickets' changed from 'everyone' to '@authenticated'"},
		{"a field requires no viewer any more", "orders.graphqls", "): CreateOrderPayload! @authenticated", "): CreateOrderPayload!",
			"not recorded: Access to 'Mutation.createOrder' changed from '@authenticated' to 'everyone'"},
		{"a field is removed without deprecation", "orders.graphqls", "\n  heldByViewer: Boolean!", "\n  heldByBuyer: Boolean!",
			"removed without having been deprecated in a release: TicketReservation.heldByViewer"},
		{"api.graphql is not composed again", "tickets.graphqls", "union WithdrawTicketError =", "union WithdrawTicketError = ValidationError |",
			"api.graphql is stale: run `make schema`"},
		{"a bound that only a description has", "auth.graphqls", "at most 100, ", "at most 10, ", "Described differently: 1\n  Query.nodes.ids: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t)
			release(t, dir)("")
			edit(t, dir, tt.file, tt.old, tt.replacement)
			out, err := run(t, "diff.mjs", dir)
			if err == nil || !strings.Contains(out, tt.want) {
				t.Errorf("got %v\n%s\nwant a failure with %q", err, out, tt.want)
			}
		})
	}
}

// subgraphs returns the hand-written files, parsed, by name.
func subgraphs(t *testing.T) map[string]*ast.SchemaDocument {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.graphqls"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no subgraphs in %s: %v", folder, err)
	}
	docs := map[string]*ast.SchemaDocument{}
	for _, file := range files {
		name := filepath.Base(file)
		docs[name] = load(t, name)
	}
	return docs
}

func load(t *testing.T, name string) *ast.SchemaDocument {
	t.Helper()
	doc, err := parser.ParseSchema(&ast.Source{Name: name, Input: read(t, folder, name)})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func root(d *ast.Definition) bool {
	return d.Name == "Query" || d.Name == "Mutation" || d.Name == "Subscription"
}

// entity reports whether other subgraphs may add fields to the type.
func entity(d *ast.Definition) bool { return d.Directives.ForName("key") != nil }

// A name in two subgraphs means the same: types with @key and the root types
// have different fields in each, and the codes of errors are only those that the subgraph emits,
// but what they share is equal; everything else is equal as a whole.
func TestSubgraphsAgreeOnWhatTheyShare(t *testing.T) {
	t.Parallel()
	seen := map[string]string{} // where and how each type or member was met first
	for file, doc := range subgraphs(t) {
		for _, d := range doc.Definitions {
			if root(d) {
				continue
			}
			meanings := map[string]string{d.Name: fmt.Sprintf("%q %s", d.Description, d.Kind)}
			for _, f := range d.Fields {
				meanings[d.Name+"."+f.Name] = meaning(f)
			}
			for _, v := range d.EnumValues {
				meanings[d.Name+"."+v.Name] = fmt.Sprintf("%q", v.Description)
			}
			if !entity(d) && d.Name != "UserErrorCode" {
				members := fmt.Sprintf("%v %v %v", d.Interfaces, d.Types, directives(d.Directives))
				for _, f := range d.Fields {
					members += " " + f.Name
				}
				for _, v := range d.EnumValues {
					members += " " + v.Name
				}
				meanings[d.Name+" as a whole"] = members
			}
			for what, is := range meanings {
				if was, ok := seen[what]; !ok {
					seen[what] = is
				} else if was != is {
					t.Errorf("%s: %s differs from another subgraph's\ngot  %s\nwant %s", file, what, is, was)
				}
			}
		}
	}
}

func meaning(f *ast.FieldDefinition) string {
	s := fmt.Sprintf("%q %s = %s %v", f.Description, f.Type, f.DefaultValue, directives(f.Directives))
	for _, a := range f.Arguments {
		s += fmt.Sprintf(" (%s: %q %s = %s %v)", a.Name, a.Description, a.Type, a.DefaultValue, directives(a.Directives))
	}
	return s
}

func directives(list ast.DirectiveList) (s []string) {
	for _, d := range list {
		s = append(s, "@"+d.Name)
		for _, a := range d.Arguments {
			s = append(s, a.Name+": "+a.Value.String())
		}
	}
	return s
}

// Everything is explained in a sentence, and every list that a client may send says how long it may be.
func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	bounded := regexp.MustCompile(`\bat most \d+\b`)
	size := regexp.MustCompile(`\b0 to \d+\b`)
	for file, doc := range subgraphs(t) {
		check := func(what, description string) {
			if !strings.HasSuffix(description, ".") {
				t.Errorf("%s: %s needs a description in whole sentences, has %q", file, what, description)
			}
		}
		checkInput := func(what, name, description string, typ *ast.Type) {
			check(what, description)
			if typ.Elem != nil && !bounded.MatchString(description) {
				t.Errorf(`%s: %s is a list; its description must say "at most" how many, but says %q`, file, what, description)
			}
			if (name == "first" || name == "last") && !size.MatchString(description) {
				t.Errorf(`%s: %s is the size of a page; its description must say "0 to" how many, but says %q`, file, what, description)
			}
		}
		for _, d := range doc.Definitions {
			if !root(d) {
				check(d.Name, d.Description)
			}
			for _, v := range d.EnumValues {
				check(d.Name+"."+v.Name, v.Description)
			}
			for _, f := range d.Fields {
				what := d.Name + "." + f.Name
				if d.Kind == ast.InputObject {
					checkInput(what, f.Name, f.Description, f.Type)
					continue
				}
				check(what, f.Description)
				for _, a := range f.Arguments {
					checkInput(what+"."+a.Name, a.Name, a.Description, a.Type)
				}
			}
		}
	}
}

// Mutations all look the same: a payload of their own with typed errors, each with a code of its own.
func TestMutationsFollowTheConvention(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("Code `([A-Z_]+)`")
	for file, doc := range subgraphs(t) {
		named := doc.Definitions.ForName
		for _, m := range named("Mutation").Fields {
			payload := named(m.Type.Name())
			if !m.Type.NonNull || payload == nil {
				t.Errorf("%s: %s returns %s, want a payload, non-null", file, m.Name, m.Type)
				continue
			}
			for _, a := range m.Arguments {
				if a.Name != "input" || a.Type.String() != strings.ToUpper(m.Name[:1])+m.Name[1:]+"Input!" {
					t.Errorf("%s: %s takes %s: %s, want one input of its own", file, m.Name, a.Name, a.Type)
				}
			}
			errors := payload.Fields.ForName("errors")
			if errors == nil {
				t.Errorf("%s: %s has no errors", file, payload.Name)
				continue
			}
			element := named(errors.Type.Name())
			if element.Kind != ast.Union && element.Name != "UserError" || errors.Type.String() != "["+element.Name+"!]!" {
				t.Errorf("%s: %s.errors is %s, want a non-null list of a union or of UserError", file, payload.Name, errors.Type)
			}
			for _, f := range payload.Fields {
				if f != errors && f.Type.NonNull && f.Type.Name() != "Boolean" {
					t.Errorf("%s: %s.%s is non-null, so it cannot be null when there are errors", file, payload.Name, f.Name)
				}
			}
		}

		var codes, members []string
		for _, d := range doc.Definitions {
			if slices.Contains(d.Interfaces, "UserError") {
				match := code.FindStringSubmatch(d.Description)
				if match == nil {
					t.Errorf("%s: %s does not say its code", file, d.Name)
					continue
				}
				codes = append(codes, match[1])
				if !slices.ContainsFunc(doc.Definitions, func(u *ast.Definition) bool { return slices.Contains(u.Types, d.Name) }) {
					t.Errorf("%s: no mutation returns %s", file, d.Name)
				}
			}
			if d.Kind == ast.Union {
				members = append(members, d.Types...)
			}
		}
		for _, name := range members {
			if !slices.Contains(named(name).Interfaces, "UserError") {
				t.Errorf("%s: %s is no UserError", file, name)
			}
		}
		var declared []string
		for _, v := range named("UserErrorCode").EnumValues {
			declared = append(declared, v.Name)
		}
		slices.Sort(codes)
		slices.Sort(declared)
		if !slices.Equal(codes, declared) {
			t.Errorf("%s: UserErrorCode has\n%v, its errors have\n%v", file, declared, codes)
		}
	}
}

// A non-null field that fails takes its whole parent along. So what one subgraph's outage can make
// fail is nullable: root queries, edges to a type that another subgraph owns, and fields that a
// subgraph adds to such a type.
func TestAnOutageNullsOnlyWhatItConcerns(t *testing.T) {
	t.Parallel()
	for file, doc := range subgraphs(t) {
		foreign := map[string]bool{} // entities that another subgraph owns
		for _, d := range doc.Definitions {
			if key := d.Directives.ForName("key"); key != nil {
				root := slices.ContainsFunc(doc.Definitions.ForName("Query").Fields, func(f *ast.FieldDefinition) bool { return f.Type.Name() == d.Name })
				foreign[d.Name] = key.Arguments.ForName("resolvable") != nil || !slices.Contains(d.Interfaces, "Node") && !root
			}
		}
		for _, d := range doc.Definitions {
			for _, f := range d.Fields {
				crosses := d.Name == "Query" || foreign[d.Name] && f.Name != "id" || foreign[f.Type.Name()]
				if crosses && f.Type.NonNull {
					t.Errorf("%s: %s.%s: %s must be nullable", file, d.Name, f.Name, f.Type)
				}
			}
		}
	}
}
