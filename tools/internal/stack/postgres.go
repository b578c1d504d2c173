package stack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const superuser = "boxoffice"

// Postgres is a private cluster with its own data folder and port. It listens on loopback only.
type Postgres struct {
	// URL connects as superuser.
	URL string

	bin      string  // folder of the binaries
	program  program // without cmd, which each start creates
	data     string
	password string
	args     []string
	owner    *syscall.Credential
	proc     *process
}

// newPostgres returns the cluster in the folder. Start creates it. A fast cluster survives kill -9 but not a power cut.
func newPostgres(dir, bin, password string, fast bool, ports *ports) (*Postgres, error) {
	owner, err := postgresOwner()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of Postgres: %w", err)
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, fmt.Errorf("change owner of Postgres's folder: %w", err)
		}
	}
	port, err := ports.choose()
	if err != nil {
		return nil, fmt.Errorf("choose port of Postgres: %w", err)
	}
	data := filepath.Join(dir, "data")
	p := &Postgres{
		URL: (&url.URL{
			Scheme: "postgres", User: url.UserPassword(superuser, password), Host: Local(port),
			Path: "postgres", RawQuery: "sslmode=disable",
		}).String(),
		program: program{
			name: "postgres", dir: dir, marker: data,
			end: syscall.SIGINT, orphan: syscall.SIGINT, timeout: 20 * time.Second, // fast shutdown
		},
		bin: bin, data: data, password: password, owner: owner,
		args: []string{
			"-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", "", // no socket: its path could be too long
			"-c", "max_connections=400", "-c", "timezone=UTC",
		},
	}
	if fast {
		p.args = append(p.args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	return p, nil
}

// initialise creates the cluster unless it exists. It uses another name first, so that a cluster that exists is
// complete.
func (p *Postgres) initialise(ctx context.Context) error {
	if _, err := os.Stat(p.data); err == nil {
		return nil
	}
	draft := p.data + ".draft"
	if err := os.RemoveAll(draft); err != nil {
		return fmt.Errorf("remove unfinished cluster: %w", err)
	}
	passwordFile := filepath.Join(p.program.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(p.password), 0o600); err != nil {
		return fmt.Errorf("write password of Postgres: %w", err)
	}
	defer os.Remove(passwordFile) //nolint:errcheck // the folder is private
	if p.owner != nil {
		if err := os.Chown(passwordFile, int(p.owner.Uid), int(p.owner.Gid)); err != nil {
			return fmt.Errorf("write password of Postgres: %w", err)
		}
	}
	cmd := p.command(exec.CommandContext(ctx, filepath.Join(p.bin, "initdb"), "-D", draft, "-U", superuser,
		"--auth=scram-sha-256", "--pwfile="+passwordFile, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := os.Rename(draft, p.data); err != nil {
		return fmt.Errorf("rename new cluster: %w", err)
	}
	return nil
}

func (p *Postgres) command(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir = p.program.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.program.dir, "LC_ALL=C.UTF-8"}
	if p.owner != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	}
	return cmd
}

// postgresOwner returns the user that runs Postgres: nil for the current one. Postgres does not run as root, so root
// needs another one.
func postgresOwner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil is the current user, as in package exec
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.LookupId("65534") // the overflow user, which most systems have
	}
	if err != nil {
		return nil, fmt.Errorf("find a user to run Postgres, which cannot run as root: %w", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("look up user %s: %w", u.Username, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// Start starts the server and waits until it accepts connections. It does nothing when the server is running.
func (p *Postgres) Start(ctx context.Context) error {
	if p.proc != nil && p.proc.running() {
		return nil
	}
	if err := p.initialise(ctx); err != nil {
		return err
	}
	// The children of a killed server end a moment later. Until then, no new server starts.
	const attempts = 50
	var err error
	for range attempts {
		if err = p.start(ctx); err == nil || ctx.Err() != nil || p.proc == nil || p.proc.running() {
			return err
		}
	}
	return err
}

func (p *Postgres) start(ctx context.Context) error {
	p.program.cmd = p.command(exec.Command(filepath.Join(p.bin, "postgres"), p.args...))
	var err error
	if p.proc, err = p.program.run(); err != nil {
		return err
	}
	return p.proc.await(ctx, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, p.URL)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// Stop ends the server gracefully and rolls back open transactions.
func (p *Postgres) Stop() error {
	if p.proc == nil {
		return nil
	}
	return p.proc.stop()
}

// Kill ends the server with kill -9. Start recovers the data.
func (p *Postgres) Kill() error {
	if p.proc == nil {
		return nil
	}
	return p.proc.kill()
}

// findPostgres returns the folder with the binaries of the newest installed version.
func findPostgres() (string, bool) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") //nolint:errcheck // the pattern is well-formed
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, path)
		}
	}
	for _, initdb := range found {
		bin := filepath.Dir(initdb)
		if _, err := os.Stat(filepath.Join(bin, "postgres")); err == nil {
			return bin, true
		}
	}
	return "", false
}

// version returns 15 for /usr/lib/postgresql/15/bin/initdb.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) //nolint:errcheck // 0 sorts last
	return n
}

// database names the database and role of one service.
type database struct{ name, password string }

// createDatabases creates a role and a database of the same name for each entry. The role owns the database and no
// other may connect to it. Existing ones are kept, with a new password.
func createDatabases(ctx context.Context, admin string, databases []database) (err error) {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect to create databases: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, d := range databases {
		if err := d.create(ctx, conn); err != nil {
			return fmt.Errorf("create database %s: %w", d.name, err)
		}
	}
	return nil
}

func (d database) create(ctx context.Context, conn *pgx.Conn) error {
	var role, db bool
	err := conn.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1), EXISTS (SELECT FROM pg_database WHERE datname = $1)`,
		d.name).Scan(&role, &db)
	if err != nil {
		return err
	}
	// DDL has no parameters. The names are constants and the password is hexadecimal.
	name := pgx.Identifier{d.name}.Sanitize()
	var statements []string
	if !role {
		statements = append(statements, "CREATE ROLE "+name, "GRANT "+name+" TO CURRENT_USER")
	}
	statements = append(statements, "ALTER ROLE "+name+" LOGIN PASSWORD '"+d.password+"'")
	if !db {
		statements = append(statements, "CREATE DATABASE "+name+" OWNER "+name)
	}
	statements = append(statements, "REVOKE ALL ON DATABASE "+name+" FROM PUBLIC")
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// url returns the URL of the database on the cluster.
func (d database) url(cluster string) (string, error) {
	u, err := url.Parse(cluster)
	if err != nil {
		return "", fmt.Errorf("parse database URL: %w", err)
	}
	u.User = url.UserPassword(d.name, d.password)
	u.Path = "/" + d.name
	return u.String(), nil
}
