package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/consistency"
)

// pulse is what still moves, or should.
type pulse struct {
	unpublished, queued int // events
	unpaid, deadlines   int // orders that will end, and what will end them
	paying              int // payments and refunds under way
	different           int // things that two services know differently
	progress            int // grows with every change
}

func (p pulse) still() bool {
	p.progress = 0
	return p == pulse{}
}

func (p pulse) String() string {
	return fmt.Sprintf("%d events unpublished, %d queued, %d orders unpaid, %d deadlines, %d payments or refunds under way, %d differences",
		p.unpublished, p.queued, p.unpaid, p.deadlines, p.paying, p.different)
}

// restless is for how long things may still move after everything was mended.
const restless = 3 * time.Minute

// settle waits until nothing moves any more: at best because all is done, else because nothing
// has changed for as long as the patience lasts. What moves for too long is not waited for. The
// verdicts tell which it was.
func (t *trial) settle(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last pulse
	begin, since := time.Now(), time.Now()
	for {
		p, err := t.pulse(ctx)
		if err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		switch {
		case time.Since(begin) > restless:
			t.say("still moving after %s: %s", restless, p)
			return nil
		case p != last:
			last, since = p, time.Now()
		case p.still(): // twice the same
			return nil
		case time.Since(since) > t.patience && (p.paying == 0 || time.Since(since) > aLease):
			t.say("nothing has moved for %.0f s: %s", time.Since(since).Seconds(), p)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("settle: %w; %s", ctx.Err(), p)
		case <-tick.C:
		}
	}
}

// aLease is longer than a payment rests when the process has died that was at work on it.
const aLease = 45 * time.Second

func (t *trial) pulse(ctx context.Context) (pulse, error) {
	var p pulse
	databases := t.databases()
	outboxes, err := databases.Backlogs(ctx)
	if err != nil {
		return p, err
	}
	for _, w := range outboxes {
		p.unpublished += w.Waiting
	}
	queues, err := broker.Depth(t.BrokerURL, events.Catalogue())
	if err != nil {
		return p, err
	}
	for _, queue := range broker.Queues(events.Catalogue()) { // dead-letter queues do not move
		p.queued += queues[queue]
	}
	waiting, err := t.tap.depth()
	if err != nil {
		return p, err
	}
	p.queued += waiting
	compared, err := databases.Compare(ctx, 1000)
	if err != nil {
		return p, err
	}
	for _, c := range compared {
		p.different += len(c.Differences)
	}
	p.progress = len(t.tap.all())
	return p, t.counts(ctx, databases, &p)
}

func (t *trial) counts(ctx context.Context, databases consistency.Databases, p *pulse) error {
	err := databases.Read(ctx, events.Orders, func(conn *pgx.Conn) error {
		var changes int
		err := conn.QueryRow(ctx, `
			SELECT count(*) FILTER (WHERE status IN ('created', 'awaiting_payment')), coalesce(sum(version), 0) FROM orders`).Scan(&p.unpaid, &changes)
		p.progress += changes
		return err
	})
	if err != nil {
		return err
	}
	err = databases.Read(ctx, events.Payments, func(conn *pgx.Conn) error {
		var changes int
		err := conn.QueryRow(ctx, `
			SELECT (SELECT count(*) FROM payments WHERE due_at IS NOT NULL OR status IN ('processing', 'requires_action', 'authorized'))
				+ (SELECT count(*) FROM refunds WHERE status = 'pending'),
				(SELECT coalesce(sum(version), 0) FROM payments)`).Scan(&p.paying, &changes)
		p.progress += changes
		return err
	})
	if err != nil {
		return err
	}
	return databases.Read(ctx, events.Expiration, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT count(*) FROM deadlines`).Scan(&p.deadlines)
	})
}
