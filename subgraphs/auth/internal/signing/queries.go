package signing

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

type keyRow struct {
	ID        string
	Sealed    []byte
	SignsFrom time.Time
}

// lockKeys returns all keys in the order in which they sign. It locks the table until the transaction ends.
func lockKeys(ctx context.Context, tx pgx.Tx) ([]keyRow, error) {
	if _, err := tx.Exec(ctx, `LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return nil, fmt.Errorf("lock keys: %w", err)
	}
	rows, err := tx.Query(ctx, `SELECT id, sealed, signs_from FROM signing_keys ORDER BY signs_from, id`)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByName[keyRow])
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return keys, nil
}

func insertKey(ctx context.Context, tx pgx.Tx, r keyRow) error {
	_, err := tx.Exec(ctx, `INSERT INTO signing_keys (id, sealed, signs_from) VALUES ($1, $2, $3)`,
		r.ID, r.Sealed, r.SignsFrom)
	if err != nil {
		return fmt.Errorf("insert key %s: %w", r.ID, err)
	}
	return nil
}

func deleteKey(ctx context.Context, tx pgx.Tx, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM signing_keys WHERE id = $1`, id); err != nil {
		return fmt.Errorf("delete key %s: %w", id, err)
	}
	return nil
}
