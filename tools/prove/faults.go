package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/stack"
)

// fault is a way to disturb the system. strike returns after the given time; heal repairs what is still broken then.
type fault struct {
	name   string
	ends   []string // services that it ends; no other may end
	strike func(ctx context.Context, s *stack.Stack, d time.Duration) error
}

// strike is a fault at its time.
type strike struct {
	fault
	at   time.Duration // since the start
	down time.Duration // for how long
}

// schedule returns random faults at random times. Every fault strikes once before any of them repeats.
func schedule(random *rand.Rand, deck []fault, duration time.Duration) []strike {
	var all []strike
	var order []int
	at := time.Duration(0)
	for {
		at += time.Second + time.Duration(random.Int64N(int64(2*time.Second)))
		down := time.Duration(random.Int64N(int64(1200 * time.Millisecond)))
		if len(deck) == 0 || at+down >= duration {
			return all
		}
		if len(order) == 0 {
			order = random.Perm(len(deck))
		}
		all = append(all, strike{deck[order[0]], at, down})
		order = order[1:]
	}
}

// allFaults returns one of each fault.
func allFaults() []fault {
	var deck []fault
	for _, spec := range stack.Specs() {
		deck = append(deck, killed(spec.Name))
	}
	return append(deck,
		killed(events.Orders), killed(events.Payments), // where the most can go wrong
		killed(events.Orders, events.Payments),
		killed(events.Orders, events.Tickets, events.Expiration, events.Payments),
		broken("restart orders", []string{events.Orders}, func(s *stack.Stack) error { return s.Service(events.Orders).Stop() }),
		broken("restart payments", []string{events.Payments}, func(s *stack.Stack) error { return s.Service(events.Payments).Stop() }),
		broken("restart RabbitMQ", nil, func(s *stack.Stack) error { return s.RabbitMQ.Stop() }),
		broken("restart Postgres", nil, func(s *stack.Stack) error { return s.Postgres.Stop() }),
		broken("kill -9 RabbitMQ", nil, killBroker),
		broken("kill -9 Postgres", nil, func(s *stack.Stack) error { return s.Postgres.Kill() }),
		broken("kill -9 RabbitMQ and orders", []string{events.Orders}, killBroker, kill(events.Orders)),
		locked(events.Tickets, "inbox"), locked(events.Orders, "tickets"), locked(events.Orders, "payments"),
		locked(events.Expiration, "inbox"), locked(events.Payments, "payments"),
		slow(events.Tickets), slow(events.Orders), slow(events.Payments),
	)
}

// broken breaks several things at the same instant.
func broken(name string, ends []string, breaks ...func(*stack.Stack) error) fault {
	return fault{name, ends, func(ctx context.Context, s *stack.Stack, d time.Duration) error {
		var group errgroup.Group
		for _, b := range breaks {
			group.Go(func() error { return b(s) })
		}
		err := group.Wait()
		wait(ctx, d)
		return err
	}}
}

// killed kills services at the same instant.
func killed(services ...string) fault {
	var kills []func(*stack.Stack) error
	for _, name := range services {
		kills = append(kills, kill(name))
	}
	return broken("kill -9 "+strings.Join(services, ", "), services, kills...)
}

func kill(service string) func(*stack.Stack) error {
	return func(s *stack.Stack) error { return s.Service(service).Kill() }
}

func killBroker(s *stack.Stack) error { return s.RabbitMQ.Kill() }

// locked locks a table of a service, as a careless migration does, and kills the service while it waits.
func locked(service, table string) fault {
	name := "lock " + table + " of " + service + ", then kill -9"
	return fault{name, []string{service}, func(ctx context.Context, s *stack.Stack, d time.Duration) error {
		return onDatabase(ctx, s, service, func(conn *pgx.Conn) error {
			return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
				lock := `SET LOCAL lock_timeout = '2s'; LOCK TABLE ` + pgx.Identifier{table}.Sanitize() + ` IN ACCESS EXCLUSIVE MODE`
				_, err := tx.Exec(ctx, lock)
				if err != nil {
					return fmt.Errorf("lock %s of %s: %w", table, service, err)
				}
				wait(ctx, d)
				return s.Service(service).Kill()
			})
		})
	}}
}

// slow delays the commit of every fifth transaction that publishes an event, so that later events become visible before
// earlier ones.
func slow(service string) fault {
	return fault{"slow commits in " + service, nil, func(ctx context.Context, s *stack.Stack, d time.Duration) error {
		return onDatabase(ctx, s, service, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, `SET lock_timeout = '2s';`+undoSlow+`
				CREATE FUNCTION prove_slow() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN
					IF NEW.seq % 5 = 0 THEN PERFORM pg_sleep(0.05); END IF;
					RETURN NULL;
				END $$;
				CREATE CONSTRAINT TRIGGER prove_slow AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
				FOR EACH ROW EXECUTE FUNCTION prove_slow()`)
			if err != nil {
				return fmt.Errorf("slow down commits of %s: %w", service, err)
			}
			wait(ctx, d)
			return nil
		})
	}}
}

const undoSlow = `DROP FUNCTION IF EXISTS prove_slow() CASCADE;`

// onDatabase calls do with a connection to the service's database.
func onDatabase(ctx context.Context, s *stack.Stack, service string, do func(*pgx.Conn) error) (err error) {
	conn, err := pgx.Connect(ctx, s.ServiceDatabaseURL(service))
	if err != nil {
		return fmt.Errorf("connect to the database of %s: %w", service, err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return do(conn)
}

// heal starts everything that is down, undoes slow commits and waits until all services are ready.
func heal(ctx context.Context, s *stack.Stack) error {
	infrastructure, _ := errgroup.WithContext(ctx)
	infrastructure.Go(func() error { return s.Postgres.Start(ctx) })
	infrastructure.Go(func() error { return s.RabbitMQ.Start(ctx) })
	if err := infrastructure.Wait(); err != nil {
		return err
	}
	services, _ := errgroup.WithContext(ctx)
	for _, spec := range stack.Specs() {
		services.Go(func() error { return s.Service(spec.Name).Start(ctx) })
	}
	if err := services.Wait(); err != nil {
		return err
	}
	for _, service := range []string{events.Tickets, events.Orders, events.Payments} {
		err := onDatabase(ctx, s, service, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, undoSlow)
			return err
		})
		if err != nil {
			return fmt.Errorf("undo slow commits of %s: %w", service, err)
		}
	}
	return nil
}
