// Package inbox makes reactions to events idempotent and safe against reordering: it remembers,
// in the reaction's own transaction, the newest version of each aggregate that was acted on.
package inbox

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"boxoffice.dev/pkg/postgres"
)

//go:embed migrations
var files embed.FS

// Migrations makes the inbox table. Every service that uses an inbox runs them.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "inbox", Files: files} }

// Statement is what Advance and Queue send, for a change that is made by a single statement:
// WITH newer AS (…). It takes consumer, subject and version as $1 to $3, and returns a row only if
// the version is newer.
const Statement = `
	INSERT INTO inbox (consumer, subject, version) VALUES ($1, $2, $3)
	ON CONFLICT (consumer, subject) DO UPDATE SET version = excluded.version
	WHERE inbox.version < excluded.version RETURNING version`

// Advance reports whether version is newer than every version of the subject that the consumer
// has acted on, and remembers it. False means a duplicate or something overtaken: do nothing.
// Concurrent calls for one subject wait for each other until their transactions end.
func Advance(ctx context.Context, tx pgx.Tx, consumer, subject string, version int) (bool, error) {
	tag, err := tx.Exec(ctx, Statement, consumer, subject, version)
	if err != nil {
		return false, fmt.Errorf("advance inbox of %s to %s version %d: %w", consumer, subject, version, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Queue adds Advance to a batch, for a reaction that needs more in the same round trip. Once the
// batch is sent, newer says what Advance reports.
func Queue(batch *pgx.Batch, consumer, subject string, version int, newer *bool) {
	batch.Queue(Statement, consumer, subject, version).Exec(func(tag pgconn.CommandTag) error {
		*newer = tag.RowsAffected() == 1
		return nil
	})
}
