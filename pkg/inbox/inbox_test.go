package inbox_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/postgres/pgtest"
)

func TestAdvance(t *testing.T) {
	pool := pgtest.New(t, inbox.Migrations())
	advance := func(consumer, subject string, version int) (newer bool) {
		t.Helper()
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
			newer, err = inbox.Advance(t.Context(), tx, consumer, subject, version)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return newer
	}
	for _, step := range []struct {
		name, consumer, subject string
		version                 int
		want                    bool
	}{
		{"first", "tickets", "ord_1", 1, true},
		{"duplicate", "tickets", "ord_1", 1, false},
		{"with a gap", "tickets", "ord_1", 3, true},
		{"overtaken", "tickets", "ord_1", 2, false},
		{"another subject", "tickets", "ord_2", 1, true},
		{"another consumer", "mail", "ord_1", 1, true},
	} {
		if got := advance(step.consumer, step.subject, step.version); got != step.want {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
}

func TestAdvanceForgetsWithTheTransaction(t *testing.T) {
	pool := pgtest.New(t, inbox.Migrations())
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := inbox.Advance(t.Context(), tx, "c", "s", 1); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if ok, err := inbox.Advance(t.Context(), tx, "c", "s", 1); err != nil || !ok {
			t.Errorf("after a rollback: got %v, %v, want a first time again", ok, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAdvanceAtTheSameInstant(t *testing.T) {
	pool := pgtest.New(t, inbox.Migrations())
	var wg sync.WaitGroup
	var first atomic.Int32
	for range 20 {
		wg.Go(func() {
			err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
				ok, err := inbox.Advance(t.Context(), tx, "c", "s", 1)
				if ok {
					first.Add(1)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := first.Load(); n != 1 {
		t.Errorf("%d of 20 deliveries acted, want 1", n)
	}
}
