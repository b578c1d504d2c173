package gatewaytest

import (
	"fmt"
	"net/http"
	"strings"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/subgraphtest"
)

// caller returns the user of a request to a subgraph, which verifies the token itself.
func caller(r *http.Request) string {
	token, _ := identity.Bearer(r.Header.Get("Authorization"))
	c, err := Verify(r.Context(), token)
	if err != nil {
		return ""
	}
	return c.UserID
}

func user(id any) subgraphtest.Object {
	return subgraphtest.Object{"id": id, "displayName": fmt.Sprint("user ", id)}
}

func authService(sdl string) subgraphtest.Config {
	session := func(r *http.Request, name string) subgraphtest.Object {
		subgraphtest.SetCookie(r, "access=token-"+name+"; Path=/; HttpOnly; SameSite=Lax")
		subgraphtest.SetCookie(r, "refresh=refresh-"+name+"-2; Path=/; HttpOnly; SameSite=Lax")
		return subgraphtest.Object{"viewer": subgraphtest.Object{"user": user(name), "email": name + "@example.com"}}
	}
	return subgraphtest.Config{
		SDL: sdl,
		Fields: map[string]subgraphtest.Field{
			"Query.viewer": func(r *http.Request, _ map[string]any) (any, error) {
				if name := caller(r); name != "" {
					return subgraphtest.Object{"user": user(name), "email": name + "@example.com"}, nil
				}
				return nil, nil
			},
			"Query.user": func(_ *http.Request, args map[string]any) (any, error) { return user(args["id"]), nil },
			"Mutation.signIn": func(r *http.Request, args map[string]any) (any, error) {
				name, _, _ := strings.Cut(args["email"].(string), "@")
				return session(r, name), nil
			},
			"Mutation.signOut": func(r *http.Request, _ map[string]any) (any, error) {
				subgraphtest.SetCookie(r, "access=; Path=/; Max-Age=0")
				subgraphtest.SetCookie(r, "refresh=; Path=/; Max-Age=0")
				return true, nil
			},
			"Mutation.refreshSession": func(r *http.Request, _ map[string]any) (any, error) {
				c, err := r.Cookie("refresh")
				if err != nil {
					return nil, &subgraphtest.Error{Code: "UNAUTHENTICATED", Message: "no refresh token"}
				}
				name := strings.Split(c.Value, "-")[1]
				if name == "revoked" {
					subgraphtest.SetCookie(r, "refresh=; Path=/; Max-Age=0")
					return subgraphtest.Object{}, nil
				}
				return session(r, name), nil
			},
		},
		Entity: func(_ *http.Request, _ string, rep map[string]any) (any, error) { return user(rep["id"]), nil },
	}
}

func ticketList(_ *http.Request, args map[string]any) (any, error) {
	n := int64(2)
	if first, ok := args["first"]; ok && first != nil {
		n = number(first)
	}
	var nodes []subgraphtest.Object
	for i := range n {
		nodes = append(nodes, ticket(fmt.Sprint("t", i+1)))
	}
	return subgraphtest.Object{"nodes": nodes, "total": n}, nil
}

func ticket(id any) subgraphtest.Object {
	return subgraphtest.Object{
		"id": id, "title": fmt.Sprint("ticket ", id), "price": 1999, "currency": "USD", "rowid": 7, "margin": 3,
		"seller": subgraphtest.Object{"id": "sam", "tickets": subgraphtest.Field(ticketList)},
	}
}

func ticketsService(sdl string) subgraphtest.Config {
	return subgraphtest.Config{
		SDL: sdl,
		Fields: map[string]subgraphtest.Field{
			"Query.tickets": ticketList,
			"Query.ticket":  func(_ *http.Request, args map[string]any) (any, error) { return ticket(args["id"]), nil },
			"Query.ticketsById": func(_ *http.Request, args map[string]any) (any, error) {
				var all []subgraphtest.Object
				for _, id := range args["ids"].([]any) {
					all = append(all, ticket(id))
				}
				return all, nil
			},
			"Mutation.createTicket": func(r *http.Request, args map[string]any) (any, error) {
				created := ticket("new")
				created["title"], created["price"], created["seller"] = args["title"], args["price"], user(caller(r))
				return created, nil
			},
		},
		Entity: func(_ *http.Request, typename string, rep map[string]any) (any, error) {
			if typename == "User" {
				return subgraphtest.Object{"id": rep["id"], "tickets": subgraphtest.Field(ticketList)}, nil
			}
			return ticket(rep["id"]), nil
		},
	}
}

func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	panic(fmt.Sprintf("not a number: %T", v))
}

func ordersService(sdl string) subgraphtest.Config {
	var order func(id, buyer string) subgraphtest.Object
	held := func(id any) subgraphtest.Object { // a ticket with the fields of this service
		return subgraphtest.Object{"id": id, "viewerOrder": subgraphtest.Field(
			func(r *http.Request, _ map[string]any) (any, error) {
				if name := caller(r); name != "" {
					return order("order-of-"+name, name), nil
				}
				return nil, nil
			},
		)}
	}
	order = func(id, buyer string) subgraphtest.Object {
		return subgraphtest.Object{"id": id, "ticket": held("t1"), "buyer": subgraphtest.Object{"id": buyer}}
	}
	return subgraphtest.Config{
		SDL: sdl,
		Fields: map[string]subgraphtest.Field{
			"Query.orders": func(r *http.Request, _ map[string]any) (any, error) {
				name := caller(r)
				if name == "" {
					return nil, &subgraphtest.Error{Code: "UNAUTHENTICATED", Message: "Sign in first."}
				}
				return []subgraphtest.Object{order("order-of-"+name, name)}, nil
			},
			"Query.order": func(r *http.Request, args map[string]any) (any, error) {
				switch args["id"] {
				case "unknown":
					return nil, &subgraphtest.Error{Code: "NOT_FOUND", Message: "There is no such order."}
				case "broken":
					return nil, fmt.Errorf("pq: relation orders does not exist at 10.0.0.7")
				}
				return order("o1", caller(r)), nil
			},
			"Mutation.createOrder": func(r *http.Request, args map[string]any) (any, error) {
				created := order("new", caller(r))
				created["ticket"] = held(args["ticketId"])
				return created, nil
			},
			"Subscription.orderUpdated": func(r *http.Request, args map[string]any) (any, error) {
				switch args["id"] {
				case "unknown":
					return nil, &subgraphtest.Error{Code: "NOT_FOUND", Message: "There is no such order."}
				case "broken":
					return nil, fmt.Errorf("pq: relation orders does not exist at 10.0.0.7")
				}
				return order(args["id"].(string), caller(r)), nil
			},
			"Mutation.ping": func(*http.Request, map[string]any) (any, error) { return true, nil },
		},
		Entity: func(r *http.Request, typename string, rep map[string]any) (any, error) {
			if typename == "Order" {
				return order(rep["id"].(string), caller(r)), nil
			}
			found := held(rep["id"])
			if price, ok := rep["price"]; ok {
				found["total"] = number(price) + 150
			}
			return found, nil
		},
	}
}
