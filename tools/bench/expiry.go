package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
)

// farAway marks deadlines that are only there to be many.
const farAway = "far away"

// pend stores 100,000 deadlines of tomorrow, unless they are there. So many do not come at once on
// any other day, so Postgres is told of them instead of finding out within a minute.
func (b *bench) pend(ctx context.Context) (int, error) {
	const pending = 100_000
	_, err := b.deadline.Exec(ctx, `
		INSERT INTO deadlines (order_id, due_at, request_id, cause_id, trace_parent)
		SELECT 'ord_' || lpad(n::text, 26, '0'), now() + '1 day' + n * interval '1 ms', $2, gen_random_uuid()::text, ''
		FROM generate_series(1, $1::int) n ON CONFLICT DO NOTHING`, pending, farAway)
	if err != nil {
		return 0, fmt.Errorf("store deadlines: %w", err)
	}
	if _, err := b.deadline.Exec(ctx, `ANALYZE deadlines`); err != nil {
		return 0, fmt.Errorf("analyze deadlines: %w", err)
	}
	return pending, nil
}

// measureExpiry orders at a constant rate for a short hold, and compares when each order was
// cancelled with when it should have been. Orders are made while others expire, as on any day.
func measureExpiry(ctx context.Context, b *bench) error {
	pending, err := b.pend(ctx)
	if err != nil {
		return err
	}
	b.report.table(fmt.Sprintf("expiry, %d other deadlines pending", pending),
		"expiration tells that the deadline has passed, after p50 / p99", "orders has cancelled, after p50 / p99", "aim")
	if err := b.restartOrders(ctx, 3*time.Second); err != nil {
		return err
	}
	for _, rate := range []int{20, 100} {
		told, lag, err := b.expire(ctx, rate, b.scaled(max(500, 10*rate)))
		if err != nil {
			return err
		}
		progress("expiry at %d/s: %s", rate, lag)
		b.report.row(fmt.Sprintf("%d orders made and %d expired a second", rate, rate), told.String(), lag.String(), "p99 < 50 ms")
	}
	return b.restartOrders(ctx, hold)
}

// expire makes n orders at the rate and waits until all have expired. It returns how long after
// each deadline expiration told of it, and orders had cancelled the order.
func (b *bench) expire(ctx context.Context, rate, n int) (told, lag latencies, err error) {
	tickets, err := b.available(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	ops, err := b.reservations(tickets)
	if err != nil {
		return nil, nil, err
	}
	heard, stop, err := b.hearDeadlines(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer stop()
	l, err := openLoop(ctx, float64(rate), len(ops), func(ctx context.Context, i int) error {
		_, err := b.send(ctx, ops[i], `"errors":[]`)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	err = b.until(ctx, func() (bool, error) {
		var left int
		err := b.orders.QueryRow(ctx, `SELECT count(*) FROM orders WHERE created_at >= $1 AND status <> 'cancelled'`, l.begin).Scan(&left)
		return left == 0, err
	})
	if err != nil {
		return nil, nil, err
	}
	lag, err = column[time.Duration](ctx, b.orders, `
		SELECT pg_xact_commit_timestamp(order_events.xmin) - expires_at FROM orders JOIN order_events ON order_id = orders.id
		WHERE created_at >= $1 AND to_status = 'cancelled' ORDER BY 1`, l.begin)
	return heard.take(), lag, err
}

// restartOrders makes reservations last another time.
func (b *bench) restartOrders(ctx context.Context, hold time.Duration) error {
	if err := b.Service("orders").Stop(); err != nil {
		return err
	}
	return b.Service("orders").Start(ctx, "HOLD="+hold.String())
}

// hearDeadlines samples how long after each deadline expiration writes its event, until stop.
func (b *bench) hearDeadlines(ctx context.Context) (s *sampler, stop func(), err error) {
	conn, err := amqp.Dial(b.BrokerURL)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	channel, err := conn.Channel()
	if err != nil {
		return nil, nil, fmt.Errorf("open channel: %w", err)
	}
	queue, err := channel.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("declare queue: %w", err)
	}
	if err := channel.QueueBind(queue.Name, string(events.OrderExpired), broker.Exchange(events.Expiration), false, nil); err != nil {
		return nil, nil, fmt.Errorf("bind queue: %w", err)
	}
	deliveries, err := channel.ConsumeWithContext(ctx, queue.Name, "", true, true, false, false, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("consume: %w", err)
	}
	s = &sampler{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for d := range deliveries {
			var e events.OrderDeadline
			header, _ := d.Headers["time"].(string)
			at, err := time.Parse(time.RFC3339Nano, header)
			if err == nil && json.Unmarshal(d.Body, &e) == nil {
				s.add(at.Sub(e.Deadline))
			}
		}
	}()
	return s, func() { conn.Close(); <-done }, nil //nolint:errcheck // only listened
}

// measureDue lets 10,000 orders come due in one instant and looks when the last of them was
// cancelled and the last ticket was for sale again.
func measureDue(ctx context.Context, b *bench) error {
	n := b.scaled(10_000)
	pending, err := b.pend(ctx)
	if err != nil {
		return err
	}
	if err := b.haveLive(ctx, n); err != nil {
		return err
	}
	tickets, err := column[string](ctx, b.orders, `SELECT ticket_id FROM orders WHERE status = 'awaiting_payment' ORDER BY id LIMIT $1`, n)
	if err != nil {
		return err
	}
	const soon = 3 * time.Second
	due := time.Now().UTC().Add(soon).Truncate(time.Millisecond)
	orders, err := column[string](ctx, b.orders, `
		UPDATE orders SET expires_at = $2 WHERE ticket_id = ANY($1) AND status = 'awaiting_payment' RETURNING id`, tickets, due)
	if err != nil {
		return err
	}
	if _, err := b.deadline.Exec(ctx, `UPDATE deadlines SET due_at = $2 WHERE order_id = ANY($1)`, orders, due); err != nil {
		return fmt.Errorf("move deadlines: %w", err)
	}
	if time.Now().After(due) {
		return fmt.Errorf("moving %d deadlines took longer than %s", n, soon)
	}
	const reserved = `SELECT count(*) FROM tickets WHERE availability = 'reserved'`
	var held, left int
	if err := b.tickets.QueryRow(ctx, reserved).Scan(&held); err != nil {
		return fmt.Errorf("count reserved tickets: %w", err)
	}
	before := cpu()
	err = b.until(ctx, func() (bool, error) {
		err := b.tickets.QueryRow(ctx, reserved).Scan(&left)
		return left == held-len(orders), err
	})
	if err != nil {
		return fmt.Errorf("%d of %d tickets not released: %w", left-held+len(orders), len(orders), err)
	}
	used := cpu().sub(before)
	var cancelled, released time.Time
	err = b.orders.QueryRow(ctx, `SELECT max(pg_xact_commit_timestamp(xmin)) FROM order_events WHERE to_status = 'cancelled' AND order_id = ANY($1)`, orders).Scan(&cancelled)
	if err == nil {
		err = b.tickets.QueryRow(ctx, `SELECT max(pg_xact_commit_timestamp(xmin)) FROM tickets WHERE id = ANY($1)`, tickets).Scan(&released)
	}
	if err != nil {
		return fmt.Errorf("read commit timestamps: %w", err)
	}
	progress("%d due at once: cancelled in %.2f s, released in %.2f s", n, cancelled.Sub(due).Seconds(), released.Sub(due).Seconds())
	b.report.table(fmt.Sprintf("%d orders due at once, %d other deadlines pending", n, pending), "after the deadline", "per second")
	for _, r := range []struct {
		what string
		at   time.Time
	}{{"the last order is cancelled", cancelled}, {"the last ticket is for sale again", released}} {
		took := r.at.Sub(due).Seconds()
		b.report.row(r.what, fmt.Sprintf("%.2f s", took), fmt.Sprintf("%.0f", float64(n)/took))
	}
	b.report.row("processor time of each, everybody's", fmt.Sprintf("%d µs", used.total().Microseconds()/int64(n)), "")
	return nil
}

// haveLive orders until there are n live orders.
func (b *bench) haveLive(ctx context.Context, n int) error {
	var have int
	if err := b.orders.QueryRow(ctx, `SELECT count(*) FROM orders WHERE status = 'awaiting_payment'`).Scan(&have); err != nil {
		return fmt.Errorf("count orders: %w", err)
	}
	if have >= n {
		return nil
	}
	tickets, err := b.available(ctx, n-have)
	if err != nil {
		return err
	}
	ops, err := b.reservations(tickets)
	if err != nil {
		return err
	}
	if _, err := closedLoop(ctx, makers, len(ops), func(ctx context.Context, i int) error {
		_, err := b.send(ctx, ops[i], `"errors":[]`)
		return err
	}); err != nil {
		return err
	}
	_, err = b.settle(ctx)
	return err
}

// until waits until what happens in the services has happened. It looks rarely, because looking
// takes time from them: when it happened is read from commit timestamps afterwards.
func (b *bench) until(ctx context.Context, happened func() (bool, error)) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := happened()
		if ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
