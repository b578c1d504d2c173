// Package asyncapi compares docs/asyncapi.yaml with the catalogue and the golden files of pkg/events.
package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
)

const (
	file    = "../../docs/asyncapi.yaml"
	goldens = "../../pkg/events/testdata"
)

// document is the compared part of AsyncAPI 3.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0).
type document struct {
	Channels   map[string]channel
	Operations map[string]struct {
		Action  string
		Channel ref
		Tags    []struct{ Name string }
	}
	Components struct {
		ChannelBindings map[string]struct {
			AMQP struct {
				Is       string
				Exchange struct {
					Name, Type string
					Durable    bool
				}
			}
		}
		Messages map[string]struct {
			Name    string
			Payload ref
		}
		Schemas map[string]schema
	}
}

type channel struct {
	Address  string
	Messages map[string]ref
	Bindings ref
}

// schema is the part of a JSON Schema that names fields.
type schema struct {
	Required   []string
	Properties map[string]any
}

// ref points into the document.
type ref struct {
	Ref string `json:"$ref"`
}

func (r ref) to(section string) string { return strings.TrimPrefix(r.Ref, "#/"+section+"/") }

func load(t *testing.T) (doc document, schemas *jsonschema.Compiler) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.YAMLToJSON(text); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	schemas = jsonschema.NewCompiler()
	schemas.DefaultDraft(jsonschema.Draft7) // what AsyncAPI's own dialect extends
	schemas.AssertFormat()
	if err := schemas.AddResource("asyncapi.json", raw); err != nil {
		t.Fatal(err)
	}
	return doc, schemas
}

func golden(t *testing.T, typ events.Type) map[string]any {
	t.Helper()
	f, err := os.Open(filepath.Join(goldens, string(typ)+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var data map[string]any
	if err := json.NewDecoder(f).Decode(&data); err != nil {
		t.Fatal(err)
	}
	return data
}

// The document has exactly the events of the catalogue, with their publishers and consumers.
func TestRoutes(t *testing.T) {
	t.Parallel()
	doc, _ := load(t)
	type route struct{ exchange, senders, receivers string }
	got, want := map[string]route{}, map[string]route{}
	for name, c := range doc.Channels {
		if c.Address != name || len(c.Messages) != 1 || c.Messages[name].to("components/messages") != name || doc.Components.Messages[name].Name != name {
			t.Errorf("channel %s: address %q, messages %v and their names must all be the type of the event", name, c.Address, c.Messages)
		}
		amqp := doc.Components.ChannelBindings[c.Bindings.to("components/channelBindings")].AMQP
		if amqp.Is != "routingKey" || amqp.Exchange.Type != "topic" || !amqp.Exchange.Durable {
			t.Errorf("channel %s: got binding %+v, want a routing key of a durable topic exchange", name, amqp)
		}
		got[name] = route{exchange: amqp.Exchange.Name}
	}
	services := func(name, action string) string {
		var tags []string
		for _, o := range doc.Operations {
			if o.Channel.to("channels") == name && o.Action == action {
				for _, tag := range o.Tags {
					tags = append(tags, tag.Name)
				}
			}
		}
		return sorted(tags)
	}
	for name, r := range got {
		r.senders, r.receivers = services(name, "send"), services(name, "receive")
		got[name] = r
	}
	for name, o := range doc.Operations {
		if _, ok := got[o.Channel.to("channels")]; !ok {
			t.Errorf("operation %s: unknown channel %q", name, o.Channel.Ref)
		}
	}
	all := maps.Clone(got)
	for _, r := range events.Catalogue() {
		want[string(r.Type)] = route{broker.Exchange(r.Source), sorted([]string{r.Source}), sorted(r.Consumers)}
	}
	maps.Copy(all, want)
	for name := range all {
		if got[name] != want[name] {
			t.Errorf("%s: got %+v in the document, want %+v of the catalogue", name, got[name], want[name])
		}
	}
}

func sorted(list []string) string { return fmt.Sprint(slices.Sorted(slices.Values(list))) }

// The golden files satisfy the schemas of the document.
func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	doc, schemas := load(t)
	for _, r := range events.Catalogue() {
		s, err := schemas.Compile("asyncapi.json" + doc.Components.Messages[string(r.Type)].Payload.Ref)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(string(r.Type), func(t *testing.T) {
			t.Parallel()
			if err := s.Validate(golden(t, r.Type)); err != nil {
				t.Error(err)
			}
		})
	}
}

// The refusal of an unknown ticket has no golden file, because it lacks fields that the others have.
func TestRefusalOfUnknownTicket(t *testing.T) {
	t.Parallel()
	_, schemas := load(t)
	s, err := schemas.Compile("asyncapi.json#/components/schemas/ReservationRefused")
	if err != nil {
		t.Fatal(err)
	}
	e := events.New(events.TicketReservationRefused, events.ReservationRefused{
		OrderID: "ord_01h455vb4pex5vsknk084sn02q", Reason: "unknown", Ticket: events.Ticket{ID: "tkt_01h455vb4pex5vsknk084sn02q"},
	})
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(data); err != nil {
		t.Error(err)
	}
}

// The document has exactly the fields of the Go structs, and requires those that are always present. Together, the
// golden files have all of them.
func TestFields(t *testing.T) {
	t.Parallel()
	doc, _ := load(t)
	seen, always := map[string][]string{}, map[string][]string{} // fields in any, and in every, use of a schema
	var collect func(name string, object map[string]any)
	collect = func(name string, object map[string]any) {
		fields := slices.Collect(maps.Keys(object))
		if before, ok := always[name]; ok {
			fields = slices.DeleteFunc(before, func(f string) bool { return !slices.Contains(fields, f) })
		}
		always[name] = fields
		for field, value := range object {
			if !slices.Contains(seen[name], field) {
				seen[name] = append(seen[name], field)
			}
			if nested, ok := value.(map[string]any); ok {
				collect(nestedSchema(t, doc, name, field), nested)
			}
		}
	}
	for _, r := range events.Catalogue() {
		collect(doc.Components.Messages[string(r.Type)].Payload.to("components/schemas"), golden(t, r.Type))
	}
	for name := range seen {
		s := doc.Components.Schemas[name]
		if got, want := sorted(slices.Collect(maps.Keys(s.Properties))), sorted(seen[name]); got != want {
			t.Errorf("%s: the document has the fields\n%s, the golden files have\n%s", name, got, want)
		}
		if got, want := sorted(s.Required), sorted(always[name]); got != want {
			t.Errorf("%s: the document requires\n%s, the golden files always have\n%s", name, got, want)
		}
	}
}

// nestedSchema returns the name of the schema of an object in a field: the one that the field refers to, or its first
// alternative.
func nestedSchema(t *testing.T, doc document, name, field string) string {
	t.Helper()
	var property struct {
		ref
		AnyOf []ref
	}
	text, err := json.Marshal(doc.Components.Schemas[name].Properties[field])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &property); err != nil {
		t.Fatal(err)
	}
	for _, r := range append([]ref{property.ref}, property.AnyOf...) {
		if r.Ref != "" {
			return r.to("components/schemas")
		}
	}
	t.Fatalf("%s.%s is an object and refers to no schema", name, field)
	return ""
}
