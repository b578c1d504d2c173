package main

import (
	"context"
	"fmt"
)

const listTickets = `query { tickets(first: 20) { nodes { id title version availability price { minorUnits currency decimal } createdAt }
	pageInfo { hasNextPage endCursor } } }`

// measureRouter asks for the same list through the router and from the subgraph itself, in turns.
func measureRouter(ctx context.Context, b *bench) error {
	const clients, turns = 32, 3
	n := b.scaled(5_000)
	if _, err := b.available(ctx, 1_000); err != nil {
		return err
	}
	routed := b.operation(b.seller, listTickets, nil)
	direct := b.direct("tickets", routed)
	ask := func(op operation, n int) (load, usage, error) {
		before := cpu()
		l, err := closedLoop(ctx, clients, n, func(ctx context.Context, _ int) error {
			_, err := b.send(ctx, op, `"nodes":[{"id"`)
			return err
		})
		return l, cpu().sub(before), err
	}
	type side struct {
		latencies
		seconds float64
		used    usage
	}
	sides := map[string]*side{"router": {used: usage{}}, "direct": {used: usage{}}}
	for turn := range turns + 1 { // the first turn warms up
		for name, op := range map[string]operation{"router": routed, "direct": direct} {
			l, used, err := ask(op, n)
			if err != nil {
				return err
			}
			if turn == 0 {
				continue
			}
			s := sides[name]
			s.latencies = append(s.latencies, l.latencies...)
			s.seconds += l.end.Sub(l.begin).Seconds()
			for part, t := range used {
				s.used[part] += t
			}
		}
	}
	rate := func(s *side) float64 { return float64(len(s.latencies)) / s.seconds }
	each := func(s *side, part string) string {
		return fmt.Sprintf("%d µs", s.used[part].Microseconds()/int64(len(s.latencies)))
	}
	b.report.table(fmt.Sprintf("first 20 tickets, %d connections", clients), "per second", "p50 / p99", "processor time of router", "of tickets", "of Postgres for it", "of load generator")
	for _, name := range []string{"direct", "router"} {
		s := sides[name]
		progress("list, %s: %.0f/s", name, rate(s))
		b.report.row(map[string]string{"direct": "subgraph itself", "router": "through the router"}[name],
			fmt.Sprintf("%.0f", rate(s)), s.String(), each(s, "router"), each(s, "tickets"), each(s, "Postgres for tickets"), each(s, "load generator"))
	}
	b.report.row("ratio", fmt.Sprintf("%.2f", rate(sides["router"])/rate(sides["direct"])), "", "", "", "", "")
	return nil
}
