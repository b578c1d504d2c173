package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// measureOrders lets buyers order as fast as they can, while tickets locks, orders confirms and
// expiration notes the deadlines, and lets pgbench run the same statements on the same cluster.
func measureOrders(ctx context.Context, b *bench) error {
	warm, n, slow := b.scaled(1_000), b.scaled(10_000), b.scaled(2_000)
	tickets, err := b.available(ctx, warm+n+slow)
	if err != nil {
		return err
	}
	raw, err := b.pgbench(ctx, n)
	if err != nil {
		return err
	}
	progress("pgbench: %.0f/s", raw.rate())
	ops, err := b.reservations(tickets)
	if err != nil {
		return err
	}
	order := func(ops []operation) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			_, err := b.send(ctx, ops[i], `"errors":[]`)
			return err
		}
	}
	if _, err := closedLoop(ctx, connections, warm, order(ops[:warm])); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	if _, err := b.settle(ctx); err != nil {
		return err
	}
	before := cpu()
	l, err := closedLoop(ctx, connections, n, order(ops[warm:warm+n]))
	if err != nil {
		return err
	}
	waiting, err := b.waiting(ctx)
	if err != nil {
		return err
	}
	drain, err := b.settle(ctx)
	if err != nil {
		return err
	}
	used := cpu().sub(before)
	took := l.end.Sub(l.begin) + drain
	progress("createOrder: %.0f/s", l.rate())
	confirmed, err := b.confirmed(ctx, l)
	if err != nil {
		return err
	}
	b.report.table("createOrder, 16 connections", "per second", "p50 / p99", "aim")
	b.report.row("pgbench, the same statements", fmt.Sprintf("%.0f", raw.rate()), raw.String(), "")
	b.report.row("through the router, all consumers running", fmt.Sprintf("%.0f", l.rate()), l.String(), "")
	b.report.row("and until the last consumer had caught up", fmt.Sprintf("%.0f", float64(n)/took.Seconds()), "", fmt.Sprintf("≥ %.0f (1/20)", raw.rate()/20))
	b.report.row("pgbench : the line above", fmt.Sprintf("%.1f : 1", raw.rate()*took.Seconds()/float64(n)), "", "≤ 20 : 1")
	b.report.row("waiting when the last order was answered", waiting, "", "")
	b.report.row("time to catch up", fmt.Sprintf("%.2f s", drain.Seconds()), "", "")
	b.report.row("from the order to its ticket's confirmed lock (two events)", "", confirmed.String(), "")

	// The same as users come: at a constant rate, the one that is aimed at.
	steady, err := openLoop(ctx, raw.rate()/20, len(ops)-warm-n, order(ops[warm+n:]))
	if err != nil {
		return err
	}
	waiting, err = b.waiting(ctx)
	if err != nil {
		return err
	}
	if drain, err = b.settle(ctx); err != nil {
		return err
	}
	if confirmed, err = b.confirmed(ctx, steady); err != nil {
		return err
	}
	b.report.table("createOrder at a constant rate, 1/20 of pgbench's", "per second", "p50 / p99")
	b.report.row("through the router, all consumers running", steady.outcome(), steady.String())
	b.report.row("from the order to its ticket's confirmed lock (two events)", "", confirmed.String())
	b.report.row("waiting when the last order was answered", waiting, "")
	b.report.row("time to catch up", fmt.Sprintf("%.2f s", drain.Seconds()), "")

	b.report.table("processor time of one createOrder and all that follows from it", "µs", "share")
	for _, name := range slices.SortedFunc(maps.Keys(used), func(x, y string) int { return int(used[y] - used[x]) }) {
		if share := float64(used[name]) / float64(used.total()); share >= 0.005 {
			b.report.row(name, fmt.Sprint(used[name].Microseconds()/int64(n)), fmt.Sprintf("%.0f %%", 100*share))
		}
	}
	b.report.row("together", fmt.Sprint(used.total().Microseconds()/int64(n)), fmt.Sprintf("%.1f cores busy", used.total().Seconds()/took.Seconds()))
	return nil
}

// confirmed returns how long after each order of a load it was known that tickets holds its ticket.
func (b *bench) confirmed(ctx context.Context, l load) (latencies, error) {
	return column[time.Duration](ctx, b.orders, `
		SELECT pg_xact_commit_timestamp(confirmed.xmin) - pg_xact_commit_timestamp(made.xmin)
		FROM order_events made JOIN order_events confirmed USING (order_id)
		WHERE made.version = 1 AND confirmed.version = 2 AND pg_xact_commit_timestamp(made.xmin) BETWEEN $1 AND $2
		ORDER BY 1`, l.begin, l.end)
}
