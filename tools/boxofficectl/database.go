package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const connectTimeout = 10 * time.Second

// withDatabase calls fn with a connection to the service's database that can only read.
func (s settings) withDatabase(ctx context.Context, service string, fn func(conn *pgx.Conn) error) (err error) {
	url, err := s.get(strings.ToUpper(service) + "_DATABASE_URL")
	if err != nil {
		return err
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("read address of the database of %s: %w", service, err)
	}
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams["application_name"] = "boxofficectl"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["statement_timeout"] = "60s"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to the database of %s: %w", service, err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return fn(conn)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
