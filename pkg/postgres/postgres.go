// Package postgres opens and migrates a service's database. The pool is small on purpose: many more connections than
// cores make Postgres slower.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
	"github.com/prometheus/client_golang/prometheus"

	"boxoffice.dev/pkg/metrics"
)

// MaxConnections is the default size of a pool. The parameter pool_max_conns of the URL overrides it.
const MaxConnections = 16

// Open connects to the database and waits until it responds or ctx ends.
func Open(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("parse database URL: %w", err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = MaxConnections
	}
	setDefault(config.ConnConfig.RuntimeParams, "statement_timeout", "10s")
	setDefault(config.ConnConfig.RuntimeParams, "idle_in_transaction_session_timeout", "30s")
	setDefault(config.ConnConfig.RuntimeParams, "timezone", "UTC")
	config.ConnConfig.Tracer = otelpgx.NewTracer(
		otelpgx.WithDisableAcquireTracer(), otelpgx.WithDisableConnectionDetailsInAttributes())

	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := waitUntilUp(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// Metrics returns the number of busy and idle connections of the pool, and its size.
func Metrics(pool *pgxpool.Pool) prometheus.Collector {
	return metrics.Gauge("postgres_connections", "Connections of the pool by state, and their limit (max).", "state",
		func(context.Context) (map[string]float64, error) {
			stat := pool.Stat()
			return map[string]float64{
				"busy": float64(stat.AcquiredConns()),
				"idle": float64(stat.IdleConns()),
				"max":  float64(stat.MaxConns()),
			}, nil
		})
}

func setDefault(params map[string]string, name, value string) {
	if _, ok := params[name]; !ok {
		params[name] = value
	}
}

func waitUntilUp(ctx context.Context, pool *pgxpool.Pool) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := pool.Ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the database: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// Migrations is a set of goose migrations. Each set has its own version table, so that a service and the packages
// that it uses can each have one.
type Migrations struct {
	Name  string // becomes part of the version table's name
	Files fs.FS  // holds migrations/*.sql
}

// Migrate applies the pending migrations of the sets, in order. Several processes may call it at once: an advisory lock
// lets one work at a time.
func Migrate(ctx context.Context, pool *pgxpool.Pool, sets ...Migrations) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return fmt.Errorf("make migration lock: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	for _, set := range sets {
		files, err := fs.Sub(set.Files, "migrations")
		if err != nil {
			return fmt.Errorf("open migrations of %s: %w", set.Name, err)
		}
		provider, err := goose.NewProvider(database.DialectPostgres, db, files,
			goose.WithTableName("migrations_"+set.Name), goose.WithSessionLocker(locker))
		if err != nil {
			return fmt.Errorf("read migrations of %s: %w", set.Name, err)
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrate %s: %w", set.Name, err)
		}
	}
	return nil
}

// Violated returns the name of the violated constraint or unique index, or "" if err is another error.
func Violated(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.ConstraintName
	}
	return ""
}

// Transient reports whether a retry may succeed: the database is down, restarting, out of connections, or has ended the
// transaction because of a deadlock.
func Transient(err error) bool {
	var connectErr *pgconn.ConnectError
	if errors.As(err, &connectErr) { // also a wrong password, which may be about to change
		return true
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		switch pgErr.Code[:2] {
		case "08", "40", "53", "55", "57": // connection, rollback, resources, object in use, intervention
			return true
		}
		return false
	}
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
