package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/tools/internal/consistency"
	"boxoffice.dev/tools/internal/stack"
)

// system is a running system that the command inspects.
type system struct {
	*stack.Stack
	dir string
}

const stripesim = "stripesim" // the card processor

// start starts the services that the command inspects, with a private Postgres and RabbitMQ.
func start(t *testing.T) system {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := stack.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	specs := slices.DeleteFunc(stack.Specs(), func(s stack.Spec) bool {
		return !slices.Contains([]string{events.Tickets, events.Orders, events.Payments, events.Expiration, stripesim}, s.Name)
	})
	s, err := stack.Start(t.Context(), stack.Options{
		Dir: dir, Root: root, Specs: specs, Database: "boxoffice", Throwaway: true, Race: true, Environ: os.Environ(), Progress: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return system{s, dir}
}

// ctl runs the command with the operator.env of the stack, and returns its exit status and output.
func (s system) ctl(t *testing.T, args ...string) (status int, out string) {
	t.Helper()
	var stdout, stderr strings.Builder
	status = run(t.Context(), args, func(name string) string {
		return map[string]string{"BOXOFFICE_DATA": s.dir}[name]
	}, &stdout, &stderr)
	if status == statusFailed {
		t.Fatalf("%q failed: %s", args, stderr.String())
	}
	return status, stdout.String()
}

// expect runs the command until it exits with the status, and returns its output.
func (s system) expect(t *testing.T, want int, args ...string) string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, out := s.ctl(t, args...)
		if status == want {
			return out
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%q never exited with %d; it printed\n%s", args, want, out)
		case <-tick.C:
		}
	}
}

// exec executes a statement in a service's database.
func (s system) exec(t *testing.T, service, sql string, args ...any) {
	t.Helper()
	if err := s.tryExec(t.Context(), service, sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (s system) tryExec(ctx context.Context, service, sql string, args ...any) error {
	conn, err := pgx.Connect(ctx, s.ServiceDatabaseURL(service))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql, args...)
	if err != nil {
		err = fmt.Errorf("%s: %w", sql, err)
	}
	return errors.Join(err, conn.Close(ctx))
}

func (s system) insertOrder(t *testing.T, orderID, ticketID, status string, expiresAt time.Time) {
	t.Helper()
	buyer, seller := id.New(id.User), id.New(id.User)
	s.exec(t, events.Orders, `
		INSERT INTO orders (id, version, status, buyer_id, seller_id, ticket_id, ticket_version, title, price_minor_units, currency,
			created_at, updated_at, expires_at, cancel_reason, slot, request)
		VALUES ($1, 2, $2, $3, $4, $5, 1, 'Hamlet', 1999, 'EUR', now(), now(), $6, CASE $2 WHEN 'cancelled' THEN 'buyer_cancelled' END, 1, $5)`,
		orderID, status, buyer, seller, ticketID, expiresAt)
	s.exec(t, events.Payments, `
		INSERT INTO orders (id, version, status, buyer_id, seller_id, title, price_minor_units, currency, expires_at)
		VALUES ($1, 2, $2, $3, $4, 'Hamlet', 1999, 'EUR', $5)`, orderID, status, buyer, seller, expiresAt)
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	return v
}

// The parts share one system. Each leaves it consistent.
func TestCommands(t *testing.T) {
	t.Parallel()
	s := start(t)
	t.Run("a consistent system", func(t *testing.T) {
		for _, args := range [][]string{{"dlq", "list"}, {"outbox"}, {"overdue"}, {"replicas"}, {"reconcile"}} {
			if status, out := s.ctl(t, args...); status != statusOK {
				t.Errorf("%q exited with %d and printed\n%s", args, status, out)
			}
		}
	})
	t.Run("dead letters", s.deadLetters)
	t.Run("outbox", s.outbox)
	t.Run("overdue", s.overdue)
	t.Run("payments that do not end", s.endless)
	t.Run("replicas", s.replicas)
}

func (s system) deadLetters(t *testing.T) {
	b, err := broker.Open(t.Context(), s.BrokerURL, events.Expiration, events.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	// Orders cannot handle the deadline of an unknown order.
	poison := func() events.Event {
		e := events.New(events.OrderExpired, events.OrderDeadline{OrderID: id.New(id.Order), Deadline: time.Now().UTC()})
		e.Time = time.Now()
		if err := b.Publish(t.Context(), []events.Event{e}); err != nil {
			t.Fatal(err)
		}
		s.expect(t, statusProblem, "dlq", "list")
		return e
	}
	cure := func(e events.Event) {
		s.insertOrder(t, e.Subject, id.New(id.Ticket), "cancelled", time.Now())
	}
	first := poison()
	out := s.expect(t, statusProblem, "dlq", "list")
	for _, want := range []string{first.ID, "order.expired.v1", first.Subject, "orders.expiration.events", "unknown order", "1 dead-lettered"} {
		if !strings.Contains(out, want) {
			t.Errorf("dlq list does not print %q:\n%s", want, out)
		}
	}
	shown := decode[[]deadLetter](t, s.expect(t, statusProblem, "dlq", "show", "--json", first.ID))
	if len(shown) != 1 || shown[0].Subject != first.Subject || !strings.Contains(string(shown[0].Data), first.Subject) || shown[0].DeadLetteredAt == "" {
		t.Errorf("dlq show printed %+v, want all of event %s", shown, first.ID)
	}
	if status, out := s.ctl(t, "dlq", "list", "--queue", "tickets.orders.events"); status != statusOK {
		t.Errorf("another queue's list exited with %d and printed\n%s", status, out)
	}

	// The handler fails again, so the event is dead-lettered again.
	s.expect(t, statusOK, "dlq", "replay", first.ID)
	s.expect(t, statusProblem, "dlq", "list")

	second := poison()
	for n := 0; n < 2; {
		n = len(decode[[]deadLetter](t, s.expect(t, statusProblem, "dlq", "list", "--json")))
	}
	cure(first)
	s.expect(t, statusOK, "dlq", "replay", first.ID)
	left := decode[[]deadLetter](t, s.expect(t, statusProblem, "dlq", "list", "--json"))
	if len(left) != 1 || left[0].ID != second.ID {
		t.Errorf("after one replay %+v is dead-lettered, want %s", left, second.ID)
	}
	cure(second)
	s.expect(t, statusOK, "dlq", "replay", "--all")
	s.expect(t, statusOK, "dlq", "list")
}

func (s system) outbox(t *testing.T) {
	if err := s.Service(events.Orders).Stop(); err != nil {
		t.Fatal(err)
	}
	s.exec(t, events.Orders, `
		INSERT INTO outbox (id, type, subject, version, time, request_id, cause_id, trace_parent, data)
		VALUES (gen_random_uuid(), 'order.awaiting_payment.v1', 'ord_1', 2, now() - interval '1 minute', '', '', '', '{}')`)
	got := map[string]consistency.Backlog{}
	for _, w := range decode[[]consistency.Backlog](t, s.expect(t, statusProblem, "outbox", "--json")) {
		got[w.Service] = w
	}
	if w := got["orders"]; w.Waiting != 1 || w.OldestSeconds < 60 || w.OldestType != "order.awaiting_payment.v1" {
		t.Errorf("outbox of orders is %+v, want one order.awaiting_payment.v1, a minute old", w)
	}
	if len(got) != 4 || got["tickets"].Waiting != 0 || got["payments"].Waiting != 0 || got["expiration"].Waiting != 0 {
		t.Errorf("outboxes are %+v, want empty ones of tickets, payments and expiration", got)
	}
	if status, out := s.ctl(t, "outbox", "--max-age", "1h"); status != statusOK {
		t.Errorf("outbox --max-age 1h exited with %d and printed\n%s", status, out)
	}
	if err := s.Service(events.Orders).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect(t, statusOK, "outbox")
}

func (s system) overdue(t *testing.T) {
	if err := s.Service(events.Expiration).Stop(); err != nil {
		t.Fatal(err)
	}
	order, due := id.New(id.Order), time.Now().Add(-time.Minute)
	s.insertOrder(t, order, id.New(id.Ticket), "created", due)
	s.exec(t, events.Expiration, `INSERT INTO deadlines (order_id, due_at, request_id, cause_id, trace_parent) VALUES ($1, $2, '', '', '')`, order, due)

	found := decode[[]consistency.Overdue](t, s.expect(t, statusProblem, "overdue", "--json"))
	if len(found) != 2 || found[0].OrderID != order || found[1].OrderID != order || found[0].Problem == found[1].Problem || found[0].LateSeconds < 60 {
		t.Errorf("found %+v, want order %s a minute late in both services", found, order)
	}
	if status, out := s.ctl(t, "overdue", "--grace", "1h"); status != statusOK {
		t.Errorf("overdue --grace 1h exited with %d and printed\n%s", status, out)
	}
	if err := s.Service(events.Expiration).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect(t, statusOK, "overdue")
}

// endless checks an order that is frozen for too long, its payment, and that payment in the card processor's ledger.
func (s system) endless(t *testing.T) {
	order, payment := id.New(id.Order), id.New(id.Payment)
	s.insertOrder(t, order, id.New(id.Ticket), "awaiting_payment", time.Now().Add(time.Hour))
	s.exec(t, events.Orders, `INSERT INTO payments (id, order_id, version, status, amount_minor_units, currency, started_at, answer)
		VALUES ($1, $2, 2, 'authorized', 1999, 'EUR', now(), 'confirmed')`, payment, order)
	s.exec(t, events.Orders, `UPDATE orders SET payment_id = $1, frozen_at = now() - interval '11 minutes' WHERE id = $2`, payment, order)
	s.exec(t, events.Payments, `INSERT INTO payments (id, version, order_id, buyer_id, seller_id, status, step, amount_minor_units, currency,
		description, reference, token, idempotency_key, request, created_at, updated_at)
		VALUES ($1, 2, $2, 'usr_2', 'usr_1', 'authorized', 'await_order', 1999, 'EUR', '', 'pi_1', '', 'k', '', now(), now() - interval '12 minutes')`, payment, order)

	found := decode[[]consistency.Overdue](t, s.expect(t, statusProblem, "overdue", "--json"))
	if len(found) != 2 || found[0].OrderID != order || found[1].OrderID != order || found[0].Problem == found[1].Problem || found[1].LateSeconds < 120 {
		t.Errorf("found %+v, want order %s a minute late in orders and two in payments", found, order)
	}
	money := decode[consistency.Reconciliation](t, s.expect(t, statusProblem, "reconcile", "--settle", "0s", "--json"))
	if len(money.Discrepancies) != 1 || money.Discrepancies[0].PaymentID != payment || money.Discrepancies[0].Problem != "the processor has no record of it" {
		t.Errorf("got %+v, want that the processor has no record of %s", money, payment)
	}

	// The ledger has it, and the money was captured.
	s.exec(t, stripesim, `INSERT INTO intents (id, created_at, amount, currency, description, metadata, return_url, token, status,
			error_code, decline_code, amount_received, charged, client_secret, page_secret)
		VALUES ('pi_1', now(), 1999, 'eur', '', jsonb_build_object('payment_id', $1::text), '', 'pm_card_visa', 'succeeded', '', '', 1999, true, 's', 's')`, payment)
	out := s.expect(t, statusProblem, "reconcile", "--settle", "0s")
	for _, want := range []string{payment, order, "different states", "money was kept, but the order is not complete with it", "2 discrepancies"} {
		if !strings.Contains(out, want) {
			t.Errorf("reconcile does not print %q:\n%s", want, out)
		}
	}
	s.exec(t, events.Payments, `UPDATE payments SET status = 'succeeded', step = 'none', version = 3 WHERE id = $1`, payment)
	s.exec(t, events.Orders, `UPDATE payments SET status = 'succeeded', version = 3 WHERE id = $1`, payment)
	s.exec(t, events.Orders, `UPDATE orders SET status = 'complete', frozen_at = NULL, version = 3 WHERE id = $1`, order)
	s.expect(t, statusOK, "reconcile", "--settle", "0s")
	s.expect(t, statusOK, "overdue")
	for _, service := range []string{events.Orders, events.Payments} { // the next part needs tickets only
		s.exec(t, service, `TRUNCATE orders, payments CASCADE`)
	}
}

func (s system) replicas(t *testing.T) {
	const (
		source  = `INSERT INTO tickets (id, version, title, price_minor_units, currency, seller_id, availability, order_id, created_at, updated_at, request) VALUES ($1, $2, $3, 1999, 'EUR', 'usr_1', $4, nullif($5, ''), now(), now(), '')`
		replica = `INSERT INTO tickets (id, version, title, price_minor_units, currency, seller_id, availability) VALUES ($1, $2, $3, 1999, 'EUR', 'usr_1', $4)`
	)
	add := func(ticketID string, version, known int, title, copied, availability, orderID string) {
		if version > 0 {
			s.exec(t, events.Tickets, source, ticketID, version, title, availability, orderID)
		}
		if known > 0 {
			s.exec(t, events.Orders, replica, ticketID, known, copied, availability)
		}
	}
	ids := make([]string, 8)
	for i := range ids {
		ids[i] = id.New(id.Ticket)
	}
	orders := []string{id.New(id.Order), id.New(id.Order), id.New(id.Order)}
	later := time.Now().Add(time.Hour)
	add(ids[0], 1, 1, "same", "same", "available", "")
	add(ids[1], 1, 0, "missing", "", "available", "")
	add(ids[2], 0, 1, "", "superfluous", "available", "")
	add(ids[3], 3, 2, "older", "older", "available", "")
	add(ids[4], 2, 3, "newer", "newer", "available", "")
	add(ids[5], 2, 2, "one", "another", "available", "")
	add(ids[6], 1, 1, "locked", "locked", "reserved", orders[0])
	s.insertOrder(t, orders[0], ids[6], "awaiting_payment", later)
	add(ids[7], 1, 1, "without order", "without order", "reserved", orders[1])
	s.insertOrder(t, orders[2], ids[0], "awaiting_payment", later)

	want := map[string]string{
		ids[1]: "missing", ids[2]: "superfluous", ids[3]: "older", ids[4]: "newer", ids[5]: "different",
		ids[7]: "superfluous", ids[0]: "missing", // locks
	}
	got := map[string]string{}
	found := decode[[]consistency.Difference](t, s.expect(t, statusProblem, "replicas", "--settle", "0s", "--json"))
	for _, d := range found {
		if d.ID == "" || got[d.ID] != "" {
			t.Errorf("difference %+v: want one of each ticket", d)
		}
		got[d.ID] = d.Problem
	}
	for ticketID, problem := range want {
		if got[ticketID] != problem {
			t.Errorf("ticket %s is %q, want %q", ticketID, got[ticketID], problem)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found %+v, want %d differences", found, len(want))
	}

	s.exec(t, events.Tickets, `TRUNCATE tickets`)
	s.exec(t, events.Orders, `TRUNCATE tickets, orders CASCADE`)
	s.exec(t, events.Payments, `TRUNCATE orders CASCADE`)
	s.expect(t, statusOK, "replicas")
	t.Run("a replica that lags behind", func(t *testing.T) {
		add(ids[0], 2, 1, "busy", "busy", "available", "")
		stop := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			const change = `UPDATE tickets SET version = version + 1`
			for { // the replica always lags behind
				err := errors.Join(s.tryExec(t.Context(), events.Tickets, change), s.tryExec(t.Context(), events.Orders, change))
				select {
				case <-stop:
					done <- err
					return
				default:
				}
				if err != nil {
					done <- err
					return
				}
			}
		}()
		status, out := s.ctl(t, "replicas", "--settle", "1s")
		close(stop)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if status != statusOK {
			t.Errorf("exited with %d and printed\n%s", status, out)
		}
	})
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"--help"}, os.Getenv, &stdout, &stderr); status != statusOK {
		t.Errorf("help exited with %d: %s", status, stderr.String())
	}
	for _, c := range commands() {
		if !strings.Contains(stdout.String(), "  "+c.name) {
			t.Errorf("help does not mention %q:\n%s", c.name, stdout.String())
		}
		var usage strings.Builder
		if status := run(t.Context(), append(strings.Fields(c.name), "-h"), os.Getenv, &stdout, &usage); status != statusOK || !strings.Contains(usage.String(), c.about) {
			t.Errorf("%s -h exited with %d and printed %q", c.name, status, usage.String())
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	nothing := filepath.Join(t.TempDir(), "nothing")
	for want, args := range map[string][]string{
		`no command "dql list"`:     {"dql", "list"},
		`no command "dlq"`:          {"dlq"},
		"AMQP_URL is neither set":   {"dlq", "list"},
		"TICKETS_DATABASE_URL":      {"replicas"},
		"name one event, or --all":  {"dlq", "replay"},
		"there is no queue tickets": {"dlq", "list", "--queue", "tickets"},
		"not defined: -jsn":         {"outbox", "-jsn"},
	} {
		var stdout, stderr strings.Builder
		env := map[string]string{"BOXOFFICE_DATA": nothing}
		if strings.Contains(want, "queue") {
			env["AMQP_URL"] = "amqp://127.0.0.1:1/"
		}
		status := run(t.Context(), args, func(name string) string { return env[name] }, &stdout, &stderr)
		if status != statusFailed || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q exited with %d and printed %q, want %d and %q", args, status, stderr.String(), statusFailed, want)
		}
	}
}
