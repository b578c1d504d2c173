package introspection_test

import (
	"os"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name) //nolint:gosec // a file of the test
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestIntrospectionIsOneSwitch(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) { c.Introspection = false })
	for _, query := range []string{
		`{ __schema { types { name } } }`, `{ __type(name: "Ticket") { name } }`, `{ ...F } fragment F on Query { x: __schema { types { name } } }`,
	} {
		if a := w.Query(query, nil); a.Code() != "INTROSPECTION_DISABLED" {
			t.Errorf("%s: got %s", query, a.Body)
		}
	}
	for _, query := range []string{`{ ticke }`, `{ ticket(i: "1") { id } }`, `query($x: Tickt) { __typename }`, `{ ticket(id: "1") }`, `{ tickets(sort: {by: TITL}) { total } }`} {
		if a := w.Query(query, nil); len(a.Errors) == 0 || strings.Contains(a.Body, "Did you mean") {
			t.Errorf("%s: got %s", query, a.Body)
		}
	}
	if a := w.Query(`{ __typename }`, nil); a.Body != `{"data":{"__typename":"Query"}}` {
		t.Errorf("__typename: got %s", a.Body)
	}
}

func TestFederationAndHiddenMembersDoNotExistForClients(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for _, query := range []string{
		`{ _service { sdl } }`,
		`{ _entities(representations: [{__typename: "Ticket", id: "t1"}]) { __typename } }`,
		`query($r: [_Any!]!) { _entities(representations: $r) { __typename } }`,
		`{ ticket(id: "t1") { rowid } }`,
		`{ tickets(sort: {by: ROWID}) { total } }`,
		`{ tickets(sort: {by: TITLE, hint: "x"}) { total } }`,
	} {
		if a := w.Query(query, nil, "Accept", "application/graphql-response+json"); a.Status != 400 || len(a.Errors) == 0 {
			t.Errorf("%s: got %d %s", query, a.Status, a.Body)
		}
	}
	for _, variables := range []map[string]any{{"s": map[string]any{"by": "ROWID"}}, {"s": map[string]any{"by": "TITLE", "hint": "x"}}} {
		if a := w.Query(`query($s: TicketSort) { tickets(sort: $s) { total } }`, variables); a.Code() != "BAD_USER_INPUT" {
			t.Errorf("%v: got %s", variables, a.Body)
		}
	}
	w.ExpectNoFetches()
	a := w.Query(`{ __schema { types { name fields(includeDeprecated: true) { name } inputFields { name } enumValues { name } } directives { name } } }`, nil)
	for _, name := range []string{"_Any", "_Entity", "_service", "join__", "link__", "rowid", "ROWID", "hint", "Secret", "inaccessible", "authenticated", "requiresScopes"} {
		if strings.Contains(a.Body, name) {
			t.Errorf("introspection shows %s", name)
		}
	}
}

// testdata/introspection.graphql is the introspection query of GraphiQL and code generators with all options.
func TestIntrospectionOfTools(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	a := w.Query(string(read(t, "testdata/introspection.graphql")), nil)
	if len(a.Errors) > 0 {
		t.Fatalf("got %.500s", a.Body)
	}
	for _, want := range []string{
		`"deprecationReason":"Everything is USD."`, `"specifiedByURL":"https://www.iso.org/iso-4217-currency-codes.html"`,
		`"description":"The signed-in user, null when signed out."`, `"defaultValue":"{by:TITLE}"`, `"name":"oneOf"`, `"isOneOf":false`,
		`"subscriptionType":{`, `"name":"Subscription"`,
	} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("lacks %s", want)
		}
	}
	w.ExpectNoFetches()
}
