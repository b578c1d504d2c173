package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const payOrder = `mutation($input: PayOrderInput!) { payOrder(input: $input) {
	payment { id status } order { id status } errors { __typename } } }`

// measurePay lets buyers pay for their orders: at a constant rate, and as fast as they can. An
// answer comes when the order is complete, which takes two calls of the card processor (the
// simulator) and four events.
func measurePay(ctx context.Context, b *bench) error {
	warm, steady, fast := b.scaled(100), b.scaled(600), b.scaled(1_500)
	ops, err := b.payments(ctx, warm+steady+fast)
	if err != nil {
		return err
	}
	pay := func(ops []operation) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			_, err := b.send(ctx, ops[i], `"status":"COMPLETE"`)
			return err
		}
	}
	if _, err := closedLoop(ctx, connections, warm, pay(ops[:warm])); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	calm, err := openLoop(ctx, 20, steady, pay(ops[warm:warm+steady]))
	if err != nil {
		return err
	}
	before := cpu()
	l, err := closedLoop(ctx, connections, fast, pay(ops[warm+steady:]))
	if err != nil {
		return err
	}
	used := cpu().sub(before)
	b.report.table("payOrder, until the order is complete", "per second", "p50 / p99", "aim")
	b.report.row("at 20 a second", calm.outcome(), calm.String(), "within 1 s")
	b.report.row("16 connections", fmt.Sprintf("%.0f", l.rate()), l.String(), "")

	b.report.table("processor time of one payOrder and all that follows from it", "µs", "share")
	for _, name := range slices.SortedFunc(maps.Keys(used), func(x, y string) int { return int(used[y] - used[x]) }) {
		if share := float64(used[name]) / float64(used.total()); share >= 0.005 {
			b.report.row(name, fmt.Sprint(used[name].Microseconds()/int64(fast)), fmt.Sprintf("%.0f %%", 100*share))
		}
	}
	b.report.row("together", fmt.Sprint(used.total().Microseconds()/int64(fast)), fmt.Sprintf("%.1f cores busy", used.total().Seconds()/l.end.Sub(l.begin).Seconds()))
	return nil
}

// payments returns operations that each pay for an order, which is made and confirmed.
func (b *bench) payments(ctx context.Context, n int) ([]operation, error) {
	tickets, err := b.available(ctx, n)
	if err != nil {
		return nil, err
	}
	reservations, err := b.reservations(tickets)
	if err != nil {
		return nil, err
	}
	ops := make([]operation, n)
	_, err = closedLoop(ctx, makers, n, func(ctx context.Context, i int) error {
		answer, err := b.send(ctx, reservations[i], `"errors":[]`)
		if err != nil {
			return err
		}
		var got struct {
			Data struct {
				CreateOrder struct{ Order struct{ ID string } }
			}
		}
		if err := json.Unmarshal(answer, &got); err != nil {
			return fmt.Errorf("read %s: %w", answer, err)
		}
		orderID := got.Data.CreateOrder.Order.ID
		ops[i] = b.operation(strings.TrimPrefix(reservations[i].header.Get("Authorization"), "Bearer "), payOrder, map[string]any{"input": map[string]any{
			"orderId": orderID, "paymentMethodToken": "pm_card_visa", "idempotencyKey": orderID,
		}})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make orders: %w", err)
	}
	_, err = b.settle(ctx)
	return ops, err
}
