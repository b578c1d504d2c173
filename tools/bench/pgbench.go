package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// order.sql is what orders sends to Postgres for one createOrder: two pipelines, as in
// subgraphs/orders/internal/order/queries.go.
//
//go:embed order.sql
var orderScript []byte

// pgbench runs the statements of about n orders on a copy of orders' database and returns how
// long each took.
func (b *bench) pgbench(ctx context.Context, n int) (l load, err error) {
	each := n * 2 / connections // it is fast: twice as many, for a longer look
	// A database that is copied may have no visitors.
	b.orders.Reset()
	if err := b.Service("orders").Stop(); err != nil {
		return l, err
	}
	const name = prefix + "_pgbench"
	if _, err := b.admin.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE `+prefix+`_orders STRATEGY file_copy`); err != nil {
		return l, fmt.Errorf("copy database of orders: %w", err)
	}
	if err := b.Service("orders").Start(ctx); err != nil {
		return l, err
	}
	config, err := pgx.ParseConfig(b.DatabaseURL)
	if err != nil {
		return l, fmt.Errorf("parse database URL: %w", err)
	}
	config.Database = name
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return l, fmt.Errorf("connect to copy: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, fmt.Sprintf(`
		INSERT INTO tickets (id, version, title, price_minor_units, currency, seller_id, availability)
		SELECT 'tkt_' || lpad((100000 * client + n)::text, 26, '0'), 1, 'Seat ' || n, 1000, 'USD', 'usr_00000000000000000000000000', 'available'
		FROM generate_series(0, %d) client, generate_series(1, %d) n`, connections-1, each))
	if err != nil {
		return l, fmt.Errorf("fill copy: %w", err)
	}
	if _, err := conn.Exec(ctx, `VACUUM ANALYZE`); err != nil {
		return l, fmt.Errorf("fill copy: %w", err)
	}

	dir := filepath.Join(b.dir, "pgbench")
	script := filepath.Join(dir, "order.sql")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(script, orderScript, 0o600)); err != nil {
		return l, fmt.Errorf("write script: %w", err)
	}
	bin, err := findPgbench()
	if err != nil {
		return l, err
	}
	cmd := exec.CommandContext(ctx, bin, "--no-vacuum", "--protocol=prepared", "--file="+script, "--define=n=0",
		fmt.Sprintf("--client=%d", connections), "--jobs=2", fmt.Sprintf("--transactions=%d", each), "--log")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PGHOST="+config.Host, fmt.Sprintf("PGPORT=%d", config.Port), "PGUSER="+config.User,
		"PGPASSWORD="+config.Password, "PGDATABASE="+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		return l, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	return readLog(dir)
}

// readLog reads what pgbench says of each transaction: client, number, microseconds, script, and
// when it ended, in seconds and microseconds of the epoch.
func readLog(dir string) (l load, err error) {
	logs, err := filepath.Glob(filepath.Join(dir, "pgbench_log.*"))
	if err != nil || len(logs) == 0 {
		return l, fmt.Errorf("pgbench left no log: %w", err)
	}
	for _, path := range logs {
		file, err := os.Open(path)
		if err != nil {
			return l, fmt.Errorf("read log of pgbench: %w", err)
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			var took, s, us int64
			fields := strings.Fields(lines.Text())
			for i, to := range map[int]*int64{2: &took, 4: &s, 5: &us} {
				if *to, err = strconv.ParseInt(fields[i], 10, 64); err != nil {
					return l, fmt.Errorf("read log of pgbench: %w", err)
				}
			}
			end, d := time.Unix(s, us*1000), time.Duration(took)*time.Microsecond
			if begin := end.Add(-d); l.begin.IsZero() || begin.Before(l.begin) {
				l.begin = begin
			}
			if end.After(l.end) {
				l.end = end
			}
			l.latencies = append(l.latencies, d)
		}
		if err := lines.Err(); err != nil {
			return l, fmt.Errorf("read log of pgbench: %w", err)
		}
	}
	return l, nil
}

func findPgbench() (string, error) {
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if err != nil || len(found) == 0 {
		return "", errors.New("pgbench is neither on the PATH nor in /usr/lib/postgresql/*/bin")
	}
	return slices.Max(found), nil
}
