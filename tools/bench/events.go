package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/tools/internal/graphql"
)

const updateTicket = `mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { id version } errors { __typename } } }`

// updates returns requests to tickets that each change a ticket's price.
func (b *bench) updates(tickets []string) []operation {
	ops := make([]operation, len(tickets))
	for i, ticket := range tickets {
		ops[i] = b.direct("tickets", b.operation(b.seller, updateTicket, graphql.Vars{"ticketId": ticket, "price": price(10_000 + i)}))
	}
	return ops
}

func price(minorUnits int) graphql.Vars {
	return graphql.Vars{"minorUnits": minorUnits, "currency": "USD"}
}

// measureReplica updates every ticket once at a constant rate and compares when tickets and orders committed the same
// version of it. It sends to the subgraph, because the router would only take processor time from the consumers.
func measureReplica(ctx context.Context, b *bench) error {
	b.report.table("updateTicket", "commit in tickets to commit in orders' replica, p50 / p99", "response, p50 / p99", "aim")
	for _, rate := range []int{100, 500} {
		warm, n := rate, b.scaled(10*rate)
		tickets, err := b.available(ctx, warm+n)
		if err != nil {
			return err
		}
		ops := b.updates(tickets)
		if _, err := openLoop(ctx, float64(rate), warm, sender(ops[:warm])); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
		l, err := openLoop(ctx, float64(rate), n, sender(ops[warm:]))
		if err != nil {
			return err
		}
		if _, err := b.settle(ctx); err != nil {
			return err
		}
		lag, err := b.replicaLag(ctx, tickets[warm:], l.begin)
		if err != nil {
			return err
		}
		progress("replica at %d/s: %s", rate, lag)
		aim := ""
		if rate == 500 {
			aim = "p99 < 50 ms"
		}
		b.report.row(fmt.Sprintf("%d/s (responses: %s/s)", rate, l.outcome()), lag.String(), l.String(), aim)
	}
	return nil
}

// replicaLag returns, for each of the tickets that has changed since begin, the time from the commit of its version in
// tickets to the commit of the same version in orders.
func (b *bench) replicaLag(ctx context.Context, tickets []string, begin time.Time) (latencies, error) {
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
		if at.Before(begin) {
			continue // the update failed
		}
		replicated, ok := replica[version]
		if !ok {
			return nil, fmt.Errorf("the replica does not have version %d of %s", version.number, version.ticket)
		}
		lag = append(lag, replicated.Sub(at))
	}
	return lag, nil
}

type version struct {
	ticket string
	number int
}

// commits returns when the present version of each ticket was committed.
func commits(ctx context.Context, pool *pgxpool.Pool, tickets []string) (map[version]time.Time, error) {
	rows, err := pool.Query(ctx, `SELECT id, version, pg_xact_commit_timestamp(xmin) FROM tickets WHERE id = ANY($1)`, tickets)
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

// farAway is the request id of deadlines that only fill the table.
const farAway = "far away"

// measureExpiry creates orders with a short hold at a constant rate, while earlier ones expire, and compares when each
// was cancelled with its deadline.
func measureExpiry(ctx context.Context, b *bench) error {
	const pending, shortHold = 100_000, 3 * time.Second
	if _, err := b.deadlines.Exec(ctx, `
		INSERT INTO deadlines (order_id, due_at, request_id, cause_id, trace_parent)
		SELECT 'ord_' || lpad(n::text, 26, '0'), now() + '1 day' + n * interval '1 ms', $2, gen_random_uuid()::text, ''
		FROM generate_series(1, $1::int) n ON CONFLICT DO NOTHING`, pending, farAway); err != nil {
		return fmt.Errorf("store deadlines: %w", err)
	}
	if _, err := b.deadlines.Exec(ctx, `ANALYZE deadlines`); err != nil { // as autovacuum would within a minute
		return fmt.Errorf("analyze deadlines: %w", err)
	}
	if err := b.restartOrders(ctx, shortHold); err != nil {
		return err
	}
	b.report.table(fmt.Sprintf("expiry, %d other deadlines pending", pending), "deadline to cancellation, p50 / p99", "aim")
	for _, rate := range []int{20, 100} {
		lag, err := b.expire(ctx, rate, b.scaled(max(500, 10*rate)))
		if err != nil {
			return err
		}
		progress("expiry at %d/s: %s", rate, lag)
		b.report.row(fmt.Sprintf("%d orders created and %d expired a second", rate, rate), lag.String(), "p99 < 50 ms")
	}
	return b.restartOrders(ctx, hold)
}

// restartOrders restarts orders with another hold for new orders.
func (b *bench) restartOrders(ctx context.Context, hold time.Duration) error {
	if err := b.Service("orders").Stop(); err != nil {
		return err
	}
	return b.Service("orders").Start(ctx, "HOLD="+hold.String())
}

// expire creates n orders at the rate, waits until all have expired, and returns the time from each deadline to the
// commit of the cancellation.
func (b *bench) expire(ctx context.Context, rate, n int) (latencies, error) {
	tickets, err := b.available(ctx, n)
	if err != nil {
		return nil, err
	}
	ops, err := b.reservations(ctx, tickets)
	if err != nil {
		return nil, err
	}
	l, err := openLoop(ctx, float64(rate), len(ops), sender(ops))
	if err != nil {
		return nil, err
	}
	// It polls rarely, because polling takes time from the services.
	err = poll(ctx, 250*time.Millisecond, func() (done bool, err error) {
		const query = `SELECT NOT EXISTS (SELECT FROM orders WHERE created_at >= $1 AND status <> 'cancelled')`
		err = b.orders.QueryRow(ctx, query, l.begin).Scan(&done)
		return done, err
	})
	if err != nil {
		return nil, err
	}
	return column[time.Duration](ctx, b.orders, `
		SELECT pg_xact_commit_timestamp(order_events.xmin) - expires_at FROM orders JOIN order_events ON order_id = orders.id
		WHERE created_at >= $1 AND to_status = 'cancelled' ORDER BY 1`, l.begin)
}
