// Package pgtest creates a database for each test: a clone of a template that is migrated once. It requires
// DATABASE_URL, a cluster in which it may create databases. `make test` starts one.
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/postgres"
)

// New returns a pool on a new, migrated database. Both end with the test.
func New(t testing.TB, sets ...postgres.Migrations) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), NewURL(t, sets...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// NewTraced is like New with a tracer, to count statements.
func NewTraced(t testing.TB, tracer pgx.QueryTracer, sets ...postgres.Migrations) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(NewURL(t, sets...))
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = tracer
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// NewURL is like New but returns the URL of the database.
func NewURL(t testing.TB, sets ...postgres.Migrations) string {
	t.Helper()
	admin := os.Getenv("DATABASE_URL")
	if admin == "" {
		t.Fatal("DATABASE_URL is not set: run the tests with `make test`")
	}
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Fatalf("connect to DATABASE_URL: %v", err)
	}
	defer conn.Close(ctx)

	template, err := makeTemplate(ctx, conn, admin, sets)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)); err != nil {
		t.Fatalf("clone test database: %v", err)
	}
	t.Cleanup(func() { drop(t, admin, name) })
	return databaseURL(t, admin, name)
}

// makeTemplate returns the name of the template with the migrations. It creates the template on first use.
func makeTemplate(ctx context.Context, conn *pgx.Conn, admin string, sets []postgres.Migrations) (string, error) {
	sum, err := hash(sets)
	if err != nil {
		return "", err
	}
	name := "template_" + sum
	// Test binaries run concurrently. The first one creates the template, the others wait for it.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", fmt.Errorf("lock template: %w", err)
	}
	const unlock = "SELECT pg_advisory_unlock(hashtext($1))"
	defer conn.Exec(ctx, unlock, name) //nolint:errcheck // the lock ends with the connection

	var exists bool
	const query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
	if err := conn.QueryRow(ctx, query, name).Scan(&exists); err != nil || exists {
		return name, err
	}
	// It is migrated under another name, so that a template that exists is complete.
	draft := "draft_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+draft); err != nil {
		return "", fmt.Errorf("create template: %w", err)
	}
	u, err := url.Parse(admin)
	if err != nil {
		return "", fmt.Errorf("parse DATABASE_URL: %w", err)
	}
	u.Path = "/" + draft
	pool, err := postgres.Open(ctx, u.String())
	if err != nil {
		return "", err
	}
	err = postgres.Migrate(ctx, pool, sets...)
	pool.Close()
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", draft, name))
	return name, err
}

func hash(sets []postgres.Migrations) (string, error) {
	sum := sha256.New()
	for _, set := range sets {
		fmt.Fprintln(sum, set.Name)
		err := fs.WalkDir(set.Files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(set.Files, path)
			fmt.Fprintf(sum, "%s\n%s\n", path, data)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("read migrations of %s: %w", set.Name, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:12]), nil
}

func databaseURL(t testing.TB, admin, name string) string {
	t.Helper()
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("parse DATABASE_URL: %v", err)
	}
	u.Path = "/" + name
	return u.String()
}

func drop(t testing.TB, admin, name string) {
	t.Helper()
	ctx := context.Background() // the test's own context has ended
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Errorf("connect to drop %s: %v", name, err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
		t.Errorf("drop %s: %v", name, err)
	}
}
