// Package inbox makes the handling of events idempotent and safe against reordering. It records the newest version of
// each aggregate that a consumer has handled, in the transaction of its effects.
package inbox

import (
	"embed"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"boxoffice.dev/pkg/postgres"
)

//go:embed migrations
var files embed.FS

// Migrations creates the inbox table.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "inbox", Files: files} }

// Statement records a version. It takes consumer, subject and version as $1 to $3, and returns a row only if the
// version is newer than all that were recorded. A change that is a single statement includes it as WITH newer AS
// (…).
//
// Concurrent statements for one subject wait for each other until their transactions end.
const Statement = `
	INSERT INTO inbox (consumer, subject, version) VALUES ($1, $2, $3)
	ON CONFLICT (consumer, subject) DO UPDATE SET version = excluded.version
	WHERE inbox.version < excluded.version RETURNING version`

// Queue adds Statement to a batch. Once the batch is sent, newer reports whether the version is newer. If not, the
// event is a duplicate or outdated and must have no effect.
func Queue(batch *pgx.Batch, consumer, subject string, version int, newer *bool) {
	batch.Queue(Statement, consumer, subject, version).Exec(func(tag pgconn.CommandTag) error {
		*newer = tag.RowsAffected() == 1
		return nil
	})
}
