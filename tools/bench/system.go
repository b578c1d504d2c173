package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/tools/internal/graphql"
	"boxoffice.dev/tools/internal/stack"
)

const (
	prefix         = "bench"          // of databases and roles
	connections    = 16               // of the load generator
	ordersPerBuyer = 5                // the limit in production
	hold           = 15 * time.Minute // as in production
	setUpWorkers   = 32               // connections that prepare data
)

// bench is the running system and its results so far.
type bench struct {
	*stack.Stack
	report report
	quick  bool

	dir       string
	http      *http.Client
	token     string        // between router and subgraphs
	seller    string        // access token of the seller of all tickets
	users     atomic.Int64  // signed up so far
	tickets   *pgxpool.Pool // databases of the services
	orders    *pgxpool.Pool
	deadlines *pgxpool.Pool
	admin     *pgxpool.Pool
}

// scaled returns n, or a tenth of it in a quick run.
func (b *bench) scaled(n int) int {
	if b.quick {
		return n / 10
	}
	return n
}

// start starts the system, with limits and password hashes that let one machine sign up thousands of buyers.
func start(ctx context.Context, quick bool) (_ *bench, err error) {
	b := &bench{quick: quick, token: rand.Text() + rand.Text(), http: &http.Client{Transport: &http.Transport{
		MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000, DisableCompression: true,
	}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	root, err := stack.Root()
	if err != nil {
		return nil, err
	}
	if b.dir, err = stack.TempDir(); err != nil {
		return nil, err
	}
	settings := map[string][]string{}
	for _, spec := range stack.Specs() {
		settings[spec.Name] = []string{"SERVICE_TOKEN=" + b.token}
	}
	settings["auth"] = append(settings["auth"], "SIGN_UPS_PER_ADDRESS=1000000", "PASSWORD_MEMORY_KIB=64", "ACCESS_TOKEN_TTL=12h")
	b.Stack, err = stack.Start(ctx, stack.Options{
		Dir: b.dir, Root: root, Specs: stack.Specs(), Database: prefix, Environ: os.Environ(), Settings: settings,
		PostgresSettings: []string{"track_commit_timestamp=on"}, Progress: progress,
	})
	if err != nil {
		return nil, err
	}
	for name, pool := range map[string]**pgxpool.Pool{"tickets": &b.tickets, "orders": &b.orders, "expiration": &b.deadlines} {
		if *pool, err = pgxpool.New(ctx, b.ServiceDatabaseURL(name)); err != nil {
			return nil, fmt.Errorf("connect to database of %s: %w", name, err)
		}
	}
	if b.admin, err = pgxpool.New(ctx, b.DatabaseURL); err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	b.seller, err = b.signUp(ctx)
	return b, err
}

func (b *bench) close() error {
	var errs []error
	for _, pool := range []*pgxpool.Pool{b.tickets, b.orders, b.deadlines, b.admin} {
		if pool != nil {
			pool.Close()
		}
	}
	if b.Stack != nil {
		errs = append(errs, b.Stop())
	}
	if b.dir != "" {
		errs = append(errs, stack.Remove(b.dir))
	}
	return errors.Join(errs...)
}

// signUp returns an access token of a new user.
func (b *bench) signUp(ctx context.Context) (string, error) {
	c := &graphql.Client{Endpoint: b.Endpoint(), HTTP: b.http}
	email := fmt.Sprintf("user%d@example.com", b.users.Add(1))
	_, err := graphql.SignUp(ctx, c, graphql.Vars{"email": email, "password": "correct horse battery"})
	return c.Bearer, err
}

// operation is a mutation to send.
type operation struct {
	graphql.Client
	mutation string
	input    graphql.Vars
}

// operation returns a request to the router.
func (b *bench) operation(token, mutation string, input graphql.Vars) operation {
	return operation{graphql.Client{Endpoint: b.Endpoint(), HTTP: b.http, Bearer: token}, mutation, input}
}

// direct returns the operation as the router would send it to the subgraph.
func (b *bench) direct(subgraph string, op operation) operation {
	op.Endpoint = "http://" + b.Service(subgraph).Addr + "/graphql"
	op.Header = http.Header{"X-Service-Token": {b.token}}
	return op
}

// send sends the operation and returns the response. One with errors is an error.
func (op operation) send(ctx context.Context) (*graphql.Response, error) {
	r, err := op.Do(ctx, op.mutation, graphql.Vars{"input": op.input})
	if err == nil && !bytes.Contains(r.Content, []byte(`"errors":[]`)) {
		err = fmt.Errorf("%v: status %d: %s", op.input, r.Status, r.Content)
	}
	return r, err
}

// sender returns a function that sends the i-th operation.
func sender(ops []operation) func(ctx context.Context, i int) error {
	return func(ctx context.Context, i int) error {
		_, err := ops[i].send(ctx)
		return err
	}
}

// available returns the ids of n tickets that are on sale and that orders has in its replica. It creates the missing
// ones.
func (b *bench) available(ctx context.Context, n int) ([]string, error) {
	ids, err := column[string](ctx, b.tickets, `SELECT id FROM tickets WHERE availability = 'available' ORDER BY id LIMIT $1`, n)
	if err != nil {
		return nil, err
	}
	created := make([]string, n-len(ids))
	l, err := closedLoop(ctx, setUpWorkers, len(created), func(ctx context.Context, i int) error {
		r, err := b.operation(b.seller,
			`mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } errors { __typename } } }`,
			graphql.Vars{"title": fmt.Sprintf("Seat %d", i), "price": price(1000 + i%9000)}).send(ctx)
		if err != nil {
			return err
		}
		var data struct {
			CreateTicket struct{ Ticket struct{ ID string } }
		}
		err = json.Unmarshal(r.Data, &data)
		created[i] = data.CreateTicket.Ticket.ID
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create tickets: %w", err)
	}
	if len(created) > 0 {
		progress("%d tickets created at %.0f/s", len(created), l.rate())
	}
	_, err = b.settle(ctx)
	return append(ids, created...), err
}

const createOrder = `mutation($input: CreateOrderInput!) { createOrder(input: $input) {
	order { id status expiresAt price { minorUnits currency } } errors { __typename } } }`

// reservations returns operations that order each of the tickets, for buyers with a few orders each.
func (b *bench) reservations(ctx context.Context, tickets []string) ([]operation, error) {
	buyers := make([]string, (len(tickets)+ordersPerBuyer-1)/ordersPerBuyer)
	_, err := closedLoop(ctx, setUpWorkers, len(buyers), func(ctx context.Context, i int) (err error) {
		buyers[i], err = b.signUp(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sign up buyers: %w", err)
	}
	ops := make([]operation, len(tickets))
	for i, ticket := range tickets { // one buyer's orders are far apart, so that they do not compete for the limit
		ops[i] = b.operation(buyers[i%len(buyers)], createOrder, graphql.Vars{"ticketId": ticket})
	}
	return ops, nil
}

// settle waits until every service has handled all events: orders' replica equals the tickets, every order is confirmed
// and has its deadline, or has ended and has none. It returns how long that took.
func (b *bench) settle(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	err := poll(ctx, 20*time.Millisecond, func() (bool, error) {
		missing, err := b.missing(ctx)
		return missing == 0, err
	})
	if err != nil {
		return 0, fmt.Errorf("settle: %w", err)
	}
	return time.Since(begin), nil
}

// poll calls done at the interval until it returns true.
func poll(ctx context.Context, interval time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		ok, err := done()
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

// missing returns how many reactions to events are outstanding.
func (b *bench) missing(ctx context.Context) (int, error) {
	var source, replica, unconfirmed, unpaid, deadlines int
	err := errors.Join(
		b.tickets.QueryRow(ctx, `SELECT coalesce(sum(version), 0) FROM tickets`).Scan(&source),
		b.orders.QueryRow(ctx, `SELECT coalesce(sum(version), 0) FROM tickets`).Scan(&replica),
		b.orders.QueryRow(ctx, `
			SELECT count(*) FILTER (WHERE status = 'created'), count(*) FILTER (WHERE status IN ('created', 'awaiting_payment'))
			FROM orders`).Scan(&unconfirmed, &unpaid),
		b.deadlines.QueryRow(ctx, `SELECT count(*) FROM deadlines WHERE request_id <> $1`, farAway).Scan(&deadlines),
	)
	if err != nil {
		return 0, fmt.Errorf("compare services: %w", err)
	}
	return max(source-replica, 0) + unconfirmed + max(unpaid-deadlines, deadlines-unpaid), nil
}

// column returns the only column of a query's rows.
func column[T any](ctx context.Context, pool *pgxpool.Pool, sql string, args ...any) ([]T, error) {
	rows, err := pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return values, nil
}

// describe reports the machine and the versions.
func (b *bench) describe(ctx context.Context) error {
	var postgres string
	if err := b.admin.QueryRow(ctx, `SHOW server_version`).Scan(&postgres); err != nil {
		return fmt.Errorf("read version of Postgres: %w", err)
	}
	var commits latencies
	for range 100 {
		begin := time.Now()
		if _, err := b.admin.Exec(ctx, `SELECT pg_logical_emit_message(true, 'bench', '')`); err != nil { // writes to the WAL, so it syncs
			return fmt.Errorf("measure commits: %w", err)
		}
		commits = append(commits, time.Since(begin))
	}
	fmt.Fprintf(&b.report, "%d cores, shared by load generator, services, Postgres %s and RabbitMQ · %s · an empty commit takes %s\n",
		runtime.NumCPU(), strings.Fields(postgres)[0], runtime.Version(), commits)
	return nil
}
