package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// measureReplica updates every ticket once at a constant rate and compares when tickets and
// orders committed the same version of it. It asks the subgraph itself: the way from commit to
// replica is what counts, and the router would only take processor time from it.
func measureReplica(ctx context.Context, b *bench) error {
	b.report.table("updateTicket", "commit in tickets to commit in orders' replica, p50 / p99", "answer, p50 / p99", "processor time each, everybody's", "aim")
	for _, rate := range []int{100, 500} {
		warm, n := rate, b.scaled(10*rate)
		tickets, err := b.available(ctx, warm+n)
		if err != nil {
			return err
		}
		update := func(tickets []string) (load, error) {
			ops := make([]operation, len(tickets))
			for i, ticket := range tickets {
				ops[i] = b.direct("tickets", b.operation(b.seller,
					`mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { id version } errors { __typename } } }`,
					map[string]any{"input": map[string]any{"ticketId": ticket, "price": map[string]any{"minorUnits": 10_000 + i, "currency": "USD"}}}))
			}
			return openLoop(ctx, float64(rate), len(ops), func(ctx context.Context, i int) error {
				_, err := b.send(ctx, ops[i], `"errors":[]`)
				return err
			})
		}
		if _, err := update(tickets[:warm]); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
		before := cpu()
		l, err := update(tickets[warm:])
		if err != nil {
			return err
		}
		if _, err := b.settle(ctx); err != nil {
			return err
		}
		used := cpu().sub(before).total()
		lag, err := b.replicaLag(ctx, tickets[warm:], l.begin)
		if err != nil {
			return err
		}
		progress("replica at %d/s: %s", rate, lag)
		aim := ""
		if rate == 500 {
			aim = "p99 < 50 ms"
		}
		b.report.row(fmt.Sprintf("%d/s (answered: %s/s)", rate, l.outcome()), lag.String(), l.String(),
			fmt.Sprintf("%d µs", used.Microseconds()/int64(n)), aim)
	}
	return nil
}

// replicaLag returns, for each ticket that changed since, how much later orders committed its
// present version.
func (b *bench) replicaLag(ctx context.Context, tickets []string, since time.Time) (latencies, error) {
	source, err := commits(ctx, b.tickets, tickets)
	if err != nil {
		return nil, err
	}
	replica, err := commits(ctx, b.orders, tickets)
	if err != nil {
		return nil, err
	}
	var lag latencies
	for version, at := range source {
		if at.Before(since) {
			continue // the update failed
		}
		then, ok := replica[version]
		if !ok {
			return nil, fmt.Errorf("the replica has not got version %d of %s", version.number, version.ticket)
		}
		lag = append(lag, then.Sub(at))
	}
	return lag, nil
}

type version struct {
	ticket string
	number int
}

// commits returns when the present version of each ticket was committed.
func commits(ctx context.Context, pool *pgxpool.Pool, tickets []string) (map[version]time.Time, error) {
	rows, err := pool.Query(ctx, `SELECT id, version, pg_xact_commit_timestamp(xmin) FROM tickets WHERE id = ANY($1) ORDER BY id`, tickets)
	if err != nil {
		return nil, fmt.Errorf("read commit timestamps: %w", err)
	}
	at := map[version]time.Time{}
	var v version
	var t time.Time
	if _, err := pgx.ForEachRow(rows, []any{&v.ticket, &v.number, &t}, func() error { at[v] = t; return nil }); err != nil {
		return nil, fmt.Errorf("read commit timestamps: %w", err)
	}
	return at, nil
}
