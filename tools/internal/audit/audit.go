// Package audit finds out what waits, is late or differs between the services of a Boxoffice that
// may be running meanwhile. It only reads.
package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Databases returns the URL of a service's database.
type Databases func(service string) (url string, err error)

const connectTimeout = 10 * time.Second

// Read calls fn with a connection to the service's database that can only read.
func (d Databases) Read(ctx context.Context, service string, fn func(conn *pgx.Conn) error) (err error) {
	url, err := d(service)
	if err != nil {
		return err
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("read address of the database of %s: %w", service, err)
	}
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams["application_name"] = "boxoffice audit"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["statement_timeout"] = "60s"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to the database of %s: %w", service, err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return fn(conn)
}
