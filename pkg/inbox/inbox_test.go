package inbox_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/postgres/pgtest"
)

// advance reports whether the version is newer than all that were recorded for the consumer and subject, and
// records it.
func advance(ctx context.Context, db interface {
	SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
}, consumer, subject string, version int) (newer bool, err error) {
	var batch pgx.Batch
	inbox.Queue(&batch, consumer, subject, version, &newer)
	err = db.SendBatch(ctx, &batch).Close()
	return newer, err
}

func TestQueue(t *testing.T) {
	pool := pgtest.New(t, inbox.Migrations())
	for _, step := range []struct {
		name, consumer, subject string
		version                 int
		want                    bool
	}{
		{"first", "tickets", "ord_1", 1, true},
		{"duplicate", "tickets", "ord_1", 1, false},
		{"with a gap", "tickets", "ord_1", 3, true},
		{"outdated", "tickets", "ord_1", 2, false},
		{"another subject", "tickets", "ord_2", 1, true},
		{"another consumer", "mail", "ord_1", 1, true},
	} {
		if got, err := advance(t.Context(), pool, step.consumer, step.subject, step.version); got != step.want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", step.name, got, err, step.want)
		}
	}
}

func TestARollbackUndoesTheRecord(t *testing.T) {
	pool := pgtest.New(t, inbox.Migrations())
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if newer, err := advance(t.Context(), tx, "c", "s", 1); err != nil || !newer {
		t.Fatal(newer, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if newer, err := advance(t.Context(), pool, "c", "s", 1); err != nil || !newer {
		t.Errorf("after a rollback: got %v, %v, want newer", newer, err)
	}
}

func TestConcurrentDeliveries(t *testing.T) {
	pool := pgtest.New(t, inbox.Migrations())
	var wg sync.WaitGroup
	var first atomic.Int32
	for range 20 {
		wg.Go(func() {
			newer, err := advance(t.Context(), pool, "c", "s", 1)
			if err != nil {
				t.Error(err)
			}
			if newer {
				first.Add(1)
			}
		})
	}
	wg.Wait()
	if n := first.Load(); n != 1 {
		t.Errorf("%d of 20 deliveries were newer, want 1", n)
	}
}
