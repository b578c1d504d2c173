package main

import (
	"context"
	"fmt"
	"time"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/consistency"
)

// activity is the work that is outstanding.
type activity struct {
	unpublished, queued int // events
	unpaid, deadlines   int // orders that will end, and their deadlines
	paying              int // payments and refunds in progress
	different           int // differences between services
	progress            int // grows with every change
}

func (a activity) none() bool {
	a.progress = 0
	return a == activity{}
}

const (
	maxSettle = 3 * time.Minute  // after the last fault
	lease     = 45 * time.Second // is longer than a payment rests after the process at work on it has died
)

// settle waits until the system is at rest: no work is outstanding, or nothing has changed for as long as the patience
// lasts, or maxSettle is over. The invariants find out which it was.
func (t *trial) settle(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last activity
	begin, changed := time.Now(), time.Now()
	for {
		a, err := t.activity(ctx)
		if err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		switch {
		case time.Since(begin) > maxSettle:
			t.say("still active after %s: %+v", maxSettle, a)
			return nil
		case a != last:
			last, changed = a, time.Now()
		case a.none(): // twice
			return nil
		case time.Since(changed) > t.patience && (a.paying == 0 || time.Since(changed) > lease):
			t.say("no change for %.0f s: %+v", time.Since(changed).Seconds(), a)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("settle: %w: %+v", ctx.Err(), a)
		case <-tick.C:
		}
	}
}

func (t *trial) activity(ctx context.Context) (a activity, err error) {
	databases := t.databases()
	outboxes, err := databases.Backlogs(ctx)
	if err != nil {
		return a, err
	}
	for _, b := range outboxes {
		a.unpublished += b.Waiting
	}
	queues, err := broker.Depth(t.BrokerURL, events.Catalogue())
	if err != nil {
		return a, err
	}
	for _, queue := range broker.Queues(events.Catalogue()) { // without dead-letter queues
		a.queued += queues[queue]
	}
	tapped, err := t.tap.depth()
	if err != nil {
		return a, err
	}
	a.queued += tapped
	compared, err := databases.Compare(ctx, 1000)
	if err != nil {
		return a, err
	}
	for _, c := range compared {
		a.different += len(c.Differences)
	}
	a.progress = len(t.tap.all())
	type counts struct{ Open, Versions int }
	for _, q := range []struct {
		open           *int
		service, query string
	}{
		{&a.unpaid, events.Orders, `
			SELECT count(*) FILTER (WHERE status IN ('created', 'awaiting_payment')), coalesce(sum(version), 0) FROM orders`},
		{&a.paying, events.Payments, `
			SELECT count(*) FILTER (WHERE due_at IS NOT NULL OR status IN ('processing', 'requires_action', 'authorized'))
				+ (SELECT count(*) FROM refunds WHERE status = 'pending'), coalesce(sum(version), 0) FROM payments`},
		{&a.deadlines, events.Expiration, `SELECT count(*), 0 FROM deadlines`},
	} {
		found, err := consistency.Rows[counts](ctx, databases, q.service, q.query)
		if err != nil {
			return a, err
		}
		*q.open = found[0].Open
		a.progress += found[0].Versions
	}
	return a, nil
}
