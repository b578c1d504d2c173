package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// measureOrders creates orders as fast as possible, while tickets locks, orders confirms and expiration stores the
// deadlines; then at a twentieth of the rate at which pgbench executes the same statements on the same cluster.
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
	progress("pgbench: %.0f/s", raw)
	ops, err := b.reservations(ctx, tickets)
	if err != nil {
		return err
	}
	if _, err := closedLoop(ctx, connections, warm, sender(ops[:warm])); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	if _, err := b.settle(ctx); err != nil {
		return err
	}
	before := usage()
	l, err := closedLoop(ctx, connections, n, sender(ops[warm:warm+n]))
	if err != nil {
		return err
	}
	drain, err := b.settle(ctx)
	if err != nil {
		return err
	}
	used, took := since(before), l.end.Sub(l.begin)+drain
	progress("createOrder: %.0f/s", l.rate())
	confirmed, err := b.confirmed(ctx, l)
	if err != nil {
		return err
	}
	b.report.table(fmt.Sprintf("createOrder, %d connections", connections), "per second", "p50 / p99", "aim")
	b.report.row("pgbench, the same statements", fmt.Sprintf("%.0f", raw), "", "")
	b.report.row("through the router, all consumers running", fmt.Sprintf("%.0f", l.rate()), l.String(), "")
	b.report.row("and until the last consumer had caught up",
		fmt.Sprintf("%.0f", float64(n)/took.Seconds()), "", fmt.Sprintf("≥ %.0f (1/20)", raw/20))
	b.report.row("pgbench : the line above", fmt.Sprintf("%.1f : 1", raw*took.Seconds()/float64(n)), "", "≤ 20 : 1")
	b.report.row("time to catch up", fmt.Sprintf("%.2f s", drain.Seconds()), "", "")
	b.report.row("from the order to its ticket's confirmed lock (two events)", "", confirmed.String(), "")

	steady, err := openLoop(ctx, raw/20, slow, sender(ops[warm+n:]))
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
	b.report.row("time to catch up", fmt.Sprintf("%.2f s", drain.Seconds()), "")

	var total time.Duration
	for _, t := range used {
		total += t
	}
	b.report.table("processor time of one createOrder with all reactions to it", "µs", "share")
	for _, name := range slices.SortedFunc(maps.Keys(used), func(x, y string) int { return int(used[y] - used[x]) }) {
		if share := used[name].Seconds() / total.Seconds(); share >= 0.005 {
			b.report.row(name, fmt.Sprint(used[name].Microseconds()/int64(n)), fmt.Sprintf("%.0f %%", 100*share))
		}
	}
	b.report.row("together", fmt.Sprint(total.Microseconds()/int64(n)), fmt.Sprintf("%.1f cores busy", total.Seconds()/took.Seconds()))
	return nil
}

// confirmed returns, for each order of a load, the time from its commit to that of its ticket's confirmed lock.
func (b *bench) confirmed(ctx context.Context, l load) (latencies, error) {
	return column[time.Duration](ctx, b.orders, `
		SELECT pg_xact_commit_timestamp(confirmed.xmin) - pg_xact_commit_timestamp(created.xmin)
		FROM order_events created JOIN order_events confirmed USING (order_id)
		WHERE created.version = 1 AND confirmed.version = 2 AND pg_xact_commit_timestamp(created.xmin) BETWEEN $1 AND $2
		ORDER BY 1`, l.begin, l.end)
}

// order.sql is what orders sends to Postgres for one createOrder: two pipelines, as in
// subgraphs/orders/internal/order/queries.go.
//
//go:embed order.sql
var orderScript []byte

// pgbench executes the statements of about 2n orders on a copy of orders' database and returns their rate per second.
func (b *bench) pgbench(ctx context.Context, n int) (rate float64, err error) {
	each := n * 2 / connections
	// A database can be copied only while it has no connections.
	b.orders.Reset()
	if err := b.Service("orders").Stop(); err != nil {
		return 0, err
	}
	const name = prefix + "_pgbench"
	if _, err := b.admin.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE `+prefix+`_orders STRATEGY file_copy`); err != nil {
		return 0, fmt.Errorf("copy database of orders: %w", err)
	}
	if err := b.Service("orders").Start(ctx); err != nil {
		return 0, err
	}
	config, err := pgx.ParseConfig(b.DatabaseURL)
	if err != nil {
		return 0, fmt.Errorf("parse database URL: %w", err)
	}
	config.Database = name
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, fmt.Errorf("connect to copy: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, fmt.Sprintf(`
		INSERT INTO tickets (id, version, title, price_minor_units, currency, seller_id, availability)
		SELECT 'tkt_' || lpad((100000 * client + n)::text, 26, '0'), 1, 'Seat ' || n, 1000, 'USD', 'usr_00000000000000000000000000', 'available'
		FROM generate_series(0, %d) client, generate_series(1, %d) n`, connections-1, each))
	if err == nil {
		_, err = conn.Exec(ctx, `VACUUM ANALYZE`)
	}
	if err != nil {
		return 0, fmt.Errorf("fill copy: %w", err)
	}

	script := filepath.Join(b.dir, "order.sql")
	if err := os.WriteFile(script, orderScript, 0o600); err != nil {
		return 0, fmt.Errorf("write script: %w", err)
	}
	program := "pgbench"
	if _, err := exec.LookPath(program); err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench") //nolint:errcheck // the pattern is well-formed
		if len(found) == 0 {
			return 0, fmt.Errorf("pgbench is neither on the PATH nor in /usr/lib/postgresql: %w", err)
		}
		program = slices.Max(found)
	}
	cmd := exec.CommandContext(ctx, program, "--no-vacuum", "--protocol=prepared", "--file="+script, "--define=n=0",
		fmt.Sprintf("--client=%d", connections), "--jobs=2", fmt.Sprintf("--transactions=%d", each))
	cmd.Env = append(os.Environ(), "PGHOST="+config.Host, fmt.Sprintf("PGPORT=%d", config.Port), "PGUSER="+config.User,
		"PGPASSWORD="+config.Password, "PGDATABASE="+name)
	out, err := cmd.CombinedOutput()
	match := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(out)
	if err != nil || match == nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	return strconv.ParseFloat(string(match[1]), 64)
}
