package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/identity"
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
	token     string             // between router and subgraphs
	key       ed25519.PrivateKey // signs access tokens
	keys      *http.Server       // publishes its public key
	seller    string             // access token of the seller of all tickets
	tickets   *pgxpool.Pool      // databases of the services
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

// start starts the system. The bench signs access tokens itself: thousands of buyers can be had without thousands of
// password hashes.
func start(ctx context.Context, quick bool) (_ *bench, err error) {
	b := &bench{quick: quick, token: rand.Text() + rand.Text(), http: &http.Client{Transport: &http.Transport{
		MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000, DisableCompression: true,
	}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	keysURL, err := b.serveKeys(ctx)
	if err != nil {
		return nil, err
	}
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
		if spec.Name != "auth" {
			settings[spec.Name] = append(settings[spec.Name], "JWKS_URL="+keysURL)
		}
	}
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
	b.seller, err = b.newToken()
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
	if b.keys != nil {
		errs = append(errs, b.keys.Close())
	}
	if b.dir != "" {
		errs = append(errs, stack.Remove(b.dir))
	}
	return errors.Join(errs...)
}

// serveKeys publishes the key of the tokens and returns the URL of the key set.
func (b *bench) serveKeys(ctx context.Context) (string, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	set, err := identity.MarshalKeySet([]ed25519.PublicKey{public})
	if err != nil {
		return "", fmt.Errorf("encode key set: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("publish key set: %w", err)
	}
	b.key = private
	b.keys = &http.Server{
		ReadHeaderTimeout: time.Second,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(set) }), //nolint:errcheck // the client sees it
	}
	go b.keys.Serve(listener) //nolint:errcheck // returns when close ends it
	return "http://" + listener.Addr().String() + "/", nil
}

// newToken returns an access token of a new user.
func (b *bench) newToken() (string, error) {
	token, _, err := identity.Issuer{TTL: time.Hour}.Issue(b.key, identity.Caller{UserID: id.New(id.User), SessionID: id.New(id.Session)}, time.Now())
	return token, err
}

// operation is a GraphQL request.
type operation struct {
	url    string
	header http.Header
	body   []byte
}

// operation returns a request to the router.
func (b *bench) operation(token, query string, variables map[string]any) operation {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		panic(err) // the variables are constants of this program
	}
	return operation{url: b.Endpoint(), body: body, header: http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json"}, "Authorization": {"Bearer " + token},
	}}
}

// direct returns the operation as the router would send it to the subgraph.
func (b *bench) direct(subgraph string, op operation) operation {
	op.url = "http://" + b.Service(subgraph).Addr + "/graphql"
	op.header = op.header.Clone()
	op.header.Set("X-Service-Token", b.token)
	return op
}

// sender returns a function that sends the i-th operation.
func (b *bench) sender(ops []operation) func(ctx context.Context, i int) error {
	return func(ctx context.Context, i int) error {
		_, err := b.send(ctx, ops[i])
		return err
	}
}

// send sends a mutation and returns the response. One with errors is an error.
func (b *bench) send(ctx context.Context, op operation) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, op.url, bytes.NewReader(op.body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header = op.header
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	response, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	if resp.StatusCode != http.StatusOK || !bytes.Contains(response, []byte(`"errors":[]`)) {
		return nil, fmt.Errorf("%s: %s: %s", op.body, resp.Status, response)
	}
	return response, nil
}

// available returns the ids of n tickets that are on sale and that orders has in its replica. It creates the missing ones.
func (b *bench) available(ctx context.Context, n int) ([]string, error) {
	ids, err := column[string](ctx, b.tickets, `SELECT id FROM tickets WHERE availability = 'available' ORDER BY id LIMIT $1`, n)
	if err != nil {
		return nil, err
	}
	created := make([]string, n-len(ids))
	l, err := closedLoop(ctx, setUpWorkers, len(created), func(ctx context.Context, i int) error {
		response, err := b.send(ctx, b.operation(b.seller,
			`mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } errors { __typename } } }`,
			map[string]any{"input": map[string]any{"title": fmt.Sprintf("Seat %d", i), "price": price(1000 + i%9000)}}))
		if err != nil {
			return err
		}
		var got struct {
			Data struct {
				CreateTicket struct{ Ticket struct{ ID string } }
			}
		}
		err = json.Unmarshal(response, &got)
		created[i] = got.Data.CreateTicket.Ticket.ID
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
func (b *bench) reservations(tickets []string) ([]operation, error) {
	var buyer string
	ops := make([]operation, len(tickets))
	for i, ticket := range tickets {
		if i%ordersPerBuyer == 0 {
			var err error
			if buyer, err = b.newToken(); err != nil {
				return nil, err
			}
		}
		ops[i] = b.operation(buyer, createOrder, map[string]any{"input": map[string]any{"ticketId": ticket}})
	}
	// Spread the orders of one buyer, so that they do not compete for the buyer's limit at the same time.
	spread := make([]operation, 0, len(ops))
	for first := range ordersPerBuyer {
		for i := first; i < len(ops); i += ordersPerBuyer {
			spread = append(spread, ops[i])
		}
	}
	return spread, nil
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
	var source, replica, unconfirmed, live, deadlines int
	err := errors.Join(
		b.tickets.QueryRow(ctx, `SELECT coalesce(sum(version), 0) FROM tickets`).Scan(&source),
		b.orders.QueryRow(ctx, `SELECT coalesce(sum(version), 0) FROM tickets`).Scan(&replica),
		b.orders.QueryRow(ctx, `SELECT count(*) FILTER (WHERE status = 'created'), count(*) FILTER (WHERE status IN ('created', 'awaiting_payment')) FROM orders`).Scan(&unconfirmed, &live),
		b.deadlines.QueryRow(ctx, `SELECT count(*) FROM deadlines WHERE request_id <> $1`, farAway).Scan(&deadlines),
	)
	if err != nil {
		return 0, fmt.Errorf("compare services: %w", err)
	}
	return max(source-replica, 0) + unconfirmed + max(live-deadlines, deadlines-live), nil
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
	sync, err := syncTime(b.dir)
	if err != nil {
		return err
	}
	commit, _ := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output() //nolint:errcheck // no repository
	fmt.Fprintf(&b.report, "%d cores, shared by load generator, router, services, Postgres %s and RabbitMQ · %s · commit to disk %s · %s\n",
		runtime.NumCPU(), strings.Fields(postgres)[0], runtime.Version(), sync, strings.TrimSpace(string(commit)))
	return nil
}

// syncTime measures how long a small write to the folder's disk takes until it is durable.
func syncTime(dir string) (latencies, error) {
	file, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return nil, fmt.Errorf("measure disk: %w", err)
	}
	defer file.Close()
	block := slices.Repeat([]byte{1}, 8192)
	var l latencies
	for range 100 {
		begin := time.Now()
		if _, err := file.WriteAt(block, 0); err != nil {
			return nil, fmt.Errorf("measure disk: %w", err)
		}
		if err := file.Sync(); err != nil {
			return nil, fmt.Errorf("measure disk: %w", err)
		}
		l = append(l, time.Since(begin))
	}
	return l, nil
}
