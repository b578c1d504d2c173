package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"boxoffice.dev/tools/internal/graphql"
)

const demoPassword = "correct horse battery"

type person struct {
	role, email, name string
	tickets           []ticket
}

type ticket struct {
	title      string
	minorUnits int
	currency   string
}

var people = []person{
	{role: "seller", email: "ada@example.com", name: "Ada", tickets: []ticket{
		{"Hamilton – Victoria Palace Theatre – Stalls row F", 14_500, "GBP"},
		{"Les Misérables – Sondheim Theatre – Royal Circle", 9_750, "GBP"},
		{"The Phantom of the Opera – His Majesty's Theatre – Dress Circle", 11_000, "GBP"},
		{"Wicked – Apollo Victoria – Stalls row M", 8_900, "GBP"},
		{"Swan Lake – Royal Opera House – Amphitheatre", 6_400, "GBP"},
		{"La Traviata – Royal Opera House – Balcony", 12_800, "GBP"},
		{"The Magic Flute – Wiener Staatsoper – Parterre links", 18_900, "EUR"},
		{"Tosca – Teatro alla Scala – Galleria", 15_500, "EUR"},
		{"Berliner Philharmoniker – Mahler 5 – Block B", 9_200, "EUR"},
		{"Gewandhausorchester Leipzig – Bruckner 7", 5_900, "EUR"},
		{"Kabuki: Kanadehon Chushingura – Kabukiza, Tokyo – 2nd floor", 14_000, "JPY"},
		{"NHK Symphony – Suntory Hall – A seat", 8_000, "JPY"},
		{"The Nutcracker – Lincoln Center – Orchestra", 19_999, "USD"},
		{"New York Philharmonic – Dvořák 9 – Second tier", 7_500, "USD"},
		{"Hadestown – Walter Kerr Theatre – Mezzanine", 16_900, "USD"},
	}},
	{role: "seller", email: "grace@example.com", name: "Grace", tickets: []ticket{
		{"Radiohead – Madison Square Garden – Section 112", 24_500, "USD"},
		{"Taylor Swift – MetLife Stadium – Lower bowl", 49_900, "USD"},
		{"Billie Eilish – Red Rocks – General admission", 17_900, "USD"},
		{"Kendrick Lamar – United Center – Floor", 32_000, "USD"},
		{"Herbie Hancock Quartet – Blue Note – 8 pm set", 6_500, "USD"},
		{"Newport Jazz Festival – 3-day pass", 28_500, "USD"},
		{"Yankees v Red Sox – Yankee Stadium – Section 204", 8_450, "USD"},
		{"Lakers v Celtics – Crypto.com Arena – Section 318", 21_000, "USD"},
		{"US Open Tennis – Night session – Promenade", 15_000, "USD"},
		{"Coldplay – Wembley Stadium – Standing", 9_500, "GBP"},
		{"Glastonbury Festival – Weekend ticket", 37_850, "GBP"},
		{"Arsenal v Tottenham – Emirates – Clock End", 9_800, "GBP"},
		{"Wimbledon – Centre Court – Ladies' final", 29_000, "GBP"},
		{"Tomorrowland – Full madness pass", 36_500, "EUR"},
		{"Roland Garros – Court Philippe-Chatrier – Cat. 2", 18_000, "EUR"},
		{"Rammstein – Olympiastadion Berlin – Stehplatz", 11_950, "EUR"},
		{"Tour de France – Champs-Élysées grandstand", 12_000, "EUR"},
		{"Sumo: Grand Tournament – Ryogoku Kokugikan – Box for two", 30_000, "JPY"},
	}},
	{role: "buyer", email: "linus@example.com", name: "Linus"},
}

// seed creates the demo accounts and their tickets through the API. Idempotency keys keep it from creating any twice.
func seed(ctx context.Context, endpoint string, progress func(string, ...any)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tickets := 0
	for _, p := range people {
		client := &graphql.Client{Endpoint: endpoint, HTTP: http.DefaultClient}
		id, err := enter(ctx, client, p)
		if err != nil {
			return fmt.Errorf("sign in %s: %w", p.email, err)
		}
		for _, t := range p.tickets {
			if err := sell(ctx, client, id, t); err != nil {
				return fmt.Errorf("sell %q: %w", t.title, err)
			}
			tickets++
		}
	}
	progress("demo data: %d people, %d tickets", len(people), tickets)
	return nil
}

// enter signs the person up, or in when the account exists, and returns the user's id.
func enter(ctx context.Context, client *graphql.Client, p person) (string, error) {
	user, err := graphql.SignUp(ctx, client, graphql.Vars{"email": p.email, "password": demoPassword, "displayName": p.name})
	if err != nil {
		user, err = graphql.SignIn(ctx, client, graphql.Vars{"email": p.email, "password": demoPassword})
	}
	return user.ID, err
}

func sell(ctx context.Context, client *graphql.Client, seller string, t ticket) error {
	data, err := graphql.Query[struct {
		CreateTicket struct{ Errors []struct{ Message string } }
	}](ctx, client,
		`mutation($input: CreateTicketInput!) { createTicket(input: $input) { errors { ... on UserError { message } } } }`,
		graphql.Vars{"input": graphql.Vars{
			"title": t.title, "price": graphql.Vars{"minorUnits": t.minorUnits, "currency": t.currency},
			"idempotencyKey": "demo-" + seller + "-" + strings.Join(strings.FieldsFunc(t.title, notASCIILetter), "-"),
		}})
	if err != nil {
		return err
	}
	if errs := data.CreateTicket.Errors; len(errs) > 0 {
		return fmt.Errorf("refused: %v", errs)
	}
	return nil
}

func notASCIILetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }
